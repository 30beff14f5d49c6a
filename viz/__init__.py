"""minidl's visualizer: turns what the engine recorded into figures. `minidl` never imports it.

What there is, from the ground up:

    theme     `Theme` (palette, type sizes), `THEMES`, `theme_named`, `HeatScale` and `Theme.stroke(norm)` → `Stroke`
    notation  numbers, names and matrices as a textbook prints them: `number`, `number_html`, `name_html`, `tidy_name` …
    metrics   `text_width(text, size)`: how wide a text in the figures' font is, in points
    dot       `Digraph`, `Html`, `text`, `font`, `italic`, `bold`, `sub`, `sup`, `table`, `cell`: well-formed DOT, always
    fonts     where the fonts are
    engine    `render(dot, format, layout="dot"|"neato", dpi=None)` → bytes; `engine_info()`
    svg       `finish(svg, title, description)`: embedded fonts, alternative text, the same bytes every time
    figure    `Figure(dot, title=…, text=…)` with `.save("x.svg|pdf|png|dot")`
    draw      `draw(root)` → `Figure`, the circuit of a value
    thermometer  the chain in which gradients vanish
"""

from __future__ import annotations
