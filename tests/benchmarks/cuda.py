"""Rows on a GPU, each beside PyTorch in the same process, in turns, timed by the device's own events.

python -m tests.benchmarks cuda --json tests/benchmarks/results/cuda-2026-11-21.json

`cuda` stands for all of them. float32 means PyTorch with TF32 off; the TF32 and bf16 lines switch both libraries. Both work in
the device's default stream, so one pair of events brackets what either puts into it.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import numpy as np

from .harness import Bench, Remark, Result, Work, check_agreement, spread
from .layers import CONVOLUTIONS
from .networks import NETWORKS, share_weights
from .peers import MissingPeerError
from .steps import COMPILED, batch

TURNS: Final = 11
MICROSECONDS: Final = 20_000.0
"""A turn puts so much work into the stream that the queue never runs dry while it is timed."""
SIZES: Final = (512, 1024, 2048, 4096, 8192)
TOLERANCE: Final = {"highest": 1e-4, "high": 4e-3, "medium": 3e-2}
"""How far results may be apart: float32, TF32 (10 bits), bf16 (7 bits)."""
GOAL_MATMUL, GOAL_CONV, GOAL_COPY, GOAL_TF32 = 1 / 0.80, 1 / 0.70, 1 / 0.85, 1 / 0.50
GOAL_STEP: Final = {"minidl": 1.5, COMPILED: 1.0}
CALLS: Final = 50
FEWEST: Final = 3
NUMBERS: Final = 1 << 26
STEPS: Final = {"lenet": 64, "resnet20": 128}
VGG: Final = {
    "VGG 3→64, 224²": (16, 3, 224, 64, 3, 1, 1),
    "VGG 64→64, 224²": (16, 64, 224, 64, 3, 1, 1),
    "VGG 64→128, 112²": (16, 64, 112, 128, 3, 1, 1),
    "VGG 128→256, 56²": (16, 128, 56, 256, 3, 1, 1),
    "VGG 256→512, 28²": (16, 256, 28, 512, 3, 1, 1),
    "VGG 512→512, 14²": (16, 512, 14, 512, 3, 1, 1),
}
"""Batch, channels, side, kernels, kernel's side, stride, padding, of VGG-16's kinds of convolution."""


def need_a_gpu(bench: Bench) -> Any:
    """PyTorch, once both libraries have a GPU.

    Raises:
        MissingPeerError: one has none, with the reason.
    """
    from minidl.kernels.cuda.runtime import driver

    if driver.is_simulated():
        raise MissingPeerError("a simulated GPU tells nothing about time; unset NUMBA_ENABLE_CUDASIM")
    if (why := driver.why_not()) is not None:
        raise MissingPeerError(why)
    bench.peers.need("torch")
    if not bench.peers.torch.cuda.is_available():
        raise MissingPeerError("PyTorch finds no GPU: install its build for CUDA")
    return bench.peers.torch


@contextmanager
def precision(torch: Any, name: str) -> Iterator[None]:
    """Have both libraries multiply float32 at a precision: highest, high (TF32) or medium (bf16)."""
    import minidl

    def choose(to: str) -> None:
        torch.set_float32_matmul_precision(to)
        torch.backends.cudnn.allow_tf32 = to != "highest"
        minidl.set_float32_matmul_precision(to)

    choose(name)
    try:
        yield
    finally:
        choose("highest")


def microseconds(torch: Any, work: Work, calls: int) -> float:
    """What a call takes on the device: `calls` of them between two events."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    for _ in range(calls):
        work()
    end.record()
    end.synchronize()
    return 1e3 * float(start.elapsed_time(end)) / calls


def contest(
    torch: Any,
    row: str,
    what: str,
    ours: Mapping[str, Work],
    theirs: Mapping[str, Work],
    goals: Mapping[str, float | None],
    rtol: float = 1e-4,
    fetch: Callable[[Any], Any] = lambda value: value,
) -> Iterator[Result]:
    """Check that all agree, then time them in turns; a line gives the median call and the median ratio of the turns."""
    works = {**ours, **theirs}
    if rtol:
        check_agreement({name: lambda work=work: fetch(work()) for name, work in works.items()}, rtol=rtol, atol=rtol)
    calls = {}
    for name, work in works.items():
        microseconds(torch, work, FEWEST)
        calls[name] = max(FEWEST, min(500, math.ceil(MICROSECONDS / max(microseconds(torch, work, FEWEST), 1.0))))
    turns: dict[str, list[float]] = {name: [] for name in works}
    for number in range(TURNS):
        for name in list(works)[:: 1 if number % 2 == 0 else -1]:
            turns[name].append(microseconds(torch, works[name], calls[name]))
    for way in ours:
        for peer in theirs:
            low, middle, high = spread(turns[way], turns[peer])
            mine, other = statistics.median(turns[way]), statistics.median(turns[peer])
            yield Result(row, what, way, peer, mine, other, middle, low, high, "µs", goal=goals.get(way))


