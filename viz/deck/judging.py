"""Judging an answer: right, understood, or tried out. `quiz.js` does the same in a page, with the same words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ..drawing.notation import number
from .reading import flat, read_numbers

TOLERANCE: Final = 1e-3
"""The relative error that is still right: figures print four digits."""

WRITTEN_IN_FULL: Final = 1e5
"""Whole numbers below this are printed in full, so that all their digits count."""

NEAR: Final = 0.02
"""The relative error at which an answer was only rounded too early."""

WORDS: Final[Mapping[str, str]] = {
    "unreadable": "That cannot be read as a number. Write it like −0.5, 1/2 or 1e-3.",
    "unreadable_array": "That cannot be read. Write {size} numbers with spaces between, or with brackets, as in {example}.",
    "comma": "One number is asked; write it with a point, like 0.5.",
    "count": "{given} given; {asked} asked.",
    "shape": "The numbers are right, but not their shape: {shape} is asked.",
    "near": "Near, but not near enough: work it out to more digits.",
    "entry": "All but one fit: look again at {places}.",
    "entries": "{places} fit; the rest does not.",
    "factor": "The entries stand in the right proportion to each other, but one factor, the same for all, is wrong.",
    "trial": "If it were so, moving {name} by {by} would move {root} by {claim}; it moves by {moved}.",
}
"""What is said where no slip of the step is recognized; the names in braces are filled in."""

Nested = Any
"""A number, or a list of such."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A wrong answer that is understood.

    Attributes:
        value: the wrong answer.
        say: what to say to the person who gave it.
    """

    value: Nested
    say: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What happened when one number was moved a little and everything after it was computed again.

    Attributes:
        by: how far it was moved.
        moved: how far the result moved.
    """

    by: float
    moved: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an answer.

    Attributes:
        right: whether it was right.
        say: what to say about it; nothing where it was right.
        readable: whether it could be read at all; if not, it is no attempt.
    """

    right: bool
    say: str = ""
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """A number, or a small array, that is asked for before it is shown.

    Attributes:
        prompt: the question.
        answer: the right answer: a number, or nested lists.
        diagnoses: the wrong answers that are understood, the more common slip first.
        hint: what helps without giving the answer away.
        otherwise: what is said to a wrong answer that nobody foresaw and that cannot be tried out.
        noise: numbers smaller than this are zeros that rounding has left.
        root: what is differentiated, as the trials name it.
        moving: what the trials move: the number whose gradient is asked, or the first of them.
        trials: what moving it did, in steps from large to small; empty where nobody tried.

    >>> question = Question("What does × send back to q?", -4.0, (Diagnosis(4.0, "Right but for the sign."),))
    >>> question.judge("−4").right, question.judge("4").say
    (True, 'Right but for the sign.')
    """

    prompt: str
    answer: Nested
    diagnoses: tuple[Diagnosis, ...] = ()
    hint: str = ""
    otherwise: str = "That is not it."
    noise: float = 0.0
    root: str = ""
    moving: str = ""
    trials: tuple[Trial, ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the answer."""
        return np.shape(self.answer)

    def judge(self, text: str) -> Verdict:
        """Judge what a person typed.

        Args:
            text: such as `-0.5`, `−0.5`, `1/2`, `1e-3`, `[−1, 4]`, `-1 4`, `[[−1, 1], [4, −4]]`, `-1 1; 4 -4`.
        """
        typed = read_numbers(text)
        if typed is None:
            return Verdict(False, self._unreadable(), readable=False)
        wanted, given = flat(self.answer), typed.numbers
        hits = [close(g, a, self.noise) for g, a in zip(given, wanted, strict=False)]
        if len(given) == len(wanted) and all(hits):
            fits = _fits(typed.shape, self.shape)
            return Verdict(fits, "" if fits else _fill(WORDS["shape"], {"shape": _shape_words(self.shape)}))
        for diagnosis in self.diagnoses:
            numbers = flat(diagnosis.value)
            same = len(numbers) == len(given) and _fits(typed.shape, np.shape(diagnosis.value))
            if same and all(close(g, a) for g, a in zip(given, numbers, strict=True)):
                return Verdict(False, diagnosis.say)
        if len(given) != len(wanted):
            decimal = not self.shape and re.fullmatch(r"\s*[+−-]?[0-9]+,[0-9]+\s*", text)
            words = {"given": _numbers(len(given)), "asked": _numbers(len(wanted))}
            return Verdict(False, _fill(WORDS["comma" if decimal else "count"], words), readable=False)
        return Verdict(False, self._unforeseen(given, wanted, hits))

    def data(self) -> dict[str, Any]:
        """Return what `quiz.js` needs, as plain data for JSON."""
        return {
            "shape": list(self.shape),
            "answer": _plain(self.answer),
            "noise": self.noise,
            "tolerance": TOLERANCE,
            "near": NEAR,
            "full": WRITTEN_IN_FULL,
            "diagnoses": [{"value": _plain(d.value), "shape": list(np.shape(d.value)), "say": d.say} for d in self.diagnoses],
            "hint": self.hint,
            "otherwise": self.otherwise,
            "root": self.root,
            "moving": self.moving,
            "trials": [[trial.by, trial.moved] for trial in self.trials],
            "places": [place(index, self.shape) for index in np.ndindex(self.shape)],
            "words": {
                **{key: WORDS[key] for key in ("comma", "count", "near", "entry", "entries", "factor", "trial")},
                "unreadable": self._unreadable(),
                "shape": _fill(WORDS["shape"], {"shape": _shape_words(self.shape)}),
            },
        }  # fmt: skip

    def _unreadable(self) -> str:
        if not self.shape:
            return WORDS["unreadable"]
        zeros = np.arange(np.prod(self.shape)).reshape(self.shape).tolist()
        return _fill(WORDS["unreadable_array"], {"size": str(np.size(self.answer)), "example": str(zeros)})

    def _unforeseen(self, given: Sequence[float], wanted: Sequence[float], hits: Sequence[bool]) -> str:
        if all(hit or _near(g, a) for g, a, hit in zip(given, wanted, hits, strict=True)):
            return WORDS["near"]
        places = [place(index, self.shape) for index in np.ndindex(self.shape)]
        missed = [place for place, hit in zip(places, hits, strict=True) if not hit]
        if len(wanted) > 1 and len(missed) == 1:
            return _fill(WORDS["entry"], {"places": missed[0]})
        if len(wanted) > 1 and _proportional(given, wanted, self.noise):
            return WORDS["factor"]
        if any(hits):
            fit = ", ".join(place for place, hit in zip(places, hits, strict=True) if hit)
            return _fill(WORDS["entries"], {"places": fit[0].upper() + fit[1:]})
        return self._tried(given[0], wanted[0])

    def _tried(self, given: float, wanted: float) -> str:
        """Say what would follow if the first number were right, and what follows in truth."""
        for trial in self.trials:
            claim, moved = number(given * trial.by), number(trial.moved)
            told_apart = abs(given * trial.by - trial.moved) > 4 * abs(wanted * trial.by - trial.moved)
            if told_apart and claim != moved:
                names = {
                    "name": self.moving,
                    "by": number(trial.by),
                    "root": self.root,
                    "claim": claim,
                    "moved": moved,
                }
                return _fill(WORDS["trial"], names)
        return self.otherwise


