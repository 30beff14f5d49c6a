"""Convolution, pooling and resizing: the lectures' numbers, and PyTorch's on hundreds of random windows a dimension."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.errors import UsageError

F: Any = minidl.nn.functional
Case = tuple[list[tuple[int, ...]], dict[str, Any]]
COUNT = 120
"""Random cases an operation and a dimension."""


def test_what_was_checked_once_is_no_excuse_for_what_only_equals_it() -> None:
    """Sizes are worked out once for each combination of numbers; True and 1.0 equal 1."""
    x, w = minidl.ones(1, 1, 4, 4), minidl.ones(1, 1, 2, 2)
    assert minidl.conv2d(x, w, stride=(1, 1), groups=1).shape == (1, 1, 3, 3)
    wrong: list[dict[str, Any]] = [{"groups": True}, {"groups": 1.0}, {"stride": (1.0, 1)}, {"dilation": [True, 1]}]
    for options in wrong:
        with pytest.raises(UsageError, match="whole number"):
            minidl.conv2d(x, w, **options)
    assert F.max_pool2d(x, 2, stride=(1, 1)).shape == (1, 1, 3, 3)
    with pytest.raises(UsageError, match="whole number"):
        F.max_pool2d(x, (2.0, 2), stride=(1, 1))


class TestFacts:
    """Numbers of the lectures, computed by hand."""

    def test_a_strided_convolution_and_its_transpose(self) -> None:
        kernel = minidl.tensor([[[1.0, 2.0, 3.0]]])
        assert minidl.conv1d(minidl.tensor([[1.0, 2.0, 3.0, 4.0]]), kernel, stride=2, padding=1).tolist() == [[8, 20]]
        small = minidl.tensor([[1.0, 2.0]])
        assert minidl.conv_transpose1d(small, kernel, stride=2, output_padding=1).tolist() == [[1, 2, 5, 4, 6, 0]]
        assert minidl.conv_transpose1d(small, kernel, stride=2, padding=1).tolist() == [[2, 5, 4]]
        larger = minidl.conv_transpose1d(small, kernel, stride=2, padding=1, output_padding=1)
        assert larger.tolist() == [[2, 5, 4, 6]]

    def test_the_pooled_four_by_four(self) -> None:
        image = minidl.tensor(
            [[[1.0, 3.0, 2.0, 9.0], [0.0, 6.0, 4.0, 9.0], [3.0, 1.0, 0.0, 4.0], [2.0, 1.0, 4.0, 4.0]]]
        )
        assert F.max_pool2d(image, 2).tolist() == [[[6, 9], [3, 4]]]
        assert F.avg_pool2d(image, 2).tolist() == [[[2.5, 6], [1.75, 3]]]

    def test_parameters_of_layers(self) -> None:
        def count(layer: Any) -> int:
            return sum(math.prod(p.shape) for p in layer.parameters())

        assert count(minidl.nn.Conv2d(96, 256, 5)) == 614_656
        assert 3 * count(minidl.nn.Conv2d(64, 64, 3, bias=False)) == 110_592
        assert count(minidl.nn.Conv2d(64, 64, 7, bias=False)) == 200_704


class TestMeaning:
    """What can be said without another library."""

    @pytest.mark.parametrize("axes", [1, 2, 3])
    def test_pooling_and_unpooling(self, axes: int) -> None:
        rng = np.random.default_rng(0)
        x = minidl.tensor(rng.permutation(2 * 4**axes).reshape(1, 2, *(4,) * axes) + 1.0)
        y, where = getattr(F, f"max_pool{axes}d")(x, 2, return_indices=True)
        back = getattr(F, f"max_unpool{axes}d")(y, where, 2)
        assert back.shape == x.shape
        assert set(np.unique((back.data == x.data) | (back.data == 0))) == {True}
        assert back.sum().item() == y.sum().item()

    def test_the_last_window_with_a_pixel_keeps_it_when_unpooled(self) -> None:
        x = minidl.tensor([[1.0, 2.0, 3.0]], requires_grad=True)
        y = F.max_unpool1d(x, minidl.tensor([[1, 1, 0]]), 1)
        assert y.tolist() == [[3, 2, 0]]
        y.backward(minidl.tensor([[10.0, 20.0, 30.0]]))
        assert x.grad.tolist() == [[0, 20, 10]]

    def test_pixel_shuffle_is_undone(self) -> None:
        x = minidl.arange(2 * 18 * 2 * 3).reshape(2, 18, 2, 3)
        assert (minidl.pixel_unshuffle(minidl.pixel_shuffle(x, 3), 3) == x).all()

    def test_a_dead_window_has_no_slope(self) -> None:
        x = minidl.zeros(1, 4, requires_grad=True)
        F.lp_pool1d(x, 2, 2).sum().backward()
        assert x.grad.tolist() == [[0, 0, 0, 0]]

    def test_ties_send_everything_to_the_first(self) -> None:
        x = minidl.ones(1, 4, 4, requires_grad=True)
        F.max_pool2d(x, 2).sum().backward()
        assert x.grad.tolist() == [[[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]]]

    def test_the_functions_of_the_layers_take_their_arguments_by_position(self) -> None:
        x = minidl.rand(1, 2, 6, 6)
        w = minidl.rand(4, 1, 3, 3)
        by_name = minidl.conv2d(input=x, weight=w, bias=None, stride=2, padding=1, dilation=1, groups=2)
        assert (F.conv2d(x, w, None, (2, 2), (1, 1), (1, 1), 2) == by_name).all()
        assert (
            F.max_pool2d(x, 3, 2, 1, 1, True) == F.max_pool2d(x, kernel_size=3, stride=2, padding=1, ceil_mode=True)
        ).all()


class Draw:
    """Random arguments, the same ones in every run."""

    def __init__(self, seed: int, axes: int) -> None:
        self.rng = np.random.default_rng([seed, axes])
        self.axes = axes

    def number(self, least: int, most: int) -> int:
        return int(self.rng.integers(least, most + 1))

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def each(self, least: int, most: int) -> Any:
        """One number for all axes, or one an axis."""
        if self.chance(0.4):
            return self.number(least, most)
        return tuple(self.number(least, most) for _ in range(self.axes))

    def image(self, channels: int, most: int = 8) -> tuple[int, ...]:
        """A shape, sometimes an empty batch, sometimes without a batch axis."""
        size = tuple(self.number(1, most - self.axes) for _ in range(self.axes))
        return (
            (channels, *size) if self.chance(0.2) else (0 if self.chance(0.05) else self.number(1, 2), channels, *size)
        )

    def kernel(self) -> tuple[int, ...]:
        return tuple(self.number(1, 3) for _ in range(self.axes))


def convolutions(d: Draw) -> Case:
    groups = d.number(1, 3)
    x, w = d.image(groups * d.number(1, 2)), (groups * d.number(1, 2), 0, *d.kernel())
    w = (w[0], x[-d.axes - 1] // groups, *w[2:])
    p = {"stride": d.each(1, 3), "padding": d.each(0, 3), "dilation": d.each(1, 3), "groups": groups}
    if d.chance(0.2):
        p |= {"padding": "same", "stride": 1}
    return [x, w, (w[0],)], p


def transposed_convolutions(d: Draw) -> Case:
    groups = d.number(1, 3)
    x = d.image(groups * d.number(1, 2), 6)
    w = (x[-d.axes - 1], d.number(1, 2), *d.kernel())
    p = {"stride": d.each(1, 3), "padding": d.each(0, 2), "output_padding": d.each(0, 1), "dilation": d.each(1, 3)}
    return [x, w, (w[1] * groups,)], p | {"groups": groups}


def windows(d: Draw) -> dict[str, Any]:
    p = {"kernel_size": d.each(1, 4), "padding": d.each(0, 2), "ceil_mode": d.chance(0.5)}
    return p | ({"stride": d.each(1, 4)} if d.chance(0.7) else {})


def maxima(d: Draw) -> Case:
    spread = {"dilation": d.each(1, 3), "padding": 0} if d.chance(0.4) else {}  # with both, a window may hold no pixel
    return [d.image(d.number(1, 3))], windows(d) | spread | {"return_indices": d.chance(0.5)}


def averages(d: Draw) -> Case:
    divisor = {"divisor_override": d.number(1, 5)} if d.axes > 1 and d.chance(0.3) else {}
    return [d.image(d.number(1, 3))], windows(d) | {"count_include_pad": d.chance(0.5)} | divisor


def powers(d: Draw) -> Case:
    p = {"norm_type": [1, 2, 2.0, 4, math.inf, -math.inf][d.number(0, 5)], "ceil_mode": d.chance(0.5)}
    return [d.image(d.number(1, 3))], p | {"kernel_size": d.number(1, 3) if d.axes == 1 else d.each(1, 3)}


def adaptive_means(d: Draw) -> Case:
    return [d.image(d.number(1, 3))], {"output_size": d.each(1, 6)}


def adaptive_maxima(d: Draw) -> Case:
    return [d.image(d.number(1, 3))], {"output_size": d.each(1, 6), "return_indices": d.chance(0.5)}


def resized(d: Draw) -> Case:
    smooth = {1: ["linear"], 2: ["bilinear", "bicubic"], 3: ["trilinear"]}[d.axes]
    modes = ["nearest", "nearest-exact", "area", *smooth]
    p: dict[str, Any] = {"mode": modes[d.number(0, len(modes) - 1)]}
    if d.chance(0.5):
        p["size"] = d.each(1, 9)
    else:
        p["scale_factor"] = tuple(float(s) for s in d.rng.uniform(0.3, 3, d.axes))
        if p["mode"] == "nearest":  # PyTorch's backward pass takes other pixels than its forward for some other factors
            p["scale_factor"] = tuple([0.5, 1.5, 2.0, 3.0][d.number(0, 3)] for _ in range(d.axes))
        p["recompute_scale_factor"] = d.chance(0.3)
    if p["mode"] in smooth:
        p["align_corners"] = [None, False, True][d.number(0, 2)]
    return [(d.number(0, 2), *d.image(2)[-d.axes - 1 :])], p


def responses(d: Draw) -> Case:
    alpha, beta, k = (float(v) for v in d.rng.uniform((0, 0, 0.5), 2))
    return [(2, d.number(1, 6), *(2, 3, 2)[: d.axes])], {"size": d.number(1, 7), "alpha": alpha, "beta": beta, "k": k}


SUBJECTS = [
    ("conv{}d", convolutions),
    ("conv_transpose{}d", transposed_convolutions),
    ("max_pool{}d", maxima),
    ("avg_pool{}d", averages),
    ("lp_pool{}d", powers),
    ("adaptive_avg_pool{}d", adaptive_means),
    ("adaptive_max_pool{}d", adaptive_maxima),
    ("interpolate", resized),
    ("local_response_norm", responses),
]


def valid(name: str, draw: Any, d: Draw) -> Iterator[Case]:
    """Cases that we take; PyTorch must take them too."""
    count = 0
    while count < COUNT:
        shapes, p = draw(d)
        try:
            getattr(F, name)(*(minidl.zeros(*s) for s in shapes), **p)
        except minidl.MinidlError:
            continue
        count += 1
        yield shapes, p


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
class TestPyTorch:
    @pytest.mark.parametrize("axes", [1, 2, 3])
    @pytest.mark.parametrize(("name", "draw"), SUBJECTS, ids=[name for name, _ in SUBJECTS])
    def test_random_windows(self, name: str, draw: Any, axes: int) -> None:
        torch = pytest.importorskip("torch")
        name = name.format(axes)
        d = Draw(sum(map(ord, name)), axes)
        compared = 0
        for shapes, p in valid(name, draw, d):
            dtype = ["float32", "float64"][d.number(0, 1)]
            arrays = [d.rng.standard_normal(s).astype(dtype) for s in shapes]
            if "max" in name and d.chance(0.5):
                arrays = [np.round(a) for a in arrays]  # ties
            try:
                compared += self.agree(torch, name, arrays, p, d.rng)
            except RuntimeError as error:  # a window larger than the image, which only its padding makes large enough
                assert "smaller than kernel size" in str(error), (name, shapes, p)  # noqa: PT017  (it need not raise)
        assert compared > COUNT // 3

    def agree(self, torch: Any, name: str, arrays: Any, p: Any, rng: Any) -> bool:
        ts = [torch.tensor(a, requires_grad=True) for a in arrays]
        theirs = getattr(torch.nn.functional, name)(*ts, **p)
        xs = [minidl.tensor(a, requires_grad=True) for a in arrays]
        ours = getattr(F, name)(*xs, **p)
        message = f"{name} of {[a.shape for a in arrays]}, {p}"
        close: dict[str, Any] = (
            {"rtol": 1e-9, "atol": 1e-10} if arrays[0].dtype == "f8" else {"rtol": 2e-4, "atol": 2e-5}
        )
        if isinstance(theirs, tuple):
            np.testing.assert_array_equal(ours[1].data, theirs[1].numpy(), message)
            assert ours[1].dtype == minidl.int64
            ours, theirs = ours[0], theirs[0]
        assert (ours.shape, str(ours.dtype)) == (tuple(theirs.shape), str(theirs.dtype).removeprefix("torch.")), message
        np.testing.assert_allclose(ours.data, theirs.detach().numpy(), err_msg=message, **close)
        g = rng.standard_normal(ours.shape).astype(arrays[0].dtype)
        back = minidl.grad(ours, xs, minidl.tensor(g))
        wanted = torch.autograd.grad(theirs, ts, torch.tensor(g))
        for a, b in zip(back, wanted, strict=True):
            np.testing.assert_allclose(a.data, b.numpy(), err_msg=message, **close)
        return True

    @pytest.mark.parametrize("memory", ["transposed", "strided", "repeated"])
    def test_images_in_any_memory(self, memory: str) -> None:
        torch = pytest.importorskip("torch")
        rng = np.random.default_rng(0)
        w = rng.standard_normal((4, 3, 3, 3))
        base = {
            "transposed": rng.standard_normal((6, 7, 3, 2)).T,
            "strided": rng.standard_normal((4, 6, 14, 12))[::2, ::2, ::2, ::2],
            "repeated": np.broadcast_to(rng.standard_normal((2, 3, 1, 1)), (2, 3, 7, 6)),
        }[memory]
        for ours, theirs in (
            (minidl.conv2d(minidl.Tensor(base), minidl.tensor(w)), lambda x: torch.conv2d(x, torch.tensor(w))),
            (F.max_pool2d(minidl.Tensor(base), 2), lambda x: torch.max_pool2d(x, 2)),
            (F.avg_pool2d(minidl.Tensor(base), 3, 1), lambda x: torch.nn.functional.avg_pool2d(x, 3, 1)),
            (F.interpolate(minidl.Tensor(base), 5), lambda x: torch.nn.functional.interpolate(x, 5)),
        ):
            np.testing.assert_allclose(ours.data, theirs(torch.tensor(base.copy())).numpy(), rtol=1e-10, atol=1e-12)

    def test_nan_and_infinities_win_as_they_do_there(self) -> None:
        torch = pytest.importorskip("torch")
        rng = np.random.default_rng(1)
        for axes in (1, 2, 3):
            x = rng.standard_normal((2, 2, *(5,) * axes))
            for value in (np.nan, np.inf, -np.inf):
                x[rng.random(x.shape) < 0.3] = value
            for name, p in (
                ("max_pool{}d", {"kernel_size": 3, "stride": 1}),
                ("adaptive_max_pool{}d", {"output_size": 2}),
            ):
                ours = getattr(F, name.format(axes))(minidl.tensor(x), **p, return_indices=True)
                theirs = getattr(torch.nn.functional, name.format(axes))(torch.tensor(x), **p, return_indices=True)
                for a, b in zip(ours, theirs, strict=True):
                    np.testing.assert_array_equal(a.data, b.numpy())
