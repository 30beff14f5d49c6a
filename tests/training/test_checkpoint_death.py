"""Whatever kills the process, and whatever the disk refuses, leaves the last complete checkpoint."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.errors import CheckpointError
from minidl.training import load_checkpoint, save_checkpoint


def small(step: int) -> dict[str, Any]:
    return {"step": step, "x": np.float32([step, 1])}


def holds(path: Path, step: int) -> bool:
    found = load_checkpoint(path)
    return bool(found["step"] == step and found["x"].tolist() == [step, 1] and len(found) == 2)


class Killed(BaseException):
    """What the process would be."""


class FileSystem:
    """Counts the calls that change a disk and lets the one numbered `fatal` fail: with an error, or as the last act.

    After a death every further call fails without any effect, the ones that would clean up included, as the process would
    be gone. Writing is two calls, each of half the data.
    """

    CALLS = ((tempfile, "mkstemp"), (os, "fsync"), (os, "chmod"), (os, "replace"), (os, "unlink"), (os, "mkdir"))

    def __init__(self, patch: pytest.MonkeyPatch, fatal: int, error: OSError | None = None) -> None:
        self.calls, self.fatal, self.error = 0, fatal, error
        for module, name in self.CALLS:
            patch.setattr(module, name, self._counted(getattr(module, name)))
        real = os.fdopen

        def fdopen(handle: int, mode: str) -> Any:
            file = real(handle, mode, buffering=0)
            write = self._counted(file.write)
            return Halves(file, write)

        patch.setattr(os, "fdopen", fdopen)

    def _counted(self, real: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == self.fatal or (self.calls > self.fatal and self.error is None):
                raise self.error or Killed
            return real(*args, **kwargs)

        return call


class Halves:
    """A file that is written in two goes."""

    def __init__(self, file: Any, write: Any) -> None:
        self.file, self._write = file, write

    def __enter__(self) -> Halves:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def write(self, data: bytes) -> None:
        self._write(data[: len(data) // 2])
        self._write(data[len(data) // 2 :])

    def flush(self) -> None: ...

    def fileno(self) -> int:
        return int(self.file.fileno())


def calls_of_a_save(folder: Path, step: int, name: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        disk = FileSystem(patch, fatal=10**9)
        save_checkpoint(folder, small(step), name)
    return disk.calls


@pytest.fixture
def with_two(tmp_path: Path) -> Path:
    save_checkpoint(tmp_path / "run", small(1), "best")
    save_checkpoint(tmp_path / "run", small(2))
    return tmp_path / "run"


FIRST = 14 + (os.name == "posix")  # elsewhere no folder is opened
NEXT = FIRST + 1
"""The calls of a first save, and of one that has a predecessor, whose arrays it deletes."""

FOLDER, PLACED = (1, 8), 14
"""The calls that make the folder, and the one by which the new index takes its place."""


def test_the_calls_of_a_save_are_counted(tmp_path: Path) -> None:
    """If these change, the tests below must look further."""
    assert calls_of_a_save(tmp_path, 1, "checkpoint") == FIRST
    assert calls_of_a_save(tmp_path, 2, "checkpoint") == NEXT


@pytest.mark.parametrize("name", ["checkpoint", "best"])
@pytest.mark.parametrize("fatal", range(1, NEXT + 1))
def test_death_at_any_call_leaves_the_old_or_the_new(with_two: Path, fatal: int, name: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        FileSystem(patch, fatal)
        with pytest.raises(Killed):
            save_checkpoint(with_two, small(3), name)
    old = {"checkpoint": 2, "best": 1}
    other = "best" if name == "checkpoint" else "checkpoint"
    assert holds(with_two / f"{other}.json", old[other])
    assert holds(with_two / f"{name}.json", 3 if fatal > PLACED else old[name]), "new once its index is in its place"
    save_checkpoint(with_two, small(4), name)
    assert holds(with_two / f"{name}.json", 4)
    assert len(list(with_two.iterdir())) == 4, "nothing is left of the dead"


@pytest.mark.parametrize("fatal", range(1, FIRST + 1))
def test_death_at_any_call_of_the_first_save(tmp_path: Path, fatal: int) -> None:
    folder = tmp_path / "run"
    with pytest.MonkeyPatch.context() as patch:
        FileSystem(patch, fatal)
        with pytest.raises(Killed):
            save_checkpoint(folder, small(1))
    if fatal <= PLACED:
        with pytest.raises(CheckpointError, match="no checkpoint here"):
            load_checkpoint(folder)
    else:
        assert holds(folder, 1)
    save_checkpoint(folder, small(2))
    assert holds(folder, 2)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("kind", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("failing", range(1, NEXT + 1))
def test_an_error_of_the_disk_at_any_call_leaves_the_old_or_the_new_and_no_rubbish(
    with_two: Path, failing: int, kind: int
) -> None:
    before = {path.name: path.read_bytes() for path in with_two.iterdir()}
    with pytest.MonkeyPatch.context() as patch:
        FileSystem(patch, failing, OSError(kind, os.strerror(kind)))
        harmless = failing > PLACED or failing in FOLDER  # it is there already
        with contextlib.nullcontext() if harmless else pytest.raises(OSError, match=os.strerror(kind)) as raised:
            save_checkpoint(with_two, small(3))
    if raised is not None:
        assert raised.value.filename is not None, "a person is told which file it was"
        assert {path.name: path.read_bytes() for path in with_two.iterdir()} == before
    assert holds(with_two, 3 if harmless else 2)
    save_checkpoint(with_two, small(4))
    assert len(list(with_two.iterdir())) == 4


SAVING = """
import sys, numpy as np
from minidl.training import save_checkpoint
for step in range(1, 10**9):
    x = np.full(40_000, step, np.float32)
    for name in ("best", "checkpoint"):
        save_checkpoint(sys.argv[1], {"step": step, "x": x, "pad": list(range(50 * (step % 7)))}, name)
    if step == 1:
        print("ready", flush=True)
"""


def test_kill_9_at_random_moments_leaves_complete_checkpoints(tmp_path: Path) -> None:
    rng = random.Random(5)
    for _ in range(4):
        process = subprocess.Popen([sys.executable, "-c", SAVING, str(tmp_path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        with process.stdout as out:
            assert out.readline() == b"ready\n"
            time.sleep(rng.random() * 0.05)
            process.kill()
            assert process.wait() == (-signal.SIGKILL if os.name == "posix" else 1)
        steps = []
        for name in ("best", "checkpoint"):
            found = load_checkpoint(tmp_path / f"{name}.json")
            assert (found["x"] == found["step"]).all()
            assert len(found["pad"]) == 50 * (found["step"] % 7)
            steps.append(found["step"])
        assert steps[0] - steps[1] in (0, 1)
        save_checkpoint(tmp_path, small(1))
        save_checkpoint(tmp_path, small(1), "best")
        assert len(list(tmp_path.iterdir())) == 3
