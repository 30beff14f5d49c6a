"""What goes on in each layer of a network: the spread of its numbers, and their sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import UsageError
from minidl.graph import data_of

from ..drawing.metrics import text_width
from ..drawing.notation import number, significant
from ..drawing.theme import LIGHT, Theme, blend, theme_named
from .inputs import LONGEST_TITLE, array_of, series_of, short, span
from .palette import readable, series
from .plot import Plot
from .style import HEAD, SIZE, SMALL, new_figure, panel, plain_numbers, powers_of_ten, set_number, words_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from minidl.nn import Module

MOST_LAYERS: Final = 40
BINS: Final = 61
ROW: Final = 0.46
Layers = Mapping[str, Any]


def histograms(
    by_layer: Layers,
    *,
    title: str = "",
    limits: tuple[float, float] | None = None,
    log: bool = False,
    theme: str | Theme = LIGHT,
) -> Plot:
    """Draw how the numbers of each layer are spread, a row a layer on one axis.

    Args:
        by_layer: for each layer's name its activations, its weights or its gradients, of any shape.
        title: what stands above.
        limits: the ends of the units' range, such as `(-1, 1)` for tanh: the share of values within a hundredth of it is
            printed as saturated.
        log: whether to show the powers of ten of absolute values, as gradients need; zeros are counted beside.
        theme: the palette, or its name.

    Returns:
        The plot: every row has the same scale and its own height; beside it stand the standard deviation, the share of
        exact zeros and, with `limits`, of saturated values; nan and infinity are counted.

    Raises:
        UsageError: there are no layers, more than 40, or `limits` are in the wrong order.

    >>> histograms({"tanh": [0.0, 1.0, -1.0, 0.2]}, limits=(-1, 1)).text
    'Histograms of 1 layer. tanh: 4 values, std 0.71, zeros 25 %, saturated 50 %.'
    """
    palette, title = theme_named(theme), short(title, LONGEST_TITLE)
    given = series_of(by_layer, "histograms", "by_layer")
    if len(given) > MOST_LAYERS:
        raise UsageError(f"histograms: draws at most {MOST_LAYERS} layers; got {len(given)}")
    if limits is not None and not limits[0] < limits[1]:
        raise UsageError(f"histograms: limits must run from a smaller to a larger number; got {limits}")
    values = {name: array_of(array, "histograms", f"layer {name}").ravel() for name, array in given.items()}
    facts = {name: _facts(array, limits) for name, array in values.items()}
    rows = " ".join(f"{name}: {_in_words(values[name], fact)}." for name, fact in facts.items())
    text = f"Histograms of {len(values)} layer{'s' * (len(values) != 1)}. {rows}"
    shown = {name: _on_scale(array, log) for name, array in values.items()}

    def draw() -> Figure:
        row = _row_height(len(shown), 0.62, ROW)
        figure, axes = _rows(list(shown), 4.8, row, title, palette)
        low, high = span(np.concatenate(list(shown.values())), 0.02)
        edges = np.linspace(low, high, BINS + 1)
        for k, array in enumerate(shown.values()):
            base = len(shown) - 1 - k
            counts, _ = np.histogram(array, edges)
            _ridge(axes, edges, counts, base, 0.86, palette)
        axes.set_xlim(low, high)
        if log:
            whole = np.arange(math.ceil(low), math.floor(high) + 1)
            whole = whole[:: max(1, -(-len(whole) // 6))]
            ticks = [f"$10^{{{int(power)}}}$" if power else "1" for power in whole]
            axes.set_xticks(whole, ticks, parse_math=True, fontsize=SIZE)
        else:
            plain_numbers(axes, "x", 6)
            if low < 0 < high:
                axes.axvline(0, color=blend(palette.paper, palette.line, 0.5), linewidth=0.8, zorder=0)
        _columns(axes, facts, 4.8, row, palette)
        return figure

    return Plot(draw, title or "Histograms by layer", text, palette)


def spreads(panels: Mapping[str, Layers], *, title: str = "", theme: str | Theme = LIGHT) -> Plot:
    """Draw how large the numbers of each layer are in several networks, side by side: where a signal dies out or explodes.

    Args:
        panels: for each network's name what `histograms` takes: for each layer's name its numbers. All have the same layers.
        title: what the plot shows.
        theme: the palette, or its name.

    Returns:
        The plot: a column a network, a row a layer, all on one axis of powers of ten of the absolute values; beside each
        histogram stands the size of its numbers, the root of the mean square. Zeros have no place on the axis.

    Raises:
        UsageError: there is nothing to draw, more than six networks, or they do not have the same layers.

    >>> spreads({"small": {"first": [1.0, -1.0], "last": [0.01, 0.0]}}).text
    'Sizes of numbers in 1 network. small: first 1.0, last 0.0071.'
    """
    palette, title = theme_named(theme), short(title, LONGEST_TITLE)
    given = {
        name: series_of(layers, "spreads", name) for name, layers in series_of(panels, "spreads", "panels").items()
    }
    names = list(next(iter(given.values())))
    if any(list(layers) != names for layers in given.values()) or not len(names) <= MOST_LAYERS or len(given) > 6:
        raise UsageError(
            f"spreads: draws at most 6 networks of the same layers, at most {MOST_LAYERS}, in the same order"
        )
    values = {
        network: [array_of(layers[name], "spreads", f"{name} of {network}").ravel() for name in names]
        for network, layers in given.items()
    }
    sizes = {network: [_size(array) for array in arrays] for network, arrays in values.items()}
    told = " ".join(
        f"{network}: {', '.join(f'{name} {significant(x)}' for name, x in zip(names, found, strict=True))}."
        for network, found in sizes.items()
    )
    text = f"Sizes of numbers in {len(values)} network{'s' * (len(values) != 1)}. {told}"
    shown = {network: [_on_scale(array, True) for array in arrays] for network, arrays in values.items()}

    def draw() -> Figure:
        row, width, gap = _row_height(len(names), 0.62, ROW), 1.7, 1.3
        low, high = span(np.concatenate([array for arrays in shown.values() for array in arrays]), 0.02)
        edges = np.linspace(low, high, BINS + 1)
        figure, first = _rows(names, width, row, "", palette)
        for k, (network, arrays) in enumerate(shown.items()):
            axes = first if not k else panel(figure, k * (width + gap), 0, width, row * len(names))
            if k:
                axes.set_ylim(first.get_ylim())
                axes.set_yticks([])
                axes.spines["left"].set_visible(False)
            axes.set_xlim(low, high)
            whole = np.arange(math.ceil(low), math.floor(high) + 1)
            whole = whole[whole % next(step for step in (1, 2, 5, 10, 20, 50, 100, 200) if len(whole) <= 4 * step) == 0]
            axes.set_xticks(whole, [f"$10^{{{power}}}$" if power else "1" for power in whole], parse_math=True)
            axes.axvline(0, color=blend(palette.paper, palette.line, 0.5), linewidth=0.8, zorder=0)
            axes.set_title(network, fontsize=SIZE, pad=24)
            axes.set_xlabel("absolute value", fontsize=SMALL)
            grey = readable(palette.line, palette)
            beside: dict[str, Any] = {"textcoords": "offset points", "va": "center", "fontsize": SMALL}
            axes.annotate("size", (1, 1), xycoords="axes fraction", xytext=(4, 8), color=grey, **beside)
            for r, (array, size) in enumerate(zip(arrays, sizes[network], strict=True)):
                base = len(names) - 1 - r
                _ridge(axes, edges, np.histogram(array, edges)[0], base, 0.86, palette)
                words, at = set_number(size, 2, zeros=True), (1, base + 0.25)
                axes.annotate(words, at, (4, 0), ("axes fraction", "data"), parse_math=True, **beside)
        return figure

    return Plot(draw, title or "Sizes of numbers by layer", text, palette)


def bars(
    panels: Mapping[str, Mapping[str, float]],
    *,
    title: str = "",
    log: bool = True,
    marks: Mapping[str, float] | None = None,
    digits: int = 2,
    theme: str | Theme = LIGHT,
) -> Plot:
    """Draw one number a layer as bars, several such numbers side by side: `layer_sizes(model)` makes them.

    Args:
        panels: for each quantity's name the number of each layer; all have the same layers.
        title: what stands above.
        log: whether the axes are logarithmic. Zeros, and on such an axis negative numbers, have no bar.
        marks: for some quantities a number, such as `{"update / weight": 1e-3}`, at which a rule is drawn, named above it.
        digits: how many digits the numbers at the ends have.
        theme: the palette, or its name.

    Returns:
        The plot; every bar has its number at its end. Four panels and more of few layers stand in two ranks.

    Raises:
        UsageError: there is nothing to draw, or the quantities do not have the same layers.

    >>> bars({"‖W‖": {"fc1": 3.0, "fc2": 0.0}}).text
    '‖W‖: fc1 3, fc2 0.'
    """
    palette, title = theme_named(theme), short(title, LONGEST_TITLE)
    given = {name: series_of(panel, "bars", name) for name, panel in series_of(panels, "bars", "panels").items()}
    names = list(next(iter(given.values())))
    if any(list(panel) != names for panel in given.values()) or len(names) > MOST_LAYERS:
        raise UsageError(f"bars: all panels must have the same layers, at most {MOST_LAYERS}, in the same order")
    sizes = {
        quantity: np.array([float(array_of(x, "bars", f"{quantity} of {name}", ndim=0)) for name, x in layer.items()])
        for quantity, layer in given.items()
    }
    text = " ".join(
        f"{quantity}: {', '.join(f'{name} {number(x, 3)}' for name, x in zip(names, values, strict=True))}."
        for quantity, values in sizes.items()
    )
    rules = {short(name): float(at) for name, at in (marks or {}).items()}

    def draw() -> Figure:
        row = _row_height(len(names), 0.46, 0.36)
        width, gap, columns = 2.7, 0.95, _across(len(sizes), len(names))
        height = row * len(names)
        figure, first = _rows(names, width, row, title, palette, middle=True)
        for k, (quantity, values) in enumerate(sizes.items()):
            axes, down = first, k // columns
            if k:
                axes = panel(figure, k % columns * (width + gap), down * (height + 0.85), width, height)
                axes.set_ylim(first.get_ylim())
                axes.set_yticks([])
            if k and not k % columns:
                _name_rows(axes, names, 0.0, palette)
            _bars(axes, values, rules.get(quantity), log, digits, series(palette, k), palette)
            axes.set_title(quantity, fontsize=SIZE, pad=24 if rules else 8)
            axes.spines["left"].set_visible(True)
        return figure

    return Plot(draw, title or "Sizes by layer", text, palette)


def layer_sizes(model: Module, before: Mapping[str, Any] | None = None) -> dict[str, dict[str, float]]:
    """Return, for `bars`, the norm of each weight of a model, of its gradient, and how far it moved in a step.

    Args:
        model: whose parameters of two or more axes are measured; biases are left out.
        before: the `state_dict` from before the step.

    Raises:
        UsageError: the model has no weights.

    >>> from minidl import nn
    >>> sorted(layer_sizes(nn.Sequential(nn.Linear(2, 3))))
    ['weight ‖W‖']
    """
    weights = {name: p for name, p in model.named_parameters() if p.ndim >= 2}
    if not weights:
        raise UsageError("layer_sizes: the model has no weights with two or more axes")
    names = {name: name.removesuffix(".weight") for name in weights}
    norms = {names[name]: float(np.linalg.norm(p.data)) for name, p in weights.items()}
    found = {"weight ‖W‖": norms}
    if all(p.grad is not None for p in weights.values()):
        found["gradient ‖∂L/∂W‖"] = {names[k]: float(np.linalg.norm(data_of(p.grad))) for k, p in weights.items()}
    if before is not None:
        moved = {names[k]: float(np.linalg.norm(p.data - data_of(before[k]))) for k, p in weights.items()}
        found["step ‖ΔW‖ / ‖W‖"] = {k: moved[k] / norms[k] if norms[k] else math.nan for k in moved}
    return found


def _row_height(count: int, tall: float, low: float) -> float:
    """The height of a row in inches: up to six rows are tall; very many are as low as their type allows, to fit a slide."""
    return tall if count <= 6 else max(0.25, min(low, 6.0 / count))


def _facts(values: NDArray[Any], limits: tuple[float, float] | None) -> dict[str, str]:
    finite = values[np.isfinite(values)]
    found = {"std": significant(float(finite.std())) if finite.size else "–"}
    found["zeros"] = _percent(float((values == 0).mean()))
    if limits is not None:
        edge = 0.01 * (limits[1] - limits[0])
        found["saturated"] = _percent(float(((values < limits[0] + edge) | (values > limits[1] - edge)).mean()))
    if finite.size < values.size:
        found["nan, ∞"] = str(values.size - finite.size)
    return found


def _size(values: NDArray[Any]) -> float:
    """The root of the mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def _percent(share: float) -> str:
    return "<1 %" if 0 < share < 0.005 else f"{100 * share:.0f} %"


