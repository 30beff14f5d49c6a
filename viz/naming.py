"""Names for the values in a figure: those a person gave, and a letter for each of the rest, as a lecturer would choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Any, Final

from minidl.graph import Node

_SCALARS: Final = "qprstcdgh"
_VECTORS: Final = "uvhast"
_MATRICES: Final = "UVHAST"
_OUTPUTS: Final = "fzy"
_ARRAY_OUTPUTS: Final = "yz"


def choose_names(nodes: Sequence[Node], names: Mapping[str, Any] | None = None) -> dict[Node, str]:
    """Give every node a name; no two nodes share one that was chosen here.

    Args:
        nodes: all nodes of the figure, inputs before outputs, the root last.
        names: names and values, such as `locals()`; what is no node of the figure is passed over.

    >>> import minidl
    >>> x, y = minidl.scalar(2.0, name="x"), minidl.scalar(3.0)
    >>> total = x + y
    >>> list(choose_names([x, y, total, total * x], {"y": y}).values())
    ['x', 'y', 'q', 'f']
    """
    members = set(nodes)
    chosen = {node: node.name for node in nodes if node.name}
    for name, value in (names or {}).items():
        if isinstance(value, Node) and value in members and value not in chosen and not name.startswith("_"):
            chosen[value] = name
    taken = set(chosen.values())
    root = nodes[-1]
    if root not in chosen:
        chosen[root] = next(_free(_OUTPUTS if root.ndim == 0 else _ARRAY_OUTPUTS, taken))
    for node in nodes:
        if node not in chosen:
            letters = _SCALARS if node.ndim == 0 else _VECTORS if node.ndim == 1 else _MATRICES
            chosen[node] = next(_free(letters, taken))
    return {node: chosen[node] for node in nodes}


def _free(letters: str, taken: set[str]) -> Iterator[str]:
    """Yield the letters that are free, then letters with an index; each is taken as it is handed out."""
    for candidate in chain(letters, (f"{letters[0]}_{i}" for i in count(1))):
        if candidate not in taken:
            taken.add(candidate)
            yield candidate
