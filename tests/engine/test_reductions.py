"""Reductions at their edges, against PyTorch: ties, zeros, NaN, infinities, nothing at all; values and two gradients."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.errors import DtypeError, UsageError

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.torch, pytest.mark.filterwarnings("ignore:.*degrees of freedom")]

NAN, INF = math.nan, math.inf

INPUTS: dict[str, Any] = {
    "plain": [1.0, -3.0, 2.0, 0.5],
    "ties": [1.0, 3.0, 3.0, 2.0],
    "constant": [2.0, 2.0, 2.0],
    "negative": [-1.0, -2.0, -0.5],
    "a zero": [2.0, 0.0, 3.0],
    "two zeros": [0.0, 2.0, 0.0, 3.0],
    "all zero": [0.0, 0.0, 0.0],
    "one": [5.0],
    "nan": [1.0, NAN, 3.0, NAN],
    "inf": [1.0, INF, 2.0],
    "two infs": [INF, INF, 1.0],
    "minus inf": [-INF, 1.0],
    "all minus inf": [-INF, -INF],
    "both infs": [-INF, 2.0, INF],
    "matrix": [[1.0, 3.0, 3.0], [2.0, 0.0, 2.0]],
    "empty": [],
}

NO_EMPTY = {"empty"}
DIM = {"dim": 0}
F = "nn.functional."

CASES: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "sum": ("sum", {}, set()),
    "sum dim": ("sum", {"dim": (0,), "keepdim": True}, set()),
    "mean": ("mean", {}, set()),
    "mean dim": ("mean", DIM, set()),
    "nansum": ("nansum", {}, set()),
    "nanmean": ("nanmean", {"dim": 0}, set()),
    "prod": ("prod", {}, {"inf", "two infs", "minus inf", "both infs", "all minus inf"}),
    "prod dim": ("prod", DIM, {"inf", "two infs", "minus inf", "both infs", "all minus inf"}),
    "cumprod": ("cumprod", DIM, {"inf", "two infs", "minus inf", "both infs", "all minus inf"}),
    "cumsum": ("cumsum", DIM, set()),
    "logcumsumexp": ("logcumsumexp", DIM, {"inf", "two infs", "both infs"}),
    "cummax": ("cummax", DIM, set()),
    "cummin": ("cummin", DIM, set()),
    "var": ("var", {}, set()),
    "var dim": ("var", {"dim": 0, "correction": 0}, set()),
    "std": ("std", {}, set()),
    "std dim": ("std", {"dim": -1, "unbiased": False, "keepdim": True}, set()),
    "std too few": ("std", {"correction": 0.5}, set()),
    "var_mean": ("var_mean", {}, {"inf", "two infs", "minus inf", "all minus inf"}),
    "std_mean": ("std_mean", {"correction": 0}, {"inf", "two infs", "minus inf", "all minus inf"}),
    "amax": ("amax", {}, NO_EMPTY | {"nan"}),
    "amin": ("amin", DIM, NO_EMPTY | {"nan"}),
    "aminmax": ("aminmax", {}, NO_EMPTY | {"nan"}),
    "max": ("max", {}, NO_EMPTY),
    "min": ("min", {}, NO_EMPTY),
    "max dim": ("max", DIM, NO_EMPTY),
    "min dim": ("min", {"dim": -1, "keepdim": True}, NO_EMPTY),
    "median": ("median", {}, set()),
    "median dim": ("median", DIM, NO_EMPTY),
    "nanmedian": ("nanmedian", {}, set()),
    "nanmedian dim": ("nanmedian", DIM, NO_EMPTY),
    "mode": ("mode", {"dim": 0}, NO_EMPTY),
    "sort": ("sort", {"stable": True}, set()),
    "sort down": ("sort", {"stable": True, "descending": True}, set()),
    "msort": ("msort", {}, set()),
    "topk": (
        "topk",
        {"k": 1},
        NO_EMPTY | {"constant", "all zero", "nan", "two infs", "all minus inf", "matrix", "ties"},
    ),
    "kthvalue": ("kthvalue", {"k": 1}, NO_EMPTY | {"constant", "all zero", "two zeros", "all minus inf"}),
    "quantile": ("quantile", {"q": 0.3}, NO_EMPTY | {"nan"}),
    "quantile between": ("quantile", {"q": 0.5, "dim": -1, "interpolation": "midpoint"}, NO_EMPTY | {"nan"}),
    "nanquantile": ("nanquantile", {"q": 0.8, "dim": 0}, NO_EMPTY),
    "argmax": ("argmax", {}, NO_EMPTY),
    "argmin dim": ("argmin", {"dim": 0, "keepdim": True}, NO_EMPTY),
    "argsort": ("argsort", {"stable": True}, set()),
    "all": ("all", {}, set()),
    "any dim": ("any", DIM, set()),
    "count_nonzero": ("count_nonzero", {}, set()),
    "logsumexp": ("logsumexp", DIM, set()),
    "softmax": ("softmax", DIM, set()),
    "log_softmax": ("log_softmax", {"dim": -1}, set()),
    "softmin": (F + "softmin", DIM, set()),
    "norm": ("norm", {}, {"all zero"}),
    "norm 1": ("norm", {"p": 1}, set()),
    "norm 3": ("norm", {"p": 3, "dim": 0}, set()),
    "norm 1.5": ("norm", {"p": 1.5}, {"a zero", "two zeros", "all zero", "matrix"}),
    "norm 0.5": (
        "norm",
        {"p": 0.5},
        {"a zero", "two zeros", "all zero", "matrix", "inf", "two infs", "minus inf", "both infs"},
    ),
    "norm -1": ("norm", {"p": -1}, NO_EMPTY | {"a zero", "two zeros", "all zero", "matrix"}),
    "norm 0": ("norm", {"p": 0}, set()),
    "norm inf": ("norm", {"p": INF}, NO_EMPTY),
    "norm -inf": ("norm", {"p": -INF, "dim": -1}, NO_EMPTY),
    "vector_norm": ("linalg.vector_norm", {"ord": 4}, set()),
}
"""What is computed, how, and the inputs on which the difference is intended or PyTorch leaves the choice open (ties)."""


def found(module: Any, path: str) -> Callable[..., Any]:
    for part in path.split("."):
        module = getattr(module, part)
    return module


def tensors(result: Any) -> list[Any]:
    return list(result) if isinstance(result, tuple) else [result]


def numbers(t: Any) -> Any:
    return np.asarray(t.detach().data if isinstance(t, minidl.Tensor) else t.detach().numpy())


def weights_like(shape: tuple[int, ...]) -> Any:
    return 1.0 + np.arange(math.prod(shape)).reshape(shape)


def first_and_second(module: Any, function: Callable[..., Any], x: Any, params: dict[str, Any]) -> list[Any]:
    """Values, the gradient of their weighted sum, and the gradient of that gradient's weighted sum."""
    grad = minidl.grad if module is minidl else torch.autograd.grad
    results = tensors(function(x, **params))
    values = [numbers(r) for r in results]
    floats = [r for r in results if "float" in str(r.dtype) and r.requires_grad]
    zero = np.zeros(x.shape)
    if not floats:
        return [*values, zero, zero]
    starts = [module.tensor(weights_like(tuple(r.shape))) for r in floats]
    (d,) = grad(floats, [x], starts, create_graph=True, allow_unused=True)
    if d is None:
        return [*values, zero, zero]
    h = None
    if d.requires_grad:
        (h,) = grad([d], [x], [module.tensor(weights_like(tuple(d.shape)))], allow_unused=True)
    first = zero + (0 if torch.is_tensor(d) and d._is_zerotensor() else numbers(d))
    return [
        *values,
        first,
        zero if h is None else zero + (0 if torch.is_tensor(h) and h._is_zerotensor() else numbers(h)),
    ]


