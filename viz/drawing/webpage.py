"""A figure as a web page: one file that needs nothing else, with the picture, its words and its narration."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Final

from .dot import clean
from .svg import FALLBACKS
from .theme import LIGHT, THEMES, Theme

_FAMILY: Final = FALLBACKS.partition(",")[2]  # without the picture's own font, which has only the picture's letters
_STYLE: Final = """
:root {{ --ink: {ink}; --line: {line}; --fill: {fill}; --dim: {dim}; --paper: {paper}; color-scheme: {scheme}; }}
* {{ box-sizing: border-box; }}
body {{
  margin: 0 auto; padding: 2rem 1.4rem 3rem; max-width: 72rem; color: var(--ink); background: var(--paper);
  font: 18px/1.5 {family};
}}
h1 {{ margin: 0 0 1.2rem; font-size: 1.5rem; font-weight: normal; text-wrap: balance; overflow-wrap: anywhere; }}
h2 {{ margin: 1.8rem 0 0.4rem; font-size: 1.1rem; font-weight: normal; color: var(--line); }}
figure {{ margin: 0; overflow-x: auto; }}
figure svg {{ display: block; margin: 0 auto; max-width: 100%; height: auto; }}
ol {{ margin: 0; padding-left: 2.2rem; columns: 22rem auto; column-gap: 3rem; font-variant-numeric: tabular-nums; }}
li {{ padding: 0.1rem 0; break-inside: avoid; overflow-wrap: anywhere; }}
li::marker {{ color: var(--line); }}
details {{ margin-top: 1.8rem; border-top: 1px solid var(--dim); padding-top: 0.6rem; color: var(--line); }}
summary {{ cursor: pointer; }}
p {{ margin: 0.4rem 0; max-width: 48rem; overflow-wrap: anywhere; }}
:focus-visible {{ outline: 3px solid var(--line); outline-offset: 2px; }}
@media (max-width: 44rem) {{ body {{ padding: 1.2rem 0.8rem; }} figure svg {{ max-width: none; }} }}
@media print {{ body {{ max-width: none; padding: 0; }} details {{ display: none; }} }}
"""


def page(svg: str, title: str, text: str, steps: Sequence[str]) -> str:
    """Return a page, in the colours of the theme that the picture was drawn in.

    Args:
        svg: the finished picture.
        title: what it shows, in a few words.
        text: what it shows, in full.
        steps: the narration.

    >>> shown = page("<?xml version='1.0'?><svg></svg>", "a < b", "", ["first", "second"])
    >>> shown.count("<li>"), "<h1>a &lt; b</h1>" in shown
    (2, True)
    """
    theme = theme_of(svg)
    style = _STYLE.format(
        ink=theme.ink, line=theme.line, fill=theme.fill, dim=theme.dim, paper=theme.paper, family=_FAMILY,
        scheme="dark" if _is_dark(theme.paper) else "light",
    )  # fmt: skip
    heading = _escaped(title or "Figure")
    picture = svg[svg.index("<svg") :].strip()
    body = [f"<h1>{heading}</h1>", f"<figure>\n{picture}\n</figure>"]
    if steps:
        items = "\n".join(f"<li>{_escaped(step)}</li>" for step in steps)
        body.append(f"<h2>Step by step</h2>\n<ol>\n{items}\n</ol>")
    if text:
        body.append(f"<details><summary>In words</summary>\n<p>{_escaped(text)}</p></details>")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{heading}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(body)
        + "\n</main>\n</body>\n</html>\n"
    )


def theme_of(svg: str) -> Theme:
    """Return the theme whose paper a picture is drawn on.

    >>> theme_of('<svg><polygon fill="#171d26" stroke="none"/></svg>').name
    'dark'
    """
    paper = re.search(r'<polygon fill="(#[0-9a-fA-F]{6})"', svg)
    themes = [theme for theme in THEMES.values() if paper and theme.paper == paper[1].lower()]
    return themes[0] if themes else LIGHT


def _is_dark(color: str) -> bool:
    red, green, blue = bytes.fromhex(color[1:])
    return 0.3 * red + 0.59 * green + 0.11 * blue < 128


def _escaped(text: str) -> str:
    return html.escape(clean(text, 20_000))
