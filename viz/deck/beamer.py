"""The deck on LaTeX slides: a small Beamer document that plays the PDF as overlays of one slide, with what is said as notes."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

from ..drawing.dot import clean
from .words import sentences

if TYPE_CHECKING:
    from .deck import Deck

_ESCAPED: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": "$<$", ">": "$>$", "|": "$|$", '"': "''",
    "\u00a0": "~", "\u2009": r"\,", "\u202f": r"\,", "\u200a": r"\,", "…": r"\dots{}", "’": "'", "‘": "`", "“": "``",
    "”": "''", "–": "--", "—": "---", "′": "$'$",
}  # fmt: skip

_SYMBOLS: Final = {
    "−": "-", "×": r"\times", "·": r"\cdot", "÷": r"\div", "±": r"\pm", "∂": r"\partial", "∇": r"\nabla", "√": r"\surd",
    "∑": r"\sum", "Σ": r"\Sigma", "∏": r"\prod", "∞": r"\infty", "‖": r"\Vert", "⊙": r"\odot", "∘": r"\circ",
    "→": r"\to", "←": r"\leftarrow", "⇒": r"\Rightarrow", "↦": r"\mapsto", "≈": r"\approx", "≠": r"\neq", "≤": r"\leq",
    "≥": r"\geq", "≪": r"\ll", "≫": r"\gg", "∈": r"\in", "⟨": r"\langle", "⟩": r"\rangle", "∝": r"\propto",
    "ℝ": r"\mathrm{R}", "ᵀ": "^{T}", "⊤": r"\top", "∗": "*", "⁻": "^{-}", "⁺": "^{+}", "°": r"^{\circ}", "⋆": r"\star",
    "α": r"\alpha", "β": r"\beta", "γ": r"\gamma", "δ": r"\delta", "ε": r"\varepsilon", "ζ": r"\zeta", "η": r"\eta",
    "θ": r"\theta", "ι": r"\iota", "κ": r"\kappa", "λ": r"\lambda", "μ": r"\mu", "µ": r"\mu", "ν": r"\nu", "ξ": r"\xi",
    "π": r"\pi", "ρ": r"\rho", "σ": r"\sigma", "τ": r"\tau", "υ": r"\upsilon", "φ": r"\varphi", "χ": r"\chi",
    "ψ": r"\psi", "ω": r"\omega", "Γ": r"\Gamma", "Δ": r"\Delta", "Θ": r"\Theta", "Λ": r"\Lambda", "Π": r"\Pi",
    "Φ": r"\Phi", "Ψ": r"\Psi", "Ω": r"\Omega", "¬": r"\neg", "⌈": r"\lceil", "⌉": r"\rceil", "⌊": r"\lfloor",
    "⌋": r"\rfloor",
}  # fmt: skip

_ACCENTS: Final = frozenset("\u0300\u0301\u0302\u0303\u0304\u0306\u0307\u0308\u030a\u030b\u030c\u0327")
_LETTERS: Final = "ßæœøåłıÆŒØÅŁ"
"""With the accented ones, the letters beyond ASCII that TeX's own fonts have."""


def beamer(deck: Deck, file: str) -> str:
    """Return a LaTeX document that shows the pages of the deck's PDF one after the other on one slide.

    It compiles as it stands, with any LaTeX that has Beamer; the lines between the two marks can be taken into a talk.

    Args:
        deck: the frames.
        file: the PDF's name, as seen from the document.
    """
    count = len(deck)
    lines = []  # each ends in a comment: the space of a line's end would push the picture aside
    for number, frame in enumerate(deck, start=1):
        lines.append(
            rf"  \only<{number}>{{\includegraphics[page={number},width=\textwidth,height=0.8\textheight,"
            rf"keepaspectratio]{{\detokenize{{{file}}}}}}}%  {_comment(frame.label)}"
        )
    for index, frame in enumerate(deck):
        said = [f"Answer: {clean(answer)}" if (answer := deck.answer_before(index)) else "", frame.question or ""]
        words = r"\par ".join(map(latex_text, dict.fromkeys(filter(None, [*said, sentences(frame)]))))
        lines.append(rf"  \note<{index + 1}>{{{words or latex_text(frame.label)}}}%")
    body = "\n".join(lines)
    title = latex_text(deck.title or "Deck")
    return rf"""% {_comment(deck.title or "A deck")}: {count} steps, one overlay each.
% It compiles as it stands. For a talk of your own, copy what is between the two marks; it needs \usepackage{{graphicx}}.
% To see the notes, take the % off the next but one line.
\documentclass[aspectratio=169]{{beamer}}
% \setbeameroption{{show notes}}
\usepackage{{graphicx}}
\setbeamertemplate{{navigation symbols}}{{}}
\begin{{document}}
% ---- from here ----
\begin{{frame}}{{{title}}}
  \centering
{body}
\end{{frame}}
% ---- to here ----
\end{{document}}
"""


def latex_text(text: str) -> str:
    r"""Return plain text as LaTeX that every TeX engine typesets: mathematical letters and signs as mathematics.

    Letters that its fonts lack (other scripts, emoji) are given by their number.

    >>> print(latex_text("∂f/∂x₁ = −4 · 50%"))
    $\partial$f/$\partial$x$_{1}$ $=$ $-$4 $\cdot$ 50\%
    """
    return "".join(map(_letter, unicodedata.normalize("NFC", clean(text, 10_000))))


def _letter(letter: str) -> str:
    if letter in _ESCAPED:
        return _ESCAPED[letter]
    if letter in "+=":
        return f"${letter}$"
    if letter in _SYMBOLS:
        return f"${_SYMBOLS[letter]}$"
    bare = unicodedata.normalize("NFD", letter)
    if (bare[0].isascii() and len(bare) <= 2 and _ACCENTS.issuperset(bare[1:])) or letter in _LETTERS:
        return letter
    kind, _, plain = unicodedata.decomposition(letter).rpartition(" ")
    base = "".join(chr(int(code, 16)) for code in f"{kind} {plain}".split() if not code.startswith("<"))
    if kind.startswith("<super>") and base.isascii():
        return f"$^{{{base}}}$"
    if kind.startswith("<sub>") and base.isascii():
        return f"$_{{{base}}}$"
    if kind.startswith("<font>") and base.isascii():
        return f"$\\mathbf{{{base}}}$" if "BOLD" in unicodedata.name(letter) else f"${base}$"
    if unicodedata.combining(letter):
        return ""
    return f"[U+{ord(letter):04X}]"


def _comment(text: str) -> str:
    """Return a text for a comment of one line."""
    return clean(text, 100).strip()
