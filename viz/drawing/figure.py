"""The figure: DOT and words, saved as a picture when asked."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minidl.errors import MissingEngineError, UsageError

from . import engine, saving, svg, tikz, webpage
from .geometry import Geometry, guarded, parse

if TYPE_CHECKING:
    from .lettered import Lettered

SUFFIXES: Final = (".svg", ".pdf", ".png", ".html", ".tex", ".dot")
SCREEN_DPI: Final = 192
"""PNG at twice the resolution of a screen, sharp on a slide."""
COARSEST_DPI: Final = 60
"""With fewer dots an inch the numbers of a figure cannot be read."""
FINEST_DPI: Final = 2400
"""No printer shows more dots an inch."""


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A drawing of a graph. Nothing is rendered before it is shown or saved.

    Attributes:
        dot: the drawing in Graphviz's language; there even where no Graphviz is.
        title: what it shows, in a few words.
        text: what it shows, in full: the alternative text.
        steps: the narration, one line a step.
        layout: the Graphviz layout that places it.
        time_limit: seconds that placing it may take.

    >>> Figure("digraph { a -> b }", title="two nodes").svg().count("<title")
    1
    """

    dot: str
    title: str = ""
    text: str = ""
    steps: Sequence[str] = ()
    layout: str = "dot"
    time_limit: float = engine.TIME_LIMIT

    def svg(self) -> str:
        """Return the figure as SVG, with its fonts and its alternative text inside."""
        _load_font_tools()
        return svg.finish(self._render("svg"), self.title, self.text)

    def png(self, dpi: int = SCREEN_DPI) -> bytes:
        """Return the figure as PNG at `dpi` dots an inch, or at as many as the engine can draw.

        Raises:
            UsageError: `dpi` is no number of dots.
            RenderError: it would not be readable; save it as SVG or PDF.
        """
        if not 1 <= dpi <= FINEST_DPI:
            raise UsageError(f"a figure cannot have {dpi} dots an inch; use a number from 1 to {FINEST_DPI}")
        try:
            return self._render("png", dpi)
        except engine.BitmapSizeError as error:
            smaller = int(dpi * error.scale * 0.99)
            if smaller < COARSEST_DPI:
                raise
        return self._render("png", smaller)

    def pdf(self) -> bytes:
        """Return the figure as one page of PDF."""
        return self._render("pdf")

    def html(self) -> str:
        """Return the figure as a web page that needs nothing else: the picture, its narration, its words."""
        return webpage.page(self.svg(), self.title, self.text, self.steps)

    def tex(self) -> str:
        r"""Return the figure as TikZ: a LaTeX document of its own that can also be `\input` into another.

        Raises:
            RenderError: Graphviz cannot draw it, or it is larger than a page of TeX can be.

        >>> r"{\size{20}{$\boldsymbol{W}$}}" in Figure("digraph { a [fontsize=20, label=<<B><I>W</I></B>>] }").tex()
        True
        """
        return tikz.document(self.geometry(), self.title, self.text)

    def lettered(self, dpi: int = SCREEN_DPI) -> Lettered:
        """Return the figure taken apart: its drawing as pixels, and its words with their places.

        >>> [word.text for word in Figure('digraph { a [label="x"] }').lettered(96).words]
        ['x']
        """
        from .lettered import take_apart

        return take_apart(self.png(dpi), self.geometry())

    def geometry(self) -> Geometry:
        """Return where everything is: the boxes of the nodes, every stroke, every line of text; in points, y upwards.

        >>> Figure("digraph { a [shape=box, width=1, height=0.5, fixedsize=true] }").geometry().nodes["a"].width
        72.0
        """
        return parse(engine.render(guarded(self.dot), "json", layout=self.layout, timeout=self.time_limit))

    def save(self, path: str | os.PathLike[str], *, dpi: int = SCREEN_DPI) -> Path:
        """Write the figure to `path`, in the format that its suffix names, and return the path.

        A file that is there is replaced, in one step; one that is write-protected is not.

        Raises:
            UsageError: no figure can be saved under this name: its suffix is none of .svg, .pdf, .png, .html, .tex, .dot.
            MissingEngineError: there is no Graphviz (a .dot can still be saved).
            RenderError: Graphviz cannot draw it.
            OSError: the file cannot be written.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Figure("digraph { a }").save(Path(folder) / "a.dot").read_text(encoding="utf-8")
        'digraph { a }'
        """
        formats: dict[str, Callable[[], str | bytes]] = {
            ".svg": self.svg,
            ".pdf": self.pdf,
            ".png": lambda: self.png(dpi),
            ".html": self.html,
            ".tex": self.tex,
            ".dot": lambda: self.dot.encode("utf-8", "replace"),
        }
        return saving.save(path, formats, "figure")

    def _render(self, format: str, dpi: int | None = None) -> bytes:
        return engine.render(self.dot, format, layout=self.layout, dpi=dpi, timeout=self.time_limit)

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """What a notebook shows: the SVG, or the words where there is no Graphviz."""
        try:
            return {"image/svg+xml": self.svg(), "text/plain": self.text or self.title}
        except MissingEngineError as error:
            return {"text/plain": "\n".join(filter(None, [self.text or self.title, f"(not drawn: {error})"]))}


def _load_font_tools() -> None:
    """Start loading what cuts the fonts to size: the first time it takes as long as starting the engine, so do both at once."""
    if "fontTools.subset" not in sys.modules:
        threading.Thread(target=importlib.import_module, args=("fontTools.subset",), daemon=True).start()
