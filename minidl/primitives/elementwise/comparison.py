"""Comparisons, logic, and the choice between two values. A comparison has no derivative: its result is True or False."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DtypeError, UsageError
from ...graph import Node, Notation, array_of, data_of
from ...kernels.dtypes import dtype_of, get_default_dtype
from ..kinds import Constant, Elementwise, Linear, Value, refuses, sample, shape_of, sum_to
from ..mismatch import explain_broadcast
from ..operation import operation

_SAMPLES = (sample((3, 4), (3, 4)), sample((3, 1), (4,)), sample((), (2,)), sample((0, 3), (3,)))
_ERRORS = [refuses((3,), (4,), match="do not broadcast")]


def ordered(name: str, *arrays: Any) -> Any:
    """The arrays themselves.

    Raises:
        DtypeError: complex numbers, of which none is the larger.
    """
    if any(getattr(a, "dtype", type(a)) in (np.complex64, np.complex128, complex) for a in arrays):
        raise DtypeError(f"{name}: complex numbers have no order; compare their sizes, x.abs()")
    return arrays


def _comparison(name: str, symbol: str, alias: str) -> Constant:
    """A comparison; whole numbers keep their value, also where the other dtype could not hold them."""
    return Constant(
        name,
        Notation(symbol, f"[{{0}} {symbol} {{1}}]"),
        forward=lambda xp, x, y: getattr(xp, alias or "equal")(
            *(ordered(name, x, y) if symbol not in "=≠" else (x, y))
        ),
        homes="minidl Tensor",
        arguments=("input", "other"),
        aliases=(alias,) if alias else (),
        explain=explain_broadcast,
        samples=_SAMPLES,
        errors=_ERRORS,
        promotion="exact",
        doc=f"Whether input {symbol} other, element by element.",
    )


equal = _comparison("eq", "=", "")
not_equal = _comparison("ne", "≠", "not_equal")
less = _comparison("lt", "<", "less")
less_equal = _comparison("le", "≤", "less_equal")
greater = _comparison("gt", ">", "greater")
greater_equal = _comparison("ge", "≥", "greater_equal")

above_ = Constant(
    "above",
    Notation(">", "[{0} > {1}]"),
    forward=lambda xp, x, y: xp.logical_not(xp.less_equal(x, y)),
    explain=explain_broadcast,
    samples=_SAMPLES,
    promotion="exact",
)


def above(x: Value, y: Value) -> Value:
    """Whether x > y, and True for NaN: where a rule asks so, a gradient passes through NaN, as in PyTorch, and does not vanish.

    >>> above(np.float64(2), 0.0)
    True
    """
    return not x <= y if isinstance(x, np.float64) else above_(x, y)


# Logic -----------------------------------------------------------------------------------------------------------------


_WHOLE = [np.array([0, 1, 2, 3]), np.array([1, 0, 3, -2])]
_BOOLEAN = [a > 0 for a in _WHOLE]


def _logic(name: str, symbol: str) -> Constant:
    return Constant(
        name,
        Notation(symbol, f"({{0}} {symbol} {{1}})"),
        forward=lambda xp, x, y: getattr(xp, name)(x, y),
        homes="minidl Tensor",
        arguments=("input", "other"),
        explain=explain_broadcast,
        samples=[*_SAMPLES, sample(*_WHOLE), sample(*_BOOLEAN), sample(_BOOLEAN[0], np.array(True))],
        errors=_ERRORS,
        doc=f"input {symbol} other, element by element; everything but 0 counts as True.",
    )


def _bits(name: str, *arrays: Any) -> Any:
    """The arrays themselves.

    Raises:
        DtypeError: floating-point numbers, whose bits mean nothing.
    """
    for a in arrays:
        if dtype_of(a).kind not in "bui":
            raise DtypeError(f"{name}: only whole numbers, True and False have bits to combine; got {dtype_of(a)}")
    return arrays


def _bitwise(name: str, symbol: str) -> Constant:
    return Constant(
        name,
        Notation(symbol, f"({{0}} {symbol} {{1}})"),
        forward=lambda xp, x, y: getattr(xp, name)(*_bits(name, x, y)),
        homes="minidl Tensor",
        arguments=("input", "other"),
        explain=explain_broadcast,
        samples=[sample(*_WHOLE), sample(*_BOOLEAN), sample(_BOOLEAN[0], np.array(True))],
        errors=[refuses((3,), (3,), error=DtypeError, match=f"{name}: only whole numbers")],
        promotion="same",
        doc=f"input {symbol} other, element by element; of whole numbers, bit by bit.",
    )


logical_and = _logic("logical_and", "∧")
logical_or = _logic("logical_or", "∨")
logical_xor = _logic("logical_xor", "⊻")
bitwise_and = _bitwise("bitwise_and", "&")
bitwise_or = _bitwise("bitwise_or", "|")
bitwise_xor = _bitwise("bitwise_xor", "^")


def _question(name: str, formula: str, doc: str) -> Constant:
    special = np.array([-np.inf, -1.0, -0.0, 0.0, 0.5, np.inf, np.nan])
    return Constant(
        name,
        Notation(name, formula),
        forward=lambda xp, x: getattr(xp, name)(x),
        homes="minidl Tensor",
        arguments=("input",),
        samples=[sample(special), sample((3, 4)), sample(()), sample((0,)), sample(np.array([0, 3]))],
        doc=doc,
    )


logical_not = _question("logical_not", "¬{0}", "Whether the element is 0 or False.")
isnan = _question("isnan", "[{0} is NaN]", "Whether the element is NaN.")
isinf = _question("isinf", "[|{0}| = ∞]", "Whether the element is ∞ or −∞.")
isposinf = _question("isposinf", "[{0} = ∞]", "Whether the element is ∞.")
isneginf = _question("isneginf", "[{0} = −∞]", "Whether the element is −∞.")
isfinite = _question("isfinite", "[|{0}| < ∞]", "Whether the element is neither infinite nor NaN.")
signbit = _question("signbit", "[sign bit of {0}]", "Whether the element is negative; −0.0 is.")

bitwise_not = Constant(
    "bitwise_not",
    Notation("~", "~{0}"),
    forward=lambda xp, x: xp.bitwise_invert(*_bits("bitwise_not", x)),
    homes="minidl Tensor",
    arguments=("input",),
    samples=[sample(np.array([0, 1, -7])), sample(np.array([True, False]))],
    errors=[refuses((3,), error=DtypeError, match="bitwise_not: only whole numbers")],
    doc="Each bit turned over; for True and False: not.",
)

isclose = Constant(
    "isclose",
    Notation("≈", "[{0} ≈ {1}]"),
    forward=lambda xp, x, y, rtol, atol, equal_nan: xp.isclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan),
    homes="minidl Tensor",
    arguments=("input", "other"),
    formula="[|x − y| ≤ atol + rtol·|y|]",
    parameters={"rtol": 1e-5, "atol": 1e-8, "equal_nan": False},
    explain=lambda *shapes, **_: explain_broadcast(*shapes),
    samples=[
        sample(np.array([1.0, 2.0, np.nan, np.inf]), np.array([1.0 + 1e-7, 2.1, np.nan, np.inf])),
        sample(np.array([1.0, np.nan]), np.array([1.1, np.nan]), rtol=0.2, atol=0.0, equal_nan=True),
    ],
    errors=_ERRORS,
    promotion="same",
    doc="Whether |input − other| ≤ atol + rtol·|other|, element by element.",
)


@operation(
    "minidl Tensor",
    name="equal",
    formula="all(x = y)",
    samples=[sample((3, 4), (3, 4)), sample(np.array([1.0]), np.array([1.0])), sample((2,), (3,)), sample((0,), (0,))],
)
def same(input: Value, other: Value) -> bool:
    """Whether two tensors have the same shape and the same elements; one bool for all (`eq` compares element by element).

    >>> import minidl
    >>> minidl.equal(minidl.tensor([1.0, 2.0]), minidl.tensor([1.0, 2.0]))
    True
    """
    return shape_of(input) == shape_of(other) and bool(array_of(equal(input, other)).all())


@operation(
    "minidl Tensor",
    formula="all(|x − y| ≤ atol + rtol·|y|)",
    samples=[
        sample((3, 4), (3, 4)),
        sample(np.array([1.0, np.nan]), np.array([1.0, np.nan]), rtol=1e-3, atol=1e-4, equal_nan=True),
    ],
    errors=_ERRORS,
)
def allclose(input: Value, other: Value, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether |input − other| ≤ atol + rtol·|other| for every element.

    >>> import minidl
    >>> minidl.allclose(minidl.tensor([1.0]), minidl.tensor([1.0 + 1e-7]))
    True
    """
    return bool(array_of(isclose(input, other, rtol=rtol, atol=atol, equal_nan=equal_nan)).all())


