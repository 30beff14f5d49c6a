"""Making tensors, the dtypes they get, and the dtypes in which they meet."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import creation
from minidl.errors import CheckpointError, DtypeError, MinidlError, UsageError
from minidl.kernels import dtypes
from minidl.primitives.layers import random

DTYPES = [
    "bool",
    "uint8",
    "int8",
    "int16",
    "int32",
    "int64",
    "float16",
    "float32",
    "float64",
    "complex64",
    "complex128",
]


class Names:
    """Everything that makes tensors or says dtypes, under PyTorch's names."""

    def __getattr__(self, name: str) -> Any:
        for place in (creation, dtypes, random, minidl):
            if hasattr(place, name):
                return getattr(place, name)
        raise AttributeError(name)


M = Names()


@pytest.fixture(autouse=True)
def _default_dtype() -> Iterator[None]:
    yield
    minidl.set_default_dtype(minidl.float32)


# Values -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype", "values"),
    [
        (1j, "complex64", 1j),
        ([True, 2], "int64", [1, 2]),
        ([True, 2.0], "float32", [1, 2]),
        ([np.float32(1), 2], "float32", [1, 2]),
        ([np.float64(1), 2.5], "float64", [1, 2.5]),
        ([np.int32(1)], "int32", [1]),
        ([np.float32(0.1), 2.5], "float32", np.array([0.1, 2.5], "float32")),
        (range(3), "int64", [0, 1, 2]),
        ([range(2), [5, 6]], "int64", [[0, 1], [5, 6]]),
        ([np.ones(2), np.zeros(2)], "float64", [[1, 1], [0, 0]]),
        ([[], []], "float32", [[], []]),
        ((), "float32", []),
        (2**40, "int64", 2**40),
        (1e300, "float32", np.inf),
        (np.array([1, 2], ">i4"), "int32", [1, 2]),
    ],
)
def test_tensor_of(data: Any, dtype: str, values: Any) -> None:
    x = minidl.tensor(data)
    assert str(x.dtype) == dtype
    np.testing.assert_array_equal(x.data, np.asarray(values, dtype))


def test_tensors_among_the_values_give_their_numbers_alone() -> None:
    x = minidl.tensor(2.0, requires_grad=True)
    y = minidl.tensor([x, minidl.tensor(1)])
    assert y.data.tolist() == [2, 1]
    assert not y.requires_grad
    assert not minidl.tensor(x).requires_grad
    assert minidl.tensor([[x], (x,)]).shape == (2, 1)
    y.data[0] = 5
    assert x.item() == 2


@pytest.mark.parametrize(
    ("data", "options", "text"),
    [
        ("a", {}, "expected numbers"),
        (["1.5"], {"dtype": minidl.float32}, "expected numbers"),
        (None, {}, "expected numbers, or rows of them, got NoneType"),
        ([1.0, None], {}, "NoneType"),
        ({1}, {}, "got set"),
        ([[1, 2], [3]], {}, "rows of equal length"),
        ([[1, 2], 3], {}, "rows of equal length"),
        (2**63, {}, "rows of equal length"),
        (300, {"dtype": minidl.uint8}, r"0 … 255"),
        (float("nan"), {"dtype": minidl.int32}, "NaN"),
        (1j, {"dtype": minidl.float32}, "complex"),
        (1, {"requires_grad": True}, "floating-point"),
        (1.0, {"dtype": "real"}, "no dtype"),
        (np.ones(1, np.longdouble), {}, "no dtype"),
        (np.array(["a"]), {}, "no dtype"),
    ],
)
def test_tensor_refuses(data: Any, options: Any, text: str) -> None:
    with pytest.raises(DtypeError, match=text):
        minidl.tensor(data, **options)


def test_whole_numbers_wrap_around_only_where_unsigned() -> None:
    assert minidl.tensor([-1, -255], dtype=minidl.uint8).data.tolist() == [255, 1]
    with pytest.raises(DtypeError):
        minidl.tensor(200, dtype=minidl.int8)
    assert minidl.tensor(3.7, dtype=minidl.int32).item() == 3


def test_devices_that_are_not_here_are_refused() -> None:
    for make in (
        lambda d: M.zeros(2, device=d),
        lambda d: M.tensor(1.0, device=d),
        lambda d: M.randn_like(M.ones(2), device=d),
    ):
        assert make("cpu") is not None
        with pytest.raises(UsageError, match="device='mps' is not here; there are 'cpu' and 'cuda'"):
            make("mps")


