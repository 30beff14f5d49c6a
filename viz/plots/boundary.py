"""Where a classifier of points in the plane changes its mind; several classifiers side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl import no_grad, tensor
from minidl.errors import ShapeError, UsageError
from minidl.graph import data_of

from ..drawing.metrics import text_width
from ..drawing.theme import LIGHT, Theme, theme_named
from .inputs import LONGEST_TITLE, array_of, labels_of, names_of, series_of, short, span
from .palette import class_fills, is_grey, readable, series
from .plot import Plot
from .style import HEAD, SIZE, frame, name_axes, new_figure, panel, panels, plain_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE: Final = 4.3
CELLS: Final = 220
"""The plane is asked at so many places each way."""
MOST_CLASSES: Final = 6
_SMALL: Final = 2.3
"""The side of one of several planes, in inches."""
_MARK: Final = 38.0
"""The area of a point's mark, in square points; where there are few points it is larger, in a small plane smaller."""
_FEW: Final = 12
"""So many points are few."""
_TINT: Final = (0.15, 0.35)
"""How much of its class's colour a place has that is not sure at all, and how much more one that is: so pale that the
line and the points stay apart from it where there are no colours."""
_GREY_TINT: Final = (0.2, 0.8)

Model = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class _Plane:
    """What a classifier answers all over the plane and at the points it is to divide."""

    points: NDArray[Any]
    labels: NDArray[Any]
    across: NDArray[Any]
    up: NDArray[Any]
    field: NDArray[Any]
    right: NDArray[Any]

    @property
    def count(self) -> int:
        """How many classes there are."""
        return int(self.field.shape[2])

    @property
    def share(self) -> float:
        """How many of the points are on the right side, in %."""
        return float(100 * self.right.mean())

    def draw(self, axes: Axes, theme: Theme, axes_names: tuple[str, str], side: float) -> None:
        """Draw regions, edges and points in a square of so many inches."""
        x_ends, y_ends = (self.across[0], self.across[-1]), (self.up[0], self.up[-1])
        axes.set_xlim(*x_ends)
        axes.set_ylim(*y_ends)
        axes.imshow(
            _shades(self.field, theme),
            extent=(*x_ends, *y_ends),
            origin="lower",
            aspect="auto",
            interpolation="bilinear",
        )
        _edges(axes, self.across, self.up, self.field, theme)
        area = 3.4 * _MARK if len(self.points) <= _FEW else _MARK * min(1.0, 0.45 * side / _SMALL)
        _points(axes, self, area, theme)
        name_axes(axes, axes_names)
        plain_numbers(axes, "both", 5 if side > _SMALL else 3)
        frame(axes, theme.line)

    def in_words(self) -> str:
        """What is to be seen, with the numbers."""
        right, total = self.right.sum(), len(self.points)
        text = (
            f"A classifier of {total} points in {self.count} classes: {right} of {total} are on the right side "
            f"({self.share:.1f} %)."
        )
        lost = int((~np.isfinite(self.field)).any(axis=2).sum())
        return text + (f" In {lost / CELLS**2:.0%} of the plane its answer is nan." if lost else "")


