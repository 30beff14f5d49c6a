"""What is said in a deck, as a text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..drawing.dot import clean
from .deck import LONGEST_NARRATION

if TYPE_CHECKING:
    from .deck import Deck, Frame

_MARKUP: Final = re.compile(r"<(?=[A-Za-z/!?])|(?<=\])\(|&(?=#?\w+;)")
"""What would begin a tag, a link or an entity where a name holds it: Markdown would obey it."""


def sentences(frame: Frame) -> str:
    """Return what is said at a frame, on one line."""
    return clean(frame.narration, LONGEST_NARRATION).strip()


def narration(deck: Deck) -> str:
    """Return what the speaker says, frame by frame, as Markdown."""
    paragraphs = [f"# {clean(deck.title or 'Deck')}"]
    if deck.text:
        paragraphs.append(clean(deck.text, LONGEST_NARRATION))
    for part, first, end in deck.parts():
        paragraphs.append(f"## {clean(part)}")
        for index in range(first, end):
            frame = deck.frames[index]
            paragraphs.append(f"**{index + 1}. {frame.label}**")
            if answer := deck.answer_before(index):
                paragraphs.append(f"Answer: {clean(answer)}")
            if frame.question:
                paragraphs.append(f"Question: {clean(frame.question, LONGEST_NARRATION)}")
            if frame.narration and frame.narration != frame.question:
                paragraphs.append(sentences(frame))
    return "\n\n".join(_MARKUP.sub(r"\\\g<0>", paragraph) for paragraph in paragraphs)
