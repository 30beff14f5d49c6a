"""A plot taken apart: matplotlib draws it with a pen that writes no letters but notes what and where they are."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.colors import to_hex
from matplotlib.text import Text

from ..drawing.lettered import Lettered, Word, opaque, untangled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class _Pen(RendererAgg):
    """Draws everything but letters."""

    def __init__(self, width: float, height: float, dpi: float) -> None:
        super().__init__(width, height, dpi)  # type: ignore[no-untyped-call]
        self.words: list[Word] = []

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False, mtext: Any = None
    ) -> None:
        """Note what would be written: `x` and `y` are where its baseline begins, from the top left corner."""
        text = (untangled(s) if ismath else s).strip()
        if not text:
            return
        width, height, _ = self.get_text_width_height_descent(s, prop, ismath)  # type: ignore[no-untyped-call]
        align: Any = mtext.get_ha() if mtext is not None else "center"
        upright = 45 < angle % 180 < 135
        left, right = (x - height, x) if upright else (x, x + width)
        middle = y - width / 2 if upright else y - height / 2
        size = prop.get_size_in_points()
        self.words.append(Word(text, left, right, middle, to_hex(gc.get_rgb()), size, align, upright))


class _Canvas(FigureCanvasAgg):
    """Paper for such a pen; every drawing of the figure begins a new one, so that the last one's words are left."""

    def get_renderer(self) -> _Pen:
        """Return the pen."""
        width, height = self.figure.bbox.size
        self.renderer = _Pen(width, height, self.figure.dpi)
        return self.renderer


def take_apart(figure: Figure, dpi: float) -> Lettered:
    """Draw matplotlib's figure without its words, and note them; use it within `house_style`."""
    for text in figure.findobj(Text):
        text.set_path_effects([])  # a halo would be drawn as a shape
    canvas = _Canvas(figure)
    output = io.BytesIO()
    canvas.print_figure(output, format="png", dpi=dpi, bbox_inches="tight", pad_inches=0.05)
    pixels = opaque(output.getvalue())
    photographs = any(axes.images and not len(axes.get_xticks()) for axes in figure.axes)  # nobody reads off a place
    return Lettered(pixels, tuple(canvas.renderer.words), stretches=not photographs)