def decision_boundary(
    model: Model,
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
    plane = _asked(model, X, y, "decision_boundary")
    names = names_of(classes, plane.count, "decision_boundary")

    def draw() -> Figure:
        figure = new_figure(6, 6)
        axes = panel(figure, 0, 0, SIDE, SIDE)
        plane.draw(axes, palette, axes_names, SIDE)
        axes.set_title(title, fontsize=HEAD)
        _key(axes, names, int((~plane.right).sum()), plane.share, palette)
        return figure

    return Plot(draw, title or "Decision boundary", plane.in_words(), palette)


def boundaries(
    cases: Mapping[str, tuple[Model, Any, Any]],
    classes: Sequence[str] | None = None,
    *,
    axes_names: tuple[str, str] | Mapping[str, tuple[str, str]] = ("x₁", "x₂"),
    theme: str | Theme = LIGHT,
) -> Plot:
    """Draw what several classifiers make of the plane, side by side: other data, other networks, or one that learns.

    Args:
        cases: for each title a classifier, its points `(N, 2)` and their classes `(N,)`, as in `decision_boundary`; at
            most eight.
        classes: the classes' names; their numbers if left out.
        axes_names: the names of the two features; where they differ, a pair for each title.
        theme: the palette, or its name.

    Returns:
        The plot; above each panel stands how many points are right, and those that are wrong are ringed.

    Raises:
        ShapeError: points are not pairs, or a model's answer has another shape.
        UsageError: there is nothing to draw or more than eight, more than six classes, or a point is nan or infinite.

    >>> corners = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> print(boundaries({"AND": (lambda x: x.sum(1) - 1.5, corners, [0, 0, 0, 1])}).text)
    AND: A classifier of 4 points in 2 classes: 4 of 4 are on the right side (100.0 %).
    """
    palette = theme_named(theme)
    given = series_of(cases, "boundaries", "cases")
    if len(given) > 8:
        raise UsageError(f"boundaries: draws at most 8 classifiers side by side; got {len(given)}")
    planes = {title: _asked(model, X, y, "boundaries") for title, (model, X, y) in given.items()}
    names = names_of(classes, max(plane.count for plane in planes.values()), "boundaries")
    titles = list(planes)
    pairs = dict(axes_names) if isinstance(axes_names, Mapping) else dict.fromkeys(titles, axes_names)
    if missing := [title for title in titles if title not in pairs]:
        raise UsageError(f"boundaries: axes_names has no pair of names for {missing[0]!r}")

    def draw() -> Figure:
        columns = len(planes) if len(planes) <= 4 else math.ceil(len(planes) / 2)
        figure = new_figure(10, 6)
        gap = 0.45 if len(set(pairs.values())) == 1 else 0.85
        places = panels(figure, len(planes), columns, (_SMALL, _SMALL), (gap, 1.4))
        grey = readable(palette.line, palette)
        for k, (axes, (title, plane)) in enumerate(zip(places, planes.items(), strict=True)):
            plane.draw(axes, palette, pairs[title], _SMALL)
            axes.set_title(title, fontsize=HEAD, pad=28)
            above: dict[str, Any] = {"xycoords": "axes points", "va": "center", "fontsize": SIZE, "color": grey}
            axes.annotate(f"{plane.right.sum()} of {len(plane.points)} right", (0, _SMALL * 72 + 16), **above)
            if k % columns and pairs[title] == pairs[titles[k - 1]]:
                axes.set_ylabel("")
        left = 8.0
        for k, name in enumerate(names):
            _sign(places[-columns], k, name, (left, -64), _SMALL, palette)
            left += text_width(name, SIZE) + 44
        return figure

    text = " ".join(f"{title}: {plane.in_words()}" for title, plane in planes.items())
    return Plot(draw, "Decision boundaries", text, palette)


def _asked(model: Model, X: Any, y: Any, plot: str) -> _Plane:
    """Ask a model about the plane and about its points.

    Raises:
        ShapeError: the points are not pairs, or the model's answer has another shape.
        UsageError: there are more than six classes, or a point is nan or infinite.
    """
    points = array_of(X, plot, "X", ndim=2)
    labels = labels_of(y, plot, "y")
    if points.shape[1] != 2 or len(points) != len(labels):
        raise ShapeError(
            f"{plot}: needs points (N, 2) and N labels; got {points.shape} and {labels.shape}; "
            "of data with more features, show two"
        )
    if not np.isfinite(points).all():
        raise UsageError(f"{plot}: some points are nan or infinite; leave them out")
    room = 0.09 if len(points) > _FEW else 0.3
    x_ends, y_ends = span(points[:, 0], room), span(points[:, 1], room)
    across, up = np.linspace(*x_ends, CELLS), np.linspace(*y_ends, CELLS)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    chances = _ask(model, np.concatenate([grid, points]), plot)
    count = max(chances.shape[1], int(labels.max()) + 1)
    if count > MOST_CLASSES:
        raise UsageError(f"{plot}: at most {MOST_CLASSES} classes can be told apart; got {count}")
    chances = np.pad(chances, ((0, 0), (0, count - chances.shape[1])))
    field = chances[: len(grid)].reshape(CELLS, CELLS, count)
    return _Plane(points, labels, across, up, field, chances[len(grid) :].argmax(axis=1) == labels)


def _edges(axes: Axes, across: NDArray[Any], up: NDArray[Any], field: NDArray[Any], palette: Theme) -> None:
    """Where the likeliest class changes: for each of them, but of two only one, where its lead over the others is 0."""
    count = field.shape[2]
    for k in range(count if count > 2 else 1):
        margin = field[..., k] - np.delete(field, k, axis=2).max(axis=2, initial=0.0)
        if np.isfinite(margin).all() and margin.min() < 0 < margin.max():
            axes.contour(across, up, margin, levels=[0.0], colors=[palette.ink], linewidths=1.6)


def _points(axes: Axes, plane: _Plane, area: float, palette: Theme) -> None:
    """The points in the look of their classes, each mark so many square points; those on the wrong side are ringed."""
    points, wrong = plane.points, ~plane.right
    thin = 0.9 if area >= _MARK else 0.5
    for k in range(plane.count):
        look = series(palette, k)
        mine = plane.labels == k
        fill = palette.paper if k % 2 and is_grey(palette) else look.color
        edge: dict[str, Any] = {
            "edgecolors": palette.ink if fill == palette.paper else palette.paper,
            "linewidths": thin,
        }
        axes.scatter(points[mine, 0], points[mine, 1], s=area, marker=look.marker, c=fill, zorder=4, **edge)
    if wrong.any():
        rings: dict[str, Any] = {"facecolors": "none", "edgecolors": palette.ink, "linewidths": 1.4 * thin}
        axes.scatter(points[wrong, 0], points[wrong, 1], s=3.6 * area, marker="o", zorder=5, **rings)


def _ask(model: Model, places: NDArray[Any], plot: str) -> NDArray[np.float64]:
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
            f"{plot}: asked about {len(places)} points, the model answered with shape {answer.shape}; "
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
    least, more = _GREY_TINT if is_grey(theme) else _TINT
    strength = least + more * np.clip((sure - 1 / count) / (1 - 1 / count), 0, 1)[..., np.newaxis]
    shades: NDArray[Any] = paper + (fills[winner] - paper) * strength
    shades[~np.isfinite(field).all(axis=2)] = np.frombuffer(bytes.fromhex(theme.accent_fill[1:]), np.uint8) / 255
    return shades


def _sign(axes: Any, k: int, name: str, place: tuple[float, float], side: float, theme: Theme) -> None:
    """A class's mark and its name, so many points from the corner of axes with a side of so many inches."""
    look = series(theme, k)
    fill = theme.paper if k % 2 and is_grey(theme) else look.color
    axes.plot(
        [place[0] / (side * 72)], [place[1] / (side * 72)], transform=axes.transAxes, clip_on=False, linestyle="",
        marker=look.marker, markersize=8, markerfacecolor=fill, markeredgecolor=theme.ink if fill == theme.paper else fill,
    )  # fmt: skip
    at = (place[0] + 13, place[1])
    axes.annotate(name, at, xycoords="axes points", va="center", fontsize=SIZE, color=look.text)


def _key(axes: Any, names: Sequence[str], wrong: int, share: float, theme: Theme) -> None:
    """The classes' marks with their names, right of the plane, and how many points are right."""
    top, step = SIDE * 72 - 10, 24
    for k, name in enumerate(names):
        _sign(axes, k, name, (SIDE * 72 + 20, top - step * k), SIDE, theme)
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
