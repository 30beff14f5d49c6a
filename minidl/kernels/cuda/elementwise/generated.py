"""The source of an elementwise kernel, and the file that it goes into.

    kernel(arrays read…, arrays written…, numbers…, lengths, factors and shifts…, strides…, count)

One thread computes four neighbours where all arrays allow it (`vector`), else one. The shapes are reduced first, so that there
are few axes: one where all arrays lie in memory alike. A thread's number is divided by the lengths to get its position
along each axis; dividing by a number that is known before is a product and a shift (`divided`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...sources import loaded
from ..compiler.language import Kernel
from .expressions import INTRINSICS, Expression, Written
from .formulas import Dtype

THREADS, BLOCKS = 256, 4
"""A block's threads, and how many blocks a multiprocessor shall hold: unasked, the assembler makes room for more and spills."""


@dataclass(frozen=True, slots=True)
class Operand:
    """How an array meets the axes of a kernel.

    Attributes:
        dtype: the dtype of its elements.
        steps: for each axis, the last one varying fastest, "0" where it repeats, "1" where its elements are neighbours, "n"
            where they are some other number apart, which the kernel is given.
    """

    dtype: np.dtype[Any]
    steps: str


@dataclass(frozen=True, slots=True)
class Form:
    """All that a kernel's source depends on.

    Attributes:
        expressions: what it computes.
        operands: the arrays that it reads, or for a number that is passed by value its dtype.
        results: the arrays that it writes.
        vector: whether each thread computes four neighbours.
    """

    expressions: tuple[Expression, ...]
    operands: tuple[Operand | Dtype, ...]
    results: tuple[Operand, ...]
    vector: bool


def kernel_of(form: Form) -> tuple[Kernel, tuple[tuple[int, np.dtype[Any]], ...]]:
    """The kernel of a form, and the numbers that it wants: which operand, in which dtype."""
    written = written_of(form.expressions, form.operands, tuple(result.dtype for result in form.results))
    text = source(form, written)
    kernel: Kernel = loaded(text, "minidl_elementwise").elementwise
    return kernel, tuple(written.numbers)


def written_of(
    expressions: Sequence[Expression], operands: Sequence[Operand | Dtype], dtypes: Sequence[np.dtype[Any]] = ()
) -> Written:
    """Expressions as lines, and with them their dtypes; `dtypes` are those that the results shall have."""
    kinds = tuple(operand.dtype if isinstance(operand, Operand) else operand for operand in operands)
    written = Written(kinds, tuple(not isinstance(operand, Operand) for operand in operands))
    for i, expression in enumerate(expressions):
        written.add(expression, dtypes[i] if dtypes else None)
    return written


def source(form: Form, written: Written) -> str:
    """A module with the kernel `elementwise`."""
    arrays = {f"x{i}": operand for i, operand in enumerate(form.operands) if isinstance(operand, Operand)}
    outs = {f"y{i}": operand for i, operand in enumerate(form.results)}
    numbers = {name: dtype for (_, dtype), name in written.numbers.items()}
    compute = _compute(form, written, [*arrays, *numbers])
    body = _Body(form, written, arrays, outs, numbers)
    kernel = body.lines()
    names = list(dict.fromkeys(re.findall(r"\('(\w+)'", str(form.expressions)))) or ["copy"]
    parameters = [*arrays, *outs, *numbers, *body.lengths, *body.strides, "count"]
    signature = [f"{o.dtype.name}[::1]" for o in (*arrays.values(), *outs.values())]
    signature += [_passed(dtype) for dtype in numbers.values()]
    signature += ["uint32"] * (len(body.lengths) + len(body.strides) + 1)
    called = sorted({made.partition("(")[0] for made in written.functions.values()} - {"to", *INTRINSICS})
    digest = hashlib.sha256("\n".join((*compute, *kernel, *signature)).encode()).hexdigest()[:8]
    title = f"{'_'.join(reversed(names))[:48]}_{digest}"
    lines = [
        '"""An elementwise kernel; written by minidl.kernels.cuda.elementwise.generated, and free to be deleted."""',
        *([f"from minidl.kernels.cuda.elementwise.functions import {', '.join(called)}"] if called else []),
        "from minidl.kernels.cuda.compiler.intrinsics import load4, store4",
        f"from minidl.kernels.cuda.compiler.library import divided, {', '.join(INTRINSICS)}, to",
        "from minidl.kernels.cuda.compiler.language import cuda, device, float32, float64, kernel, math, uint32",
        "",
        *(f"{name} = {made}" for name, made in written.functions.items() if name != made),
        "",
        "",
        *compute,
        "",
        "",
        f'@kernel("{", ".join(signature)}", name="{title}", threads={THREADS}, blocks={BLOCKS}, waits=False)',
        f"def elementwise({', '.join(parameters)}):",
        *(f"    {line}" for line in kernel),
        "",
    ]
    return "\n".join(lines)