def test_memory_is_shared_where_it_says_so() -> None:
    array = np.zeros(3)
    shared = [M.from_numpy(array), M.as_tensor(array), M.asarray(array)]
    copied = [M.tensor(array), M.as_tensor(array, dtype=minidl.float32), M.asarray(array, copy=True)]
    array[0] = 7
    assert [x.data[0] for x in shared] == [7, 7, 7]
    assert [x.data[0] for x in copied] == [0, 0, 0]
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    assert M.as_tensor(x) is x
    assert M.as_tensor(x, dtype=minidl.float64).requires_grad
    with pytest.raises(UsageError, match="copy=False"):
        M.asarray([1, 2], copy=False)
    with pytest.raises(DtypeError, match="expected a NumPy array, got list"):
        M.from_numpy([1])


def test_shapes_are_said_in_three_ways_and_checked() -> None:
    for f in (M.zeros, M.ones, M.empty, M.rand, M.randn):
        assert {f(2, 3).shape, f((2, 3)).shape, f([2, 3]).shape, f(size=(2, 3)).shape} == {(2, 3)}
        assert f(()).shape == ()
        for wrong in ((), (-1,), (2.0,), (True,), ("a",)):
            with pytest.raises(UsageError):
                f(*wrong)
    for wrong in (2, -1, 2.5):
        with pytest.raises(UsageError):
            M.full(wrong, 1)
    with pytest.raises(UsageError, match="negative"):
        M.eye(-1)


def test_like_and_new_take_the_dtype() -> None:
    x = minidl.tensor([[1, 2]], dtype=minidl.int16)
    for y in (M.zeros_like(x), M.ones_like(x), M.full_like(x, 2.7), M.empty_like(x), M.randint_like(x, 3)):
        assert (y.shape, y.dtype) == ((1, 2), minidl.int16)
    for y in (
        x.new_zeros(1, 2),
        x.new_ones((1, 2)),
        x.new_full((1, 2), 2.7),
        x.new_empty(1, 2),
        x.new_tensor([[1.5, 2.0]]),
    ):
        assert (y.shape, y.dtype) == ((1, 2), minidl.int16)
    assert x.new_ones(1, dtype=minidl.float64).dtype == minidl.float64
    assert M.rand_like(x, dtype=minidl.float64, requires_grad=True).requires_grad
    assert M.full_like(x, 2.7).data.tolist() == [[2, 2]]
    with pytest.raises(DtypeError, match="floating-point"):
        M.rand_like(x)
    with pytest.raises(DtypeError, match="expected a tensor"):
        M.zeros_like([1])


@pytest.mark.parametrize("arguments", [(5, 0), (0, 5, -1), (-3,), (1, 2, 0), (0, float("nan")), (0, float("inf"))])
def test_arange_refuses(arguments: Any) -> None:
    with pytest.raises(UsageError, match="arange"):
        M.arange(*arguments)


# Random numbers ---------------------------------------------------------------------------------------------------------


def test_the_draws_follow_their_distributions() -> None:
    g = random.Generator(5)
    n = 40_000
    assert abs(M.rand(n, generator=g).mean().item() - 0.5) < 0.01
    assert abs(M.randn(n, generator=g).std().item() - 1) < 0.02
    assert abs(M.normal(3.0, 2.0, (n,), generator=g).mean().item() - 3) < 0.05
    assert set(M.randint(2, 5, (n,), generator=g).data.tolist()) == {2, 3, 4}
    assert abs(M.bernoulli(M.full((n,), 0.3), generator=g).mean().item() - 0.3) < 0.01
    assert sorted(M.randperm(100, generator=g).data.tolist()) == list(range(100))
    weights = minidl.tensor([1.0, 0.0, 3.0])
    drawn = M.multinomial(weights, n, replacement=True, generator=g).data
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / n, [0.25, 0, 0.75], atol=0.01)
    first = [M.multinomial(weights, 2, generator=g).data[0] for _ in range(4000)]
    np.testing.assert_allclose(np.bincount(first, minlength=3) / 4000, [0.25, 0, 0.75], atol=0.03)
    assert M.multinomial(minidl.tensor([[0.0, 1.0], [1.0, 0.0]]), 1).data.tolist() == [[1], [0]]


def test_rand_is_below_one_in_every_precision() -> None:
    class Highest:
        numpy = type("", (), {"random": staticmethod(lambda shape: np.full(shape, np.nextafter(1.0, 0.0)))})()

    source = random.Generator()
    source._source = Highest.numpy
    for dtype in (minidl.float16, minidl.float32, minidl.float64):
        assert M.rand(3, dtype=dtype, generator=source).data.max() < 1


