"""The figures of kernels by name: what `minidl kernel` draws, and the gallery shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from minidl.errors import UsageError

from ..deck.deck import Deck
from ..drawing.figure import Figure
from ..drawing.theme import LIGHT, Theme, theme_named


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that can be drawn.

    Attributes:
        title: what it shows, in a few words.
        make: makes it in a theme.
        is_deck: whether it is a deck.
    """

    title: str
    make: Callable[[Theme], Figure | Deck]
    is_deck: bool = False


def kernel_figure(name: str, *, theme: str | Theme = LIGHT) -> Figure | Deck:
    """Draw what a kernel of minidl's does, from its own index arithmetic run in the simulator.

    Args:
        name: one of `SUBJECTS`: `naive`, `tiled`, `fast` and `convolution` are decks, the others figures.
        theme: the palette, or its name.

    Raises:
        UsageError: there is nothing of that name.

    >>> kernel_figure("memories").title
    'Where a number can be'
    """
    if name not in SUBJECTS:
        raise UsageError(f"there is no kernel figure {name!r}; there are {', '.join(SUBJECTS)}")
    return SUBJECTS[name].make(theme_named(theme))


def _naive(theme: Theme) -> Deck:
    from . import decks, matmul

    return decks.tell(matmul.naive(), theme)


def _tiled(theme: Theme) -> Deck:
    from . import decks, matmul

    return decks.tell(matmul.tiled(), theme)


def _fast(theme: Theme) -> Deck:
    from . import decks, matmul

    return decks.tell(matmul.fast(), theme)


def _convolution(theme: Theme) -> Deck:
    from . import convolution, decks

    return decks.tell(convolution.telling(), theme)


def _coalescing(theme: Theme) -> Figure:
    from . import requests, warp

    pair, title = requests.coalescing_requests(), SUBJECTS["coalescing"].title
    words = " ".join(f"{r.code}: {r.verdict}. {r.detail}" for r in pair)
    return Figure(warp.draw_requests(pair, theme, title, banks=False), title=title, text=words, layout="neato")


def _banks(theme: Theme) -> Figure:
    from . import requests, warp

    pair, title = requests.bank_requests(), SUBJECTS["banks"].title
    words = " ".join(f"{r.code}: {r.verdict}. {r.detail}" for r in pair)
    return Figure(warp.draw_requests(pair, theme, title, banks=True), title=title, text=words, layout="neato")


def _levels(theme: Theme) -> Figure:
    from . import levels

    found, title = levels.levels(), SUBJECTS["levels"].title
    words = " ".join(one.words for one in found)
    return Figure(levels.draw_levels(found, theme, title, levels.NOTE), title=title, text=words, layout="neato")


def _roofline(theme: Theme) -> Figure:
    from . import hardware, levels

    dots, title = [hardware.Dot(one.name, one.intensity) for one in levels.levels()], SUBJECTS["roofline"].title
    words = " ".join(hardware.dot_words(dot) for dot in dots)
    return Figure(hardware.draw_roofline(dots, theme, title), title=title, text=words, layout="neato")


def _memories(theme: Theme) -> Figure:
    from . import hardware

    title = SUBJECTS["memories"].title
    words = " ".join(f"{m.name}: {m.size}, {m.who}; it holds {m.use}." for m in hardware.MEMORIES)
    return Figure(hardware.draw_memories(theme, title), title=title, text=words, layout="neato")


SUBJECTS: Final = {
    "naive": Subject("A thread for each number of C", _naive, is_deck=True),
    "tiled": Subject("Tiles in shared memory", _tiled, is_deck=True),
    "fast": Subject("Tiles of registers, fetched ahead", _fast, is_deck=True),
    "convolution": Subject("Convolution as a product of matrices", _convolution, is_deck=True),
    "coalescing": Subject("One request of a warp for global memory", _coalescing),
    "banks": Subject("One request of a warp for shared memory", _banks),
    "levels": Subject("What a multiply-add costs the three kernels", _levels),
    "roofline": Subject("How fast the three kernels can be at most", _roofline),
    "memories": Subject("Where a number can be", _memories),
}
"""What there is to draw."""
