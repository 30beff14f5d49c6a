"""The page on which a gallery hangs, and the files behind it."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path

from minidl.files import write_atomic

from ..deck.deck import Deck
from ..derivation.derivation import Derivation
from ..drawing.dot import clean
from ..drawing.theme import Theme
from .exhibit import Exhibit, Picture


def hang(exhibit: Exhibit, folder: Path, theme: Theme, format: str = "svg") -> str:
    """Make one exhibit, write its files into `folder`, and return the piece of the page that shows it.

    Args:
        exhibit: what to make.
        folder: where its files go.
        theme: in which it is made.
        format: of its picture, for slides; the page shows an SVG beside it.
    """
    made = exhibit.make(theme)
    caption = f"<figcaption><strong>{_escaped(exhibit.title)}</strong> <code>{exhibit.name}</code>"
    if isinstance(made, Deck):
        made.save(folder / f"{exhibit.name}.html")
        made.save(folder / f"{exhibit.name}.pdf")
        poster = made[len(made) * 2 // 3].figure
        poster.save(folder / f"{exhibit.name}.svg")
        links = f' · {len(made)} frames: <a href="{exhibit.name}.html">play</a>, <a href="{exhibit.name}.pdf">PDF</a>'
        return f"<figure>{_image(exhibit.name, made.text)}{caption}{links}</figcaption></figure>"
    if isinstance(made, Derivation):
        made.save(folder / f"{exhibit.name}.txt")
        made.save(folder / f"{exhibit.name}.tex")
        link = f' · <a href="{exhibit.name}.tex">LaTeX</a>'
        return f"<figure><pre>{_escaped(str(made))}</pre>{caption}{link}</figcaption></figure>"
    return _picture(exhibit, made, folder, caption, format)


def _picture(exhibit: Exhibit, made: Picture, folder: Path, caption: str, format: str) -> str:
    made.save(folder / f"{exhibit.name}.svg")
    link = ""
    if format != "svg":
        made.save(folder / f"{exhibit.name}.{format}")
        link = f' · <a href="{exhibit.name}.{format}">{format.upper()}</a>'
    return f"<figure>{_image(exhibit.name, made.text)}{caption}{link}</figcaption></figure>"


def _image(name: str, words: str) -> str:
    return f'<a href="{name}.svg"><img src="{name}.svg" alt="{_escaped(words)}" loading="lazy"></a>'


def _escaped(words: str) -> str:
    return "\n".join(html.escape(clean(line, 20_000)) for line in words.split("\n"))


def write_page(pieces: Sequence[str], folder: Path, theme: Theme) -> Path:
    """Write the page that shows the pieces, and return its path."""
    style = f"""
:root {{ color-scheme: {"dark" if theme.name == "dark" else "light"}; }}
body {{ margin: 2rem auto; max-width: 80rem; padding: 0 1rem; background: {theme.paper}; color: {theme.ink};
  font: 1.05rem/1.5 'STIX Two Text', 'Times New Roman', serif; }}
figure {{ margin: 0 0 3rem; padding: 0 0 1rem; border-bottom: 1px solid {theme.dim}; }}
img {{ display: block; max-width: 100%; max-height: 80vh; margin: 0 auto 1rem; }}
pre {{ overflow-x: auto; font: 1rem/1.5 'DejaVu Sans Mono', Menlo, Consolas, monospace; }}
code, a {{ color: {theme.local}; }}
"""
    page = (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>minidl gallery</title>\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<style>{style}</style></head><body><h1>minidl: the gallery</h1>\n" + "\n".join(pieces) + "\n</body></html>\n"
    )
    return write_atomic(folder / "index.html", page)
