"""Zooming out: operations folded into boxes, by the module that they were made in."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final

from minidl.errors import UsageError
from minidl.graph import Node
from minidl.nn import Parameter

from ..drawing.dot import text
from ..drawing.notation import grouped, shape_text, tidy_name
from .diagram import Diagram, Fold, Gate, Wire
from .record import Zoom

MOST: Final = 500
"""A figure that is not told how much to show folds by itself above this many operations."""

LARGEST: Final = 3000
"""The most operations that one figure shows, also when it is told to; Graphviz needs many seconds for more."""

_READABLE: Final = 60
"""So many boxes a figure that folds by itself aims at."""

_CHUNKS: Final = 40

Selector = str | Node
"""What a person points at: a value, its name, or a module's path."""


ScopeOf = Callable[[Node], str]


def recorded_scope(node: Node) -> str:
    """Return the path of the module that made a node."""
    return node.scope


def scopes(nodes: Iterable[Node]) -> list[str]:
    """Return the paths of all modules that made one of the nodes, and of the modules around these, in order."""
    found: dict[str, None] = {}
    for node in nodes:
        parts = node.scope.split(".") if node.scope else []
        for depth in range(1, len(parts) + 1):
            found.setdefault(".".join(parts[:depth]))
    return list(found)


def pick(
    selectors: Sequence[Selector], nodes: Sequence[Node], names: Mapping[Node, str], word: str
) -> tuple[set[str], set[Node]]:
    """Return the modules and the values that a person pointed at.

    Raises:
        UsageError: nothing in the figure is called so.
    """
    if isinstance(selectors, str | Node) or not isinstance(selectors, Iterable):
        example = repr(selectors) if isinstance(selectors, str) else "'q'"
        raise UsageError(f"{word} takes a list, such as {word}=[{example}]")
    paths, by_name = scopes(nodes), {name: node for node, name in names.items() if node.primitive is not None}
    as_printed = {tidy_name(name): node for name, node in by_name.items()} | by_name
    modules: set[str] = set()
    values: set[Node] = set()
    for selector in selectors:
        if isinstance(selector, Node) and selector in names:
            values.add(selector)
        elif isinstance(selector, str) and selector in paths:
            modules.add(selector)
        elif isinstance(selector, str) and selector in as_printed:
            values.add(as_printed[selector])
        else:
            known = [*paths, *by_name]
            there = f"; there are {', '.join(map(repr, known[:12]))}{' …' if len(known) > 12 else ''}" if known else ""
            shown = repr(selector) if isinstance(selector, str) else "that value"
            raise UsageError(f"{word}: nothing computed in this figure is called {shown[:60]}{there}")
    return modules, values


def fold_modules(
    nodes: Sequence[Node],
    depth: int | None,
    expand: Collection[str] = (),
    collapse: Collection[str] = (),
    scope_of: ScopeOf = recorded_scope,
) -> Zoom:
    """Fold operations by the module that made them.

    Args:
        nodes: the nodes of the figure.
        depth: how many levels of modules are told apart; None to fold only what is in `collapse`.
        expand: paths of modules that are opened, with a frame around what is inside.
        collapse: paths of modules that are closed.
        scope_of: finds the module that made a node.
    """
    computed = [node for node in nodes if node.primitive is not None]
    keys = [_key(scope_of(node), depth, expand, collapse) for node in computed]
    return _zoom(computed, keys, _frames(computed, keys, expand, scope_of))


def _key(scope: str, depth: int | None, expand: Collection[str], collapse: Collection[str]) -> str:
    """Return the path of the module that an operation is folded into, or "" for none."""
    parts = scope.split(".") if scope else []
    prefixes = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
    closed = next((prefix for prefix in prefixes if prefix in collapse), "")
    if closed or depth is None:
        return closed
    for prefix in prefixes[depth - 1 :] or prefixes[-1:]:
        if prefix not in expand:
            return prefix
    return ""