def on_device(*arrays: Any) -> tuple[Any, ...]:
    """The same arrays as minidl's device arrays."""
    from minidl.kernels.cuda.runtime import memory

    return tuple(memory.to_device(a) for a in arrays)


def matmul(bench: Bench) -> Iterator[Result | Remark]:
    """Products of square matrices, 512 to 8192, at three precisions, and the layouts of a layer's gradients at 2048."""
    torch = need_a_gpu(bench)
    from minidl.kernels.cuda.backend import backend

    rng = np.random.default_rng(0)
    for n in SIZES:
        host = [rng.standard_normal((n, n)).astype("f") for _ in range(2)]
        (a, b), (p, q) = on_device(*host), (torch.from_numpy(x).cuda() for x in host)
        layouts = {"": (a, b, p, q)}
        if n == 2048:
            layouts |= {", A·Bᵀ": (a, b.T, p, q.T), ", Aᵀ·B": (a.T, b, p.T, q)}
        for name, (x, y, s, t) in layouts.items():
            for level in TOLERANCE if not name else ("highest",):
                goal = {"highest": GOAL_MATMUL if n >= 2048 else None, "high": GOAL_TF32}.get(level)
                with precision(torch, level):
                    ours = {"minidl": lambda x=x, y=y: backend.matmul(x, y)}
                    theirs = {"torch": lambda s=s, t=t: s @ t}
                    label = {"highest": "float32", "high": "TF32", "medium": "bf16"}[level]
                    rtol = TOLERANCE[level] * math.sqrt(n / 512)
                    yield from contest(
                        torch, "cuda_matmul", f"{n}{name}, {label}", ours, theirs, {"minidl": goal}, rtol, fetched
                    )


def fetched(value: Any) -> Any:
    """A device's array on the host."""
    return value.numpy() if type(value).__name__ == "DeviceArray" else value


def conv(bench: Bench) -> Iterator[Result | Remark]:
    """Each convolution of ResNet-20 and VGG-16 in its three passes, beside cuDNN; then the geometric means."""
    torch = need_a_gpu(bench)
    from minidl.kernels.cuda.backend import backend

    torch.backends.cudnn.benchmark = True
    ratios: dict[tuple[str, str], list[float]] = {}
    for what, (n, c, side, k, r, stride, padding) in {**CONVOLUTIONS, **VGG}.items():
        rng, after = np.random.default_rng(0), (side + 2 * padding - r) // stride + 1
        host = [rng.standard_normal(s).astype("f") for s in ((n, c, side, side), (k, c, r, r), (n, k, after, after))]
        x, w, g = (channels_last(a) for a in on_device(*host))
        p, q, u = (torch.from_numpy(a).cuda().to(memory_format=torch.channels_last) for a in host)
        how = (stride,) * 2, (padding,) * 2, (1, 1), 1
        passes = {
            "forward": (
                lambda x=x, w=w, size=(after,) * 2, how=how: backend.conv(x, w, size, *how),
                lambda p=p, q=q, s=stride, d=padding: torch.conv2d(p, q, None, s, d),
            ),
            "input gradient": (
                lambda g=g, w=w, size=(side,) * 2, how=how: backend.conv_input(g, w, size, *how),
                lambda p=p, q=q, u=u, s=stride, d=padding: torch.nn.grad.conv2d_input(p.shape, q, u, s, d),
            ),
            "weight gradient": (
                lambda g=g, x=x, size=(r, r), how=how: backend.conv_weight(g, x, size, *how),
                lambda p=p, q=q, u=u, s=stride, d=padding: torch.nn.grad.conv2d_weight(p, q.shape, u, s, d),
            ),
        }
        for name, (mine, other) in passes.items():
            for level in ("highest", "high"):
                with precision(torch, level):
                    label = f"{what}: {name}" + (", TF32" if level == "high" else "")
                    rtol = TOLERANCE[level] * 4
                    for line in contest(
                        torch, "cuda_conv", label, {"minidl": mine}, {"torch": other}, {}, rtol, fetched
                    ):
                        ratios.setdefault((name, level), []).append(line.ratio or math.nan)
                        yield line
    for (name, level), found in ratios.items():
        mean = statistics.geometric_mean(found)
        label = f"geometric mean, {name}" + (", TF32" if level == "high" else "")
        goal = GOAL_CONV if level == "highest" else None
        yield Result("cuda_conv", label, "minidl", "torch", mean, 1.0, mean, unit="ratio", goal=goal)


