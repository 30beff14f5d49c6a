"""`draw_hvp`: a Hessian-vector product as what it is, the derivative of the backward pass along a direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from minidl.autodiff import jvp, on_the_cpu
from minidl.errors import UsageError
from minidl.graph import Node, describe

from ..circuit.naming import choose_names
from ..circuit.wires import array_block
from ..drawing.block import Block, beside, line_block, stacked
from ..drawing.dot import Html, font, italic, sub, text
from ..drawing.figure import Figure
from ..drawing.notation import array_text, name_html, name_width_text, number, number_html, tidy_name
from ..drawing.theme import LIGHT, Theme, theme_named
from .adjoint import record_backward
from .backward import adjoint_markup, adjoint_name, folded, gradient_block, mirror_nodes, name_markup, value_name
from .layout import Use
from .marks import Remark
from .picture import picture
from .pieces import Half, tangent_block


def draw_hvp(
    root: Node,
    along: Mapping[Node, Any],
    *,
    names: Mapping[str, Any] | None = None,
    below: bool | None = None,
    theme: str | Theme = LIGHT,
    title: str | None = None,
) -> Figure:
    """Draw the product of the Hessian of `root` and a vector: forward mode through the forward and the backward pass.

    The inputs move along a vector v. Below each wire stands how much its number changes then, as a multiple of ε: it is
    carried through the forward pass, into the backward pass, and arrives at each ∂f/∂x as (Hv)ₓ.

    Args:
        root: one number.
        along: the vector v: for inputs of the graph, the direction in which they move, of the input's shape. The others
            stay.
        names: names for the values, such as `locals()`; values that have a name keep it.
        below: whether the backward pass stands below the forward pass instead of on its right; by default where both
            would not fit beside each other on a slide.
        theme: `light`, `dark`, `print`, `colorblind`, or a `Theme`.
        title: what the figure is called in its alternative text.

    Raises:
        GraphError: `root` has no graph, is not one number, or has more than 40 operations.
        UsageError: `along` names nothing, or what `root` does not depend on.
        ShapeError: a direction of another shape than its input.

    Source: Pearlmutter, 1994, "Fast exact multiplication by the Hessian".

    >>> import minidl
    >>> x = minidl.scalar(2.0, name="x")
    >>> draw_hvp(x**3, {x: 1.0}).steps[-1]
    '(Hv)_x = 12'
    """
    look = theme_named(theme)
    root, along, names = on_the_cpu(root, along, names)
    nodes = mirror_nodes(root)
    directions = _directions(along, nodes)
    known = choose_names(nodes, names)
    backward = record_backward(root, known)
    adjoints = backward.adjoints
    moved = {node: _change(node, directions) for node in nodes}
    turned = {node: _change(g, directions) for node, g in adjoints.items()}
    given = [node for node in nodes if node.primitive is None]
    halves = (
        Half(
            {node: _number(node, node.data, root, known, look.value, look, forward=True) for node in nodes},
            {node: tangent_block(change, look) for node, change in moved.items()},
            {node: _start(node, known, node in directions, look) for node in given}
            | {root: value_name(root, known, look)},
            "forward pass",
            look.value,
        ),
        Half(
            {
                node: _number(node, g.data, root, known, look.gradient, look, forward=False)
                for node, g in adjoints.items()
            },
            {node: tangent_block(change, look) for node, change in turned.items()},
            {node: _end(node, root, known, look) for node in given if node in adjoints}
            | {root: adjoint_name(root, root, known, look)},
            "backward pass",
            look.gradient,
        ),
    )
    changes: dict[Use, Any] = {
        (sent.node, sent.index): _change(sent.factor_node, directions)
        for sent in backward.sent
        if sent.factor_node is not None
    }
    legend = [Remark("below each wire: how it changes when the inputs move by v·ε", look.local, names={"v": 0, "ε": 0})]
    if any(sent.reads for sent in backward.sent):
        legend.append(
            Remark("a value that the backward pass uses again, and its change with it", look.value, dotted=True)
        )
    spoken = {node: tidy_name(name) for node, name in known.items()}
    heading = f"Hessian-vector product of {spoken[root]}"
    steps = _sentences(root, spoken, adjoints, moved, turned)
    return Figure(
        picture(root, nodes, known, backward, halves, legend, look, below, changes),
        title=title or heading,
        text=f"{title or heading}: the derivative of the backward pass along v. {'; '.join(steps)}. {folded(backward)}",
        steps=tuple(steps),
    )


def _directions(along: Mapping[Node, Any], nodes: list[Node]) -> dict[Node, Any]:
    """Check the vector: at least one input, all of them of this graph."""
    if not isinstance(along, Mapping) or not along:
        raise UsageError("draw_hvp: along must say in which direction inputs move, such as {x: 1.0, y: 0.0}")
    inside = {node for node in nodes if node.primitive is None and node.requires_grad}
    for node in along:
        if not isinstance(node, Node) or node not in inside:
            what = describe(node) if isinstance(node, Node) else repr(node)[:60]
            raise UsageError(
                f"draw_hvp: along holds {what}, which is no input of this graph that requires a gradient; its keys are the "
                "input tensors themselves, as in {x: 1.0}"
            )
    return dict(along)


def _change(node: Node, directions: Mapping[Node, Any]) -> Any:
    return jvp(node, directions) if node.requires_grad else np.zeros_like(node.data)


def _number(
    node: Node, array: Any, root: Node, names: Mapping[Node, str], color: str, theme: Theme, *, forward: bool
) -> Block:
    """Set a number; between the ends of the figure, with the name of what it is."""
    block = array_block(array, color, theme) if forward else gradient_block(array, theme)
    if node.primitive is None or node is root:
        return block
    size = theme.number_size
    html, plain = name_markup(node, names, size) if forward else adjoint_markup(node, root, names, size)
    front, equals = font(html, theme.ink), font(text(" = "), theme.ink)
    if node.ndim > 0:
        return beside([line_block(front + equals, f"{plain} = ", theme.ink, size, 7), block], 0)
    value = float(array)
    return line_block(front + equals + number_html(value, size=size), f"{plain} = {number(value)}", color, size)


def _indexed(front: Html, plain: str, node: Node, names: Mapping[Node, str], theme: Theme) -> Block:
    size = theme.number_size + 1
    index = sub(name_html(names[node], 0, 12)) if name_width_text(names[node]) else Html("")
    return line_block(front + index, plain + name_width_text(names[node]), theme.local, size, 4)


def _start(node: Node, names: Mapping[Node, str], moves: bool, theme: Theme) -> Block:
    """Set x, and below it the part of v along which it moves."""
    name = value_name(node, names, theme)
    return stacked([name, _indexed(italic(text("v")), "v", node, names, theme)]) if moves else name


def _end(node: Node, root: Node, names: Mapping[Node, str], theme: Theme) -> Block:
    """Set ∂f/∂x, and below it the part of Hv that arrives there."""
    product = text("(") + italic(text("Hv")) + text(")")
    return stacked([adjoint_name(node, root, names, theme), _indexed(product, "(Hv)", node, names, theme)])


def _sentences(
    root: Node,
    names: Mapping[Node, str],
    adjoints: Mapping[Node, Node],
    moved: Mapping[Node, Any],
    turned: Mapping[Node, Any],
) -> list[str]:
    lines = [f"{name} = {array_text(node.data)} + {_signed(moved[node])} ε" for node, name in names.items()]
    for node, g in adjoints.items():
        lines.append(f"∂{names[root]}/∂{names[node]} = {array_text(g.data)} + {_signed(turned[node])} ε")
    lines += [
        f"(Hv)_{names[node]} = {array_text(turned[node])}"
        for node in names
        if node in turned and node.primitive is None
    ]
    return lines


def _signed(change: Any) -> str:
    shown = array_text(change)
    return f"({shown})" if shown.startswith("−") else shown
