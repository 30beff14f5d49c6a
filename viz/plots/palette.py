"""Colours, dashes and marks: what tells one series, one class, one sign from another; never by colour alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ..drawing.theme import Theme, blend

DASHES: Final[tuple[Any, ...]] = (
    "solid", (0, (5, 2)), (0, (1.2, 1.4)), (0, (7, 2, 1.5, 2)), (0, (3, 1.5, 1, 1.5, 1, 1.5)), (0, (9, 3)),
)  # fmt: skip
MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "p", "<", ">")
HATCHES: Final = ("", "////", "....", "xxxx", "\\\\\\\\", "----")


@dataclass(frozen=True, slots=True)
class Series:
    """How one of several series is drawn.

    Attributes:
        color: `#rrggbb`, of lines and fills.
        text: the same colour, dark (or light) enough to be read as text.
        dash: matplotlib's line style.
        marker: matplotlib's mark.
        hatch: matplotlib's hatching, for areas.
    """

    color: str
    text: str
    dash: Any
    marker: str
    hatch: str


def series(theme: Theme, k: int) -> Series:
    """Return how the series number `k` is drawn: each has a dash, a mark and a hatching of its own.

    >>> from viz.drawing.theme import LIGHT
    >>> series(LIGHT, 0).dash, series(LIGHT, 1).marker
    ('solid', 's')
    """
    colors = hues(theme)
    color = colors[k % len(colors)]
    return Series(
        color, readable(color, theme), DASHES[k % len(DASHES)], MARKERS[k % len(MARKERS)], HATCHES[k % len(HATCHES)]
    )


def hues(theme: Theme) -> tuple[str, ...]:
    """Return the colours of series, most different first; greys on a grey theme.

    >>> from viz.drawing.theme import PRINT
    >>> hues(PRINT)[0]
    '#000000'
    """
    if is_grey(theme):
        return tuple(blend(theme.ink, theme.paper, t) for t in (0.0, 0.38, 0.2, 0.5, 0.1, 0.3))
    violet = blend(theme.gradient, theme.local, 0.5)
    return theme.local, theme.gradient, theme.value, theme.accent, violet, theme.line


def is_grey(theme: Theme) -> bool:
    """Return whether the theme has no colours, so that dashes, marks and shades must tell things apart."""
    return all(len(set(bytes.fromhex(color[1:]))) == 1 for color in (theme.value, theme.gradient, theme.local))


def readable(color: str, theme: Theme) -> str:
    """Return a colour as near to `color` as can be read as text on the theme's paper (contrast 4.5 or more).

    >>> from viz.drawing.theme import LIGHT
    >>> readable(LIGHT.ink, LIGHT) == LIGHT.ink, readable(LIGHT.accent, LIGHT) == LIGHT.accent
    (True, False)
    """
    for step in range(21):
        mixed = blend(color, theme.ink, step / 20)
        if contrast(mixed, theme.paper) >= 4.5:
            return mixed
    return theme.ink


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours, from 1 (none) to 21 (black on white). Source: WCAG 2.1.

    >>> round(contrast("#000000", "#ffffff"))
    21
    """
    lights = sorted((_luminance(first), _luminance(second)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(color: str) -> float:
    parts = [byte / 255 for byte in bytes.fromhex(color[1:])]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def class_fills(theme: Theme, count: int) -> list[str]:
    """Return a pale colour for each class's region; on a grey theme greys from light to middling."""
    if is_grey(theme):
        return [blend(theme.paper, theme.ink, 0.06 + 0.34 * k / max(count - 1, 1)) for k in range(count)]
    strength = 0.42 if _luminance(theme.paper) > 0.5 else 0.5
    return [blend(theme.paper, series(theme, k).color, strength) for k in range(count)]


def signed_map(theme: Theme) -> Any:
    """Return matplotlib's colour map from negative over zero to positive; on a grey theme from dark to light."""
    from matplotlib.colors import LinearSegmentedColormap

    if is_grey(theme):
        colors = [blend(theme.ink, theme.paper, 0.12), blend(theme.ink, theme.paper, 0.6), theme.paper]
    else:
        colors = [*reversed(theme.negative), theme.paper, *theme.positive]
    return LinearSegmentedColormap.from_list("signed", colors)


def unsigned_map(theme: Theme) -> Any:
    """Return matplotlib's colour map from nothing (the paper) to much (the theme's deepest)."""
    from matplotlib.colors import LinearSegmentedColormap

    deep = theme.heat_high
    return LinearSegmentedColormap.from_list("unsigned", [theme.paper, blend(theme.paper, deep, 0.5), deep])


def share_map(theme: Theme) -> Any:
    """Return matplotlib's colour map of shares, which sets even a small one off from nothing, and nothing off from paper."""
    from matplotlib.colors import LinearSegmentedColormap

    steps = [(0.0, 0.035), (0.02, 0.14), (0.15, 0.34), (0.5, 0.65), (1.0, 0.95)]
    return LinearSegmentedColormap.from_list("shares", [(x, blend(theme.paper, theme.heat_high, t)) for x, t in steps])


def ink_on(color: str, theme: Theme) -> str:
    """Return the theme's ink or its paper, whichever is easier to read on `color`."""
    return max((theme.ink, theme.paper), key=lambda candidate: contrast(candidate, color))
