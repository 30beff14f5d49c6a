"""Functions of one variable with their derivatives, as the engine has them; and functions of themselves."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

import minidl
from minidl import grad, tensor
from minidl.autodiff.symbols import local_derivatives
from minidl.errors import ShapeError, UsageError
from minidl.graph import Node, data_of
from minidl.primitives.operation import catalogue

from ..drawing.metrics import text_width
from ..drawing.notation import number, tidy_name
from ..drawing.theme import LIGHT, Theme, blend, theme_named
from .inputs import short, span
from .labels import Name, name_ends
from .palette import readable, series
from .plot import Plot
from .style import HEAD, SIZE, SMALL, new_figure, panels, plain_numbers, quiet_grid, words_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PLACES: Final = 801
_GAP: Final = 0.78
"""Between two panels, in inches: room for the names of one and the numbers of the next."""
FLAT: Final = 0.05
"""Where the derivative is smaller than this share of its largest value, a unit is called saturated."""
Given = str | Callable[..., Any]


@dataclass(frozen=True)
class _Curve:
    """A function at every place: its values, its derivative, where that is nearly nothing, and the derivative's formula."""

    name: str
    y: NDArray[Any]
    slope: NDArray[Any]
    flat: NDArray[Any]
    formula: str


def activation(
    functions: Given | Sequence[Given],
    *,
    x_range: tuple[float, float] = (-5.0, 5.0),
    derivatives: bool = True,
    theme: str | Theme = LIGHT,
) -> Plot:
    """Draw activation functions with their derivatives, which the engine computes; saturated regions are shaded.

    Args:
        functions: a name in `minidl` or `minidl.nn.functional`, such as `"gelu"`, a function of a tensor, or several.
        x_range: the ends of the horizontal axis.
        derivatives: whether to draw them; without, nothing is shaded either.
        theme: the palette, or its name.

    Returns:
        The plot, a panel a function. Shaded is where |f′(x)| is zero, or less than a twentieth of its largest value:
        hardly any gradient comes through there.

    Raises:
        UsageError: a name is unknown, there is no function, more than twelve, or the range is empty.
        ShapeError: a function does not work element by element.

    >>> activation("tanh").text
    'tanh(x) over x from −5 to 5: values from −0.9999 to 0.9999, derivative from 0.0001816 to 1 (∂y/∂x = 1 − y²).'
    """
    palette = theme_named(theme)
    several = [functions] if isinstance(functions, str) or callable(functions) else list(functions)
    if not 1 <= len(several) <= 12:
        raise UsageError(f"activation: draws 1 to 12 functions; got {len(several)}")
    x = _places(x_range, "activation")
    found = [_evaluated(function, x) for function in several]
    text = " ".join(
        f"{curve.name}(x) over x from {number(x[0])} to {number(x[-1])}: values from {_range(curve.y)}"
        + (f", derivative from {_range(curve.slope)}" if derivatives else "")
        + (f" ({curve.formula})" if curve.formula and derivatives else "")
        + "."
        for curve in found
    )

    def draw() -> Figure:
        columns = _columns(len(found))
        size = (4.4, 3.0) if len(found) == 1 else (2.75, 2.1)
        figure = new_figure(10, 6)
        for curve, axes in zip(found, panels(figure, len(found), columns, size, (_GAP, 1.12)), strict=True):
            _draw_curve(axes, curve, x, derivatives, palette)
        rows = -(-len(found) // columns)
        if derivatives and any(_ends_of(curve.flat) for curve in found):
            words = "shaded: the derivative is zero, or less than 5 % of its largest value"
            top = rows * size[1] + (rows - 1) * 1.12 + (0.72 if any(curve.formula for curve in found) else 0.45)
            words_at(figure, 0, top, words, fontsize=SMALL, color=readable(palette.line, palette))
        return figure

    title = "Activation functions and their derivatives" if derivatives else "Activation functions"
    return Plot(draw, title, text, palette)


def iterates(
    function: Callable[[Any], Any],
    counts: Sequence[int] = (1, 2, 3, 4),
    *,
    x_range: tuple[float, float] = (0.0, 1.0),
    name: str = "m",
    theme: str | Theme = LIGHT,
) -> Plot:
    """Draw a function applied to itself again and again: depth multiplies the number of linear pieces.

    Args:
        function: from a tensor to a tensor of the same shape.
        counts: how often it is applied in each panel.
        x_range: the ends of the horizontal axis.
        name: the function's name.
        theme: the palette, or its name.

    Returns:
        The plot; under each panel stand its peaks, counted on the computed values.

    Raises:
        UsageError: a count is below 1, there are none or more than eight, or the range is empty.
        ShapeError: the function does not work element by element.

    >>> iterates(lambda x: 1 - abs(2 * x - 1), (1, 3)).text
    'The function m applied 1 and 3 times; the peaks are 1 and 4.'
    """
    palette = theme_named(theme)
    often = [int(count) for count in counts]
    if not 1 <= len(often) <= 8 or min(often) < 1:
        raise UsageError(f"iterates: counts must be 1 to 8 whole numbers from 1; got {list(counts)}")
    x = _places(x_range, "iterates", 4097)
    values: list[NDArray[Any]] = []
    for count in often:
        y: Any = tensor(x)
        for _ in range(count):
            y = function(y)
        values.append(_checked(y, x, name))
    peaks = [_peaks(y) for y in values]
    listed = " and ".join(map(str, often)), " and ".join(map(str, peaks))
    shown = short(name)

    def draw() -> Figure:
        columns = len(often) if len(often) <= 4 else -(-len(often) // 2)
        figure = new_figure(10, 6)
        ends = span(np.concatenate(values), 0.06)
        for k, axes in enumerate(panels(figure, len(often), columns, (2.1, 1.7), (0.45, 1.15))):
            axes.set_xlim(x[0], x[-1])
            axes.set_ylim(*ends)
            plain_numbers(axes, "both", 3)
            quiet_grid(axes, palette)
            axes.plot(x, values[k], color=palette.local, linewidth=1.8)
            power = f"^{{({often[k]})}}" if often[k] > 1 else ""
            title = f"${shown}{power}(x)$" if shown.isalpha() else f"{shown} × {often[k]}"
            axes.set_title(title, fontsize=HEAD, parse_math=shown.isalpha())
            words = f"{peaks[k]} peak{'s' * (peaks[k] != 1)}"
            axes.set_xlabel(words, fontsize=SIZE, color=readable(palette.line, palette))
            if k % columns:
                axes.tick_params(labelleft=False)
        return figure

    text = f"The function {shown} applied {listed[0]} times; the peaks are {listed[1]}."
    return Plot(draw, f"Iterates of {shown}", text, palette)


def _peaks(y: NDArray[Any]) -> int:
    steps = np.sign(np.diff(y))
    steps = steps[steps != 0]
    return int(((steps[:-1] > 0) & (steps[1:] < 0)).sum())


def _columns(count: int) -> int:
    """How many panels stand side by side: one row, two, or three."""
    return count if count <= 3 else 3 if count == 9 else -(-count // 2) if count <= 8 else 4


def _places(x_range: tuple[float, float], plot: str, count: int = PLACES) -> NDArray[np.float64]:
    low, high = float(x_range[0]), float(x_range[1])
    if not (np.isfinite([low, high]).all() and low < high):
        raise UsageError(f"{plot}: x_range must run from a smaller to a larger number; got {x_range}")
    return np.linspace(low, high, count)


def _evaluated(given: Given, x: NDArray[Any]) -> _Curve:
    function = given if callable(given) else _by_name(given)
    name = short(getattr(function, "__name__", None) or getattr(function, "name", None) or type(function).__name__)
    leaf = tensor(x, requires_grad=True)
    out = function(leaf)
    y = _checked(out, x, name)
    slope = np.array(data_of(grad(out.sum(), [leaf])[0])) if out.requires_grad else np.zeros_like(x)
    finite = np.abs(slope[np.isfinite(slope)])
    flat = (np.abs(slope) < FLAT * finite.max(initial=0.0)) | (slope == 0)  # a step is flat everywhere
    name = "f" if name == "<lambda>" else name
    return _Curve(_WRITTEN.get(name, name.replace("_", " ")), y, slope, flat, _formula(given, out, leaf))


_WRITTEN: Final = {
    "sigmoid": "σ", "relu": "ReLU", "leaky_relu": "leaky ReLU", "gelu": "GELU", "elu": "ELU", "selu": "SELU",
    "silu": "SiLU", "celu": "CELU", "relu6": "ReLU6", "mish": "Mish", "heaviside": "Heaviside",
}  # fmt: skip
"""How the field writes the functions' names."""


def _by_name(name: str) -> Callable[..., Any]:
    for home in (minidl.nn.functional, minidl):
        function = vars(home).get(name)
        if callable(function):
            return function
    activations = sorted({op.name for op in catalogue.values() if op.family.startswith("activation")})
    raise UsageError(f"activation: there is no function {name!r}; activations are {', '.join(activations)}")


def _checked(out: Any, x: NDArray[Any], name: str) -> NDArray[np.float64]:
    if not isinstance(out, Node) or out.shape != x.shape:
        made = f"shape {out.shape}" if isinstance(out, Node) else f"a {type(out).__name__}"
        raise ShapeError(f"{name} made {made} of a tensor {x.shape}; it must work element by element on tensors")
    return np.asarray(out.data, dtype=np.float64).copy()


def _formula(given: Given, out: Node, leaf: Node) -> str:
    """The derivative as its rule prints itself, where the function is one operation of the engine."""
    for op in catalogue.values():
        if given in (op.name, op.function) and op.derivative:
            words = op.derivative
            for parameter, value in out.params.items():
                symbol = tidy_name(parameter)
                words = words.replace(f"{symbol}·", "") if value == 1 else words
                words = words.replace(symbol, number(value)) if isinstance(value, int | float) else words
            return words
    if out.primitive is None or len(out.inputs) != 1 or out.inputs[0] is not leaf:
        return ""
    return "; ".join(local_derivatives(out.primitive, ("x",), "y", **dict(out.params)))


def _range(values: NDArray[Any]) -> str:
    finite = values[np.isfinite(values)]
    return f"{number(finite.min())} to {number(finite.max())}" if finite.size else "nan to nan"


def _draw_curve(axes: Axes, curve: _Curve, x: NDArray[Any], derivative: bool, theme: Theme) -> None:
    blue, red = series(theme, 0), series(theme, 1)
    axes.set_xlim(x[0], x[-1])
    both = np.concatenate([curve.y, curve.slope]) if derivative else curve.y
    inner = both[np.isfinite(both)]
    low, high = span(np.clip(inner, *_window(inner)), 0.08)
    axes.set_ylim(low, high)
    plain_numbers(axes, "x", 5)
    plain_numbers(axes, "y", 4)
    for start, end in _ends_of(curve.flat) if derivative else []:
        tint: dict[str, Any] = {"color": theme.fill, "linewidth": 0, "zorder": 0}
        axes.axvspan(x[start], x[end], **tint)
    axes.axhline(0, color=blend(theme.paper, theme.line, 0.6), linewidth=0.8, zorder=1)
    axes.axvline(0, color=blend(theme.paper, theme.line, 0.6), linewidth=0.8, zorder=1)
    if derivative:
        axes.plot(*_with_gaps(x, curve.slope), color=red.color, linewidth=1.8, linestyle=red.dash, zorder=3)
    axes.plot(x, curve.y, color=blue.color, linewidth=2.2, zorder=4)
    axes.set_title(curve.name, fontsize=HEAD, pad=8)
    at = -1
    ends = [
        Name("f", float(x[-1]), float(np.clip(curve.y[at], low, high)), blue.text),
        Name("f ′", float(x[-1]), float(np.clip(curve.slope[at], low, high)), red.text),
    ]
    name_ends(axes, [name for name in ends[: 1 + derivative] if np.isfinite(name.y)], theme, italic=True)
    if curve.formula and derivative:
        width = axes.get_window_extent().width * 72 / axes.figure.dpi
        if text_width(curve.formula, SMALL + 1) < width + 40:
            words = re.sub(r"(?<![A-Za-z])[xy](?![A-Za-z])", r"$\g<0>$", curve.formula.replace("∂y/∂x", "$f\\,$′", 1))
            axes.set_xlabel(words, fontsize=SMALL + 1, color=red.text, labelpad=5, parse_math=True)


def _window(values: NDArray[Any]) -> tuple[float, float]:
    """Steep branches are cut, so that what lies near 0 can be seen."""
    return max(float(values.min()), -4.0), min(float(values.max()), 4.0)


def _ends_of(flat: NDArray[Any]) -> list[tuple[int, int]]:
    """The first and the last index of the flat stretches at both ends; between them a derivative only passes through 0."""
    steep = np.flatnonzero(~flat)
    if not steep.size:
        return [(0, len(flat) - 1)]
    found = [(0, int(steep[0])), (int(steep[-1]), len(flat) - 1)]
    return [(a, b) for a, b in found if b > a]


def _with_gaps(x: NDArray[Any], values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Places and values with a gap where the values jump: a derivative that jumps has none there."""
    steps = np.abs(np.diff(values))
    jumps = np.flatnonzero(steps > max(20 * float(np.nanquantile(steps, 0.98)), 1e-3)) + 1
    return np.insert(x, jumps, x[jumps]), np.insert(values, jumps, np.nan)
