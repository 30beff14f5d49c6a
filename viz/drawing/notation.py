"""Numbers, names and matrices as a textbook prints them: as plain text, and as markup for figures."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from .dot import Html, bold, clean, font, italic, join, sub, sup, text

LONGEST_NAME: Final = 24
SMALLEST: Final = 12
"""No text is smaller than this, in points."""

_SUPERSCRIPTS: Final = str.maketrans("0123456789-−", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁻")
_SUBSCRIPTS: Final = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_GREEK: Final = {
    "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η", "theta": "θ",
    "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π", "rho": "ρ", "sigma": "σ",
    "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω", "Gamma": "Γ", "Delta": "Δ",
    "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
}  # fmt: skip


def _parts(value: float, digits: int) -> tuple[str, int | None]:
    """Return a number's digits, with a true minus sign, and its power of ten where one is printed."""
    if math.isnan(value):
        return "nan", None
    if math.isinf(value):
        return ("∞" if value > 0 else "−∞"), None
    if value == 0:
        return "0", None
    if float(value).is_integer() and abs(value) < 10**5:
        return f"{int(value)}".replace("-", "−"), None
    plain = f"{value:.{digits}g}"
    if 1e-4 <= abs(value) < 10**5 and "e" not in plain:
        return _trimmed(plain), None
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return _trimmed(mantissa), int(exponent)


def _trimmed(plain: str) -> str:
    plain = plain.replace("-", "−")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def number(value: float, digits: int = 4) -> str:
    """Return a number as text.

    Args:
        value: any real number, infinite and nan included.
        digits: how many significant digits to print; integers of five digits are printed in full.

    >>> number(-12.0), number(0.1 + 0.2), number(9.094947e-13), number(-314159)
    ('−12', '0.3', '9.095×10⁻¹³', '−3.142×10⁵')
    """
    shown, exponent = _parts(float(value), digits)
    if exponent is None:
        return shown
    power = "10" + str(exponent).translate(_SUPERSCRIPTS)
    return power if shown == "1" else f"−{power}" if shown == "−1" else f"{shown}×{power}"


def significant(value: float, digits: int = 2) -> str:
    """Return a number with exactly so many significant digits, zeros included, as numbers in a column need.

    >>> significant(0.1), significant(0.798), significant(4.0), significant(-3e-5)
    ('0.10', '0.80', '4.0', '−3.0×10⁻⁵')
    """
    if 1e-4 <= abs(value) < 10**digits:
        return f"{value:#.{digits}g}".rstrip(".").replace("-", "−")
    if "×10" not in (shown := number(value, digits)):
        return shown
    return f"{value:.{digits - 1}e}".split("e")[0].replace("-", "−") + shown[shown.index("×") :]


def number_html(value: float, digits: int = 4, size: float | None = None) -> Html:
    """Return a number as markup; an exponent is set smaller where the type `size` is known.

    >>> number_html(9.094947e-13).markup
    '9.095×10<SUP>−13</SUP>'
    """
    shown, exponent = _parts(float(value), digits)
    if exponent is None:
        return text(shown)
    front = {"1": "", "−1": "−"}.get(shown, f"{shown}×")
    return text(f"{front}10") + raised(str(exponent).replace("-", "−"), size)


def power_of_ten(value: float, size: float | None = None) -> Html:
    """Return only the size of a number, its nearest power of ten.

    >>> power_of_ten(2.4e-7).markup
    '10<SUP>−7</SUP>'
    """
    if value == 0 or not math.isfinite(value):
        return number_html(value)
    exponent = round(math.log10(abs(value)))
    return text("1") if exponent == 0 else text("10") + raised(str(exponent).replace("-", "−"), size)


def one_digit(value: float, size: float | None = None) -> Html:
    """Return a number with one significant digit, as a multiple of a power of ten.

    >>> one_digit(0.0507).markup, one_digit(1.0).markup
    ('5×10<SUP>−2</SUP>', '1')
    """
    if value == 0 or not math.isfinite(value):
        return number_html(value)
    digit, exponent = f"{value:.0e}".replace("-", "−").split("e")
    power = int(exponent.replace("−", "-"))
    return text(digit) if power == 0 else text(f"{digit}×10") + raised(str(power).replace("-", "−"), size)


def grouped(count: int) -> str:
    """Return a count with its thousands set apart.

    >>> grouped(61706)
    '61 706'
    """
    return f"{count:,}".replace(",", " ")


