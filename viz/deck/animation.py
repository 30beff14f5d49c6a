"""The deck as an animated GIF."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from ..drawing.figure import COARSEST_DPI
from .pages import bitmaps, page_size

if TYPE_CHECKING:
    import numpy as np

    from .deck import Deck

DPI: Final = 120
"""A quarter larger than on the screen, so that it stays sharp when a slide program fits it in."""

WIDEST: Final = 1600
"""Pixels: as wide as a slide. A wider figure has fewer dots an inch."""

LAST_SECONDS: Final = 3.0
"""How much longer the last frame stays, so that the whole is seen before it begins again."""

EXACT_COLORS: Final = 32
"""So many of the commonest colours (the paper, the inks) are kept as they are; the rest are shades at the edges of letters."""


def gif(deck: Deck) -> bytes:
    """Return the deck as an animation that begins again at its end, every frame in the same colours.

    Raises:
        MissingEngineError: there is no Graphviz.
        RenderError: Graphviz cannot draw a frame.
    """
    import numpy as np
    from PIL import Image

    width, _ = page_size(deck)
    dpi = max(COARSEST_DPI, min(DPI, int(72 * WIDEST / width)))
    images = bitmaps(deck, dpi)
    codes = [_codes(np.asarray(image)) for image in images]
    table, position = _palette(codes)
    frames = []
    for image, code in zip(images, codes, strict=True):
        frame = Image.frombytes("P", image.size, position[code].tobytes())
        frame.putpalette(table.tobytes())
        frames.append(frame)
    durations = [round(1000 * frame.seconds) for frame in deck]
    durations[-1] += round(1000 * LAST_SECONDS)
    output = io.BytesIO()
    frames[0].save(
        output, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=False, disposal=1
    )
    return output.getvalue()


def _palette(codes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return 256 colours that serve all these pixels, and for each colour there can be its place among them.

    Pillow can choose colours too, but rounds them: the paper would not be the paper's colour.
    """
    import numpy as np
    from PIL import Image

    place = np.zeros(1 << 24, np.int32)
    for code in codes:
        place[code] = 1
    colors = np.flatnonzero(place)
    place[colors] = np.arange(len(colors))
    counts = sum(np.bincount(place[code].ravel(), minlength=len(colors)) for code in codes)
    exact = colors[np.argsort(-np.asarray(counts), kind="stable")[:EXACT_COLORS]]
    rest = np.setdiff1d(colors, exact)
    table = _channels(exact)
    if rest.size:
        shades = Image.fromarray(_channels(rest)[None]).quantize(colors=256 - EXACT_COLORS)
        table = np.concatenate([table, np.array(shades.getpalette("RGB"), np.uint8).reshape(-1, 3)])[:256]
    nearest = np.zeros(1 << 24, np.uint8)
    for some in np.array_split(colors, len(colors) // 4096 + 1):
        apart = _channels(some)[:, None].astype(np.int32) - table
        nearest[some] = (apart**2).sum(axis=2).argmin(axis=1)
    return table, nearest


def _codes(pixels: np.ndarray) -> np.ndarray:
    """Return each pixel's colour as one number, 0xRRGGBB."""
    import numpy as np

    red, green, blue = (pixels[..., channel].astype(np.int32) for channel in range(3))
    return red << 16 | green << 8 | blue


def _channels(codes: np.ndarray) -> np.ndarray:
    """Return colours given as numbers as rows of red, green and blue."""
    import numpy as np

    return np.stack([codes >> 16, codes >> 8 & 255, codes & 255], axis=1).astype(np.uint8)
