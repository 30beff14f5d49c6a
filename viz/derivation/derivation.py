"""A finished derivation: its lines as text, as LaTeX and in notebooks."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..drawing.notation import shape_text
from ..drawing.saving import save
from .expression import Back, Call, Constant, Expand, Expression, Name, Partial, Unsimplified, constant_key
from .latex import LatexWriter
from .writing import LARGEST, Writer

_INDENT: Final = "  "
_WIDEST: Final = 100
_NARROWEST: Final = 30
_SLIDE: Final = 56
"""About how many letters of mathematics fit beside one another on a slide."""

_LONGEST: Final = 64
"""Letters of a side that is too long for a slide, and left out where there are others."""

_LONGEST_NUMBERS: Final = 40
"""The same for a side in numbers."""

_PREAMBLE: Final = r"""% A derivation made by minidl. It needs \usepackage{amsmath}.
\begingroup\allowdisplaybreaks"""


@dataclass(frozen=True, slots=True)
class Equation:
    """One line of a derivation: all sides are equal.

    Attributes:
        left: what it is about.
        steps: what it is equal to, each step nearer to the result.
        value: what it is in numbers, as the engine computed it.
        numeric: the expression that is shown with numbers in the place of names, if one is.
    """

    left: Expression
    steps: tuple[Expression, ...]
    value: Any
    numeric: Expression | None = None


class Derivation:
    """The chain rule for each leaf of a value; `derive` makes it.

    `print` shows it as text as wide as the terminal, a notebook as mathematics.

    Attributes:
        given: what the leaves hold.
        forward: a line for each value that is computed.
        backward: a line for each gradient, from the output to the leaves.
    """

    def __init__(self, given: Sequence[Equation], forward: Sequence[Equation], backward: Sequence[Equation]) -> None:
        self.given = tuple(given)
        self.forward = tuple(forward)
        self.backward = tuple(backward)
        self._constants = _named(self._expressions())

    def __str__(self) -> str:
        columns = shutil.get_terminal_size((80, 24)).columns
        return self.text(columns)

    def __repr__(self) -> str:
        return f"<derivation of {len(self.backward)} gradients>"

    def text(self, width: int = 80) -> str:
        """Return it as text.

        Args:
            width: how many letters a line may have, 30 to 100.
        """
        width = min(max(width, _NARROWEST), _WIDEST)
        write = Writer(self._constants)
        items = [
            f"{write(e.left)} = {_array(e.value, width - len(write(e.left)) - len(_INDENT) - 4)}" for e in self.given
        ]
        given = ",  ".join(item.replace(" ", "\0") for item in items)
        lines = textwrap.wrap(given, width, initial_indent=_INDENT, subsequent_indent=_INDENT, break_long_words=False)
        blocks = ["\n".join(["given", *(line.replace("\0", " ") for line in lines)])]
        for heading, equations in (("forward", self.forward), ("backward", self.backward)):
            lines = [line for equation in equations for line in self._lines(equation, width)]
            blocks.append("\n".join([heading, *lines]))
        notes = [
            textwrap.fill(note, width, initial_indent=_INDENT, subsequent_indent=_INDENT * 2) for note in self.notes()
        ]
        if notes:
            blocks.append("\n".join(["where", *notes]))
        return "\n\n".join(blocks)

    def latex(self) -> str:
        """Return it as LaTeX for amsmath: what is given, then an `align*` for each of the two passes."""
        blocks = [f"\\begin{{gather*}}\n{self._gathered()}\n\\end{{gather*}}"]
        blocks += [
            f"\\begin{{align*}}\n{self._aligned(part)}\n\\end{{align*}}" for part in (self.forward, self.backward)
        ]
        return "\n".join([_PREAMBLE, *blocks, r"\endgroup", ""])

    def save(self, path: str | Path) -> Path:
        """Write it to a file.

        Args:
            path: its suffix says what is written: `.tex`, `.txt` or `.md` (with the mathematics between dollar signs).

        Returns:
            The path.

        Raises:
            UsageError: another suffix, or no file can have this name.
            OSError: the file cannot be written.
        """
        content: dict[str, Callable[[], str]] = {
            ".tex": self.latex, ".txt": lambda: f"{self.text()}\n", ".md": lambda: f"{self._repr_latex_()}\n",
        }  # fmt: skip
        return save(path, content, "derivation")

    def notes(self) -> list[str]:
        """What the signs mean that a reader might not know, for those that occur."""
        found = list(self._expressions())
        write = Writer(self._constants)
        all_text = "\n".join(write(x) for x in found)
        notes = [
            f"{name} = {Writer().array(np.squeeze(value))} is constant"
            for name, value in self._constant_values().items()
        ]
        kinds = {type(x) for x in found}
        if "⊙" in all_text:
            notes.append("a ⊙ b multiplies element by element")
        if Expand in kinds and "𝟏" in all_text:
            notes.append("𝟏 is all ones")
        if re.search("Σ_(rows|columns)", all_text):
            notes.append("Σ_rows adds up the rows of a matrix, Σ_columns its columns")
        if "Σ_axis" in all_text:
            notes.append("Σ_axis k adds up along the k-th axis")
        if any(isinstance(x, Call) and write(x).startswith("[") for x in found):
            notes.append("[…] is 1 where the condition holds, else 0")
        operators = dict.fromkeys(x.primitive.name for x in found if isinstance(x, Back))
        notes += [f"{name}ᵀ is the transpose of {name}: what its own rule sends back" for name in operators]
        return notes

    def _repr_latex_(self) -> str:
        blocks = [f"\\begin{{gathered}}\n{self._gathered()}\n\\end{{gathered}}"]
        blocks += [
            f"\\begin{{aligned}}\n{self._aligned(part)}\n\\end{{aligned}}" for part in (self.forward, self.backward)
        ]
        return "\n\n".join(f"$$\n{block}\n$$" for block in blocks)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self), "text/latex": self._repr_latex_()}

    # How lines are made ---------------------------------------------------------------------------------------------------

    def _sides(self, equation: Equation, write: Writer, numbers: Writer) -> tuple[list[str], list[str]]:
        """Return the sides in symbols and the sides in numbers; none is said twice."""
        symbols = [write(step) for step in self._steps(equation)]
        figures = [write.array(equation.value)]
        numeric = equation.numeric
        if numeric is not None and not isinstance(numeric, Name | Partial) and _fits(numeric):
            figures.insert(0, numbers(numeric))
        return symbols, [side for side in dict.fromkeys(figures) if side not in symbols]

    def _steps(self, equation: Equation) -> list[Expression]:
        """Return the steps that say something new; of those that differ in parentheses alone, the last."""
        write = Writer(self._constants)
        last = {re.sub(r"[()\s]", "", write(step)): step for step in (equation.left, *equation.steps)}
        new = dict.fromkeys(id(step) for step in last.values() if write(step) != write(equation.left))
        return [step for step in equation.steps if new.pop(id(step), 0) is None]

    def _lines(self, equation: Equation, width: int) -> Iterator[str]:
        write, numbers = Writer(self._constants), Writer(self._constants, numbers=True)
        left = write(equation.left)
        symbols, figures = self._sides(equation, write, numbers)
        room = width - len(_INDENT) - len(left) - 3
        symbols = [symbols[i] for i in _kept([len(s) for s in symbols], room)]
        figures = [s for s in figures if len(s) <= room] or [_array(equation.value, room)] * bool(figures)
        whole = " = ".join([left, *symbols, *figures])
        if len(_INDENT + whole) <= width:
            yield _INDENT + whole
            return
        indent = min(len(left), width // 3)
        start = _INDENT + left
        for sides in (symbols, figures):
            line = ""
            for side in sides:
                if line and len(_INDENT) + indent + len(f"{line} = {side}") > width:
                    yield from _wrapped(start, line, indent, width)
                    start, line = "", ""
                line += f" = {side}"
            if line:
                yield from _wrapped(start, line, indent, width)
                start = ""

    def _gathered(self) -> str:
        """Return what is given, as much in each row as a slide is wide."""
        write, rows, room = LatexWriter(self._constants), [], 0
        given = [(write(equation.left), equation.value) for equation in self.given]
        given += [(write.name(n, np.squeeze(v).ndim), np.squeeze(v)) for n, v in self._constant_values().items()]
        for name, value in given:
            text = f"{name} = {write.array(value)}"
            width = 6 + _set_width(Writer().array(value))
            if width > room:
                rows.append(text)
                room = _SLIDE
            else:
                rows[-1] += f", \\quad {text}"
            room -= width
        return " \\\\[4pt]\n".join(rows)

    def _aligned(self, equations: Sequence[Equation]) -> str:
        return " \\\\[4pt]\n".join(" \\\\\n".join(self._rows(equation)) for equation in equations)

    def _rows(self, equation: Equation) -> Iterator[str]:
        """Yield rows of an align: as many sides in each as a slide is wide, by the width that they have as text."""
        plain = self._sides(equation, Writer(self._constants), Writer(self._constants, numbers=True))
        tex = self._sides(equation, LatexWriter(self._constants), LatexWriter(self._constants, numbers=True))
        row, room = LatexWriter(self._constants)(equation.left) + " &", _SLIDE
        together = sum(_set_width(text) + 3 for texts in plain for text in texts) <= _SLIDE
        for texts, formulas in zip(plain, tex, strict=True):
            lengths = [_set_width(text) for text in texts] + [0] * (len(formulas) - len(texts))
            if texts is plain[0]:
                kept = _kept(lengths[: len(formulas)], _LONGEST)
            else:
                kept = [i for i in range(len(formulas)) if lengths[i] <= _LONGEST_NUMBERS or i == len(formulas) - 1]
            for i in kept:
                length, formula = lengths[i], formulas[i]
                if length + 3 > room and room < _SLIDE:
                    yield row
                    row, room = "&", _SLIDE
                row += f" = {formula}"
                room -= length + 3
            if texts and not together:
                room = min(room, 0)
        yield row

    def _expressions(self) -> Iterator[Expression]:
        """Yield every expression of every line, the whole before its parts."""
        for equation in (*self.given, *self.forward, *self.backward):
            stack: list[Expression] = [equation.left, *equation.steps]
            while stack:
                x = stack.pop()
                yield x
                stack += x.parts
                if isinstance(x, Unsimplified):
                    stack += [part for term in x.terms for part in term]

    def _constant_values(self) -> dict[str, Any]:
        values = {}
        for x in self._expressions():
            arrays = [x.value] if isinstance(x, Constant) else []
            if isinstance(x, Call):
                arrays = [p for p in x.params.values() if isinstance(p, np.ndarray)]
            for array in arrays:
                if constant_key(array) in self._constants:
                    values[self._constants[constant_key(array)]] = array
        return values


def _array(value: Any, room: int) -> str:
    """Write an array in numbers, or as its shape where there is no room."""
    text = Writer().array(value)
    return text if len(text) <= room or not np.ndim(value) else f"{shape_text(np.shape(value))} array"


def _kept(lengths: Sequence[int], room: int) -> list[int]:
    """Choose the sides that there is room for; the first always, and the shortest of the others if none of them fits.

    >>> _kept([10, 50, 90], 60), _kept([10, 70, 90], 60)
    ([0, 1], [0, 1])
    """
    kept = [i for i, length in enumerate(lengths) if i == 0 or length <= room]
    if kept == [0] and len(lengths) > 1:
        kept.append(min(range(1, len(lengths)), key=lengths.__getitem__))
    return kept


def _wrapped(start: str, line: str, indent: int, width: int) -> Iterator[str]:
    """Yield a line that may be too long, its continuation set in."""
    begin = f"{start:{len(_INDENT) + indent}}{line}"
    yield from textwrap.wrap(
        begin, width, subsequent_indent=" " * (len(_INDENT) + indent + 5), break_long_words=False, drop_whitespace=True
    )


def _set_width(text: str) -> int:
    """About how many letters wide a line of text is when its arrays are set as columns and matrices.

    >>> _set_width("[[1, 2], [3, −1]]"), _set_width("2·[1, 12, 3]")
    (6, 6)
    """
    text = re.sub(r"\[(\[.*?\])\]", lambda m: "m" + max(re.split(r"(?<=\]), ", m[1]), key=len).strip("[]"), text)
    return len(re.sub(r"\[([^\[\]>]*)\]", lambda m: f"m{max(m[1].split(', '), key=len)}m", text))


def _fits(x: Expression) -> bool:
    """Whether all of it can be written in numbers."""
    if isinstance(x, Name | Partial | Constant):
        return 0 < x.size <= LARGEST and x.ndim <= 2
    return not isinstance(x, Back) and all(_fits(part) for part in x.parts)


def _named(found: Iterator[Expression]) -> dict[Any, str]:
    """Give the arrays that have no name a letter: y or Y if each row points at one class, m or M for a mask, else c or C."""
    names: dict[Any, str] = {}
    expressions = list(found)
    taken = {x.text for x in expressions if isinstance(x, Name)}
    for x in expressions:
        if not isinstance(x, Constant) or x.key in names:
            continue
        rows = np.atleast_2d(x.value)
        points = bool(rows.ndim == 2 and ((rows == 0) | (rows == 1)).all() and (rows.sum(axis=-1) == 1).all())
        letter = "m" if x.value.dtype == bool else "y" if points else "c"
        letter = letter if len(rows) == 1 else letter.upper()
        index, name = 0, letter
        while name in taken:
            index += 1
            name = letter + str(index).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
        taken.add(name)
        names[x.key] = name
    return names
