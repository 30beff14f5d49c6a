"""The vanishing gradient as a picture: wires as thick as the gradient is large, in a chain of functions or in networks.

The networks are drawn by `comparison`, from what `units` reads off their graphs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from minidl.autodiff import backward_steps, forward_steps, gradients, local_derivative, order
from minidl.errors import GraphError
from minidl.graph import Node

from ..circuit.naming import choose_names
from ..drawing.dot import Digraph, Html, font, italic, text
from ..drawing.figure import Figure
from ..drawing.metrics import text_width
from ..drawing.notation import name_html, number, number_html, one_digit, power_of_ten, symbol_html, tidy_name
from ..drawing.theme import LIGHT, HeatScale, Stroke, Theme, theme_named
from .comparison import compare

LONGEST_CHAIN: Final = 60
_PITCH: Final = 82.0
_RADIUS: Final = 17.0
_ROW: Final = 132.0
_LEGEND_STEP: Final = 3


def thermometer(
    losses: Node | tuple[Node, Any] | Mapping[str, Any],
    model: Any = None,
    *,
    per_row: int = 10,
    scale: HeatScale | None = None,
    theme: str | Theme = LIGHT,
    title: str | None = None,
) -> Figure:
    """Draw how the gradient fades (or not) on its way back: as the width and colour of wires, on one fixed scale.

    Of a chain of functions of one number: above each wire stands the value, below it the size of the gradient, below
    each function the number that the gradient is multiplied by there. Long chains break into rows, read like text.

    Of a deep network: a slab a layer, and on the wire that leaves it the Euclidean norm ‖∂L/∂h‖ of the gradient of its
    output h, over all units and the whole batch; below it the mean size of the activation's derivative, the share of
    units × examples that are saturated (derivative below 0.01; of sigmoid, tanh and the like), and the share of units
    that are dead (derivative 0 for every example; of ReLU and the like). A layer is a product with a weight and all that
    follows up to the next. Several networks stand under each other, on the same scale.

    Args:
        losses: the end of a chain, each value computed from the one before it by a function of one number; or a
            network's loss, computed with recording on; or a loss and its model; or several of these by label.
        model: the module that made the loss, for the layers' names.
        per_row: how many functions of a chain stand in a row.
        scale: the scale of widths and colours; the same for every figure unless another is given.
        theme: `light`, `dark`, `print`, `colorblind`, or a `Theme`.
        title: what the figure is called; a network's figure prints it.

    Raises:
        GraphError: the graph is neither a chain nor a network's loss, or there are more than 60 functions or layers.
        UsageError: more than 6 networks are compared, or one is no loss.

    >>> import minidl
    >>> x = minidl.scalar(0.0, name="x")
    >>> thermometer(x.sigmoid().sigmoid()).text.split(":")[0]
    'A chain of 2 functions from x to f'
    >>> from minidl import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 1))
    >>> thermometer(model(minidl.ones(4, 2)).mean(), model).text.startswith("One network")
    True
    """
    scale, theme = scale or HeatScale(), theme_named(theme)
    if isinstance(losses, Mapping):
        return compare(losses, scale, theme, title)
    if isinstance(losses, tuple):
        return compare({"": losses}, scale, theme, title)
    if model is not None or _has_arrays(losses):
        return compare({"": (losses, model)}, scale, theme, title)
    return _draw_chain(losses, per_row, scale, theme, title)


def _has_arrays(root: object) -> bool:
    """Whether there is anything but single numbers in a graph."""
    return isinstance(root, Node) and any(node.ndim > 0 for node in order(root))


def _draw_chain(root: Node, per_row: int, scale: HeatScale, theme: Theme, title: str | None) -> Figure:
    chain = _chain(root)
    found = gradients(root)
    sizes = [abs(float(found[node])) for node in chain]
    names = choose_names(chain)
    drawing = _Rows(chain, sizes, names, per_row, scale, theme)
    first, last = tidy_name(names[chain[0]]), tidy_name(names[root])
    words = [
        f"a chain of {len(chain) - 1} functions from {first} to {last}",
        f"the gradient shrinks from 1 at {last} to {number(sizes[0], 3)} at {first}",
    ]
    numbers = ", ".join(f"{_symbol(node)}′ = {number(_local(node), 3)}" for node in chain[1:])
    spoken = {node: tidy_name(name) for node, name in names.items()}
    steps = [step.text for step in (*forward_steps(root, spoken), *backward_steps(root, spoken))]
    heading = words[0][0].upper() + words[0][1:]
    return Figure(
        drawing.source(),
        title=title or heading,
        text=f"{heading}: {words[1]}. From left to right: {numbers}.",
        steps=tuple(steps),
        layout="neato",
    )


def _chain(root: Node) -> list[Node]:
    """Return the chain from its start to `root`, or say why there is none."""
    if not isinstance(root, Node) or not root.requires_grad or root.primitive is None:
        raise GraphError("a thermometer needs a value computed from one that requires a gradient")
    nodes = order(root)
    for before, node in itertools.pairwise(nodes):
        alone = len(node.inputs) == 1 and node.inputs[0] is before
        if not alone or node.ndim != 0 or local_derivative(node, 0) is None:
            raise GraphError(
                f"a thermometer draws a chain of functions of one number; {_symbol(node)} is none, or not next in the chain"
            )
    if len(nodes) - 1 > LONGEST_CHAIN:
        raise GraphError(f"this chain has {len(nodes) - 1} functions; a thermometer shows at most {LONGEST_CHAIN}")
    return nodes


def _symbol(node: Node) -> str:
    return node.primitive.notation.symbol if node.primitive else node.name or "x"


def _local(node: Node) -> float:
    return float(local_derivative(node, 0))


class _Rows:
    """One drawing in the making; every piece is put at its place, in points, y upwards."""

    def __init__(
        self,
        chain: Sequence[Node],
        sizes: Sequence[float],
        names: dict[Node, str],
        per_row: int,
        scale: HeatScale,
        theme: Theme,
    ) -> None:
        self.chain = chain
        self.sizes = sizes
        self.names = names
        self.per_row = max(1, min(per_row, len(chain) - 1))
        self.scale = scale
        self.theme = theme
        self.count = 0
        self.graph = Digraph()

    def source(self) -> str:
        theme = self.theme
        self.graph.default(
            "graph", layout="neato", inputscale=72, splines="line", outputorder="edgesfirst", pad=0.12, margin=0,
            bgcolor=theme.paper, fontname=theme.font,
        )  # fmt: skip
        self.graph.default("node", fontname=theme.font, fontcolor=theme.ink)
        self.graph.default("edge", arrowhead="none", fontname=theme.font)
        self._start()
        for k in range(1, len(self.chain)):
            self._unit(k)
        self._end()
        self._legend()
        return self.graph.source()

    def _place(self, k: int) -> tuple[float, float]:
        """Where the circle of function number `k` stands."""
        row, column = divmod(k - 1, self.per_row)
        return (column + 1) * _PITCH, -row * _ROW

    def _stroke(self, k: int) -> Stroke:
        return self.theme.stroke(self.sizes[k], self.scale)

    def _text(self, content: Html, x: float, y: float, color: str | None = None, size: int | None = None) -> None:
        self.count += 1
        label = font(content, color or self.theme.ink, size or self.theme.number_size)
        self.graph.node(f"t{self.count}", shape="plain", pos=f"{x:g},{y:g}!", label=label)

    def _point(self, name: str, x: float, y: float, stroke: Stroke | None = None) -> None:
        """A corner of a wire: a dot as wide as the wire, so that the corner is round and whole."""
        width = (stroke.width if stroke else 0.1) / 72
        color = stroke.color if stroke else self.theme.paper
        self.graph.node(
            name, shape="circle", label="", pos=f"{x:g},{y:g}!", width=width, height=width, fixedsize=True,
            style="filled" if stroke else "invis", color=color, penwidth=0,
        )  # fmt: skip

    def _line(self, tail: str, head: str, stroke: Stroke, **attributes: str | float) -> None:
        self.graph.edge(tail, head, penwidth=stroke.width, color=stroke.color, style=stroke.style, **attributes)

    def _arrow(self, x: float, y: float, stroke: Stroke, left: bool = False) -> None:
        """A head on a wire: an edge's own would grow with its width beyond measure."""
        self.count += 1
        size = (stroke.width + 8) / 72
        self.graph.node(
            f"t{self.count}", shape="triangle", label="", pos=f"{x:g},{y:g}!", width=size, height=size, fixedsize=True,
            orientation=90 if left else 270, style="filled", color=stroke.color, penwidth=0,
        )  # fmt: skip

    def _start(self) -> None:
        x, y = self._place(1)
        name = self.names[self.chain[0]]
        self._text(name_html(name, 0, self.theme.name_size), x - _PITCH - 12, y, size=self.theme.name_size)
        self._point("w0", x - _PITCH, y, self._stroke(0))

    def _numbers(self, k: int, x: float, y: float) -> None:
        """The value above and the size of the gradient below the wire that leaves number `k`."""
        size = self.theme.number_size
        self._text(number_html(float(self.chain[k].data), 3, size), x, y + 17, self.theme.value)
        self._text(one_digit(self.sizes[k], size - 1), x, y - 18, self.theme.gradient, size - 1)

    def _unit(self, k: int) -> None:
        theme = self.theme
        x, y = self._place(k)
        node = self.chain[k]
        wide = len(_symbol(node)) > 1
        self.graph.node(
            f"o{k}", shape="circle", pos=f"{x:g},{y:g}!", width=2 * _RADIUS / 72, height=2 * _RADIUS / 72,
            fixedsize="shape", style="filled", fillcolor=theme.fill, color=theme.line,
            label=font(symbol_html(_symbol(node), 13), theme.ink, 13 if wide else theme.symbol_size),
        )  # fmt: skip
        self._text(number_html(_local(node), 3, theme.note_size), x, y - _RADIUS - 12, theme.local, theme.note_size)
        if k > 1 and (k - 1) % self.per_row == 0:
            self._turn(k)
        else:
            self._line(f"o{k - 1}" if k > 1 else "w0", f"o{k}", self._stroke(k - 1))
            self._numbers(k - 1, x - _PITCH / 2, y)

    def _turn(self, k: int) -> None:
        """Lead the wire from the end of one row round to the start of the next."""
        x, y = self._place(k - 1)
        left, below = self._place(k)
        stroke = self._stroke(k - 1)
        right, middle, start = x + _PITCH * 0.78, (y + below) / 2 + 4, left - _PITCH
        corners = [(right, y), (right, middle), (start, middle), (start, below)]
        names = [f"c{k}_{i}" for i in range(len(corners))]
        for name, (cx, cy) in zip(names, corners, strict=True):
            self._point(name, cx, cy, stroke)
        for tail, head in zip([f"o{k - 1}", *names], [*names, f"o{k}"], strict=True):
            clipped = {"tailclip": tail.startswith("o"), "headclip": head.startswith("o")}
            self._line(tail, head, stroke, **clipped)
        self._arrow((right + start) / 2, middle, stroke, left=True)
        self._arrow(start + _PITCH / 2, below, stroke)
        self._numbers(k - 1, x + _RADIUS + (right - x - _RADIUS) / 2, y)

    def _end(self) -> None:
        k = len(self.chain) - 1
        x, y = self._place(k)
        self._point("end", x + _PITCH, y)
        self._line(f"o{k}", "end", self._stroke(k), headclip=False)
        self._arrow(x + _PITCH, y, self._stroke(k))
        self._numbers(k, x + _PITCH / 2 + 8, y)
        name = self.names[self.chain[-1]]
        self._text(name_html(name, 0, self.theme.name_size), x + _PITCH + 19, y, size=self.theme.name_size)

    def _legend(self) -> None:
        theme, size = self.theme, self.theme.small_size
        rows = math.ceil((len(self.chain) - 1) / self.per_row)
        y = -(rows - 1) * _ROW - 84
        first, last = self.names[self.chain[0]], self.names[self.chain[-1]]
        powers = range(int(self.scale.high), int(self.scale.low) - 1, -_LEGEND_STEP)
        x = -16.0
        caption = "size of the gradient:"
        width = text_width(caption, size)
        self._text(text(caption), x + width / 2, y, size=size)
        x += width + 12
        for i, power in enumerate(powers):
            stroke = theme.stroke(10.0**power, self.scale)
            self._point(f"l{i}", x, y)
            self._point(f"m{i}", x + 34, y)
            self._line(f"l{i}", f"m{i}", stroke, tailclip=False, headclip=False)
            self._text(power_of_ten(10.0**power, size), x + 54, y, theme.gradient, size)
            x += 82
        symbols = {_symbol(node) for node in self.chain[1:]}
        factor = f"{symbols.pop()}′" if len(symbols) == 1 else "derivatives"
        product = text("∂") + italic(text(tidy_name(last))) + text("/∂") + italic(text(tidy_name(first)))
        product += text(" = product of all ") + font(text(factor), theme.local) + text(" = ")
        product += font(number_html(self.sizes[0], 3, theme.number_size), theme.gradient)
        shown = f"∂{last}/∂{first} = product of all {factor} = {number(self.sizes[0], 3)}"
        self._text(product, x + 24 + text_width(shown, theme.number_size) / 2, y, size=theme.number_size)
        note = "below each function: its derivative" + (f" {factor}" if len(factor) < 6 else "")
        self._text(text(note), text_width(note, size) / 2 - 16, y - 24, theme.local, size)


def sigmoid_chain(length: int = 20, start: float = 0.0) -> Any:
    """Return L = σ(σ(… σ(x))), `length` sigmoids deep: the example in which gradients vanish.

    >>> sigmoid_chain(2).name
    'L'
    """
    import minidl

    value = minidl.scalar(start, name="x")
    for i in range(1, length + 1):
        value = minidl.sigmoid(value).named("L" if i == length else f"h_{i}")
    return value
