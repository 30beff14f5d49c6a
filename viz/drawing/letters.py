"""Any text as LaTeX: mathematics becomes mathematics, what is special is escaped, what has no letter becomes a square.

The result is plain ASCII that pdfLaTeX sets with amsmath and amssymb alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

MISSING: Final = r"\square"
"""What stands for a letter that the usual fonts of LaTeX do not have."""

_TEXT: Final = {
    "\\": r"\textbackslash{}", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\^{}", "~": r"\~{}", "`": r"\`{}", "'": "'{}", '"': "''{}", "-": "-{}", ",": ",{}", "?": "?{}", "!": "!{}",
    "\u00a0": "~", "\u2009": r"\,", "\u202f": r"\,", "–": "--{}", "—": "---{}", "…": r"\dots{}", "‘": r"\textquoteleft{}",
    "’": "'{}", "“": "``{}", "”": "''{}", "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}",
    "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}", "ı": r"\i{}", "§": r"\S{}", "¶": r"\P{}", "©": r"\copyright{}",
    "†": r"\dag{}", "‡": r"\ddag{}", "£": r"\pounds{}", "¡": "!`", "¿": "?`",
}  # fmt: skip
_ORDINARY: Final = {
    "|": "|", "{": r"\{", "}": r"\}", "$": r"\$",
    "∂": r"\partial", "∇": r"\nabla", "‖": r"\|", "∞": r"\infty", "√": r"\surd",
    "ℝ": r"\mathbb{R}", "ℕ": r"\mathbb{N}", "ℤ": r"\mathbb{Z}", "ℂ": r"\mathbb{C}", "ℚ": r"\mathbb{Q}",
    "𝔼": r"\mathbb{E}", "ℒ": r"\mathcal{L}", "ℓ": r"\ell", "ℏ": r"\hbar", "∅": r"\varnothing", "∀": r"\forall",
    "∃": r"\exists", "¬": r"\neg", "½": r"\tfrac{1}{2}", "⅓": r"\tfrac{1}{3}", "¼": r"\tfrac{1}{4}",
    "¾": r"\tfrac{3}{4}", "⊤": r"\top", "⊥": r"\bot", "▲": r"\blacktriangle", "▼": r"\blacktriangledown",
    "●": r"\bullet", "■": r"\blacksquare", "□": r"\square", "★": r"\bigstar", "✓": r"\checkmark", "✗": r"\times",
    "⟨": r"\langle", "⟩": r"\rangle", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil",
    "⋯": r"\cdots", "⋮": r"\vdots", "µ": r"\mu", "ϵ": r"\epsilon", "ϕ": r"\phi", "ϑ": r"\vartheta", "ϱ": r"\varrho",
    "ϖ": r"\varpi", "ς": r"\varsigma", "ο": "o", "ε": r"\varepsilon", "φ": r"\varphi",
}  # fmt: skip
_SPACED: Final = {
    "−": "-", "×": r"\times", "·": r"\cdot", "⋅": r"\cdot", "∗": "*", "∘": r"\circ", "•": r"\bullet", "⊙": r"\odot",
    "⊗": r"\otimes", "⊕": r"\oplus", "⊖": r"\ominus", "±": r"\pm", "∓": r"\mp", "÷": r"\div", "∑": r"\sum",
    "∏": r"\prod", "∫": r"\int", "≤": r"\leq", "≥": r"\geq", "≠": r"\neq", "≈": r"\approx", "≡": r"\equiv",
    "∼": r"\sim", "≪": r"\ll", "≫": r"\gg", "∝": r"\propto", "∈": r"\in", "∉": r"\notin", "⊂": r"\subset",
    "⊆": r"\subseteq", "∩": r"\cap", "∪": r"\cup", "∧": r"\wedge", "∨": r"\vee", "→": r"\rightarrow",
    "←": r"\leftarrow", "↑": r"\uparrow", "↓": r"\downarrow", "↔": r"\leftrightarrow", "↦": r"\mapsto",
    "⇒": r"\Rightarrow", "⇐": r"\Leftarrow", "⇔": r"\Leftrightarrow", "⊢": r"\vdash", "<": "<", ">": ">",
    "/": "/", "=": "=", "+": "+",
}  # fmt: skip
_RAISED: Final = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺⁼⁽⁾ⁿⁱᵀ°", [*"0123456789-+=()ni", r"\mathrm{T}", r"\circ"], strict=True))
_LOWERED: Final = dict(zip("₀₁₂₃₄₅₆₇₈₉₋₊₌₍₎ᵢⱼₙₖₜₓ", "0123456789-+=()ijnktx", strict=True))
_ACCENTS: Final = {
    "\u0300": ("`", "grave"), "\u0301": ("'", "acute"), "\u0302": ("^", "hat"), "\u0303": ("~", "tilde"),
    "\u0304": ("=", "bar"), "\u0306": ("u", "breve"), "\u0307": (".", "dot"), "\u0308": ('"', "ddot"),
    "\u030a": ("r", "mathring"), "\u030b": ("H", "acute"), "\u030c": ("v", "check"), "\u0323": ("d", ""),
    "\u0327": ("c", ""), "\u0331": ("b", "underline"), "\u20d7": ("", "vec"),
}  # fmt: skip
_GREEK_NAMES: Final = (
    "alpha beta gamma delta zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon chi psi omega "
    "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
)
_GREEK: Final = frozenset(_GREEK_NAMES.split())
_LATIN_CAPITALS: Final = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧ", "ABEZHIKMNOPTX", strict=True))

_PIECE = re.compile(
    rf"(?P<number>−?\d+(?:[.,]\d+)*)"
    rf"|(?P<raised>[{re.escape(''.join(_RAISED))}]+)"
    rf"|(?P<lowered>[{''.join(_LOWERED)}]+)"
    r"|(?P<primes>[′″‴]+)"
    rf"|(?P<accented>[A-Za-zıα-ωΑ-Ω][{''.join(_ACCENTS)}])"
    rf"|(?P<word>[A-Za-z][A-Za-z0-9]*(?![{''.join(_ACCENTS)}]))"
    r"|(?P<spaces>[ ]+)"
    r"|(?P<letter>.)",
    re.DOTALL | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of LaTeX.

    Attributes:
        source: the LaTeX.
        mode: `text`; `math`; `spaced` for a sign that TeX would put space around; `raised` and `lowered` for scripts.
        bold: whether it is in bold.
    """

    source: str
    mode: str = "text"
    bold: bool = False


