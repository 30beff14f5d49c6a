"""How exactly float32 matrices are multiplied on a GPU: PyTorch's switch, under PyTorch's name.

Tensor cores multiply several times as fast as the GPU's other units, but take numbers with fewer digits. Sums are float32
always. With u = 2⁻ᵇ⁻¹ for b binary digits behind the point, a product of numbers is off by a factor of up to (1 + u)².

| precision | factors are rounded to                       | u     | error of a sum of K random products, of its size |
| --------- | -------------------------------------------- | ----- | ------------------------------------------------- |
| highest   | float32, 23 digits: not at all (the default) | 2⁻²⁴  | rounding of the sums alone                        |
| high      | TF32, 10 digits, with float32's exponents    | 2⁻¹¹  | 3·10⁻⁴                                            |
| medium    | bfloat16, 7 digits, with float32's exponents | 2⁻⁸   | 2.4·10⁻³                                          |

GPUs before compute capability 8.0 have no such units, and compute exactly whatever is set.
"""

from __future__ import annotations

from ....errors import UsageError

PRECISIONS = ("highest", "high", "medium")
_chosen = "highest"


def set_float32_matmul_precision(precision: str) -> None:
    """Choose how exactly float32 matrices are multiplied on a GPU from now on: "highest", "high" (TF32) or "medium" (bfloat16).

    Raises:
        UsageError: another word.

    Source: PyTorch's `torch.set_float32_matmul_precision`.

    >>> set_float32_matmul_precision("high")
    >>> get_float32_matmul_precision()
    'high'
    >>> set_float32_matmul_precision("highest")
    """
    global _chosen
    if precision not in PRECISIONS:
        raise UsageError(f"set_float32_matmul_precision: {precision!r} is none of {', '.join(PRECISIONS)}")
    _chosen = precision


def get_float32_matmul_precision() -> str:
    """How exactly float32 matrices are multiplied on a GPU: "highest", "high" or "medium"."""
    return _chosen
