"""A small typed builder of Graphviz's DOT language. Whatever text goes in, what comes out is well formed.

Everything is written in the order it was given, under the names it was given: the same calls give the same text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

LONGEST_TEXT: Final = 200
"""Texts longer than this are shortened: no label needs more, and layout time grows with it."""

# What XML forbids (control characters, lone surrogates, noncharacters), which would end or break a label.
_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)

_BREAKS: Final = re.compile(r"[\t\r\n]+")
_BARE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WITHOUT_WIDTH: Final = {"Cf", "Mn", "Me"}
"""Kinds of characters that only change others: joiners, marks of direction, accents."""


@dataclass(frozen=True, slots=True)
class Html:
    """Graphviz's HTML-like markup, already well formed. Join pieces with `+`."""

    markup: str

    def __add__(self, other: Html) -> Html:
        return Html(self.markup + other.markup)

    def __str__(self) -> str:
        return self.markup


def clean(text: str, limit: int = LONGEST_TEXT) -> str:
    """Return `text` with what cannot be printed replaced, on one line, shortened in the middle to `limit` characters.

    >>> clean("a\\x00b\\nc")
    'a�b c'
    >>> clean("abcdefghij", limit=5)
    'ab…ij'
    """
    if not text.isprintable():
        text = _UNPRINTABLE.sub("\ufffd", _BREAKS.sub(" ", text))
    if len(text) > limit:
        text = text[: (limit - 1) - (limit - 1) // 2] + "…" + text[len(text) - (limit - 1) // 2 :]
    return text


def text(content: str) -> Html:
    """Return plain text as markup, everything special escaped.

    >>> text('x < "y" & z').markup
    'x &lt; &quot;y&quot; &amp; z'
    """
    if content and all(unicodedata.category(letter) in _WITHOUT_WIDTH for letter in content):
        content = "\ufffd"  # what takes no room Graphviz cannot measure
    # Graphviz 2.43 stumbles over a ] alone, and every Graphviz takes two backslashes for one.
    return Html(html.escape(clean(content)).replace("]", "&#93;").replace("\\", "\\\\"))


def join(parts: Iterable[Html]) -> Html:
    """Return the pieces one after the other."""
    return Html("".join(part.markup for part in parts))


def element(tag: str, content: Html, **attributes: str | int | float | bool) -> Html:
    """Return `content` inside an element. An empty text element, which Graphviz rejects, gets a no-break space.

    >>> element("I", text("x")).markup
    '<I>x</I>'
    """
    inner = content.markup or ("" if tag in {"TD", "TR"} else "&#160;")
    return Html(f"<{tag}{_html_attributes(attributes)}>{inner}</{tag}>")


def font(content: Html, color: str | None = None, size: float | None = None) -> Html:
    """Return `content` in a colour and a size in points."""
    attributes: dict[str, str | int | float | bool] = {}
    if color is not None:
        attributes["color"] = color
    if size is not None:
        attributes["point_size"] = size
    return element("FONT", content, **attributes) if attributes else content


def italic(content: Html) -> Html:
    """Return `content` in italics."""
    return element("I", content)


def bold(content: Html) -> Html:
    """Return `content` in bold."""
    return element("B", content)


def sup(content: Html) -> Html:
    """Return `content` raised."""
    return element("SUP", content)


def sub(content: Html) -> Html:
    """Return `content` lowered."""
    return element("SUB", content)


def cell(content: Html = Html(""), **attributes: str | int | float | bool) -> Html:
    """Return a table cell; attributes in lower case, `fixedsize=True` written as Graphviz wants it."""
    return element("TD", content, **attributes)


def table(rows: Sequence[Html | Sequence[Html]], **attributes: str | int | float | bool) -> Html:
    """Return a table without borders or padding unless asked for; a row is a list of cells, or the rule `Html("<HR/>")`.

    >>> table([[cell(text("1"))]], border=1).markup
    '<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"><TR><TD>1</TD></TR></TABLE>'
    """
    attributes = {"border": 0, "cellborder": 0, "cellspacing": 0, "cellpadding": 0, **attributes}
    body = join(row if isinstance(row, Html) else element("TR", join(row)) for row in rows)
    return Html(f"<TABLE{_html_attributes(attributes)}>{body.markup}</TABLE>")


class Digraph:
    """A directed graph being written: nodes, edges and groups, in order.

    >>> g = Digraph(rankdir="LR")
    >>> g.node("n1", label=italic(text("x")), width=0.1)
    >>> g.edge("n1:e", "n2", arrowhead="none")
    >>> print(g.source())
    digraph {
      graph [rankdir=LR];
      n1 [label=<<I>x</I>>, width=0.1];
      n1:e -> n2 [arrowhead=none];
    }
    <BLANKLINE>
    """

    def __init__(self, **attributes: str | int | float | bool | Html) -> None:
        self._lines: list[str] = []
        self._depth = 1
        self.default("graph", **attributes)

    def default(self, kind: str, **attributes: str | int | float | bool | Html) -> None:
        """Set what holds for every `graph`, `node` or `edge` that follows."""
        if attributes:
            self._write(f"{kind}{_attributes(attributes)}")

    def node(self, name: str, **attributes: str | int | float | bool | Html) -> None:
        """Add a node."""
        self._write(f"{_endpoint(name)}{_attributes(attributes)}")

    def edge(self, tail: str, head: str, **attributes: str | int | float | bool | Html) -> None:
        """Add an edge; an end may carry a port and a compass point: `n1:e`."""
        self._write(f"{_endpoint(tail)} -> {_endpoint(head)}{_attributes(attributes)}")

    def same_rank(self, names: Sequence[str]) -> None:
        """Put nodes into one rank (one column when the figure runs from left to right)."""
        self._write("{rank=same; " + "; ".join(map(_endpoint, names)) + "}")

    def begin(self, name: str, **attributes: str | int | float | bool | Html) -> None:
        """Open a subgraph; a name that begins with `cluster` is drawn as a box. Close it with `end`."""
        self._lines.append("  " * self._depth + f"subgraph {_quoted(name)} {{")
        self._depth += 1
        self.default("graph", **attributes)

    def end(self) -> None:
        """Close the subgraph opened last."""
        self._depth -= 1
        self._lines.append("  " * self._depth + "}")

    def source(self) -> str:
        """Return the DOT text."""
        return "digraph {\n" + "\n".join(self._lines) + "\n}\n"

    def _write(self, line: str) -> None:
        self._lines.append("  " * self._depth + line + ";")


def _attributes(attributes: dict[str, str | int | float | bool | Html]) -> str:
    if not attributes:
        return ""
    return " [" + ", ".join(f"{key.rstrip('_')}={_value(value)}" for key, value in attributes.items()) + "]"


def _html_attributes(attributes: dict[str, str | int | float | bool]) -> str:
    return "".join(_html_attribute(key, value) for key, value in attributes.items())


@lru_cache(maxsize=4096, typed=True)
def _html_attribute(key: str, value: str | int | float | bool) -> str:
    """Write one attribute of an element; a large figure has the same few hundred of them ten thousand times."""
    shown = str(value).upper() if isinstance(value, bool) else value if isinstance(value, str) else f"{value:g}"
    return f' {key.upper().replace("_", "-")}="{html.escape(clean(shown))}"'


def _value(value: str | int | float | bool | Html) -> str:
    if isinstance(value, Html):
        return f"<{value.markup}>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:.6g}"
    return _quoted(value)


def _quoted(value: str) -> str:
    """Return a string as a DOT identifier: bare if it may be, else in quotes, with nothing left to interpret in it."""
    if _BARE.fullmatch(value) and value.lower() not in _KEYWORDS:
        return value
    value = clean(value, limit=100_000).replace("\\", "\\\\").replace("&", "&amp;").replace('"', '\\"')
    return f'"{value}"'


def _endpoint(name: str) -> str:
    return ":".join(_quoted(part) for part in name.split(":"))


_KEYWORDS = frozenset({"node", "edge", "graph", "digraph", "subgraph", "strict"})
