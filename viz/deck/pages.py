"""Rendering the frames of a deck, all in one size: the smallest in which each of them has room."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from minidl.errors import MissingEngineError, RenderError

from ..drawing import engine
from ..drawing.figure import COARSEST_DPI
from ..drawing.svg import embedded_faces, finish

if TYPE_CHECKING:
    from PIL import Image

    from .deck import Deck, Frame

PATIENCE: Final = 1.0
"""Seconds after which someone who waits is told how far it is."""

_SIZE = re.compile(
    r'<svg\s+width="(?P<width>[^"]*)"\s+height="(?P<height>[^"]*)"\s*'
    r'viewBox="(?P<box>[^"]*)"'
)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SvgPage:
    """A frame as SVG; `width` and `height` in points are those of every page of its deck."""

    content: str
    width: float
    height: float


def render_frames(deck: Deck, draw: Callable[[Frame], _T]) -> list[_T]:
    """Return what `draw` makes of each frame, and show how far it is where that takes long and someone watches.

    Raises:
        RenderError: a frame cannot be drawn; the message names it.
    """
    from rich.console import Console
    from rich.progress import Progress

    results = []
    console = Console(stderr=True)
    progress = Progress(console=console, transient=True, disable=not sys.stderr.isatty())
    task = progress.add_task("drawing the frames", total=len(deck))
    started = time.monotonic()
    try:
        for number, frame in enumerate(deck, start=1):
            try:
                results.append(draw(frame))
            except (MissingEngineError, engine.BitmapSizeError):
                raise
            except RenderError as error:
                raise RenderError(f"frame {number} of the deck ({frame.label}): {error}") from error
            progress.update(task, completed=number)
            if time.monotonic() - started > PATIENCE:
                progress.start()
    finally:
        progress.stop()
    return results


def svg_pages(deck: Deck, *, fonts: bool = True) -> list[SvgPage]:
    """Return every frame as SVG.

    Args:
        deck: the frames.
        fonts: whether each holds the deck's fonts; one that goes to a page with others leaves them to the page.
    """
    raw = render_frames(deck, lambda frame: _rendered(frame, "svg").decode("utf-8"))
    faces = embedded_faces("".join(raw)) if fonts else ""
    sizes = [_size(content) for content in raw]
    width, height = largest(sizes)
    pages = []
    for frame, content, size in zip(deck, raw, sizes, strict=True):
        whole = content if size == (width, height) else _enlarged(content, size, (width, height), deck.theme.paper)
        pages.append(SvgPage(_finished(frame, whole, faces), width, height))
    return pages


def page_size(deck: Deck) -> tuple[float, float]:
    """Return the width and height of the first frame's figure, in points."""
    return _size(_rendered(deck.frames[0], "svg").decode("utf-8"))


def bitmaps(deck: Deck, dpi: int) -> list[Image.Image]:
    """Return every frame at `dpi` dots an inch, or all of them at as many as the engine can draw.

    Raises:
        RenderError: they would not be readable.
    """
    import io

    from PIL import Image

    while True:
        try:
            pictures = render_frames(deck, lambda frame: _rendered(frame, "png", dpi))  # noqa: B023  (called within this turn)
            break
        except engine.BitmapSizeError as error:
            dpi = int(dpi * error.scale * 0.99)
            if dpi < COARSEST_DPI:
                raise
    images = [Image.open(io.BytesIO(picture)).convert("RGB") for picture in pictures]
    width, height = largest([image.size for image in images])
    sheets = []
    for image in images:
        sheet = Image.new("RGB", (int(width), int(height)), deck.theme.paper)
        sheet.paste(image, (int(width - image.width) // 2, 0))
        sheet.info["dpi"] = (dpi, dpi)
        sheets.append(sheet)
    return sheets


def pdf_pages(deck: Deck) -> list[bytes]:
    """Return every frame as a PDF of one page; their sizes are still their own."""
    return render_frames(deck, lambda frame: _rendered(frame, "pdf"))


def largest(sizes: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return the size in which each of these has room.

    >>> largest([(3, 1), (2, 5)])
    (3, 5)
    """
    return max(width for width, _ in sizes), max(height for _, height in sizes)


def _rendered(frame: Frame, format: str, dpi: int | None = None) -> bytes:
    figure = frame.figure
    return engine.render(figure.dot, format, layout=figure.layout, dpi=dpi, timeout=figure.time_limit)


def _finished(frame: Frame, content: str, faces: str) -> str:
    figure = frame.figure
    return finish(content, figure.title or frame.label, figure.text or frame.narration, faces)


def _size(content: str) -> tuple[float, float]:
    found = _SIZE.search(content)
    assert found, "the engine's SVG begins with its size"
    _, _, width, height = map(float, found["box"].split())
    return width, height


def _enlarged(content: str, size: tuple[float, float], room: tuple[float, float], paper: str) -> str:
    """Give an SVG more room: to both sides, and below, so that what it has in common with others stays where it is."""
    left = (size[0] - room[0]) / 2
    head = (
        f'<svg width="{room[0]:.2f}pt" height="{room[1]:.2f}pt" viewBox="{left:.2f} 0.00 {room[0]:.2f} {room[1]:.2f}"'
    )
    content = _SIZE.sub(head, content, count=1)
    end = content.index(">", content.index("<svg")) + 1
    sheet = f'<rect x="{left:.2f}" y="0" width="{room[0]:.2f}" height="{room[1]:.2f}" fill="{paper}"/>'
    return content[:end] + "\n" + sheet + content[end:]
