"""Elementwise operations at infinity, NaN, zeros of both signs and kinks: values, first and second derivatives as PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl.errors import DtypeError, UsageError

torch = pytest.importorskip("torch")
TF = torch.nn.functional
pytestmark = pytest.mark.torch

INF, NAN = float("inf"), float("nan")
POINTS = [-INF, -1000.0, -1.0, -0.0, 0.0, 0.5, 1.0, 1000.0, INF, NAN]


class Case(NamedTuple):
    """One expression for both libraries.

    Attributes:
        name: what it is called.
        call: `call(library, functional)` returns the function of the inputs.
        kinks: further points to try.
        limits: from which order of derivative on minidl may give the limit where PyTorch's formula gives NaN (∞·0, 0/0).
        orders: how many orders are compared.
        rough: whether PyTorch computes in double precision with constants in single precision.
    """

    name: str
    call: Callable[[Any, Any], Any]
    kinks: tuple[float, ...] = ()
    limits: int = 2
    orders: int = 2
    rough: bool = False


def named(names: str, *kinks: float, limits: int = 2) -> list[Case]:
    return [Case(n, lambda m, f, n=n: getattr(m, n), kinks, limits) for n in names.split()]


def functional(names: str, *kinks: float, limits: int = 2, rough: bool = False, **params: Any) -> list[Case]:
    told = "".join(f" {v}" for v in params.values())
    return [
        Case(n + told, lambda m, f, n=n: lambda x: getattr(f, n)(x, **params), kinks, limits, rough=rough)
        for n in names.split()
    ]


def with_params(name: str, *kinks: float, **params: Any) -> Case:
    return Case(f"{name} {params}", lambda m, f: lambda x: getattr(m, name)(x, **params), kinks)


UNARY = [
    *named("neg positive abs absolute square sqrt rsqrt reciprocal sign sgn exp exp2 expm1 log log1p log2 log10"),
    *named("sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh arcsin arccosh sigmoid erf erfc", -3.0, 2.0),
    *named("sinc", limits=1),
    *named("floor ceil round trunc fix frac", -2.5, -1.5, 1.5, 2.5),
    *named("relu nan_to_num logit selu celu hardshrink", -0.5, 0.25),
    with_params("logit", 0.25, 0.75, 0.3, eps=0.25),
    with_params("round", 0.25, 0.35, -1.25, decimals=1),
    with_params("round", 15.0, 25.0, 151.0, decimals=-1),
    with_params("nan_to_num", nan=7.0, posinf=8.0, neginf=-9.0),
    with_params("clamp", -1.5, 2.0, min=-1.5, max=2.0),
    with_params("clamp", min=0.5),
    with_params("clamp", max=0.5),
    with_params("clamp", min=1.0, max=-1.0),
    with_params("clamp", min=NAN, max=1.0),
    with_params("clamp_min", min=0.5),
    with_params("clip", max=0.5),
    *(
        Case(f"x ** {n!r}", lambda m, f, n=n: lambda x: x**n, (-2.0,))
        for n in (0, 1, 2, 3, -1, -2, 0.5, -0.5, 1.5, 2.0)
    ),
    *(Case(f"{n!r} ** x", lambda m, f, n=n: lambda x: n**x, (-2.0,)) for n in (0, 1, 2, 0.5, 3.0)),
    Case("2 / x", lambda m, f: lambda x: 2 / x),
    Case("x - 3", lambda m, f: lambda x: x - 3),
    Case("3 - x", lambda m, f: lambda x: 3 - x),
    *functional("relu relu6 hardswish", -3.0, 3.0, 6.0, 7.0),
    *functional("hardsigmoid", -3.0, 3.0, rough=True),
    *functional("hardtanh softshrink hardshrink elu selu celu leaky_relu", -0.5, 2.0),
    *functional("gelu", -3.0, 3.0, limits=0),
    *functional("silu mish softplus logsigmoid tanhshrink", -3.0, 3.0, 19.9, 21.0),
    *functional("softsign", -2.0, limits=1),
    *functional("gelu", -3.0, 2.0, approximate="tanh"),
    *functional("hardtanh", 0.25, 2.0, min_val=0.25, max_val=2.0),
    *functional("leaky_relu", negative_slope=-0.5),
    *functional("leaky_relu", negative_slope=0.0),
    *functional("elu celu", alpha=0.3, rough=True),
    *functional("softplus", 2.0, 0.1, beta=2.0, threshold=1.5),
    *functional("threshold", threshold=0.5, value=-7.0),
    *functional("softshrink hardshrink", lambd=0.0),
    *functional("rrelu", lower=0.1, upper=0.5),
    *functional("rrelu", lower=0.2, upper=0.2, training=True),
    Case("prelu", lambda m, f: lambda x: f.prelu(x, m.tensor([0.25], dtype=x.dtype))),
    Case("glu", lambda m, f: lambda x: f.glu(m.stack([x, x]), 0)),
]

PAIR_POINTS = [-INF, -2.0, -1.0, -0.0, 0.0, 0.5, 1.0, 3.0, INF, NAN]
BINARY = [
    *named("add sub mul div true_divide divide multiply subtract maximum minimum fmax fmin remainder fmod"),
    *named("atan2 arctan2 hypot logaddexp logaddexp2 copysign xlogy", limits=1),
    Case("pow", lambda m, f: m.pow, orders=1),
    Case("where", lambda m, f: lambda x, y: m.where(x > y, x, y)),
    Case("floor", lambda m, f: lambda x, y: m.div(x, y, rounding_mode="floor")),
    Case("trunc", lambda m, f: lambda x, y: m.div(x, y, rounding_mode="trunc")),
    Case("add alpha", lambda m, f: lambda x, y: m.add(x, y, alpha=-2.5)),
    Case("sub alpha", lambda m, f: lambda x, y: m.sub(x, y, alpha=2)),
    Case("rsub alpha", lambda m, f: lambda x, y: m.rsub(x, y, alpha=2)),
    Case("clamp_min", lambda m, f: m.clamp_min),
    Case("clamp_max", lambda m, f: m.clamp_max),
    Case("clamp", lambda m, f: lambda x, y: m.clamp(x, y, 2 * y)),
    Case("clamp between", lambda m, f: lambda x, y: m.clamp(m.tensor(0.75, dtype=x.dtype), x, y)),
    Case("lerp", lambda m, f: lambda x, y: m.lerp(x, y, 0.3), limits=1),
    Case("lerp far", lambda m, f: lambda x, y: m.lerp(x, y, 0.8), limits=1),
    Case("lerp weight", lambda m, f: lambda x, y: m.lerp(x, m.tensor(2.0, dtype=x.dtype), y), limits=1),
    Case("where untaken", lambda m, f: lambda x, y: m.where(x > 0, x, x * y), limits=1),
]


def derivatives(library: Any, f: Any, arrays: list[Any]) -> tuple[list[Any], bool]:
    """Value, first and second derivatives along fixed cotangents; and whether there are second derivatives."""
    grad = minidl.grad if library is minidl else torch.autograd.grad
    xs = [library.tensor(a, requires_grad=True) for a in arrays]
    y = f(*xs)
    found = [y]
    if not y.requires_grad:
        return [np.asarray(y.data)], True
    first = grad(y, xs, library.tensor(np.full(y.shape, 1.5, arrays[0].dtype)), create_graph=True, allow_unused=True)
    found += [library.tensor(np.zeros(a.shape)) if g is None else g for g, a in zip(first, arrays, strict=True)]
    has_second = True
    for g in first:
        second: Any = [None] * len(xs)
        if g is not None and g.requires_grad:
            try:
                upstream = library.tensor(np.full(g.shape, -0.75, arrays[0].dtype))
                second = grad(g, xs, upstream, allow_unused=True, retain_graph=True)
            except RuntimeError as error:
                if "not implemented" not in str(error):
                    raise
                has_second = False
        found += [library.tensor(np.zeros(a.shape)) if h is None else h for h, a in zip(second, arrays, strict=True)]
    return [np.asarray(t.data if library is minidl else t.detach().numpy(force=True)) for t in found], has_second


def compare(case: Case, arrays: list[Any]) -> None:
    ours, _ = derivatives(minidl, case.call(minidl, F), arrays)
    theirs, has_second = derivatives(torch, case.call(torch, TF), arrays)
    single = arrays[0].dtype == np.float32
    for k, (a, b) in enumerate(zip(ours, theirs, strict=False)):
        order = 0 if k == 0 else 1 if k <= len(arrays) else 2
        if order > case.orders or (order == 2 and not has_second):
            continue
        if order >= case.limits:
            a = np.where(np.isnan(b), np.nan, a)
        message = f"{case.name}, order {order}, result {k}, at {[x.tolist() for x in arrays]}"
        rtol, atol = (3e-5, 2e-6) if single else (1e-7 if case.rough else 1e-9, 1e-12)
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=message)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", UNARY, ids=lambda c: c.name)
def test_one_argument(case: Case, dtype: Any) -> None:
    compare(case, [np.array([*POINTS, *case.kinks], dtype)])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("case", BINARY, ids=lambda c: c.name)
def test_two_arguments(case: Case, dtype: Any) -> None:
    x, y = np.meshgrid(np.array(PAIR_POINTS, dtype), np.array(PAIR_POINTS, dtype))
    compare(case, [x.ravel().copy(), y.ravel().copy()])


# Whole numbers, True and False -------------------------------------------------------------------------------------------

HELD = {
    "u": np.array([1, 200], np.uint8),
    "s": np.array([1, 2**31 - 1], np.int32),
    "i": np.array([3, -2]),
    "n": np.array([2, 3]),
    "b": np.array([True, False]),
    "f": np.array([1.5, NAN], np.float32),
    "d": np.array([-1.5, 2.0]),
    "z": np.array(2.5),
}
SAME_AS_TORCH = """
u + 300; u * 300; u + (-1); u - 1 - 5; s + 2**40; s + 1; i + 1.5; b + b; b * b; b * 2; b * True; b + 1.5; f + z; i + z
f + d; m.add(i, n, alpha=2); m.add(i, f, alpha=2); m.add(f, i, alpha=1.5); m.add(b, b, alpha=2); m.add(i, 2, alpha=3)
m.rsub(f, 1, alpha=2); b ** 2; m.square(b); m.square(i); u ** 2; 2 ** n; i ** 2.0; i ** 0.5; 2.0 ** i; m.pow(2, b)
i ** n; f ** 2; 2.5 ** f; i ** f; d ** 2; m.abs(i); m.neg(u); m.sign(b); m.sign(f); m.sign(i); m.sgn(d)
m.reciprocal(i); m.positive(i); i / 2; i / n; b / 2; u / u; m.floor(i); m.ceil(i); m.trunc(i); m.round(i); m.round(d)
m.floor(d); m.relu(i); f_.relu6(i); f_.hardtanh(i); f_.threshold(i, 0, 5); m.div(i, 2, rounding_mode='floor')
m.div(i, 2, rounding_mode='trunc'); m.div(-i * 7, n, rounding_mode='trunc'); m.div(f, 0, rounding_mode='floor')
m.div(f, 2, rounding_mode='trunc'); m.div(f, 2, rounding_mode='floor'); m.div(i, 2.5, rounding_mode='trunc')
m.floor_divide(i, n); m.floor_divide(f, 0.0); m.floor_divide(f, 2); m.remainder(i, n); m.remainder(i, 2.5)
m.remainder(5, i); m.remainder(f, 2); m.fmod(i, n); m.fmod(f, 2); m.fmod(i, 2.5); m.floor_divide(b, 2)
m.remainder(b, 2); m.maximum(i, f); m.minimum(i, n); m.maximum(b, b); m.fmax(i, f); m.fmin(f, d); m.maximum(f, z)
m.clamp(i, 0.5); m.clamp(i, 1, 0); m.clamp(f, z, 2.0); m.clamp(b, 0, 1); m.clamp(i, z); m.clamp_min(i, 1)
m.clamp_max(f, 1); m.clip(d, max=0); m.clamp(f, NAN, 2.0); m.clamp(i, n, n); m.clamp(i, max=n); m.where(b, 1, 2)
m.where(b, 1.0, 2); m.where(b, 1.0, i); m.where(b, f, 1); m.where(b, z, f); m.where(b, i, d); m.where(b, True, b)
m.where(b)[0]; m.where(m.reshape(d, (2, 1)) > 0)[1]; m.where(z > 0)[0]; m.where(z < 0)[0]; m.where(i)[0]
m.lerp(f, f, 0.3); m.lerp(d, d * 2, z); m.hypot(i, f); m.atan2(i, i); m.atan2(b, b); m.logaddexp(f, d); m.xlogy(i, i)
m.xlogy(2, f); m.xlogy(f, 2); m.sinc(d); m.sinc(n + 0.5); m.nan_to_num(i); m.nan_to_num(f, 1, 2, 3); m.nan_to_num(b)
m.copysign(f, -1); m.copysign(i, -1); m.copysign(i, f); m.copysign(d, f); m.signbit(i); m.signbit(b)
m.signbit(-0.0 * d); m.isnan(i); m.isnan(f); m.isinf(f / 0); m.isfinite(b); m.isfinite(f); m.isposinf(i)
m.isneginf(d / 0); m.logical_and(i, f); m.logical_or(b, d); m.logical_xor(b, i); m.logical_not(f)
m.logical_not(i - 3); m.bitwise_and(i, 1); m.bitwise_and(i, b); m.bitwise_and(1, i); m.bitwise_or(u, u)
m.bitwise_xor(b, True); m.bitwise_not(b); m.bitwise_not(i); m.eq(f, 1); m.eq(f, i); m.ne(i, n); m.lt(i, 0.5)
m.le(i, 3); m.gt(d, z); m.ge(f, f); m.not_equal(i, 3); m.less(u, 5); m.greater_equal(b, b); i < 1e300; i > NAN; f == f
b == 1; m.less_equal(i, n); m.greater(i, n); m.equal(f, i); m.equal(i, i); m.equal(i, s); m.equal(f, f)
m.equal(i, m.reshape(i, (1, 2))); m.equal(n, n * 1.0); m.allclose(d, d); m.allclose(f, f)
m.allclose(f, f, equal_nan=True); m.allclose(d, d + 1e-3, rtol=0, atol=1e-2); m.isclose(i, n)
m.isclose(i, i + 1, rtol=0.5); m.isclose(d, d * (1 + 2e-5)); m.isclose(f, f, equal_nan=True); m.exp(i); m.sqrt(b)
m.erf(b); m.exp2(i); m.rsqrt(n); m.sigmoid(i); m.tanh(b); m.logit(n); m.log1p(n); m.sin(u); m.expm1(i); f_.softsign(i)
f_.tanhshrink(i); d.heaviside(z); d.abs(); d.absolute(); d.clamp(0, 1); d.clip(min=0); d.pow(2); d.multiply(2)
d.subtract(z); d.eq(z); d.ne(2); d.lt(1); d.logical_not(); d.isnan(); d.where(d > 0, z); d.sgn(); d.fix(); d.frac()
d.arctan2(d); d.sinc(); d.prelu(z); d.lerp(d, 0.5); d.xlogy(2); d.logit(0.25); d.nan_to_num(); d.copysign(-1)
d.true_divide(2); d.divide(2, rounding_mode='floor'); d.hardshrink(); d.hypot(d); m.clamp(input=d, min=0)
m.pow(input=d, exponent=2); m.where(condition=b, input=d, other=0.0); m.round(d, decimals=1)
m.lerp(input=d, end=d, weight=0.5); m.heaviside(d * 0, z); m.heaviside(input=d, values=z); m.logit(input=d, eps=0.1)
m.threshold(d, 0, 5); m.threshold(d, threshold=0, value=5); f_.leaky_relu(d, 0.2); f_.elu(d, 0.5)
f_.softplus(d, 2, 10); f_.hardtanh(d, -0.5, 0.5); f_.softshrink(d, 0.1); f_.glu(d); f_.glu(d, dim=0); f_.glu(d, -1)
f_.celu(d, 0.5); f_.gelu(d, approximate='tanh'); f_.rrelu(d, 0.1, 0.3); f_.rrelu(d, 0.1, 0.3, False)
f_.prelu(m.reshape(d, (1, 2)), m.reshape(d, (2,))); m.rrelu(d); m.celu(d); m.selu(d); m.prelu(d, z)
m.hardshrink(d, 0.1); m.relu(d)
""".replace("\n", "; ")


def evaluated(expression: str, library: Any, functions: Any) -> Any:
    held = {name: library.tensor(array) for name, array in HELD.items()}
    return eval(expression, {"m": library, "f_": functions, "NAN": NAN, **held})


@pytest.mark.parametrize("expression", [e.strip() for e in SAME_AS_TORCH.split("; ") if e.strip()])
def test_results_and_dtypes(expression: str) -> None:
    ours, theirs = evaluated(expression, minidl, F), evaluated(expression, torch, TF)
    if isinstance(theirs, bool):
        assert ours is theirs
        return
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    assert ours.shape == tuple(theirs.shape)
    np.testing.assert_allclose(ours.data, theirs.numpy(), rtol=1e-6, atol=1e-6)


REFUSED_BY_BOTH = """
i + 2**70; b - b; m.neg(b); b ** b; i ** -1; m.add(i, i, alpha=1.5); m.round(i, decimals=1); m.floor_divide(i, 0)
m.remainder(i, 0); m.fmod(i, 0); m.remainder(b, b); m.floor_divide(b, b); m.div(i, 0, rounding_mode='trunc')
m.div(f, 2, rounding_mode='bad'); m.clamp(u, -5, 300); m.clamp(f); m.where(i, 1, 2); m.where(b, f)
m.bitwise_and(f, 1); m.bitwise_not(f); f_.hardtanh(f, 1, -1); f_.celu(f, 0.0); f_.rrelu(f, 0.5, 0.1, True)
f_.gelu(f, approximate='bad'); f_.softshrink(f, -1); f_.glu(m.reshape(d, (2, 1))); f_.glu(z); f_.glu(d, dim=2)
f_.prelu(m.reshape(d, (1, 2)), m.reshape(d, (1, 2))); m.add(f, 'a'); m.clamp(f, 'a'); m.exp('a')
m.add(d, m.reshape(HELD_3, (3,))); f_.prelu(d, d); m.pow(d, [1, 2]); m.exp(d, 3); m.lerp(d, d)
""".replace("\n", "; ")


@pytest.mark.parametrize("expression", [e.strip() for e in REFUSED_BY_BOTH.split("; ") if e.strip()])
def test_refused_as_in_torch(expression: str) -> None:
    for library, functions, error in ((minidl, F, minidl.MinidlError), (torch, TF, Exception)):
        text = expression.replace("HELD_3", "m.tensor([1.0, 2.0, 3.0])")
        with pytest.raises(error):
            evaluated(text, library, functions)


def test_what_differs_from_torch() -> None:
    u, i = minidl.tensor(HELD["u"]), minidl.tensor(HELD["i"])
    assert (u < 300).tolist() == [True, True], "PyTorch compares with 300 modulo 256"
    assert (u > -1).tolist() == [True, True]
    assert (i < 2**70).tolist() == [True, True]
    with pytest.raises(DtypeError, match="negative whole powers"):
        i ** minidl.tensor([-1, 2])  # PyTorch rounds the fractions to 0
    assert F.gelu(i).dtype == minidl.float32, "PyTorch refuses whole numbers"
    x = minidl.tensor([0.0, 0.0], dtype=minidl.float64, requires_grad=True)
    (slope,) = minidl.grad(minidl.hypot(x, x * 0.0).sum(), x)
    assert slope.tolist() == [0, 0], "PyTorch has NaN"
    curvature = minidl.grad(minidl.grad(minidl.sinc(x).sum(), x, create_graph=True)[0].sum(), x)[0]
    np.testing.assert_allclose(curvature.data, -(np.pi**2) / 3)


def test_the_order_of_differentiation_does_not_matter_at_an_exponent_of_0() -> None:
    """∂²xʸ/∂x∂y = xʸ⁻¹·(1 + y·ln x), which is 1/x at y = 0; PyTorch has 0 for one of the two orders."""
    x, y = (minidl.tensor([v], dtype=minidl.float64, requires_grad=True) for v in (2.0, 0.0))
    dx, dy = minidl.grad(minidl.pow(x, y), [x, y], minidl.tensor([1.0]), create_graph=True)
    assert minidl.grad(dx, y)[0].item() == minidl.grad(dy, x)[0].item() == 0.5


@pytest.mark.parametrize("whole", [3, minidl.tensor([3]), minidl.tensor(3, dtype=minidl.int32)])
def test_whole_numbers_do_not_cost_precision(whole: Any) -> None:
    x = minidl.tensor([0.7], dtype=minidl.float64, requires_grad=True)
    (slope,) = minidl.grad(x / whole, x)
    assert slope.item() == 1 / 3
    y = minidl.tensor([0.5], dtype=minidl.float64, requires_grad=True)
    (slope,) = minidl.grad(minidl.pow(whole, y), y)
    assert slope.item() == pytest.approx(3**0.5 * np.log(3), rel=1e-14)


# Units that PyTorch lacks ------------------------------------------------------------------------------------------------


def test_a_random_slope_is_drawn_for_each_element_left_of_0() -> None:
    minidl.manual_seed(3)
    x = minidl.tensor(np.repeat([-1.0, 2.0], 500), requires_grad=True)
    y = F.rrelu(x, 0.25, 0.5, training=True)
    (slope,) = minidl.grad(y, x, minidl.ones(1000))
    np.testing.assert_allclose(y.data, slope.data * x.data)
    assert (slope.data[500:] == 1).all()
    assert 0.25 <= slope.data[:500].min() < 0.26
    assert 0.49 < slope.data[:500].max() <= 0.5
    minidl.manual_seed(3)
    assert F.rrelu(x, 0.25, 0.5, training=True).tolist() == y.tolist()


def test_straight_lines_between_knots() -> None:
    k, v = [-1.0, 0.0, 2.0, 3.0], [1.0, 0.0, 4.0, 3.0]
    x = np.array([-3.0, -1.0, -0.5, 0.0, 1.0, 2.5, 3.0, 9.0])
    knots, values, inputs = (minidl.tensor(np.array(a), requires_grad=True) for a in (k, v, x))
    np.testing.assert_allclose(F.piecewise_linear(inputs, knots, values).data, np.interp(x, k, v))
    extended = F.piecewise_linear(inputs, knots, values, extend=True)
    np.testing.assert_allclose(extended.data, [3, 1, 0.5, 0, 2, 3.5, 3, -3])
    (slope,) = minidl.grad(extended, inputs, minidl.ones(8))
    np.testing.assert_allclose(slope.data, [-1, -1, -1, 2, 2, -1, -1, -1])
    (slope,) = minidl.grad(F.piecewise_linear(inputs, knots, values), inputs, minidl.ones(8))
    np.testing.assert_allclose(slope.data, [0, -1, -1, 2, 2, -1, -1, 0])
    between = minidl.tensor(x + 0.3, requires_grad=True)
    assert minidl.gradcheck(lambda a, b, c: F.piecewise_linear(a, b, c), [between, knots, values])


def test_maxout_is_the_largest_of_its_pieces() -> None:
    z = np.random.default_rng(0).standard_normal((3, 6, 2))
    np.testing.assert_array_equal(F.maxout(minidl.tensor(z), 3).data, z.reshape(3, 2, 3, 2).max(2))
    with pytest.raises(UsageError, match="whole number of pieces"):
        F.maxout(minidl.tensor(z), 1.5)


def test_the_perceptrons_step() -> None:
    """Firing means w·x + b > 0. With φ(0) = ½ instead, the units learn AND where 0 was meant to be silent."""
    x = minidl.tensor([-1.0, 0.0, 2.0], requires_grad=True)
    y = F.heaviside(x)
    assert y.tolist() == [0, 0, 1]
    assert F.heaviside(x, 0.5).tolist() == [0, 0.5, 1]
    assert F.sign(x).tolist() == [-1, 0, 1]
    assert minidl.grad(y, x, minidl.ones(3))[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_large_choices_are_those_of_small_ones(dtype: Any) -> None:
    """Above some size the bits are masked rather than chosen: that must not show, whatever the numbers and the strides."""
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((90, 160)).astype(dtype) for _ in range(2))
    if dtype != np.int64:
        x[:, ::7], y[::5] = np.array([NAN, INF, -INF, -0.0] * 23, dtype)[:90, None], -0.0
    condition = rng.random((90, 160)) < 0.5
    for a, b, c in ((x, y, condition), (x[::-1, ::2], y.T[:90, :80], condition[:, ::2]), (x[:1], y[:, :1], condition)):
        ours = minidl.where(minidl.tensor(c), minidl.Tensor(a), minidl.Tensor(b)).data
        assert ours.tobytes() == np.where(c, a, b).tobytes()
    for number in (0.0, -0.0, 2.5, INF) if dtype != np.int64 else (0, 3):
        ours = minidl.where(minidl.tensor(condition), minidl.Tensor(x), number).data
        assert ours.tobytes() == np.where(condition, x, number).tobytes()
        ours = minidl.where(minidl.tensor(condition), number, minidl.Tensor(x)).data
        assert ours.tobytes() == np.where(condition, number, x).tobytes()
