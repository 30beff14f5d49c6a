"""The loop that replays a scalar graph: one pass up, one pass down, over flat arrays.

Instruction i computes `values[i]` from `values[first[i]]` and `values[second[i]]`; the leaves come before it with code 0 and
are skipped. Inputs precede outputs, so a pass up is the forward pass and a pass down the reverse sweep: what lies below i has
all its contributions when its turn comes. An operation costs about 20 ns up and down together: a load or two that the cache
seldom misses, since most operands were computed a moment ago, and a branch on the code that the processor learns to predict.

The derivatives are those of `minidl.primitives`, written once more as scalar code; a test holds the two together. An upstream
of exactly 0 sends nothing, as in the engine, also through an infinite slope.
"""

from __future__ import annotations

import math
from typing import Any

from ..kernels.cpu.jit import kernel


@kernel(exact=True)
def power(x: float, y: float) -> float:
    """xʸ; roots as roots, so that √−∞ is NaN and not ∞."""
    if y == 0.5:
        return math.sqrt(x) if x >= 0 else math.nan
    if y == -0.5:
        return 1 / math.sqrt(x) if x >= 0 else math.nan
    return x**y


@kernel(exact=True)
def run(codes: Any, first: Any, second: Any, values: Any, gradients: Any, leaves: int) -> None:
    """Compute all values above the leaves, then the last value's gradient with respect to every one.

    Args:
        codes: of each instruction, `(n,)`.
        first: the position of its first operand, `(n,)`.
        second: the position of its second operand, `(n,)`; the first again where there is none.
        values: those of the leaves; the others are overwritten, `(n,)` doubles.
        gradients: overwritten, `(n,)` doubles.
        leaves: how many leaves come first.
    """
    n = codes.shape[0]
    for i in range(leaves, n):
        code, x = codes[i], values[first[i]]
        if code == 1:
            values[i] = x + values[second[i]]
        elif code == 2:
            values[i] = x * values[second[i]]
        elif code == 3:
            values[i] = x - values[second[i]]
        elif code == 4:
            values[i] = 0.0 if x <= 0 else x
        elif code == 5:
            values[i] = math.tanh(x)
        elif code == 6:
            values[i] = -x
        elif code == 7:
            values[i] = x * x
        elif code == 8:
            values[i] = x / values[second[i]]
        elif code == 9:
            values[i] = math.exp(x)
        elif code == 10:
            values[i] = math.log(x) if x > 0 else (-math.inf if x == 0 else math.nan)
        elif code == 11:
            values[i] = 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))
        elif code == 12:
            values[i] = math.sqrt(x) if x >= 0 else math.nan
        elif code == 13:
            values[i] = abs(x)
        elif code == 14:
            values[i] = power(x, values[second[i]])
        elif code == 15:
            y = values[second[i]]
            values[i] = x if x >= y or x != x else y
        elif code == 16:
            y = values[second[i]]
            values[i] = x if x <= y or x != x else y
        elif code == 17:
            values[i] = math.sin(x)
        elif code == 18:
            values[i] = math.cos(x)
        else:
            values[i] = 1 / x
    gradients[:] = 0
    gradients[n - 1] = 1
    for i in range(n - 1, leaves - 1, -1):
        g = gradients[i]
        if g == 0:
            continue
        code, a, b = codes[i], first[i], second[i]
        if code == 1:
            gradients[a] += g
            gradients[b] += g
        elif code == 2:
            x, y = values[a], values[b]
            gradients[a] += g * y
            gradients[b] += g * x
        elif code == 3:
            gradients[a] += g
            gradients[b] -= g
        elif code == 4:
            if not values[i] <= 0:
                gradients[a] += g
        elif code == 5:
            gradients[a] += g * (1 - values[i] * values[i])
        elif code == 6:
            gradients[a] -= g
        elif code == 7:
            gradients[a] += g * (2 * values[a])
        elif code == 8:
            x, y = values[a], values[b]
            gradients[a] += g * (1 / y)
            gradients[b] += g * (-(x / y) / y)
        elif code == 9:
            gradients[a] += g * values[i]
        elif code == 10:
            gradients[a] += g * (1 / values[a])
        elif code == 11:
            gradients[a] += g * (values[i] * (1 - values[i]))
        elif code == 12:
            gradients[a] += g * (0.5 / values[i])
        elif code == 13:
            x = values[a]
            gradients[a] += g * ((1.0 if x > 0 else 0.0) - (1.0 if x < 0 else 0.0))
        elif code == 14:
            y = values[b]  # a fixed number, which needs no gradient
            if y != 0:
                gradients[a] += g * (y * power(values[a], y - 1))
        elif code == 15:
            x, y = values[a], values[b]
            gradients[a] += g * (0.5 if x == y else (0.0 if x < y else 1.0))
            gradients[b] += g * (0.5 if x == y else (0.0 if x > y else 1.0))
        elif code == 16:
            x, y = values[a], values[b]
            gradients[a] += g * (0.5 if x == y else (0.0 if x > y else 1.0))
            gradients[b] += g * (0.5 if x == y else (0.0 if x < y else 1.0))
        elif code == 17:
            gradients[a] += g * math.cos(values[a])
        elif code == 18:
            gradients[a] -= g * math.sin(values[a])
        else:
            gradients[a] -= g * (values[i] * values[i])
