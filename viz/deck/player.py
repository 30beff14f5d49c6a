"""The player: one HTML page that shows a deck step by step, on a projector, on a phone, on paper, with or without a script."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from importlib import resources
from typing import TYPE_CHECKING, Final

from minidl.errors import UsageError

from ..drawing.dot import clean
from ..drawing.fonts import MATH_FONT
from ..drawing.svg import FALLBACKS, embedded_faces
from ..drawing.theme import Theme
from ..report.inline import inline
from .deck import LONGEST_NARRATION
from .judging import Question
from .pages import SvgPage, svg_pages
from .words import sentences

if TYPE_CHECKING:
    from .deck import Deck

ICONS: Final = {
    "first": "M2 2h2v12H2zM14 2v12L5 8z",
    "back": "M10.5 2 4.5 8l6 6 1.6-1.6L7.7 8l4.4-4.4z",
    "play": "M4 2v12l9-6z",
    "pause": "M3 2h4v12H3zM9 2h4v12H9z",
    "on": "M5.5 2l6 6-6 6-1.6-1.6L8.3 8 3.9 3.6z",
    "last": "M12 2h2v12h-2zM2 2v12l9-6z",
    "list": "M1 2h3v2H1zM6 2h9v2H6zM1 7h3v2H1zM6 7h9v2H6zM1 12h3v2H1zM6 12h9v2H6z",
    "words": "M1 2h14v9H8l-4 4v-4H1zM3 4v5h10V4z",
    "screen": "M1 1h5v2H3v3H1zM10 1h5v5h-2V3h-3zM1 10h2v3h3v2H1zM13 10h2v5h-5v-2h3z",
}

_MOST_DATA: Final = 1 << 20
_BOLD: Final = re.compile(r'<p class="(?:question|answer)"[^>]*>([^<]*)</p>')
_FAMILY: Final = html.escape(FALLBACKS)


def page(deck: Deck) -> str:
    """Return the player of a deck.

    Raises:
        MissingEngineError: there is no Graphviz.
        RenderError: Graphviz cannot draw a frame.
        UsageError: a colour of the theme is none.
    """
    colors = _colors(deck.theme)
    pages = svg_pages(deck, fonts=False)
    letters = "".join(re.findall(r"<text\b.*?</text>", "".join(page.content for page in pages), flags=re.DOTALL))
    frames = "\n".join(_frame(deck, index, page) for index, page in enumerate(pages))
    assets = resources.files(__package__)
    script = "".join(assets.joinpath(name).read_text(encoding="utf-8") for name in ("quiz.js", "player.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    pieces = {
        "title": _escaped(deck.title or "Deck", 200),
        "count": str(len(deck)),
        "scheme": "dark" if is_dark(deck.theme) else "light",
        "list": _list(deck),
        "frames": frames,
        "controls": _controls(),
        "script": script,
        "policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'",
    }
    template = assets.joinpath("player.html").read_text(encoding="utf-8")
    pieces["style"] = (
        _faces(letters, template + pieces["title"] + pieces["list"] + frames + _feedback(deck))
        + f":root {{ {colors} --width: {pages[0].width:g}; --height: {pages[0].height:g}; }}\n"
        + assets.joinpath("player.css").read_text(encoding="utf-8")
    )
    # In one go: what is put in is not searched again.
    return re.sub(r"\{\{(\w+)\}\}", lambda place: pieces[place[1]], template)


def is_dark(theme: Theme) -> bool:
    """Return whether a theme's paper is darker than its ink.

    >>> is_dark(Theme())
    False
    """
    return sum(bytes.fromhex(theme.paper[1:])) < sum(bytes.fromhex(theme.ink[1:]))


def _frame(deck: Deck, index: int, page: SvgPage) -> str:
    frame, number = deck.frames[index], index + 1
    svg = inline(page.content, f"f{number}-", f"frame {number}").replace(f' font-family="{_FAMILY}"', "")
    said = sentences(frame)
    # What is said often is the step, or the question: it is not written twice.
    words = "" if frame.question or frame.label in said else f'<h2 dir="auto">{_escaped(frame.label)}</h2>'
    if answer := deck.answer_before(index):
        words += f'<p class="answer" dir="auto">Answer: {_escaped(answer)}</p>'
    if frame.question:
        words += f'<p class="question" dir="auto">{_escaped(frame.question)}</p>'
    if said and said != frame.question:
        words += f'<p class="narration" dir="auto">{_escaped(said)}</p>'
    if frame.question and frame.quiz:
        words += _quiz(frame.quiz, number)
    elif frame.question:
        words += '<button type="button" class="reveal" data-key="ArrowRight">reveal <kbd>Enter</kbd></button>'
    asks = " asks" if frame.question else ""
    return (
        f'<section class="frame" id="{number}" data-seconds="{frame.seconds:g}" aria-label="step {number}">'
        f'<div class="picture">{svg}</div><div class="words{asks}">{words}</div></section>'
    )


def _quiz(question: Question, number: int) -> str:
    """The field for an answer, and, as data in an attribute, all that is needed to judge it."""
    data = _escaped(json.dumps(question.data(), ensure_ascii=False), _MOST_DATA)
    size = 24 if question.shape else 12
    return (
        f'<form class="quiz" data-quiz="{data}" autocomplete="off"><label for="answer-{number}">your answer</label>'
        f'<input id="answer-{number}" type="text" size="{size}" autocapitalize="off" autocorrect="off" spellcheck="false">'
        '<button type="submit">check <kbd>Enter</kbd></button><button type="button" class="hint">hint</button>'
        '<button type="button" data-key="ArrowRight">show me</button></form>'
        '<p class="feedback" role="status" dir="auto"></p>'
    )


def _list(deck: Deck) -> str:
    sections = []
    for part, first, end in deck.parts():
        items = "".join(_item(deck, index) for index in range(first, end))
        sections.append(f'<h2 dir="auto">{_escaped(part, 60)}</h2><ol start="{first + 1}">{items}</ol>')
    return "\n".join(sections)


def _item(deck: Deck, index: int) -> str:
    label = f"<span>{index + 1}</span><bdi>{_escaped(deck.frames[index].label)}</bdi>"
    return f'<li><a href="#{index + 1}">{label}</a></li>'


def _controls() -> str:
    def button(icon: str, label: str, key: str, more: str = "") -> str:
        picture = f'<svg viewBox="0 0 16 16" aria-hidden="true"><path fill-rule="evenodd" d="{ICONS[icon]}"/></svg>'
        return f'<button type="button" aria-label="{label}" title="{label}" data-key="{key}"{more}>{picture}</button>'

    return "\n".join(
        [
            button("list", "list of steps", "l", ' id="list-button" aria-controls="steps" aria-expanded="false"'),
            button("words", "narration", "n", ' id="words-button" aria-pressed="true"'),
            '<span class="gap"></span>',
            button("first", "first step", "Home", ' class="far"'),
            button("back", "step back", "ArrowLeft"),
            button("play", "play", "p", f' id="play" data-play="{ICONS["play"]}" data-pause="{ICONS["pause"]}"'),
            button("on", "next step", "ArrowRight"),
            button("last", "last step", "End", ' class="far"'),
            '<span class="gap"></span>',
            button("screen", "full screen", "f"),
            '<button type="button" aria-label="keys" title="keys" data-key="?">?</button>',
        ]
    )


def _colors(theme: Theme) -> str:
    colors = {
        "ink": theme.ink, "line": theme.line, "fill": theme.fill, "dim": theme.dim, "paper": theme.paper,
        "value": theme.value, "local": theme.local, "accent": theme.accent, "accent-fill": theme.accent_fill,
    }  # fmt: skip
    for name, value in colors.items():
        if not re.fullmatch("#[0-9a-fA-F]{6}", value):
            raise UsageError(f"the theme {theme.name!r} gives {name} the colour {value!r}; write colours as #rrggbb")
    rules = "".join(f"--{name}: {value}; " for name, value in colors.items())
    scheme = "dark" if is_dark(theme) else "light"
    return f"{rules}--letter: {theme.number_size}; color-scheme: {scheme};"


def _faces(pictures: str, body: str) -> str:
    """The fonts, once for all pictures and words: the letters that occur in each face."""
    words = html.escape("".join(sorted(set(html.unescape(re.sub(r"<[^>]*>", "", body)) + "0123456789"))))
    bold = html.escape("".join(sorted({*"0123456789", *html.unescape("".join(_BOLD.findall(body)))})))
    regular = f'<text font-family="{MATH_FONT}">{words}</text>'
    strong = f'<text font-family="{MATH_FONT}" font-weight="bold">{bold}</text>'
    return embedded_faces(pictures + regular + strong) + "\n"


def _feedback(deck: Deck) -> str:
    """All that may be said to an answer: it must have letters too."""
    said = [json.dumps(frame.quiz.data(), ensure_ascii=False) for frame in deck if frame.quiz]
    return html.escape("".join(said)) + '<p class="answer">Right:</p>' * bool(said)


def _escaped(text: str, limit: int = LONGEST_NARRATION) -> str:
    return html.escape(clean(text, limit))