@pytest.mark.parametrize(
    "call",
    [
        lambda: M.randint(5, 5, (2,)),
        lambda: M.randint(5, 2),
        lambda: M.randint(2.5, (2,)),
        lambda: M.randint(0, 300, (2,), dtype=minidl.uint8),
        lambda: M.rand(2, dtype=minidl.int64),
        lambda: M.randperm(-1),
        lambda: M.normal(0.0, -1.0, (2,)),
        lambda: M.normal(0.0, 1.0),
        lambda: M.normal(M.ones(2), M.ones(3)),
        lambda: M.bernoulli(minidl.tensor([2.0])),
        lambda: M.bernoulli(minidl.tensor([0, 1])),
        lambda: M.multinomial(minidl.tensor([0.0, 0.0]), 1),
        lambda: M.multinomial(minidl.tensor([1.0, 1.0]), 3),
        lambda: M.multinomial(minidl.tensor([1.0, -1.0]), 1),
        lambda: M.rand(2, generator=np.random.default_rng(0)),
    ],
)
def test_draws_refuse(call: Any) -> None:
    with pytest.raises(MinidlError):
        call()


def test_a_generator_remembers_its_seed_and_its_place() -> None:
    g = random.Generator(3)
    assert g.manual_seed(7) is g
    assert (g.initial_seed(), g.device) == (7, "cpu")
    state, first = g.get_state(), M.rand(3, generator=g).data
    g.set_state(state)
    np.testing.assert_array_equal(M.rand(3, generator=g).data, first)
    np.testing.assert_array_equal(M.rand(3, generator=random.Generator(7)).data, first)
    assert g.manual_seed(-1).initial_seed() == 2**64 - 1
    assert g.seed() == g.initial_seed()
    assert random.Generator("cpu").initial_seed() == 0
    for wrong in (2**64, -(2**63) - 1, 0.5, "a"):
        with pytest.raises(UsageError, match="seed must be"):
            g.manual_seed(wrong)
    with pytest.raises(CheckpointError):
        g.set_state({"state": 1})
    assert minidl.manual_seed(4).initial_seed() == random.initial_seed() == 4
    state = random.get_rng_state()
    first = M.randn(2).data
    random.set_rng_state(state)
    np.testing.assert_array_equal(M.randn(2).data, first)


# Dtypes -----------------------------------------------------------------------------------------------------------------


def test_the_default_dtype() -> None:
    minidl.set_default_dtype(minidl.float64)
    assert (minidl.tensor(1.0).dtype, minidl.tensor(1j).dtype) == (minidl.float64, minidl.complex128)
    assert (minidl.tensor([1]) / 2).dtype == M.linspace(0, 1, 2).dtype == minidl.float64
    for wrong in (minidl.int32, minidl.complex64, float, "float64", None):
        with pytest.raises(DtypeError, match="floating-point"):
            minidl.set_default_dtype(wrong)


def test_limits_of_dtypes() -> None:
    assert float(M.finfo(minidl.float32).max) == float(np.finfo(np.float32).max)
    assert M.finfo().eps == np.finfo(np.float32).eps
    assert (M.iinfo(minidl.uint8).max, M.iinfo(minidl.int8).min) == (255, -128)
    for f, wrong in ((M.finfo, minidl.int8), (M.iinfo, minidl.float32), (M.finfo, "x"), (M.iinfo, None)):
        with pytest.raises(DtypeError):
            f(wrong)


def test_questions() -> None:
    assert M.is_floating_point(M.ones(1))
    assert not M.is_floating_point(minidl.tensor(1j))
    assert M.is_complex(minidl.tensor(1j))
    assert M.is_nonzero(minidl.tensor([2]))
    assert M.numel(M.ones(2, 3)) == 6
    with pytest.raises(UsageError):
        M.is_nonzero(M.ones(2))
    with pytest.raises(DtypeError):
        M.is_floating_point(1.0)


# Against PyTorch --------------------------------------------------------------------------------------------------------


