"""How each elementwise function is written in a kernel, and which dtypes it takes and gives: one table.

The dtypes are NumPy's, who is asked for them (`ufunc.resolve_dtypes`): so a result has the dtype that it has on the CPU, and
what NumPy refuses is refused here with the same words.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

Dtype = Any
"""A NumPy dtype, or Python's `int` or `float` for a plain number, which takes the dtype of the arrays that it meets."""

FORMULAS: dict[str, dict[str, str]] = {
    "add": {"fiu": "{0} + {1}", "b": "{0} or {1}"},
    "subtract": {"fiu": "{0} - {1}"},
    "multiply": {"f": "product({0}, {1})", "iu": "{0} * {1}", "b": "{0} and {1}"},
    "divide": {"f": "{0} / {1}"},
    "negative": {"fiu": "-{0}"},
    "positive": {"fiu": "{0}"},
    "abs": {"fi": "abs({0})", "ub": "{0}"},
    "sign": {"fiu": "{one} if {0} > {zero} else (-{one} if {0} < {zero} else {zero})", "b": "{0}"},
    "pow": {"f": "math.pow({0}, {1})", "iu": "whole_power({0}, {1})"},
    "exp": {"f": "math.exp({0})"},
    "exp2": {"f": "math.exp2({0})"},
    "expm1": {"f": "math.expm1({0})"},
    "log": {"f": "math.log({0})"},
    "log1p": {"f": "math.log1p({0})"},
    "log2": {"f": "math.log2({0})"},
    "log10": {"f": "math.log10({0})"},
    "sqrt": {"f": "math.sqrt({0})"},
    "sin": {"f": "math.sin({0})"},
    "cos": {"f": "math.cos({0})"},
    "tan": {"f": "math.tan({0})"},
    "asin": {"f": "math.asin({0})"},
    "acos": {"f": "math.acos({0})"},
    "atan": {"f": "math.atan({0})"},
    "atan2": {"f": "math.atan2({0}, {1})"},
    "sinh": {"f": "math.sinh({0})"},
    "cosh": {"f": "math.cosh({0})"},
    "tanh": {"f": "math.tanh({0})"},
    "asinh": {"f": "math.asinh({0})"},
    "acosh": {"f": "math.acosh({0})"},
    "atanh": {"f": "math.atanh({0})"},
    "sinc": {"f": "sinc({0})"},
    "spherical_bessel": {"f": "spherical_bessel({0}, {1})"},
    "hypot": {"f": "math.hypot({0}, {1})"},
    "erf": {"f": "math.erf({0})"},
    "erfc": {"f": "math.erfc({0})"},
    "sigmoid": {"f": "sigmoid({0})"},
    "gelu": {"f": "gelu({0})"},
    "gelu_slope": {"f": "gelu_slope({0})"},
    "logaddexp": {"f": "logaddexp({0}, {1})"},
    "logaddexp2": {"f": "logaddexp2({0}, {1})"},
    "floor": {"f": "math.floor({0})", "iub": "{0}"},
    "ceil": {"f": "math.ceil({0})", "iub": "{0}"},
    "trunc": {"f": "math.trunc({0})", "iub": "{0}"},
    "round": {"f": "rint({0})", "iu": "{0}"},
    "remainder": {"f": "remainder({0}, {1})", "iu": "whole_remainder({0}, {1})"},
    "fmod": {"f": "math.fmod({0}, {1})", "iu": "whole_fmod({0}, {1})"},
    "floor_divide": {"f": "floor_divide({0}, {1})", "iu": "whole_quotient({0}, {1})"},
    "copysign": {"f": "math.copysign({0}, {1})"},
    "maximum": {"f": "{0} if {0} >= {1} or {0} != {0} else {1}", "iu": "{0} if {0} >= {1} else {1}", "b": "{0} or {1}"},
    "minimum": {
        "f": "{0} if {0} <= {1} or {0} != {0} else {1}",
        "iu": "{0} if {0} <= {1} else {1}",
        "b": "{0} and {1}",
    },
    "fmax": {"f": "{0} if {0} >= {1} or {1} != {1} else {1}", "iu": "{0} if {0} >= {1} else {1}", "b": "{0} or {1}"},
    "fmin": {"f": "{0} if {0} <= {1} or {1} != {1} else {1}", "iu": "{0} if {0} <= {1} else {1}", "b": "{0} and {1}"},
    "where": {"fiub": "{1} if {0} else {2}"},
    "relu_back": {"fiub": "{zero} if {1} <= {zero} else {0}"},
    "equal": {"fiub": "{0} == {1}"},
    "not_equal": {"fiub": "{0} != {1}"},
    "less": {"fiu": "{0} < {1}", "b": "not {0} and {1}"},
    "less_equal": {"fiu": "{0} <= {1}", "b": "not {0} or {1}"},
    "greater": {"fiu": "{0} > {1}", "b": "{0} and not {1}"},
    "greater_equal": {"fiu": "{0} >= {1}", "b": "{0} or not {1}"},
    "isclose": {"f": "isclose({0}, {1}, {2}, {3})"},
    "isnan": {"f": "{0} != {0}", "iub": "False"},
    "isinf": {"f": "math.isinf({0})", "iub": "False"},
    "isfinite": {"f": "math.isfinite({0})", "iub": "True"},
    "signbit": {"f": "math.copysign({one}, {0}) < {zero}"},
    "logical_not": {"b": "not {0}"},
    "logical_and": {"b": "{0} and {1}"},
    "logical_or": {"b": "{0} or {1}"},
    "logical_xor": {"b": "{0} != {1}"},
    "bitwise_invert": {"iu": "~{0}", "b": "not {0}"},
    "bitwise_and": {"iu": "{0} & {1}", "b": "{0} and {1}"},
    "bitwise_or": {"iu": "{0} | {1}", "b": "{0} or {1}"},
    "bitwise_xor": {"iu": "{0} ^ {1}", "b": "{0} != {1}"},
}
"""For each function its text by the kind of dtype that it computes in: "f" floats, "i" and "u" whole numbers, "b" truth values.

`{0}`, `{1}`, … are the arguments, brought to the dtypes that NumPy computes in; `{zero}` and `{one}` numbers of the first's.
Names such as `logaddexp` are functions of `functions.py`. A NaN of either side wins in `maximum`, and loses in `fmax`.
"""

