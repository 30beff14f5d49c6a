"""What can be counted at a recorded operation: multiplications, and how much of the image its result depends on."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from minidl.graph import Node

_WINDOW = re.compile(r"(conv|max_pool|avg_pool|lp_pool)([123])d")


def spatial_axes(node: Node) -> int:
    """The number of image axes of the operation that computed `node`: 2 for a `conv2d`, 0 for what is none.

    >>> import minidl
    >>> x = minidl.ones(1, 1, 4, 4).requires_grad_()
    >>> spatial_axes(minidl.nn.functional.max_pool2d(x, 2)), spatial_axes(x + 1)
    (2, 0)
    """
    match = _WINDOW.match(node.primitive.name) if node.primitive else None
    return int(match[2]) if match else 0


def multiply_adds(node: Node) -> int:
    """Count the multiplications whose products are added up: those of convolutions and matrix products.

    A bias, an activation, a normalisation and a pooling are not counted, as is usual.

    >>> import minidl
    >>> x, w = minidl.ones(1, 3, 8, 8).requires_grad_(), minidl.ones(4, 3, 5, 5)
    >>> multiply_adds(minidl.conv2d(x, w)), 4 * 4 * 4 * 3 * 5 * 5
    (4800, 4800)
    """
    name = node.primitive.name if node.primitive else ""
    shapes = [tuple(getattr(x, "shape", ())) for x in node.inputs]
    if re.fullmatch(r"conv[123]d", name):
        return math.prod(node.shape) * math.prod(shapes[1][1:])
    if re.fullmatch(r"conv[123]d_input", name):
        return math.prod(shapes[0]) * math.prod(shapes[1][1:])
    if name == "matmul":
        return math.prod(node.shape) * shapes[0][-1]
    if name == "einsum" and len(shapes) > 1:
        return math.prod(_index_sizes(node.params["equation"], shapes).values())
    return 0


def _index_sizes(equation: str, shapes: Iterable[tuple[int, ...]]) -> dict[str, int]:
    operands = equation.replace(" ", "").partition("->")[0].split(",")
    return {
        index: size
        for names, shape in zip(operands, shapes, strict=True)
        for index, size in zip(names, shape, strict=False)
    }


@dataclass(frozen=True, slots=True)
class Field:
    """The part of the input image that one number depends on.

    Attributes:
        size: its height and width in pixels, the borders' padding included.
        jump: how far it moves from one number to the next: the product of the strides so far.
        spread: the height and width of the image that was flattened into a vector; 1 where none was.
        is_vector: whether the numbers are no image any more.
    """

    size: tuple[int, ...]
    jump: tuple[Fraction, ...]
    spread: tuple[int, ...]
    is_vector: bool = False

    def grown(self, kernel: Iterable[int], stride: Iterable[Fraction | int] | None = None) -> Field:
        """The field of a window of `kernel` numbers, each a jump from the next, that moves by `stride`."""
        size = tuple(math.ceil(s + (k - 1) * j) for s, j, k in zip(self.size, self.jump, kernel, strict=True))
        jump = self.jump if stride is None else tuple(j * s for j, s in zip(self.jump, stride, strict=True))
        return Field(size, jump, self.spread, self.is_vector)

    def flattened(self, spread: tuple[int, ...]) -> Field:
        """The same for the numbers of an image in one long vector."""
        return Field(self.size, self.jump, spread, is_vector=True)

    def everything(self) -> Field:
        """The field of a number that depends on all of a vector."""
        whole = self.grown(self.spread)
        return Field(whole.size, whole.jump, (1,) * len(self.size), is_vector=True)


def widest(fields: Iterable[Field | None]) -> Field | None:
    """Where branches meet: the largest size and jump."""
    known = [field for field in fields if field is not None]
    if not known:
        return None
    columns = [
        tuple(map(max, zip(*(getattr(field, name) for field in known), strict=True)))
        for name in ("size", "jump", "spread")
    ]
    return Field(columns[0], columns[1], columns[2], any(field.is_vector for field in known))


def receptive_field(node: Node, fields: Mapping[int, Field]) -> Field | None:
    """Return the field of a node from those of its inputs (by id), or None where they have none.

    Source: A. Araujo, W. Norris, J. Sim, "Computing receptive fields of convolutional neural networks" (2019), eq. 2.
    """
    before = [x for x in node.inputs if id(x) in fields]
    field = widest(fields[id(x)] for x in before)
    if field is None or node.primitive is None:
        return None
    name, params, axes = node.primitive.name, node.params, len(field.size)
    if field.is_vector:
        return field.everything() if name in ("matmul", "einsum") else field
    if match := re.fullmatch(r"conv[123]d(_input)?", name):
        kernel = tuple(node.inputs[1].shape[2:])
        spread = [(k - 1) * d + 1 for k, d in zip(kernel, params["dilation"], strict=True)]
        if not match[1]:
            return field.grown(spread, params["stride"])
        reached = [math.ceil(k / s) for k, s in zip(spread, params["stride"], strict=True)]
        return field.grown(reached, [Fraction(1, s) for s in params["stride"]])
    if "kernel_size" in params and "pool" in name:
        dilation = params.get("dilation", (1,) * axes)
        spread = [(k - 1) * d + 1 for k, d in zip(params["kernel_size"], dilation, strict=True)]
        return field.grown(spread, params["stride"])
    if name == "resample":
        reached = [int(max(t.start[1:] - t.start[:-1])) for t in params["taps"]]
        sizes = zip(before[0].shape[-axes:], node.shape[-axes:], strict=True)
        return field.grown(reached, [Fraction(a, b) for a, b in sizes])
    return _other(node, field, tuple(before[0].shape), sum(isinstance(x, Node) for x in before))


def _other(node: Node, field: Field, shape: tuple[int, ...], operands: int) -> Field:
    """What is neither convolution nor pooling: it keeps the image, flattens it, or looks at all of it."""
    axes, name = len(field.size), node.primitive.name if node.primitive else ""
    image = shape[-axes:]
    if name in ("matmul", "einsum") and operands > 1:
        return field.flattened(image).everything()
    if node.ndim == len(shape):
        return field
    flat = field.flattened(image)
    return flat if name in ("reshape", "getitem", "permute") else flat.everything()


def field_text(field: Field | None, image: tuple[int, ...]) -> str:
    """Write a field: `14×14`, `all` for a vector that depends on the whole image.

    >>> field_text(Field((14, 14), (Fraction(2), Fraction(2)), (1, 1)), (28, 28))
    '14×14'
    """
    if field is None:
        return ""
    if field.is_vector and all(size >= side for size, side in zip(field.size, image, strict=True)):
        return "all"
    return "×".join(map(str, field.size))
