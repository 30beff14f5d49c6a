"""Writing for LaTeX: the same expressions, as amsmath sets them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

import numpy as np

from ..drawing.notation import number
from .expression import Expression, Partial
from .writing import LARGEST, POWER, Writer, Written

_APART: Final = tuple(f"\\{name}" for name in (
    "operatorname", "exp", "ln", "tanh", "sinh", "cosh", "sin", "cos", "tan", "sum", "max", "min", "log", "arcsin", "arccos",
    "arctan", "sqrt",
))  # fmt: skip
"""What needs a little space beside it."""

_SIGNS: Final = {
    "−": "-", "·": r"\cdot ", "⊙": r"\odot ", "×": r"\times ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "≈": r"\approx ",
    "∞": r"\infty ", "Σ": r"\sum ", "Π": r"\prod ", "σ": r"\sigma ", "Φ": r"\Phi ", "φ": r"\varphi ", "π": r"\pi ",
    "½": r"\tfrac12 ", "⅓": r"\tfrac13 ", "⅙": r"\tfrac16 ", "∧": r"\wedge ", "∨": r"\vee ", "¬": r"\neg ", "∗": r"* ",
    "‖": r"\|", "⌊": r"\lfloor ", "⌋": r"\rfloor ", "⌈": r"\lceil ", "⌉": r"\rceil ", "…": r"\dots ",
    "√": r"\surd ", "&": r"\&", "~": r"\sim ",
    "_": r"\_", "+": "+", "#": r"\#", "%": r"\%", "∃": r"\exists ", "∀": r"\forall ", "⊻": r"\veebar ", "⋆": r"\star ",
}  # fmt: skip
_FUNCTIONS: Final = frozenset({"exp", "ln", "tanh", "sinh", "cosh", "sin", "cos", "tan", "log", "max", "min", "arcsin",
                               "arccos", "arctan", "det"})  # fmt: skip
_GREEK: Final = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "varepsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma",
    "τ": "tau", "υ": "upsilon", "φ": "varphi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta",
    "Θ": "Theta", "Λ": "Lambda", "Ξ": "Xi", "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_INDEX: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_RAISED: Final = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ᵀ"
_LOWERED: Final = "₀₁₂₃₄₅₆₇₈₉₋₊ᵢⱼₚ"
_FLAT: Final = str.maketrans(dict(zip(_RAISED, [*"0123456789-+", "\2top "], strict=True)))
_LEVEL: Final = str.maketrans(_LOWERED, "0123456789-+ijp")
_TEXT: Final = {
    "\\": r"\textbackslash ", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum ", "~": r"\textasciitilde ", "−": "-", "…": r"\ldots ", "\n": " ", "\t": " ",
}  # fmt: skip


class LatexWriter(Writer):
    """Writes expressions for LaTeX with amsmath: vectors and matrices in bold, fractions with a line."""

    minus = "-"
    dot = r" \cdot "
    circled = r" \odot "
    chain_dot = r" \cdot "
    less = " - "
    ones = r"\mathbf{1}"
    tall_fractions = True

    def name(self, text: str, ndim: int) -> str:
        """Write a name: a letter in italics, bold for an array; a word, or what is no letter at all, as text."""
        if text.endswith("ᵀ"):
            return self.transposed(self.name(text[:-1], ndim))
        match = re.fullmatch(r"(.+?)(?:_(.{1,6})|([₀-₉]+))", text, re.DOTALL)
        stem, index = (match[1], match[2] or match[3]) if match else (text, "")
        if stem in _GREEK:
            written = f"\\{_GREEK[stem]}"
        elif len(stem) == 1 and stem.isascii() and stem.isalpha():
            written = stem
        elif text.startswith(("ln ", "√", "(2/√")) or text in ("⅓", "⅙"):
            return self.formula(text, {})
        else:
            written = (
                f"\\mathit{{{as_text(stem)}}}" if stem.isascii() and stem.isalpha() else f"\\text{{{as_text(stem)}}}"
            )
        if ndim:
            written = f"\\boldsymbol{{{written}}}"
        return f"{written}_{{{as_text(index.translate(_INDEX))}}}" if index else written

    def word(self, text: str) -> str:
        """Write an operation's name."""
        return f"\\operatorname{{{as_text(text)}}}"

    def sign(self, text: str) -> str:
        """Write a sign that an operation is told to use."""
        return _signs(text, tall=False)

    def partial(self, x: Partial) -> Written:
        """Write ∂of/∂by as a fraction."""
        of, by = (self.name(n.text, n.ndim) for n in (x.of, x.by))
        return f"\\frac{{\\partial {of}}}{{\\partial {by}}}", POWER

    def array(self, value: Any) -> str:
        """Write an array as a matrix: a vector as a column, a large one as its shape."""
        array = np.asarray(value)
        if array.ndim == 0:
            text = self.decimal(float(array))
            return self.parentheses(text) if self.numbers and text.startswith("-") else text
        if array.size > LARGEST or array.ndim > 2 or 0 in array.shape:
            shape = r" \times ".join(map(str, array.shape))
            return f"{shape}\\text{{ array}}"
        rows = array[:, None] if array.ndim == 1 else array
        body = r" \\ ".join(" & ".join(self.decimal(float(v)) for v in row) for row in rows)
        return f"\\begin{{bmatrix}} {body} \\end{{bmatrix}}"

    def decimal(self, value: float) -> str:
        """Write a number in digits."""
        text = number(value).replace("nan", r"\mathrm{nan}")
        match = re.fullmatch(r"(.*?)10([⁰¹²³⁴-⁹⁻]+)", text)
        if match:
            exponent = match[2].translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
            text = f"{match[1]}10^{{{exponent}}}"
        return text.replace("−", "-").replace("×", r" \times ").replace("∞", r"\infty")

    def fraction(self, value: Fraction | float) -> Written:
        """Write a number."""
        text, level = super().fraction(value)
        if "frac" in text:
            return text, level
        return self.decimal(float(value)), level

    def ratio(self, above: str, below: str) -> str:
        """Write a fraction with a line."""
        return f"\\frac{{{above}}}{{{below}}}"

    def front(self, size: Fraction) -> str:
        """Write a fraction before a sum."""
        return self.ratio(str(size.numerator), str(size.denominator))

    def parentheses(self, text: str) -> str:
        """Put text in parentheses that grow with it."""
        if r"\frac" in text or "matrix" in text:
            return f"\\left({text}\\right)"
        return f"({text})"

    def raised(self, base: str, exponent: str) -> str:
        """Write a power."""
        base = self.parentheses(base) if base.endswith("^{2}") else base
        return f"{{{base}}}^{{{exponent.replace('−', '-')}}}"

    def transposed(self, text: str) -> str:
        """Write a transpose; a fraction needs parentheses for it."""
        if text.startswith(r"\frac"):
            text = self.parentheses(text)
        return f"{text}^{{\\top}}" if "^" not in text[-8:] else f"{{{text}}}^{{\\top}}"

    def total(self, text: str, over: str) -> str:
        """Write a sum over axes."""
        return f"\\sum_{{\\text{{{over}}}}} {text}" if over else f"\\sum {text}"

    def _before(self, size: str, text: str, first: Expression) -> str:
        """Write a number before what it multiplies."""
        apart = self.numbers or text[0].isdigit() or isinstance(first, Partial)
        return f"{size}{self.dot if apart else ''}{' ' * (text[0] != '(')}{text}".replace("  ", " ")

    def _juxtaposed(self, parts: Sequence[str], spaced: bool = False) -> str:
        """Write factors side by side; only operators stand apart."""
        if self.numbers:
            return self.dot.join(parts)
        text = parts[0]
        for before, part in pairwise(parts):
            apart = spaced or any("frac" in p or p.startswith(_APART) for p in (before, part))
            text += (r" \, " if apart else " ") + part
        return text

    def formula(self, template: str, given: Mapping[str, Any]) -> str:
        """Fill in a primitive's notation, its words and signs as LaTeX has them."""
        root = re.fullmatch(r"√\((\{\w+\})\)", template)
        if root:
            return f"\\sqrt{{{given[root[1][1:-1]]}}}"
        pieces = re.split(r"\{(\w+)\}", template)
        tall = any(r"\frac" in str(v) or "matrix" in str(v) for v in given.values())
        text = ""
        for i, piece in enumerate(pieces):
            raised = i % 2 and pieces[i - 1].endswith("^")
            text += f"{{{given[piece]}}}" if raised else str(given[piece]) if i % 2 else _signs(piece, tall)
        return text


