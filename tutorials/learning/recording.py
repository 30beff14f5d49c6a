"""Running a lesson's steps as they are reached and keeping what each showed, so that going back is free."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, overload

import minidl
from minidl.errors import DataError
from viz.drawing.theme import LIGHT, Theme, drawn_in, theme_named, usual_theme

from ..drawing.art import Art, drawable
from ..drawing.picture import Drawing, draw
from ..lesson import Choice, Circuit, Exercise, Lesson, Pick, Picture, Program, Step
from ..text import fill, show, wrap
from . import answers


@dataclass(frozen=True)
class Page:
    """What a step shows at one stage, all of it fixed.

    Attributes:
        code: the code that ran at this stage.
        output: what that code printed.
        drawing: the circuit, or None.
        text: the sentences of this stage.
        art: the picture that is no circuit, or None.
    """

    code: tuple[str, ...]
    output: tuple[str, ...]
    drawing: Drawing | None
    text: tuple[str, ...]
    art: Art | None = None

    @property
    def spoken(self) -> tuple[str, ...]:
        """The picture in words."""
        return (self.drawing.spoken if self.drawing else ()) + ((self.art.say,) if self.art else ())


@dataclass(frozen=True)
class Snapshot:
    """One step of a lesson as it was recorded.

    Attributes:
        step: the step.
        before: what is shown at first.
        after: what is shown once the question is answered; for a step that asks nothing, the same as `before`.
        ask: the question's lines.
        options: the texts of a choice.
        hints: the weak and the strong hint.
        names: the names of the lesson's code once the whole step has run.
        correct: what one types to answer correctly; "" where nothing is asked.
        sketches: the pictures of a `Pick`, one an option.
        theme: the colours of its figures.

    Answers are judged once: an exercise may train, and its step is drawn at every key.
    """

    step: Step
    before: Page
    after: Page
    ask: tuple[str, ...]
    options: tuple[str, ...]
    hints: tuple[str, ...]
    names: Mapping[str, Any]
    correct: str
    sketches: tuple[Art, ...] = ()
    theme: Theme = field(default_factory=usual_theme)
    _verdicts: dict[str, answers.Verdict] = field(default_factory=dict, repr=False, compare=False)
    _settled: dict[str, Page] = field(default_factory=dict, repr=False, compare=False)

    def judge(self, text: str) -> answers.Verdict:
        """Judge an answer to this step's question; a file is run again each time, as its learner expects."""
        assert self.step.question is not None
        if isinstance(self.step.question, Program):
            return answers.judge(self.step.question, text, self.names)
        if text not in self._verdicts:
            with drawn_in(self.theme):
                self._verdicts[text] = answers.judge(self.step.question, text, self.names)
        return self._verdicts[text]

    def settled(self, text: str) -> Page:
        """Return what is shown once `text` has settled the question; an exercise shows what that very answer did."""
        if not isinstance(self.step.question, Exercise):
            return self.after
        if text not in self._settled:
            with drawn_in(self.theme):
                self._settled[text] = self._after(text)
        return self._settled[text]

    def _after(self, text: str) -> Page:
        assert isinstance(self.step.question, Exercise)
        verdict = self.judge(text)
        if not verdict.settled:
            return self.after
        page = page_of(self.step, "", verdict.names, self.step.reveal, answered=True)
        value = f"{self.step.question.name} = {show(verdict.names[self.step.question.name]).replace('−', '-')}"
        return replace(page, code=(value, *_lines(self.step.question.code)))


class Recording(Sequence[Snapshot]):
    """A lesson's steps; each runs when it is first asked for, after all those before it.

    Attributes:
        lesson: the lesson.
        theme: the colours of its figures.
        during: given a step's number, what surrounds its run: a word to a learner who waits, say.
    """

    def __init__(self, lesson: Lesson, theme: Theme = LIGHT) -> None:
        self.lesson = lesson
        self.theme = theme
        self.during: Callable[[int], contextlib.AbstractContextManager[None]] = lambda number: contextlib.nullcontext()
        self._names: dict[str, Any] = {}
        self._done: list[Snapshot] = []
        self._random = _Randomness()

    def __len__(self) -> int:
        return len(self.lesson.steps)

    @overload
    def __getitem__(self, index: int) -> Snapshot: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Snapshot, ...]: ...
    def __getitem__(self, index: int | slice) -> Snapshot | tuple[Snapshot, ...]:
        if isinstance(index, slice):
            return tuple(self[k] for k in range(*index.indices(len(self))))
        if index < 0 or index >= len(self):
            raise IndexError(index)
        if index >= len(self._done):
            with self._random, drawn_in(self.theme):
                while len(self._done) <= index:
                    step = self.lesson.steps[len(self._done)]
                    where = f"<{self.lesson.name}, step {len(self._done) + 1}>"
                    with self.during(len(self._done) + 1):
                        self._done.append(_told(step, self._names, where))
        return self._done[index]


