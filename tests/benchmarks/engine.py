"""Rows: what the engine itself costs, where the arithmetic is next to nothing: single operations and scalar graphs."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import numpy as np

from .harness import Bench, Remark, Result, Work


def op(bench: Bench) -> Iterator[Result | Remark]:
    """The overhead of one operation on 8 numbers: forward with recording, and forward and backward."""
    import minidl

    peers = bench.peers
    a, b, one = (np.random.default_rng(seed).standard_normal(8).astype("f") for seed in range(3))
    x, y, g = minidl.tensor(a, requires_grad=True), minidl.tensor(b, requires_grad=True), minidl.tensor(one)
    forward: dict[str, Work] = {}
    both: dict[str, Work] = {}
    if peers.has("torch"):
        torch = peers.torch
        s, t, h = torch.tensor(a, requires_grad=True), torch.tensor(b, requires_grad=True), torch.tensor(one)
        forward["torch"] = lambda: s * t
        both["torch"] = lambda: torch.autograd.grad(s * t, [s, t], h)
    if peers.has("autograd"):
        import autograd

        vjp = autograd.make_vjp
        both["autograd"] = lambda: vjp(lambda pair: pair[0] * pair[1])((a, b))[0](one)
    if peers.has("numpy"):
        forward["numpy"] = lambda: a * b
        both["numpy"] = lambda: (a * b, one * b, one * a)[1:]
    yield from bench.contest("op", "x · y, 8 numbers, forward", {"minidl": lambda: x * y}, forward)
    goals = {"minidl": {"torch": 0.5}}
    work = {"minidl": lambda: minidl.grad(x * y, [x, y], g)}
    yield from bench.contest("op", "the same and backward", work, both, goals=goals)


LAYERS: Final = (2, 16, 16, 1)


def moons_weights() -> list[list[tuple[list[float], float]]]:
    """Per layer and neuron the weights and the bias: micrograd's own first values."""
    random.seed(0)
    return [[([random.uniform(-1, 1) for _ in range(a)], 0.0) for _ in range(b)] for a, b in pairwise(LAYERS)]


def moons_micrograd(points: list[list[float]], signs: list[float]) -> Work:
    """A step of micrograd's moons example: hinge loss and weight decay of an MLP 2-16-16-1 over 100 points."""
    from micrograd.engine import Value
    from micrograd.nn import MLP

    random.seed(0)
    model = MLP(LAYERS[0], list(LAYERS[1:]))
    # micrograd draws a neuron's weights as `moons_weights` does, one neuron after another.

    def work() -> list[Any]:
        scores = [model(list(map(Value, point))) for point in points]
        losses = [(1 + -sign * score).relu() for sign, score in zip(signs, scores, strict=True)]
        loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in model.parameters())
        model.zero_grad()
        loss.backward()
        return [loss.data, *(p.grad for p in model.parameters())]

    return work


def moons_minidl(points: list[list[float]], signs: list[float], *, is_compiled: bool = False) -> Work:
    """The same, number by number, with minidl's scalars; recorded anew each time or replayed."""
    import minidl

    layers = [
        [([minidl.scalar(w) for w in weights], minidl.scalar(bias)) for weights, bias in layer]
        for layer in moons_weights()
    ]
    parameters = [p for layer in layers for weights, bias in layer for p in (*weights, bias)]

    def model(x: list[Any]) -> Any:
        for number, layer in enumerate(layers):
            sums = [sum((w * v for w, v in zip(weights, x, strict=True)), bias) for weights, bias in layer]
            x = [minidl.relu(s) for s in sums] if number < 2 else sums
        return x[0]

    def step() -> Any:
        scores = [model(point) for point in points]
        losses = [minidl.relu(1 + -sign * score) for sign, score in zip(signs, scores, strict=True)]
        loss = sum(losses) * (1.0 / len(losses)) + 1e-4 * sum(p * p for p in parameters)
        for p in parameters:
            p.grad = None
        loss.backward()
        return loss

    run = minidl.compile(step) if is_compiled else step

    def work() -> list[Any]:
        loss = run()
        return [loss.data, *(p.grad.data for p in parameters)]

    return work


def collected(work: Work, on: bool) -> Work:
    """A work with the garbage collector on, or off."""

    def run() -> Any:
        (gc.enable if on else gc.disable)()
        try:
            return work()
        finally:
            gc.enable()

    return run


def moons(bench: Bench) -> Iterator[Result | Remark]:
    """Scalars: a step of micrograd's own moons example (68,818 of its nodes), collecting garbage or not."""
    bench.peers.need("micrograd")
    from minidl.data.toys import moons as make_moons

    points, classes = make_moons(100, noise=0.1)
    data: tuple[Any, Any] = points.astype(float).tolist(), (2.0 * classes - 1).tolist()
    ways = {"minidl": moons_minidl(*data), "minidl.compile": moons_minidl(*data, is_compiled=True)}
    theirs = moons_micrograd(*data)
    for on, goal in ((True, 0.3), (False, 1.0)):
        yield from bench.contest(
            "moons",
            f"garbage collector {'on' if on else 'off'}",
            {way: collected(work, on) for way, work in ways.items()},
            {"micrograd": collected(theirs, on)},
            before=gc.collect,
            calls=3,
            rtol=1e-9,
            goals={"minidl": {"micrograd": goal}, "minidl.compile": {"micrograd": 0.002}},
        )


ROWS: Final = {"op": op, "moons": moons}
