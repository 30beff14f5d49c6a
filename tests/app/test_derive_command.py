"""`minidl derive`: from a line of text to a derivation."""

import re

import pytest
from typer.testing import CliRunner

from minidl.app.main import app
from minidl.errors import GraphError, UsageError

AFFINE = ["z = norm(W @ x + b)**2", "W=[[1,2],[3,-1]]", "x=[1,-1]", "b=[0.5,-2]"]


def derive(*arguments):
    return CliRunner().invoke(app, ["derive", *map(str, arguments)], catch_exceptions=True)


def test_the_affine_norm_of_the_lecture():
    result = derive(*AFFINE)
    assert result.exit_code == 0, result.output
    assert "∂z/∂W = (∂z/∂u)xᵀ = 2vxᵀ = 2(Wx + b)xᵀ" in result.stdout
    assert "[[−1, 1], [4, −4]]" in result.stdout


def test_latex_is_printed():
    result = derive(*AFFINE, "--latex")
    assert result.exit_code == 0, result.output
    assert r"\begin{align*}" in result.stdout
    assert "∂" not in result.stdout


def test_only_what_is_asked_for():
    result = derive("f = (x + y) * z", "x=-2", "y=5", "z=-4", "--wrt", "z")
    assert "∂f/∂z = q = x + y = 3" in result.stdout
    assert "∂f/∂x" not in result.stdout


@pytest.mark.parametrize("suffix", ["tex", "txt", "md"])
def test_it_is_written_to_a_file(tmp_path, suffix):
    path = tmp_path / f"affine.{suffix}"
    result = derive(*AFFINE, "-o", path)
    assert result.stdout == f"wrote {path}\n"
    assert "z" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (["y = 2 * x", "x=[1,2]"], UsageError, "shape"),
        (["y = x * x", "x=2", "--wrt", "k"], UsageError, "no 'k'"),
        (["y = x * x"], UsageError, "x"),
        (["y = x +", "x=1"], UsageError, ""),
        (["y = x * x", "x=1", "-o", "y.svg"], UsageError, r"\.tex"),
        (["y = " + "sin(" * 41 + "x" + ")" * 41, "x=1"], (GraphError, UsageError), ""),
    ],
)
def test_what_is_refused(arguments, error, match):
    result = derive(*arguments)
    assert isinstance(result.exception, error), result.output
    assert re.search(match, str(result.exception))
