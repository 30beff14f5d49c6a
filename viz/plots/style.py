"""What all plots share: the house's colours and type in matplotlib, and SVG that comes out the same every time.

Matplotlib is imported when a plot is made, through `prepare`. Figures are made as objects, never through pyplot, which
keeps global state and opens windows.
"""

from __future__ import annotations

import atexit
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from ..drawing.fonts import MATH_FONT
from ..drawing.notation import number, significant
from ..drawing.theme import Theme, blend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE: Final = 14.0
"""The size of the type in points: of labels and names in a plot."""
SMALL: Final = 12.0
"""The size of the numbers at an axis and of side remarks; nothing but an exponent is smaller."""
HEAD: Final = 16.0
"""The size of a panel's title."""


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


def new_figure(width: float, height: float) -> Figure:
    """Make an empty figure of that many inches; use it within `house_style`."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def panel(figure: Figure, left: float, top: float, width: float, height: float, **options: Any) -> Axes:
    """Add axes of that many inches, whose upper left corner lies so many inches from the figure's.

    Sizes in inches, and paper that is cut to what is drawn on it when it is saved, keep type and lines alike in all plots.
    """
    total_width, total_height = figure.get_size_inches()
    corner = (left / total_width, 1 - (top + height) / total_height)
    axes: Axes = figure.add_axes((*corner, width / total_width, height / total_height), **options)
    axes.set_axisbelow(True)
    return axes


def panels(
    figure: Figure, count: int, columns: int, size: tuple[float, float], gap: tuple[float, float], top: float = 0.0
) -> list[Axes]:
    """Add `count` axes in rows of `columns`, each of `size` inches, with `gap` inches between them."""
    return [
        panel(figure, (k % columns) * (size[0] + gap[0]), top + (k // columns) * (size[1] + gap[1]), *size)
        for k in range(count)
    ]


def words_at(figure: Figure, left: float, top: float, words: str, **options: Any) -> None:
    """Write words whose upper left corner lies so many inches from the figure's."""
    width, height = figure.get_size_inches()
    figure.text(left / width, 1 - top / height, words, **({"va": "top", "ha": "left"} | options))


def quiet_grid(axes: Axes, theme: Theme, axis: Literal["both", "x", "y"] = "y") -> None:
    """Draw pale lines at the numbers of an axis, behind everything."""
    axes.grid(axis=axis, color=blend(theme.paper, theme.line, 0.2), linewidth=0.8)


