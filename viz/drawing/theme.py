"""Colours, type sizes and the one scale on which gradient sizes are drawn."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from minidl.errors import UsageError


@dataclass(frozen=True, slots=True)
class Stroke:
    """How a line is drawn: `width` in points, `color` as `#rrggbb`, `style` as Graphviz names it."""

    width: float
    color: str
    style: str = "solid"


@dataclass(frozen=True, slots=True)
class HeatScale:
    """A fixed logarithmic scale from the size of a gradient to the width and colour of its wire.

    Attributes:
        low: the power of ten at (and below) which a wire is thinnest and palest.
        high: the power of ten at (and above) which it is thickest and darkest.
        thin: the width there, in points.
        thick: the width there, in points.
    """

    low: float = -12.0
    high: float = 0.0
    thin: float = 1.2
    thick: float = 8.0

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise UsageError(
                f"a heat scale goes from a lower power of ten to a higher one, not {self.low} to {self.high}"
            )

    def position(self, size: float) -> float:
        """Return where `size` lies on the scale, from 0 (low or zero) to 1 (high, infinite).

        >>> HeatScale(low=-4, high=0).position(0.01)
        0.5
        """
        if math.isnan(size) or size <= 0:
            return 0.0
        if math.isinf(size):
            return 1.0
        return min(1.0, max(0.0, (math.log10(size) - self.low) / (self.high - self.low)))


@dataclass(frozen=True, slots=True)
class Theme:
    """One palette and one scale of type sizes (points) for every figure.

    Colour is never the only carrier of meaning: values stand above a wire, gradients below it, local derivatives beside
    the operation.

    >>> Theme().value
    '#1a7f45'
    >>> Theme().stroke(1e-12, HeatScale(low=-12, high=0)).width
    1.2
    """

    name: str = "light"
    value: str = "#1a7f45"
    gradient: str = "#c62828"
    local: str = "#1f5fa8"
    ink: str = "#1d2733"
    line: str = "#54657a"
    fill: str = "#eef3f8"
    accent: str = "#d08700"
    accent_fill: str = "#fff3d6"
    dim: str = "#c9d1db"
    paper: str = "#ffffff"
    heat_low: str = "#b4c3d8"
    heat_high: str = "#174a86"
    positive: tuple[str, str] = ("#86b4df", "#0f3f78")
    """Half way and at the end of the colours of positive numbers in a heat map; zero has the paper's."""
    negative: tuple[str, str] = ("#f2ab6b", "#9a3d00")
    font: str = "STIXGeneral"
    name_size: int = 20
    number_size: int = 15
    symbol_size: int = 20
    note_size: int = 14
    small_size: int = 13
    cluster_fills: tuple[str, ...] = field(default=("#f6f9fc", "#eef4ea", "#fbf4e6", "#f4eef8"))
    family_fills: Mapping[str, str] = field(
        default_factory=lambda: {
            "input": "#eceff3", "conv": "#dbe7f5", "pool": "#e4f1e4", "dense": "#fbe9d2", "activation": "#f1e8f6",
            "norm": "#ddf0f0", "shape": "#ffffff", "loss": "#fde7e5", "operation": "#eef3f8",
        }
    )  # fmt: skip
    """The fill of a layer's box, by the kind of the layer (which is also written at it)."""

    def stroke(self, size: float, scale: HeatScale | None = None) -> Stroke:
        """Return how to draw a wire whose gradient has norm `size`.

        A gradient of exactly zero is dashed, one that is not finite is drawn in the accent colour: both show in grey too.
        """
        scale = scale or HeatScale()
        t = scale.position(size)
        width = round(scale.thin + (scale.thick - scale.thin) * t, 2)
        if not math.isfinite(size):
            return Stroke(scale.thick, self.accent, "dotted")
        return Stroke(width, blend(self.heat_low, self.heat_high, t), "dashed" if size == 0 else "solid")


