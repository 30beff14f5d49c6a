"""Rows about whole processes: importing, the time to the first training step, and the memory that a step needs."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from . import idle
from .harness import BUDGET, Bench, Remark, Result, spread

PYTHON: Final = sys.executable


def run(code: str, *arguments: str) -> str:
    """Run code in a process of its own and return what it prints.

    Raises:
        RuntimeError: it failed, with what it said.
    """
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}  # as users have it
    done = subprocess.run(
        [PYTHON, "-c", textwrap.dedent(code), *arguments], capture_output=True, text=True, check=False, env=kept
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip().splitlines()[-1] if done.stderr else f"exit status {done.returncode}")
    return done.stdout


def turns(works: dict[str, Callable[[], float]], count: int) -> tuple[dict[str, list[float]], float | None]:
    """What each work returns, in turns, after one turn that does not count; and the others' share of the cores."""
    for work in works.values():
        work()
    others, found = idle.Others(), dict[str, list[float]]({name: [] for name in works})
    for _ in range(count):
        for name, work in works.items():
            found[name].append(work())
    return found, others.share()


def import_time(bench: Bench) -> Iterator[Result | Remark]:
    """What importing minidl adds to importing NumPy, beside NumPy's own import and PyTorch's."""
    timed = "import time, numpy; s = time.perf_counter(); import {}; print(time.perf_counter() - s)"
    alone = "import time; s = time.perf_counter(); import numpy; print(time.perf_counter() - s)"
    works = {"minidl": lambda: float(run(timed.format("minidl"))), "numpy": lambda: float(run(alone))}
    if bench.peers.has("torch"):
        works["torch"] = lambda: float(run(timed.format("torch")))
    idle.wait(bench.patience)
    found, others = turns(works, 7)
    mine = found.pop("minidl")
    for peer, theirs in found.items():
        low, middle, high = spread(mine, theirs)
        medians = 1e3 * statistics.median(mine), 1e3 * statistics.median(theirs)
        yield Result("import", "added to NumPy's", "minidl", peer, *medians, middle, low, high, others=others)


FIRST_STEP: Final = """
    import os, sys
    from minidl.app.main import main
    from minidl.training import trainer
    from minidl.training.events import StepDone

    tell = trainer.Trainer._tell
    def stop(self, event):
        if isinstance(event, StepDone):
            os._exit(0)
        tell(self, event)
    trainer.Trainer._tell = stop
    sys.argv = ["minidl", "train", "--plain", "--out", sys.argv[1]]
    main()
"""

FIRST_STEP_TORCH: Final = """
    import os, sys, torch
    from torch import nn

    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    nn.functional.cross_entropy(model(torch.randn(32, 1, 8, 8)), torch.randint(10, (32,))).backward()
    optimizer.step()
    os._exit(0)
"""


def first_step(bench: Bench) -> Iterator[Result | Remark]:
    """From the start of `minidl train` to its first training step, kernels cached; PyTorch's is a bare script."""

    def timed(code: str, *arguments: str) -> float:
        began = time.perf_counter()
        run(code, *arguments)
        return time.perf_counter() - began

    def ours() -> float:
        with tempfile.TemporaryDirectory() as folder:
            return timed(FIRST_STEP, str(Path(folder) / "run"))

    works = {"minidl": ours}
    if bench.peers.has("torch"):
        works["torch"] = lambda: timed(FIRST_STEP_TORCH)
    run(FIRST_STEP, tempfile.mkdtemp())  # fills the cache of kernels
    idle.wait(bench.patience)
    found, others = turns(works, max(5, int(BUDGET / 5)))
    mine = found.pop("minidl")
    yield Result(
        "first_step", "minidl train, cached", "minidl", "", 1e3 * statistics.median(mine), others=others, goal=1500
    )
    for peer, theirs in found.items():
        low, middle, high = spread(mine, theirs)
        medians = 1e3 * statistics.median(mine), 1e3 * statistics.median(theirs)
        yield Result("first_step", "beside a bare script", "minidl", peer, *medians, middle, low, high, others=others)


MEMORY: Final = """
    import sys
    from pathlib import Path
    from tests.benchmarks import steps
    from tests.benchmarks.networks import NETWORKS
    from tests.benchmarks.peers import Peers, set_up

    name, size, peer, threads = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
    set_up(threads)
    network = NETWORKS[name]

    def step(size):
        images, labels = steps.batch(network.image, size)
        if peer == "minidl":
            return steps.minidl_step(model, images, labels)
        return steps.torch_step(torch, model, images, labels, peer)

    if peer == "minidl":
        model = network.ours()
    else:
        torch = Peers([peer], threads).torch
        model = network.theirs(torch.nn)

    def status(field):
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(field)).split()[1])

    step(2)()  # loads the kernels, makes the optimizer's memory
    work = step(size)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    base = status("VmRSS:")
    for _ in range(3):
        work()
    print((status("VmHWM:") - base) / 1024)
"""


def memory(bench: Bench) -> Iterator[Result | Remark]:
    """The peak that three training steps of ResNet-20, batch 32, add to the memory of a process that is warm.

    Each runs in a process of its own; Linux counts the pages that were in use at once.
    """
    if not Path("/proc/self/clear_refs").exists():
        yield Remark("memory", "only Linux tells how much memory a process has used at once")
        return

    def peak(who: str) -> Callable[[], float]:
        return lambda: float(run(MEMORY, "resnet20", "32", who, str(bench.threads)))

    layouts = [layout for layout in bench.peers.layouts() if layout != "torch.compile"]
    found, others = turns({who: peak(who) for who in ("minidl", *layouts)}, 5)
    mine = found.pop("minidl")
    what = "ResNet-20, batch 32"
    if not found:
        yield Result("memory", what, "minidl", "", statistics.median(mine), unit="MiB", others=others)
    for peer, theirs in found.items():
        low, middle, high = spread(mine, theirs)
        medians = statistics.median(mine), statistics.median(theirs)
        yield Result("memory", what, "minidl", peer, *medians, middle, low, high, "MiB", others, 1.0)


ROWS: Final[dict[str, Any]] = {"import": import_time, "first_step": first_step, "memory": memory}
