"""The buttons and the slider with which the epochs of a run are leafed through."""

from __future__ import annotations

from typing import Final

_ICONS: Final = {
    "first": "M2 2h2v12H2zM14 2v12L5 8z",
    "back": "M10.5 2 4.5 8l6 6 1.6-1.6L7.7 8l4.4-4.4z",
    "play": "M4 2v12l9-6z",
    "pause": "M3 2h4v12H3zM9 2h4v12H9z",
    "on": "M5.5 2l6 6-6 6-1.6-1.6L8.3 8 3.9 3.6z",
    "last": "M12 2h2v12h-2zM2 2v12l9-6z",
}
"""The buttons' drawings, as SVG paths on a square of 16."""


def controls(count: int) -> str:
    """Return the row of controls for `count` pictures, as markup.

    >>> controls(3).count("<button")
    5
    """

    def button(icon: str, label: str, attributes: str) -> str:
        path = f'<svg viewBox="0 0 16 16" aria-hidden="true"><path d="{_ICONS[icon]}"/></svg>'
        return f'<button type="button" aria-label="{label}" {attributes}>{path}</button>'

    return (
        '<div class="controls">'
        + button("first", "first", 'class="far" data-key="Home"')
        + button("back", "one epoch back", 'data-key="ArrowLeft"')
        + button("play", "play", f'id="play" data-play="{_ICONS["play"]}" data-pause="{_ICONS["pause"]}"')
        + button("on", "one epoch on", 'data-key="ArrowRight"')
        + button("last", "last", 'class="far" data-key="End"')
        + f'<input type="range" id="slider" min="0" max="{count - 1}" value="{count - 1}" step="1" aria-label="epoch"></div>'
    )
