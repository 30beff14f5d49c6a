"""Functions of one or two elements that take more than a line, as kernels call them.

Each is made for a word of the kernel language (`float32` or `float64`), so that its constants are of that type: `2.0` in a
float32 kernel would make all that follows a float64.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..compiler.language import device, math
from ..compiler.library import fma, normcdf

Real = Any


@functools.cache
def remainder(real: Real) -> Callable[..., Any]:
    """x − y·⌊x/y⌋, with the sign of the divisor, as Python's `%`."""
    zero = real(0)

    @device
    def remainder(x: Any, y: Any) -> Any:
        rest = math.fmod(x, y)
        if y == zero:
            return rest
        if rest == zero:
            return math.copysign(zero, y)
        return rest + y if (rest < zero) != (y < zero) else rest

    return remainder


@functools.cache
def floor_divide(real: Real) -> Callable[..., Any]:
    """⌊x/y⌋ from the exact remainder, so that a quotient just below a whole number is not rounded up to it."""
    zero, half, one = real(0), real(0.5), real(1)

    @device
    def floor_divide(x: Any, y: Any) -> Any:
        if y == zero:
            return x / y
        rest = math.fmod(x, y)
        quotient = (x - rest) / y
        if rest != zero and (rest < zero) != (y < zero):
            quotient = quotient - one
        if quotient == zero:
            return math.copysign(zero, x / y)
        down = math.floor(quotient)
        return down + one if quotient - down > half else down

    return floor_divide


@device
def whole_fmod(x: Any, y: Any) -> Any:
    """x − y·trunc(x/y) of whole numbers, with the sign of the dividend; 0 where y is 0, as NumPy has it."""
    if y == 0:
        return x - x
    rest = x % y
    return rest - y if rest != 0 and (x < 0) != (y < 0) else rest


@device
def whole_remainder(x: Any, y: Any) -> Any:
    """x − y·⌊x/y⌋ of whole numbers; 0 where y is 0, as NumPy has it."""
    return x - x if y == 0 else x % y


@device
def whole_quotient(x: Any, y: Any) -> Any:
    """⌊x/y⌋ of whole numbers; 0 where y is 0, as NumPy has it."""
    return x - x if y == 0 else x // y


@device
def whole_power(x: Any, y: Any) -> Any:
    """xʸ of whole numbers by repeated squaring, modulo 2ⁿ; with a negative exponent 1/x^|y| without its digits: ±1 or 0."""
    result = x - x + 1
    if y < 0:
        return result if x == 1 else (result - 1 if x != -1 else (result if y % 2 == 0 else result - 2))
    factor, rest = x, y
    while rest > 0:
        if rest & 1:
            result = result * factor
        factor = factor * factor
        rest = rest >> 1
    return result


@functools.cache
def logaddexp(real: Real) -> Callable[..., Any]:
    """ln(eˣ + eʸ) = max(x, y) + ln(1 + e^(−|x − y|)); of two equal numbers, also infinities, that number and ln 2."""
    log2 = real(0.6931471805599453)

    @device
    def logaddexp(x: Any, y: Any) -> Any:
        if x == y:
            return x + log2
        apart = abs(x - y)
        larger = x if x > y else y
        return larger + math.log1p(math.exp(-apart)) if apart == apart else apart

    return logaddexp


@functools.cache
def logaddexp2(real: Real) -> Callable[..., Any]:
    """log₂(2ˣ + 2ʸ), as `logaddexp`."""
    one, per_log2 = real(1), real(1.4426950408889634)

    @device
    def logaddexp2(x: Any, y: Any) -> Any:
        if x == y:
            return x + one
        apart = abs(x - y)
        larger = x if x > y else y
        return larger + math.log1p(math.exp2(-apart)) * per_log2 if apart == apart else apart

    return logaddexp2


@functools.cache
def sigmoid(real: Real) -> Callable[..., Any]:
    """1 / (1 + e⁻ˣ) right of 0 and eˣ / (1 + eˣ) left of it: of e^(−|x|), which cannot overflow, at either end."""
    zero, one = real(0), real(1)

    @device
    def sigmoid(x: Any) -> Any:
        e = math.exp(-abs(x))
        return (e if x < zero else one) / (one + e)

    return sigmoid


@functools.cache
def gelu(real: Real) -> Callable[..., Any]:
    """x·Φ(x); −∞ gives NaN, as 0·∞ does."""

    @device
    def gelu(x: Any) -> Any:
        return x * normcdf(x)

    return gelu


@functools.cache
def gelu_slope(real: Real) -> Callable[..., Any]:
    """Φ(x) + x·φ(x). What x² loses when it is rounded, which `fma` tells, is given back to its exponential."""
    half, density, farthest = real(0.5), real(0.3989422804014327), real(40)

    @device
    def gelu_slope(x: Any) -> Any:
        near = min(max(x, -farthest), farthest)
        square = near * near
        lost = fma(near, near, -square)
        bell = math.exp(-half * square)
        return normcdf(x) + x * (density * (bell - bell * (half * lost)))

    return gelu_slope


@functools.cache
def sinc(real: Real) -> Callable[..., Any]:
    """sin(πx)/(πx), and 1 at 0."""
    zero, one, pi = real(0), real(1), real(3.141592653589793)

    @device
    def sinc(x: Any) -> Any:
        angle = pi * x
        return one if angle == zero else math.sin(angle) / angle

    return sinc


@functools.cache
def spherical_bessel(real: Real) -> Callable[..., Any]:
    """jₙ(x): for |x| > n by j₀ = sin x/x, j₁ = (j₀ − cos x)/x and jₖ₊₁ = (2k + 1)jₖ/x − jₖ₋₁; left of that by the series
    xⁿ/(2n + 1)‼·Σₖ (−x²/2)ᵏ/(k!·(2n + 3)(2n + 5)…(2n + 2k + 1)), as the recurrence would lose its digits.

    Source: Digital Library of Mathematical Functions, 10.51.1 and 10.53.1.
    """
    zero, one, half = real(0), real(1), real(0.5)

    @device
    def spherical_bessel(x: Any, n: Any) -> Any:
        if math.isinf(x):
            return zero
        if abs(x) < real(n + 1):
            term, square = one, half * x * x
            for k in range(1, n + 1):
                term = term * (x / real(2 * k + 1))
            total = term
            for k in range(1, 30):
                term = -term * (square / real(k * (2 * n + 2 * k + 1)))
                total = total + term
            return total
        before, found = math.cos(x) / x, math.sin(x) / x
        for k in range(n):
            before, found = found, real(2 * k + 1) / x * found - before
        return found

    return spherical_bessel


@functools.cache
def isclose(real: Real) -> Callable[..., Any]:
    """Whether |x − y| ≤ atol + rtol·|y|, or they are the same infinity."""

    @device
    def isclose(x: Any, y: Any, rtol: Any, atol: Any) -> Any:
        return x == y or (math.isfinite(y) and abs(x - y) <= atol + rtol * abs(y))

    return isclose
