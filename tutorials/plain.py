"""Taking a lesson line by line, without cursor movement, colour or boxes: for screen readers, pipes and CI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TextIO

from . import figures
from .answers import LETTERS
from .runner import Save
from .session import Session
from .text import MEASURE, WIDTH, wrap

Ask = Callable[[str], str]
"""Shows a prompt and returns the line that was typed; raises EOFError when there is no more."""

HELP = "Enter: on.  p: back.  ?: hint.  r: the code so far.  f: save the figure, if any.  g 5: go to step 5.  q: quit."


class Plain:
    """A lesson as lines of text.

    Attributes:
        session: the learner's place in the lesson.
    """

    def __init__(self, session: Session, out: TextIO, save: Save, width: int = WIDTH) -> None:
        self.session = session
        self.out = out
        self.save = save
        self.measure = min(MEASURE, max(width - 1, 20))

    def say(self, *lines: str) -> None:
        """Write sentences, broken where they are too long for the terminal, without the marks of emphasis."""
        for line in lines:
            for piece in wrap(line.replace("*", ""), self.measure):
                print(piece, file=self.out)
        self.out.flush()

    # A learner at the keyboard --------------------------------------------------------------------------------------

    def take(self, ask: Ask) -> None:
        """Take the lesson with a person who types lines.

        Raises:
            KeyboardInterrupt: Ctrl-C; the place is saved first.
        """
        self.say(HELP)
        try:
            self.tell_step()
            while self._listen(ask):
                self.save()
        except EOFError:
            self.say("")
        finally:
            self.save()

    def _listen(self, ask: Ask) -> bool:
        """Take one line and do what it says; return whether to go on."""
        session = self.session
        asking = session.open
        text = ask("Answer: " if asking else "Enter to finish: " if session.last else "Enter to go on: ").strip()
        word, _, rest = text.lower().partition(" ")
        if word in ("q", "quit"):
            return False
        if word in ("p", "back"):
            session.back()
            self.tell_step()
        elif word in ("g", "go") and rest.isdecimal():
            session.go(int(rest) - 1)
            self.tell_step()
        elif word in ("?", "hint"):
            session.hint()
            self.say(session.message if asking else "No answer is open here.")
        elif word in ("r", "code"):
            self.tell_code()
        elif word in ("f", "figure") and session.snapshot.step.figure and not asking:
            self.say(figures.save(session))
        elif asking:
            session.submit(text)
            self.tell_outcome()
        elif text:
            self.say(HELP)
        elif session.last:
            return False
        else:
            session.next()
            self.tell_step()
        return True

    # Unattended -----------------------------------------------------------------------------------------------------

    def play(self, answers: Iterator[str] | None = None) -> None:
        """Play the lesson from its first step, with the given answers, or the right ones where none are given.

        Once the given answers have run out, the rest is shown as to a learner who skips.
        """
        session = self.session
        self.tell_step()
        while True:
            if session.open:
                text = session.snapshot.correct if answers is None else next(answers, "")
                self.say(f"Answer: {text}".rstrip())
                session.submit(text)
                self.tell_outcome()
            elif session.last:
                return
            else:
                if session.snapshot.step.figure:
                    self.say(figures.save(session))
                session.go(session.index + 1)
                self.tell_step()

    # What is told ---------------------------------------------------------------------------------------------------

    def tell_step(self) -> None:
        """Tell the present step: its place, its code, its picture in words, its sentences, its question."""
        session, before = self.session, self.session.snapshot.before
        self.say("", f"{session.lesson.title}. Step {session.index + 1} of {len(session.snapshots)}.", "")
        self._tell_code(before.code, before.output)
        self.say(*before.text)
        if before.drawing:
            self.say("The circuit:", *(f"  {sentence}" for sentence in before.drawing.spoken))
        if session.snapshot.step.question is None:
            return
        self.say(*session.snapshot.ask)
        self.say(*(f"  {LETTERS[k]}: {text}" for k, text in enumerate(session.snapshot.options)))
        if not session.open:
            self.tell_outcome()

    def tell_outcome(self) -> None:
        """Tell what an answer led to and, when it settled the question, what follows."""
        session = self.session
        self.say(session.message)
        if session.open:
            return
        page = session.page
        self._tell_code(page.code, page.output)
        self.say(*page.text)
        if page.drawing:
            self.say("The circuit now:", *(f"  {sentence}" for sentence in page.drawing.spoken))

    def tell_code(self) -> None:
        """Tell all the code that has run, up to this step."""
        for snapshot in self.session.snapshots[: self.session.index + 1]:
            self._tell_code(snapshot.before.code, snapshot.before.output)
            if snapshot.after is not snapshot.before and snapshot is not self.session.snapshot:
                self._tell_code(snapshot.after.code, snapshot.after.output)

    def _tell_code(self, code: tuple[str, ...], output: tuple[str, ...]) -> None:
        if code:
            self.say("Code:")
            for line in code:
                print(f"    {line}", file=self.out)
        if output:
            self.say("It prints:")
            for line in output:
                print(f"    {line}", file=self.out)
