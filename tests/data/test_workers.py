"""Worker processes: the same batches, ahead of time, whatever their number; and they end, whatever happens."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minidl import Generator
from minidl.data import DataLoader, ImageFolder, RandomWarp, digits
from minidl.errors import UsageError, WorkerError


def loader(workers: int, **options: object) -> DataLoader:
    data = digits().subset(np.arange(70))
    return DataLoader(
        data,
        16,
        shuffle=True,
        num_workers=workers,
        generator=Generator(4),
        transforms=[RandomWarp(1, 20, 1.2)],
        **options,
    )


def numbers(batches: object) -> list[tuple[list, list]]:
    return [(images.tolist(), labels.tolist()) for images, labels in batches]


@pytest.fixture(autouse=True)
def _no_workers_of_others() -> None:
    """Let go of loaders that earlier tests of this process still hold in a cycle, and of their workers."""
    gc.collect()


def children() -> list:
    return [process for process in multiprocessing.active_children() if process.name.startswith("minidl data worker")]


def test_batches_and_resuming_do_not_depend_on_the_number_of_workers() -> None:
    alone = loader(0)
    whole = [batch for _ in range(3) for batch in numbers(alone)]
    helped = loader(2, persistent_workers=True)
    assert numbers(helped) == whole[:5]
    assert len(children()) == 2
    for seen, _ in enumerate(helped, 1):
        state = helped.state_dict()
        if seen == 2:
            break  # batches that were made ahead must not turn up in the next loop
    assert numbers(helped) == whole[10:]
    del helped
    assert children() == []

    resumed = loader(0)
    resumed.load_state_dict(state)
    assert numbers(resumed) == whole[7:10]


def test_an_error_in_a_worker_brings_its_traceback_and_leaves_no_process(tmp_path: Path) -> None:
    from PIL import Image

    (tmp_path / "cat").mkdir()
    for name in ("a", "b"):
        Image.new("RGB", (4, 4)).save(tmp_path / "cat" / f"{name}.png")
    (tmp_path / "cat" / "c.png").write_bytes(b"no picture")
    loader = DataLoader(ImageFolder(tmp_path), num_workers=1, persistent_workers=True)
    batches = iter(loader)
    assert [next(batches)[0].shape for _ in range(2)] == [(1, 3, 4, 4)] * 2
    with pytest.raises(WorkerError, match=r"batch 2: DataError: .*c\.png cannot be read as a picture") as caught:
        next(batches)
    assert "folder.py" in str(caught.value)
    assert children() == []


def test_a_worker_that_dies_is_noticed_and_its_exit_code_told() -> None:
    three = digits().subset([3])
    three.target_transform = os._exit  # called with the label
    batches = DataLoader(three, num_workers=2, persistent_workers=True)
    with pytest.raises(WorkerError, match=r"worker 0 ended unexpectedly with exit code 3.*__main__"):
        list(batches)
    assert children() == []


def test_waiting_has_a_limit() -> None:
    batches = loader(1, timeout=0.01)  # a process takes longer than this to start
    with pytest.raises(WorkerError, match=r"not delivered batch 0 in 0\.01 seconds"):
        list(batches)
    assert children() == []


def test_what_cannot_be_sent_to_a_process_is_refused_with_advice() -> None:
    data = digits()
    data.transform = lambda image: image
    with pytest.raises(UsageError, match=r"top level of a module.*num_workers=0"):
        list(DataLoader(data, num_workers=2))
    assert children() == []


SCRIPT = """
import sys, time
import numpy as np
from minidl.data import DataLoader, Dataset, get_worker_info

