"""Rows: single layers, at the shapes at which the networks use them, against PyTorch in both layouts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from .harness import Bench, Remark, Result, Work

# batch, channels, side, kernels, kernel's side, stride, padding
CONVOLUTIONS: Final = {
    "LeNet 1→6, 28², 5×5": (64, 1, 28, 6, 5, 1, 2),
    "LeNet 6→16, 14², 5×5": (64, 6, 14, 16, 5, 1, 0),
    "ResNet 3→16, 32², 3×3": (32, 3, 32, 16, 3, 1, 1),
    "ResNet 16→16, 32², 3×3": (32, 16, 32, 16, 3, 1, 1),
    "ResNet 16→32, 32², 3×3, stride 2": (32, 16, 32, 32, 3, 2, 1),
    "ResNet 32→32, 16², 3×3": (32, 32, 16, 32, 3, 1, 1),
    "ResNet 32→64, 16², 3×3, stride 2": (32, 32, 16, 64, 3, 2, 1),
    "ResNet 64→64, 8², 3×3": (32, 64, 8, 64, 3, 1, 1),
    "ViT 3→96, 32², 4×4, stride 4": (32, 3, 32, 96, 4, 4, 0),
    "32→64, 28², 3×3": (64, 32, 28, 64, 3, 1, 1),
}


Passes = dict[str, Work]


def channels_last(array: Any) -> Any:
    """The same images with the channels next to each other in memory, as the layers hand them on inside a network."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if array.ndim == 4 else array


def passes(
    library: Any, grad: Callable[..., Any], function: Callable[..., Any], inputs: list[Any], upstream: Any
) -> Passes:
    """The forward pass, and for each input the backward pass to it alone, with the forward pass done before."""

    def forward() -> Any:
        with library.no_grad():
            return function(*inputs)

    found = {"forward": forward}
    for k in range(len(inputs)):
        given = [x.detach().requires_grad_(i == k) for i, x in enumerate(inputs)]
        out, wanted = function(*given), given[k]
        found[NAMES[k]] = lambda out=out, wanted=wanted: grad(out, wanted, upstream, retain_graph=True)
    return found


NAMES: Final = ("gradient of the input", "gradient of the weight")


def layer(
    bench: Bench, row: str, what: str, function: Callable[[Any], Callable[..., Any]], arrays: list[Any], upstream: Any
) -> Iterator[Result | Remark]:
    """Compare a function of minidl's and PyTorch's, made by `function(library)`, pass by pass and layout by layout."""
    import minidl

    torch, peers = bench.peers.torch, bench.peers
    ours, theirs = dict[str, Passes](), dict[str, Passes]()
    for name, change in (("minidl", np.ascontiguousarray), ("minidl, channels last", channels_last)):
        inputs = [minidl.tensor(change(array)) for array in arrays]
        ours[name] = passes(minidl, minidl.grad, function(minidl), inputs, minidl.tensor(change(upstream)))
    for name in peers.layouts():
        if name == "torch.compile":
            continue
        change = channels_last if name == "channels_last" else np.ascontiguousarray
        given = [torch.from_numpy(change(array).copy(order="K")) for array in (*arrays, upstream)]
        theirs[name] = passes(torch, torch.autograd.grad, function(torch), given[:-1], given[-1])
    for name in ours["minidl"]:
        mine, other = ({way: found[name] for way, found in side.items()} for side in (ours, theirs))
        yield from bench.contest(row, f"{what}: {name}", mine, other)


def conv(bench: Bench) -> Iterator[Result | Remark]:
    """Each convolution of the networks: forward, the gradient of the input, and that of the weight."""
    bench.peers.need("torch", "channels_last")
    for what, (n, c, side, k, r, stride, padding) in CONVOLUTIONS.items():
        rng, after = np.random.default_rng(0), (side + 2 * padding - r) // stride + 1
        image, kernel, upstream = (
            rng.standard_normal(shape).astype("f") for shape in ((n, c, side, side), (k, c, r, r), (n, k, after, after))
        )

        def function(library: Any, stride: int = stride, padding: int = padding) -> Callable[..., Any]:
            conv2d = library.conv2d
            return lambda x, w: conv2d(x, w, stride=stride, padding=padding)

        yield from layer(bench, "conv", what, function, [image, kernel], upstream)