# Choice ----------------------------------------------------------------------------------------------------------------

where_: Linear = Linear(
    "where",
    Notation("where", "where({condition}, {0}, {1})"),
    forward=lambda xp, x, y, condition: xp.where(condition, x, y),
    transpose=lambda g, x, y, condition: (
        sum_to(where_(g, 0.0, condition=condition), shape_of(x)),
        sum_to(where_(0.0, g, condition=condition), shape_of(y)),
    ),
    samples=[
        sample((2, 2), (2, 2), condition=np.array([[True, False], [False, True]])),
        sample((), (3,), condition=np.array([True, False, True])),
    ],
    explain=lambda x, y, condition: explain_broadcast(shape_of(condition), x, y),
    promotion="exact",
)


def choose(condition: Value, x: Value, y: Value, like: Value = None) -> Value:
    """`x` where `condition` holds and `y` elsewhere: `where` for derivative rules, which are fed arrays, tensors or symbols.

    Two plain numbers would make float64; with `like` they take its dtype.

    >>> choose(np.array([True, False]), 1.0, 0.01)
    array([1.  , 0.01])
    """
    if hasattr(condition, "__primitive__"):
        return condition.__primitive__(where_, (x, y), {"condition": condition})
    if like is not None:
        x, y = like.dtype.type(x), like.dtype.type(y)
    return where_(x, y, condition=data_of(condition))