def latex(text: str, *, italic: bool = False, bold: bool = False) -> str:
    """Return `text` as LaTeX.

    >>> print(latex("5 % of x_1"), latex("−2×10⁻⁷"), latex("σ′(∂L)"))
    $5$ \\% of x\\_$1$ $-2{\\times}10^{-7}$ $\\sigma'$($\\partial$L)
    >>> print(latex("W", italic=True, bold=True), latex("ŷ", italic=True), latex("日本"))
    $\\boldsymbol{W}$ $\\hat{y}$ $\\square\\square$
    """
    return joined(tokens(text, italic=italic, bold=bold))


def tokens(text: str, *, italic: bool = False, bold: bool = False) -> list[Token]:
    """Return the pieces of `text`, to be joined with others."""
    return [Token(source, mode, bold) for source, mode in _pieces(text, italic)]


def missing(text: str) -> list[str]:
    """Return the letters of `text` that become a square.

    >>> missing("a日b🙂")
    ['日', '🙂']
    """
    return [letter for letter in unicodedata.normalize("NFC", text) if _letter(letter, False)[0] == MISSING]


def joined(pieces: Sequence[Token]) -> str:
    """Return pieces of LaTeX as one text: mathematics that follows each other between one pair of dollars."""
    out, i = "", 0
    while i < len(pieces):
        end = i + 1
        if _is_math(pieces, i):
            while end < len(pieces) and _is_math(pieces, end):
                end += 1
            out += f"${_formula(pieces[i:end])}$"
        else:
            while end < len(pieces) and not _is_math(pieces, end) and pieces[end].bold == pieces[i].bold:
                end += 1
            source = "".join(piece.source for piece in pieces[i:end])
            out += rf"\textbf{{{source}}}" if pieces[i].bold and source.strip() else source
        i = end
    # What keeps two letters from becoming one sign is needed only before such a letter.
    out = re.sub(r"(?<=[-',?!])\{\}(?![-'`,{}])", "", out)
    # A space at either end, or beside another, would be swallowed.
    out = re.sub(r"^ | $", r"\\ ", out)
    return re.sub(r"(?<= ) ", r"\\ ", out)


