"""`draw_backward`: the backward pass as a graph, the mirror of the forward pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from minidl.autodiff import forward_steps, on_the_cpu
from minidl.errors import GraphError
from minidl.graph import Node

from ..circuit.naming import choose_names
from ..circuit.record import circuit_nodes
from ..circuit.wires import array_block, array_blocks
from ..drawing.block import Block, line_block
from ..drawing.dot import Html, text
from ..drawing.figure import Figure
from ..drawing.notation import array_text, name_html, name_width_text, tidy_name
from ..drawing.theme import LIGHT, Theme, theme_named
from .adjoint import Backward, record_backward
from .marks import Remark
from .picture import picture
from .pieces import Half

LARGEST: Final = 40
"""The most operations whose backward pass one figure shows."""


def draw_backward(
    root: Node,
    *,
    names: Mapping[str, Any] | None = None,
    values: bool = True,
    below: bool | None = None,
    theme: str | Theme = LIGHT,
    title: str | None = None,
) -> Figure:
    """Draw the backward pass of `root` as a graph of its own, beside the forward pass and as its mirror.

    Each ∂f/∂v stands in the row of v, as far to the right of the axis as v to its left (or as far below it as v above).
    Where an operation took several values, the gradient forks; where a value was used several times, the gradients are
    added. Dotted lines lead from the values of the forward pass to the operations of the backward pass that use them
    again.

    Args:
        root: one number.
        names: names for the values, such as `locals()`; values that have a name keep it.
        values: whether to print the numbers.
        below: whether the backward pass stands below the forward pass, each ∂f/∂v under v, instead of on its right; by
            default where both would not fit beside each other on a slide.
        theme: `light`, `dark`, `print`, `colorblind`, or a `Theme`.
        title: what the figure is called in its alternative text.

    Raises:
        GraphError: `root` has no graph, is not one number, or has more than 40 operations.

    >>> import minidl
    >>> x, y = minidl.scalar(3.0, name="x"), minidl.scalar(4.0, name="y")
    >>> print(draw_backward(x * y).steps[-1])
    ∂f/∂y = ∂f/∂f × x = 3
    """
    look = theme_named(theme)
    root, names = on_the_cpu(root, names)
    nodes = mirror_nodes(root)
    known = choose_names(nodes, names)
    backward = record_backward(root, known)
    inner = [node for node in nodes if node.primitive is not None and node is not root]
    outer = [node for node in nodes if node.primitive is None] + [root]
    adjoints = backward.adjoints
    halves = (
        Half(
            {node: array_block(node.data, look.value, look) for node in nodes} if values else {},
            {node: value_name(node, known, look, look.number_size + 1) for node in inner},
            {node: value_name(node, known, look) for node in outer},
            "forward pass",
            look.value,
        ),
        Half(
            {node: adjoint_name(node, root, known, look, look.number_size) for node in inner},
            {node: gradient_block(g.data, look) for node, g in adjoints.items()} if values else {},
            {node: adjoint_name(node, root, known, look) for node in outer if node in adjoints},
            "backward pass",
            look.gradient,
        ),
    )
    legend = [Remark("a value of the forward pass that the backward pass uses again", look.value, dotted=True)]
    if not any(sent.reads for sent in backward.sent):
        legend = []
    spoken = {node: tidy_name(name) for node, name in known.items()}
    heading = f"forward and backward pass of {spoken[root]}"
    return Figure(
        picture(root, nodes, known, backward, halves, legend, look, below),
        title=title or heading,
        text=_description(title or heading, root, spoken, backward, values),
        steps=tuple([step.text for step in forward_steps(root, spoken)] + sentences(root, spoken, backward, values)),
    )


def mirror_nodes(root: Node) -> list[Node]:
    """Return every node of the figure, inputs first.

    Raises:
        GraphError: `root` has no graph, or one of more than 40 operations.
    """
    nodes = circuit_nodes(root)
    operations = sum(node.primitive is not None for node in nodes)
    if operations > LARGEST:
        raise GraphError(
            f"this graph has {operations} operations, more than a mirror figure can show ({LARGEST}); draw the backward "
            "pass of a part of it"
        )
    return nodes


def gradient_block(array: Any, theme: Theme) -> Block:
    """Set a gradient; of a larger one its norm."""
    block = array_blocks([None, array], ["", theme.gradient], theme)[1]
    assert block is not None
    return block


def name_markup(node: Node, names: Mapping[Node, str], size: int) -> tuple[Html, str]:
    """Return a value's name as markup, and the letters by which it is measured."""
    return name_html(names[node], node.ndim, size), name_width_text(names[node])


