"""What stands at a wire: on one side what the value is, on the other how the root answers to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np

from minidl.autodiff.symbols import formula

from ..drawing.block import Block, Face, line_block, stacked
from ..drawing.dot import Html, text
from ..drawing.notation import formula_html, number, number_html, shape_text, tidy_name
from ..drawing.theme import Theme
from .diagram import Diagram, Wire
from .wires import array_faces, is_bracketed, is_small, shape_face

MOST_PICTURES: Final = 24
"""The most arrays that a figure shows as heat maps; with more of them, each is only its shape and its norm."""

_LONGEST_FORMULA: Final = 150


@dataclass(frozen=True, slots=True)
class Sides:
    """All that stands at a wire in some scene: above it (on its left) and below it (on its right), in this order."""

    above: tuple[Face, ...] = ()
    below: tuple[Face, ...] = ()
    bracketed: bool = False


@dataclass(frozen=True, slots=True)
class Lettering:
    """What is written beside the numbers.

    Attributes:
        symbols: what a value is, x + y, and what its gradient is, ∂f/∂q.
        numbers: whether the numbers themselves are written.
        shapes: the shape of a value and its type of number.
    """

    symbols: bool = False
    numbers: bool = True
    shapes: bool = False


def all_sides(diagram: Diagram, theme: Theme, lettering: Lettering = Lettering()) -> dict[str, Sides]:
    """Return what stands at each wire when everything is known."""
    large = sum(not is_small(wire.shape) for wire in diagram.wires if wire.value is not None)
    setter = Setter(diagram, theme, lettering, 0 < large <= MOST_PICTURES)
    return {wire.key: setter.sides(wire) for wire in diagram.wires}


class Setter:
    """Sets what stands at the wires of one diagram.

    Args:
        diagram: whose wires.
        theme: colours and type.
        lettering: what is written beside the numbers.
        pictures: whether larger arrays are shown as heat maps.
    """

    def __init__(self, diagram: Diagram, theme: Theme, lettering: Lettering, pictures: bool) -> None:
        self.theme = theme
        self.lettering = lettering
        self.pictures = pictures
        self.root = tidy_name(diagram.root.name)
        self.names = {wire.node: tidy_name(wire.name) for wire in diagram.wires if wire.node is not None}
        self.ndims: Mapping[str, int] = {tidy_name(wire.name): wire.ndim for wire in diagram.wires}

    def sides(self, wire: Wire, partials: Sequence[Any] = ()) -> Sides:
        """Return a wire's value above; below its gradient and, as further faces, `partials` of it."""
        arrays = [
            None if array is None else _written(array, wire.row) for array in (wire.value, wire.gradient, *partials)
        ]
        value, *below = (
            array_faces(arrays, self.theme, self.pictures) if self.lettering.numbers else [None] * len(arrays)
        )
        if wire.node is None and wire.value is None and wire.shape and not self.lettering.shapes:
            value = shape_face(wire.shape, self.theme)  # all that another framework tells
        above = self._lettered(value, arrays[0], self._formula(wire) if self.lettering.symbols else None)
        if self.lettering.symbols and wire.gradient is not None:
            name = tidy_name(wire.name)
            caption = self._line(f"∂{self.root}/∂{name}")
            below = [self._lettered(face, array, caption) for face, array in zip(below, arrays[1:], strict=True)]
        if self.lettering.shapes:
            shape = " · ".join(filter(None, [shape_text(wire.shape), wire.dtype]))
            above = self._on_top(above, partial(line_block, text(shape), shape, size=self.theme.small_size))
        bracketed = self.lettering.numbers and any(map(is_bracketed, arrays))
        return Sides((above,) if above else (), tuple(face for face in below if face), bracketed)

    def _formula(self, wire: Wire) -> _Line | None:
        """How a value is computed, where that is short."""
        node = wire.node
        if (
            node is None
            or node.primitive is None
            or any(x not in self.names for x in node.inputs if hasattr(x, "primitive"))
        ):
            return None
        line = self._line(formula(node, self.names))
        return line if line.block(self.theme.value).width <= _LONGEST_FORMULA else None

    def _line(self, plain: str) -> _Line:
        size = self.theme.number_size
        return _Line(formula_html(plain, self.ndims, size), plain, size)

    def _lettered(self, face: Face | None, array: Any, line: _Line | None) -> Face | None:
        """Write a formula in front of a number, or on top of an array."""
        if line is None:
            return face
        if face is None:
            return line.block
        if np.ndim(array) == 0:
            equal = text(" = ") + number_html(float(array), size=line.size)
            return _Line(line.content + equal, f"{line.plain} = {number(float(array))}", line.size).block
        return lambda color: stacked([line.block(color), face(color)])

    def _on_top(self, face: Face | None, line: Callable[..., Block]) -> Face:
        soft = self.theme.line

        def both(color: str) -> Block:
            top = line(color=color if color == self.theme.dim else soft)
            return stacked([top, face(color)]) if face else top

        return both


@dataclass(frozen=True, slots=True)
class _Line:
    content: Html
    plain: str
    size: int

    def block(self, color: str) -> Block:
        return line_block(self.content, self.plain, color, self.size)


def _written(array: Any, row: bool) -> Any:
    return np.reshape(array, (1, -1)) if row else array
