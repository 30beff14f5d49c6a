"""What a lesson is: a list of steps, each of them plain data.

A step's code is real minidl code that is run and shown; every number in its sentences is a name from that code, written
`{name}`. Expressions (what the right answer is, what a known mistake would give) are evaluated in the code's namespace,
so a lesson holds no number of its own. The terminal, the linear player and the tests are readers of the same data.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Lines = tuple[str, ...]


@dataclass(frozen=True)
class Circuit:
    """A circuit drawn in text from a graph that the step's code made.

    Attributes:
        root: the name, in the code, of the circuit's output.
        values: the names of the nodes whose value is shown above the wire; `("*",)` for all.
        gradients: the names of the nodes whose gradient is shown below the wire; `("*",)` for all.
        asked: the number in question, as `"value q"` or `"gradient x"`: a `?` until the answer, then the number, lit.
    """

    root: str
    values: Lines = ("*",)
    gradients: Lines = ()
    asked: Lines = ()


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that is understood.

    Attributes:
        value: an expression for the wrong answer (for an exercise: a condition that holds when the mistake was made).
        say: what to say to the person who made it.
    """

    value: str
    say: str


@dataclass(frozen=True)
class Option:
    """One answer to choose; `when` is the condition, checked by running it, that makes it the right one."""

    text: str
    when: str
    say: str


@dataclass(frozen=True)
class Number:
    """A prediction of a number, or of several (a vector, or a matrix row by row).

    Attributes:
        ask: the question.
        answer: an expression for the right answer, evaluated once the step's `then` has run.
        hints: a weak one and a strong one.
        mistakes: the wrong answers that are understood.
        claim: an expression in `guess` for what an unforeseen answer would imply; `unforeseen` knows it as `{claim}`.
        unforeseen: what to say to an unforeseen answer.
    """

    ask: Lines
    answer: str
    hints: tuple[str, str]
    mistakes: tuple[Mistake, ...] = ()
    claim: str = ""
    unforeseen: str = ""


@dataclass(frozen=True)
class Shape:
    """A prediction of a shape; `answer` and the mistakes' values are expressions for tuples."""

    ask: Lines
    answer: str
    hints: tuple[str, str]
    mistakes: tuple[Mistake, ...] = ()
    unforeseen: str = ""


@dataclass(frozen=True)
class Choice:
    """A prediction by choosing. It is never refused: the step runs, and the chosen option's words follow."""

    ask: Lines
    options: tuple[Option, ...]
    hints: tuple[str, str]


@dataclass(frozen=True)
class Exercise:
    """A value to find, checked by running code with it; any value that does what was asked is right.

    Attributes:
        ask: the task.
        name: what the code calls the learner's value.
        code: what is run with it.
        accept: the condition for success, evaluated after the code.
        hints: a weak one and a strong one.
        mistakes: conditions with what to say; the first that holds is said.
        unforeseen: what to say when none holds.
        example: an expression for one right value, for unattended play.
    """

    ask: Lines
    name: str
    code: str
    accept: str
    hints: tuple[str, str]
    mistakes: tuple[Mistake, ...]
    unforeseen: str
    example: str


Question = Number | Shape | Choice | Exercise


@dataclass(frozen=True)
class Step:
    """One screen of a lesson: one idea.

    Attributes:
        name: a short name that does not change, under which the answer is recorded.
        say: the narration.
        code: what runs before the question.
        picture: what is drawn.
        question: what the learner predicts or does, if anything.
        then: code that runs, and is shown, once the question is answered.
        reveal: the words that follow the answer.
        figure: the name, in the code, of a root of which `viz.draw` can make a figure.
    """

    name: str
    say: Lines = ()
    code: str = ""
    picture: Circuit | None = None
    question: Question | None = None
    then: str = ""
    reveal: Lines = ()
    figure: str = ""


@dataclass(frozen=True)
class Lesson:
    """A lesson: its place in the course and its steps.

    Attributes:
        number: its number in the curriculum.
        name: the word one types to start it.
        title: its title.
        promise: one line: what one can do afterwards.
        minutes: how long it takes.
        version: raised when the steps change so that a saved place would no longer fit.
        steps: its steps.
        follows: the name of the next lesson, or "".
    """

    number: int
    name: str
    title: str
    promise: str
    minutes: int
    version: int
    steps: tuple[Step, ...] = field(repr=False)
    follows: str = ""

    @property
    def key(self) -> str:
        """What its progress is saved under, such as `circuits@1`."""
        return f"{self.name}@{self.version}"
