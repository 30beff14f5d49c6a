"""Finishing Graphviz's SVG: the fonts it needs inside it, words for those who cannot see it, the same bytes every time."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from functools import lru_cache

from .dot import clean
from .fonts import FACES, MATH_FONT, font_folder

_NUMERALS = frozenset("0123456789−.×")

FALLBACKS = f"{MATH_FONT},'STIX Two Text','Times New Roman',serif"


def finish(svg: str | bytes, title: str = "", description: str = "", faces: str | None = None) -> str:
    """Return an SVG made by Graphviz, ready to be put on a page or a slide.

    Args:
        svg: what the engine rendered.
        title: a short name of the figure.
        description: the figure in words: its alternative text.
        faces: rules for its fonts, where many pictures share one set; by default those of the letters in this one.

    >>> print(finish('<svg width="8pt"><g id="graph0"><title>%3</title></g></svg>', "a sum"))
    <svg width="8pt" role="img" aria-labelledby="title-975b4486">
    <title id="title-975b4486">a sum</title>
    <g></g></svg>
    """
    content = svg.decode("utf-8") if isinstance(svg, bytes) else svg
    content = re.sub(r"<!--.*?-->\s*", "", content, flags=re.DOTALL)  # the engine's version, and a comment per node
    content = re.sub(r"<!DOCTYPE[^>]*>\s*", "", content)
    # The ids would clash with those of a second figure on the same page.
    content = re.sub(r'<g id="(?:graph|node|edge|clust)\d+"', "<g", content)
    content = re.sub(r"<title>[^<]*</title>\s*", "", content)  # internal names, which browsers show as tooltips
    content = content.replace(f'font-family="{MATH_FONT}"', f'font-family="{FALLBACKS}"')
    content = re.sub(r"<text\b[^>]*\bbaseline-shift=[^>]*>", _shifted, content)
    mark = hashlib.sha256(f"{title}\n{description}".encode("utf-8", "replace")).hexdigest()[:8]
    names = [f"title-{mark}"]
    words = f'<title id="{names[0]}">{_escaped(title or "figure")}</title>\n'
    if description:
        names.append(f"desc-{mark}")
        words += f'<desc id="{names[1]}">{_escaped(description)}</desc>\n'
    if faces is None:
        faces = embedded_faces(content)
    head = words + (f"<style>{faces}</style>\n" if faces else "")
    start = content.index("<svg")
    end = content.index(">", start)
    labels = f' role="img" aria-labelledby="{" ".join(names)}"'
    return content[:end] + labels + ">\n" + head + content[end + 1 :].lstrip("\n")


def embedded_faces(svg: str) -> str:
    """Return `@font-face` rules that hold, of each face of the mathematics font that occurs, the letters that occur."""
    used: dict[tuple[str, str], set[str]] = {}
    for attributes, content in re.findall(r"<text\b([^>]*)>(.*?)</text>", svg, flags=re.DOTALL):
        if MATH_FONT not in attributes:
            continue
        style = "italic" if 'font-style="italic"' in attributes else "normal"
        weight = "bold" if 'font-weight="bold"' in attributes else "normal"
        used.setdefault((style, weight), set()).update(html.unescape(re.sub(r"<[^>]+>", "", content)))
    rules = []
    for (style, weight), letters in sorted(used.items()):
        # With one digit come all: figures that differ only in their numbers share a font, which is then cut only once.
        wanted = letters | _NUMERALS if letters & _NUMERALS else letters
        data = _subset(FACES[style, weight], "".join(sorted(wanted)))
        rules.append(
            f"@font-face{{font-family:{MATH_FONT};font-style:{style};font-weight:{weight};"
            f"src:url(data:font/woff;base64,{data}) format('woff')}}"
        )
    return "".join(rules)


@lru_cache(maxsize=256)
def _subset(file: str, letters: str) -> str:
    """Return the part of a font that draws `letters`, as base64 of a WOFF file; the same bytes every time."""
    from fontTools import subset
    from fontTools.ttLib import TTFont

    options = subset.Options()
    options.hinting = False
    options.notdef_outline = True
    options.drop_tables += ["FFTM", "DSIG"]
    with TTFont(font_folder() / file, recalcTimestamp=False) as ttf:
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=letters)
        subsetter.subset(ttf)
        ttf.flavor = "woff"
        output = io.BytesIO()
        ttf.save(output)
    return base64.b64encode(output.getvalue()).decode("ascii")


def _shifted(tag: re.Match[str]) -> str:
    """Move a raised or lowered text by its coordinate: not every browser and slide program knows `baseline-shift`."""
    kind = re.search(r'\s*baseline-shift="(\w+)"', tag[0])
    size = re.search(r'font-size="([\d.]+)"', tag[0])
    y = re.search(r'\by="(-?[\d.]+)"', tag[0])
    if not (kind and size and y):
        return tag[0]
    shift = {"super": -0.35, "sub": 0.22}.get(kind[1], 0.0) * float(size[1])
    return tag[0].replace(kind[0], "").replace(y[0], f'y="{float(y[1]) + shift:.2f}"')


def _escaped(text: str) -> str:
    return html.escape(clean(text.replace("\n", " "), limit=20_000))
