"""`minidl draw … --quiz`: the questions in a terminal, in a pipe, and interrupted."""

import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console
from typer.testing import CliRunner

import minidl
import viz
from minidl.app.main import app
from minidl.app.quiz import INTERRUPTED, take
from minidl.errors import UsageError

CIRCUIT = ["f = (x + y) * z", "x=-2", "y=5", "z=-4"]
RIGHT = ["3", "−12", "-4", "3", "-4", "-8/2"]


def deck():
    x, y, z = (minidl.scalar(v, name=n) for v, n in [(-2.0, "x"), (5.0, "y"), (-4.0, "z")])
    return viz.frames(((x + y) * z).named("f"), predict=True)


def played(lines, of=None, **console):
    """What is written, line by line, and the exit status; the lines run out as a pipe does."""
    given = iter(lines)

    def ask(prompt):
        line = next(given, EOFError)
        if isinstance(line, type):
            raise line
        return line

    out = io.StringIO()
    status = take(of or deck(), ask, Console(file=out, width=80, highlight=False, markup=False, emoji=False, **console))
    return [line.strip() for line in out.getvalue().splitlines()], status


def test_who_answers_right_sees_every_step_and_a_full_score():
    lines, status = played(RIGHT)
    assert status == 0
    assert lines[0] == "Forward and backward pass of f: 6 questions."
    assert lines.count("Right.") == 6
    for frame in deck():
        assert (frame.step in lines) == (not frame.question), frame.step
    assert lines[-1] == "6 questions: 6 right at once."


def test_no_number_is_shown_before_it_is_asked_for():
    lines, _ = played(["q"])
    assert lines[-3:] == ["What is q = x + y?", "", "0 of 6 questions: 0 right at once."]
    assert not any("= 3" in line for line in lines)


def test_a_wrong_answer_is_diagnosed_and_tried_again():
    lines, _ = played(["7", "three", "3", *RIGHT[1:]])
    at = lines.index("What is q = x + y?")
    assert lines[at + 1 : at + 4] == [
        "Look again at the sign of x: x is negative.",
        "That cannot be read as a number. Write it like −0.5, 1/2 or 1e-3.",
        "Right.",
    ]
    assert lines[-1] == "6 questions: 5 right at once, 1 right in the end."


def test_what_cannot_be_read_and_a_hint_do_not_count():
    lines, _ = played(["?", "three", *RIGHT])
    assert "Put the numbers in: q = (−2) + 5." in lines
    assert lines[-1] == "6 questions: 6 right at once."


def test_enter_alone_shows_the_answer():
    lines, status = played(["", "1", "", *RIGHT[2:]])
    assert lines[lines.index("What is q = x + y?") + 1] == "q = x + y = 3"
    assert lines[-1] == "6 questions: 4 right at once, 2 shown."
    assert status == 0


@pytest.mark.parametrize(("end", "status"), [("q", 0), ("QUIT", 0), (EOFError, 0), (KeyboardInterrupt, INTERRUPTED)])
def test_whoever_stops_gets_the_score_so_far(end, status):
    lines, found = played(["3", end])
    assert lines[-1] == "1 of 6 questions: 1 right at once."
    assert found == status


def test_large_arrays_are_shown_without_a_question():
    X = minidl.tensor([[1.0, 2.0, 3.0, 4.0]] * 3, requires_grad=True, name="X")
    lines, _ = played([""] * 9, viz.frames((X * X).sum().named("s"), predict=True))
    assert any("12 numbers" in line or "3×4 numbers" in line or line.startswith("U = X ⊙ X") for line in lines)
    assert not any(line.startswith("What is U") for line in lines)
    assert lines[-1] == "1 question: 0 right at once, 1 shown."


def test_long_sentences_are_broken_at_80_columns_and_names_are_words():
    x = minidl.scalar(2.0, name="[red]a name that is rather long[/red]")
    lines, _ = played(["77", ""] * 9, viz.frames((x.sin() * x.exp()).named("[bold]f"), predict=True))
    assert max(map(len, lines)) <= 80
    assert any("[red]" in line for line in lines)


def test_colours_are_names_and_only_in_a_terminal(monkeypatch):
    assert not any("\x1b" in line for line in played(RIGHT)[0])
    monkeypatch.delenv("NO_COLOR", raising=False)
    colored, _ = played(RIGHT, force_terminal=True, color_system="standard")
    assert any("\x1b[32m" in line for line in colored)
    monkeypatch.setenv("NO_COLOR", "1")
    plain, _ = played(RIGHT, force_terminal=True)
    assert not any(re.search(r"\x1b\[[0-9;]*3[0-7]", line) for line in plain)


def test_as_a_command_it_reads_a_pipe():
    result = CliRunner().invoke(app, ["draw", *CIRCUIT, "--quiz"], input="\n".join(RIGHT) + "\n")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "6 questions: 6 right at once."
    assert "answer: 3\n" in result.stdout  # what was typed is repeated


@pytest.mark.parametrize("redirection", ["</dev/null", "<&-", "<<< $'\\xff\\xfe'"])
def test_without_a_keyboard_it_ends_cleanly_and_needs_no_graphviz(redirection):
    command = f"{sys.executable} -m minidl draw 'f = x * y' x=2 y=3 --quiz {redirection}"
    environment = {**os.environ, "MINIDL_GRAPHVIZ": "none", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(["bash", "-c", command], capture_output=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert done.stdout.decode().splitlines()[-1] == "0 of 3 questions: 0 right at once."


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((*CIRCUIT, "--quiz", "-o", "f.svg"), "leave out --output"),
        ((*CIRCUIT, "--quiz", "--deck", "f.html"), "leave out --output"),
        (("y = W @ x", "W=[[1,2],[3,4]]", "x=[1,1]", "--quiz", "--no-grads"), "gradients are those of one number"),
    ],
)
def test_bad_requests_are_refused(arguments, reason):
    result = CliRunner().invoke(app, ["draw", *arguments])
    assert isinstance(result.exception, UsageError)
    assert reason in str(result.exception)


def test_in_a_real_terminal_ctrl_c_ends_it_cleanly():
    primary, secondary = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80"}
    process = subprocess.Popen(
        [sys.executable, "-m", "minidl", "draw", *CIRCUIT, "--quiz"],
        stdin=secondary, stdout=secondary, stderr=secondary, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(secondary)
    seen = b""

    def wait_for(words, times=1):
        nonlocal seen
        end = time.monotonic() + 60
        while seen.count(words) < times:
            ready, _, _ = select.select([primary], [], [], max(0, end - time.monotonic()))
            assert ready, seen
            seen += os.read(primary, 4096)

    try:
        wait_for(b"answer: ")
        os.write(primary, b"3\n")
        wait_for(b"answer: ", 2)
        time.sleep(0.2)  # until it waits for a key
        process.send_signal(signal.SIGINT)
        wait_for(b"1 of 6 questions")
        assert process.wait(30) == INTERRUPTED
        assert b"Traceback" not in seen
    finally:
        process.kill()
        process.wait()
        os.close(primary)