@pytest.mark.parametrize(("case", "given"), [(c, g) for c in CASES for g in INPUTS if g not in CASES[c][2]])
def test_agrees_with_pytorch(case: str, given: str) -> None:
    path, params, _ = CASES[case]
    x = minidl.tensor(np.array(INPUTS[given]), requires_grad=True)
    t = torch.tensor(INPUTS[given], dtype=torch.float64, requires_grad=True)
    ours = first_and_second(minidl, found(minidl, path), x, params)
    theirs = first_and_second(torch, found(torch, path), t, params)
    assert len(ours) == len(theirs)
    *values, d, h = ours
    *expected, e, k = theirs
    for a, b in zip(values, expected, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(d, e, rtol=1e-12, atol=1e-12)
    if (
        not np.isnan(e).any() and np.isfinite(INPUTS[given]).all()
    ):  # a gradient that is NaN has no derivative worth a comparison
        np.testing.assert_allclose(h, k, rtol=1e-11, atol=1e-11)


REDUCERS = ["sum", "nansum", "prod", "amax", "amin", "max", "min", "argmax", "argmin", "all", "any", "count_nonzero"]
ALONG = ["cumsum", "cumprod", "cummax", "cummin", "sort", "argsort", "median", "mode", "logsumexp"]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64", "float16"])
@pytest.mark.parametrize(("name", "params"), [(n, {}) for n in REDUCERS] + [(n, DIM) for n in REDUCERS + ALONG])
def test_dtypes(name: str, params: dict[str, Any], dtype: str) -> None:
    array = np.array([[3, 0, 2], [1, 0, 3]]).astype(dtype)
    try:
        theirs = found(torch, name)(torch.tensor(array), **params)
    except (RuntimeError, NotImplementedError):
        with pytest.raises(DtypeError):
            found(minidl, name)(minidl.tensor(array), **params)
        return
    for y, t in zip(tensors(found(minidl, name)(minidl.tensor(array), **params)), tensors(theirs), strict=True):
        assert str(y.dtype) == str(t.dtype).removeprefix("torch.")
        np.testing.assert_allclose(numbers(y), numbers(t), rtol=1e-3 if dtype == "float16" else 1e-6)


@pytest.mark.parametrize("name", ["mean", "nanmean", "var", "std", "norm", "var_mean", "std_mean"])
def test_whole_numbers_are_refused(name: str) -> None:
    with pytest.raises(DtypeError, match="floating-point"):
        found(minidl, name)(minidl.tensor([1, 2]))


CALLS: list[Callable[[Any, Any], Any]] = [
    lambda m, x: m.var(x, 1),
    lambda m, x: m.var(x, False),
    lambda m, x: m.var(x, True),
    lambda m, x: m.var(x, [0], False, True),
    lambda m, x: m.var(x, None, correction=2, keepdim=True),
    lambda m, x: m.var(x, dim=None, unbiased=False),
    lambda m, x: m.var(x, correction=None),
    lambda m, x: m.var(x, 1, correction=3),
    lambda m, x: m.var(x, 1, correction=4),
    lambda m, x: x.std(0, True, True),
    lambda m, x: x.std(False),
    lambda m, x: m.var_mean(x, 0, False, True),
    lambda m, x: m.std_mean(x, True),
    lambda m, x: m.max(x, m.ones(3)),
    lambda m, x: m.max(x, other=m.ones(2, 1)),
    lambda m, x: x.min(m.ones(3)),
    lambda m, x: m.max(x, 1, True),
    lambda m, x: m.max(x, dim=-1, keepdim=True).indices,
    lambda m, x: m.min(x, 0)[1],
    lambda m, x: m.median(x, -1, True).values,
    lambda m, x: m.amax(x, (0, 1), True),
    lambda m, x: m.amax(x, ()),
    lambda m, x: m.aminmax(x, dim=1, keepdim=True).min,
    lambda m, x: m.all(x, ()),
    lambda m, x: m.any(x, (0, 1), True),
    lambda m, x: m.any(x, keepdim=True),
    lambda m, x: m.all(x, None),
    lambda m, x: m.count_nonzero(x, [0, 1]),
    lambda m, x: m.sum(x, ()),
    lambda m, x: m.sum(x, [], True),
    lambda m, x: m.sum(x, None, True),
    lambda m, x: m.sum(x, (0, -1)),
    lambda m, x: m.sum(x > 0),
    lambda m, x: m.sum(x > 0, dtype=m.float32),
    lambda m, x: m.sum(x * 100, dtype=m.int64),
    lambda m, x: m.sum((x * 100).to(m.int64), dtype=m.uint8),
    lambda m, x: x.mean(dtype=m.float64),
    lambda m, x: m.mean(x > 0, 0, dtype=m.float32),
    lambda m, x: m.prod(x, 0, True, dtype=m.float64),
    lambda m, x: m.cumsum(x, -1, dtype=m.float64),
    lambda m, x: x.cumprod(dim=0),
    lambda m, x: m.cummax(x, dim=1).indices,
    lambda m, x: m.logsumexp(x, (0, 1), True),
    lambda m, x: x.logsumexp(1),
    lambda m, x: m.logsumexp((x * 10).to(m.int64), 0),
    lambda m, x: m.softmax(x, 1, m.float64),
    lambda m, x: m.softmax((x * 10).to(m.int32), dim=0, dtype=m.float32),
    lambda m, x: x.softmax(-1),
    lambda m, x: x.log_softmax(0, m.float64),
    lambda m, x: m.nn.functional.softmax(x, dim=1),
    lambda m, x: m.nn.functional.log_softmax(x, -2),
    lambda m, x: m.norm(x, 2, 1),
    lambda m, x: m.norm(x, p=None),
    lambda m, x: m.norm(x, "fro", (0, 1)),
    lambda m, x: m.norm(x, 3, [0], True, dtype=m.float64),
    lambda m, x: x.norm(1),
    lambda m, x: x.norm(dim=0, p=INF, keepdim=True),
    lambda m, x: m.norm(x, True),
    lambda m, x: m.linalg.vector_norm(x, INF, dim=1, keepdim=True),
    lambda m, x: m.linalg.vector_norm(x, 0),
    lambda m, x: m.linalg.vector_norm(x, 2, ()),
    lambda m, x: m.topk(x, 2, 1, False, True),
    lambda m, x: m.topk(x, k=1, dim=0).indices,
    lambda m, x: x.topk(2).values,
    lambda m, x: m.topk(x, 0),
    lambda m, x: m.kthvalue(x, 2, 1, True),
    lambda m, x: m.sort(x, 0, True),
    lambda m, x: m.sort(x, stable=True, dim=1),
    lambda m, x: x.argsort(0, True),
    lambda m, x: m.argmax(x),
    lambda m, x: m.argmax(x, keepdim=True),
    lambda m, x: m.argmin(x, 1, True),
    lambda m, x: x.argmax(dim=-1),
    lambda m, x: m.mode(x, 0, True),
    lambda m, x: m.quantile(x, 0.3, 1, True),
    lambda m, x: m.quantile(x, m.tensor([0.1, 0.5]), keepdim=True),
    lambda m, x: x.nanquantile(m.tensor(0.5), dim=0, interpolation="higher"),
    lambda m, x: m.quantile(x, 1),
    lambda m, x: m.bincount((x * 0).to(m.int64).reshape(6), x.reshape(6)),
    lambda m, x: m.bincount((x * x).to(m.uint8).reshape(6), minlength=3),
]


@pytest.mark.parametrize("shape", [(2, 3)])
@pytest.mark.parametrize("number", range(len(CALLS)))
def test_ways_to_call(number: int, shape: tuple[int, ...]) -> None:
    array = np.random.default_rng(number).standard_normal(shape).astype(np.float32)
    theirs = tensors(CALLS[number](torch, torch.tensor(array)))
    ours = tensors(CALLS[number](minidl, minidl.tensor(array)))
    for y, t in zip(ours, theirs, strict=True):
        assert isinstance(y, minidl.Tensor)
        assert str(y.dtype) == str(t.dtype).removeprefix("torch.")
        assert y.shape == tuple(t.shape)
        np.testing.assert_allclose(numbers(y), numbers(t), rtol=2e-6, atol=1e-6)


SINGLE: list[Callable[[Any, Any], Any]] = [
    lambda m, x: m.topk(x, 1),
    lambda m, x: m.topk(x, 0),
    lambda m, x: m.kthvalue(x, 1),
    lambda m, x: m.sort(x),
    lambda m, x: m.argsort(x, -1),
    lambda m, x: m.msort(x),
    lambda m, x: m.max(x, 0),
    lambda m, x: m.min(x, -1, True),
    lambda m, x: m.median(x, 0),
    lambda m, x: m.mode(x),
    lambda m, x: m.cumsum(x, 0),
    lambda m, x: m.cummin(x, -1),
    lambda m, x: m.logcumsumexp(x, 0),
    lambda m, x: m.softmax(x, -1),
    lambda m, x: m.prod(x, 0, True),
    lambda m, x: m.argmax(x, 0),
    lambda m, x: m.argmin(x, keepdim=True),
    lambda m, x: m.var(x),
    lambda m, x: m.std(x, 0, correction=0),
    lambda m, x: m.sum(x, -1, True),
    lambda m, x: m.all(x, (0,)),
    lambda m, x: m.norm(x, 3, 0, True),
    lambda m, x: m.logsumexp(x, 0, True),
    lambda m, x: m.aminmax(x, dim=0),
]


@pytest.mark.parametrize("number", range(len(SINGLE)))
def test_a_single_number_has_an_axis_0_and_minus_1(number: int) -> None:
    x, t = minidl.tensor(2.0, requires_grad=True), torch.tensor(2.0, requires_grad=True)
    ours, theirs = tensors(SINGLE[number](minidl, x)), tensors(SINGLE[number](torch, t))
    for y, s in zip(ours, theirs, strict=True):
        assert y.shape == tuple(s.shape) == ()
        np.testing.assert_allclose(numbers(y), numbers(s), rtol=1e-6)
    if theirs[0].requires_grad:
        (d,) = minidl.grad(ours[0], x)
        (e,) = torch.autograd.grad(theirs[0], t)
        np.testing.assert_allclose(numbers(d), numbers(e), rtol=1e-6)
    with pytest.raises(UsageError, match="out of range"):
        minidl.sum(x, 1)


class TestIntendedDifferences:
    def test_a_nan_takes_the_gradient_of_amax(self) -> None:
        """PyTorch sends NaN to every element; its max() does what ours does."""
        x = minidl.tensor([1.0, NAN, 3.0], requires_grad=True)
        assert minidl.grad(minidl.amax(x), x)[0].tolist() == [0, 1, 0]

    def test_products_with_infinity(self) -> None:
        """PyTorch divides the product by the element and gets ∞/∞."""
        x = minidl.tensor([1.0, INF, 2.0], requires_grad=True)
        assert minidl.grad(minidl.prod(x), x)[0].tolist() == [INF, 2, INF]

    def test_no_nan_from_a_norm_at_zero(self) -> None:
        for p in (0.5, 1, 1.5, 2, 3, -1, INF, -INF):
            x = minidl.zeros(2, requires_grad=True)
            (d,) = minidl.grad(minidl.norm(x, p), x, create_graph=True)
            assert d.tolist() == [0, 0]
            if d.requires_grad:
                assert minidl.grad(d.sum(), x)[0].tolist() == [0, 0]

    def test_softmax_without_dim_takes_the_old_axis(self) -> None:
        for shape, axis in [((3,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((2, 3, 4, 5), 1)]:
            x = minidl.tensor(np.random.default_rng(0).standard_normal(shape))
            np.testing.assert_allclose(minidl.nn.functional.softmax(x).data.sum(axis), 1.0)


def test_long_sums_keep_their_digits() -> None:
    """Along any axis and in any memory order a float32 sum is about as good as PyTorch's."""
    rng = np.random.default_rng(0)
    for shape, dim in [
        ((300_000,), 0),
        ((100_000, 4), 0),
        ((16, 3000, 8), 1),
        ((700, 700), 0),
        ((8, 16, 28, 28), (0, 2, 3)),
    ]:
        array = rng.random(shape).astype(np.float32)
        for a in (array, np.asfortranarray(array), array[..., ::-1]):
            exact = a.astype(np.float64).sum(dim)
            np.testing.assert_allclose(minidl.sum(minidl.Tensor(a), dim).data, exact, rtol=1e-6)


def test_long_products_and_scans_agree_with_float64() -> None:
    array = np.random.default_rng(1).uniform(0.5, 1.5, 2000).astype(np.float32)
    np.testing.assert_allclose(minidl.cumsum(minidl.tensor(array), 0).data, np.cumsum(array, dtype=float), rtol=1e-6)
    np.testing.assert_allclose(
        minidl.cumprod(minidl.tensor(array), 0).data, np.cumprod(array, dtype=float), rtol=1e-6, atol=1e-38
    )


def test_the_variance_of_large_numbers_does_not_cancel() -> None:
    x = minidl.tensor(np.array([1e8 + 1, 1e8 + 2, 1e8 + 3]))
    assert minidl.var(x).item() == 1


def test_wide_sort_is_stable_and_puts_nan_last() -> None:
    array = np.random.default_rng(2).integers(0, 5, 200).astype(float)
    array[::17] = NAN
    for descending in (False, True):
        ours = minidl.sort(minidl.tensor(array), descending=descending)
        theirs = torch.sort(torch.tensor(array), stable=True, descending=descending)
        np.testing.assert_array_equal(ours.values.data, theirs.values.numpy())
        np.testing.assert_array_equal(ours.indices.data, theirs.indices.numpy())


def test_a_softmax_may_lose_its_input() -> None:
    """The rule reads the output alone: changing the input afterwards does no harm."""
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    scores = x * 2
    y = minidl.softmax(scores, 0)
    (before,) = minidl.grad(y[0], x)
    with minidl.no_grad():
        scores.data = scores.data * 0
    (after,) = minidl.grad(y[0], x)
    assert before.tolist() == after.tolist()


@pytest.mark.parametrize("factor", [1e200, 1e-200, -1e200])
def test_a_product_too_large_or_too_small_for_a_float_has_the_gradient_of_its_factors(factor: float) -> None:
    x = minidl.tensor([[1.0, 2.0], [factor, factor]], dtype=minidl.float64, requires_grad=True)
    (found,) = minidl.grad(x.prod(1), [x], minidl.tensor([3.0, 0.5], dtype=minidl.float64))
    np.testing.assert_allclose(found.data, [[6.0, 3.0], [0.5 * factor, 0.5 * factor]])