def _in_words(values: NDArray[Any], facts: Mapping[str, str]) -> str:
    return ", ".join([f"{values.size} values", *(f"{key} {value}" for key, value in facts.items())])


def _on_scale(values: NDArray[Any], log: bool) -> NDArray[Any]:
    finite = values[np.isfinite(values)]
    return np.log10(np.abs(finite[finite != 0])) if log else finite


def _rows(
    names: list[str], width: float, row: float, title: str, theme: Theme, middle: bool = False
) -> tuple[Figure, Axes]:
    """Axes with a named row for each layer, the first on top."""
    figure = new_figure(10, 6)
    axes = panel(figure, 0, 0, width, row * len(names))
    axes.set_ylim((-0.5, len(names) - 0.5) if middle else (-0.08, len(names)))
    _name_rows(axes, names, 0.0 if middle else 0.25, theme)
    axes.spines["left"].set_visible(False)
    if title:
        words_at(figure, 0, -0.42, title, fontsize=HEAD, va="bottom")
    return figure, axes


def _name_rows(axes: Axes, names: list[str], above: float, theme: Theme) -> None:
    axes.set_yticks([len(names) - 1 - k + above for k in range(len(names))], names, fontsize=SIZE)
    axes.tick_params(axis="y", length=0, pad=8, labelcolor=theme.ink)


