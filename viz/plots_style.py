"""What all plots share: the house's colours and type in matplotlib, and SVG that comes out the same every time.

Matplotlib is imported when a plot is made. Figures are made as objects, never through pyplot, which keeps global state
and opens windows.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from .fonts import MATH_FONT
from .svg import finish
from .theme import Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE: Final = 13.0
"""The size of the type in points; nothing is smaller than 12."""


@contextmanager
def house_style(theme: Theme) -> Iterator[None]:
    """Make matplotlib use the house's type, lines and colours while the block runs."""
    import matplotlib

    settings: dict[str, Any] = {
        "font.family": [MATH_FONT, "DejaVu Sans"],
        "text.parse_math": False,  # a dollar sign in a class's name is a dollar sign
        "font.size": SIZE,
        "axes.titlesize": SIZE + 2,
        "axes.titlepad": 10,
        "axes.titlelocation": "left",
        "axes.edgecolor": theme.line,
        "axes.labelcolor": theme.ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.9,
        "axes.unicode_minus": True,
        "text.color": theme.ink,
        "xtick.color": theme.line,
        "ytick.color": theme.line,
        "xtick.labelsize": SIZE - 1,
        "ytick.labelsize": SIZE - 1,
        "figure.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "svg.fonttype": "path",
        "svg.hashsalt": "minidl",
        "svg.image_inline": True,
    }
    # rc_context alone would still read a matplotlibrc that a user has in the working folder; the defaults come first.
    defaults: dict[Any, Any] = {key: value for key, value in matplotlib.rcParamsDefault.items() if key not in _KEPT}
    with matplotlib.rc_context(defaults | settings):
        yield


_KEPT: Final = {"backend", "backend_fallback", "interactive", "toolbar", "timezone", "datapath"}
"""Settings that have nothing to do with how a plot looks."""


def svg_of(figure: Figure, title: str, description: str) -> str:
    """Return a figure as SVG with its letters as paths, words for those who cannot see it, and no date."""
    output = io.StringIO()
    figure.savefig(output, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return finish(output.getvalue(), title, description)
