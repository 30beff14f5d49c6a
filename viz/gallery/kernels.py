"""What a GPU's kernels do, traced in the simulator: decks of the kernels, and figures of what they cost."""

from __future__ import annotations

from functools import partial
from typing import Final

from ..deck.deck import Deck
from ..drawing.figure import Figure
from ..drawing.theme import Theme
from ..gpu.kernels import SUBJECTS, kernel_figure
from .exhibit import Exhibit


def _drawn(name: str, theme: Theme) -> Figure | Deck:
    return kernel_figure(name, theme=theme)


def _frame(name: str, number: int, theme: Theme) -> Figure:
    deck = kernel_figure(name, theme=theme)
    assert isinstance(deck, Deck)
    return deck[number].figure


EXHIBITS: Final = (
    *(Exhibit(f"kernel-{name}", subject.title, partial(_drawn, name)) for name, subject in SUBJECTS.items()),
    Exhibit("kernel-frame-naive", "Every thread reads for itself", partial(_frame, "naive", 3)),
    Exhibit("kernel-frame-bring", "Each thread brings a number of each tile", partial(_frame, "tiled", 6)),
    Exhibit("kernel-frame-multiply", "All threads use both tiles", partial(_frame, "tiled", 8)),
    Exhibit("kernel-frame-wide", "Four numbers at once", partial(_frame, "fast", 2)),
    Exhibit("kernel-frame-banks", "Padding keeps the banks apart", partial(_frame, "fast", 4)),
    Exhibit("kernel-frame-windows", "The windows of an image", partial(_frame, "convolution", 1)),
)