_UFUNCS = {
    "pow": "power", "abs": "absolute", "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2",
    "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh", "round": "rint", "bitwise_invert": "invert",
}  # fmt: skip
"""NumPy's names, where they are others."""

_REAL = {"erf", "erfc", "gelu", "gelu_slope", "sinc", "spherical_bessel"}
"""Functions that NumPy has not, or not as one: they take whole numbers as float64."""
_LOGICAL = {"logical_not", "logical_and", "logical_or", "logical_xor"}

NAMES = {
    _UFUNCS.get(name, name): name
    for name in FORMULAS
    if isinstance(getattr(np, _UFUNCS.get(name, name), None), np.ufunc)
}
"""Our names of NumPy's functions."""


@functools.cache
def dtypes_of(name: str, given: tuple[Dtype, ...]) -> tuple[tuple[np.dtype[Any], ...], np.dtype[Any]]:
    """In which dtypes a function takes its arguments, and which its result has.

    Raises:
        TypeError: it does not take these dtypes.

    >>> dtypes_of("add", (np.dtype("float32"), float))
    ((dtype('float32'), dtype('float32')), dtype('float32'))
    """
    if name == "where":
        common = _common(given[1:])
        return (np.dtype(bool), common, common), common
    if name == "relu_back":
        g, y = (_common((dtype,)) for dtype in given)
        return (g, y), g
    if name == "isclose":
        common = _common((*given[:2], float))
        return (common,) * 4, np.dtype(bool)
    if name == "sign" or (name == "round" and given[0] is not float and np.dtype(given[0]).kind in "iu"):
        common = _common(given)
        return (common,), common
    if name in _REAL:
        common = _common(given[:1])
        common = common if common.kind == "f" else np.dtype(float)
        return (common, *(np.dtype(np.int32) for _ in given[1:])), common
    if name in _LOGICAL:
        return (np.dtype(bool),) * len(given), np.dtype(bool)
    ufunc = np.exp if name == "sigmoid" else getattr(np, _UFUNCS.get(name, name))
    *taken, result = ufunc.resolve_dtypes((*given, None))
    return tuple(taken), result


def _common(dtypes: tuple[Dtype, ...]) -> np.dtype[Any]:
    """The dtype in which values of these meet, as NumPy has it."""
    return np.result_type(*(0 if d is int else 0.0 if d is float else d for d in dtypes))


def text_of(name: str, kind: str) -> str:
    """A function's text for a kind of dtype.

    Raises:
        TypeError: it has none.
    """
    for kinds, text in FORMULAS[name].items():
        if kind in kinds:
            return text
    raise TypeError(f"{name} does not take a dtype of kind {kind!r}")
