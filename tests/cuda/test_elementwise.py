"""Elementwise functions on a simulated GPU against the CPU's: dtypes, shapes, special values, strides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minidl.kernels import cpu
from minidl.kernels.cuda.array import DeviceArray
from minidl.kernels.cuda.backend import backend as cuda
from minidl.kernels.cuda.compiler.library import divided
from minidl.kernels.cuda.elementwise import operations as elementwise
from minidl.kernels.cuda.elementwise import plans
from minidl.kernels.cuda.elementwise.formulas import FORMULAS
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator import driver as simulated

pytestmark = pytest.mark.usefixtures("simulated_gpu")

backend: Any = cuda
DTYPES = ("float32", "float64", "int64", "int32", "uint8", "bool")
SPECIAL = (np.nan, np.inf, -np.inf, 0.0, -0.0, 1.0, -1.0, 2.0, 0.5, -0.5, 2.5, 1e-3, 30.0, -30.0, 88.0, -100.0)
UNARY = [
    "negative", "positive", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt", "abs", "sign",
    "square", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh",
    "sinc", "floor", "ceil", "trunc", "round", "isnan", "isinf", "isposinf", "isneginf", "isfinite",
    "signbit", "sigmoid", "gelu", "gelu_slope", "erf", "erfc", "logical_not", "bitwise_invert",
]  # fmt: skip
BINARY = [
    "add", "subtract", "multiply", "divide", "pow", "atan2", "hypot", "copysign", "logaddexp", "logaddexp2",
    "remainder", "fmod", "floor_divide", "fmax", "fmin", "maximum", "minimum", "relu_back", "logical_and",
    "logical_or", "logical_xor", "bitwise_and", "bitwise_or", "bitwise_xor", "equal", "not_equal", "less",
    "less_equal", "greater", "greater_equal",
]  # fmt: skip
ULPS = {"gelu": 64, "gelu_slope": 64, "sinc": 4}
"""Units in the last place by which results may differ; others: 2. The CPU loses some of GELU far left of 0."""


def values(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    """Numbers of a dtype, among floats with special ones."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype).kind
    if kind == "f":
        plain = rng.normal(scale=3, size=shape)
        return np.where(rng.random(shape) < 0.4, rng.choice(SPECIAL, shape), plain).astype(dtype)
    low, high = (0, 2) if kind == "b" else (0, 120) if kind == "u" else (-9, 10)
    return rng.integers(low, high, shape).astype(dtype)


def require_close(found: DeviceArray, expected: Any, ulps: int, what: str) -> None:
    """The same dtype, shape, NaN and infinities, and numbers within so many units in the last place."""
    mine, theirs = found.numpy(), np.asarray(expected)
    assert (mine.dtype, mine.shape) == (theirs.dtype, theirs.shape), what
    if mine.dtype.kind != "f":
        np.testing.assert_array_equal(mine, theirs, what)
        return
    np.testing.assert_array_equal(np.isnan(mine), np.isnan(theirs), what)
    eps = ulps * np.finfo(mine.dtype).eps
    np.testing.assert_allclose(mine, theirs, rtol=eps, atol=0, err_msg=what)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
def test_functions_agree_with_the_cpu(name: str) -> None:
    shapes = ((3, 5, 2), (5, 1))[: 1 if name in UNARY else 2]
    taken = 0
    for dtype in DTYPES:
        arrays = [values(dtype, shape, seed) for seed, shape in enumerate(shapes)]
        if name == "pow" and arrays[1].dtype.kind == "i":
            arrays[1] = abs(arrays[1])
        if name in ("gelu", "gelu_slope", "sigmoid", "logaddexp", "logaddexp2") and arrays[0].dtype.kind != "f":
            continue  # the operations bring whole numbers to floats before
        try:
            expected = getattr(cpu.backend, name)(*arrays)
        except TypeError:
            with pytest.raises(TypeError):
                getattr(backend, name)(*map(memory.to_device, arrays))
            continue
        found = getattr(backend, name)(*map(memory.to_device, arrays))
        require_close(found, expected, ULPS.get(name, 2), f"{name} of {dtype}")
        taken += 1
    assert taken


def test_every_formula_is_tested() -> None:
    assert set(FORMULAS) <= {*UNARY, *BINARY, "where", "isclose", "spherical_bessel"}


