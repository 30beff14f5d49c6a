"""What a sweep shows: a bar where one can be drawn, a line a run everywhere."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from minidl.sweeps import Callback, Failure, Results, Run, RunDone, SweepEnded, SweepStarted, WorkerDied, show_progress
from minidl.sweeps.configurations import Configuration

CONFIGURATIONS: list[Configuration] = [{"lr": 0.1 / 3, "model": "mlp", "seed": s} for s in range(3)]


def play(show: Callback) -> None:
    show(SweepStarted(CONFIGURATIONS, 1, None))
    values = {"train_loss": 0.25, "validation_accuracy": 0.975, "epoch": 3, "step": 7}
    show(RunDone(Run(2, CONFIGURATIONS[2], values, seconds=12.34)))
    show(WorkerDied("a worker process was ended by SIGKILL", [0, 1]))
    show(RunDone(Run(1, CONFIGURATIONS[1], None, Failure("builtins.ValueError", "[no]\nbecause"), 0.5)))
    show(SweepEnded(Results([]), True))


def test_lines_in_a_pipe_name_what_differs_and_the_first_values() -> None:
    out = io.StringIO()
    play(show_progress(Console(file=out, width=40)))
    assert out.getvalue().splitlines() == [
        "3 runs; 1 done before",
        "2/3  seed=2  train loss 0.25  validation accuracy 97.50%  epoch 3  (12.3 s)",
        "a worker process was ended by SIGKILL; 2 runs will be tried again, one at a time",
        "3/3  seed=1  failed: ValueError: [no]  (0.5 s)",
    ]


def test_the_values_that_are_asked_for() -> None:
    out = io.StringIO()
    play(show_progress(Console(file=out), measures=["step", "nothing"]))
    assert "2/3  seed=2  step 7  (12.3 s)" in out.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 20])
def test_a_bar_on_a_terminal_with_the_lines_above_it(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=width, _environ={"TERM": "xterm-256color"})
    play(show_progress(console))
    text = out.getvalue()
    assert "3/3" in text
    assert "1 failed" in text or width < 80
    assert "train loss 0.25" in text.replace("\n", "")
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor is back


def test_lines_on_a_terminal_where_they_are_asked_for() -> None:
    out = io.StringIO()
    play(show_progress(Console(file=out, force_terminal=True, width=80), plain=True))
    assert "\x1b" not in out.getvalue()
