"""`minidl draw … --quiz`: both passes step by step in the terminal, each number asked for before it is shown."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from viz.deck.deck import Deck
    from viz.deck.judging import Question

INTERRUPTED: Final = 130
KEYS: Final = "Type a number. Enter alone shows the answer, ? gives a hint, q quits."
PROMPT: Final = "  answer: "

Ask = Callable[[str], str]
"""Shows a prompt and returns the line that was typed; raises EOFError when there is no more."""


def take(deck: Deck, ask: Ask | None = None, console: Console | None = None) -> int:
    """Ask for every number of a deck that was made with `predict`.

    Args:
        deck: the steps and their questions.
        ask: shows a prompt and returns the line that was typed; by default the keyboard, or a pipe.
        console: where to write.

    Returns:
        The exit status: 0 at the end and after `q`, 130 after Ctrl-C.
    """
    console = console or Console(highlight=False, markup=False, emoji=False)
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # what cannot be decoded cannot be read either, and that can be said
    quiz = Quiz(deck, ask or read_line, console)
    try:
        quiz.run()
    except EOFError:  # Ctrl-D, or the end of a pipe
        console.print()
    except KeyboardInterrupt:
        console.print()
        quiz.tell_score()
        return INTERRUPTED
    quiz.tell_score()
    return 0


def read_line(prompt: str) -> str:
    """Read a line from the keyboard; what comes through a pipe is repeated, as a terminal does.

    Raises:
        EOFError: there is no more.
    """
    if sys.stdin is None:  # it was closed before minidl began
        raise EOFError
    text = input(prompt)
    if not sys.stdin.isatty():
        print(text)
    return text


class Quiz:
    """One run through the questions.

    Attributes:
        asked: how many questions there are.
        at_once: how many were answered right at once.
        later: how many were answered right in the end.
        shown: how many were shown.
    """

    def __init__(self, deck: Deck, ask: Ask, console: Console) -> None:
        from viz.drawing.theme import TERMINAL

        self.deck = deck
        self.ask = ask
        self.console = console
        self.styles = TERMINAL
        self.asked = sum(frame.quiz is not None for frame in deck)
        self.at_once = self.later = self.shown = 0

    def run(self) -> None:
        """Tell the steps and ask the questions, until the end or until `q`.

        Raises:
            EOFError: there are no more answers.
        """
        self._say(f"{self.deck.title}: {_counted(self.asked, 'question')}.", "")
        self._say(KEYS, "line")
        part = ""
        for frame in self.deck:
            if frame.part != part:
                part = frame.part
                self.console.print()
                self._say(f"{part} pass", "line")
            if frame.quiz is not None:
                if not self._put(frame.quiz):
                    return
            elif not frame.question:
                self._say(f"  {frame.step}", "value" if part == "forward" else "gradient")

    def tell_score(self) -> None:
        """Print the score in one line."""
        done = self.at_once + self.later + self.shown
        head = _counted(self.asked, "question") if done == self.asked else f"{done} of {self.asked} questions"
        parts = [f"{self.at_once} right at once"]
        if self.later:
            parts.append(f"{self.later} right in the end")
        if self.shown:
            parts.append(f"{self.shown} shown")
        self.console.print()
        self._say(f"{head}: {', '.join(parts)}.", "accent")

    def _put(self, question: Question) -> bool:
        """Ask one question until it is settled; return whether to go on."""
        self._say(question.prompt, "accent")
        first = True
        while True:
            text = self.ask(PROMPT).strip()
            if text.lower() in ("q", "quit"):
                return False
            if text == "":
                self.shown += 1
                return True
            if text == "?":
                self._say(f"  {question.hint}", "local")
                continue
            verdict = question.judge(text)
            if verdict.right:
                self.at_once += first
                self.later += not first
                self._say("  Right.", "value")
                return True
            first = first and not verdict.readable
            self._say(f"  {verdict.say}", "")

    def _say(self, text: str, role: str) -> None:
        indent = len(text) - len(text.lstrip())
        for line in Text(text.strip()).wrap(self.console, max(self.console.width - indent, 20)):
            line.rstrip()
            self.console.print(Text(" " * indent).append_text(line), style=self.styles.get(role, ""))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
