"""minidl's visualizer: turns what the engine recorded into figures. `minidl` itself never imports it.

What there is, from the ground up:

    drawing       palette and type (`theme`), well-formed DOT (`dot`), widths of texts (`metrics`), numbers and names as a
                  textbook prints them (`notation`), the engine that renders (`engine`), the finished file (`figure`, `svg`)
    circuit       `draw(root)` → `Figure`: the circuit of a value
    architecture  networks: the two passes through one, and `thermometer(root)`: how gradients fade
    plots         plots with axes
    report        the page that a training run leaves behind
"""

from __future__ import annotations

from .architecture.thermometer import thermometer
from .circuit.draw import draw
from .drawing.figure import Figure
from .drawing.theme import HeatScale, Theme

__all__ = ["Figure", "HeatScale", "Theme", "draw", "thermometer"]
