"""The figure: DOT and words, saved as a picture when asked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from minidl.errors import MissingEngineError, UsageError
from minidl.files import write_atomic

from . import engine, svg

SUFFIXES: Final = (".svg", ".pdf", ".png", ".dot")
SCREEN_DPI: Final = 192
"""PNG at twice the resolution of a screen, sharp on a slide."""
COARSEST_DPI: Final = 60
"""With fewer dots an inch the numbers of a figure cannot be read."""


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
        return svg.finish(self._render("svg"), self.title, self.text)

    def png(self, dpi: int = SCREEN_DPI) -> bytes:
        """Return the figure as PNG at `dpi` dots an inch, or at as many as the engine can draw.

        Raises:
            RenderError: it would not be readable; save it as SVG or PDF.
        """
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

    def save(self, path: str | os.PathLike[str], *, dpi: int = SCREEN_DPI) -> Path:
        """Write the figure to `path`, in the format that its suffix names, and return the path.

        Raises:
            UsageError: the suffix is none of .svg, .pdf, .png, .dot.
            MissingEngineError: there is no Graphviz (a .dot can still be saved).
            RenderError: Graphviz cannot draw it.
            OSError: the folder cannot be written.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     Figure("digraph { a }").save(Path(folder) / "a.dot").read_text(encoding="utf-8")
        'digraph { a }'
        """
        path = Path(path)
        suffix = check_suffix(path)
        content: str | bytes
        if suffix == ".dot":
            content = self.dot
        elif suffix == ".svg":
            content = self.svg()
        else:
            content = self.png(dpi) if suffix == ".png" else self.pdf()
        try:
            return write_atomic(path, content)
        except OSError as error:
            raise OSError(error.errno, f"cannot write the figure: {error.strerror}", str(path)) from error

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


def check_suffix(path: str | os.PathLike[str]) -> str:
    """Return the suffix of a figure's path, in lower case.

    Raises:
        UsageError: no figure can be saved under it.

    >>> check_suffix("circuit.SVG")
    '.svg'
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        ending = f"the ending {suffix!r}" if suffix else "no ending"
        raise UsageError(f"cannot save a figure as {os.fspath(path)!r}: {ending}; use one of {', '.join(SUFFIXES)}")
    return suffix
