"""Where a classifier of points in the plane changes its mind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl import no_grad, tensor
from minidl.errors import ShapeError, UsageError
from minidl.graph import data_of

from ..drawing.theme import LIGHT, Theme, theme_named
from .inputs import LONGEST_TITLE, array_of, labels_of, names_of, short, span
from .palette import class_fills, is_grey, readable, series
from .plot import Plot
from .style import HEAD, SIZE, frame, name_axes, new_figure, panel, plain_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE: Final = 4.3
CELLS: Final = 220
"""The plane is asked at so many places each way."""
MOST_CLASSES: Final = 6


def decision_boundary(
    model: Callable[[Any], Any],
    X: Any,
    y: Any,
    classes: Sequence[str] | None = None,
    *,
    title: str = "",
    axes_names: tuple[str, str] = ("x₁", "x₂"),
    theme: str | Theme = LIGHT,
) -> Plot:
    """Draw the regions into which a classifier divides the plane, how sure it is, and the points it is to divide.

    Args:
        model: a module or a function from a tensor `(M, 2)` to scores: `(M, K)`, one for each class, of which softmax
            makes probabilities; or `(M,)` or `(M, 1)`, of which σ makes the probability of class 1.
        X: `(N, 2)`, the points.
        y: `(N,)`, their classes from 0; at most six.
        classes: the classes' names; their numbers if left out.
        title: what stands above.
        axes_names: the names of the two features.
        theme: the palette, or its name.

    Returns:
        The plot: a region is the deeper in colour, the surer the model is there; points that it gets wrong are ringed.

    Raises:
        ShapeError: the points are not pairs, or the model's answer has another shape.
        UsageError: there are more than six classes, or a point is nan or infinite.

    >>> points = np.array([[0.0, 0.0], [1.0, 1.0]])
    >>> decision_boundary(lambda x: 4 * x[:, 0] - 2, points, [0, 1]).text
    'A classifier of 2 points in 2 classes: 2 of 2 are on the right side (100.0 %).'
    """
    palette, title = theme_named(theme), short(title, LONGEST_TITLE)
    points = array_of(X, "decision_boundary", "X", ndim=2)
    labels = labels_of(y, "decision_boundary", "y")
    if points.shape[1] != 2 or len(points) != len(labels):
        raise ShapeError(
            f"decision_boundary: needs points (N, 2) and N labels; got {points.shape} and {labels.shape}; "
            "of data with more features, show two"
        )
    if not np.isfinite(points).all():
        raise UsageError("decision_boundary: some points are nan or infinite; leave them out")
    x_ends, y_ends = span(points[:, 0], 0.09), span(points[:, 1], 0.09)
    across, up = np.linspace(*x_ends, CELLS), np.linspace(*y_ends, CELLS)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    chances = _ask(model, np.concatenate([grid, points]))
    count = max(chances.shape[1], int(labels.max()) + 1)
    if count > MOST_CLASSES:
        raise UsageError(f"decision_boundary: at most {MOST_CLASSES} classes can be told apart; got {count}")
    names = names_of(classes, count, "decision_boundary")
    chances = np.pad(chances, ((0, 0), (0, count - chances.shape[1])))
    field = chances[: len(grid)].reshape(CELLS, CELLS, count)
    right = chances[len(grid) :].argmax(axis=1) == labels
    share = 100 * right.mean()
    text = (
        f"A classifier of {len(points)} points in {count} classes: {right.sum()} of {len(points)} are on the right side "
        f"({share:.1f} %)."
    )
    lost = int((~np.isfinite(field)).any(axis=2).sum())
    text += f" In {lost / CELLS**2:.0%} of the plane its answer is nan." if lost else ""

    def draw() -> Figure:
        figure = new_figure(6, 6)
        axes = panel(figure, 0, 0, SIDE, SIDE)
        axes.set_xlim(*x_ends)
        axes.set_ylim(*y_ends)
        axes.imshow(
            _shades(field, palette), extent=(*x_ends, *y_ends), origin="lower", aspect="auto", interpolation="bilinear"
        )
        _edges(axes, across, up, field, palette)
        _points(axes, points, labels, right, count, palette)
        name_axes(axes, axes_names)
        axes.set_title(title, fontsize=HEAD)
        plain_numbers(axes, "both", 5)
        frame(axes, palette.line)
        _key(axes, names, int((~right).sum()), share, palette)
        return figure

    return Plot(draw, title or "Decision boundary", text, palette)


def _edges(axes: Axes, across: NDArray[Any], up: NDArray[Any], field: NDArray[Any], palette: Theme) -> None:
    """Where the likeliest class changes: for each of them, but of two only one, where its lead over the others is 0."""
    count = field.shape[2]
    for k in range(count if count > 2 else 1):
        margin = field[..., k] - np.delete(field, k, axis=2).max(axis=2, initial=0.0)
        if np.isfinite(margin).all() and margin.min() < 0 < margin.max():
            axes.contour(across, up, margin, levels=[0.0], colors=[palette.ink], linewidths=1.6)


def _points(
    axes: Axes, points: NDArray[Any], labels: NDArray[Any], right: NDArray[Any], count: int, palette: Theme
) -> None:
    """The points in the look of their classes; those on the wrong side are ringed."""
    for k in range(count):
        look = series(palette, k)
        mine = labels == k
        fill = palette.paper if k % 2 and is_grey(palette) else look.color
        edge: dict[str, Any] = {
            "edgecolors": palette.ink if fill == palette.paper else palette.paper,
            "linewidths": 0.9,
        }
        axes.scatter(points[mine, 0], points[mine, 1], s=38, marker=look.marker, c=fill, zorder=4, **edge)
    if not right.all():
        rings: dict[str, Any] = {"facecolors": "none", "edgecolors": palette.ink, "linewidths": 1.3}
        axes.scatter(points[~right, 0], points[~right, 1], s=135, marker="o", zorder=5, **rings)


def _ask(model: Callable[[Any], Any], places: NDArray[Any]) -> NDArray[np.float64]:
    """The probabilities `(M, K)` at places `(M, 2)`; a module is asked as in use, not as in training."""
    was_training = bool(getattr(model, "training", False))
    if was_training:
        model.eval()  # type: ignore[attr-defined]
    try:
        with no_grad():
            answer = np.asarray(data_of(model(tensor(places.astype(np.float32)))), dtype=np.float64)
    finally:
        if was_training:
            model.train()  # type: ignore[attr-defined]
    if answer.shape == (len(places), 1):
        answer = answer[:, 0]
    if answer.shape == (len(places),):
        answer = np.stack([np.zeros_like(answer), answer], axis=1)  # σ(s) is the softmax of (0, s)
    if answer.ndim != 2 or len(answer) != len(places):
        raise ShapeError(
            f"decision_boundary: asked about {len(places)} points, the model answered with shape {answer.shape}; "
            "expected (M,), (M, 1) or (M, K)"
        )
    odds = np.exp(answer - answer.max(axis=1, keepdims=True))
    chances: NDArray[np.float64] = odds / odds.sum(axis=1, keepdims=True)
    return chances


def _shades(field: NDArray[Any], theme: Theme) -> NDArray[Any]:
    """Each place in the colour of its likeliest class, the paler the less sure."""
    count = field.shape[2]
    fills = np.array([list(bytes.fromhex(color[1:])) for color in class_fills(theme, count)]) / 255
    paper = np.frombuffer(bytes.fromhex(theme.paper[1:]), np.uint8) / 255
    known = np.nan_to_num(field)
    winner, sure = known.argmax(axis=2), known.max(axis=2)
    strength = np.clip((sure - 1 / count) / (1 - 1 / count), 0, 1)[..., np.newaxis] * 0.8 + 0.2
    shades: NDArray[Any] = paper + (fills[winner] - paper) * strength
    shades[~np.isfinite(field).all(axis=2)] = np.frombuffer(bytes.fromhex(theme.accent_fill[1:]), np.uint8) / 255
    return shades


def _key(axes: Any, names: Sequence[str], wrong: int, share: float, theme: Theme) -> None:
    """The classes' marks with their names, right of the plane, and how many points are right."""
    top, step = SIDE * 72 - 10, 24
    for k, name in enumerate(names):
        look = series(theme, k)
        fill = theme.paper if k % 2 and is_grey(theme) else look.color
        y = top - step * k
        axes.plot(
            [(SIDE * 72 + 20) / (SIDE * 72)], [y / (SIDE * 72)], transform=axes.transAxes, clip_on=False, linestyle="",
            marker=look.marker, markersize=8, markerfacecolor=fill,
            markeredgecolor=theme.ink if fill == theme.paper else fill,
        )  # fmt: skip
        axes.annotate(name, (SIDE * 72 + 33, y), xycoords="axes points", va="center", fontsize=SIZE, color=look.text)
    grey = readable(theme.line, theme)
    y = top - step * len(names) - 8
    if wrong:
        ring: dict[str, Any] = {
            "markerfacecolor": "none",
            "markeredgecolor": theme.ink,
            "markeredgewidth": 1.3,
            "markersize": 11,
        }
        place = [(SIDE * 72 + 20) / (SIDE * 72)], [y / (SIDE * 72)]
        axes.plot(*place, transform=axes.transAxes, clip_on=False, marker="o", linestyle="", **ring)
        axes.annotate(f"wrong: {wrong}", (SIDE * 72 + 33, y), xycoords="axes points", va="center", color=grey)
        y -= step
    axes.annotate(f"{share:.1f} % right", (SIDE * 72 + 14, y), xycoords="axes points", va="center", color=grey)