def percent(share: float) -> str:
    """Write a share; anything that is neither none nor all is never written as if it were.

    >>> percent(0.834), percent(0.9999), percent(0.0001)
    ('83 %', '>99 %', '<1 %')
    """
    if 0 < share < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < share < 1 else f"{share:.0%}".replace("%", " %")


def raised(exponent: str, size: float | None = None) -> Html:
    """Return an exponent for text of `size` points: smaller than the text, which Graphviz does not do by itself.

    >>> raised("2", 20).markup
    '<SUP><FONT POINT-SIZE="15">2</FONT></SUP>'
    """
    return sup(font(text(exponent), size=_small(size)))


def level(markup: Html, size: float | None = None) -> Html:
    """Return a number so that it stands on one line with others of which some have a raised exponent.

    >>> level(text("1"), 20).markup
    '1<SUP><FONT POINT-SIZE="15">\xa0</FONT></SUP>'
    """
    return markup if "<SUP>" in markup.markup else markup + raised("\u00a0", size)


def size_html(norm: float | None, size: float) -> Html:
    """Return the size of a gradient with two digits, in line with others beside it; there may be none.

    >>> size_html(0.1, 13).markup.partition("<")[0], size_html(None, 13).markup.partition("<")[0]
    ('0.10', 'none')
    """
    if norm is None:
        return level(text("none"), size)
    markup = number_html(norm, 2, size)
    return markup if "<SUP>" in markup.markup else level(text(significant(norm)), size)


def lowered(index: str, size: float | None = None) -> Html:
    """Return an index for text of `size` points.

    >>> lowered("1").markup
    '<SUB>1</SUB>'
    """
    return sub(font(text(index), size=_small(size)))


def _small(size: float | None) -> float | None:
    """Three quarters of a size, but never below the smallest that can be read."""
    return None if size is None else max(SMALLEST, round(0.75 * size))


def _stem_and_index(name: str) -> tuple[str, str]:
    """Split `x_1`, `x1`, `theta_ij` and `W⁽²⁾_12` into what is written large and what is written below."""
    name = clean(name, LONGEST_NAME)
    match = re.fullmatch(r"([^\W\d_]+(?:⁽[⁰¹²³⁴-⁹]+⁾)?)_([^_]{1,6})|([^\W\d_])(\d+)", name)
    stem, index = (match[1] or match[3], match[2] or match[4]) if match else (name, "")
    return _GREEK.get(stem, stem), index


def tidy_name(name: str) -> str:
    """Return a name as plain text: Greek letters and subscripts where they can be written so.

    >>> tidy_name("x_1"), tidy_name("theta"), tidy_name("loss"), tidy_name("w_ij")
    ('x₁', 'θ', 'loss', 'w_ij')
    """
    if name.endswith("ᵀ"):
        return tidy_name(name[:-1]) + "ᵀ"
    stem, index = _stem_and_index(name)
    if not index:
        return stem
    return stem + index.translate(_SUBSCRIPTS) if index.isdecimal() and index.isascii() else f"{stem}_{index}"


def name_html(name: str, ndim: int = 0, size: float | None = None) -> Html:
    """Return a name as a textbook sets it: a scalar in italics, a vector, matrix or larger array in bold italics.

    >>> name_html("x_1").markup, name_html("W", ndim=2).markup, name_html("W⁽²⁾_12").markup
    ('<I>x</I><SUB>1</SUB>', '<B><I>W</I></B>', '<I>W</I><SUP>(2)</SUP><SUB>12</SUB>')
    """
    if name.endswith("ᵀ"):
        return name_html(name[:-1], ndim, size) + raised("T", size)
    stem, index = _stem_and_index(name)
    layer = _OF_ARRAY.fullmatch(stem)  # an array's own index, above that of its element
    shown = italic(text(layer[1] if layer else stem))
    if ndim > 0:
        shown = bold(shown)
    if layer:
        shown += raised(f"({layer[2].translate(_PLAIN)})", size)
    if not index:
        return shown
    return shown + (sub(font(italic(text(index)), size=_small(size))) if index in {"i", "ij"} else lowered(index, size))


def name_width_text(name: str) -> str:
    """Return the letters of a name in order, for measuring its width."""
    letters = "".join(_stem_and_index(name.removesuffix("ᵀ"))).translate(_PLAIN | {ord("⁽"): "(", ord("⁾"): ")"})
    return letters + "T" * name.endswith("ᵀ")