def _is_math(pieces: Sequence[Token], i: int) -> bool:
    """Whether a piece is mathematics; the signs of plain text are where they stand between two pieces that are."""
    if pieces[i].mode == "spaced" and pieces[i].source in "/=+":
        beside = [*pieces[max(0, i - 1) : i], *pieces[i + 1 : i + 2]]
        return len(beside) == 2 and all(piece.mode in {"math", "raised", "lowered"} for piece in beside)
    return pieces[i].mode != "text"


def _formula(pieces: Sequence[Token]) -> str:
    out, scripts = "", set[str]()
    for piece in pieces:
        source = piece.source
        if piece.mode in {"raised", "lowered"}:
            if piece.mode in scripts:
                out += "{}"  # two exponents of one letter are an error
                scripts.clear()
            scripts.add(piece.mode)
        else:
            scripts.clear()
        if piece.mode == "spaced" and len(pieces) > 1 and source != "/":
            source = f"{{{source}}}"
        elif out and source.startswith("-"):
            source = f"{{-}}{source[1:]}"
        if piece.bold:
            body = piece.source if piece.mode in {"math", "spaced"} else None
            source = source if body is None else rf"\boldsymbol{{{body}}}"
        if re.search(r"\\[A-Za-z]+$", out) and source[:1].isalpha():
            out += " "
        out += source
    return out


def _pieces(text: str, italic: bool) -> Iterator[tuple[str, str]]:
    for match in _PIECE.finditer(unicodedata.normalize("NFD", text)):
        piece, kind = match[0], match.lastgroup
        if kind == "number":
            shown = piece.replace("−", "-").replace(",", "{,}")
            yield (rf"\mathit{{{shown}}}" if italic else shown), "math"
        elif kind == "raised":
            yield f"^{{{''.join(_RAISED[letter] for letter in piece)}}}", "raised"
        elif kind == "lowered":
            yield f"_{{{''.join(_LOWERED[letter] for letter in piece)}}}", "lowered"
        elif kind == "primes":
            yield "'" * sum("′″‴".index(letter) + 1 for letter in piece), "raised"
        elif kind == "accented":
            yield _accented(piece[0], piece[1], italic)
        elif kind == "word" and italic:
            yield (piece if len(piece) == 1 else rf"\mathit{{{piece}}}"), "math"
        elif kind in {"word", "spaces"}:
            yield piece, "text"
        else:
            yield _letter(unicodedata.normalize("NFC", piece), italic)


def _accented(letter: str, accent: str, italic: bool) -> tuple[str, str]:
    in_text, in_math = _ACCENTS[accent]
    source, mode = _letter(letter, italic)
    if mode == "math" or not in_text:
        return (rf"\{in_math}{{{source}}}" if in_math else source), "math"
    if not letter.isascii():
        return source, mode
    return rf"\{in_text}{{{source}}}", "text"


def _letter(letter: str, italic: bool) -> tuple[str, str]:
    """Return one letter, and whether it is text or mathematics."""
    if letter in _TEXT:
        return _TEXT[letter], "text"
    if letter in _SPACED:
        return _SPACED[letter], "spaced"
    if letter in _ORDINARY:
        return _ORDINARY[letter], "math"
    if letter in _LATIN_CAPITALS:
        return rf"\mathrm{{{_LATIN_CAPITALS[letter]}}}", "math"
    if letter.isascii() and letter.isprintable():
        return (letter, "math") if italic and letter.isalpha() else (letter, "text")
    name = unicodedata.name(letter, "")
    if found := re.fullmatch(r"GREEK (SMALL|CAPITAL) LETTER (\w+)", name):
        greek = found[2].lower() if found[1] == "SMALL" else found[2].capitalize()
        greek = greek.replace("amda", "ambda")
        if greek in _GREEK:
            return rf"\{greek}", "math"
    if unicodedata.category(letter) in {"Mn", "Me", "Cf"}:
        return "", "text"  # a mark on a letter that has none in LaTeX, or one that is not seen
    plain = unicodedata.normalize("NFKD", letter)
    if plain != letter and plain.isascii() and plain.isprintable():
        return "".join(_letter(part, False)[0] for part in plain), "text"
    return MISSING, "math"