def adjoint_markup(node: Node, root: Node, names: Mapping[Node, str], size: int) -> tuple[Html, str]:
    """Return ∂f/∂v as markup, and the letters by which it is measured."""
    (f, f_letters), (v, v_letters) = name_markup(root, names, size), name_markup(node, names, size)
    return text("∂") + f + text("/∂") + v, f"∂{f_letters}/∂{v_letters}"


def value_name(node: Node, names: Mapping[Node, str], theme: Theme, size: int | None = None) -> Block:
    """Set the name of a value."""
    size = size or theme.name_size
    return line_block(*name_markup(node, names, size), theme.ink, size, 6)


def adjoint_name(node: Node, root: Node, names: Mapping[Node, str], theme: Theme, size: int | None = None) -> Block:
    """Set ∂f/∂v."""
    size = size or theme.name_size - 2
    return line_block(*adjoint_markup(node, root, names, size), theme.ink, size, 6)


def sentences(root: Node, names: Mapping[Node, str], backward: Backward, values: bool) -> list[str]:
    """Say each step of the backward pass: `∂f/∂y = ∂f/∂f × x = 3`."""
    f = names[root]
    lines = [f"∂{f}/∂{f} = {array_text(backward.adjoints[root].data)}"]
    arrived: dict[Node, list[str]] = {}
    for sent in backward.sent:
        upstream = f"∂{f}/∂{names[sent.node]}"
        factor = sent.factor or (names[sent.reads[0]] if sent.reads else "")
        if not sent.symbol:
            term = upstream
        elif sent.symbol == "×":
            term = f"{upstream} × ({factor})" if " " in factor or "−" in factor else f"{upstream} × {factor}"
        elif sent.symbol == "−":
            term = f"−{upstream}"
        else:
            term = (
                sent.symbol.replace("(·)", f"({upstream})") if "(·)" in sent.symbol else f"{sent.symbol} of {upstream}"
            )
        arrived.setdefault(sent.target, []).append(term)
    expected = {node: sum(sent.target is node for sent in backward.sent) for node in arrived}
    for sent in backward.sent:
        terms = arrived[sent.target]
        expected[sent.target] -= 1
        if expected[sent.target] == 0:
            result = f" = {array_text(backward.adjoints[sent.target].data)}" if values else ""
            lines.append(f"∂{f}/∂{names[sent.target]} = {' + '.join(terms)}{result}")
    return lines


def _description(title: str, root: Node, names: Mapping[Node, str], backward: Backward, values: bool) -> str:
    """Say in words what the figure shows, and what it does not."""
    forward = [f"{name} = {array_text(node.data)}" if values else name for node, name in names.items()]
    reused = list(dict.fromkeys(names[value] for sent in backward.sent for value in sent.reads))
    parts = [f"Values: {', '.join(forward)}.", f"Gradients: {'; '.join(sentences(root, names, backward, values))}."]
    parts.append(
        f"The backward pass uses {', '.join(reused)} again." if reused else "The backward pass uses no value again."
    )
    parts.append(folded(backward))
    return f"{title[0].upper()}{title[1:]}. " + " ".join(parts)


def folded(backward: Backward) -> str:
    """Say how many operations were recorded and how many are drawn."""
    arrivals = Counter(sent.target for sent in backward.sent)
    drawn = sum(bool(sent.symbol) for sent in backward.sent) + sum(count > 1 for count in arrivals.values())
    if backward.recorded <= drawn:
        return f"All {backward.recorded} recorded operations of the backward pass are drawn."
    return f"The {backward.recorded} recorded operations of the backward pass are drawn as {drawn}."
