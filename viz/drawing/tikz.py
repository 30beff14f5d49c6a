"""A figure as TikZ: its lines and boxes where Graphviz put them, its text set by LaTeX in the fonts of the document.

The file is a document of its own, cut to the figure, and can also be `\\input` as it is: it begins its document only where
none has begun. It needs nothing but tikz, amsmath and amssymb.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from minidl.errors import RenderError

from .dot import clean
from .geometry import Geometry, Line, Part, Path, Pen, Point, Run
from .letters import Token, joined, missing, tokens

LARGEST_PAGE: Final = 16_000.0
"""TeX's greatest length is a little more, in points."""

_DASHES: Final = {"dashed": "on 5bp off 2bp", "dotted": "on 1bp off 5bp"}
_LOOSE: Final = 4.0
"""How many points wider than Graphviz thought a text may be; a wider one is set narrower."""

_BEFORE: Final = r"""
\expandafter\ifx\csname @nodocument\endcsname\relax\else
  \RequirePackage{{fix-cm}}
  \documentclass{{article}}
  \usepackage{{amsmath,amssymb,tikz}}
  \usepackage[papersize={{{width}bp,{height}bp}},margin=0bp,nohead,nofoot]{{geometry}}
  \pagestyle{{empty}}\topskip=0pt\parindent=0pt
  \let\minidldone=\enddocument
  \begin{{document}}
\fi
\begin{{tikzpicture}}[x=1bp, y=1bp, every node/.style={{anchor=base, inner sep=0bp, outer sep=0bp}}]
\def\size#1#2{{\mbox{{\fontsize{{#1bp}}{{#1bp}}\selectfont#2}}}}
\def\up#1#2{{^{{\raise-.15\dimexpr#1bp\relax\hbox{{\size{{#1}}{{#2}}}}}}}}
\def\down#1#2{{_{{\size{{#1}}{{#2}}}}}}
\def\fit#1#2{{\setbox2\hbox{{#2}}\ifdim\wd2>#1bp\resizebox{{#1bp}}{{\height}}{{\box2}}\else\box2\fi}}
"""
_AFTER: Final = r"""\end{tikzpicture}%
\ifdefined\minidldone\expandafter\minidldone\fi
"""


def document(geometry: Geometry, title: str = "", description: str = "") -> str:
    """Return a figure as a LaTeX file.

    Args:
        geometry: the figure, laid out.
        title: what it shows; the first line of the file.
        description: its alternative text, as a comment.

    Raises:
        RenderError: the figure is larger than a page of TeX can be.

    >>> from .geometry import Box
    >>> print(document(Geometry(Box(0, 0, 9, 9), {}, ()), "nothing").splitlines()[0])
    % nothing
    """
    page = geometry.page
    if max(page.width, page.height) > LARGEST_PAGE:
        raise RenderError("this figure is too large for a page of TeX; save it as .svg or .pdf")
    lines = list(_comments(geometry, title, description))
    lines.append(_BEFORE.format(width=_length(page.width), height=_length(page.height)).strip("\n"))
    places = _places(geometry.lines)
    body = [line for part in geometry.parts for line in _part(part, places)]
    used = sorted(set(re.findall(r"minidl([0-9A-F]{6})", "\n".join(body))))
    lines += [rf"\definecolor{{minidl{color}}}{{HTML}}{{{color}}}" for color in used]
    lines.append(rf"\useasboundingbox {_point((page.left, page.bottom))} rectangle {_point((page.right, page.top))};")
    return "\n".join([*lines, *body, _AFTER])


def _comments(geometry: Geometry, title: str, description: str) -> Iterator[str]:
    yield f"% {clean(title or 'figure')}"
    yield from textwrap.wrap(clean(description, 20_000), 110, initial_indent="% ", subsequent_indent="% ")
    yield "%"
    yield r"% Compile it, or \input it where tikz, amsmath and amssymb are loaded; for its exact type sizes begin that"
    yield r"% document with \RequirePackage{fix-cm}, or load lmodern. \usepackage{stix2} sets it in the fonts of the SVG."
    if letters := sorted({letter for line in geometry.lines for letter in missing(line.text)}):
        shown = ", ".join(f"U+{ord(letter):04X}" for letter in letters[:20])
        yield f"% A square stands for what LaTeX has no letter for: {shown}{' …' * (len(letters) > 20)}"


Places = dict[tuple[str, float], int]


def _places(lines: Iterable[Line]) -> Places:
    """Count, for each left end, middle and right end, the different widths of the lines that share it."""
    widths: dict[tuple[str, float], set[float]] = {}
    for line in lines:
        for end, (x, _) in _ends(line).items():
            widths.setdefault((end, round(x, 1)), set()).add(round(line.right - line.left, 1))
    return {place: len(found) for place, found in widths.items()}


def _ends(line: Line) -> dict[str, Point]:
    middle = (line.left + line.right) / 2
    return {
        end: (x, line.baseline) for end, x in (("base", middle), ("base west", line.left), ("base east", line.right))
    }


def _part(part: Part, places: Places) -> Iterator[str]:
    yield f"% {'paper' if part.kind == 'graph' else clean(part.name, 60)}"
    for mark in part.marks:
        yield _text(mark, places) if isinstance(mark, Line) else _path(mark)


