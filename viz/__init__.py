"""minidl's visualizer: turns what the engine recorded into figures. `minidl` itself never imports it.

The rooms, from the ground up:

    drawing       palette and type (`theme`), well-formed DOT (`dot`), numbers and names as a textbook prints them
                  (`notation`), pages with every place given (`canvas`), the engine that renders (`engine`), the finished
                  file (`figure`, `svg`, `tikz`)
    circuit       `draw(root)` → `Figure`: the circuit of a value, folded by module or unfolded into scalars; PyTorch's too
    mirror        `draw_backward(root)`, `draw_hvp(root, along)`: the backward pass as the graph it is, beside the forward one
    deck          `frames(root)` → `Deck`: both passes step by step; saved as PDF, GIF, a folder, or a page that plays them
    derivation    `derive(root)` → `Derivation`: the chain rule line by line, as text and as LaTeX
    architecture  `network(model, input)`: layers with shapes, parameters, multiply-adds and receptive fields
    passes        `draw_passes(loss, model)`: both passes through a network, a box a layer
    gradients     `thermometer(losses)`: how gradients fade in a chain or in deep networks, and what helps
    film          `record(model, image)` while it learns, then `filmstrip(snapshots)` or `film_deck(snapshots)`
    tape          `draw(step.tape)`: which results of a compiled step share memory
    profile       `flame(profile)`: where the time of a `minidl.profile` block went
    gpu           `kernel_figure("tiled")` → `Deck`: which thread of a GPU's kernel touches which memory, step by step
    plots         plots with axes: `viz.plots.curves(history)`, … → `Plot`
    report        the page that a training run leaves behind
    gallery       one example of every kind of figure
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import plots
    from .architecture.network import network
    from .circuit.draw import draw
    from .deck.deck import Deck, Frame
    from .deck.frames import frames
    from .derivation.derivation import Derivation
    from .derivation.derive import derive
    from .drawing.figure import Figure
    from .drawing.theme import HeatScale, Theme
    from .film.filmstrip import film_deck, filmstrip
    from .film.snapshot import Snapshot, record
    from .gpu.kernels import kernel_figure
    from .gradients.thermometer import thermometer
    from .mirror.backward import draw_backward
    from .mirror.second import draw_hvp
    from .plots import Plot
    from .profile.flame import flame

__all__ = [
    "Deck",
    "Derivation",
    "Figure",
    "Frame",
    "HeatScale",
    "Plot",
    "Snapshot",
    "Theme",
    "derive",
    "draw",
    "draw_backward",
    "draw_hvp",
    "film_deck",
    "filmstrip",
    "flame",
    "frames",
    "kernel_figure",
    "network",
    "plots",
    "record",
    "thermometer",
]

_HOMES = {
    "Deck": "deck.deck",
    "Derivation": "derivation.derivation",
    "Figure": "drawing.figure",
    "Frame": "deck.deck",
    "HeatScale": "drawing.theme",
    "Plot": "plots",
    "Snapshot": "film.snapshot",
    "Theme": "drawing.theme",
    "derive": "derivation.derive",
    "draw": "circuit.draw",
    "draw_backward": "mirror.backward",
    "draw_hvp": "mirror.second",
    "film_deck": "film.filmstrip",
    "filmstrip": "film.filmstrip",
    "flame": "profile.flame",
    "frames": "deck.frames",
    "kernel_figure": "gpu.kernels",
    "network": "architecture.network",
    "record": "film.snapshot",
    "thermometer": "gradients.thermometer",
}
_ROOMS = (
    "architecture", "circuit", "deck", "derivation", "drawing", "film", "gallery", "gpu", "gradients", "mirror", "passes",
    "plots", "profile", "report", "tape",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    """The rooms and what they hold load when they are first asked for: a line of colours in a terminal needs no figures."""
    if name in _ROOMS:
        return import_module(f".{name}", __name__)
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_ROOMS})
