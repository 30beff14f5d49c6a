"""A learner in a lesson: where they are, what they typed, what they are told. No terminal in sight."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minidl.errors import MinidlError

from ..lesson import Choice, Exercise, Lesson, Program
from . import workbench
from .answers import LETTERS
from .progress import Answer, Place
from .recording import Page, Recording, Snapshot

UNTOUCHED = "The file is still as it was given."
SHOW_AFTER = 2
"""Attempts after which the way to have the answer shown is mentioned."""
FILE = "a file"
"""What is recorded of an answer that was a file."""


@dataclass
class Session:
    """A lesson being taken.

    Attributes:
        lesson: the lesson.
        snapshots: its recorded steps; one that was not reached yet has not run.
        place: where the learner is and what was answered; changed as they go.
        index: the step that is shown, from 0.
        message: what the last answer or hint request led to.
    """

    lesson: Lesson
    snapshots: Recording
    place: Place
    index: int = 0
    message: str = field(default="", init=False)

    def __post_init__(self) -> None:
        self.go(self.place.step)

    @property
    def snapshot(self) -> Snapshot:
        """The step that is shown."""
        return self.snapshots[self.index]

    @property
    def answer(self) -> Answer:
        """What was answered at this step so far (an empty record where nothing was)."""
        return self.place.answers.get(self.snapshot.step.name, Answer())

    @property
    def open(self) -> bool:
        """Whether this step still waits for an answer."""
        return self.snapshot.step.question is not None and not self.answer.settled

    @property
    def file(self) -> Path | None:
        """The learner's file, where the step asks for one."""
        step = self.snapshot.step
        return workbench.path_of(self.lesson, step) if isinstance(step.question, Program) else None

    @property
    def figure(self) -> Any:
        """What the step has a figure of, as far as the answer may be known; None where there is none."""
        if self.page.art is not None:
            return self.page.art.value
        step = self.snapshot.step
        return self.snapshot.names[step.figure] if step.figure and not self.open else None

    @property
    def last(self) -> bool:
        """Whether this is the last step."""
        return self.index == len(self.snapshots) - 1

    @property
    def page(self) -> Page:
        """What the step shows at its present stage."""
        if self.snapshot.step.question is None or self.open:
            return self.snapshot.before
        answer = self.answer
        return self.snapshot.settled(answer.given[-1] if answer.right and answer.given else self.snapshot.correct)

    def go(self, index: int) -> None:
        """Show step `index`, or the nearest one there is."""
        self.index = min(max(index, 0), len(self.snapshots) - 1)
        self.message = self._recall()
        self.place.step = self.index
        self.place.furthest = max(self.place.furthest, self.index)
        self._finish()

    def next(self) -> None:
        """Go on: to the next step, or, where an answer is open, to a hint and then to the answer."""
        if self.open:
            self.skip()
        elif not self.last:
            self.go(self.index + 1)

    def back(self) -> None:
        """Go to the step before."""
        self.go(self.index - 1)

    def hint(self) -> None:
        """Give the weak hint, then the strong one; where no answer is open there is none to give."""
        if not self.open:
            return
        answer = self._record()
        answer.hints = min(answer.hints + 1, 2)
        more = "\n(? again for a stronger one)" if answer.hints == 1 else ""
        self.message = f"Hint: {self.snapshot.hints[answer.hints - 1]}{more}"

    def skip(self) -> None:
        """Without an answer: give a hint the first time, show the answer the next."""
        if self.answer.hints == 0:
            self.hint()
            self.message = f"Hint: {self.snapshot.hints[0]}\n({'→' if self.file else 'Enter again'} shows the answer)"
            return
        answer = self._record()
        answer.settled = True
        self.message = f"The answer is {self.answer_in_words()}."

    def submit(self, text: str) -> bool:
        """Take an answer; return whether it could be read as one."""
        if not text.strip():
            self.skip()
            return True
        try:
            verdict = self.snapshot.judge(text)
        except KeyboardInterrupt:  # an exercise may train, and a file may loop
            self.message = "Stopped. The answer has not been taken; nothing is lost."
            return False
        if not verdict.readable:
            self.message = verdict.say
            return False
        is_file = isinstance(self.snapshot.step.question, Program)
        answer = self._record()
        given = FILE if is_file else verdict.letter or text.strip()
        answer.given.append(given.encode("utf-8", "replace").decode("utf-8"))
        if verdict.settled:
            answer.settled, answer.right = True, verdict.right
            self.message = self._recall()
            return True
        key = "→" if is_file else "Enter alone"
        offer = f"\n({key} shows the answer)" if len(answer.given) >= SHOW_AFTER and answer.hints else ""
        said = "" if is_file else f"You said {text.strip().replace('-', '−')}. "
        self.message = f"{said}{verdict.say}{offer}"
        return True

    def prepare(self) -> None:
        """Write the learner's file to begin with, where the step asks for one and there is none yet."""
        if self.open and self.file is not None:
            try:
                workbench.prepare(self.lesson, self.snapshot.step)
            except OSError as error:
                why = error.strerror or error
                self.message = (
                    f"It cannot be written: {why}.\n(→ goes on without it; $MINIDL_STATE names another folder)"
                )

    def check(self) -> None:
        """Run the learner's file and say what came of it."""
        step = self.snapshot.step
        assert isinstance(step.question, Program)
        try:
            source = workbench.read(workbench.prepare(self.lesson, step))
        except (OSError, MinidlError) as error:
            self.message = f"The file cannot be read: {error}"
            return
        if source == workbench.source_of(self.lesson, step, step.question.file):
            if self.message.startswith(UNTOUCHED) or self.answer.hints:
                self.skip()
            else:
                self.message = f"{UNTOUCHED} Open it in your editor, write, save; then Enter."
            return
        self.submit(source)

    def said(self) -> list[tuple[str, str]]:
        """Return every answer that was given at this step, with what was said to it."""
        told = []
        for given in self.answer.given:
            shown, words = given, ""
            if not isinstance(self.snapshot.step.question, Program):
                verdict = self.snapshot.judge(given)
                words = verdict.say or ("right." if verdict.right else "")
                if verdict.letter:
                    shown = f"[{verdict.letter}] {self.snapshot.options[LETTERS.index(verdict.letter)]}"
            told.append((shown.replace("-", "−"), words))
        return told

    def answer_in_words(self) -> str:
        """The right answer as it is shown to a person."""
        question, text = self.snapshot.step.question, self.snapshot.correct.replace("-", "−")
        if isinstance(question, Program):
            return "below, one of many; your own file stays as it is"
        if isinstance(question, Choice):
            return f"[{text}] {self.snapshot.options[LETTERS.index(text)]}"
        if isinstance(question, Exercise):
            return f"{text}, for one"
        return text

    def score(self) -> tuple[int, int, int]:
        """Return how many questions there are, how many were answered rightly, and how many of these at once."""
        asked = [step.name for step in self.lesson.steps if step.question is not None]
        answers = [self.place.answers.get(name, Answer()) for name in asked]
        return len(asked), sum(a.right for a in answers), sum(a.at_once for a in answers)

    def stumbles(self) -> list[tuple[int, str, str]]:
        """Return the questions that were not found at once: the step's number, its name, what it took."""
        found = []
        for number, step in enumerate(self.lesson.steps, 1):
            answer = self.place.answers.get(step.name)
            if step.question is None or answer is None or answer.at_once or not (answer.given or answer.hints):
                continue
            tries, hints = len(answer.given), answer.hints
            parts = [f"{tries} tries" if tries > 1 else "", f"{hints} hint{'s' * (hints > 1)}" if hints else ""]
            parts.append("" if answer.right else "guessed otherwise" if tries else "shown")
            found.append((number, step.name, ", ".join(filter(None, parts))))
        return found

    def _record(self) -> Answer:
        return self.place.answers.setdefault(self.snapshot.step.name, Answer())

    def unanswered(self) -> list[int]:
        """Return the numbers (from 1) of the steps whose question is still open."""
        settled = {name for name, answer in self.place.answers.items() if answer.settled}
        return [
            k for k, step in enumerate(self.lesson.steps, 1) if step.question is not None and step.name not in settled
        ]

    def _finish(self) -> None:
        if self.last and not self.unanswered():
            self.place.finished = True

    def _recall(self) -> str:
        """Say what became of an answer that was given, when its step is shown (again)."""
        answer, question = self.answer, self.snapshot.step.question
        if question is None or not answer.settled:
            return ""
        if isinstance(question, Choice) and answer.given:
            verdict = self.snapshot.judge(answer.given[-1])
            if verdict.readable:
                said = self.snapshot.options[LETTERS.index(verdict.letter)]
                return f"You said: {said}. {verdict.say}"
        if isinstance(question, Program) and answer.right:
            return "Your file does what was asked. Another way to write it:"
        if answer.right and answer.given:
            return f"{answer.given[-1].replace('-', '−')}: right."
        return f"The answer is {self.answer_in_words()}."
