"""Real processes, real signals: Ctrl-C once and many times, kill -9 of the main process and of a worker from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from minidl import sweeps

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")

SCRIPT = """
import os, signal, time
from minidl import sweeps

def job(setting):
    with open("begun", "a") as file:
        print(setting["x"], os.getpid(), file=file)
    while setting["x"] >= 2 and not os.path.exists("go"):
        time.sleep(0.01)
    return {"y": setting["x"]}

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
    print(sweeps.sweep(job, sweeps.grid(x=range(6)), folder="out", max_workers=2), flush=True)
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "script.py").write_text(SCRIPT)
    return tmp_path


started: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def _leave_nothing_running() -> Iterator[None]:
    yield
    for process in started:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    started.clear()


def start(folder: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    started.append(process)
    return process


def begun(folder: Path) -> list[list[int]]:
    path = folder / "begun"
    return [[int(part) for part in line.split()] for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return not (status.exists() and "State:\tZ" in status.read_text())  # nobody may be there to bury an orphan


def two_hang(folder: Path) -> subprocess.Popen[str]:
    """Start the sweep, and return when the first two runs are kept and two others hang."""
    process = start(folder)
    wait_for(lambda: {2, 3} <= {x for x, _ in begun(folder)} and len(sweeps.load_results(folder / "out")) == 2)
    return process


def goes_on(folder: Path) -> None:
    """Run the script again to its end, and see that only what was not kept is run."""
    (folder / "begun").unlink()
    (folder / "go").touch()
    process = start(folder)
    out, progress = process.communicate(timeout=60)
    assert process.returncode == 0, progress
    assert out == "x  y\n" + "".join(f"{x}  {x}\n" for x in range(6))
    assert progress.startswith("6 runs, kept in out; 2 done before\n")
    assert sorted(x for x, _ in begun(folder)) == [2, 3, 4, 5]


@pytest.mark.parametrize("times", [1, pytest.param(5, marks=pytest.mark.slow)])
def test_ctrl_c_keeps_what_is_done_ends_the_rest_and_says_how_to_go_on(script: Path, times: int) -> None:
    process = two_hang(script)
    for _ in range(times):
        os.killpg(process.pid, signal.SIGINT)  # what a terminal does: the whole group gets it
        time.sleep(0.0005)
    out, errors = process.communicate(timeout=60)
    assert process.returncode in (-signal.SIGINT, 130), errors
    assert out == ""
    errors = errors.partition("Exception ignored in atexit")[0]  # the last signal may come when Python itself is ending
    assert errors.count("Traceback") == 1
    assert errors.rstrip().endswith(
        "KeyboardInterrupt: stopped by Ctrl-C; 2 of 6 runs are done and kept in out; the same sweep with the same folder "
        "goes on from there"
    )
    assert not any(alive(pid) for _, pid in begun(script))
    goes_on(script)


def test_kill_of_the_main_process_leaves_what_is_done_and_no_worker(script: Path) -> None:
    process = two_hang(script)
    process.kill()
    process.communicate(timeout=60)
    wait_for(lambda: not any(alive(pid) for _, pid in begun(script)))
    goes_on(script)


@pytest.mark.slow
def test_kill_of_a_worker_from_outside_loses_nothing(script: Path) -> None:
    process = two_hang(script)
    hanging = {x: pid for x, pid in begun(script) if x >= 2}
    os.kill(hanging[2], signal.SIGKILL)
    (script / "go").touch()
    out, progress = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out == "x  y\n" + "".join(f"{x}  {x}\n" for x in range(6))
    assert "a worker process was ended by SIGKILL" in progress
    assert "will be tried again, one at a time" in progress
    again = [pid for x, pid in begun(script)[4:] if x in hanging]
    assert again
    assert hanging[2] not in again  # the other worker may have finished its run before the pool was given up
