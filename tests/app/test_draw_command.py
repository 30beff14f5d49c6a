"""`minidl draw`: from a line of text to a file."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from minidl.app.draw import EXAMPLES
from minidl.app.main import app
from minidl.errors import UsageError

CIRCUIT = ["f = (x + y) * z", "x=-2", "y=5", "z=-4"]


def draw(*arguments):
    return CliRunner().invoke(app, ["draw", *map(str, arguments)], catch_exceptions=True)


def refused(*arguments):
    result = draw(*arguments)
    assert isinstance(result.exception, UsageError), result.output
    return str(result.exception)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("suffix", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG"), ("dot", b"digraph")]
)
def test_the_circuit_of_the_lecture(folder, suffix, start):
    result = draw(*CIRCUIT, "-o", folder / f"circuit.{suffix}")
    assert result.exit_code == 0, result.output
    assert (folder / f"circuit.{suffix}").read_bytes().startswith(start)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["z", "−4", "3"] in lines
    assert ["f", "=", "q·z", "−12", "1"] in lines
    assert f"wrote {folder / f'circuit.{suffix}'}" in result.stdout


def test_the_affine_norm_of_the_lecture(folder):
    result = draw("z = norm(W @ x + b)**2", "W=[[1,2],[3,-1]]", "x=[1,-1]", "b=[0.5,-2]", "-o", "affine.pdf")
    assert result.exit_code == 0, result.output
    assert "u = Wx" in result.stdout
    assert "v = u + b" in result.stdout
    assert "[[−1, 1], [4, −4]]" in result.stdout
    assert (folder / "affine.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("p = u * v; f = sum(p)", "p = u ⊙ v"),
        ("f = u @ v", "f = u·v"),
        ("f = u.T @ v", "f = uᵀv"),
        ("p = 2 * u + v; f = sum(p)", "h = 2·u"),
    ],
)
def test_products_are_written_as_a_textbook_writes_them(folder, text, row):
    result = draw(text, "u=[1,2]", "v=[3,4]", "-o", "f.dot")
    assert result.exit_code == 0, result.output
    assert row in [line.split("  ")[0] for line in result.stdout.splitlines()]


def test_names_of_several_letters_are_kept_apart(folder):
    result = draw("s = sum(W_out @ h)", "W_out=[[1,2],[3,4]]", "h=[1,2]", "-o", "f.dot")
    assert "u = W_out\u2009h" in result.stdout


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_drawn_under_its_own_name(folder, name):
    result = draw("--example", name)
    assert result.exit_code == 0, result.output
    assert [path.name for path in folder.iterdir()] == [f"{name}.svg"]


def test_the_vanishing_gradient_is_the_engines_own(folder):
    result = draw("--example", "vanishing", "-o", "v.dot")
    assert "1.272×10⁻¹³" in result.stdout
    assert "layout=nop2" in (folder / "v.dot").read_text(encoding="utf-8")


def test_a_folder_gets_a_file_named_after_the_result(folder):
    (folder / "figures").mkdir()
    assert draw(*CIRCUIT, "-o", "figures").exit_code == 0
    assert (folder / "figures" / "f.svg").exists()


def test_an_expression_may_begin_with_a_minus_sign(folder):
    assert draw("-o", "m.svg", "--", "-x * y", "x=-1", "y=2").exit_code == 0
    assert (folder / "m.svg").exists()


def test_gradients_can_be_left_out(folder):
    result = draw("y = W @ x", "W=[[1,2],[3,4]]", "x=[1,1]", "--no-grads", "-o", "y.dot")
    assert result.exit_code == 0, result.output
    assert "gradient" not in result.stdout
    assert "#c62828" not in (folder / "y.dot").read_text(encoding="utf-8")


def test_themes_are_named(folder):
    assert draw(*CIRCUIT, "--theme", "colorblind", "-o", "c.dot").exit_code == 0
    assert "#0072b2" in (folder / "c.dot").read_text(encoding="utf-8")
    assert "light, dark, print, colorblind" in refused(*CIRCUIT, "--theme", "neon")


def test_without_an_engine_the_source_is_written_and_said(folder, monkeypatch):
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "none")
    result = draw(*CIRCUIT, "-o", "circuit.pdf")
    assert result.exit_code == 0, result.output
    assert [path.name for path in folder.iterdir()] == ["circuit.dot"]
    assert "pip install" in result.stderr
    assert "wrote circuit.dot" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "give an expression"),
        (("--example", "nope"), "circuit, affine, neuron, vanishing"),
        (("x + y", "--example", "circuit"), "not both"),
        (("x ^ 2", "x=1"), r"write **"),
        (("x + y", "x=1"), "y has no value"),
        (("x * 2", "x=1", "z=3"), "z has a value but no place"),
        (("y = W @ x", "W=[[1,2],[3,4]]", "x=[1,1]"), "--no-grads"),
        ((*CIRCUIT, "-o", "f.gif"), ".svg, .pdf, .png, .html, .tex, .dot"),
        ((*CIRCUIT, "-o", "f"), "no ending"),
        (("x", "x=1"), "x"),
    ],
)
def test_bad_requests_are_refused_and_leave_nothing(folder, arguments, reason):
    if arguments == ("x", "x=1"):
        assert "given, not computed" in str(draw(*arguments).exception)
    else:
        assert reason in refused(*arguments)
    assert list(folder.iterdir()) == []


def test_an_old_figure_survives_a_failed_one(folder):
    (folder / "f.svg").write_text("old", encoding="utf-8")
    assert draw("x + y", "x=1", "-o", "f.svg").exit_code != 0
    assert (folder / "f.svg").read_text(encoding="utf-8") == "old"


def test_as_a_process_it_writes_to_a_pipe_within_80_columns(tmp_path):
    environment = {**os.environ, "COLUMNS": "80", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "minidl", "draw", *CIRCUIT, "-o", str(tmp_path / "f.svg")],
        capture_output=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode("utf-8")
    assert "−12" in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines()[:-1])) <= 80
    assert done.stderr == b""


def test_as_a_process_a_mistake_is_one_message_and_status_2(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "minidl", "draw", "x ^ 2", "x=1"], capture_output=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert done.stderr.decode("utf-8").splitlines()[-2:] == ["    x ^ 2", "      ^"]


@pytest.mark.parametrize(("name", "start"), [("deck.pdf", b"%PDF"), ("deck.html", b"<!"), ("deck.gif", b"GIF89a")])
def test_a_deck_is_written_in_every_form(folder, name, start):
    result = draw(*CIRCUIT, "--deck", name)
    assert result.exit_code == 0, result.output
    assert (folder / name).read_bytes().lower().startswith(start.lower())
    assert "9 frames" in result.stdout
    beside = {"deck-beamer.tex"} if name == "deck.pdf" else set()
    assert {path.name for path in folder.iterdir()} == {name} | beside


def test_a_deck_in_a_folder_asks_first_on_request(folder):
    result = draw(*CIRCUIT, "--deck", "frames", "--predict", "--theme", "dark")
    assert result.exit_code == 0, result.output
    names = sorted(path.name for path in (folder / "frames").iterdir())
    assert names[0] == "frame-01.svg"
    assert names[-1] == "narration.md"
    assert len(names) == 16
    assert "What does × send back to q?" in (folder / "frames" / "narration.md").read_text(encoding="utf-8")


def test_deck_and_figure_are_written_together(folder):
    assert draw(*CIRCUIT, "--deck", "d.html", "-o", "f.svg").exit_code == 0
    assert {path.name for path in folder.iterdir()} == {"d.html", "f.svg"}


def test_the_zoom_is_chosen_on_the_command_line(folder):
    affine = ["z = norm(W @ x + b)**2", "W=[[1,2],[3,-1]]", "x=[1,-1]", "b=[0.5,-2]"]
    assert draw(*affine, "--level", "scalar", "-o", "s.dot").exit_code == 0
    assert (folder / "s.dot").read_text(encoding="utf-8").count(">×<") == 4
    assert draw(*affine, "--expand", "u", "--symbols", "--direction", "TB", "-o", "t.dot").exit_code == 0
    assert "rankdir=TB" in (folder / "t.dot").read_text(encoding="utf-8")
    assert "is called 'nope'" in refused(*affine, "--expand", "nope")
    assert "add --deck" in refused(*affine, "--predict")
    assert "no level 'atom'" in refused(*affine, "--level", "atom")