@pytest.mark.parametrize("dtype", DTYPES)
def test_choices_and_bounds(dtype: str) -> None:
    condition, x, y = values("bool", (4, 1, 3), 0), values(dtype, (3,), 1), values(dtype, (5, 1), 2)
    where = backend.where(*map(memory.to_device, (condition, x, y)))
    require_close(where, np.where(condition, x, y), 0, "where")
    number: Any = {"f": 0.25, "b": True}.get(x.dtype.kind, 3)
    chosen = backend.where(memory.to_device(condition), memory.to_device(x), number)
    require_close(chosen, np.where(condition, x, number), 0, "where with a number")
    if dtype != "bool":
        low, high = (-1, 2) if x.dtype.kind != "u" else (1, 5)
        require_close(backend.clip(memory.to_device(x), low, high), x.clip(low, high), 0, "clip")
        require_close(backend.clip(memory.to_device(x), high, low), np.minimum(np.maximum(x, high), low), 0, "crossed")


def test_whole_numbers_choose_numpys_dtype() -> None:
    found = backend.where(memory.to_device(np.array([True, False])), 1, 0)
    require_close(found, np.array([1, 0]), 0, "where of numbers")


@pytest.mark.parametrize("equal_nan", [False, True])
def test_isclose(equal_nan: bool) -> None:
    x = np.array([1.0, 1.0001, np.nan, np.inf, np.inf, 0.0, 3.0], np.float32)
    y = np.array([1.0, 1.0, np.nan, np.inf, -np.inf, 1e-9, np.inf], np.float32)
    options: Any = {"rtol": 1e-5, "atol": 1e-8, "equal_nan": equal_nan}
    found = backend.isclose(memory.to_device(x), memory.to_device(y), **options)
    np.testing.assert_array_equal(found.numpy(), np.isclose(x, y, **options))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("source", [*DTYPES, "float16", "int8"])
def test_conversions(source: str) -> None:
    x = values(source, (3, 7), 5)
    if x.dtype.kind == "f":
        x = np.where(np.isfinite(x), x, 1).clip(0, 100).astype(source)
    for target in (*DTYPES, "float16", "int8"):
        found = backend.astype(memory.to_device(x), target)
        require_close(found, x.astype(target), 0, f"{source} to {target}")
    same = memory.to_device(x)
    assert backend.astype(same, source) is same


@pytest.mark.parametrize("n", range(5))
def test_spherical_bessel_functions(n: int) -> None:
    x = np.array([0, 1e-4, 0.7, -1.2, 3, -4.4, 6.3, -20, 300, np.inf, np.nan], np.float32)
    found = backend.spherical_bessel(memory.to_device(x), n).numpy()
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, cpu.backend.spherical_bessel(x, n), rtol=2e-6, atol=2e-8)


def test_float16_is_rounded_after_each_step() -> None:
    x, y = values("float16", (40,), 1), values("float16", (40,), 2)
    found = elementwise.compute(("add", ("multiply", 0, 1), 2), (memory.to_device(x), memory.to_device(y), 0.1))
    with np.errstate(all="ignore"):
        require_close(found, x * y + 0.1, 0, "float16")


@pytest.mark.parametrize(
    "number",
    [2, 2.5, True, np.float32(0.1), np.float64(0.1), np.int64(3), np.array(0.1), np.array(2, np.int32), -1e300],
)
@pytest.mark.parametrize("dtype", ["float32", "int32", "bool"])
def test_numbers_meet_arrays_as_in_numpy(number: Any, dtype: str) -> None:
    x = values(dtype, (5,), 3)
    with np.errstate(all="ignore"):
        require_close(backend.multiply(memory.to_device(x), number), x * number, 0, "x * number")
        require_close(backend.add(number, memory.to_device(x)), number + x, 0, "number + x")


def test_a_number_that_a_dtype_cannot_hold_is_refused() -> None:
    with pytest.raises(OverflowError):
        backend.add(memory.to_device(np.ones(2, np.uint8)), 300)
    with pytest.raises(ValueError, match="negative integer powers"):
        backend.pow(memory.to_device(np.ones(2, np.int64)), -1)
    with pytest.raises(TypeError, match="str"):
        backend.add(memory.to_device(np.ones(2)), "two")