def _frames(
    nodes: Sequence[Node], keys: Sequence[str], expand: Collection[str], scope_of: ScopeOf
) -> dict[Node, tuple[str, ...]]:
    """Return the frames around each operation: those of the modules that were opened."""
    frames = {}
    for node, key in zip(nodes, keys, strict=True):
        scope = scope_of(node)
        parts = scope.split(".") if scope else []
        around = [".".join(parts[:n]) for n in range(1, len(parts) + 1)]
        frames[node] = tuple(path for path in around if path in expand and path != key)
    return {node: path for node, path in frames.items() if path}


def _zoom(nodes: Sequence[Node], keys: Sequence[str], frames: Mapping[Node, tuple[str, ...]]) -> Zoom:
    """One box a run: a run can only depend on earlier ones, so that no cycle arises when a module is called twice."""
    runs: list[tuple[str, list[Node]]] = []
    for node, key in zip(nodes, keys, strict=True):
        if key and runs and runs[-1][0] == key:
            runs[-1][1].append(node)
        elif key:
            runs.append((key, [node]))
        else:
            runs.append(("", [node]))
    folds: dict[Node, str] = {}
    labels: dict[str, Fold] = {}
    for number, (key, run) in enumerate(runs):
        if key:
            labels[f"{number}"] = describe(key, run)
            folds |= dict.fromkeys(run, f"{number}")
    titles = {path: (text(path), path) for paths in frames.values() for path in paths}
    return Zoom(folds, labels, frames, titles)


def describe(path: str, nodes: Sequence[Node]) -> Fold:
    """Say what stands on the box of a module: its kind where it is a layer, its path where it holds others."""
    weights = {x for node in nodes for x in node.inputs if isinstance(x, Parameter)}
    count = sum(math.prod(weight.shape) for weight in weights)
    kinds = [_kind(group) for group in _by_scope(nodes)]
    family = next((family for family, _ in kinds if family in {"conv", "dense"}), kinds[0][0])
    if len({node.scope for node in nodes}) == 1:
        return Fold(kinds[0][1], path, kinds[0][0], count, paths=(path,))
    shown = " · ".join(kind for _, kind in kinds[:3]) + (" …" if len(kinds) > 3 else "")
    return Fold(path, shown, family, count, paths=(path,))


def _by_scope(nodes: Sequence[Node]) -> list[list[Node]]:
    groups: list[list[Node]] = [[nodes[0]]]
    for before, node in pairwise(nodes):
        if node.scope == before.scope:
            groups[-1].append(node)
        else:
            groups.append([node])
    return groups


_LAYERS: Final = {
    "conv1d": ("conv", "conv"), "conv2d": ("conv", "conv"), "conv3d": ("conv", "conv"), "matmul": ("dense", "linear"),
    "max_pool2d": ("pool", "max pool"), "avg_pool2d": ("pool", "mean pool"), "relu": ("activation", "ReLU"),
    "sigmoid": ("activation", "sigmoid"), "tanh": ("activation", "tanh"), "gelu": ("activation", "GELU"),
    "softmax": ("activation", "softmax"), "log_softmax": ("activation", "log softmax"), "dropout": ("shape", "dropout"),
    "batch_norm": ("norm", "batch norm"), "layer_norm": ("norm", "layer norm"), "reshape": ("shape", "flatten"),
    "flatten": ("shape", "flatten"), "cross_entropy": ("loss", "cross-entropy"),
}  # fmt: skip


def _kind(nodes: Sequence[Node]) -> tuple[str, str]:
    """Return the family and the name of a layer, by the operation that makes it what it is."""
    for node in nodes:
        if node.primitive is None or node.primitive.name not in _LAYERS:
            continue
        family, name = _LAYERS[node.primitive.name]
        if family == "conv" and isinstance(node.inputs[1], Node):
            name += " " + shape_text(node.inputs[1].shape[2:])
        return family, name
    last = nodes[-1].primitive
    return "operation", last.name.replace("_", " ") if last else ""


