"""What all plots share: the house's colours and type in matplotlib, and SVG that comes out the same every time.

Matplotlib is imported when a plot is made, through `prepare`. Figures are made as objects, never through pyplot, which
keeps global state and opens windows.
"""

from __future__ import annotations

import atexit
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..drawing.fonts import MATH_FONT
from ..drawing.svg import finish
from ..drawing.theme import Theme

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE: Final = 13.0
"""The size of the type in points; nothing is smaller than 12."""


def prepare() -> None:
    """Give matplotlib, before its first import, a folder it can write, or it would complain of the user's at length."""
    if "matplotlib" in sys.modules or "MPLCONFIGDIR" in os.environ or all(map(_writable, _folders())):
        return
    folder = tempfile.mkdtemp(prefix="minidl-matplotlib-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["MPLCONFIGDIR"] = folder


def _folders() -> list[Path | None]:
    """Where matplotlib would keep its settings and its list of fonts; None for a place that there is not."""
    try:
        if sys.platform.startswith(("linux", "freebsd")):
            places = {"XDG_CONFIG_HOME": ".config", "XDG_CACHE_HOME": ".cache"}
            return [Path(os.environ.get(name) or Path.home() / hidden, "matplotlib") for name, hidden in places.items()]
        return [] if sys.platform == "win32" else [Path.home() / ".matplotlib"]
    except RuntimeError:  # there is no home
        return [None]


def _writable(folder: Path | None) -> bool:
    """Whether there is such a folder to write in; matplotlib would make it as well."""
    if folder is None:
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def new_figure(width: float, height: float, **options: Any) -> Figure:
    """Make an empty figure of that many inches; use it within `house_style`."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), **options)


@contextmanager
def house_style(theme: Theme) -> Iterator[None]:
    """Make matplotlib use the house's type, lines and colours while the block runs."""
    prepare()
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