def _passed(dtype: np.dtype[Any]) -> str:
    """The dtype in which a number is handed to a kernel."""
    if dtype.kind == "f":
        return "float64" if dtype.itemsize == 8 else "float32"
    return dtype.name if dtype.itemsize == 8 or dtype.kind == "b" else "int32"


def _compute(form: Form, written: Written, parameters: Sequence[str]) -> list[str]:
    """The function of one element of each array."""
    results = ", ".join(name for name, _ in written.results)
    return [
        "@device",
        f"def compute({', '.join(parameters)}):",
        f'    """{"; ".join(map(str, form.expressions))}"""'.replace("'", ""),
        *(f"    {line}" for line in written.lines),
        f"    return {results}",
    ]


class _Body:
    """The lines of a kernel."""

    def __init__(
        self,
        form: Form,
        written: Written,
        arrays: dict[str, Operand],
        outs: dict[str, Operand],
        numbers: dict[str, Any],
    ) -> None:
        self._form, self._written, self._arrays, self._outs, self._numbers = form, written, arrays, outs, numbers
        self._axes = len(next(iter(outs.values())).steps)
        inner = range(1, self._axes)
        self.lengths = [f"{word}{axis}" for axis in inner for word in ("length", "factor", "shift")]
        self.strides = [
            f"{name}_{axis}"
            for name, o in (*arrays.items(), *outs.items())
            for axis, step in enumerate(o.steps)
            if step == "n"
        ]

    def lines(self) -> list[str]:
        """The body."""
        convert = [f"{name} = {self._to(dtype)}({name})" for name, dtype in self._numbers.items()]
        thread = "uint32(cuda.blockIdx.x * cuda.blockDim.x + cuda.threadIdx.x)"
        start = [
            f"i = uint32({thread} << uint32(2))" if self._form.vector else f"i = {thread}",
            "if i >= count:",
            "    return",
        ]
        if not self._form.vector:
            return [*start, *convert, *self._places(), *self._one()]
        if self._axes > 1:
            return [*start, *convert, *self._places(), *self._four()]
        whole = [f"    {line}" for line in self._four()]
        rest = [f"        {line}" for line in (*self._one(), "i = uint32(i + uint32(1))")]
        return [*start, *convert, "if uint32(i + uint32(4)) <= count:", *whole, "else:", "    while i < count:", *rest]

    def _to(self, dtype: np.dtype[Any]) -> str:
        name = "float32" if dtype == np.float16 else dtype.name
        return self._written.conversion(name)

    def _places(self) -> list[str]:
        """Where the element, or the first of four, is along each axis, and where in each array."""
        lines = []
        rest = "i"
        for axis in range(self._axes - 1, 0, -1):
            lines.append(f"rest{axis} = divided({rest}, factor{axis}, shift{axis})")
            lines.append(f"i{axis} = uint32({rest} - uint32(rest{axis} * length{axis}))")
            rest = f"rest{axis}"
        lines.append(f"i0 = {rest}")
        for name, operand in (*self._arrays.items(), *self._outs.items()):
            if self._axes > 1 or operand.steps == "n":
                lines.append(f"{name}_at = {self._place(name, operand)}")
        return lines

    def _place(self, name: str, operand: Operand) -> str:
        text = ""
        for axis, step in enumerate(operand.steps):
            if step != "0":
                term = f"i{axis}" if step == "1" else f"uint32(i{axis} * {name}_{axis})"
                text = f"uint32({text} + {term})" if text else term
        return text or "uint32(0)"

    def _at(self, name: str, operand: Operand) -> str:
        """Where a thread's element is: of a single axis, without asking where the thread is along it."""
        if self._axes == 1 and operand.steps != "n":
            return "i" if operand.steps == "1" else "uint32(0)"
        return f"{name}_at"

    def _loaded(self, text: str, operand: Operand) -> str:
        return f"{self._written.conversion('float32')}({text})" if operand.dtype == np.float16 else text

    def _stored(self, text: str, operand: Operand) -> str:
        return f"{self._written.conversion('float16')}({text})" if operand.dtype == np.float16 else text

    def _one(self) -> list[str]:
        """One element: read, computed, written."""
        given = [self._loaded(f"{name}[{self._at(name, o)}]", o) for name, o in self._arrays.items()]
        names = [f"r{k}" for k in range(len(self._outs))]
        lines = [f"{', '.join(names)} = compute({', '.join([*given, *self._numbers])})"]
        return lines + [
            f"{y}[{self._at(y, o)}] = {self._stored(r, o)}" for r, (y, o) in zip(names, self._outs.items(), strict=True)
        ]

    def _four(self) -> list[str]:
        """Four elements: read together, computed one after the other, written together."""
        lines, given = [], []
        for name, operand in self._arrays.items():
            at = self._at(name, operand)
            if operand.steps[-1] == "1":
                names = [f"{name}{lane}" for lane in "abcd"]
                lines.append(f"{', '.join(names)} = load4({name}, {at})")
            else:
                names = [f"{name}a"] * 4
                lines.append(f"{name}a = {name}[{at}]")
            given.append([self._loaded(one, operand) for one in names])
        found = [[f"{y}{lane}" for y in self._outs] for lane in "abcd"]
        for lane in range(4):
            args = [*(names[lane] for names in given), *self._numbers]
            lines.append(f"{', '.join(found[lane])} = compute({', '.join(args)})")
        for k, (y, operand) in enumerate(self._outs.items()):
            values = [self._stored(found[lane][k], operand) for lane in range(4)]
            lines.append(f"store4({y}, {self._at(y, operand)}, {', '.join(values)})")
        return lines