class _Randomness:
    """The random numbers of one recording: the same every time, whatever else draws some meanwhile."""

    def __init__(self) -> None:
        outside = minidl.default_generator.get_state()
        minidl.manual_seed(0)
        self._inside = minidl.default_generator.get_state()
        minidl.default_generator.set_state(outside)

    def __enter__(self) -> None:
        self._outside = minidl.default_generator.get_state()
        minidl.default_generator.set_state(self._inside)

    def __exit__(self, *error: object) -> None:
        self._inside = minidl.default_generator.get_state()
        minidl.default_generator.set_state(self._outside)


def fresh_randomness() -> contextlib.AbstractContextManager[None]:
    """Random numbers from the beginning, as a recording starts; those outside go on afterwards where they were."""
    return _Randomness()


def record(lesson: Lesson, theme: str | Theme = LIGHT) -> Recording:
    """Return a recording of a lesson, of which no step has run yet.

    Raises:
        UsageError: there is no theme of that name.
    """
    return Recording(lesson, theme_named(theme))


def _told(step: Step, names: dict[str, Any], where: str) -> Snapshot:
    """Run one step; where it fails, say so to the person who writes the lesson.

    Raises:
        DataError: the step's code, or one of its expressions or sentences, does not run.
    """
    try:
        return _record_step(step, names, where)
    except Exception as error:
        raise DataError(f"{where.strip('<>')} ({step.name}) does not run: {type(error).__name__}: {error}") from error


def _record_step(step: Step, names: dict[str, Any], where: str) -> Snapshot:
    """Run one step; `names` goes on to the next one, without what an exercise tried out."""
    output = _run(step.code, names, where)
    question = step.question
    before = page_of(step, output, names, step.say, answered=question is None)
    if question is None:
        return Snapshot(step, before, before, (), (), (), dict(names), "")
    ask = _sentences(question.ask, names)
    options = tuple(fill(o.text, names) for o in question.options) if isinstance(question, Choice) else ()
    sketches = _sketches(question, names) if isinstance(question, Pick) else ()
    then_output = _run(step.then, names, where)
    known = dict(names)
    correct = answers.correct(question, known)
    if isinstance(question, Exercise):
        # What is shown for the example stands in until the learner's own answer has been run.
        tried = answers.judge(question, correct, known).names
        after = page_of(step, then_output, tried, step.reveal, answered=True)
        value = f"{question.name} = {show(tried[question.name]).replace('−', '-')}"
        after = replace(after, code=(value, *_lines(question.code)))
    else:
        after = page_of(step, then_output, names, step.reveal, answered=True)
        after = replace(after, code=_lines(question.solution if isinstance(question, Program) else step.then))
    hints = tuple(fill(hint, known) for hint in question.hints)
    return Snapshot(step, before, after, ask, options, hints, known, correct, sketches)


def _sketches(question: Pick, names: Mapping[str, Any]) -> tuple[Art, ...]:
    return tuple(Art(drawable(names[o.picture]), fill(o.text, names), question.rows) for o in question.options)


def page_of(step: Step, output: str, names: Mapping[str, Any], text: tuple[str, ...], answered: bool) -> Page:
    """What a step shows with these names."""
    picture = step.picture
    drawing = draw(picture, names, answered) if isinstance(picture, Circuit) else None
    art = None
    if isinstance(picture, Picture) and picture.of in names:
        art = Art(drawable(names[picture.of]), fill(picture.say, names), picture.rows)
    return Page(_lines(step.code), tuple(output.splitlines()), drawing, _sentences(text, names), art)


def _run(code: str, names: dict[str, Any], where: str) -> str:
    """Run a piece of a lesson's code and return what it printed."""
    if not code:
        return ""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code.strip("\n"), where, "exec"), names)
    return printed.getvalue()


def _lines(code: str) -> tuple[str, ...]:
    return tuple(code.strip("\n").splitlines())


def _sentences(templates: tuple[str, ...], names: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(line for template in templates for line in wrap(fill(template, names)))
