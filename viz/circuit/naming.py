"""Names for the values in a figure: those a person gave, and a letter for each of the rest, as a lecturer would choose."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, count
from typing import Any, Final

from minidl.errors import UsageError
from minidl.graph import Node

_SCALARS: Final = "qprsdgh"
_VECTORS: Final = "uvhas"
_MATRICES: Final = "UVHAS"
_OUTPUTS: Final = "fzy"
_ARRAY_OUTPUTS: Final = "yz"
_DATA: Final = "xt"
"""The input and its target; what was given is never called by the letter of something computed."""
_PARAMETERS: Final = ("abw", "wab", "WAB")
_LAYER: Final = {"weight": "W", "bias": "b"}


def choose_names(nodes: Sequence[Node], names: Mapping[str, Any] | None = None) -> dict[Node, str]:
    """Give every node a name; no two nodes share one that was chosen here.

    The weights and biases of layers become W and b, with a number where there are several layers.

    Args:
        nodes: all nodes of the figure, inputs before outputs, the root last.
        names: names and values, such as `locals()`; what is no node of the figure is passed over.

    Raises:
        UsageError: `names` is no dictionary.

    >>> import minidl
    >>> x, y = minidl.scalar(2.0, name="x"), minidl.scalar(3.0)
    >>> total = x + y
    >>> list(choose_names([x, y, total, total * x], {"y": y}).values())
    ['x', 'y', 'q', 'f']
    """
    check_names(names)
    members = set(nodes)
    chosen = {node: node.name for node in nodes if node.name}
    for name, value in (names or {}).items():
        if isinstance(value, Node) and value in members and value not in chosen and is_name(name):
            chosen[value] = name
    _number_layers(nodes, chosen)
    taken = set(chosen.values())
    free = _Supply(taken)
    root = nodes[-1]
    if root not in chosen:
        chosen[root] = free.next(_OUTPUTS if root.ndim == 0 else _ARRAY_OUTPUTS)
    for node in _leaves_as_used(nodes):
        if node not in chosen:
            letters = _PARAMETERS[min(node.ndim, 2)] if node.requires_grad else _DATA
            chosen[node] = free.next(letters)
    for node in nodes:
        if node not in chosen:
            letters = _SCALARS if node.ndim == 0 else _VECTORS if node.ndim == 1 else _MATRICES
            chosen[node] = _transposed(node, chosen, taken) or free.next(letters)
    return {node: chosen[node] for node in nodes}


def check_names(names: Any) -> None:
    """Refuse what is no dictionary of names.

    Raises:
        UsageError: it is none.
    """
    if names is not None and not isinstance(names, Mapping):
        raise UsageError(f"names takes a dictionary, such as names=locals(); this is a {type(names).__name__}")


def is_name(name: Any) -> bool:
    """Return whether a key of `locals()` is fit to be printed: Python keeps names that begin with _ for itself.

    >>> is_name("x"), is_name("_3"), is_name(" ")
    (True, False, False)
    """
    return isinstance(name, str) and bool(name.strip()) and not name.startswith("_")


def _number_layers(nodes: Sequence[Node], chosen: dict[Node, str]) -> None:
    """Call weight and bias of one layer W and b, of several W_1, b_1, W_2 …; number what else has one name."""
    scopes: dict[str, int] = {}
    layer: dict[Node, int] = {}
    for node in nodes:
        for x in node.inputs:
            if isinstance(x, Node) and chosen.get(x) in _LAYER and x not in layer:
                layer[x] = scopes.setdefault(node.scope, len(scopes) + 1)
    alone = Counter((chosen[x], number) for x, number in layer.items())
    taken = set(chosen.values())
    for x, number in layer.items():
        letter = _LAYER[chosen[x]]
        name = letter if len(layer) <= len(_LAYER) and len(scopes) == 1 else f"{letter}_{number}"
        if alone[chosen[x], number] == 1 and name not in taken:
            taken.add(name)
            chosen[x] = name
    often, free = Counter(chosen.values()), _Supply(taken)
    for node in nodes:
        if node in chosen and often[name := chosen[node]] > 1:
            chosen[node] = free.next("", _LAYER.get(name, name))


def _leaves_as_used(nodes: Sequence[Node]) -> list[Node]:
    """Return the leaves in the order in which operations use them."""
    used = (x for node in nodes for x in node.inputs if isinstance(x, Node) and x.primitive is None)
    # The operation that uses a leaf may be folded away; the leaf is there.
    return list(dict.fromkeys([*used, *(node for node in nodes if node.primitive is None)]))


def _transposed(node: Node, chosen: Mapping[Node, str], taken: set[str]) -> str | None:
    """Take the name of a transpose, which is that of its matrix with a T above; None where it has none or it is taken."""
    if node.primitive is None or node.primitive.name != "permute" or node.ndim > 2:
        return None
    x = node.inputs[0]
    name = chosen[x] if isinstance(x, Node) and x in chosen else ""
    if not name or name.endswith("ᵀ") or f"{name}ᵀ" in taken:
        return None
    taken.add(f"{name}ᵀ")
    return f"{name}ᵀ"


class _Supply:
    """Hands out the letters that are free, then letters with an index; each is taken as it is handed out.

    Names are never given back, so it goes on where it stopped: a figure of a thousand values asks for a thousand names.
    """

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._candidates: dict[tuple[str, str], Iterator[str]] = {}

    def next(self, letters: str, stem: str = "") -> str:
        """Return the next of `letters`, and after them of `stem` (by default the first letter) with an index."""
        indexed = (f"{stem or letters[0]}_{i}" for i in count(1))
        candidates = self._candidates.setdefault((letters, stem), chain(letters, indexed))
        name = next(candidate for candidate in candidates if candidate not in self._taken)
        self._taken.add(name)
        return name
