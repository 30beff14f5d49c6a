"""What a lesson is: a list of steps, each of them plain data.

A step's code is real minidl code that is run and shown; every number in its sentences is a name from that code, written
`{name}`. Expressions (what the right answer is, what a known mistake would give) are evaluated in the code's namespace,
so a lesson holds no number of its own. The terminal, the linear player, the exports and the tests read the same data.

How to write one. `minidl lesson new NAME` writes a lesson of three steps to start from; `minidl tutorial FILE` plays it
as it stands, and a line in `tutorials/lessons/__init__.py` takes it into the course. Then, step by step:

1. Begin with the surprise: a question that an able person gets wrong, before any rule is named.
2. One idea a `Step`. `say` comes before the question, `reveal` after it; `code` runs before, `then` after.
3. Compute what you say. A number in a sentence is a name of the code, `{loss}`; a test refuses typed ones.
4. Ask for a `Number`, a `Shape`, a `Choice`, or a `Pick` among small pictures. `answer`, `when` and the values of the
   mistakes are expressions over the code's names, and `mistakes` are what people really answer, each with the
   sentence that helps them on. Four of them are few; the unforeseen answer is tried out (`claim`).
5. Draw one thing. `Circuit` draws a graph in text, number by number; `Picture` shows any figure or plot of `viz`, an
   image, a matrix or a curve that the code made. A picture made in `then` appears with the answer.
6. Give the hand back: an `Exercise` asks for a value, a `Program` for a small file written in one's own editor.
   The `checks` of a Program are expressions over the learner's names; `nudge(f, x)` is the referee.
7. Run it: every screen in every state must fit 80 columns and 24 rows, and the tests say which does not.
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
class Picture:
    """A figure that the step's code made, shown in the terminal as coloured half-blocks and saved beside the progress.

    Attributes:
        of: the name, in the code, of a figure, plot or deck of `viz`, of a node (a circuit is drawn), of an image
            (H, W) or (H, W, 3) from 0 to 1, of a matrix, or of a curve (K,). A name that only `then` makes appears with
            the answer.
        say: what is to be seen, in one sentence, for those who do not see it.
        rows: how many rows of a screen of 24 it takes; a taller window gives it more.
    """

    of: str
    say: str
    rows: int = 8


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
    """One answer to choose; `when` is the condition, checked by running it, that makes it the right one.

    In a `Pick`, `picture` is the name of what is drawn for it, as in `Picture.of`, and `text` says it in a few words.
    """

    text: str
    when: str
    say: str
    picture: str = ""


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
class Pick(Choice):
    """A prediction by choosing among small pictures, drawn side by side: what one would sketch, had one a pencil.

    Attributes:
        rows: how many rows the pictures take.
    """

    rows: int = 6


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


@dataclass(frozen=True)
class Check:
    """One thing that a learner's file must do, tried by running it.

    Attributes:
        got: an expression over the names of the file, such as `slope(0.5)`; `np`, `minidl` and `nudge` are there too.
        want: an expression for what it must be, to four digits, such as `nudge(sigmoid, 0.5)`; it may also be a
            condition's `True`.
        say: what to say when it is not, with `{got}` and `{want}`.
        mistakes: values of `got` that are understood.
    """

    got: str
    want: str
    say: str = "{got} came out where {want} was wanted."
    mistakes: tuple[Mistake, ...] = ()


@dataclass(frozen=True)
class Program:
    """An exercise in one's own editor: a small file, run in a process of its own and checked from the top.

    Attributes:
        ask: the task.
        file: what stands in the file at first; it runs, but does not do yet what is asked.
        checks: what is tried, in order; the first that fails is told, with the line that returned the value.
        hints: a weak one and a strong one.
        solution: a file that passes, for unattended play and for those who ask for the answer.
        given: code that runs before the checks, for names that they share.
    """

    ask: Lines
    file: str
    checks: tuple[Check, ...]
    hints: tuple[str, str]
    solution: str
    given: str = ""


Question = Number | Shape | Choice | Exercise | Program


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
        figure: the name, in the code, of what `f` shows as a figure where the picture is a `Circuit` or missing.
    """

    name: str
    say: Lines = ()
    code: str = ""
    picture: Circuit | Picture | None = None
    question: Question | None = None
    then: str = ""
    reveal: Lines = ()
    figure: str = ""

    @property
    def drawn(self) -> str:
        """The name, in the code, of what the step has a figure of, or ""."""
        return self.picture.of if isinstance(self.picture, Picture) else self.figure


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
        read: where to read on: papers and chapters by name.
    """

    number: int
    name: str
    title: str
    promise: str
    minutes: int
    version: int
    steps: tuple[Step, ...] = field(repr=False)
    follows: str = ""
    read: Lines = ()

    @property
    def key(self) -> str:
        """What its progress is saved under, such as `circuits@1`."""
        return f"{self.name}@{self.version}"
