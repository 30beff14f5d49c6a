"""The circuit of a value as a textbook draws it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from minidl.autodiff import backward_steps, formula, forward_steps
from minidl.errors import GraphError, UsageError
from minidl.graph import Node
from minidl.tape import Tape

from ..drawing.figure import Figure
from ..drawing.notation import array_text, formula_html, grouped, tidy_name
from ..drawing.theme import LIGHT, HeatScale, Theme, theme_named
from ..tape.memory import draw_tape
from .diagram import Diagram
from .foreign import foreign_diagram, is_torch_tensor
from .naming import choose_names
from .picture import Look, Picture
from .record import Content, Zoom, circuit_nodes, record, visible_nodes
from .sides import Lettering, all_sides
from .unfold import unfold
from .zoom import LARGEST, MOST, Selector, fold_by_itself, fold_modules, merge_repeats, pick

Level = Literal["module", "operation", "scalar"]

_LEVELS: Final = ("module", "operation", "scalar")
_DIRECTIONS: Final = ("LR", "TB")


_LONGEST_LIST: Final = 120
"""So many values the words of a figure list: nobody listens to more."""

CIRCUIT_SCALE: Final = HeatScale(low=-6, high=1, thin=1, thick=5)
"""From 10⁻⁶ to 10: how circuits show the size of a gradient."""


def draw(
    root: Any,
    *,
    level: Level | None = None,
    expand: Sequence[Selector] = (),
    collapse: Sequence[Selector] = (),
    names: Mapping[str, Any] | None = None,
    values: bool = True,
    grads: bool = True,
    local: bool | None = None,
    symbols: bool | Literal["only"] = False,
    shapes: bool = False,
    heat: bool | HeatScale = False,
    theme: str | Theme = LIGHT,
    direction: Literal["LR", "TB"] = "LR",
    title: str | None = None,
) -> Figure:
    """Draw the circuit that computed `root`: values above the wires, gradients of `root` below them.

    The gradients come from a sweep of their own; no `.grad` is read or changed.

    Args:
        root: the value; one number, unless `grads` is off. A tape (`step.tape` of a compiled step) is drawn as its memory,
            with only `theme` and `title`. A tensor of PyTorch shows what PyTorch keeps: operations,
            shapes, leaves, the gradients in `.grad`, and the values of tensors found in `names`.
        level: how much one gate holds: a `module`, an `operation`, or one operation of numbers (`scalar`). By default
            operations; above 500 of them the figure folds by itself and says what it folded.
        expand: what is opened: modules by their path, or values (or their names) whose operation is drawn number by number.
        collapse: modules that are drawn as one box, by their path.
        names: names for the values, such as `locals()`; values that have a name keep it.
        values: whether to print the values.
        grads: whether to print the gradients.
        local: whether to print local derivatives in symbols: by default those of functions, not of + and ×.
        symbols: whether to write what a value is, x + y, and what its gradient is, ∂f/∂q; "only": in place of the numbers.
        shapes: whether to write the shape and the type of number of each value.
        heat: whether the width and colour of a wire show the size of its gradient, and on which scale.
        theme: `light`, `dark`, `print`, `colorblind`, or a `Theme`.
        direction: `LR` from left to right, `TB` from top to bottom.
        title: what the figure is called in its alternative text.

    Raises:
        GraphError: `root` has no graph, is not one number, or has more operations than a figure can show.
        UsageError: there is nothing of the name given in `expand` or `collapse`, or no such level or direction.

    >>> import minidl
    >>> x, y, z = (minidl.scalar(v, name=n) for v, n in [(-2.0, "x"), (5.0, "y"), (-4.0, "z")])
    >>> print(draw((x + y) * z).steps[3])
    q = x + y = 3
    """
    if isinstance(root, Tape):
        return draw_tape(root, theme=theme, title=title)
    if direction not in _DIRECTIONS:
        raise UsageError(f"there is no direction {direction!r}; it is LR (left to right) or TB (top to bottom)")
    palette = theme_named(theme)
    content = Content(values, grads, local)
    if is_torch_tensor(root):
        if level is not None or expand or collapse:
            raise UsageError("level, expand and collapse are for minidl's graphs; a PyTorch graph is drawn as it is")
        diagram = foreign_diagram(root, names, grads, palette)
    else:
        diagram = make_diagram(root, level, expand, collapse, names, content, palette)
    scale = heat if isinstance(heat, HeatScale) else CIRCUIT_SCALE if heat else None
    look = Look(palette, grads or not values, direction == "TB", scale)
    sides = all_sides(diagram, palette, Lettering(bool(symbols), symbols != "only", shapes))
    heading = title or f"circuit of {tidy_name(diagram.root.name)}"
    return Figure(
        dot=Picture(diagram, look, sides).dot(),
        title=heading,
        text=describe(heading, diagram),
        steps=tuple(narrate(diagram, values, grads)),
    )


def make_diagram(
    root: Any,
    level: Level | None,
    expand: Sequence[Selector],
    collapse: Sequence[Selector],
    names: Mapping[str, Any] | None,
    content: Content,
    theme: Theme,
) -> Diagram:
    """Record a graph at the level of detail that is asked for."""
    if level is not None and level not in _LEVELS:
        raise UsageError(f"there is no level {level!r}; the levels are {', '.join(_LEVELS)}")
    nodes = circuit_nodes(root)
    if content.grads and root.data.size != 1:
        raise GraphError(
            f"{root.name or 'this value'} has shape {root.shape}, and gradients are those of one number: reduce it, as in "
            "z.sum(), or draw it without them: draw(z, grads=False)"
        )
    known = choose_names(nodes, names)
    opened, unfolded = pick(expand, nodes, known, "expand")
    closed, values = pick(collapse, nodes, known, "collapse")
    if values:
        first = next(node for node in nodes if node in values)
        raise UsageError(f"collapse takes paths of modules; {known[first]} is a value")
    if level == "scalar" or unfolded:
        return _unfolded(root, None if level == "scalar" else unfolded, level, opened, closed, known, content, theme)
    zoom = _zoom(nodes, level, opened, closed)
    _check_size(nodes, zoom)
    visible = visible_nodes(root, nodes, zoom)
    diagram = record(root, nodes, choose_names(visible, names), zoom, content, theme)
    merge_repeats(diagram)
    return diagram


def _unfolded(
    root: Node,
    which: set[Node] | None,
    level: Level | None,
    opened: set[str],
    closed: set[str],
    names: Mapping[Node, str],
    content: Content,
    theme: Theme,
) -> Diagram:
    """Record a graph of which some operations, or all, are drawn number by number, in a frame that takes their place."""
    small = unfold(root, which, names)
    if small.root.primitive is None:
        raise GraphError(
            f"{tidy_name(names[root])} comes without any operation of numbers: it is one of the values given, or constant; "
            "draw it without level='scalar' and expand"
        )
    nodes = circuit_nodes(small.root)

    def scope_of(node: Node) -> str:
        return small.groups.get(node, small.kept.get(node, node)).scope

    outer = fold_modules(nodes, 1 if level == "module" else None, opened, closed, scope_of)
    spoken = {node: tidy_name(name) for node, name in names.items()}
    ndims = {spoken[node]: node.ndim for node in spoken}
    frames, titles = dict(outer.paths), dict(outer.titles)
    for node, original in small.groups.items():
        if node not in outer.folds:
            frame = f"={names[original]}"
            title = f"{spoken[original]} = {formula(original, spoken)}"
            titles[frame] = formula_html(title, ndims, theme.note_size), title
            frames[node] = (*frames.get(node, ()), frame)
    nameless = frozenset(node for node in nodes if node.primitive is not None and node not in small.names)
    merged = frozenset(small.merged) - {small.root}  # what comes last is a part of no other step
    zoom = Zoom(outer.folds, outer.labels, frames, titles, merged, nameless - {small.root}, outer.remarks)
    _check_size(nodes, zoom)
    known = {name: node for node, name in small.names.items()}
    diagram = record(
        small.root, nodes, choose_names(visible_nodes(small.root, nodes, zoom), known), zoom, content, theme
    )
    merge_repeats(diagram)
    return diagram


def _check_size(nodes: Sequence[Node], zoom: Zoom) -> None:
    shown = sum(node.primitive is not None for node in nodes) - len(zoom.folds) + len(zoom.labels)
    if shown > LARGEST:
        raise GraphError(
            f"this graph has {grouped(shown)} operations, more than a figure can show ({grouped(LARGEST)}); draw a part "
            "of it, or let it fold by itself: without level, expand and collapse"
        )


def _zoom(nodes: Sequence[Node], level: Level | None, opened: set[str], closed: set[str]) -> Zoom:
    operations = sum(node.primitive is not None for node in nodes)
    if level == "module":
        return fold_modules(nodes, 1, opened, closed)
    if level is None and operations > MOST and not closed:
        return fold_by_itself(nodes)
    return fold_modules(nodes, None, (), closed)


def narrate(diagram: Diagram, values: bool, grads: bool) -> list[str]:
    """Say both passes step by step, in the names of the figure."""
    root = diagram.root.node
    if root is None or any(gate.fold for gate in diagram.gates):
        return []
    spoken = {wire.node: tidy_name(wire.name) for wire in diagram.wires if wire.node is not None}
    every = dict.fromkeys(circuit_nodes(root), "(…)") | spoken  # a bundle of values is not spoken of
    steps = []
    if values:
        steps = [step.text for step in forward_steps(root, every) if step.node in spoken]
        # A transpose is called what it is: Wᵀ = Wᵀ says nothing.
        steps = [re.sub(r"^(\S+) = \1 = ", r"\1 = ", step) for step in steps]
    if grads:
        steps += [step.text for step in backward_steps(root, every) if step.node in spoken and step.target in spoken]
    return steps


def describe(title: str, diagram: Diagram) -> str:
    """Say in words what the figure shows."""
    parts: list[str] = []
    for wire in diagram.wires:
        words = tidy_name(wire.name) or "a value without a name"
        if wire.value is not None:
            words += f" = {array_text(wire.value)}"
        if wire.gradient is not None:
            words += f" with gradient {array_text(wire.gradient)}"
        parts.append(words)
    for gate in diagram.gates:
        if gate.fold is not None:
            fold = gate.fold
            detail = f" ({fold.detail})" if fold.detail else ""
            count = f", {grouped(fold.parameters)} parameters" if fold.parameters else ""
            parts.append(f"{fold.title}{detail}{f' × {fold.repeat}' if fold.repeat > 1 else ''}{count}")
    half = _LONGEST_LIST // 2
    if len(parts) > 2 * half:
        parts[half:-half] = [f"{grouped(len(parts) - 2 * half)} more"]
    remarks = "".join(f" {remark[0].upper()}{remark[1:]}." for remark in diagram.remarks)
    return f"{title[0].upper()}{title[1:]}: " + "; ".join(parts) + "." + remarks
