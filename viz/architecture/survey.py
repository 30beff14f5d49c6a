"""A network layer by layer: output shapes, parameters, multiply-adds and receptive fields, from one recorded run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from minidl.graph import Node
from minidl.kernels.device import fetched

from ..drawing.notation import grouped
from .fields import Field, field_text, multiply_adds, receptive_field, spatial_axes
from .names import Layer, describe_function, describe_module
from .trace import Call, Trace, trace

_ARITHMETIC: Final = frozenset({"add", "sub", "mul", "div"})


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One layer: a call of a module that contains no other, or an operation between modules.

    Attributes:
        name: the module's path, or the operation's name.
        layer: what kind of layer it is and how a textbook writes it.
        shape: the shape of its output for one example.
        parameters: how many parameters it reads that no row before it has read.
        multiply_adds: how many multiplications it adds up for one example.
        field: the receptive field of one number of its output, or None where there is no image.
        inputs: the positions of the rows whose outputs it reads.
        calls: the calls of containers that it was made in, the outermost first.
        output: what it computed.
        kernels: the kernels of a convolution, or None.
        module: the path of the module that it ran in.
        operations: the names of its operations; none where it is the whole module.
        share: which part of the network's time it took, from 0 to 1, where that was measured.
    """

    name: str
    layer: Layer
    shape: tuple[int, ...]
    parameters: int = 0
    multiply_adds: int = 0
    field: Field | None = None
    inputs: tuple[int, ...] = ()
    calls: tuple[Call, ...] = ()
    output: Any = None
    kernels: Any = None
    module: str = ""
    operations: tuple[str, ...] = ()
    share: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """A network's layers, in the order of computation; the first row is the input. `str()` prints them as a table.

    Attributes:
        model: the class of the network.
        rows: the layers.
        parameters: the number of the network's parameters, whether read or not.
        unread: how many of them the output does not depend on.
    """

    model: str
    rows: tuple[Row, ...]
    parameters: int
    unread: int

    @property
    def multiply_adds(self) -> int:
        """The multiplications of all layers, for one example."""
        return sum(row.multiply_adds for row in self.rows)

    @property
    def image(self) -> tuple[int, ...]:
        """The sides of the input image; empty where the input is none."""
        return image_sides(self.rows[0].shape)

    @property
    def field(self) -> Field | None:
        """The receptive field where the image ends: of the last layer whose output is an image."""
        return next((row.field for row in reversed(self.rows) if row.field and not row.field.is_vector), None)

    def totals(self) -> list[str]:
        """The sums, in words."""
        words = [f"{grouped(self.parameters)} parameter{'' if self.parameters == 1 else 's'}"]
        if self.unread:
            words[0] += f" ({grouped(self.unread)} of them unused)"
        words.append(f"{grouped(self.multiply_adds)} multiply-adds")
        if self.field is not None:
            jump = "×".join(jump_text(j) for j in self.field.jump)
            words.append(f"receptive field {field_text(self.field, self.image)}, stride {jump}")
        return words

    def __str__(self) -> str:
        head = ("layer", "kind", "output", "parameters", "multiply-adds", "field", "stride")
        cells = [self._cells(row) for row in self.rows]
        kept = [i for i in range(len(head)) if any(row[i] for row in cells)]
        widths = [max(len(line[i]) for line in [head, *cells]) for i in kept]
        lines = [
            "  ".join(
                line[i].ljust(width) if i < 2 else line[i].rjust(width) for i, width in zip(kept, widths, strict=True)
            ).rstrip()
            for line in [head, *cells]
        ]
        rule = "─" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:], rule, " · ".join(self.totals())])

    def _cells(self, row: Row) -> tuple[str, ...]:
        found = row.field if row.inputs else None
        jump = "" if found is None or found.is_vector else "×".join(jump_text(j) for j in dict.fromkeys(found.jump))
        count = grouped(row.parameters) if row.parameters else ""
        adds = grouped(row.multiply_adds) if row.multiply_adds else ""
        kind = "" if row.layer.text == row.name else row.layer.text
        return (row.name, kind, output_text(row.shape), count, adds, field_text(found, self.image), jump)


