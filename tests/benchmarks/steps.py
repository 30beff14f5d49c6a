"""Rows: a training step (forward, backward, update of SGD with momentum) of whole networks, float32."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from .alone import with_alone
from .harness import Bench, Remark, Result, Work
from .networks import NETWORKS, Network, mlp, share_weights

RATE, MOMENTUM = 1e-3, 0.9

EAGER: Final = ("torch", "channels_last")

COMPILED: Final = "minidl.compile"
"""What a way is called that replays a tape."""


def batch(image: tuple[int, ...], size: int) -> tuple[Any, Any]:
    """Random images `(size, *image)` and labels."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((size, *image)).astype("f"), rng.integers(0, 10, size)


def minidl_step(model: Any, images: Any, labels: Any, *, is_compiled: bool = False) -> Work:
    """A training step of minidl's, recorded anew each time or replayed."""
    import minidl

    optimizer = minidl.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = minidl.cross_entropy(model(x), y)
        loss.backward(retain_graph=False)
        optimizer.step()
        return loss

    x, y = minidl.tensor(images), minidl.tensor(labels)
    run = minidl.compile(step) if is_compiled else step
    return lambda: float(run(x, y).item())


def minidl_ways(network: Network, images: Any, labels: Any) -> tuple[dict[str, Work], Any]:
    """minidl's ways to take a step, each with a network of its own, and a network that has their first weights."""
    first, define_by_run, replayed = (network.ours() for _ in range(3))
    for model in (define_by_run, replayed):
        model.load_state_dict(first.state_dict())
    ways = {
        "minidl": minidl_step(define_by_run, images, labels),
        COMPILED: minidl_step(replayed, images, labels, is_compiled=True),
    }
    return ways, first


def torch_step(torch: Any, model: Any, images: Any, labels: Any, layout: str = "torch") -> Work:
    """The same of PyTorch's."""
    x, y = torch.tensor(images), torch.tensor(labels)
    if layout == "channels_last":
        model, x = model.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)

    def forward(x: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(model(x), y)

    if layout == "torch.compile":
        forward = torch.compile(forward)

    def work() -> float:
        optimizer.zero_grad()
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return float(loss.item())

    return work


def tinygrad_step(build: Callable[[Any], Any], weights: list[Any], images: Any, labels: Any) -> Work:
    """The same of tinygrad's, under its own jit. `build` makes a function of the parameters and the images."""
    from tinygrad import Context, Tensor, TinyJit
    from tinygrad.nn.optim import SGD

    parameters = [Tensor(w) for w in weights]
    model, x, y = build(parameters), Tensor(images), Tensor(labels)
    optimizer = SGD(parameters, lr=RATE, momentum=MOMENTUM)

    @TinyJit
    def step() -> Any:
        optimizer.zero_grad()
        loss = model(x).sparse_categorical_crossentropy(y).backward()
        return loss.realize(*optimizer.schedule_step())

    def work() -> float:
        with Context(TRAINING=1):
            return float(step().item())

    return work


def _tinygrad_mlp(p: list[Any]) -> Callable[[Any], Any]:
    return lambda x: x.flatten(1).linear(p[0].T, p[1]).relu().linear(p[2].T, p[3]).relu().linear(p[4].T, p[5])


def _tinygrad_lenet(p: list[Any]) -> Callable[[Any], Any]:
    def forward(x: Any) -> Any:
        x = x.conv2d(p[0], p[1], padding=2).relu().max_pool2d()
        x = x.conv2d(p[2], p[3]).relu().max_pool2d().flatten(1)
        return x.linear(p[4].T, p[5]).relu().linear(p[6].T, p[7]).relu().linear(p[8].T, p[9])

    return forward


def numpy_mlp_step(weights: list[Any], images: Any, labels: Any) -> Work:
    """The MLP's step as one writes it by hand with NumPy."""
    w1, b1, w2, b2, w3, b3 = p = [w.copy() for w in weights]
    memory = [np.zeros_like(w) for w in p]
    x, rows = images.reshape(len(images), -1), np.arange(len(images))

    def work() -> float:
        a = np.maximum(x @ w1.T + b1, 0)
        b = np.maximum(a @ w2.T + b2, 0)
        z = b @ w3.T + b3
        z -= z.max(1, keepdims=True)
        chances = np.exp(z)
        total = chances.sum(1, keepdims=True)
        loss = float((np.log(total[:, 0]) - z[rows, labels]).mean())
        chances /= total
        chances[rows, labels] -= 1
        chances /= np.float32(len(x))
        gb = (chances @ w3) * (b > 0)
        ga = (gb @ w2) * (a > 0)
        slopes = [ga.T @ x, ga.sum(0), gb.T @ a, gb.sum(0), chances.T @ b, chances.sum(0)]
        for w, g, m in zip(p, slopes, memory, strict=True):
            m *= MOMENTUM
            m += g
            w -= RATE * m
        return loss

    return work


def autograd_mlp_step(weights: list[Any], images: Any, labels: Any) -> Work:
    """The same with HIPS autograd."""
    import autograd
    import autograd.numpy as anp

    p = [w.copy() for w in weights]
    memory = [np.zeros_like(w) for w in p]
    x, target = images.reshape(len(images), -1), np.eye(10, dtype="f")[labels]

    def loss(p: list[Any]) -> Any:
        w1, b1, w2, b2, w3, b3 = p
        z = anp.maximum(anp.maximum(x @ w1.T + b1, 0) @ w2.T + b2, 0) @ w3.T + b3
        z = z - anp.max(z, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(z), axis=1)) - anp.sum(z * target, axis=1))

    both = autograd.value_and_grad(loss)

    def work() -> float:
        value, slopes = both(p)
        for w, g, m in zip(p, slopes, memory, strict=True):
            m *= MOMENTUM
            m += g
            w -= RATE * m
        return float(value)

    return work


