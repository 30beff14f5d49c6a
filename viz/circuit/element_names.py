"""Names for the elements of arrays, and for everything in a graph that is unfolded."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from minidl.graph import Node

from ..drawing.dot import clean
from ..drawing.notation import LONGEST_NAME
from .naming import choose_names

_SUPERSCRIPTS: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def names_of(nodes: Sequence[Node], names: Mapping[Node, str]) -> dict[Node, str]:
    """Name every node of a graph, no two alike: as asked, else as figures do.

    Args:
        nodes: all nodes, inputs before outputs, the root last.
        names: the names asked for; the second node of a name gets a prime.

    >>> import minidl
    >>> x, y = minidl.scalar(2.0, name="x"), minidl.scalar(3.0)
    >>> list(names_of([x, y, x * y], {y: "x"}).values())
    ['x', 'x′', 'f']
    """
    known = choose_names(nodes) | {node: names[node] for node in nodes if node in names}
    taken: set[str] = set()
    for node, name in known.items():
        known[node] = free_name(name, taken)
    return known


def free_name(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, primed if need be, and take it.

    >>> free_name("x", {"x"})
    'x′'
    """
    while name in taken:
        name += "′"
    taken.add(name)
    return name


def element_name(name: str, shape: Sequence[int], place: Sequence[int]) -> str:
    """Name an element as mathematics does, counting from 1; axes of length 1 before the last two are passed over.

    Args:
        name: what the array is called; an index that it has already, as that of a layer, moves up into parentheses.
        shape: its shape.
        place: the element's position, counted from 0.

    >>> element_name("W", (2, 3), (0, 1)), element_name("x", (12,), (10,)), element_name("W_2", (2, 3), (1, 0))
    ('W_12', 'x_11', 'W⁽²⁾_21')
    >>> element_name("K", (1, 1, 2, 2), (0, 0, 1, 0)), element_name("A", (12, 3), (10, 1))
    ('K_21', 'A_11,2')
    """
    kept = list(zip(shape, place, strict=True))
    while len(kept) > 2 and 1 in [length for length, _ in kept[:-2]]:
        kept.remove(next(axis for axis in kept[:-2] if axis[0] == 1))
    numbers = [str(i + 1) for _, i in kept]
    index = ("," if len(numbers) > 1 and any(length > 9 for length, _ in kept) else "").join(numbers)
    if layer := re.fullmatch(r"([^\W\d_]+)_?(\d+)", name):
        name = f"{layer[1]}⁽{layer[2].translate(_SUPERSCRIPTS)}⁾"
    return f"{clean(name, LONGEST_NAME - len(index) - 1)}_{index}"