def survey(model: Any, input: Any) -> Survey:
    """Run a network once and list its layers. Mode, gradients, random numbers and buffers stay as they are.

    Args:
        model: a module.
        input: a tensor, an array, or a shape with the batch axis first, which stands for zeros.

    Raises:
        UsageError: `model` is no module, or `input` no tensor, array or shape.
        GraphError: the model returns no tensor, or one that does not depend on its input.

    >>> from minidl import nn
    >>> net = nn.Sequential(nn.Conv2d(1, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(864, 10))
    >>> print(survey(net, (1, 1, 28, 28)))
    layer  kind           output  parameters  multiply-adds  field  stride
    ──────────────────────────────────────────────────────────────────────
    input                1@28×28
    0      conv 5×5      6@24×24         156         86 400    5×5       1
    1      ReLU          6@24×24                               5×5       1
    2      max pool 2×2  6@12×12                               6×6       2
    3      flatten           864                               6×6
    4      linear             10       8 650          8 640    all
    ──────────────────────────────────────────────────────────────────────
    8 806 parameters · 95 040 multiply-adds · receptive field 6×6, stride 2×2
    """
    return read(trace(model, input), type(model).__name__)


def read(run: Trace, model: str) -> Survey:
    """Return the survey of a run."""
    groups = _Groups(run)
    total = sum(run.sizes.values())
    rows = groups.rows()
    return Survey(model, rows, total, total - sum(row.parameters for row in rows))


def output_text(shape: Sequence[int]) -> str:
    """Write the shape of one example: channels @ height × width for an image.

    >>> output_text((6, 28, 28)), output_text((4096,)), output_text((50_257,)), output_text((197, 768))
    ('6@28×28', '4096', '50 257', '197×768')
    """
    if len(shape) == 1 and shape[0] >= 10_000:
        return grouped(shape[0])
    if len(shape) > 2:
        return f"{shape[0]}@" + "×".join(map(str, shape[1:]))
    return "×".join(map(str, shape)) or "1"


def image_sides(shape: Sequence[int]) -> tuple[int, ...]:
    """The sides of an image whose channels come first; empty for a vector.

    >>> image_sides((6, 28, 28)), image_sides((10,))
    ((28, 28), ())
    """
    return tuple(shape[1:]) if len(shape) > 2 else ()


def jump_text(jump: Fraction) -> str:
    """Write a product of strides: `4`, or `1/2` where the image has been enlarged."""
    return str(jump)