def train(
    bench: Bench, row: str, name: str, size: int, goals: tuple[float, float] | None = None
) -> Iterator[Result | Remark]:
    """A row for a network at a batch size; `goals` are the ratios aimed at, define-by-run and compiled."""
    peers, network = bench.peers, NETWORKS[name]
    images, labels = batch(network.image, size)
    ways, mine = minidl_ways(network, images, labels)
    weights = [p.data for p in mine.parameters()]
    theirs: dict[str, Work] = {}
    for layout in peers.layouts():
        model = network.theirs(peers.torch.nn)
        share_weights(mine, model)
        theirs[layout] = torch_step(peers.torch, model, images, labels, layout)
    by_tinygrad = {"mlp": _tinygrad_mlp, "lenet": _tinygrad_lenet}.get(name)
    if by_tinygrad is not None and peers.has("tinygrad"):
        theirs["tinygrad"] = tinygrad_step(by_tinygrad, weights, images, labels)
    if name == "mlp":
        if peers.has("autograd"):
            theirs["autograd"] = autograd_mlp_step(weights, images, labels)
        if peers.has("numpy"):
            theirs["numpy"] = numpy_mlp_step(weights, images, labels)
    aims = {way: dict.fromkeys(EAGER, goal) for way, goal in zip(ways, goals or (), strict=False)}
    yield from with_alone(bench.contest(row, f"batch {size}", ways, theirs, calls=4, rtol=1e-3, goals=aims), bench, row)


def mlp_step(bench: Bench) -> Iterator[Result | Remark]:
    """A training step of an MLP 784-256-128-10, batch 64."""
    yield from train(bench, "mlp", "mlp", 64, (1.0, 0.8))


def lenet_step(bench: Bench) -> Iterator[Result | Remark]:
    """A training step of LeNet-5 on 28×28 images, batch 64."""
    yield from train(bench, "lenet", "lenet", 64, (1.0, 0.8))


def lenet1_step(bench: Bench) -> Iterator[Result | Remark]:
    """The same with one image: what a step costs apart from the arithmetic."""
    yield from train(bench, "lenet1", "lenet", 1, (0.5, 0.5))


def resnet_step(bench: Bench) -> Iterator[Result | Remark]:
    """A training step of ResNet-20 on 32×32 images, batch 32."""
    yield from train(bench, "resnet20", "resnet20", 32, (1.0, 0.8))


def vit_step(bench: Bench) -> Iterator[Result | Remark]:
    """A training step of a small vision transformer (6 blocks of 96) on 32×32 images, batch 32."""
    yield from train(bench, "vit", "vit", 32)


def growth(bench: Bench) -> Iterator[Result | Remark]:
    """The exponent p of time ∝ sizeᵖ of an MLP's training step, as its batch, its depth and its width double."""
    bench.peers.need("torch")
    import minidl

    torch = bench.peers.torch
    settings: dict[str, list[tuple[int, tuple[int, ...]]]] = {
        "batch 32 to 512": [(size, (784, 256, 256, 10)) for size in (32, 64, 128, 256, 512)],
        "depth 2 to 32": [(64, (784, *(128,) * count, 10)) for count in (2, 4, 8, 16, 32)],
        "width 64 to 1024": [(64, (784, width, width, 10)) for width in (64, 128, 256, 512, 1024)],
    }
    for what, cases in settings.items():
        mine, theirs, others = [], [], 0.0
        for size, sizes in cases:
            images, labels = batch((1, 28, 28), size)
            ours, other = mlp(minidl.nn, sizes), mlp(torch.nn, sizes)
            share_weights(ours, other)
            works = {"minidl": minidl_step(ours, images, labels)}, {"torch": torch_step(torch, other, images, labels)}
            (found,) = bench.contest("growth", what, *works, rtol=1e-3)
            mine.append(found.mine)
            theirs.append(found.theirs or 0.0)
            others = max(others, found.others or 0.0)
        doublings = np.arange(len(cases))
        p, q = (float(np.polyfit(doublings, np.log2(times), 1)[0]) for times in (mine, theirs))
        yield Result("growth", what, "minidl", "torch", p, q, unit="exponent", others=others)


ROWS: Final = {
    "mlp": mlp_step,
    "lenet": lenet_step,
    "lenet1": lenet1_step,
    "resnet20": resnet_step,
    "vit": vit_step,
    "growth": growth,
}