def _signs(piece: str, tall: bool) -> str:
    """Translate what stands between the arguments of a notation."""
    if tall:
        piece = piece.replace("(", "\0").replace(")", "\1")
    words = re.sub(
        r"[a-zA-Z]{2,}[A-Za-z0-9]*",
        lambda m: f"\2{m[0]} " if m[0] in _FUNCTIONS else f"\2operatorname\3{m[0]}\4",
        piece,
    )
    words = re.sub(f"[{_RAISED}]+", lambda m: f"^\3{m[0].translate(_FLAT)}\4", words)
    words = re.sub(f"[{_LOWERED}]+", lambda m: f"\5\3{m[0].translate(_LEVEL)}\4", words)
    text = "".join(_SIGNS.get(c) or (c if c < "\x7f" else f"\2text\3{as_text(c)}\4") for c in words)
    for mark, written in zip("\0\1\2\3\4\5", ("\\left(", "\\right)", "\\", "{", "}", "_"), strict=True):
        text = text.replace(mark, written)
    return text.replace(" (", "(")


def as_text(text: str) -> str:
    """Return any text as something that LaTeX can set: what it has no letter for is given by its number.

    >>> as_text("a_b"), as_text("é")
    ('a\\\\_b', 'U+E9')
    """
    return "".join(
        _TEXT.get(c) or (f"$\\{_GREEK[c]}$" if c in _GREEK else c if " " <= c <= "~" else f"U+{ord(c):X}") for c in text
    )