_RAISED: Final = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ·"
_PLAIN: Final = str.maketrans(_RAISED, "0123456789−T.")
_LETTER: Final = re.compile(r"[^\W\d_²³¹⁰⁴-⁹ᵀ]")
"""What a name does not end before: the s in sin(s) is none."""
_INDEXED: Final = re.compile(r"(.+?)([₀-₉]+)")
_OF_ARRAY: Final = re.compile(r"(.+)⁽([⁰¹²³⁴-⁹]+)⁾")
_WORD: Final = re.compile(r"∂|[⁰¹²³⁴-⁹⁻ᵀ]+(?:·[⁰¹²³⁴-⁹]+)?|[^\W\d_²³¹]+|\^[−\w.]+|.", re.DOTALL)


def symbol_html(symbol: str, size: float | None = None) -> Html:
    """Return what stands in an operation's circle; digits that are raised are set as such, in the figures' font.

    >>> symbol_html("‖·‖²").markup
    '‖·‖<SUP>2</SUP>'
    """
    stem = symbol.rstrip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ᵀ")
    index = symbol[len(stem) :].translate(_PLAIN)
    return text(stem) + raised(index, size) if index else text(stem)


def formula_html(formula: str, ndims: Mapping[str, int], size: float | None = None) -> Html:
    """Return a formula as markup, such as `∂z/∂v = 2v`: names in italics (bold where `ndims` says), functions upright.

    Args:
        formula: a line of plain text, its names as `tidy_name` writes them.
        ndims: the number of axes of each name that may occur in it.
        size: the type size, where it is known.

    >>> formula_html("∂z/∂v = 2v", {"z": 0, "v": 1}).markup
    '∂<I>z</I>/∂<B><I>v</I></B> = 2<B><I>v</I></B>'
    """
    names = sorted(filter(None, ndims), key=len, reverse=True)
    return join(_formula_piece(piece, ndims, size) for piece in _pieces(formula, names))


def _pieces(formula: str, names: Sequence[str]) -> Iterator[str]:
    """Cut a formula into names, the longest that fits, and words. The names differ from call to call: no pattern is made."""
    place = 0
    while place < len(formula):
        fitting = (name for name in names if formula.startswith(name, place))
        whole = (name for name in fitting if not _LETTER.match(formula, place + len(name)))
        word = _WORD.match(formula, place)
        assert word is not None  # it takes any letter
        piece = next(whole, word[0])
        yield piece
        place += len(piece)


def _formula_piece(piece: str, ndims: Mapping[str, int], size: float | None) -> Html:
    if piece in ndims:
        if piece.endswith("ᵀ"):
            return _formula_piece(piece[:-1], {piece[:-1]: ndims[piece]}, size) + raised("T", size)
        match = _INDEXED.fullmatch(piece)
        if match:
            digits = match[2].translate({ord("₀") + i: str(i) for i in range(10)})
            return name_html(match[1], ndims[piece]) + lowered(digits, size)
        return name_html(piece, ndims[piece], size)
    if len(piece) > 1 and all(name in ndims for name in piece) and any(ndims[name] >= 2 for name in piece):
        return join(name_html(name, ndims[name], size) for name in piece)  # a matrix product, Wx
    if piece[0] in _RAISED and piece != "·":
        return raised(piece.translate(_PLAIN), size)
    if piece.startswith("^") and len(piece) > 1:
        return raised(piece[1:], size)
    return text(piece)


def array_text(array: Any, largest: int = 16) -> str:
    """Return an array as one line of text; a larger one as its shape.

    >>> import numpy as np
    >>> array_text(np.array([[1.0, 2.0], [3.0, -1.0]]))
    '[[1, 2], [3, −1]]'
    >>> array_text(np.zeros((3, 28, 28)))
    '3×28×28 array'
    """
    import numpy as np

    array = np.asarray(array)
    if array.size > largest or 0 in array.shape:
        return f"{shape_text(array.shape)} array"
    if array.ndim == 0:
        return number(float(array))
    return "[" + ", ".join(array_text(part, largest) for part in array) + "]"


def shape_text(shape: tuple[int, ...]) -> str:
    """Return a shape as it is spoken.

    >>> shape_text((3, 28, 28)), shape_text(())
    ('3×28×28', 'scalar')
    """
    return "×".join(map(str, shape)) or "scalar"
