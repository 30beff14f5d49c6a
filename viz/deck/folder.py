"""The deck as a folder: a file a frame, and what is said."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from minidl.errors import UsageError
from minidl.files import write_atomic

from ..drawing.figure import SCREEN_DPI, SUFFIXES
from .pages import bitmaps, render_frames, svg_pages

if TYPE_CHECKING:
    from PIL import Image

    from .deck import Deck


def write_folder(deck: Deck, folder: Path, format: str = "svg") -> Path:
    """Write `frame-01.<format>` and so on and `narration.md` into a folder, and return its path.

    Raises:
        UsageError: no figure can be saved in that format, or the folder is a file.
        RenderError: Graphviz cannot draw a frame; the message names it.
        OSError: the folder cannot be written.
    """
    suffix = "." + format.lower().removeprefix(".")
    if suffix not in SUFFIXES:
        formats = ", ".join(known.removeprefix(".") for known in SUFFIXES)
        raise UsageError(f"cannot save frames as {format!r}; the formats are {formats}")
    if folder.is_file():
        raise UsageError(
            f"{str(folder)!r} is a file; name a folder for the frames, or end the name in .pdf, .html or .gif"
        )
    digits = max(2, len(str(len(deck))))
    paths = [folder / f"frame-{number:0{digits}}{suffix}" for number in range(1, len(deck) + 1)]
    if suffix == ".svg":
        contents = [page.content.encode() for page in svg_pages(deck)]
    elif suffix == ".png":
        contents = [_png(image) for image in bitmaps(deck, SCREEN_DPI)]
    elif suffix == ".pdf":
        from .pdf import single_pages

        contents = single_pages(deck)
    else:
        destinations = iter(paths)
        render_frames(deck, lambda frame: frame.figure.save(next(destinations)))
        contents = []
    for path, content in zip(paths, contents, strict=False):
        write_atomic(path, content)
    write_atomic(folder / "narration.md", deck.narration() + "\n")
    for old in folder.glob(f"frame-*{suffix}"):
        if re.fullmatch(r"frame-\d+", old.stem) and old not in paths:
            old.unlink()
    return folder


def _png(image: Image.Image) -> bytes:
    output = io.BytesIO()
    image.save(output, "PNG", dpi=image.info["dpi"])
    return output.getvalue()
