"""Normalisations: running statistics, accuracy, what a batch of one may do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl import tensor
from minidl.errors import DtypeError, ShapeError, UsageError
from minidl.primitives.elementwise.arithmetic import sqrt, square
from minidl.primitives.layers.normalization import standardize_
from minidl.primitives.reductions.reduction import mean

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(3.0, 2.0, (4, 3, 5, 2))


def double(array: Any) -> Any:
    return tensor(np.asarray(array, np.float64))


def test_the_number_of_the_notes() -> None:
    out = F.batch_norm(double([[1.0], [2.0], [3.0], [4.0]]), None, None, training=True, eps=1e-12)
    np.testing.assert_allclose(out.data[:, 0], [-1.34164, -0.44721, 0.44721, 1.34164], atol=5e-6)


def test_one_primitive_is_the_textbooks_composition() -> None:
    x = minidl.tensor(IMAGES, requires_grad=True)
    g = double(RNG.normal(size=IMAGES.shape))
    centred = x - mean(x, (0, 2), keepdim=True)
    composed = centred / sqrt(mean(square(centred), (0, 2), keepdim=True) + 0.1)
    fused = standardize_(x, dim=(0, 2), eps=0.1)
    np.testing.assert_allclose(fused.data, composed.data, rtol=1e-12, atol=1e-12)
    for a, b in zip(minidl.grad(fused, x, g), minidl.grad(composed, x, g), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-10, atol=1e-12)


def test_a_large_mean_does_not_cancel() -> None:
    x = (RNG.normal(size=(64, 256)) + 1e4).astype(np.float32)
    out = F.layer_norm(tensor(x), (256,))
    exact = F.layer_norm(double(x), (256,))
    np.testing.assert_allclose(out.data, exact.data, atol=2e-3)


class TestRunningStatistics:
    def test_training_updates_them_in_place(self) -> None:
        running_mean, running_var = double(np.zeros(3)), double(np.ones(3))
        view, memory = running_mean[1:], running_mean.data
        F.batch_norm(double(IMAGES), running_mean, running_var, training=True, momentum=0.25)
        np.testing.assert_allclose(running_mean.data, 0.25 * IMAGES.mean((0, 2, 3)))
        np.testing.assert_allclose(running_var.data, 0.75 + 0.25 * IMAGES.var((0, 2, 3), ddof=1))
        assert running_mean.data is memory
        np.testing.assert_array_equal(view.data, running_mean.data[1:])

    def test_an_update_is_noticed_by_a_graph_that_needs_the_old_values(self) -> None:
        running_mean, running_var = double(np.zeros(3)), double(np.ones(3))
        x = minidl.tensor(IMAGES, requires_grad=True)
        y = x * running_mean.reshape(1, 3, 1, 1)
        F.batch_norm(x, running_mean, running_var, training=True)
        with pytest.raises(minidl.errors.GraphError):
            y.sum().backward()

    def test_a_graph_of_evaluation_keeps_the_values_it_was_made_with(self) -> None:
        running_mean, running_var = double([1.0, 2.0, 3.0]), double([4.0, 4.0, 4.0])
        x = minidl.tensor(IMAGES, requires_grad=True)
        y = F.batch_norm(x, running_mean, running_var, eps=0.0)
        F.batch_norm(x, running_mean, running_var, training=True)
        np.testing.assert_allclose(minidl.grad(y.sum(), x)[0].data, 0.5)

    def test_evaluation_leaves_them_alone(self) -> None:
        stats = [double(np.zeros(3)), double(np.ones(3))]
        for function, how in ((F.batch_norm, {"training": False}), (F.instance_norm, {"use_input_stats": False})):
            function(double(IMAGES), *stats, **how)
        np.testing.assert_array_equal([s.data for s in stats], [np.zeros(3), np.ones(3)])

    def test_an_empty_batch_teaches_nothing(self) -> None:
        stats = [double(np.zeros(3)), double(np.ones(3))]
        assert F.batch_norm(minidl.zeros(0, 3), *stats, training=True).shape == (0, 3)
        np.testing.assert_array_equal([s.data for s in stats], [np.zeros(3), np.ones(3)])

    @pytest.mark.torch
    @pytest.mark.parametrize("name", ["batch_norm", "instance_norm"])
    @pytest.mark.parametrize("momentum", [0.0, 0.1, 1.0])
    def test_agree_with_torch(self, name: str, momentum: float) -> None:
        torch = pytest.importorskip("torch")
        start = RNG.normal(size=3), RNG.uniform(0.5, 2.0, 3)
        ours, theirs = [double(s) for s in start], [torch.tensor(s) for s in start]
        how = {"training": True} if name == "batch_norm" else {}
        for _ in range(3):
            getattr(F, name)(double(IMAGES), *ours, momentum=momentum, **how)
            getattr(torch.nn.functional, name)(torch.tensor(IMAGES), *theirs, momentum=momentum, **how)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a.data, b.numpy(), rtol=1e-12)

    def test_keep_their_dtype(self) -> None:
        stats = [minidl.zeros(3), minidl.ones(3)]
        F.batch_norm(double(IMAGES), *stats, training=True)
        assert [s.dtype for s in stats] == [np.float32, np.float32]


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "error", "match"),
        [
            (lambda x: F.batch_norm(x, minidl.zeros(3), None, training=True), UsageError, "go together"),
            (lambda x: F.batch_norm(x, None, None, training=True, momentum=None), UsageError, "momentum"),
            (lambda x: F.batch_norm(x, None, None, training=True, eps=-1.0), UsageError, "eps must be positive"),
            (lambda x: F.batch_norm(x.long(), None, None, training=True), DtypeError, "floating-point"),
            (lambda x: F.layer_norm(x, ()), ShapeError, "one axis or more"),
            (lambda x: F.group_norm(x, 0), UsageError, "at least 1"),
            (lambda x: F.rms_norm(x, (2, 3, 1)), ShapeError, "must end in"),
        ],
    )
    def test_says_what_is_wrong(self, call: Any, error: type[Exception], match: str) -> None:
        with pytest.raises(error, match=match):
            call(minidl.ones(2, 3))


def test_rms_norm_uses_the_spacing_of_the_inputs_dtype() -> None:
    for dtype in (np.float32, np.float64):
        x = tensor(np.full((1, 4), 1e-9, dtype))
        expected = 1e-9 / np.sqrt(1e-18 + np.finfo(dtype).eps)
        np.testing.assert_allclose(F.rms_norm(x, (4,)).data, expected, rtol=1e-5)


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 4), (1, 3, 2), (2, 3, 2, 1, 2), (0, 3), (2, 3, 0)])
@pytest.mark.parametrize("training", [True, False])
def test_batch_norm_of_every_shape_agrees_with_torch(shape: tuple[int, ...], training: bool) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(1)
    arrays = [rng.normal(size=shape), rng.normal(size=3), rng.normal(size=3)]
    stats = rng.normal(size=3), rng.uniform(0.5, 2.0, 3)
    g = rng.normal(size=shape)
    x, w, b = (minidl.tensor(a, requires_grad=True) for a in arrays)
    t, u, v = (torch.tensor(a, requires_grad=True) for a in arrays)
    y = F.batch_norm(x, *map(double, stats), w, b, training, 0.3, 1e-3)
    s = torch.nn.functional.batch_norm(t, *map(torch.tensor, stats), u, v, training, 0.3, 1e-3)
    np.testing.assert_allclose(y.data, s.detach().numpy(), rtol=1e-9, atol=1e-11)
    theirs = torch.autograd.grad(s, (t, u, v), torch.tensor(g))
    for a, c in zip(minidl.grad(y, (x, w, b), tensor(g)), theirs, strict=True):
        np.testing.assert_allclose(a.data, c.numpy(), rtol=1e-8, atol=1e-10)