def representatives() -> list[Kernel]:
    """A kernel of each kind, for those who look at all kernels; see `catalogue`."""
    line, mask = (Operand(np.dtype(dtype), "1") for dtype in ("float32", "bool"))
    rows, bias, any_strides = (Operand(line.dtype, steps) for steps in ("n1", "01", "nn"))
    chain = ("multiply", ("add", ("multiply", 0, 1), 2), ("sigmoid", ("add", ("multiply", 0, 1), 2)))
    product = tuple(("where", ("equal", 0, 3), ("multiply", 0, 3), ("multiply", 0, other)) for other in (2, 1))
    forms = [
        Form((("add", 0, 1),), (line, line), (line,), True),
        Form((("exp", 0),), (line,), (line,), True),
        Form((("gelu", 0),), (line,), (line,), True),
        Form((("greater", 0, 1),), (line, float), (mask,), True),
        Form((("where", 0, 1, 2),), (mask, line, float), (line,), True),
        Form((("relu_back", 0, 1),), (line, line), (line,), True),
        Form((("add", 0, 1),), (rows, bias), (rows,), True),
        Form((("add", 0, 1),), (any_strides, any_strides), (any_strides,), False),
        Form((chain,), (line, line, float), (line,), True),
        Form(product, (line, line, line, int), (line, line), True),
    ]
    return [kernel_of(form)[0] for form in forms]
