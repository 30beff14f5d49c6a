"""The whole screen: settings, plane and weights beside each other, losses below. Pure: a session in, rows out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate, zip_longest
from typing import Final

from rich.text import Text

from tutorials.text import number, wrap

from .curves import bars
from .dials import Dial, dials, groups
from .plane import MARKS, POINTS_SHOWN, boundary
from .session import Session
from .settings import POINTS
from .weights import weights

PANEL: Final = 20
"""Columns of the settings."""
WEIGHTS: Final = 23
"""Columns of the weights, where there is room for them; they take what is left over, too."""
LOWEST, NARROWEST = 16, 60
WITH_WEIGHTS: Final = 80
TALL: Final = 34
"""Rows from which on the losses get more than one."""

KEYS: Final = " space pause  s step  r reset  ↑↓←→ settings  c share  p picture  ? help  q quit"

HELP: Final = """\
space   pause, or go on                s   train for one epoch, and pause
r       begin afresh, same seed        + − more or fewer epochs a picture
↑ ↓     choose a setting               ← → change it
1 2 3 4 circle, xor, gauss, spiral     v   training points, test points, none
c       this state as a command line   p   save the plane as an SVG
?       this page                      q   quit, and print the command line

The network sees a point's inputs and says which class it is of: blue and
● for one, orange and × for the other (in shades: full and empty). Where it
cannot tell, the plane is white. The test points it never learns from.

Learning rate, penalty, its strength and the batch change at once. All
else makes another network, or other points, and begins at epoch 0.

Try spiral (4) as it is. Then give it x1², x2² and the sines, or 8 units
a layer. Then circle (1) with one hidden layer of 1, 2 and 3 units."""


@dataclass
class View:
    """What the screen shows besides the session.

    Attributes:
        selected: the row of the settings that the arrows are at.
        runs: whether the network is learning.
        pace: epochs between two pictures.
        points: which points are shown, an index into `POINTS_SHOWN`.
        message: the latest news.
        page: lines shown instead of everything else; none if empty.
        colour: whether there are enough colours for a plane; it is shaded else.
    """

    selected: int = 0
    runs: bool = True
    pace: int = 1
    points: int = 0
    message: str = ""
    page: tuple[str, ...] = ()
    colour: bool = True


def frame(session: Session, view: View, width: int, height: int) -> list[Text]:
    """Lay out the screen: exactly `height` rows, none wider than `width`."""
    if not fits(width, height):
        words = f"This window is {width}×{height}; the playground needs {NARROWEST}×{LOWEST}. Enlarge it, or press q."
        rows = [Text(line) for line in wrap(words, max(width - 1, 8))]
    elif view.page:
        rows = [Text(f" {line}") for line in ("", *view.page, "", "Any key goes back.")]
    else:
        deep = 3 if height >= TALL else 1
        body = height - 3 - 2 * deep
        news = Text(f" {view.message}", "bold yellow")
        rows = [_title(session, view, width), *_body(session, view, width, body), *_losses(session, width, deep)]
        rows += [news, Text(KEYS, "dim")]
    rows = [*rows, *[Text()] * height][:height]
    for row in rows:
        row.truncate(width)
    return rows


def fits(width: int, height: int) -> bool:
    """Whether a window has room for the playground."""
    return width >= NARROWEST and height >= LOWEST


def _title(session: Session, view: View, width: int) -> Text:
    settings = session.settings
    count = len(settings.inputs)
    chain = " → ".join(map(str, (*settings.layers, 1)))
    left = f" Playground   {count} input{'s' * (count > 1)} → {chain}"
    pace = f" ×{view.pace}" if view.pace > 1 else ""
    right = f"epoch {number(session.epoch)}   {'running' + pace if view.runs else 'paused'} "
    return Text(left.ljust(width - len(right)) + right, "bold")


def _body(session: Session, view: View, width: int, height: int) -> list[Text]:
    """The settings, the plane with its key below it, and the weights."""
    room = width - PANEL - 2 - (WEIGHTS + 1 if width >= WITH_WEIGHTS else 0)
    columns = min(room, 2 * (height - 1)) // 2 * 2
    shown = POINTS_SHOWN[view.points]
    plane = boundary(session.network, columns, shown, view.colour)
    plane.append(Text(f"{MARKS[1]} 1  {MARKS[-1]} −1   {_count(session, shown)}", "dim"))
    beside: list[Text] = []
    if width >= WITH_WEIGHTS:
        beside = weights(session, width - PANEL - columns - 3, height, view.colour)
    panel = _panel(session, view, height)
    rows = []
    for left, middle, right in zip_longest(panel, plane, beside[:height], fillvalue=Text()):
        row = Text().append_text(left)
        row.pad_right(PANEL + 2 - row.cell_len)
        row.append_text(middle)
        row.pad_right(PANEL + 2 + columns + 1 - row.cell_len)
        rows.append(row.append_text(right))
    return [*rows, *[Text()] * height][:height]


def _count(session: Session, shown: str) -> str:
    cut = session.network.cut
    return f"{ {'training': f'{cut} ', 'test': f'{POINTS - cut} '}.get(shown, '') }{shown} points"


def _panel(session: Session, view: View, height: int) -> list[Text]:
    """The settings, as many as there is room for, the chosen one among them; set apart by kind if that has room, too."""
    rows = [_setting(dial, k == view.selected) for k, dial in enumerate(dials(session.settings))]
    kinds = groups(session.settings)
    if len(rows) + len(kinds) - 1 <= height:
        for end in reversed([len(above) for above in accumulate(kinds)][:-1]):
            rows.insert(end, Text())
        return rows
    first = min(max(0, view.selected - height + 2), max(0, len(rows) - height))
    return rows[first : first + height]


def _setting(dial: Dial, chosen: bool) -> Text:
    text = f"{'▸' if chosen else ' '} {dial.label:<10} {dial.shown:<{PANEL - 13}}"
    return Text().append(text, "bold reverse" if chosen else "")


def _losses(session: Session, width: int, deep: int) -> list[Text]:
    """Two curves on one scale: the points learnt from, and those that test."""
    top = max((loss for pair in session.history for loss in pair if math.isfinite(loss)), default=1.0)
    rows = []
    for k, (name, right) in enumerate(zip(("train", "test"), session.network.right(), strict=True)):
        label = f" {name:<5} {session.history[-1][k]:.4f}  {right:4.0%}"
        curve = bars([pair[k] for pair in session.history], width - PANEL - 4, deep, top)
        labels = [label, *["" for _ in curve[1:]]]
        rows += [Text(f"{a:<{PANEL + 2}}{b}") for a, b in zip(labels, curve, strict=True)]
    return rows
