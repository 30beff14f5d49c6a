"""Losses: numbers known from elsewhere, and the edges that the catalogue's samples keep away from."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl import tensor
from minidl.errors import DtypeError, ShapeError, UsageError

INF, NAN = np.inf, np.nan
SCORES = [3.2, 5.1, -1.7]


def leaf(data: Any) -> Any:
    return tensor(data, dtype=minidl.float64, requires_grad=True)


class TestKnownNumbers:
    def test_cross_entropy(self) -> None:
        assert F.cross_entropy(leaf(SCORES), tensor(0)).item() == pytest.approx(2.04036, abs=5e-6)
        assert F.cross_entropy(minidl.zeros(3, 10), tensor([0, 4, 9])).item() == pytest.approx(2.302585, abs=1e-6)

    def test_softmax_applied_twice_cannot_go_below_its_floor(self) -> None:
        sure = minidl.softmax(leaf(1000 * np.eye(10)), 1)
        assert F.cross_entropy(sure, tensor(np.arange(10))).item() == pytest.approx(1.46115, abs=5e-6)

    def test_hinge_is_not_divided_by_the_classes(self) -> None:
        scores, labels = leaf([SCORES] * 3), tensor([0, 1, 2])
        losses = F.hinge_loss(scores, labels, reduction="none")
        np.testing.assert_allclose(losses.data, [2.9, 0, 13.7])
        assert F.hinge_loss(scores, labels).item() == pytest.approx(16.6 / 3)
        assert F.hinge_loss(leaf(SCORES), tensor(2), margin=0.0).item() == pytest.approx(4.9 + 6.8)
        np.testing.assert_allclose(3 * F.multi_margin_loss(scores, labels, reduction="none").data, losses.data)

    def test_a_satisfied_hinge_has_no_gradient_and_cross_entropy_always_has(self) -> None:
        scores = leaf([[9.0, 1.0, -2.0]])
        assert not minidl.grad(F.hinge_loss(scores, tensor([0])), scores)[0].data.any()
        assert minidl.grad(F.cross_entropy(scores, tensor([0])), scores)[0].data.all()

    def test_squared_error_hardly_corrects_a_confident_mistake(self) -> None:
        scores, wanted = leaf([[10.0, 0.0]]), tensor([[0.0, 1.0]], dtype=minidl.float64)
        squared = F.mse_loss(minidl.softmax(scores, 1), wanted)
        pulls = [np.abs(minidl.grad(loss, scores)[0].data).max() for loss in (squared, F.cross_entropy(scores, wanted))]
        assert pulls[0] < 1e-3
        assert pulls[1] > 0.99


class TestDistillation:
    def test_is_the_mixture_it_says(self) -> None:
        rng = np.random.default_rng(0)
        student, teacher, labels = leaf(rng.normal(size=(4, 3))), leaf(rng.normal(size=(4, 3))), tensor([0, 2, 1, 1])
        soft = minidl.softmax(teacher / 2.0, 1)
        kl = F.kl_div(minidl.log_softmax(student / 2.0, 1), soft, reduction="batchmean")
        expected = 0.3 * F.cross_entropy(student, labels) + 0.7 * 4.0 * kl
        found = F.distillation_loss(student, teacher, labels, temperature=2.0, alpha=0.7)
        assert found.item() == pytest.approx(expected.item(), rel=1e-12)

    def test_the_gradient_does_not_fade_with_the_temperature(self) -> None:
        student, teacher = leaf([[1.0, 0.0, -1.0]]), leaf([[0.0, 2.0, 1.0]])
        sizes = [
            np.abs(minidl.grad(F.distillation_loss(student, teacher, alpha=1.0, temperature=t), student)[0].data).sum()
            for t in (10.0, 100.0)
        ]
        assert sizes[0] == pytest.approx(sizes[1], rel=0.1)

    def test_a_teacher_that_is_certain(self) -> None:
        student = leaf([[1.0, 0.0]])
        loss = F.distillation_loss(student, leaf([[0.0, -5000.0]]), alpha=1.0, temperature=1.0)
        (pull,) = minidl.grad(loss, student)
        np.testing.assert_allclose(pull.data, minidl.softmax(student, 1).data - [[1.0, 0.0]])


class TestEdges:
    """What must be finite is finite, and what is impossible and of no weight costs nothing."""

    def test_an_impossible_class_of_no_weight(self) -> None:
        scores, wanted = leaf([[1.0, -INF, 2.0]]), leaf([[0.5, 0.0, 0.5]])
        loss = F.cross_entropy(scores, wanted)
        assert np.isfinite(loss.item())
        assert np.isfinite(minidl.grad(loss, scores)[0].data).all()
        assert F.cross_entropy(scores, tensor([1])).item() == INF

    def test_zero_probabilities_in_a_divergence(self) -> None:
        logs, wanted = leaf([-INF, -1.0]), leaf([0.0, 1.0])
        loss = F.kl_div(logs, wanted, reduction="sum")
        assert loss.item() == 1.0
        np.testing.assert_array_equal(minidl.grad(loss, logs)[0].data, [0.0, -1.0])
        target_logs = leaf([-INF, 0.0])
        loss = F.kl_div(leaf([-3.0, -1.0]), target_logs, reduction="sum", log_target=True)
        assert loss.item() == 1.0
        np.testing.assert_array_equal(minidl.grad(loss, target_logs)[0].data, [0.0, 2.0])

    def test_a_divergence_from_softened_targets_that_underflow(self) -> None:
        scores = leaf([0.0, -2000.0])
        loss = F.kl_div(leaf([-0.5, -1.0]), minidl.softmax(scores, 0), reduction="sum")
        assert np.isfinite(minidl.grad(loss, scores)[0].data).all()

    def test_scores_of_any_size(self) -> None:
        x = leaf([1000.0, -1000.0, 40.0])
        loss = F.binary_cross_entropy_with_logits(x, tensor([0.0, 1.0, 1.0]), reduction="none")
        np.testing.assert_allclose(loss.data, [1000.0, 1000.0, np.exp(-40.0)], rtol=1e-12)
        loss = F.soft_margin_loss(x, tensor([-1, 1, 1]), reduction="none")
        np.testing.assert_allclose(loss.data, [1000.0, 1000.0, np.exp(-40.0)], rtol=1e-12)

    def test_a_certain_mistake_is_dear_but_finite(self) -> None:
        p = leaf([0.0, 1.0, 0.0, 1.0])
        loss = F.binary_cross_entropy(p, leaf([1.0, 0.0, 0.0, 1.0]), reduction="none")
        np.testing.assert_array_equal(loss.data, [100.0, 100.0, 0.0, 0.0])
        np.testing.assert_allclose(minidl.grad(loss.sum(), p)[0].data, [-1e12, 1e12, 0.0, 0.0])

    def test_counts_of_zero_do_not_leak_from_stirlings_branch(self) -> None:
        counts = leaf([0.0, 1.0, 3.0])
        loss = F.poisson_nll_loss(leaf([0.1, 0.2, 0.3]), counts, full=True, reduction="sum")
        assert np.isfinite(minidl.grad(loss, counts)[0].data).all()

    def test_a_variance_below_eps_can_grow_again(self) -> None:
        var = leaf([0.0])
        loss = F.gaussian_nll_loss(leaf([0.0]), leaf([1.0]), var, eps=0.1)
        assert minidl.grad(loss, var)[0].item() == pytest.approx(0.5 / 0.1 - 0.5 / 0.1**2)

    @pytest.mark.parametrize("target", [[-100, -100], [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]])
    def test_nothing_to_learn_from_has_a_gradient_of_zero(self, target: Any) -> None:
        scores = leaf(np.arange(6.0).reshape(2, 3))
        loss = F.cross_entropy(scores, tensor(target))
        assert not minidl.grad(loss, scores)[0].data.any()

    @pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "uint64"])
    @pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss])
    def test_labels_of_any_whole_dtype(self, loss: Any, dtype: str) -> None:
        scores, labels = leaf(np.random.default_rng(0).normal(size=(4, 3))), np.array([2, 0, 1, 0])
        given = tensor(labels.astype(dtype))
        assert loss(scores, given).item() == loss(scores, tensor(labels)).item()
        assert loss(scores, given, ignore_index=0).item() == loss(scores[::2], tensor(labels[::2])).item()
        with pytest.raises(UsageError, match="class 2 is outside 0 … 1"):
            loss(scores[:, :2], given)

    @pytest.mark.parametrize("options", [{}, {"weight": [0.5, -1.0, 2.0]}, {"label_smoothing": 0.25}])
    def test_labels_that_change_later_do_not_change_the_gradient(self, options: Any) -> None:
        scores, labels = leaf(np.random.default_rng(0).normal(size=(2, 3))), tensor(np.array([2, 0]))
        options = {key: tensor(value) if isinstance(value, list) else value for key, value in options.items()}
        loss = F.cross_entropy(scores, labels, **options)
        expected = minidl.grad(loss, scores)[0].tolist()
        labels.data[...] = 1
        assert minidl.grad(loss, scores)[0].tolist() == expected

    @pytest.mark.parametrize("reduction", ["sum", "mean"])
    def test_an_empty_batch(self, reduction: str) -> None:
        none, nothing = minidl.zeros(0, 3), tensor(np.zeros(0, np.int64))
        for loss in (F.cross_entropy, F.nll_loss, F.multi_margin_loss, F.hinge_loss):
            value = loss(none, nothing, reduction=reduction).item()
            assert np.isnan(value) if reduction == "mean" else value == 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("call", "error", "match"),
        [
            (lambda x: F.mse_loss(x, x, reduction=None), UsageError, "must be 'mean', 'sum' or 'none', got None"),
            (lambda x: F.mse_loss(tensor([1]), tensor([2])), DtypeError, "floating-point"),
            (lambda x: F.nll_loss(x, tensor([0.0, 1.0])), DtypeError, "class numbers, got float32"),
            (lambda x: F.cross_entropy(tensor([[1, 2]]), tensor([0])), DtypeError, "floating-point"),
            (lambda x: F.cross_entropy(x, tensor([True, False])), DtypeError, "class numbers, got bool"),
            (lambda x: F.cross_entropy(x, tensor([0, 1]), label_smoothing="a little"), UsageError, "0 … 1"),
            (lambda x: F.binary_cross_entropy(x, tensor(np.zeros((2, 3), np.int64))), DtypeError, "target"),
            (lambda x: F.binary_cross_entropy(x * NAN, x), UsageError, "between 0 and 1"),
            (lambda x: F.kl_div(x, minidl.ones(2, 4)), ShapeError, "kl_div: input and target: shapes"),
            (lambda x: F.pairwise_distance(x, minidl.ones(2, 4)), ShapeError, "pairwise_distance: x1 and x2"),
            (lambda x: F.cosine_similarity(tensor([[1]]), tensor([[2]])), DtypeError, "floating-point"),
            (lambda x: F.gaussian_nll_loss(x, x, minidl.ones(2, 2)), ShapeError, "without its last axis"),
            (lambda x: F.distillation_loss(x, x), UsageError, "without a target"),
            (lambda x: F.mse_loss([1.0], [2.0]), DtypeError, "expected a tensor"),
        ],
    )
    def test_says_what_is_wrong(self, call: Any, error: type[Exception], match: str) -> None:
        with pytest.raises(error, match=match):
            call(minidl.ones(2, 3))


def both(name: str, arrays: list[Any], params: dict[str, Any]) -> list[list[Any]]:
    """Value and gradients, here and in PyTorch."""
    import torch

    results = []
    for function, make in ((getattr(F, name), tensor), (getattr(torch.nn.functional, name), torch.tensor)):
        xs = [make(np.asarray(a)) for a in arrays]
        free = [x.requires_grad_() for x, a in zip(xs, arrays, strict=True) if np.asarray(a).dtype.kind == "f"]
        given = {k: make(v) if isinstance(v, np.ndarray) else v for k, v in params.items()}
        y = function(*xs, **given)
        g = np.linspace(0.5, 1.5, int(np.prod(y.shape))).reshape(tuple(y.shape))
        grads = torch.autograd.grad(y, free, torch.tensor(g), allow_unused=True) if make is torch.tensor else None
        grads = minidl.grad(y, free, tensor(g), allow_unused=True) if grads is None else grads
        values = [y, *(0.0 * x if d is None else d for x, d in zip(free, grads, strict=True))]
        results.append([np.array(v.detach().numpy()) for v in values])
    return results


TIES = np.array([0.0, 0.3, -0.3, 1.0, -1.0, 2.0])
NONE = {"reduction": "none"}


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "arrays", "params"),
    [
        ("l1_loss", [TIES, 0 * TIES], NONE),
        ("huber_loss", [TIES, 0 * TIES], {"delta": 0.3, **NONE}),
        ("huber_loss", [[NAN, INF, -INF], [0.0, 0.0, 0.0]], NONE),
        ("smooth_l1_loss", [TIES, 0 * TIES], {"beta": 0.3, **NONE}),
        ("smooth_l1_loss", [[NAN, INF, -INF], [0.0, 0.0, 0.0]], NONE),
        ("binary_cross_entropy", [[0.0, 1.0, 0.0, 1.0, 1e-30], [0.0, 1.0, 1.0, 0.0, 0.5]], NONE),
        ("nll_loss", [[[-INF, 1.0], [2.0, -3.0]], [0, 1]], {"ignore_index": 0, **NONE}),
        ("cross_entropy", [[[1.0, -INF, 2.0]], [0]], NONE),
        ("cross_entropy", [[[1e300, -1e300, 2.0]], [1]], NONE),
        ("cross_entropy", [[[1.0, NAN, 2.0], [0.0, 1.0, 2.0]], [0, 1]], NONE),
        ("multi_margin_loss", [[[1.0, 2.0, 2.0], [1.0, 1.0, 0.0]], [1, 0]], NONE),
        ("multi_margin_loss", [[1.0, 2.0, 2.5], [1]], NONE),
        ("multi_margin_loss", [0.5, 0], {}),
        ("multilabel_margin_loss", [[[0.5, 1.5, -0.5]], [[0, -1, 2]]], NONE),
        ("multilabel_margin_loss", [0.5, 0], {}),
        ("hinge_embedding_loss", [[1.0, 1.0, 0.5, 0.5, 2.0, NAN], [1, -1, -1, 0, -1, -1]], NONE),
        ("margin_ranking_loss", [[1.0, 2.0, 3.0], [1.0, 3.0, 2.0], [1.0, 1.0, -1.0]], NONE),
        ("triplet_margin_loss", [[[1.0, 2.0]]] * 3, {"eps": 0.0, "swap": True}),
        ("cosine_embedding_loss", [[[0.0, 0.0]] * 3, [[1.0, 2.0]] * 3, [1, -1, 2]], NONE),
        ("cosine_similarity", [[[0.0, 0.0], [3.0, 4.0]], [[1.0, 2.0], [0.1, 0.2]]], {"eps": 1.0}),
        ("pairwise_distance", [[[1.0, 2.0]], [[1.0, 2.0]]], {"eps": 0.0}),
        ("normalize", [[[3.0, 4.0], [0.0, 0.0], [0.6, 0.8]]], {"eps": 5.0}),
        ("gaussian_nll_loss", [[1.0, 2.0, 3.0], [0.0, 2.0, 1.0], [0.0, 1e-8, 0.5]], NONE),
        ("gaussian_nll_loss", [[1.0, 2.0, 3.0], [0.0, 2.0, 1.0], [NAN, 1.0, 0.5]], NONE),
        ("poisson_nll_loss", [[0.0, 1.0, -1.0], [0.0, 2.0, 1.0]], {"log_input": False, "eps": 1.5, **NONE}),
        ("kl_div", [[-1.0, -2.0], [-0.5, 0.5]], {"reduction": "sum", "log_target": True}),
    ],
)
def test_edges_agree_with_torch(name: str, arrays: list[Any], params: dict[str, Any]) -> None:
    pytest.importorskip("torch")
    ours, theirs = both(
        name, [np.asarray(a, np.float64) if np.asarray(a).dtype.kind == "f" else a for a in arrays], params
    )
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-12)  # PyTorch's ε are float32


@pytest.mark.torch
@pytest.mark.parametrize("shape", [(3,), (1, 3), (4, 3), (4, 3, 2), (2, 3, 2, 2), (2, 3, 2, 1, 2), (2, 1), (2, 3, 0)])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_every_shape_of_a_classifier_agrees_with_torch(shape: tuple[int, ...], reduction: str) -> None:
    pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    axis = min(1, len(shape) - 1)
    scores, weight = rng.normal(size=shape), rng.uniform(0.1, 1.0, shape[axis])
    labels = np.asarray(rng.integers(0, shape[axis], (*shape[:axis], *shape[axis + 1 :])))
    for name, extra in (
        ("nll_loss", {"weight": weight, "ignore_index": 1}),
        ("cross_entropy", {"weight": weight, "ignore_index": 0, "label_smoothing": 0.25}),
        ("cross_entropy", {"label_smoothing": 1.0}),
    ):
        ours, theirs = both(name, [scores, labels], {"reduction": reduction, **extra})
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
    ours, theirs = both("cross_entropy", [scores, rng.uniform(size=shape)], {"reduction": reduction, "weight": weight})
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)