def test_whole_numbers_are_compared_with_any_number() -> None:
    x = np.array([0, 200, 255], np.uint8)
    for number in (-1, 200, 256, 2**40):
        found = backend.less(memory.to_device(x), number), backend.not_equal(number, memory.to_device(x))
        require_close(found[0], x < number, 0, "less")
        require_close(found[1], number != x, 0, "not equal")


def test_negative_whole_exponents_in_arrays_keep_the_whole_part() -> None:
    x, y = np.array([1, -1, -1, 2, 0, 3], np.int32), np.array([-3, -3, -2, -1, -1, 0], np.int32)
    assert backend.pow(memory.to_device(x), memory.to_device(y)).tolist() == [1, -1, 1, 0, 0, 1]


def test_dividing_whole_numbers_by_zero_gives_zero() -> None:
    x, zero = memory.to_device(np.array([5, -5, 0])), memory.to_device(np.array([0, 0, 0]))
    for name in ("floor_divide", "remainder", "fmod"):
        assert getattr(backend, name)(x, zero).tolist() == [0, 0, 0]


LAYOUTS: list[tuple[Any, Any]] = [
    (np.s_[:], np.s_[:]),
    (np.s_[:, :, ::2], np.s_[:, 1:2, ::2]),
    (np.s_[..., :3], np.s_[0, ..., :3]),
    (np.s_[1, 2, 2], np.s_[:]),
    (np.s_[0:0], np.s_[0:0]),
    (np.s_[:, 1:, None], np.s_[:, 1:, None]),
    (np.s_[:, 1], np.s_[0, 1]),
    (np.s_[..., 1:], np.s_[..., 1:]),
]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_any_strides(order: tuple[int, ...], layout: tuple[Any, Any]) -> None:
    x, y = values("float32", (3, 4, 8), 0).transpose(order), values("float64", (3, 4, 8), 1).transpose(order)
    shown = [memory.to_device(a.transpose(np.argsort(order))).transpose(order) for a in (x, y)]
    found = backend.maximum(*(a[cut] for a, cut in zip(shown, layout, strict=True)))
    require_close(found, np.maximum(x[layout[0]], y[layout[1]]), 0, "strides")