def channels_last(array: Any) -> Any:
    """Images with the channels next to each other in memory."""
    from minidl.kernels.cuda.places import copies

    return copies.contiguous(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


def bandwidth(bench: Bench) -> Iterator[Result | Remark]:
    """Elementwise operations and reductions of 64 M numbers against a copy on the device that moves as many bytes."""
    torch = need_a_gpu(bench)
    from minidl.kernels.cuda.backend import backend
    from minidl.kernels.cuda.runtime import memory

    n = NUMBERS
    x, y = on_device(*np.random.default_rng(0).standard_normal((2, n)).astype("f"))
    out, p, q = memory.empty((n,), "f"), torch.empty(n).cuda(), torch.empty(n).cuda()
    works = {  # name: work, arrays of n numbers that it moves
        "x + y": (lambda: backend.add(x, y), 3),
        "tanh x": (lambda: backend.tanh(x), 2),
        "max(x, 0)": (lambda: backend.maximum(x, 0), 2),
        "sum of x": (lambda: backend.sum(x), 1),
        "softmax of rows of 1024": (lambda: backend.softmax(x.reshape(-1, 1024), 1), 2),
        "copy": (lambda: memory.copy_bytes(out, x), 2),
    }
    for name, (work, moved) in works.items():
        lines = contest(torch, "cuda_memory", name, {"minidl": work}, {"torch": lambda: q.copy_(p)}, {}, rtol=0)
        for line in lines:
            share = (line.ratio or math.nan) * 2 / moved  # for each byte
            goal = GOAL_COPY if moved > 1 and name != "softmax of rows of 1024" else None
            yield Result(
                "cuda_memory", f"{name}, a byte beside a copy's", "minidl", "copy", line.mine, line.theirs, share,
                unit="µs", goal=goal,
            )  # fmt: skip


def launches(bench: Bench) -> Iterator[Result | Remark]:
    """What one small operation costs the processor: an addition of 8 numbers, without and with a graph."""
    torch = need_a_gpu(bench)
    import minidl
    from minidl.kernels.cuda.backend import backend

    (x,), p = on_device(np.ones(8, "f")), torch.ones(8).cuda()
    t, s = minidl.ones(8, device="cuda", requires_grad=True), torch.ones(8).cuda().requires_grad_()
    pairs = {
        "addition on arrays": (lambda: backend.add(x, x), lambda: torch.add(p, p)),
        "addition with a graph": (lambda: t + t, lambda: s + s),
        "forward and backward": (lambda: (t * t).sum().backward(), lambda: (s * s).sum().backward()),
    }
    for what, (mine, other) in pairs.items():
        yield from _by_the_clock(torch, "cuda_launch", what, {"minidl": mine}, {"torch": other}, {})


def steps(bench: Bench) -> Iterator[Result | Remark]:
    """Training steps of LeNet-5 (batch 64) and ResNet-20 (batch 128), define-by-run and captured in a CUDA graph."""
    torch = need_a_gpu(bench)
    import minidl

    for name, size in STEPS.items():
        network = NETWORKS[name]
        images, labels = batch(network.image, size)
        first = network.ours()
        other = network.theirs(torch.nn)
        share_weights(first, other)
        ours: dict[str, Work] = {}
        for way in ("minidl", COMPILED):
            model = network.ours()
            model.load_state_dict(first.state_dict())
            ours[way] = _minidl_step(minidl, model.to("cuda"), images, labels, is_compiled=way == COMPILED)
        theirs = {"torch": _torch_step(torch, other.cuda(), images, labels)}
        check_agreement({**ours, **theirs}, calls=3, rtol=1e-3)
        lines = _by_the_clock(torch, "cuda_step", f"{name}, batch {size}", ours, theirs, GOAL_STEP)
        yield from lines


def _minidl_step(minidl: Any, model: Any, images: Any, labels: Any, is_compiled: bool) -> Work:
    optimizer = minidl.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    x, y = minidl.tensor(images).to("cuda"), minidl.tensor(labels).to("cuda")

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = minidl.cross_entropy(model(x), y)
        loss.backward(retain_graph=False)
        optimizer.step()
        return loss

    run = minidl.compile(step) if is_compiled else step
    return lambda: float(run(x, y).item())


def _torch_step(torch: Any, model: Any, images: Any, labels: Any) -> Work:
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    x, y = torch.tensor(images).cuda(), torch.tensor(labels).cuda()

    def step() -> float:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return step


def _by_the_clock(
    torch: Any, row: str, what: str, ours: Mapping[str, Work], theirs: Mapping[str, Work], goals: Mapping[str, float]
) -> Iterator[Result]:
    """As `contest`, but timed from outside, until the device is done: what a user waits for."""

    def timed(work: Work, calls: int = CALLS) -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(calls):
            work()
        torch.cuda.synchronize()
        return 1e6 * (time.perf_counter() - start) / calls

    works = {**ours, **theirs}
    for work in works.values():
        timed(work)
    turns: dict[str, list[float]] = {name: [] for name in works}
    for number in range(TURNS):
        for name in list(works)[:: 1 if number % 2 == 0 else -1]:
            turns[name].append(timed(works[name]))
    for way in ours:
        for peer in theirs:
            low, middle, high = spread(turns[way], turns[peer])
            mine, other = statistics.median(turns[way]), statistics.median(turns[peer])
            yield Result(row, what, way, peer, mine, other, middle, low, high, "µs", goal=goals.get(way))


ROWS: Final = {
    "cuda_matmul": matmul,
    "cuda_conv": conv,
    "cuda_memory": bandwidth,
    "cuda_launch": launches,
    "cuda_step": steps,
}
