"""Real processes, real signals: Ctrl-C, Ctrl-C twice, kill -9, and a dashboard in a real pseudo-terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pseudo-terminals are POSIX's")

TRAIN = [sys.executable, "-m", "minidl", "train"]
SHORT = ["--epochs", "4", "--batch", "64"]
"""Options of a run of 18 steps an epoch."""


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "COLUMNS": "80", "LINES": "24"}


def start(folder: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*TRAIN, *options],
        cwd=folder,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def read_until(process: subprocess.Popen[str], text: str) -> str:
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if text in line:
            return seen
    raise AssertionError(f"{text!r} never came:\n{seen}")


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, _ = process.communicate(timeout=120)
    return process.returncode, out


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole")
    status, out = finish(start(folder, *SHORT, "--out", "run"))
    assert status == 0, out
    return folder / "run"


def interrupt(process: subprocess.Popen[str]) -> None:
    """What a terminal does at Ctrl-C: the signal goes to the command and to every process it started."""
    os.killpg(process.pid, signal.SIGINT)


def interrupt_many_times(process: subprocess.Popen[str]) -> None:
    for _ in range(20):
        interrupt(process)
        time.sleep(0.004)


@pytest.mark.parametrize("disturb", [interrupt, interrupt_many_times])
def test_ctrl_c_stops_after_the_step_and_resume_equals_the_undisturbed_run(
    tmp_path: Path, whole: Path, disturb: Callable[[subprocess.Popen[str]], None]
) -> None:
    process = start(tmp_path, *SHORT, "--out", "run")
    read_until(process, "epoch 2/4")
    disturb(process)
    status, out = finish(process)
    assert status == 130, out
    assert "to go on: minidl train --resume run" in out
    assert "Traceback" not in out
    assert not list(tmp_path.rglob("*.part"))
    status, out = finish(start(tmp_path, "--resume", "run"))
    assert status == 0, out
    assert "going on in run, from step" in out
    for name in ("metrics.csv", "model.safetensors", "result.json"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes(), name


def test_kill_leaves_the_last_complete_checkpoint(tmp_path: Path, whole: Path) -> None:
    process = start(tmp_path, *SHORT, "--out", "run")
    read_until(process, "epoch 2/4")
    process.kill()
    finish(process)
    status, out = finish(start(tmp_path, "--resume", "run", "--quiet"))
    assert status == 0, out
    for name in ("metrics.csv", "model.safetensors", "result.json"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes(), name


@pytest.mark.parametrize("lines", [1, 5])
def test_a_reader_who_leaves_does_not_end_the_run(tmp_path: Path, whole: Path, lines: int) -> None:
    process = subprocess.Popen(
        [*TRAIN, *SHORT, "--out", "run"],
        cwd=tmp_path,
        env=environment(),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    for _ in range(lines):
        assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=120) == 0
    for name in ("metrics.csv", "model.safetensors", "result.json"):
        assert (tmp_path / "run" / name).read_bytes() == (whole / name).read_bytes(), name
    assert (tmp_path / "run" / "report.html").exists()


def test_the_dashboard_in_a_real_pseudo_terminal(tmp_path: Path) -> None:
    import pty

    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*TRAIN, "--epochs", "2"], cwd=tmp_path, env=environment() | {"TERM": "xterm"},
        stdin=terminal, stdout=terminal, stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    received = b""
    try:
        while chunk := os.read(controller, 65536):
            received += chunk
    except OSError:
        pass  # how Linux reports that the other side has closed
    finally:
        os.close(controller)
    text = received.decode("utf-8")
    assert process.wait(timeout=60) == 0, text
    for part in ("epoch 2 of 2", "gradient norm of each layer", "learning rate", "100%", "test accuracy", "\x1b["):
        assert part in text
    assert text.endswith("\x1b[?25h") or text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is back