_CONDITION = np.array([[True, False, True], [False, False, True]])


@operation(
    "minidl",
    formula="x where the condition holds, else y",
    derivative="∂z/∂x = 1 where the condition holds, else 0; ∂z/∂y = 0 where it holds, else 1",
    samples=[
        sample(_CONDITION, (2, 3), (2, 3)),
        sample(_CONDITION, (3,), ()),
        sample(np.array(True), (2, 1), (3,)),
        sample(np.zeros((0, 3), bool), (3,), (1,)),
        sample(_CONDITION),
    ],
    errors=[
        refuses(np.array([True, False]), (3,), (3,), match="do not broadcast"),
        refuses(np.array([1, 0]), (2,), (2,), error=DtypeError, match="True and False"),
        refuses(np.array([True, False]), (2,), error=UsageError, match="both"),
    ],
)
def where(condition: Value, input: Value = None, other: Value = None) -> Value:
    """Take `input` where `condition` holds and `other` elsewhere; the branch not taken gets a gradient of exactly 0.

    Args:
        condition: a tensor of True and False.
        input: a tensor that broadcasts with it, or a number.
        other: likewise.

    Returns:
        Of the shape that the three broadcast to. With the condition alone, the positions where it holds: one tensor of
        indices an axis.

    Raises:
        DtypeError: the condition is not True or False.

    >>> import minidl
    >>> minidl.where(minidl.tensor([True, False]), minidl.tensor([1.0, 2.0]), 0.0)
    tensor([1., 0.])
    >>> minidl.where(minidl.tensor([True, False, True]))
    (tensor([0, 2]),)
    """
    chosen = array_of(condition).copy()  # a copy: the choice stands, whatever becomes of the condition
    if input is None and other is None:
        found = np.where(chosen if chosen.ndim else chosen.reshape(1))
        return tuple(condition.result_class(i) for i in found) if isinstance(condition, Node) else found
    if input is None or other is None:
        raise UsageError("where: give both input and other, or neither for the positions where the condition holds")
    if chosen.dtype != np.bool_:
        raise DtypeError(f"where: the condition must be True and False, got {chosen.dtype}; compare, as in x > 0")
    if isinstance(condition, Node) and not isinstance(input, Node) and not isinstance(other, Node):
        plain = np.asarray(input, get_default_dtype() if float in (type(input), type(other)) else None)
        input = condition.result_class(plain)  # two plain numbers: the result is a tensor all the same
    return where_(input, other, condition=chosen)


@operation(
    "Tensor",
    name="where",
    formula="x where the condition holds, else y",
    derivative="∂z/∂x = 1 where the condition holds, else 0; ∂z/∂y = 0 where it holds, else 1",
    samples=[sample((2, 3), _CONDITION, (3,))],
)
def where_method(input: Value, condition: Value, other: Value) -> Value:
    """`minidl.where` as a method: keep the element where `condition` holds, take `other` elsewhere.

    >>> import minidl
    >>> x = minidl.tensor([-1.0, 2.0])
    >>> x.where(x > 0, 0.0)
    tensor([0., 2.])
    """
    return where(condition, input, other)


# Steps -----------------------------------------------------------------------------------------------------------------

heaviside_ = Elementwise(
    "heaviside",
    Notation("H", "H({0})"),
    forward=lambda xp, x, values: xp.where(xp.equal(x, 0), values, xp.astype(xp.greater(x, 0), dtype_of(x))),
    partials=(0.0, 0.0),
    arguments=("input", "values"),
    homes="",
    samples=[sample((3, 4), (4,)), sample((), ())],
    analytic=False,
)


@operation(
    "minidl functional Tensor",
    formula="1 for x > 0, values for x = 0, else 0",
    derivative="∂y/∂x = 0",
    samples=[
        sample((3, 4), np.array(0.5)),
        sample((3,), np.array([0.5, 0.25, 1.0])),
        sample((0,), np.array([1.0])),
    ],
    errors=_ERRORS,
    torch="heaviside",
)
def heaviside(input: Value, values: Value = 0.0) -> Value:
    """The step of the perceptron: 0 below 0, 1 above, and `values` at 0 (0 by default: a unit fires if w·x + b > 0).

    Its slope is 0 wherever it has one, so that gradient descent cannot train it.

    Args:
        input: any shape.
        values: what a step is worth at 0; a number or a tensor. A half is the symmetric choice.

    Source: F. Rosenblatt, 1958, "The perceptron".

    >>> import minidl
    >>> minidl.heaviside(minidl.tensor([-2.0, 0.0, 3.0]), 0.5)
    tensor([0.0000, 0.5000, 1.0000])
    """
    return heaviside_(input, values)
