"""The finished plot: how it is drawn, and its words; saved as a picture when asked."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from minidl.errors import RenderError, UsageError

from ..drawing import saving
from ..drawing.figure import SCREEN_DPI
from ..drawing.svg import finish
from ..drawing.theme import LIGHT, Theme
from .style import house_style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..drawing.lettered import Lettered

MARGIN: Final = 0.15
"""Inches of paper around everything that is drawn."""
_NO_DATES: Final[dict[str, dict[str, Any]]] = {
    "svg": {"Date": None, "Creator": None, "Format": None, "Type": None},
    "pdf": {"CreationDate": None, "Creator": "minidl", "Producer": None},
    "png": {"Software": None},
}
_one_at_a_time = threading.RLock()  # matplotlib's settings are the whole program's


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """A plot with axes, set by matplotlib. Nothing is drawn before it is shown or saved.

    Attributes:
        draw: makes matplotlib's figure; called within the house's style.
        title: what it shows, in a few words.
        text: what it shows, in full, with the main numbers: the alternative text.
        theme: the palette.
        steps: the narration, one line a step.

    >>> from viz.plots import learning_rates
    >>> learning_rates([0.01, 0.1, 1.0], [0.9, 0.2, 3.0]).svg().count("<title")
    1
    """

    draw: Callable[[], Figure]
    title: str
    text: str
    theme: Theme = LIGHT
    steps: Sequence[str] = ()

    def svg(self) -> str:
        """Return the plot as SVG, its letters as paths, its alternative text inside; the same bytes every time."""
        return finish(self._render("svg"), self.title, self.text)

    def png(self, dpi: int = SCREEN_DPI) -> bytes:
        """Return the plot as PNG at `dpi` dots an inch.

        Raises:
            UsageError: `dpi` is not above 0.
            RenderError: there would be too many dots.
        """
        if not 0 < dpi < float("inf"):
            raise UsageError(f"the resolution of a PNG must be above 0 dots an inch; got {dpi}")
        return self._render("png", dpi)

    def pdf(self) -> bytes:
        """Return the plot as one page of PDF."""
        return self._render("pdf")

    def lettered(self, dpi: int = SCREEN_DPI) -> Lettered:
        """Return the plot taken apart: its drawing as pixels, and its words with their places.

        >>> from viz.plots import learning_rates
        >>> [word.text for word in learning_rates([0.01, 0.1], [0.9, 0.2]).lettered(72).words if word.upright]
        ['loss at the end']
        """
        with _one_at_a_time, house_style(self.theme), self._in_words("pixels"):
            from .lettered import take_apart  # it loads matplotlib

            return take_apart(self.draw(), dpi)

    def save(self, path: str | os.PathLike[str], *, dpi: int = SCREEN_DPI) -> Path:
        """Write the plot to `path`, in the format that its suffix names, and return the path.

        Raises:
            UsageError: the suffix is none of .svg, .pdf, .png.
            RenderError: matplotlib cannot draw it.
            OSError: the folder cannot be written.

        >>> import tempfile
        >>> from viz.plots import learning_rates
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     learning_rates([0.01, 0.1], [0.9, 0.2]).save(Path(folder) / "rates.svg").name
        'rates.svg'
        """
        return saving.save(path, {".svg": self.svg, ".pdf": self.pdf, ".png": lambda: self.png(dpi)}, "plot")

    def _render(self, format: str, dpi: int | None = None) -> bytes:
        output = io.BytesIO()
        metadata = dict(_NO_DATES[format])
        if format == "pdf":
            metadata["Title"] = self.title.encode("utf-8", "replace").decode("utf-8")
        with _one_at_a_time, house_style(self.theme), self._in_words(format):
            self.draw().savefig(
                output, format=format, dpi=dpi or 72, metadata=metadata, bbox_inches="tight", pad_inches=MARGIN
            )
        return output.getvalue()

    @contextlib.contextmanager
    def _in_words(self, format: str) -> Iterator[None]:
        """What matplotlib complains of, as an error that says which plot."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message=".*missing from font", category=UserWarning)  # drawn as a box
            try:
                yield
            except (MemoryError, ValueError, RuntimeError) as error:
                raise RenderError(f"matplotlib cannot draw {self.title or 'the plot'} as {format}: {error}") from error

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """What a notebook shows: the SVG, and the words where it can show none."""
        return {"image/svg+xml": self.svg(), "text/plain": self.text or self.title}
