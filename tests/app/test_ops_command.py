"""`minidl ops`: the reference of operations is complete, true, and fits the terminal."""

import re
from pathlib import Path

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from minidl.app import reference
from minidl.app.main import app
from minidl.app.ops import as_markdown
from minidl.differences import DIFFERENCES
from minidl.errors import UsageError
from minidl.primitives import catalogue


def ops(*arguments, width=80):
    return CliRunner().invoke(app, ["ops", *map(str, arguments)], env={"COLUMNS": str(width), "NO_COLOR": "1"})


def test_a_page_as_a_textbook_would():
    shown = ops("tanh").output
    for line in ("y = tanh(x)", "∂y/∂x = 1 − y²", "torch.tanh", "(3, 4) → (3, 4)", "(tanh)──"):
        assert line in shown


def test_a_drawing_shows_the_kinks_and_ties():
    """At a tie each gets half; ReLU's slope at 0 is 0; what a chosen maximum leaves out gets nothing."""
    for name, slopes in (("maximum", ("[0 0.5 1]", "[1 0.5 0]")), ("relu", ("[0 0 1]",)), ("amax", ("[0 0.5 0 0.5]",))):
        assert all(f"← {row}" in ops(name).output for row in slopes)


def test_outputs_that_depend_on_each_other_are_drawn_one_by_one():
    shown = ops("softmax").output  # y₁(1 − y₁) = 0.25·0.75; the gradient of the sum would be 0
    assert "← [0.1875 −0.1875]" in shown
    assert "← [1 0]" in shown


def test_the_list_names_every_operation():
    shown = ops(width=160).output
    names = {line.split()[0] for line in shown.splitlines() if line.strip()}
    assert {op.name for op in catalogue.values()} <= names


@pytest.mark.parametrize("op", catalogue.values(), ids=lambda op: op.path)
def test_every_operation_has_a_page(op):
    page = reference.page(op)
    assert page.summary
    assert page.shapes
    assert page.formula
    assert not re.search(r"\{\w+\}", page.formula + "".join(page.derivatives)), "an argument was not filled in"
    assert page.derivatives or page.parts or page.kind.startswith("constant")
    result = ops(op.path)
    assert result.exit_code == 0, result.exception
    assert max(map(cell_len, result.output.splitlines())) <= 80
    example = result.output.rpartition("shapes")[2]
    assert re.search("──|→ .* = |gives", example), "neither a drawing nor numbers"


@pytest.mark.parametrize("width", [40, 80, 200])
def test_nothing_is_wider_than_the_terminal(width):
    for arguments in ((), ("matmul",), ("--differences",)):
        result = ops(*arguments, width=width)
        assert result.exit_code == 0, result.exception
        assert max(map(cell_len, result.output.splitlines())) <= width


def test_unknown_names_are_answered_with_near_ones():
    result = ops("tanhh")
    assert isinstance(result.exception, UsageError)
    assert "did you mean" in str(result.exception)


def test_an_example_as_a_figure(tmp_path):
    target = tmp_path / "tanh.svg"
    assert ops("tanh", "-o", target).exit_code == 0
    assert target.read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize("arguments", [("tanh", "--markdown"), ("-o", "x.svg"), ("--markdown", "--differences")])
def test_requests_that_contradict_themselves(arguments):
    assert isinstance(ops(*arguments).exception, UsageError)


def test_the_written_reference_is_up_to_date(repository: Path):
    written = (repository / "minidl" / "primitives" / "README.md").read_text(encoding="utf-8")
    assert written == as_markdown(), "run: minidl ops --markdown -o minidl/primitives/README.md"


def test_differences_are_listed():
    shown = ops("--differences", width=200).output
    assert all(d.name in shown and d.reason in shown for d in DIFFERENCES)


def test_the_readmes_example_is_what_is_printed(repository: Path):
    shown = "\n".join(line.rstrip() for line in ops("tanh").output.rstrip().splitlines())
    assert f"```text\n{shown}\n```" in (repository / "README.md").read_text(encoding="utf-8")
