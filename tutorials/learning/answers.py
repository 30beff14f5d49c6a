"""Judging an answer: right, understood, or tried out."""

from __future__ import annotations

import ast
import functools
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from types import CodeType
from typing import Any

import numpy as np

from ..lesson import Choice, Exercise, Number, Program, Question, Shape
from ..text import fill, number

LETTERS = "abcdefgh"
LONGEST = 80
"""Letters of the longest number that is read."""
_SIGNS = str.maketrans("−–×·", "--**")
_OPERATIONS: dict[type[ast.operator], Callable[[float, float], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


@dataclass(frozen=True)
class Verdict:
    """What became of an answer.

    Attributes:
        settled: whether the step goes on to its reveal.
        right: whether the answer was right.
        say: what to say about it.
        names: names that the answer brought into the step's namespace (an exercise's run).
        readable: whether it could be read as an answer at all; if not, it does not count as an attempt.
        letter: the letter of the option chosen, "" for other kinds of question.
    """

    settled: bool
    right: bool
    say: str
    names: Mapping[str, Any]
    readable: bool = True
    letter: str = ""


def _unreadable(say: str) -> Verdict:
    return Verdict(False, False, say, {}, readable=False)


def evaluate(expression: str, names: Mapping[str, Any]) -> Any:
    """Evaluate one of a lesson's own expressions in its namespace; tensors come back as arrays."""
    value = eval(_compiled(expression), {**names, "np": np})
    return value.data if hasattr(value, "requires_grad") else value


@functools.cache
def _compiled(expression: str) -> CodeType:
    return compile(expression, f"<{expression}>", "eval")


def judge(question: Question, text: str, names: Mapping[str, Any]) -> Verdict:
    """Judge what a learner typed, in the namespace of the step once its `then` has run; of a `Program`, the file."""
    if isinstance(question, Program):
        return _judge_program(question, text)
    with np.errstate(all="ignore"):  # an answer may be any number, such as 1e300
        if isinstance(question, Choice):
            return _judge_choice(question, text, names)
        if isinstance(question, Shape):
            return _judge_shape(question, text, names)
        if isinstance(question, Exercise):
            return _judge_exercise(question, text, names)
        return _judge_number(question, text, names)


def correct(question: Question, names: Mapping[str, Any]) -> str:
    """Return what one types to answer correctly."""
    if isinstance(question, Choice):
        return next(LETTERS[k] for k, o in enumerate(question.options) if evaluate(o.when, names))
    if isinstance(question, Program):
        return question.solution
    value = evaluate(question.example if isinstance(question, Exercise) else question.answer, names)
    if isinstance(question, Shape):
        return str(tuple(value))
    return " ".join(f"{v:.12g}" for v in np.asarray(value, float).ravel())


def numbers(text: str) -> list[float] | None:
    """Read numbers as a person types them: `-4`, `1/2`, `0.9*0.1`, `10^4`, `[11, −6]`, `-1 1; 4 -4`; None if it is none.

    >>> numbers("[11, −6]"), numbers("1/2"), numbers("four")
    ([11.0, -6.0], [0.5], None)
    """
    found = [arithmetic(word) for word in _words(text)]
    known = [value for value in found if value is not None]
    return known if known and len(known) == len(found) else None


def arithmetic(text: str) -> float | None:
    """Compute what stands there, numbers joined by + − · / ^ and brackets; None if it is anything else.

    >>> arithmetic("(3.2 − 1) · 2"), arithmetic("10^-2"), arithmetic("x"), arithmetic("1/0")
    (4.4, 0.01, None, None)
    """
    plain = text.strip().translate(_SIGNS).replace("^", "**")
    if len(plain) > LONGEST or not re.fullmatch(r"[0-9.eE+\-*/() ]+", plain):
        return None
    try:
        with warnings.catch_warnings():  # `1(2)`, a number that is called, earns a warning as well
            warnings.simplefilter("ignore")
            value = _computed(ast.parse(plain, mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
        return None
    return value if np.isfinite(value) else None


def _computed(node: ast.expr) -> float:
    """The value of a piece of arithmetic; ValueError if it is none."""
    match node:
        case ast.Constant(value=int() | float() as value):
            return float(value)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant() | ast.BinOp() as operand):
            return -_computed(operand) if isinstance(sign, ast.USub) else _computed(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATIONS:
            value = _OPERATIONS[type(op)](_computed(left), _computed(right))
            if isinstance(value, float):  # a root of a negative number is none
                return value
    raise ValueError("no arithmetic")


def _words(text: str) -> list[str]:
    """Split what was typed into its numbers."""
    return re.sub(r"[\[\](){},;⎡⎤⎣⎦ᵀ]", " ", text.translate(_SIGNS)).split()


def sizes(text: str) -> tuple[int, ...] | None:
    """Read a shape as a person types it: `(3, 2)`, `3x2`, `3×2`, `3 by 2`, `3 2`, `()`; None if it is none.

    >>> sizes("3 by 2"), sizes("()"), sizes("wide")
    ((3, 2), (), None)
    """
    inside = re.sub(r"by|[x×*,;()\[\]]", " ", text.strip().lower())
    words = inside.split()
    if not words:
        return () if text.strip() else None
    if not all(re.fullmatch(r"[0-9]{1,6}", word) for word in words):
        return None
    return tuple(int(word) for word in words)


def close(a: Any, b: Any) -> bool:
    """Whether two answers are the same to four digits, the precision one can be asked to work out."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-4, atol=1e-9))


def rounded(word: str, value: float) -> bool:
    """Whether `word` is `value` rounded: to three digits or more, or to two with a decimal among them.

    >>> rounded("2.3", 2.302585), rounded("2", 2.302585), rounded("-12", -12.4)
    (True, False, False)
    """
    try:
        typed = Decimal(word.strip().translate(_SIGNS))
    except InvalidOperation:
        return False
    _, digits, exponent = typed.as_tuple()
    if not isinstance(exponent, int) or len(digits) < (2 if exponent < 0 else 3):
        return False
    return abs(float(typed) - value) <= 0.5 * 10.0**exponent * (1 + 1e-9)


def _judge_choice(question: Choice, text: str, names: Mapping[str, Any]) -> Verdict:
    word = text.strip().lower().strip("[]().")
    letters = LETTERS[: len(question.options)]
    texts = [o.text.lower() for o in question.options]
    if word in texts:
        k = texts.index(word)
    elif len(word) == 1 and word in letters:
        k = letters.index(word)
    else:
        return _unreadable(f"Answer with {', '.join(letters[:-1])} or {letters[-1]}.")
    option = question.options[k]
    return Verdict(True, bool(evaluate(option.when, names)), fill(option.say, names), {}, letter=LETTERS[k])


def _judge_number(question: Number, text: str, names: Mapping[str, Any]) -> Verdict:
    answer = np.asarray(evaluate(question.answer, names), float)
    wanted = answer.size
    text = _one(text) if wanted == 1 else text
    guess = numbers(text)
    if wanted == 1 and (computed := arithmetic(text)) is not None:
        guess = [computed]
    if guess is None:
        kind = "a number" if wanted == 1 else f"{wanted} numbers, with spaces between"
        return _unreadable(f"Answer with {kind}.")
    if len(guess) != wanted:
        return _unreadable(
            f"{len(guess)} number{'s' * (len(guess) > 1)} given; {wanted} {'are' if wanted > 1 else 'is'} asked."
        )
    mistakes = [(np.asarray(evaluate(m.value, names), float).ravel(), m.say) for m in question.mistakes]
    if close(guess, answer.ravel()):
        return Verdict(True, True, "", {})
    for value, say in mistakes:
        if close(guess, value):
            return Verdict(False, False, fill(say, names), {})
    hits = _fitting(text, answer.ravel())
    if all(hits):
        return Verdict(True, True, "", {})
    for value, say in mistakes:
        if value.size == wanted and all(_fitting(text, value)):
            return Verdict(False, False, fill(say, names), {})
    if wanted > 1 and any(hits):
        return Verdict(False, False, _which_fit(guess, hits), {})
    tried = dict(names, guess=guess[0] if wanted == 1 else np.array(guess))
    if question.claim:
        tried["claim"] = evaluate(question.claim, tried)
    return Verdict(False, False, fill(question.unforeseen or "Not that. Press ? for a hint.", tried), {})


def _one(text: str) -> str:
    """What was typed as one number: 61,706 and 0,25 have a comma in them, and 10 000 a space."""
    grouped = r"(?<![0-9.,])[1-9][0-9]{0,2}([ ,][0-9]{3})+(?![0-9.])"
    text = re.sub(grouped, lambda found: re.sub("[ ,]", "", found[0]), text.strip(" []"))
    return re.sub(r"^([-−–]?[0-9]*),([0-9]+)$", r"\1.\2", text)


def _fitting(text: str, values: np.ndarray) -> list[bool]:
    """Say of each number typed whether it is the one at its place, or that one rounded."""
    words = [text] if values.size == 1 else _words(text)
    return [close(arithmetic(w), v) or rounded(w, v) for w, v in zip(words, values, strict=True)]


def _which_fit(guess: list[float], hits: list[bool]) -> str:
    """Say which of several numbers fit, by their place."""
    fit = [str(k) for k, hit in enumerate(hits, 1) if hit]
    rest = [
        f"number {k}, {number(g)}, does not" for k, (g, hit) in enumerate(zip(guess, hits, strict=True), 1) if not hit
    ]
    return f"Number{'s' * (len(fit) > 1)} {', '.join(fit)} fit{'s' * (len(fit) == 1)}; {'; '.join(rest)}."


def _judge_shape(question: Shape, text: str, names: Mapping[str, Any]) -> Verdict:
    guess = sizes(text)
    if guess is None:
        return _unreadable("Answer with sizes, such as 4 5, or () for a single number.")
    answer = tuple(evaluate(question.answer, names))
    if guess == answer:
        return Verdict(True, True, "", {})
    for mistake in question.mistakes:
        value = tuple(evaluate(mistake.value, names))
        if guess == value or (value == () and guess == (1,)):  # whoever says 1 means a single number
            return Verdict(False, False, fill(mistake.say, names), {})
    entries = int(np.prod(guess, dtype=int))
    tried = dict(names, guess=guess, room="1 rate" if entries == 1 else f"{number(entries)} rates")
    return Verdict(False, False, fill(question.unforeseen, tried), {})


def _judge_exercise(question: Exercise, text: str, names: Mapping[str, Any]) -> Verdict:
    guess = numbers(text)
    example = np.asarray(evaluate(question.example, names), float)
    if guess is None or len(guess) != example.size:
        kind = "a number" if example.size == 1 else f"{example.size} numbers, with spaces between"
        return _unreadable(f"Answer with {kind}.")
    run = dict(names)
    run[question.name] = guess[0] if example.ndim == 0 else guess
    try:
        exec(compile(question.code, "<exercise>", "exec"), run)
    except Exception as error:
        return Verdict(False, False, f"With that it does not run: {type(error).__name__}: {error}.", {})
    if evaluate(question.accept, run):
        return Verdict(True, True, "", run)
    for mistake in question.mistakes:
        if evaluate(mistake.value, run):
            return Verdict(False, False, fill(mistake.say, run), {})
    return Verdict(False, False, fill(question.unforeseen, run), {})


def _judge_program(question: Program, source: str) -> Verdict:
    from .workbench import check

    report = check(question, source)
    return Verdict(report.right, report.right, report.in_words(), {})