def fold_runs(nodes: Sequence[Node]) -> Zoom:
    """Fold a graph that has no modules, or too many, into runs of operations, so that a figure can show it."""
    computed = [node for node in nodes if node.primitive is not None]
    last = computed.pop()
    size = math.ceil(len(computed) / _CHUNKS)
    folds: dict[Node, str] = {}
    labels: dict[str, Fold] = {}
    for start in range(0, len(computed), size):
        run = computed[start : start + size]
        counted = sorted({node.primitive.notation.symbol for node in run if node.primitive})
        shown = " ".join(counted[:5]) + (" …" if len(counted) > 5 else "")
        labels[f"{start}"] = Fold(f"{grouped(len(run))} operation{'s' if len(run) > 1 else ''}", shown)
        folds |= dict.fromkeys(run, f"{start}")
    remark = f"{grouped(len(folds))} operations are folded into {len(labels)} boxes"
    return Zoom(
        folds,
        labels,
        remarks=(f"{remark}, in the order in which they were computed; {last.name or 'the last'} is not",),
    )


def fold_by_itself(nodes: Sequence[Node]) -> Zoom:
    """Fold a graph of more than `MOST` operations as little as makes it readable, and say so in a remark."""
    depth = max(path.count(".") + 1 for path in paths) if (paths := scopes(nodes)) else 0
    operations = sum(node.primitive is not None for node in nodes)
    fits: Zoom | None = None
    for level in range(depth, 0, -1):
        zoom = fold_modules(nodes, level)
        shown = len(zoom.labels) + operations - len(zoom.folds)
        if shown <= MOST:
            fits = zoom
        if shown <= _READABLE:
            break
    if fits is None:
        return fold_runs(nodes)
    remark = f"{grouped(len(fits.folds))} operations are folded into {len(fits.labels)} modules; expand=[…] opens one"
    return Zoom(fits.folds, fits.labels, remarks=(remark,))


def merge_repeats(diagram: Diagram) -> None:
    """Draw boxes that are alike and follow one another as one, with their number."""
    gates = [gate for gate in diagram.gates if gate.fold is not None]
    merged: dict[str, Gate] = {}
    for before, gate in pairwise(gates):
        first = merged.get(before.key, before)
        if first.fold is None or gate.fold is None or not _repeats(before, gate, first):
            continue
        start = first.fold.detail.split(" … ")[0]
        alike = first.fold.detail == gate.fold.detail
        detail = start if alike else f"{start} … {gate.fold.detail.rpartition('.')[2]}"
        title = (
            first.fold.title
            if first.fold.title == gate.fold.title
            else f"{first.fold.title.split(' … ')[0]} … {gate.fold.title.rpartition('.')[2]}"
        )
        first.fold = Fold(
            title,
            detail,
            first.fold.family,
            first.fold.parameters + gate.fold.parameters,
            first.fold.repeat + 1,
            (*first.fold.paths, *gate.fold.paths),
        )
        merged[gate.key] = first
        gone = set(map(id, (gate, *first.outputs)))
        first.outputs = gate.outputs
        diagram.items = [item for item in diagram.items if id(item) not in gone]
    diagram.connect()


def _repeats(before: Gate, gate: Gate, first: Gate) -> bool:
    """Whether a box only continues the one before it, with the same layers, on values of the same shape."""
    a, b = first.fold, gate.fold
    assert a is not None
    assert b is not None
    if set(b.paths) & set(a.paths):
        return False  # the same layer once more, not another one like it
    between = before.outputs
    if len(between) != 1 or gate.inputs != between or len(between[0].users) != 1 or len(gate.outputs) != 1:
        return False
    same_shape = gate.outputs[0].shape == between[0].shape and _input_shape(first) == between[0].shape
    return same_shape and a.family == b.family and a.parameters == b.parameters * a.repeat and _kinds(a) == _kinds(b)


def _input_shape(gate: Gate) -> tuple[int, ...] | None:
    return gate.inputs[0].shape if len(gate.inputs) == 1 and isinstance(gate.inputs[0], Wire) else None


def _kinds(fold: Fold) -> str:
    """What tells one kind of box from another: the layer's name, or the layers inside."""
    return fold.detail if " · " in fold.detail else fold.title
