"""Pairs of an image before and after a change, and whether the label is still true."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from minidl.errors import UsageError

from ..drawing.theme import LIGHT, Theme, theme_named
from .inputs import short
from .palette import readable
from .pictures import as_picture
from .plot import Plot
from .style import SIZE, SMALL, new_figure, words_at
from .variants import arrow_between, picture_at

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TILE: Final = 1.4
BETWEEN: Final = 0.6
MOST: Final = 9


@dataclass(frozen=True, slots=True)
class Change:
    """An image before and after.

    Attributes:
        before: the image.
        after: what became of it.
        name: how it was changed.
        question: what the label answers.
        is_kept: whether the label is still true.
        verdict: why, in a few words.
    """

    before: Any
    after: Any
    name: str
    question: str
    is_kept: bool
    verdict: str


def judged(changes: Sequence[Change], *, columns: int = 3, theme: str | Theme = LIGHT) -> Plot:
    """Draw pairs of images, and under each pair the question that the label answers and whether its answer still holds.

    Args:
        changes: the pairs.
        columns: how many pairs stand in a row.
        theme: the palette, or its name.

    Returns:
        The plot: a label that stays has a tick, one that is lost a cross.

    Raises:
        ShapeError: an image is neither grey nor coloured.
        UsageError: there are no pairs or more than nine, or `columns` is less than 1.

    >>> import numpy as np
    >>> six = np.zeros((8, 8))
    >>> judged([Change(six, six[::-1, ::-1], "half a turn", "which digit?", False, "reads 9")]).text
    'Which labels stay true. half a turn, which digit? Lost: reads 9.'
    """
    palette = theme_named(theme)
    if not 1 <= len(changes) <= MOST or columns < 1:
        raise UsageError(
            f"judged: draws 1 to {MOST} pairs in rows of at least 1; got {len(changes)}, columns={columns}"
        )
    pairs = [[as_picture(image, "judged") for image in (change.before, change.after)] for change in changes]
    told = (f"{c.name}, {c.question} {'Kept' if c.is_kept else 'Lost'}: {c.verdict}." for c in changes)

    def draw() -> Figure:
        figure = new_figure(10, 6)
        pitch = 2 * TILE + BETWEEN + 0.75
        for i, (change, pair) in enumerate(zip(changes, pairs, strict=True)):
            left, top = (i % columns) * pitch, (i // columns) * (TILE + 1.2)
            for k, picture in enumerate(pair):
                at = left + k * (TILE + BETWEEN)
                picture_at(figure, at, top, TILE, picture, TILE / max(picture.shape[:2]), palette)
            arrow_between(figure, left + TILE + 0.1, left + TILE + BETWEEN - 0.1, top + TILE / 2, palette)
            middle = left + TILE + BETWEEN / 2
            color = palette.value if change.is_kept else palette.gradient
            lines = (
                (short(change.name), SIZE, palette.ink),
                (short(change.question, 40), SMALL, palette.line),
                (f"{'✓' if change.is_kept else '✗'} {short(change.verdict, 40)}", SIZE, color),
            )
            for k, (words, size, shade) in enumerate(lines):
                at = top + TILE + 0.1 + 0.25 * k
                words_at(figure, middle, at, words, fontsize=size, ha="center", color=readable(shade, palette))
        return figure

    return Plot(draw, "Which labels stay true", f"Which labels stay true. {' '.join(told)}", palette)
