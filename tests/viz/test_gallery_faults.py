"""Every figure of the gallery as an eye would judge it: nothing overlaps, is clipped or too small, in any theme or engine."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache

import pytest

from viz.drawing.canvas import SLIDE
from viz.drawing.figure import Figure
from viz.drawing.notation import SMALLEST
from viz.drawing.theme import LIGHT, THEMES
from viz.gallery import exhibits
from viz.plots.plot import MARGIN, Plot
from viz.plots.style import house_style

HALL = {exhibit.name: exhibit for exhibit in exhibits()}
FIGURES = [name for name in HALL if not name.startswith("plot-")]


@cache
def made(name: str, theme: str) -> Figure:
    """The figure of that name; other kinds of exhibit have tests of their own."""
    picture = HALL[name].make(THEMES[theme])
    if not isinstance(picture, Figure):
        pytest.skip(f"{name} is a {type(picture).__name__}")
    return picture


def unreadable(figure: Figure) -> list[str]:
    """What would be too small when the figure is fitted to a 16:9 slide; a small figure is not blown up."""
    geometry = figure.geometry()
    fit = min(1.0, SLIDE[0] / geometry.page.width, SLIDE[1] / geometry.page.height)
    runs = {run.text: run.size for part in geometry.parts for line in part.lines for run in line.runs}
    page = f"{geometry.page.width:.0f}×{geometry.page.height:.0f}"
    return [
        f"{text!r} has {size * fit:.2f} pt on a slide; the figure is {page} pt"
        for text, size in runs.items()
        if size * fit < SMALLEST - 0.01
    ]


@pytest.mark.parametrize("name", FIGURES)
def test_no_figure_has_a_fault(
    name: str, faults: Callable[[Figure], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "bundled")
    assert faults(made(name, LIGHT.name)) == []


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_can_be_read_on_a_slide(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "bundled")
    assert unreadable(made(name, LIGHT.name)) == []


SAMPLED = {("dark", "bundled"), ("print", "bundled"), ("light", "dot")}
"""The themes and engines that the slow tests look at; themes differ in colours and strokes, engines in places."""


@pytest.mark.parametrize(
    ("theme", "engine"),
    [
        pytest.param(theme, engine, marks=pytest.mark.slow if (theme, engine) in SAMPLED else pytest.mark.exhaustive)
        for theme in THEMES
        for engine in ("bundled", "dot")
    ],
)
@pytest.mark.parametrize("name", FIGURES)
def test_no_figure_has_a_fault_in_any_theme_or_engine(
    name: str, theme: str, engine: str, faults: Callable[[Figure], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine == "dot" and not shutil.which("dot"):
        pytest.skip("Graphviz's dot is not installed")
    monkeypatch.setenv("MINIDL_GRAPHVIZ", engine)
    figure = made(name, theme)
    assert faults(figure) == []
    assert unreadable(figure) == []


def test_what_is_too_wide_for_a_slide_is_found() -> None:
    wide = 'digraph { a [shape=box, width=20, height=1, fixedsize=true, fontsize=13, label="small"] }'
    assert len(unreadable(Figure(wide))) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in HALL if name.startswith("plot-")])
def test_every_plot_can_be_read_on_a_slide(name: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    plot = HALL[name].make(LIGHT)
    assert isinstance(plot, Plot)
    with house_style(LIGHT):
        figure = plot.draw()
        renderer = FigureCanvasAgg(figure).get_renderer()
        figure.draw(renderer)
        box = figure.get_tightbbox(renderer)
        fit = min(1.0, *(side / (72 * (drawn + 2 * MARGIN)) for side, drawn in zip(SLIDE, box.size, strict=True)))
        sizes = {text.get_text(): text.get_fontsize() for text in figure.findobj(Text) if text.get_text().strip()}
    assert min(sizes.values()) * fit >= SMALLEST - 0.01, (fit, sizes)
