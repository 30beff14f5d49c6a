"""The sweep's own processes: spawned, of one thread each, replaced when they die."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from minidl import sweeps
from minidl.errors import UsageError
from minidl.sweeps import WorkerDied

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")


def quietly(function: Any, configurations: Any, **options: Any) -> sweeps.Results:
    return sweeps.sweep(function, configurations, **({"callbacks": ()} | options))


def environment() -> dict[str, str]:
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"PYTHONPATH": path}


def test_processes_share_the_work_and_end_with_it(jobs: ModuleType) -> None:
    results = quietly(jobs.square, sweeps.grid(x=range(6)), max_workers=2)
    assert results.values("y").tolist() == [x * x for x in range(6)]
    pids = set(results.values("pid").tolist())
    assert os.getpid() not in pids
    assert len(pids) <= 2
    assert not multiprocessing.active_children()


def test_failures_and_random_numbers_are_what_they_are_in_one_process(jobs: ModuleType) -> None:
    results = quietly(jobs.fussy, sweeps.grid(x=[2, 3]), max_workers=1)
    (failed,) = results.failures
    assert failed.failure is not None
    assert "two is not my number" in failed.failure.traceback
    from minidl.sweeps.outcome import execute

    configurations = sweeps.repeat(4, {})
    expected = [execute(jobs.draws, c, i).values for i, c in enumerate(configurations)]
    assert [run.values for run in quietly(jobs.draws, configurations, max_workers=2)] == expected


def test_each_process_keeps_to_one_thread_unless_it_is_told_otherwise(
    jobs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    assert quietly(jobs.threads, [{}])[0].values == {"numba": 1, "blas": 1}
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "1")
    assert quietly(jobs.threads, [{}])[0].values == {"numba": 2, "blas": 1}


@posix
def test_a_run_that_kills_its_process_is_found_and_the_others_lose_nothing(jobs: ModuleType, tmp_path: Path) -> None:
    events: list[Any] = []
    results = quietly(
        jobs.deadly, sweeps.grid(x=[1, 2, 3, 4]), max_workers=2, folder=tmp_path, callbacks=[events.append]
    )
    assert results.values("y").tolist() == [1, 3, 4]
    (failed,) = results.failures
    assert failed.configuration == {"x": 2}
    assert failed.failure is not None
    assert failed.failure.type == "WorkerDied"
    assert "ended by SIGKILL, as the system does when memory runs out while it ran this alone" in failed.failure.message
    (died,) = [event for event in events if isinstance(event, WorkerDied)]
    assert 1 in died.again
    assert "SIGKILL" in died.how
    assert not multiprocessing.active_children()
    assert str(sweeps.load_results(tmp_path)) == str(results)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_process_that_the_system_ends_loses_nothing(jobs: ModuleType, tmp_path: Path, workers: int) -> None:
    events: list[Any] = []
    configurations = sweeps.grid(x=[0, 1, 2, 3], mark=[str(tmp_path / "mark")])
    results = quietly(jobs.killed_once, configurations, max_workers=workers, callbacks=[events.append])
    assert results.complete
    (died,) = [event for event in events if isinstance(event, WorkerDied)]
    assert "exit code 9" in died.how
    assert 1 in died.again
    assert len(died.again) <= workers


def test_functions_that_no_process_can_import_are_refused(jobs: ModuleType, tmp_path: Path) -> None:
    def inner(setting: Any) -> dict[str, float]:
        return {}

    for function in (lambda setting: {}, inner):
        with pytest.raises(UsageError, match=r"cannot be sent to a worker process .*top level of a file"):
            quietly(function, [{}], folder=tmp_path / "none")
    with pytest.raises(UsageError, match="max_workers must be at least 1; got 0"):
        quietly(jobs.square, [{}], max_workers=0, folder=tmp_path / "none")
    assert not (tmp_path / "none").exists()


INTERACTIVE = """
from minidl import sweeps
def f(setting): return {"y": 1}
try:
    sweeps.sweep(f, [{}])
except Exception as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("how", ["-c", "-"])
def test_a_function_typed_into_a_session_is_refused_before_a_process_starts(how: str) -> None:
    arguments, typed = ([how, INTERACTIVE], None) if how == "-c" else ([how], INTERACTIVE)
    done = subprocess.run(
        [sys.executable, *arguments],
        input=typed,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith("UsageError worker processes cannot import f: it was typed"), done.stderr
    assert "put it in a file" in done.stdout


UNGUARDED = """
from minidl import sweeps
def f(setting): return {"y": 1}
sweeps.sweep(f, [{}, {}], callbacks=())
"""
IN_THE_GUARD = """
from minidl import sweeps
if __name__ == "__main__":
    def f(setting): return {"y": 1}
    sweeps.sweep(f, [{}, {}], callbacks=())
"""
GUARDED = """
from minidl import sweeps
def f(setting): return {"y": setting["x"]}
if __name__ == "__main__":
    print(sweeps.sweep(f, sweeps.grid(x=[1, 2]), folder="out", max_workers=1))
"""


@pytest.mark.parametrize("script", [UNGUARDED, pytest.param(IN_THE_GUARD, marks=pytest.mark.slow)])
def test_processes_that_cannot_start_are_reported_with_the_remedy(tmp_path: Path, script: str) -> None:
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "the worker processes cannot start" in done.stderr.splitlines()[-1]
    assert 'if __name__ == "__main__":' in done.stderr.splitlines()[-1]


def test_a_script_of_its_own_with_progress_in_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(GUARDED)
    command = [sys.executable, "script.py"]
    options: dict[str, Any] = {
        "cwd": tmp_path,
        "env": environment(),
        "capture_output": True,
        "text": True,
        "timeout": 60,
    }
    done = subprocess.run(command, check=True, **options)
    assert done.stdout == "x  y\n1  1\n2  2\n"
    lines = done.stderr.splitlines()
    assert lines[0] == "2 runs, kept in out"
    assert [line[: line.index(" (")].rstrip() for line in lines[1:]] == ["1/2  x=1  y 1", "2/2  x=2  y 2"]
    again = subprocess.run(command, check=True, **options)
    assert again.stdout == done.stdout
    assert again.stderr == "2 runs, kept in out; 2 done before\n"