def same(torch: Any, ours: Any, theirs: Any) -> None:
    assert ours.shape == tuple(theirs.shape)
    assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")
    np.testing.assert_allclose(ours.data, theirs.numpy(), rtol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize(
    "text",
    [
        "arange(3)",
        "arange(3.0)",
        "arange(end=3)",
        "arange(start=1, end=7, step=2)",
        "arange(0, 1, 0.1)",
        "arange(5, 0, -2)",
        "arange(3, 0, -0.5)",
        "arange(2.5, dtype=m.int64)",
        "arange(2.5, dtype=m.int32)",
        "arange(0.5, 3, dtype=m.int64)",
        "arange(0, 300, 100, dtype=m.uint8)",
        "arange(m.tensor(3.0))",
        "arange(1.0, 1.0)",
        "arange(2**53, 2**53 + 3)",
        "arange(-1, 1, 2 / 7, dtype=m.float64)",
        "linspace(0, 1, 5)",
        "linspace(0, 1, 1)",
        "linspace(0, 1, 0)",
        "linspace(3, -1, 6, dtype=m.float64)",
        "linspace(0, 10, 4, dtype=m.int64)",
        "linspace(-5, 5, 4, dtype=m.int32)",
        "linspace(0.9, 7.9, 5, dtype=m.int64)",
        "linspace(m.tensor(0.0), 1, steps=3)",
        "linspace(0, 1j, 3)",
        "logspace(0, 2, 3)",
        "logspace(-1, 1, 4, base=2)",
        "logspace(0, 3, 4, dtype=m.int64)",
        "logspace(0, 2, 1)",
        "eye(2, 3)",
        "eye(n=3, m=1, dtype=m.int64)",
        "eye(0)",
        "full((2,), 1)",
        "full((2,), True)",
        "full((2,), 1j)",
        "full([], 3.0)",
        "full((2,), 2.7, dtype=m.int64)",
        "full((1,), -1, dtype=m.uint8)",
        "full((2,), m.tensor(3.0))",
        "zeros(2, dtype=int)",
        "ones(m.tensor(2))",
        "tril_indices(3, 4, 1)",
        "triu_indices(3, 4, -1)",
        "zeros_like(m.tensor([1, 2]), dtype=m.float16)",
        "full_like(m.tensor([1, 2]), 2.7)",
        "tensor([])",
        "tensor([[1, 2.5], [True, 3]])",
        "asarray([1, 2.0])",
        "as_tensor((1, 2), dtype=m.int8)",
    ],
)
def test_makes_what_torch_makes(text: str) -> None:
    torch = pytest.importorskip("torch")
    same(torch, eval(f"m.{text}", {"m": M}), eval(f"m.{text}", {"m": torch}))


@pytest.mark.torch
@pytest.mark.parametrize(("a", "b"), list(itertools.product(DTYPES, DTYPES)))
def test_types_promote_and_cast_as_in_torch(a: str, b: str) -> None:
    torch = pytest.importorskip("torch")
    x, y, t, u = (
        getattr(dtypes, a + "_" * (a == "bool")),
        getattr(dtypes, b + "_" * (b == "bool")),
        *(getattr(torch, n) for n in (a, b)),
    )
    assert dtypes.can_cast(x, y) == torch.can_cast(t, u)
    expected = str(torch.promote_types(t, u)).removeprefix("torch.")
    if expected != "complex32":
        assert str(dtypes.promote_types(x, y)) == expected


NUMBERS = {"True": True, "2": 2, "0.5": 0.5, "1j": 1j}
KINDS = [*(f"{d} vector" for d in DTYPES), *(f"{d} single" for d in DTYPES), *NUMBERS]


def operand(library: Any, kind: str) -> Any:
    if kind in NUMBERS:
        return NUMBERS[kind]
    dtype, _, shape = kind.partition(" ")
    ones = np.ones((2,) if shape == "vector" else (), dtype)
    return library.tensor(ones)


OPERATIONS = {
    "+": lambda m, x, y: x + y,
    "-": lambda m, x, y: x - y,
    "*": lambda m, x, y: x * y,
    "/": lambda m, x, y: x / y,
    "**": lambda m, x, y: x**y,
    "==": lambda m, x, y: x == y,
    "<": lambda m, x, y: x < y,
    "where": lambda m, x, y: m.where(m.tensor([True, False]), x, y),
    "result_type": lambda m, x, y: m.result_type(x, y),
}


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:ComplexHalf")
@pytest.mark.parametrize("symbol", OPERATIONS)
def test_dtypes_meet_as_in_torch(symbol: str) -> None:
    """Every pair of a vector, a single number or a Python number of every dtype, wherever PyTorch takes the pair."""
    torch = pytest.importorskip("torch")
    wrong = []
    for a, b in itertools.product(KINDS, KINDS):
        if (a in NUMBERS and b in NUMBERS and symbol != "result_type") or (
            symbol == "**" and "bool" in a and b == "True"
        ):
            continue
        try:
            theirs = OPERATIONS[symbol](torch, operand(torch, a), operand(torch, b))
        except (RuntimeError, TypeError):
            continue
        ours = OPERATIONS[symbol](M, operand(M, a), operand(M, b))
        pair = [str(out if symbol == "result_type" else out.dtype).removeprefix("torch.") for out in (ours, theirs)]
        if pair[0] != pair[1] and pair[1] != "complex32":  # which NumPy does not have
            wrong.append(f"{a} {symbol} {b}: {pair[0]}, not {pair[1]}")
    assert not wrong
