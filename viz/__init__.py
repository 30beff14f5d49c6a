"""minidl's visualizer: turns what the engine recorded into figures. `minidl` itself never imports it.

What there is, from the ground up:

    drawing       palette and type (`theme`), well-formed DOT (`dot`), widths of texts (`metrics`), numbers and names as a
                  textbook prints them (`notation`), the engine that renders (`engine`), the finished file (`figure`, `svg`)
    circuit       `draw(root)` → `Figure`: the circuit of a value, folded by module or unfolded into scalars; PyTorch's too
    architecture  networks: the two passes through one, and `thermometer(losses)`: how gradients fade;
                  `filmstrip(snapshots)`: how a network changes while it learns
    deck          `frames(root)` → `Deck`: both passes step by step; saved as PDF, GIF, a folder, or a page that plays them
    derivation    `derive(root)` → `Derivation`: the chain rule line by line, as text and as LaTeX
    plots         plots with axes
    report        the page that a training run leaves behind
"""

from __future__ import annotations

from .architecture.filmstrip import film_deck, filmstrip
from .architecture.snapshot import Snapshot, record
from .architecture.thermometer import thermometer
from .circuit.draw import draw
from .deck.deck import Deck, Frame
from .deck.frames import frames
from .derivation.derivation import Derivation
from .derivation.derive import derive
from .drawing.figure import Figure
from .drawing.theme import HeatScale, Theme

__all__ = [
    "Deck",
    "Derivation",
    "Figure",
    "Frame",
    "HeatScale",
    "Snapshot",
    "Theme",
    "derive",
    "draw",
    "film_deck",
    "filmstrip",
    "frames",
    "record",
    "thermometer",
]