def batch_norm(bench: Bench) -> Iterator[Result | Remark]:
    """Batch normalisation with ReLU of ResNet-20's first stage, in training: (32, 16, 32, 32)."""
    bench.peers.need("torch", "channels_last")
    image, upstream = np.random.default_rng(0).standard_normal((2, 32, 16, 32, 32)).astype("f")

    def function(library: Any) -> Callable[..., Any]:
        norm, relu = library.nn.BatchNorm2d(16), library.nn.ReLU()
        return lambda x: relu(norm(x))

    yield from layer(bench, "batch_norm", "16 × 32², with ReLU", function, [image], upstream)


def pooling(bench: Bench) -> Iterator[Result | Remark]:
    """Max pooling of LeNet's first stage, (64, 6, 28, 28), and average pooling of the same."""
    bench.peers.need("torch", "channels_last")
    rng = np.random.default_rng(0)
    image, upstream = (rng.standard_normal((64, 6, side, side)).astype("f") for side in (28, 14))
    for what, name in (("largest of 2×2, 6 × 28²", "max_pool2d"), ("mean of 2×2, 6 × 28²", "avg_pool2d")):

        def function(library: Any, name: str = name) -> Callable[..., Any]:
            pool = getattr(library.nn.functional, name)
            return lambda x: pool(x, 2)

        yield from layer(bench, "pooling", what, function, [image], upstream)


def cross_entropy(bench: Bench) -> Iterator[Result | Remark]:
    """Softmax with cross-entropy, forward and backward: 64 × 10 and 256 × 1000 scores."""
    bench.peers.need("torch", "numpy")
    import minidl

    for n, classes in ((64, 10), (256, 1000)):
        rng = np.random.default_rng(0)
        scores, labels, rows = rng.standard_normal((n, classes)).astype("f"), rng.integers(0, classes, n), np.arange(n)
        x, y = minidl.tensor(scores, requires_grad=True), minidl.tensor(labels)
        theirs: dict[str, Work] = {}
        if bench.peers.has("torch"):
            torch = bench.peers.torch
            s, t = torch.tensor(scores, requires_grad=True), torch.tensor(labels)
            theirs["torch"] = lambda torch=torch, s=s, t=t: torch.autograd.grad(
                torch.nn.functional.cross_entropy(s, t), [s]
            )

        def by_hand(scores: Any = scores, labels: Any = labels, rows: Any = rows) -> Any:
            chances = np.exp(scores - scores.max(1, keepdims=True))
            chances /= chances.sum(1, keepdims=True)
            chances[rows, labels] -= 1
            chances /= np.float32(len(rows))
            return [chances]

        if bench.peers.has("numpy"):
            theirs["numpy"] = by_hand
        ours = {"minidl": lambda x=x, y=y: minidl.grad(minidl.cross_entropy(x, y), [x])}
        yield from bench.contest("cross_entropy", f"{n} × {classes}, forward and backward", ours, theirs)


def adam(bench: Bench) -> Iterator[Result | Remark]:
    """A step of Adam on a million parameters in one tensor."""
    bench.peers.need("torch", "numpy")
    import minidl

    start, slope = np.random.default_rng(0).standard_normal((2, 1000, 1000)).astype("f")
    p = minidl.tensor(start.copy(), requires_grad=True)
    p.grad = minidl.tensor(slope)
    mine, theirs = minidl.optim.Adam([p]), dict[str, Work]()

    def step() -> Any:
        mine.step()
        return p

    if bench.peers.has("torch"):
        torch = bench.peers.torch
        for name, fused in (("torch", False), ("torch, fused", True)):
            q = torch.tensor(start, requires_grad=True)
            q.grad = torch.tensor(slope)
            theirs[name] = _stepping(torch.optim.Adam([q], fused=fused), q)
    if bench.peers.has("numpy"):
        theirs["numpy"] = _adam_by_hand(start.copy(), slope)
    yield from bench.contest("adam", "1 M parameters", {"minidl": step}, theirs, calls=3)


def _stepping(optimizer: Any, q: Any) -> Work:
    def step() -> Any:
        optimizer.step()
        return q

    return step


def _adam_by_hand(p: Any, g: Any) -> Work:
    m, v, count = np.zeros_like(p), np.zeros_like(p), 0

    def step() -> Any:
        nonlocal m, v, count
        count += 1
        m = np.float32(0.9) * m + np.float32(0.1) * g
        v = np.float32(0.999) * v + np.float32(0.001) * g * g
        size, scale = np.float32(1e-3 / (1 - 0.9**count)), np.float32((1 - 0.999**count) ** 0.5)
        np.subtract(p, size * m / (np.sqrt(v) / scale + np.float32(1e-8)), out=p)
        return p

    return step


ROWS: Final = {
    "conv": conv,
    "batch_norm": batch_norm,
    "pooling": pooling,
    "cross_entropy": cross_entropy,
    "adam": adam,
}