def blank(axes: Axes) -> None:
    """Take ticks and frame away."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def frame(axes: Axes, color: str, width: float = 0.9, style: Any = "solid") -> None:
    """Draw all four sides of the axes."""
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(color)
        spine.set_linewidth(width)
        spine.set_linestyle(style)


def plain_numbers(axes: Axes, axis: str = "both", count: int = 6, *, whole: bool = False) -> None:
    """Print an axis' numbers as the figures do, no more digits than needed; about `count` of them. The limits must be final.

    Args:
        axes: where.
        axis: `"x"`, `"y"` or `"both"`.
        count: about how many numbers.
        whole: whether only whole numbers may stand there.
    """
    from matplotlib.ticker import MaxNLocator

    for one in _axes_of(axes, axis):
        low, high = sorted(one.get_view_interval())
        locator = MaxNLocator(nbins=count, steps=[1, 2, 2.5, 5, 10], integer=whole, min_n_ticks=1 if whole else 2)
        places = [
            float(x) for x in locator.tick_values(low, high) if low - 1e-9 * (high - low) <= x <= high * (1 + 1e-12)
        ]
        if whole:
            places = [x for x in places if x == round(x)]
        step = places[1] - places[0] if len(places) > 1 else 1.0
        largest = max((abs(x) for x in places), default=1.0)
        digits = max(3, 2 + math.ceil(math.log10(largest / step))) if largest > 0 and step > 0 else 3
        places = [0.0 if abs(x) < 1e-9 * step else x for x in places]
        one.set_ticks(places, [set_number(x, min(digits, 15)) for x in places], parse_math=True)


def powers_of_ten(axes: Axes, axis: str = "y", count: int = 6) -> None:
    """Make an axis logarithmic, with powers of ten at it; over less than two decades with the numbers 2 and 5 as well."""
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator

    for one in _axes_of(axes, axis):
        limits = one.get_view_interval()
        getattr(axes, f"set_{one.axis_name}scale")("log")
        getattr(axes, f"set_{one.axis_name}lim")(*limits)
        low, high = sorted(limits)
        decades = math.log10(high / low)
        subs = (1.0,) if decades >= 2 else (1.0, 2.0, 5.0) if decades >= 0.7 else tuple(range(1, 10))
        found = LogLocator(base=10, subs=subs, numticks=count).tick_values(low, high)
        places = [float(x) for x in found if low * 0.999 <= x <= high * 1.001]
        words = [set_number(x) for x in places]
        if subs == (1.0,) and any("^" in shown for shown in words):  # then all of them as powers, but 1
            words = ["1" if x == 1 else f"$10^{{{round(math.log10(x))}}}$" for x in places]
        one.set_ticks(places, words, parse_math=True, fontsize=SIZE)
        fine = decades < 5
        one.set_minor_locator(LogLocator(base=10, subs=tuple(range(2, 10)), numticks=99) if fine else NullLocator())
        one.set_minor_formatter(NullFormatter())
        getattr(axes, f"set_{one.axis_name}lim")(*limits)


def _axes_of(axes: Axes, axis: str) -> list[Any]:
    return [one for name, one in (("x", axes.xaxis), ("y", axes.yaxis)) if axis in (name, "both")]


def set_number(value: float, digits: int = 4, *, zeros: bool = False) -> str:
    """Return a number as matplotlib's mathematics, with a raised exponent where it is very large or small.

    With `zeros` it has exactly so many digits.

    >>> set_number(-0.25), set_number(1e-7), set_number(4.0, 2, zeros=True)
    ('−0.25', '$10^{-7}$', '4.0')
    """
    shown = significant(value, digits) if zeros else number(value, digits)
    front, ten, power = shown.partition("10")
    exponent = power.translate(_LOWERED)
    if not ten or not power or front.strip("×−0123456789.") or power == exponent or "." in power:
        return shown
    digits_before = front.rstrip("×").replace("−", "-")
    dot = r"\times" if front.endswith("×") else ""
    return f"${digits_before}{dot}10^{{{exponent}}}$"


_LOWERED: Final = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


@contextmanager
def house_style(theme: Theme) -> Iterator[None]:
    """Make matplotlib use the house's type, lines and colours while the block runs."""
    prepare()
    import matplotlib

    settings: dict[str, Any] = {
        "font.family": [MATH_FONT, "DejaVu Sans"],
        "text.parse_math": False,  # a dollar sign in a class's name is a dollar sign
        "font.size": SIZE,
        "axes.titlesize": HEAD,
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
        "xtick.labelsize": SMALL + 1,
        "ytick.labelsize": SMALL + 1,
        "axes.labelsize": SIZE,
        "axes.facecolor": theme.paper,
        "mathtext.fontset": "stix",
        "hatch.linewidth": 0.8,
        "hatch.color": theme.line,
        "lines.solid_capstyle": "round",
        "lines.dash_capstyle": "butt",
        "pdf.fonttype": 42,
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


def set_name(name: str) -> str:
    """Return a variable's name as matplotlib's mathematics: a letter, perhaps with an index; other names as they are.

    >>> set_name("w₁"), set_name("x"), set_name("bill length")
    ('$w_{1}$', '$x$', 'bill length')
    """
    match = re.fullmatch(r"([A-Za-zα-ωΑ-Ω])([₀-₉]*)", name)
    if not match:
        return name.replace("$", r"\$")
    index = "".join(str("₀₁₂₃₄₅₆₇₈₉".index(digit)) for digit in match[2])
    return f"${match[1]}_{{{index}}}$" if index else f"${match[1]}$"


def name_axes(axes: Axes, names: tuple[str, str]) -> None:
    """Write the names of two variables at the axes, the vertical one upright."""
    shown = set_name(names[0]), set_name(names[1])
    axes.set_xlabel(shown[0], parse_math=True, fontsize=HEAD)
    upright = len(names[1]) <= 4
    turned: dict[str, Any] = {"rotation": 0, "labelpad": 14, "va": "center"} if upright else {}
    axes.set_ylabel(shown[1], parse_math=True, fontsize=HEAD, **turned)
