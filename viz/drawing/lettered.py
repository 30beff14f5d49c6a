"""A picture taken apart: its drawing as pixels, its words with their places. For whoever sets the words anew.

A terminal does: a drawing can be shown there in coarse pixels, but its letters cannot.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from .geometry import Geometry, Line

Pixels = NDArray[np.uint8]

_CAP: Final = 0.35
"""Half the height of a capital letter, of its type size."""
_LEAN: Final = 0.2
"""How far a slanted letter reaches beyond its place, of its type size."""
_RAISED: Final = str.maketrans("0123456789+-−()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁽⁾ⁿ")
_LOWERED: Final = str.maketrans("0123456789+-−()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₍₎")


@dataclass(frozen=True, slots=True)
class Word:
    """A line of text in a picture; lengths in pixels, `middle` from the top.

    Attributes:
        text: its letters.
        left: where it begins.
        right: where it ends.
        middle: the height of its middle.
        color: as `#rrggbb`.
        size: the type size in points.
        align: which of its places the picture means: `left`, `center` or `right`.
        upright: whether it runs from bottom to top, as the name of a vertical axis does.
    """

    text: str
    left: float
    right: float
    middle: float
    color: str
    size: float
    align: Literal["left", "center", "right"] = "center"
    upright: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Lettered:
    """A picture taken apart.

    Attributes:
        pixels: the drawing without its words, `(H, W, 3)`.
        words: the words.
        stretches: whether it may be drawn wider than it is: a plot may, a photograph may not.
    """

    pixels: Pixels
    words: tuple[Word, ...]
    stretches: bool = False


def raised(text: str) -> str:
    """Write text as an exponent, in letters of its own where there are such: `raised("−3")` is `⁻³`."""
    if not text.strip():
        return ""  # it only kept numbers with and without an exponent on one line
    small = text.translate(_RAISED)
    return small if small != text and not set(text) & set(small) else f"^{text}"


def lowered(text: str) -> str:
    """Write text as an index, in letters of its own where there are such: `lowered("12")` is `₁₂`."""
    small = text.translate(_LOWERED)
    return small if small != text and not set(text) & set(small) else f"_{text}" if len(text) == 1 else text


def untangled(formula: str) -> str:
    r"""Return matplotlib's mathematics as plain text.

    >>> untangled(r"$10^{-3}$"), untangled(r"$f\,$′ = 1 − $y$²"), untangled("$x_{1}$")
    ('10⁻³', 'f′ = 1 − y²', 'x₁')
    """
    text = re.sub(
        r"\\(?:mathrm|mathbf|mathit|mathdefault|boldsymbol|text)\{([^{}]*)\}", r"\1", formula.replace("$", "")
    )
    text = re.sub(r"\^(?:\{([^{}]*)\}|(\w))", lambda found: raised(found[1] or found[2]), text)
    text = re.sub(r"_(?:\{([^{}]*)\}|(\w))", lambda found: lowered(found[1] or found[2]), text)
    text = text.replace(r"\times", "×").replace(r"\cdot", "·").replace(r"\,", "")
    return re.sub(r"\\[a-zA-Z]+|[{}\\]", "", text)


def take_apart(png: bytes, geometry: Geometry) -> Lettered:
    """Take a drawing of Graphviz apart: its letters are painted over with what surrounds them."""
    pixels = opaque(png)
    page = geometry.page
    across, down = pixels.shape[1] / page.width, pixels.shape[0] / page.height
    words = []
    for line in geometry.lines:
        if not line.text.strip():
            continue
        size = max(run.size for run in line.runs)
        left, right = (line.left - page.left) * across, (line.right - page.left) * across
        middle = (page.top - line.baseline - _CAP * size) * down
        lean = _LEAN * size * across
        _wipe(pixels, left - lean, right + lean, middle, 0.62 * size * down)
        words.append(Word(_read(line), left, right, middle, line.runs[0].color[:7], size))
    return Lettered(pixels, tuple(words))


def opaque(png: bytes) -> Pixels:
    """Return the pixels of a PNG, on white where one can see through it."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as opened:
        layered = opened.convert("RGBA")
    paper = Image.new("RGBA", layered.size, "white")
    return np.array(Image.alpha_composite(paper, layered).convert("RGB"))


def _read(line: Line) -> str:
    parts = (raised(run.text) if run.raised else lowered(run.text) if run.lowered else run.text for run in line.runs)
    return "".join(parts).strip()


def _wipe(pixels: Pixels, left: float, right: float, middle: float, half: float) -> None:
    """Paint a box with the colour that most of its edge has."""
    rows = slice(max(0, int(middle - half)), int(middle + half) + 2)
    columns = slice(max(0, int(left) - 1), int(right) + 2)
    box = pixels[rows, columns]
    if box.size:
        box[:] = most_frequent(np.concatenate([box[0], box[-1], box[:, 0], box[:, -1]]))


def most_frequent(colours: Pixels | Iterable[Pixels]) -> Pixels:
    """Return the colour that occurs most often among `(K, 3)`."""
    found, counts = np.unique(np.asarray(colours, np.uint8), axis=0, return_counts=True)
    return np.asarray(found[counts.argmax()], np.uint8)
