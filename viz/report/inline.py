"""Taking an SVG from a file into a page: only what a picture needs comes along, and nothing in it collides with others.

The file may have been edited, or come from someone else: elements, attributes and links are let through by name, the
rest (scripts, event handlers, addresses on a network, styles that would leak into the page) stays behind.
"""

from __future__ import annotations

import html
import re
from typing import Final
from xml.etree import ElementTree

from minidl.errors import DataError

DEEPEST: Final = 60
"""Elements nested deeper than this are no picture of ours."""

_ELEMENT_NAMES: Final = (
    "svg g path polygon polyline ellipse circle rect line text tspan title desc defs use clipPath image linearGradient "
    "radialGradient stop pattern"
)
_ATTRIBUTE_NAMES: Final = (
    "x y x1 y1 x2 y2 cx cy r rx ry d points width height viewBox preserveAspectRatio transform fill fill-opacity "
    "fill-rule stroke stroke-width stroke-opacity stroke-dasharray stroke-linecap stroke-linejoin stroke-miterlimit "
    "opacity font-family font-size font-style font-weight text-anchor dx dy textLength offset stop-color stop-opacity "
    "baseline-shift clip-path clipPathUnits gradientUnits patternUnits style id class role aria-labelledby href space"
)
_ELEMENTS: Final = frozenset(_ELEMENT_NAMES.split())
_ATTRIBUTES: Final = frozenset(_ATTRIBUTE_NAMES.split())
_REFERENCE: Final = re.compile(r"url\(\s*#([\w.:-]+)\s*\)")


def inline(svg: str, prefix: str, source: str) -> str:
    """Return an SVG as markup for a page.

    Args:
        svg: the file's text.
        prefix: put in front of every id, so that several pictures can share a page.
        source: the file's name, for the error.

    Raises:
        DataError: it is no well-formed SVG.

    >>> inline('<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><script/><g id="a"/></svg>', "f1-", "a.svg")
    '<svg><g id="f1-a"></g></svg>'
    """
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise DataError(f"{source} is damaged: it is not well-formed SVG ({error}); delete it or run again") from error
    if _local(root.tag) != "svg":
        raise DataError(f"{source} is not an SVG: its outermost element is {_local(root.tag)}")
    out: list[str] = []
    _write(root, prefix, source, out, 0)
    return "".join(out)


def _write(element: ElementTree.Element, prefix: str, source: str, out: list[str], depth: int) -> None:
    tag = _local(element.tag)
    if tag not in _ELEMENTS:
        return
    if depth > DEEPEST:
        raise DataError(f"{source} is damaged: its elements are nested more than {DEEPEST} deep")
    attributes = (_attribute(_local(name), value, prefix) for name, value in element.attrib.items())
    is_text = tag in ("text", "tspan", "title", "desc")
    out.append(f"<{tag}{''.join(attributes)}>")
    if is_text:
        out.append(html.escape(element.text or "", quote=False))
    for child in element:
        _write(child, prefix, source, out, depth + 1)
        if is_text:
            out.append(html.escape(child.tail or "", quote=False))
    out.append(f"</{tag}>")


def _local(name: object) -> str:
    """A name without its namespace; comments and processing instructions have none."""
    return name.rpartition("}")[2] if isinstance(name, str) else ""


def _attribute(name: str, value: str, prefix: str) -> str:
    if name not in _ATTRIBUTES:
        return ""
    if name == "id":
        value = prefix + value
    elif name == "space":
        name = "xml:space"
    elif name == "aria-labelledby":
        value = " ".join(prefix + target for target in value.split())
    elif name == "href":
        if value.startswith("#"):
            value = f"#{prefix}{value[1:]}"
        elif not re.match(r"data:image/(png|jpeg);base64,[\w+/=\s]*$", value):
            return ""
    else:
        value = _REFERENCE.sub(lambda match: f"url(#{prefix}{match[1]})", value)
        foreign = _REFERENCE.sub("", value).lower()
        if "url(" in foreign or "\\" in foreign or "@" in foreign:
            return ""
    return f' {name}="{html.escape(value)}"'
