"""Layers with arguments drawn at random, against PyTorch's: values, gradients, buffers, or a refusal by both."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import MinidlError

Drawn = tuple[tuple[Any, ...], dict[str, Any], list[Any]]
"""A layer's arguments by position and by name, and its inputs: shapes, or arrays of whole numbers."""


class Dice:
    """Draws arguments."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.numpy = np.random.default_rng(seed)

    def of(self, *choices: Any) -> Any:
        return self.random.choice(choices)

    def size(self, axes: int, low: int, high: int) -> Any:
        """One number, or one an axis."""
        return self.of(self.random.randint(low, high), self.sizes(axes, low, high))

    def sizes(self, axes: int, low: int, high: int) -> tuple[int, ...]:
        return tuple(self.random.randint(low, high) for _ in range(axes))

    def some(self, **options: Any) -> dict[str, Any]:
        """Each option, or its default."""
        return {name: value for name, value in options.items() if self.random.random() < 0.5}

    def lead(self, channels: int) -> tuple[int, ...]:
        return self.of((2, channels), (channels,), (0, channels))  # type: ignore[no-any-return]


def convolution(dice: Dice, axes: int) -> Drawn:
    groups = dice.of(1, 1, 2, 3)
    channels, wanted = (groups * n for n in dice.sizes(2, 1, 2))
    options = dice.some(
        stride=dice.size(axes, 1, 3),
        padding=dice.of(dice.size(axes, 0, 2), "same", "valid"),
        dilation=dice.size(axes, 1, 2),
        bias=False,
        padding_mode=dice.of("zeros", "reflect", "replicate", "circular"),
    )
    shape = dice.lead(channels) + dice.sizes(axes, 2, 7)
    return (channels, wanted, dice.size(axes, 1, 3)), {**options, "groups": groups}, [shape]


def transposed(dice: Dice, axes: int) -> Drawn:
    groups = dice.of(1, 1, 2, 3)
    channels, wanted = (groups * n for n in dice.sizes(2, 1, 2))
    options = dice.some(stride=dice.size(axes, 1, 3), dilation=dice.size(axes, 1, 3), bias=False)
    shape = dice.of((2, channels), (channels,)) + dice.sizes(axes, 2, 5)
    return (channels, wanted, dice.size(axes, 2, 3)), {**options, "groups": groups}, [shape]


def maximum(dice: Dice, axes: int) -> Drawn:
    window = {"stride": dice.size(axes, 1, 3), "padding": dice.size(axes, 0, 1), "dilation": dice.size(axes, 1, 2)}
    options = dice.some(**window, return_indices=True, ceil_mode=True)
    return (dice.size(axes, 2, 3),), options, [dice.lead(2) + dice.sizes(axes, 3, 8)]


def average(dice: Dice, axes: int) -> Drawn:
    options = dice.some(stride=dice.size(axes, 1, 3), padding=dice.size(axes, 0, 1), count_include_pad=False)
    return (dice.size(axes, 2, 3),), options, [dice.lead(2) + dice.sizes(axes, 3, 8)]


def adaptive(dice: Dice, axes: int) -> Drawn:
    return (dice.random.randint(1, 5),), {}, [dice.lead(2) + dice.sizes(axes, 1, 8)]


def batch_norm(dice: Dice, axes: int) -> Drawn:
    options = dice.some(eps=0.1, momentum=dice.of(None, 0.0, 1.0), affine=False, track_running_stats=False, bias=False)
    return (2,), options, [dice.of((3, 2), (1, 2)) + dice.sizes(axes, 1, 3)]


def instance_norm(dice: Dice, axes: int) -> Drawn:
    options = dice.some(eps=0.1, momentum=0.5, affine=True, track_running_stats=True, bias=False)
    return (2,), options, [dice.of((3, 2), (2,)) + dice.sizes(axes, 1, 3)]


def border(dice: Dice, axes: int) -> Drawn:
    return (dice.size(2 * axes, 0, 3),), {}, [dice.lead(2) + dice.sizes(axes, 2, 6)]


def group_norm(dice: Dice, axes: int) -> Drawn:
    groups = dice.of(1, 2, 3)
    channels = groups * dice.of(1, 2)
    options = dice.some(eps=0.1, affine=False, bias=False)
    return (groups, channels), options, [(2, channels, *dice.sizes(dice.of(0, 1, 3), 1, 3))]


def upsample(dice: Dice, axes: int) -> Drawn:
    mode, axes = dice.of(("nearest", 2), ("linear", 1), ("bilinear", 2), ("bicubic", 2), ("trilinear", 3), ("area", 2))
    options = dice.of({"size": dice.size(axes, 1, 7)}, {"scale_factor": dice.of(2, 0.5, 1.5)})
    corners = {} if mode in ("nearest", "area") else {"align_corners": dice.of(None, True, False)}
    return (), {**options, **corners, "mode": mode}, [(2, 2, *dice.sizes(axes, 2, 6))]


def classes(dice: Dice, axes: int) -> Drawn:
    lead = dice.of((2,), (), (0,))
    places = lead + (dice.sizes(dice.of(0, 2), 1, 3) if lead else ())
    labels = np.asarray(dice.numpy.integers(0, 3, places))
    options: dict[str, Any] = {"reduction": dice.of("mean", "sum", "none"), **dice.some(weight=dice.numpy.random(3))}
    if dice.of(True, False):
        options["ignore_index"] = dice.of(1, -1)
        labels = np.asarray(np.where(dice.numpy.random(places) < 0.3, options["ignore_index"], labels))
    return (), options, [(*lead, 3, *places[len(lead) :]), labels]


def smoothed(dice: Dice, axes: int) -> Drawn:
    _, options, inputs = classes(dice, axes)
    return (), {**options, **dice.some(label_smoothing=dice.of(0.1, 1.0))}, inputs


def scores(dice: Dice, axes: int) -> Drawn:
    weight, positive = dice.numpy.random(dice.of((3,), (2, 3), (2, 1))), dice.numpy.random(3)
    options = dice.some(weight=weight, pos_weight=positive)
    return (), {**options, "reduction": dice.of("mean", "sum", "none")}, [(2, 3), dice.numpy.random((2, 3))]


def triplet(dice: Dice, axes: int) -> Drawn:
    options = {"p": dice.of(1.0, 2.0, 3.0), "swap": dice.of(True, False), "reduction": dice.of("mean", "sum", "none")}
    return (dice.of(0.3, 2.0),), options, [(*dice.of((3,), ()), 4)] * 3


def attention(dice: Dice, axes: int) -> Drawn:
    heads, (n, queries, keys) = dice.of(1, 2, 4), dice.sizes(3, 1, 4)
    width = heads * dice.of(1, 3)
    options = dice.some(bias=False, add_bias_kv=True, add_zero_attn=True, kdim=3, vdim=5)
    lead = dice.of((), (n,))
    sizes = (queries, width), (keys, options.get("kdim", width)), (keys, options.get("vdim", width))
    return (width, heads), {**options, "batch_first": True}, [lead + size for size in sizes]


GENERATORS: dict[str, Callable[[Dice, int], Drawn]] = {
    "Conv{}d": convolution,
    "ConvTranspose{}d": transposed,
    "MaxPool{}d": maximum,
    "AvgPool{}d": average,
    "AdaptiveAvgPool{}d": adaptive,
    "AdaptiveMaxPool{}d": adaptive,
    "BatchNorm{}d": batch_norm,
    "InstanceNorm{}d": instance_norm,
    "ZeroPad{}d": border,
    "ReflectionPad{}d": border,
    "ReplicationPad{}d": border,
    "CircularPad{}d": border,
    "GroupNorm": group_norm,
    "Upsample": upsample,
    "NLLLoss": classes,
    "CrossEntropyLoss": smoothed,
    "BCEWithLogitsLoss": scores,
    "TripletMarginLoss": triplet,
    "MultiheadAttention": attention,
}
NAMES = [(name.format(axes), axes) for name in GENERATORS for axes in ((1, 2, 3) if "{}" in name else (0,))]


def refused(make: Callable[[], Any]) -> Any:
    """What is made, or the error."""
    try:
        return make()
    except (MinidlError, RuntimeError, ValueError, IndexError, TypeError) as error:
        return error


def given(library: Any, options: dict[str, Any]) -> dict[str, Any]:
    return {name: library.tensor(v) if isinstance(v, np.ndarray) else v for name, v in options.items()}


def both_refuse(ours: Any, theirs: Any, what: str) -> bool:
    """Whether both are errors; one alone is a failure."""
    assert isinstance(ours, Exception) == isinstance(theirs, Exception), f"{what}: {ours!r:.200} and {theirs!r:.200}"
    assert not isinstance(ours, Exception) or isinstance(ours, MinidlError), f"{what}: {ours!r}"
    return isinstance(ours, Exception)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel", "ignore:.*recompute_scale_factor")
@pytest.mark.parametrize(("name", "axes"), NAMES, ids=[name for name, _ in NAMES])
def test_a_layer_with_drawn_arguments_is_pytorchs(name: str, axes: int) -> None:
    torch = pytest.importorskip("torch")
    draw = next(f for key, f in GENERATORS.items() if key.format(axes) == name)
    for seed in range(12):
        dice = Dice(seed)
        args, options, inputs = draw(dice, axes)
        what = f"{name}({args}, {options}) of {inputs}, seed {seed}"
        theirs = refused(lambda a=args, o=options: getattr(torch.nn, name)(*a, **given(torch, o)).double())
        ours = refused(lambda a=args, o=options: getattr(nn, name)(*a, **given(minidl, o)).double())
        if both_refuse(ours, theirs, what):
            continue
        for tensor in theirs.parameters():
            torch.nn.init.normal_(tensor)
        ours.load_state_dict(theirs.state_dict())
        for training in (True, False):
            ours.train(training)
            theirs.train(training)
            compare(torch, ours, theirs, inputs, dice, what)


def compare(torch: Any, ours: Any, theirs: Any, inputs: list[Any], dice: Dice, what: str) -> None:
    learned = [isinstance(spec, tuple) for spec in inputs]
    arrays = [dice.numpy.normal(size=spec) if isinstance(spec, tuple) else spec for spec in inputs]
    x = [minidl.tensor(a, requires_grad=wanted) for a, wanted in zip(arrays, learned, strict=True)]
    y = [torch.tensor(a, requires_grad=wanted) for a, wanted in zip(arrays, learned, strict=True)]
    b, a = refused(lambda: theirs(*y)), refused(lambda: ours(*x))
    if both_refuse(a, b, what):
        return
    pairs = list(zip(*[r if isinstance(r, tuple) else (r,) for r in (a, b)], strict=True))
    for found, right in pairs:
        np.testing.assert_allclose(found.data, right.detach().numpy(), rtol=1e-9, atol=1e-9, err_msg=what)
    for found, right in zip(ours.buffers(), theirs.buffers(), strict=True):
        np.testing.assert_allclose(found.data, right.numpy(), rtol=1e-9, atol=1e-9, err_msg=what)
    results = [(p, q) for p, q in pairs if q.requires_grad]
    upstream = [dice.numpy.normal(size=p.shape) for p, _ in results]
    wanted = [t for t in [*x, *ours.parameters()] if t.requires_grad]
    asked = [t for t in [*y, *theirs.parameters()] if t.requires_grad]
    first = minidl.grad([p for p, _ in results], wanted, [minidl.tensor(u) for u in upstream], materialize_grads=True)
    right_ones = torch.autograd.grad(
        [q for _, q in results], asked, [torch.tensor(u) for u in upstream], materialize_grads=True
    )
    for found, right in zip(first, right_ones, strict=True):
        np.testing.assert_allclose(found.data, right.numpy(), rtol=1e-8, atol=1e-8, err_msg=what)