class Clock(Dataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        info = get_worker_info()
        assert info.num_workers == 2 and info.dataset.__class__ is Clock
        return time.time(), info.id

class Slow(Clock):
    def __getitem__(self, index):
        if index > 1:
            time.sleep(60)
        return index

def look_ahead():
    batches = DataLoader(Clock(), num_workers=2, prefetch_factor=2)
    asked, made, workers = [], [], []
    for moment, worker in batches:
        made.append(moment.item())
        workers.append(worker.item())
        time.sleep(0.2)
        asked.append(time.time())
    assert workers == [0, 1] * 3, workers
    # From the third on, each was there before it was asked for; the first two wait for the processes to start.
    assert all(m < a for m, a in zip(made[2:], asked[1:])), (made, asked)

def main():
    if "ahead" in sys.argv:
        look_ahead()
    for _ in DataLoader(Slow(), num_workers=2):
        import multiprocessing
        print(*(process.pid for process in multiprocessing.active_children()), flush=True)

if GUARD:
    main()
"""


def write_script(folder: Path, guard: str, *arguments: str) -> list[str]:
    (folder / "script.py").write_text(SCRIPT.replace("GUARD", guard), encoding="utf-8")
    return [sys.executable, str(folder / "script.py"), *arguments]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize(("how", "first"), [(signal.SIGINT, "ahead"), (signal.SIGKILL, "")])
def test_work_is_done_ahead_and_workers_end_with_the_main_process(
    tmp_path: Path, how: signal.Signals, first: str
) -> None:
    command = write_script(tmp_path, '__name__ == "__main__"', first)
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        workers = [int(pid) for pid in process.stdout.readline().split()]
        assert len(workers) == 2, process.communicate()[1]
        for worker in workers:
            os.kill(worker, signal.SIGINT)
        time.sleep(0.3)
        assert not any(map(gone, workers))  # Ctrl-C is the main process's business
        if how == signal.SIGINT:
            os.killpg(process.pid, how)  # as the terminal does: to the workers, too
        else:
            process.kill()
        errors = process.communicate(timeout=30)[1]
    finally:
        process.kill()
    assert errors.count("Traceback") == (1 if how == signal.SIGINT else 0), errors  # the main process's alone
    deadline = time.monotonic() + 10
    while not all(map(gone, workers)):
        assert time.monotonic() < deadline, "a worker is still there"
        time.sleep(0.05)


def test_a_script_without_a_guard_is_told_what_it_lacks(tmp_path: Path) -> None:
    done = subprocess.run(write_script(tmp_path, "True"), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert 'a script that uses workers needs `if __name__ == "__main__":`' in done.stderr


LOADERS = """
import multiprocessing, os, random, signal
import numpy as np
import minidl
from minidl import Generator
from minidl.data import DataLoader, Dataset
from minidl.data.augment import AugMix, Compose, RandomAffine, RandomHorizontalFlip
from minidl.errors import WorkerError

class Drawing(Dataset):
    def __init__(self, fault=None):
        self.fault = fault

    def __len__(self):
        return 20

    def __getitem__(self, index):
        if index == 13 and self.fault:
            raise self.fault
        return minidl.rand(1, 8, 8), random.random(), float(np.random.random())

def batches(workers):
    chain = [Compose([RandomHorizontalFlip(), RandomAffine(20, (0.1, 0.1))]), AugMix()]
    return DataLoader(Drawing(), 6, True, num_workers=workers, generator=Generator(3), transforms=chain)

def seen(batch):
    return [part.tolist() for part in batch]

def main():
    alone = [seen(batch) for batch in batches(0)]
    for one, other, three in zip(alone, batches(1), batches(3), strict=True):
        other, three = seen(other), seen(three)  # from two loaders at once
        assert one[0] == other[0] and other == three
        assert len({*other[1], *other[2]}) == 2 * len(other[1])

    try:
        list(DataLoader(Drawing(FileNotFoundError("13.png")), 4, num_workers=1))
    except WorkerError as error:
        print(str(error).splitlines()[0])

    begun = iter(DataLoader(Drawing(), num_workers=1))
    next(begun)
    (process,) = multiprocessing.active_children()
    os.kill(process.pid, signal.SIGKILL)
    try:
        list(begun)
    except WorkerError as error:
        print(error)
    assert not multiprocessing.active_children()

if __name__ == "__main__":
    main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
def test_batches_are_the_same_for_any_number_of_workers_and_errors_say_what_went_wrong(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(LOADERS, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(tmp_path / "script.py")], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    failed, killed = done.stdout.splitlines()
    assert failed == "data worker 0 could not make batch 3: FileNotFoundError: 13.png (example 13 of Drawing)"
    assert killed.startswith("data worker 0 was ended by the signal SIGKILL")
    assert "memory ran out" in killed


def test_what_was_defined_at_the_prompt_cannot_be_sent_and_the_message_says_what_to_do() -> None:
    code = """
from minidl.data import DataLoader, Dataset
class Mine(Dataset):
    def __len__(self): return 2
    def __getitem__(self, index): return index
list(DataLoader(Mine(), num_workers=1))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "Mine" in done.stderr
    assert "what was defined in a notebook or at the prompt must go into a module, or use num_workers=0" in done.stderr