def _path(path: Path) -> str:
    options = [*_filling(path.fill), *_drawing(path.pen)]
    command = {(True, True): "filldraw", (True, False): "fill", (False, True): "draw"}[bool(path.fill), bool(path.pen)]
    return rf"\{command}[{', '.join(options)}] {_outline(path)};"


def _outline(path: Path) -> str:
    points = path.points
    if path.kind == "ellipse":
        (left, bottom), (right, top) = points
        across, up = _length((right - left) / 2), _length((top - bottom) / 2)
        center = _point(((left + right) / 2, (bottom + top) / 2))
        return f"{center} " + (f"circle[radius={up}]" if across == up else f"ellipse[x radius={across}, y radius={up}]")
    if path.kind == "curve":
        ends = [points[0], *points[3::3]]
        pieces = [_piece(*piece) for piece in zip(ends, points[1::3], points[2::3], ends[1:], strict=False)]
        return _point(points[0]) + "".join(piece for piece in pieces if piece)
    if path.kind == "polygon" and _is_rectangle(points):
        corners = {_point(corner) for corner in points}
        between = "rectangle" if len(corners) == 4 else "--"  # one without height, the rule of a table, is a line
        return f"{_point(min(points))} {between} {_point(max(points))}"
    return " -- ".join(map(_point, points)) + (" -- cycle" if path.kind == "polygon" else "")


def _is_rectangle(points: tuple[Point, ...]) -> bool:
    corners = {(x, y) for x in {x for x, _ in points} for y in {y for _, y in points}}
    return len(points) == 4 and set(points) == corners


def _piece(start: Point, first: Point, second: Point, end: Point) -> str:
    """One Bézier piece; most are straight, and some are points."""
    across, up = end[0] - start[0], end[1] - start[1]
    off = [abs(across * (point[1] - start[1]) - up * (point[0] - start[0])) for point in (first, second)]
    length = math.hypot(across, up)
    if max(off) <= 0.02 * length:
        return f" -- {_point(end)}" if length > 0 else ""
    return f" .. controls {_point(first)} and {_point(second)} .. {_point(end)}"


def _filling(color: str | None) -> list[str]:
    return [] if color is None else [f"fill={_color(color)}", *_opacity("fill", color)]


def _drawing(pen: Pen | None) -> list[str]:
    if pen is None:
        return []
    dash = [f"dash pattern={_DASHES[pen.style]}"] if pen.style in _DASHES else []
    return [f"draw={_color(pen.color)}", *_opacity("draw", pen.color), f"line width={_length(pen.width)}bp", *dash]


def _color(color: str) -> str:
    return f"minidl{color[1:7].upper()}"


def _opacity(kind: str, color: str) -> list[str]:
    return [f"{kind} opacity={int(color[7:9], 16) / 255:.3g}"] if len(color) == 9 else []


def _text(line: Line, places: Places) -> str:
    """One line: its pieces in the sizes and colours they have, held at the end where most other lines are flush with it."""
    first = line.runs[0]
    color = _color(first.color)
    pieces = [_sized(list(runs), color) for _, runs in groupby(_attached(line.runs), key=lambda runs: _look(runs[0]))]
    ends, width = _ends(line), line.right - line.left + _LOOSE
    anchor = max(ends, key=lambda end: places[end, round(ends[end][0], 1)])
    options = f"text={color}" + (f", anchor={anchor}" if anchor != "base" else "")
    return rf"\node[{options}] at {_point(ends[anchor])} {{\fit{{{_length(width)}}}{{{''.join(pieces)}}}}};"


def _attached(runs: Iterable[Run]) -> list[list[Run]]:
    """Group each run with the exponents and indices that follow it."""
    groups: list[list[Run]] = []
    for run in runs:
        if groups and (run.raised or run.lowered):
            groups[-1].append(run)
        else:
            groups.append([run])
    return groups


def _look(run: Run) -> tuple[float, str, str]:
    return run.size, run.color, run.face


def _sized(groups: list[list[Run]], color: str) -> str:
    """Runs of one look, set as one piece of LaTeX so that what belongs to a formula is in one formula."""
    size, own, face = _look(groups[0][0])
    source = joined([token for runs in groups for run in runs for token in _tokens(run, own)])
    if family := _family(face):
        source = rf"{family} {source}"
    sized = rf"\size{{{_length(size)}}}{{{source}}}"
    return sized if _color(own) == color else rf"\textcolor{{{_color(own)}}}{{{sized}}}"


def _tokens(run: Run, around: str) -> list[Token]:
    inner = tokens(run.text, italic=run.italic, bold=run.bold)
    if not (run.raised or run.lowered):
        return inner
    source = joined(inner)
    if run.color != around:
        source = rf"\textcolor{{{_color(run.color)}}}{{{source}}}"
    script = rf"\{'up' if run.raised else 'down'}{{{_length(run.size)}}}{{{source}}}"
    return [Token(script, "raised" if run.raised else "lowered")]


def _family(face: str) -> str:
    lower = face.lower()
    return r"\ttfamily" if "mono" in lower or "courier" in lower else r"\sffamily" if "sans" in lower else ""


def _point(point: Point) -> str:
    return f"({_length(point[0])},{_length(point[1])})"


def _length(value: float) -> str:
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if shown in {"-0", ""} else shown