def blend(start: str, end: str, t: float) -> str:
    """Return the colour `t` of the way from `start` to `end`.

    >>> blend("#000000", "#ffffff", 0.5)
    '#808080'
    """
    pairs = zip(bytes.fromhex(start[1:]), bytes.fromhex(end[1:]), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * t):02x}" for a, b in pairs)


TERMINAL: Final[Mapping[str, str]] = {
    "value": "green", "gradient": "red", "local": "blue", "accent": "bold yellow", "line": "dim", "ink": "",
}  # fmt: skip
"""The same roles in a terminal: by name, because only the terminal knows what can be read on its background."""

LIGHT = Theme()
COLORBLIND = Theme(name="colorblind", value="#0072b2", gradient="#c04a00", local="#1d2733", accent="#e69f00")
DARK = Theme(
    name="dark", value="#6fd39a", gradient="#ff8a80", local="#8fb8f6", ink="#eef2f7", line="#9fb0c3", fill="#28323f",
    accent="#ffb84d", accent_fill="#4a3a18", dim="#4b5866", paper="#171d26", heat_low="#3a4a60", heat_high="#9cc4ff",
    positive=("#3a7cc2", "#b4d8ff"), negative=("#bd6a1e", "#ffd3a0"),
    cluster_fills=("#1e2631", "#1f2a25", "#2c271d", "#28222f"),
    family_fills={
        "input": "#303a46", "conv": "#24405f", "pool": "#244a33", "dense": "#57401f", "activation": "#433255",
        "norm": "#1f4a4d", "shape": "#171d26", "loss": "#5a2c2b", "operation": "#28323f",
    },
)  # fmt: skip
PRINT = Theme(
    name="print", value="#000000", gradient="#4d4d4d", local="#333333", ink="#000000", line="#404040", fill="#f2f2f2",
    accent="#000000", accent_fill="#d9d9d9", dim="#c4c4c4", paper="#ffffff", heat_low="#bdbdbd", heat_high="#1a1a1a",
    positive=("#a6a6a6", "#333333"), negative=("#a6a6a6", "#333333"),
    cluster_fills=("#f7f7f7", "#efefef", "#f7f7f7", "#efefef"),
    family_fills={
        "input": "#f5f5f5", "conv": "#d2d2d2", "pool": "#ececec", "dense": "#dfdfdf", "activation": "#fafafa",
        "norm": "#e6e6e6", "shape": "#ffffff", "loss": "#c8c8c8", "operation": "#f2f2f2",
    },
)  # fmt: skip
THEMES = {theme.name: theme for theme in (LIGHT, DARK, PRINT, COLORBLIND)}
"""On paper, on a dark slide, printed in grey, and for red-green-blind readers."""


_usual: ContextVar[Theme] = ContextVar("usual theme", default=LIGHT)


def usual_theme() -> Theme:
    """Return the theme of whoever asks for none: `LIGHT`, but within `drawn_in`."""
    return _usual.get()


@contextmanager
def drawn_in(theme: str | Theme) -> Iterator[None]:
    """Draw in a theme whatever asks for none, such as the figures in code that somebody else has written.

    >>> with drawn_in("dark"):
    ...     theme_named(LIGHT).name, theme_named("light").name
    ('dark', 'light')
    """
    before = _usual.set(theme_named(theme))
    try:
        yield
    finally:
        _usual.reset(before)


def theme_named(theme: str | Theme) -> Theme:
    """Return the theme of that name, or the theme itself; for `LIGHT`, which nobody needs to ask for, the usual one.

    Raises:
        UsageError: there is no theme of that name.

    >>> theme_named("colorblind").value
    '#0072b2'
    """
    if isinstance(theme, Theme):
        return usual_theme() if theme is LIGHT else theme
    if not isinstance(theme, str) or theme not in THEMES:
        raise UsageError(f"there is no theme {theme!r}; the themes are {', '.join(THEMES)}")
    return THEMES[theme]
