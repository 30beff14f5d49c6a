"""minidl's visualizer: turns what the engine recorded into figures. `minidl` itself never imports it.

What there is, from the ground up:

    theme     `Theme` (palette, type sizes), `THEMES`, `theme_named`, `HeatScale` and `Theme.stroke(norm)` → `Stroke`
    dot       `Digraph`, `Html`, `text`, `font`, `italic`, `bold`, `table`, `cell`: DOT that is well formed, always
    metrics   `text_width(text, size)`: how wide a text in the figures' font is, in points
    notation  numbers, names and shapes as a textbook prints them: `number`, `number_html`, `name_html`, `tidy_name` …
    fonts     where the fonts are
    engine    `render(dot, format, layout="dot"|"neato", dpi=None)` → bytes; `engine_info()`
    svg       `finish(svg, title, description)`: embedded fonts, alternative text, the same bytes every time
    figure    `Figure(dot, title=…, text=…)` with `.save("x.svg|pdf|png|dot")`
    naming    letters for values without a name
    wires     numbers and matrices on wires
    gates     the circles and boxes of operations
    circuit   `draw(root)` → `Figure`: the circuit of a value
    chain     `thermometer(root)` → `Figure`: the chain in which gradients vanish
"""

from __future__ import annotations

from .chain import thermometer
from .circuit import draw
from .figure import Figure
from .theme import HeatScale, Theme

__all__ = ["Figure", "HeatScale", "Theme", "draw", "thermometer"]