class _Groups:
    """The recorded nodes, sorted into rows."""

    def __init__(self, run: Trace) -> None:
        self.run = run
        self.data = self._data_nodes()
        self.consumers: dict[int, list[Node]] = {}
        for node in run.nodes:
            for x in node.inputs:
                if isinstance(x, Node):
                    self.consumers.setdefault(id(x), []).append(node)
        self.group_of: dict[int, int] = {}
        self.groups: list[list[Node]] = []
        self.calls: list[Call | None] = []
        self._sort()

    def _data_nodes(self) -> set[int]:
        """The ids of the nodes that the input reaches; of all of them where it is whole numbers, which leave no record."""
        run = self.run
        if not run.source.requires_grad:
            return {id(node) for node in run.nodes}
        reached = {id(run.source)}
        for node in run.nodes:
            if any(id(x) in reached for x in node.inputs):
                reached.add(id(node))
        return reached - {id(run.source)}

    def _sort(self) -> None:
        place: dict[int, int] = {}
        for node in self.run.nodes:
            call = self.run.call_of(node)
            if id(node) not in self.data:
                continue
            group = place.get(id(call)) if call is not None and call.is_layer else self._continued(node, call)
            if group is None:
                group = len(self.groups)
                self.groups.append([])
                self.calls.append(call)
                if call is not None and call.is_layer:
                    place[id(call)] = group
            self.groups[group].append(node)
            self.group_of[id(node)] = group
        for node in reversed(self.run.nodes):  # what is computed from parameters alone belongs to what uses it
            if id(node) not in self.group_of:
                self.group_of[id(node)] = self.group_of[id(self.consumers[id(node)][0])]

    def _continued(self, node: Node, call: Call | None) -> int | None:
        """The group of a convolution or product that `node` adds a bias to, or of a scaling that it goes on with."""
        before = [x for x in node.inputs if isinstance(x, Node) and id(x) in self.data]
        if len(before) != 1 or node.primitive is None or node.primitive.name not in _ARITHMETIC:
            return None
        x = before[0]
        group = self.group_of[id(x)]
        name = x.primitive.name if x.primitive else ""
        is_alone = len(self.consumers[id(x)]) == 1 and self.calls[group] is call
        return group if is_alone and (name in _ARITHMETIC | {"matmul"} or name.startswith("conv")) else None

    def rows(self) -> tuple[Row, ...]:
        """The input and a row for each group."""
        run = self.run
        order = sorted(range(len(self.groups)), key=lambda group: self.groups[group][-1].order)
        position = {group: i + 1 for i, group in enumerate(order)}
        fields = self._fields()
        source = Row(
            "input",
            Layer("input", "input"),
            self._shape(run.source),
            field=fields.get(id(run.source)),
            output=fetched(run.source.data),
        )
        rows, read = [source], set[str]()
        members = self._members()
        for group in order:
            nodes, call = self.groups[group], self.calls[group]
            own = self._parameters(members[group]) - read
            read |= own
            is_module = call is not None and call.is_layer
            layer = describe_module(call.module, nodes) if call is not None and is_module else describe_function(nodes)
            rows.append(
                Row(
                    name=call.path if call is not None and is_module and call.path else layer.text,
                    layer=layer,
                    shape=self._shape(nodes[-1]),
                    parameters=sum(run.sizes[path] for path in own),
                    multiply_adds=sum(map(multiply_adds, nodes)) // (run.batch or 1),
                    field=fields.get(id(nodes[-1])),
                    inputs=self._inputs(members[group], group, position),
                    calls=_outer(call.outer if call is not None and is_module else call),
                    output=fetched(nodes[-1].data),
                    kernels=next(
                        (fetched(x.inputs[1].data) for x in nodes if spatial_axes(x) == 2 and len(x.inputs) == 2), None
                    ),
                    module=call.path if call is not None else "",
                    operations=() if is_module else _names(members[group]),
                )
            )
        return tuple(rows)

    def _members(self) -> list[list[Node]]:
        members: list[list[Node]] = [[] for _ in self.groups]
        for node in self.run.nodes:
            members[self.group_of[id(node)]].append(node)
        return members

    def _parameters(self, nodes: Sequence[Node]) -> set[str]:
        paths = self.run.parameters
        return {paths[id(x)] for node in nodes for x in node.inputs if id(x) in paths}

    def _inputs(self, nodes: Sequence[Node], group: int, position: Mapping[int, int]) -> tuple[int, ...]:
        found = set()
        for node in nodes:
            for x in node.inputs:
                if x is self.run.source:
                    found.add(0)
                elif isinstance(x, Node) and self.group_of.get(id(x), group) != group:
                    found.add(position[self.group_of[id(x)]])
        return tuple(sorted(found)) or (0,)

    def _shape(self, node: Node) -> tuple[int, ...]:
        shape = tuple(node.shape)
        return shape[1:] if self.run.batch is not None and shape[:1] == (self.run.batch,) else shape

    def _fields(self) -> dict[int, Field]:
        """The receptive field of every node, by id; none where no convolution or pooling looks at an image."""
        axes = max(map(spatial_axes, self.run.nodes), default=0)
        if not axes or self.run.source.ndim < axes + 1:
            return {}
        one = (1,) * axes
        fields = {id(self.run.source): Field(one, (Fraction(1),) * axes, one)}
        for node in self.run.nodes:
            found = receptive_field(node, fields)
            if found is not None:
                fields[id(node)] = found
        return fields


def _names(nodes: Sequence[Node]) -> tuple[str, ...]:
    """The operations that computed nodes, each once."""
    return tuple(dict.fromkeys(node.primitive.name for node in nodes if node.primitive is not None))


def _outer(call: Call | None) -> tuple[Call, ...]:
    """The calls around a call, itself the last, without that of the network."""
    found: list[Call] = []
    while call is not None and call.outer is not None:
        found.insert(0, call)
        call = call.outer
    return tuple(found)