def _across(panels: int, rows: int) -> int:
    """How many panels of bars stand side by side: low ones in two ranks, or four would be six times as wide as high."""
    return -(-panels // 2) if panels > 3 and rows <= 4 else panels


def _ridge(axes: Axes, edges: NDArray[Any], counts: NDArray[Any], base: float, height: float, theme: Theme) -> None:
    """One row's histogram, as high as its row; a row without values is an empty rule."""
    blue = series(theme, 0)
    heights = base + height * counts / max(int(counts.max(initial=0)), 1)
    fill = blend(theme.paper, theme.heat_high, 0.3)
    axes.stairs(heights, edges, baseline=base, fill=True, color=fill, linewidth=0, zorder=2)
    axes.stairs(heights, edges, baseline=base, color=blue.color, linewidth=1.1, zorder=3)
    axes.axhline(base, color=theme.line, linewidth=0.7, zorder=4)


def _columns(axes: Axes, facts: Mapping[str, Mapping[str, str]], width: float, row: float, theme: Theme) -> None:
    """The facts in columns right of the rows."""
    keys = list(dict.fromkeys(key for fact in facts.values() for key in fact))
    right, grey = width * 72 + 10, readable(theme.line, theme)
    for key in keys:
        cells = [fact.get(key, "") for fact in facts.values()]
        right += max(text_width(words, SIZE) for words in [key, *cells]) + 14
        top = row * len(facts) * 72
        axes.annotate(key, (right, top + 8), xycoords="axes points", ha="right", color=grey, fontsize=SMALL + 1)
        unit = top / (len(facts) + 0.08)
        for k, words in enumerate(cells):
            alarming = key in ("saturated", "nan, ∞") or (key == "zeros" and words not in ("0 %", "<1 %"))
            color = readable(theme.gradient, theme) if alarming and words not in ("0 %", "") else theme.ink
            at = (right, (len(facts) - 1 - k + 0.25 + 0.08) * unit)
            axes.annotate(
                words, at, xycoords="axes points", ha="right", va="center", color=color, fontsize=SIZE,
            )  # fmt: skip


def _bars(
    axes: Axes, values: NDArray[Any], mark: float | None, log: bool, digits: int, look: Any, theme: Theme
) -> None:
    usable = values[np.isfinite(values) & (values > 0 if log else True)]
    reach = np.append(usable, [mark] if mark is not None else [])
    if log:
        low = 10.0 ** math.floor(math.log10(reach.min()) - 0.3) if reach.size else 0.1
        high = 10.0 ** math.ceil(math.log10(reach.max()) + 1e-9) if reach.size else 1.0
        high = max(high, low * 10)
    else:
        low, high = min(float(reach.min(initial=0.0)), 0.0), max(float(reach.max(initial=0.0)), 0.0)
        high = high if high > low else low + 1
    axes.set_xlim(low, high)
    if log:
        powers_of_ten(axes, "x", 4)
    else:
        plain_numbers(axes, "x", 4)
        if low < 0 < high:
            axes.axvline(0, color=theme.line, linewidth=1.0, zorder=3)
    rows = np.arange(len(values))[::-1]
    for row, value in zip(rows, values, strict=True):
        drawn = bool(np.isfinite(value)) and (value > 0 or not log)
        if drawn:
            start = low if log else 0.0
            axes.barh(
                row, value - start, left=start, height=0.58, color=blend(theme.paper, look.color, 0.55),
                edgecolor=look.color, linewidth=1.0, hatch=look.hatch,
            )  # fmt: skip
        at = max(value, low if log else 0.0) if drawn else low
        axes.annotate(
            set_number(value, digits, zeros=True), (at, row), xytext=(5, 0), textcoords="offset points", va="center",
            fontsize=SMALL + 1, color=theme.ink if drawn else readable(theme.gradient, theme), parse_math=True,
            annotation_clip=False, zorder=5, bbox={"facecolor": theme.paper, "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip
    if mark is not None:
        axes.axvline(mark, color=theme.accent, linewidth=1.6, linestyle=(0, (4, 2)), zorder=4)
        axes.annotate(
            set_number(mark), (mark, 1), xycoords=("data", "axes fraction"), xytext=(0, 3), textcoords="offset points",
            ha="center", fontsize=SMALL + 1, color=readable(theme.accent, theme), parse_math=True,
        )  # fmt: skip