def test_results_lie_in_memory_as_numpys_do() -> None:
    x = values("float32", (2, 5, 3, 4), 0).transpose(0, 3, 1, 2)
    shown = memory.to_device(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    bias = memory.to_device(values("float32", (4, 1, 1), 1))
    assert backend.add(shown, bias).strides == x.strides
    assert backend.greater(bias, shown).strides == (x > 0).strides


# Fusion -----------------------------------------------------------------------------------------------------------------

SWISH = ("multiply", ("add", ("multiply", 0, 1), 2), ("sigmoid", ("add", ("multiply", 0, 1), 2)))


def test_a_chain_is_one_kernel_and_computes_the_bits_of_its_steps() -> None:
    x, y = (memory.to_device(values("float32", (7, 9), seed)) for seed in range(2))
    simulated.launches.clear()
    found = elementwise.compute(SWISH, (x, y, 0.3))
    assert len(simulated.launches) == 1
    inner = x * y + 0.3
    np.testing.assert_array_equal(found.numpy(), (inner * backend.sigmoid(inner)).numpy())


def test_several_results_of_one_kernel() -> None:
    x = values("float32", (3, 6), 0)
    simulated.launches.clear()
    made = elementwise.compute_all((("add", 0, 1), ("greater", ("add", 0, 1), 1), 0), (memory.to_device(x), 2))
    assert len(simulated.launches) == 1
    for found, expected in zip(made, (x + np.float32(2), x + np.float32(2) > 2, x), strict=True):
        require_close(found, expected, 0, "several")


def test_other_numbers_need_no_other_kernel() -> None:
    x = memory.to_device(np.arange(5, dtype=np.float32))
    before = elementwise._plan.cache_info().misses
    backend.multiply(x, 0.5)
    after = elementwise._plan.cache_info().misses
    assert after <= before + 1
    simulated.launches.clear()
    assert backend.multiply(x, 0.25).tolist() == [0, 0.25, 0.5, 0.75, 1]
    assert elementwise._plan.cache_info().misses == after
    assert len(simulated.launches) == 1


def test_four_neighbours_at_once_where_memory_allows_it() -> None:
    def kind(*arrays: Any) -> bool:
        backend.add(*arrays)
        keys = tuple(map(elementwise._key, arrays))
        plan = elementwise._plan((("add", 0, 1),), keys, None)
        return "store4" in plan.launch.kernel.function.__code__.co_names

    x = memory.to_device(np.zeros((3, 8), np.float32))
    assert kind(x, x)
    assert kind(x, 2.0)
    assert kind(x.T, x.T)
    assert kind(x, x[0])
    assert kind(x, x[:, :1])
    assert kind(x[:, 4:], x[:, :4])
    assert not kind(x[:, 1:5], x[:, :4])  # begins at no multiple of 16 bytes
    assert not kind(x[:, :3], x[:, :3])  # rows of three
    assert not kind(x[:, ::2], x[:, ::2])
    assert not kind(x.T, x.T.copy())


# Writing into arrays ----------------------------------------------------------------------------------------------------


def test_results_are_written_where_they_are_wanted() -> None:
    x = values("float32", (4, 6), 0)
    shown = memory.to_device(x)
    out = shown[1:3, ::2]
    assert backend.multiply(out, 3, out=out) is out
    x[1:3, ::2] *= 3
    np.testing.assert_array_equal(shown.numpy(), x)
    backend.add_to(shown[:, 0], memory.to_device(np.float32(1)))
    x[:, 0] += 1
    np.testing.assert_array_equal(shown.numpy(), x)


def test_what_overlaps_is_read_before_it_is_written() -> None:
    x = np.arange(12, dtype=np.float32)
    shown = memory.to_device(x)
    backend.add(shown[1:], shown[:-1], out=shown[1:])
    np.testing.assert_array_equal(shown.numpy(), np.concatenate([x[:1], x[1:] + x[:-1]]))
    square = memory.to_device(np.arange(9.0).reshape(3, 3))
    backend.subtract(square, square.T, out=square)
    expected = np.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(square.numpy(), expected - expected.T)


def test_arrays_that_cannot_be_written_are_refused() -> None:
    x = memory.to_device(np.ones((3, 1)))
    with pytest.raises(ValueError, match="read-only"):
        backend.add(x, 1, out=backend.broadcast_to(x, (3, 4)))
    with pytest.raises(ValueError, match="shape"):
        backend.add(memory.to_device(np.ones((3, 4))), 1, out=x)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        backend.add(memory.to_device(np.ones((3, 4))), memory.to_device(np.ones(3)))


def test_numbers_alone_are_on_no_device() -> None:
    assert elementwise.compute(("add", 0, 1), (1, 2)) == 3


# Laying arrays before a kernel --------------------------------------------------------------------------------------------


def test_a_product_and_a_shift_divide() -> None:
    rng = np.random.default_rng(0)
    lengths = [1, 2, 3, 7, 641, 2**16, 2**31 - 1, *rng.integers(1, 2**31, 200).tolist()]
    for length in lengths:
        factor, shift = plans.factor_and_shift(length)
        assert 0 <= factor < 2**32
        for n in (0, 1, length - 1, length, 2**31 - 1, *rng.integers(0, 2**31, 20).tolist()):
            assert (n * factor >> 32) + n < 2**32
            assert divided(n, factor, shift) == n // length


def test_axes_are_joined_where_all_arrays_go_on_evenly() -> None:
    axes = plans.reduced((2, 1, 3, 4), (0, 1, 2, 3), [(12, 12, 4, 1), (0, 7, 4, 1)])
    assert (axes.lengths, axes.strides) == ((2, 12), ((12, 1), (0, 1)))
    axes = plans.reduced((3, 4), (1, 0), [(1, 3)])
    assert (axes.lengths, axes.strides) == ((12,), ((1,),))
    assert plans.reduced((1, 1), (0, 1), [(5, 5)]).lengths == (1,)
    assert plans.reduced((0, 3), (0, 1), [(3, 1)]).lengths == (1,)


def test_more_elements_than_32_bits_count_are_refused() -> None:
    with pytest.raises(OverflowError, match="2³¹"):
        plans.count_of((1 << 16, 1 << 15))