def close(given: float, wanted: float, noise: float = 0.0) -> bool:
    """Whether two numbers are the same to the digits that a figure prints.

    >>> close(0.54, 0.5403), close(0.5, 0.5403), close(float("nan"), float("nan")), close(1999.0, 2000.0)
    (True, False, True, False)
    """
    if math.isnan(wanted) or math.isinf(wanted):
        return given == wanted or (math.isnan(given) and math.isnan(wanted))
    if given.is_integer() and wanted.is_integer() and abs(wanted) < WRITTEN_IN_FULL:
        return given == wanted
    return abs(given - wanted) <= max(TOLERANCE * abs(wanted), noise)


def _near(given: float, wanted: float) -> bool:
    return abs(given - wanted) <= NEAR * abs(wanted) < math.inf


def _fits(given: tuple[int, ...] | None, asked: tuple[int, ...]) -> bool:
    """Whether a shape is the one asked for; a vector may be written as a row or as a column."""
    if given is None or given == asked:
        return True
    alike = [size for size in given if size != 1] == [size for size in asked if size != 1]
    return alike and (len(given) < 2 or len(asked) < 2)


def _proportional(given: Sequence[float], wanted: Sequence[float], noise: float) -> bool:
    pairs = [(g, a) for g, a in zip(given, wanted, strict=True) if abs(a) > noise or g != 0]
    if len(pairs) < 2 or any(a == 0 or g == 0 for g, a in pairs):
        return False
    ratio = pairs[0][0] / pairs[0][1]
    return all(close(g, a * ratio) for g, a in pairs)


def place(index: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """Say where an entry stands.

    >>> place((1, 0), (2, 2)), place((2,), (3,))
    ('row 2, column 1', 'entry 3')
    """
    if len(shape) == 2:
        return f"row {index[0] + 1}, column {index[1] + 1}"
    return "entry " + ", ".join(str(i + 1) for i in index)


def _shape_words(shape: tuple[int, ...]) -> str:
    if len(shape) < 2:
        return f"a vector of {shape[0]}" if shape else "one number"
    return "×".join(map(str, shape))


def _numbers(count: int) -> str:
    return f"{count} number is" if count == 1 else f"{count} numbers are"


def _fill(template: str, names: Mapping[str, str]) -> str:
    """Fill in names; what is filled in is not searched again."""
    return re.sub(r"\{(\w+)\}", lambda found: names[found[1]], template)


def _plain(value: Nested) -> list[float | str]:
    """Write numbers row by row; JSON has no infinite ones."""
    return [x if math.isfinite(x) else str(x).replace("inf", "Infinity").replace("nan", "NaN") for x in flat(value)]
