"""Images that are mixed: two with their labels (mixup, CutMix), and one with chains of changes of itself (AugMix)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import ShapeError, UsageError

from ..drawing.theme import LIGHT, Theme, blend, theme_named
from .inputs import short
from .palette import ink_on, readable, series
from .pictures import as_picture
from .plot import Plot
from .style import SIZE, SMALL, blank, new_figure, panel, set_number, words_at
from .variants import View, arrow, picture_at

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TILE: Final = 1.75
GAP: Final = 0.3
BAR: Final = 0.3
MOST_MIXTURES: Final = 4
MOST_CHAINS: Final = 4
LONGEST_CHAIN: Final = 3


def mixtures(
    sources: Sequence[View], mixed: Mapping[str, Sequence[tuple[Any, Sequence[float]]]], *, theme: str | Theme = LIGHT
) -> Plot:
    """Draw two images, and rows of mixtures of them, each with a bar that shows the share of each label.

    Args:
        sources: the two images with their labels as names.
        mixed: for each way of mixing a row of images with the shares of the two labels.
        theme: the palette, or its name.

    Returns:
        The plot. Shares are told apart by hatching as well as by colour.

    Raises:
        ShapeError: there are not two sources, or not two shares.
        UsageError: there is no row, or one has no image or more than four.

    >>> image = np.zeros((4, 4))
    >>> mixtures([View(image, "cat"), View(image, "dog")], {"mixup": [(image, (0.25, 0.75))]}).text
    'Mixtures of two images. mixup: cat 0.25 and dog 0.75.'
    """
    palette = theme_named(theme)
    if len(sources) != 2 or any(len(shares) != 2 for row in mixed.values() for _, shares in row):
        raise ShapeError("mixtures: takes two images, and for each mixture the shares of their two labels")
    if not mixed or not all(1 <= len(row) <= MOST_MIXTURES for row in mixed.values()):
        raise UsageError(f"mixtures: draws rows of 1 to {MOST_MIXTURES} mixtures")
    names = [short(source.name) for source in sources]
    left_pictures = [as_picture(source.image, "mixtures") for source in sources]
    rows = {
        short(name): [(as_picture(image, "mixtures"), shares) for image, shares in row] for name, row in mixed.items()
    }
    told = (f"{name}: {', '.join(_shares(names, shares) for _, shares in row)}." for name, row in rows.items())
    text = f"Mixtures of two images. {' '.join(told)}"

    def draw() -> Figure:
        figure = new_figure(10, 6)
        pitch = TILE + 0.85
        tall = max(len(rows), 2) * pitch
        for k, (name, picture) in enumerate(zip(names, left_pictures, strict=True)):
            top = (tall - 2 * pitch) / 2 + k * pitch
            picture_at(figure, 0, top, TILE, picture, TILE / max(picture.shape[:2]), palette)
            _key(figure, 0, top + TILE + 0.1, name, k, palette)
        for r, (name, row) in enumerate(rows.items()):
            top = (tall - len(rows) * pitch) / 2 + r * pitch
            at = TILE + 2 * GAP
            words_at(figure, at + 0.55, top + TILE / 2, name, fontsize=SIZE, va="center", ha="center")
            arrow(figure, (at + 0.12, top + TILE / 2 + 0.25), (at + 0.98, top + TILE / 2 + 0.25), palette)
            for k, (picture, shares) in enumerate(row):
                left = at + 1.1 + GAP + k * (TILE + GAP)
                picture_at(figure, left, top, TILE, picture, TILE / max(picture.shape[:2]), palette)
                _bar(figure, left, top + TILE + 0.1, shares, palette)
        return figure

    return Plot(draw, "Mixtures of two images", text, palette)


def _shares(names: Sequence[str], shares: Sequence[float]) -> str:
    return " and ".join(f"{name} {share:.2f}" for name, share in zip(names, shares, strict=True))


def _look(k: int, theme: Theme) -> tuple[str, str]:
    return blend(theme.paper, series(theme, k).color, 0.45), ("", "////")[k]


def _key(figure: Figure, left: float, top: float, name: str, k: int, theme: Theme) -> None:
    """A label with the colour and hatching of its share."""
    color, hatch = _look(k, theme)
    axes = panel(figure, left, top, 0.34, BAR)
    axes.barh([0], [1], color=color, hatch=hatch, edgecolor=theme.line, linewidth=0.8, height=1)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.5, 0.5)
    blank(axes)
    words_at(figure, left + 0.44, top + BAR / 2, name, fontsize=SIZE, va="center")


def _bar(figure: Figure, left: float, top: float, shares: Sequence[float], theme: Theme) -> None:
    axes = panel(figure, left, top, TILE, BAR)
    start = 0.0
    for k, share in enumerate(shares):
        color, hatch = _look(k, theme)
        axes.barh([0], [share], left=start, color=color, hatch=hatch, edgecolor=theme.line, linewidth=0.8, height=1)
        if share > 0.22:
            axes.text(
                start + share / 2, 0, f"{share:.2f}", ha="center", va="center_baseline", fontsize=SMALL,
                color=ink_on(color, theme), bbox={"facecolor": color, "edgecolor": "none", "boxstyle": "square,pad=0.1"},
            )  # fmt: skip
        start += share
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.5, 0.5)
    blank(axes)


@dataclass(frozen=True, slots=True)
class Chain:
    """Changes done one after another.

    Attributes:
        steps: for each change what it is called and the image after it.
        weight: the share of the last image in the mixture.
    """

    steps: Sequence[tuple[str, Any]]
    weight: float


def chains(
    original: Any, mixed: Sequence[Chain], mixture: Any, share: float, result: Any, *, theme: str | Theme = LIGHT
) -> Plot:
    """Draw how AugMix mixes an image with chains of changes of itself: share · original + (1 − share) · mixture.

    Args:
        original: the image.
        mixed: the chains.
        mixture: the sum of the chains' last images, each times its weight.
        share: of the original in the result.
        result: the image that comes out.
        theme: the palette, or its name.

    Raises:
        ShapeError: an image is neither grey nor coloured.
        UsageError: there are no chains or more than four, or one has no step or more than three.

    >>> image = np.zeros((4, 4))
    >>> chains(image, [Chain([("rotate", image)], 1.0)], image, 0.4, image).text
    'AugMix: 0.4 of the original and 0.6 of a mixture of 1 chain: rotate (weight 1).'
    """
    palette = theme_named(theme)
    if not 1 <= len(mixed) <= MOST_CHAINS or not all(1 <= len(chain.steps) <= LONGEST_CHAIN for chain in mixed):
        raise UsageError(f"chains: draws 1 to {MOST_CHAINS} chains of 1 to {LONGEST_CHAIN} steps")
    first, middle, last = (as_picture(image, "chains") for image in (original, mixture, result))
    rows = [[(short(name), as_picture(image, "chains")) for name, image in chain.steps] for chain in mixed]
    words = "; ".join(
        f"{', '.join(name for name, _ in row)} (weight {chain.weight:.3g})"
        for row, chain in zip(rows, mixed, strict=True)
    )
    text = (
        f"AugMix: {share:.2g} of the original and {1 - share:.2g} of a mixture of {len(mixed)} "
        f"chain{'s' * (len(mixed) != 1)}: {words}."
    )

    def draw() -> Figure:
        figure = new_figure(12, 7)
        side, between, pitch = 1.4, 0.42, 1.4 + 0.62
        middle_y = (len(rows) * pitch - 0.62) / 2

        def put(left: float, centre: float, picture: NDArray[Any], name: str) -> None:
            picture_at(figure, left, centre - side / 2, side, picture, side / max(picture.shape[:2]), palette)
            words_at(figure, left + side / 2, centre + side / 2 + 0.08, name, fontsize=SIZE, ha="center")

        columns = max(map(len, rows))
        turn = (side + between) * (columns + 1) + 0.55  # where the chains bend towards the mixture
        at_mixture, at_result = turn + 0.75, turn + 0.75 + side + 1.15
        put(0, middle_y, first, "original")
        put(at_mixture, middle_y, middle, "mixture")
        put(at_result, middle_y, last, "result")
        for r, (row, chain) in enumerate(zip(rows, mixed, strict=True)):
            y = r * pitch + side / 2
            for k, (name, picture) in enumerate(row):
                left = (k + 1) * (side + between)
                put(left, y, picture, name)
                start = (left - between + 0.06, y) if k else (side + 0.06, middle_y + (y - middle_y) * 0.3)
                arrow(figure, start, (left - 0.05, y), palette)
            end = (len(row) + 1) * (side + between) - between
            _line(figure, [(end + 0.06, y), (turn, y)], palette)
            arrow(figure, (turn, y), (at_mixture - 0.05, middle_y + (y - middle_y) * 0.3), palette)
            _factor(figure, turn - 0.3, y - 0.05, chain.weight, palette)
        arrow(figure, (at_mixture + side + 0.06, middle_y), (at_result - 0.05, middle_y), palette)
        _factor(figure, at_mixture + side + 0.55, middle_y - 0.05, 1 - share, palette)
        under = max(len(rows) * pitch, middle_y + side / 2 + 0.62) + 0.1
        # Around the outside: the chains' arrows leave the original to the right, this one from below.
        foot, head = middle_y + side / 2 + 0.42, at_result + side / 2
        _line(figure, [(side / 2, foot), (side / 2, under), (head, under), (head, foot + 0.3)], palette)
        arrow(figure, (head, foot + 0.3), (head, foot - 0.02), palette)
        _factor(figure, turn + 0.75 + side + 0.55, under - 0.05, share, palette)
        return figure

    return Plot(draw, "AugMix", text, palette)


def _line(figure: Figure, points: Sequence[tuple[float, float]], theme: Theme) -> None:
    from matplotlib.lines import Line2D

    width, height = figure.get_size_inches()
    x, y = np.array(points).T
    line = Line2D(
        x / width,
        1 - y / height,
        transform=figure.transFigure,
        color=theme.line,
        linewidth=1.4,
        solid_joinstyle="round",
    )
    figure.add_artist(line)


def _factor(figure: Figure, x: float, y: float, value: float, theme: Theme) -> None:
    """A factor above a line."""
    color = readable(theme.local, theme)
    words_at(figure, x, y, f"× {set_number(value, 2)}", fontsize=SIZE, ha="center", va="bottom", color=color)
