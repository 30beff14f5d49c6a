"""Measure minidl beside PyTorch: the same work in one process, in turns A B A B, after checking that both compute the same.

A row prints the median time of each and the median of the ratios of neighbouring turns with its quartiles. A machine that
others use too disturbs both sides of a pair alike; the ratio is the number to believe.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

TURNS = 15


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"rows to run: {', '.join(ROWS)}; all by default")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--json", metavar="FILE", help="write the rows to FILE as well")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(ROWS)):
        parser.error(f"there is no row {', '.join(unknown)}; choose from {', '.join(ROWS)}")
    return options


def clock(work: Callable[[], Any], least: float = 0.02) -> float:
    """Seconds a call, from as many calls as take `least` seconds."""
    count, spent = 0, 0.0
    while spent < least:
        start = time.perf_counter()
        work()
        spent += time.perf_counter() - start
        count += 1
    return spent / count


def compare(ours: Callable[[], Any], theirs: Callable[[], Any]) -> dict[str, float]:
    for work in (ours, theirs) * 2:
        work()
    pairs = [(clock(ours), clock(theirs)) for _ in range(TURNS)]
    ratios = sorted(a / b for a, b in pairs)
    low, middle, high = statistics.quantiles(ratios, n=4)
    return {
        "minidl_ms": 1e3 * statistics.median(a for a, _ in pairs),
        "peer_ms": 1e3 * statistics.median(b for _, b in pairs),
        "ratio": middle,
        "low": low,
        "high": high,
    }


def import_time() -> dict[str, float]:
    """Importing minidl, beside importing the NumPy that it needs: the ratio of the time that minidl adds."""

    def run(code: str) -> Callable[[], float]:
        timed = f"import time; s = time.perf_counter(); {code}; print(time.perf_counter() - s)"
        return lambda: float(subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True).stdout)

    pairs = [(run("import minidl")(), run("import numpy")()) for _ in range(TURNS)]
    added = sorted((a - b) / b for a, b in pairs)
    low, middle, high = statistics.quantiles(added, n=4)
    times = {
        "minidl_ms": 1e3 * statistics.median(a - b for a, b in pairs),
        "peer_ms": 1e3 * statistics.median(b for _, b in pairs),
    }
    return times | {"ratio": middle, "low": low, "high": high}


def op() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """The overhead of one operation: 8 numbers multiplied, forward and backward."""
    import numpy as np
    import torch

    import minidl

    a, b, one = (np.random.default_rng(0).standard_normal(8).astype("f") for _ in range(3))
    x, y, g = minidl.tensor(a, requires_grad=True), minidl.tensor(b, requires_grad=True), minidl.tensor(one)
    s, t, h = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True), torch.tensor(one)
    return lambda: minidl.grad(x * y, [x, y], g), lambda: torch.autograd.grad(s * t, [s, t], h)


def network(build: Callable[[Any], Any], shape: tuple[int, ...]) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A training step: forward, backward and an update of SGD with momentum, float32."""
    import numpy as np
    import torch

    import minidl

    ours, theirs = build(minidl.nn), build(torch.nn)
    ours.load_state_dict({name: value.numpy().copy() for name, value in theirs.state_dict().items()})
    images = np.random.default_rng(0).standard_normal(shape).astype("f")
    labels = np.random.default_rng(1).integers(0, 10, shape[0])

    def step(lib: Any, model: Any, loss: Any) -> Callable[[], float]:
        optimizer = lib.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
        x, y = lib.tensor(images), lib.tensor(labels)

        def work() -> float:
            optimizer.zero_grad()
            value = loss(model(x), y)
            value.backward()
            optimizer.step()
            return float(value.item())

        return work

    pair = step(minidl, ours, minidl.cross_entropy), step(torch, theirs, torch.nn.functional.cross_entropy)
    first, second = pair[0](), pair[1]()
    assert abs(first - second) < 1e-4, (first, second)
    return pair


def mlp(nn: Any) -> Any:
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))


def lenet(nn: Any) -> Any:
    return nn.Sequential(
        *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
    )


def conv() -> tuple[Callable[[], Any], Callable[[], Any]]:
    """A convolution forward and backward: 64 images, 32 → 64 channels, 28×28, 3×3."""
    import numpy as np
    import torch

    import minidl

    rng = np.random.default_rng(0)
    image, kernel = rng.standard_normal((64, 32, 28, 28)).astype("f"), rng.standard_normal((64, 32, 3, 3)).astype("f")
    upstream = rng.standard_normal((64, 64, 28, 28)).astype("f")
    x, w, g = (
        minidl.tensor(image, requires_grad=True),
        minidl.tensor(kernel, requires_grad=True),
        minidl.tensor(upstream),
    )
    s, t, h = torch.tensor(image, requires_grad=True), torch.tensor(kernel, requires_grad=True), torch.tensor(upstream)
    ours = lambda: minidl.grad(minidl.conv2d(x, w, padding=1), [x, w], g)  # noqa: E731
    theirs = lambda: torch.autograd.grad(torch.nn.functional.conv2d(s, t, padding=1), [s, t], h)  # noqa: E731
    for a, b in zip(ours(), theirs(), strict=True):
        np.testing.assert_allclose(a.data, b.numpy(), rtol=1e-3, atol=1e-2)
    return ours, theirs


ROWS: dict[str, Callable[[], Any]] = {
    "import": import_time,
    "op": op,
    "mlp": lambda: network(mlp, (64, 784)),
    "lenet": lambda: network(lenet, (64, 1, 28, 28)),
    "lenet1": lambda: network(lenet, (1, 1, 28, 28)),
    "conv": conv,
}


def rows(names: list[str]) -> Iterator[tuple[str, dict[str, float]]]:
    for name in names:
        made = ROWS[name]()
        yield name, made if isinstance(made, dict) else compare(*made)


def main() -> None:
    options = parse()
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = str(options.threads)
    os.environ["NUMBA_NUM_THREADS"] = str(options.threads)
    names = options.names or list(ROWS)
    if set(names) != {"import"}:
        import torch

        torch.set_num_threads(options.threads)
        print(
            f"{platform.machine()}, {options.threads} threads, Python {platform.python_version()}, torch {torch.__version__}"
        )
    print(f"{'row':8} {'minidl ms':>10} {'peer ms':>10} {'ratio':>7}  quartiles")
    found = {}
    for name, row in rows(names):
        found[name] = row
        times, spread = f"{row['minidl_ms']:10.3f} {row['peer_ms']:10.3f}", f"{row['low']:.2f} … {row['high']:.2f}"
        print(f"{name:8} {times} {row['ratio']:7.2f}  {spread}")
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=2)


if __name__ == "__main__":
    main()
