"""Zooming in: a graph of tensor operations as an equal graph of scalar operations, which everything that reads graphs can read.

`Wx` for a 2×3 matrix becomes six multiplications and two additions. They are real operations on real scalars, so that
values, gradients, frames and derivations of the unfolded graph are computed, not imitated.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

import minidl
from minidl.autodiff import forward_events, order
from minidl.autodiff.sweep import quietly
from minidl.errors import GraphError
from minidl.graph import Node
from minidl.primitives import registry

from . import nary
from .element_names import element_name, free_name, names_of
from .unfold_plan import check_size, check_starts, chosen, estimate, shapes_of
from .unfold_rules import REDUCTIONS, ROW_RULES, Bench, Element, linear_terms, members_of, multilinear_terms

_COPIES: Final = {"clone", "positive"}


@dataclass(frozen=True, slots=True)
class Unfolded:
    """An unfolded graph, and how it belongs to the original.

    Attributes:
        root: the value that equals the original's: a scalar, or a bundle of scalars where the original has several elements.
        names: names for the new nodes that stand for something which has a name in the original: `W_12` is the element in
            row 1 and column 2 of W, `x_1` the first of x. Products and sums on the way have none. Nothing is named twice.
        groups: each new scalar operation → the original value that it helps to compute, the one whose place its group takes.
        sources: each original leaf → its elements, in row-major order.
        kept: each new node that stands for a whole original one, drawn as before → that original.
        merged: each new node that only bundles scalars into an array, or takes one out of it, around an operation that was not
            unfolded → the original array. A figure draws it as a mere joint, not as an operation.
        elements: each original value that has been taken apart → its elements in row-major order, a plain number where an
            element depends on nothing that has a gradient. A rearrangement has its input's elements, and no group.
    """

    root: Node
    names: Mapping[Node, str]
    groups: Mapping[Node, Node]
    sources: Mapping[Node, tuple[Node, ...]]
    kept: Mapping[Node, Node]
    merged: Mapping[Node, Node]
    elements: Mapping[Node, tuple[Element, ...]]


def unfold(root: Node, which: Collection[Node] | None = None, names: Mapping[Node, str] | None = None) -> Unfolded:
    """Unfold tensor operations into additions, multiplications and functions of scalars.

    The original graph and its gradients stay as they are. The new one computes in double precision. Reshapes, transposes,
    selections and the like become wiring. What has no scalar form, such as a matrix inverse, stays one operation.

    Args:
        root: the value whose graph to unfold.
        which: the values whose operations to unfold; all if None. A rearrangement that is only used by these goes with them.
        names: what the original values are called; the others get a name of their own, or a letter.

    Raises:
        GraphError: `root` was not computed, `which` holds something else, or more than 200 operations would come of it.

    >>> import minidl
    >>> W = minidl.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True, name="W")
    >>> x = minidl.tensor([5.0, 6.0], requires_grad=True, name="x")
    >>> unfolded = unfold((W @ x).named("u").squared_norm())
    >>> [node.primitive.name for node, of in unfolded.groups.items() if of.name == "u"]
    ['mul', 'mul', 'add', 'mul', 'mul', 'add']
    >>> unfolded.root.item(), [unfolded.names[w] for w in unfolded.sources[W]]
    (1810.0, ['W_11', 'W_12', 'W_21', 'W_22'])
    """
    if not isinstance(root, Node) or root.primitive is None:
        what = root.name or "this tensor" if isinstance(root, Node) else f"a {type(root).__name__}"
        raise GraphError(f"there is nothing to unfold: {what} was given, not computed from what requires a gradient")
    nodes = [event.node for event in forward_events(root)]
    inside = set(nodes)
    given = {x for node in nodes for x in node.inputs if isinstance(x, Node) and x not in inside}
    nodes = sorted((*nodes, *given), key=lambda node: node.order)
    known = names_of(nodes, names or {})
    with quietly(recording=True):
        return _Unfolding(root, nodes, chosen(nodes, which), known).result()


class _Unfolding:
    """One graph being unfolded."""

    def __init__(self, root: Node, nodes: Sequence[Node], wanted: Collection[Node], names: Mapping[Node, str]) -> None:
        self.root = root
        self.nodes = nodes
        self.wanted = wanted
        self.called = names
        self.names: dict[Node, str] = {}
        self.groups: dict[Node, Node] = {}
        self.kept: dict[Node, Node] = {}
        self.merged: dict[Node, Node] = {}
        self.elements: dict[Node, tuple[Element, ...]] = {}
        self.wholes: dict[Node, Any] = {}
        self.apart = {x for node in wanted for x in node.inputs if isinstance(x, Node)}
        self.taken = set(names.values())
        check_starts([node for node in nodes if node in self.apart and node not in wanted], names)
        check_size({node: estimate(node) for node in nodes if node in wanted}, names)

    def result(self) -> Unfolded:
        """Build the new graph, in the order of the old one."""
        leaves = [node for node in self.nodes if node.primitive is None]
        for leaf in leaves:
            if leaf.ndim == 0 or leaf in self.apart:
                self._take_apart(leaf)
            else:
                self._keep(leaf, minidl.tensor(leaf.data, _dtype(leaf), leaf.requires_grad))
        for node in self.nodes:
            if node.primitive is not None:
                self._operation(node)
        root = self._root()
        drawn = set(order(root))
        groups = {node: original for node, original in self.groups.items() if node in drawn}
        check_size(Counter(groups.values()), self.called)
        return Unfolded(
            root=root,
            names={node: name for node, name in self.names.items() if node in drawn or node.primitive is None},
            groups=groups,
            sources={leaf: _nodes(self.elements[leaf]) for leaf in leaves if leaf in self.elements},
            kept={node: original for node, original in self.kept.items() if node in drawn or node.primitive is None},
            merged={node: original for node, original in self.merged.items() if node in drawn},
            elements=self.elements,
        )

    def _root(self) -> Node:
        root = self.root
        if root in self.wholes and root not in self.elements:
            whole = self.wholes[root]
        else:
            whole = self.elements[root][0] if root.data.size == 1 else self._whole(root)
        if isinstance(whole, Node):
            if root.ndim == 0 and whole in self.merged:
                self.names[whole] = whole.name = self.called[root]
            return whole
        return minidl.tensor(whole) if np.ndim(whole) else minidl.scalar(whole, requires_grad=False)

    # Leaves, whole values and elements ----------------------------------------------------------------------------------

    def _take_apart(self, leaf: Node) -> None:
        self.elements[leaf] = tuple(
            minidl.scalar(value, requires_grad=leaf.requires_grad) for value in np.ravel(leaf.data).tolist()
        )
        self._name_elements(leaf)

    def _name_elements(self, node: Node) -> None:
        for place, element in zip(np.ndindex(*node.shape), self.elements[node], strict=True):
            if isinstance(element, Node) and element not in self.names:
                name = self.called[node]
                if node.ndim:
                    name = free_name(element_name(name, node.shape, place), self.taken)
                self.names[element] = element.name = name

    def _keep(self, node: Node, whole: Any) -> None:
        self.wholes[node] = whole
        if isinstance(whole, Node):
            self.kept[whole] = node
            whole.scope = node.scope
            self.names[whole] = whole.name = self.called[node]

    def _elements(self, x: Any) -> tuple[Element, ...]:
        """Return the elements of an input; those of a value that was kept whole are taken out of it."""
        if not isinstance(x, Node):
            return tuple(np.ravel(x).tolist())
        if x not in self.elements:
            whole = self.wholes[x]
            if not isinstance(whole, Node):
                return tuple(np.ravel(whole).tolist())
            if x.ndim == 0:
                return (whole,)
            taken = [registry["getitem"](whole, index=place) for place in np.ndindex(*x.shape)]
            self.merged.update(dict.fromkeys(taken, x))
            self.elements[x] = tuple(taken)
            self._name_elements(x)
        return self.elements[x]

    def _whole(self, x: Any) -> Any:
        """Return an input as one value; the elements of one that was taken apart are bundled."""
        if not isinstance(x, Node):
            return x.astype(np.float64) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x
        if x not in self.wholes:
            parts = [
                part if isinstance(part, Node) else minidl.scalar(part, requires_grad=False)
                for part in self.elements[x]
            ]
            if x.ndim == 0:
                self.wholes[x] = parts[0]
            elif not parts:
                self.wholes[x] = np.zeros(x.shape)
            else:
                whole = nary.bundle(len(parts))(*parts, shape=x.shape)
                whole.scope, whole.name = x.scope, self.called[x]
                self.merged[whole], self.names[whole], self.wholes[x] = x, self.called[x], whole
        return self.wholes[x]

    # Operations ---------------------------------------------------------------------------------------------------------

    def _operation(self, node: Node) -> None:
        assert node.primitive is not None
        scalar = node.primitive.kind == "elementwise" and node.ndim == 0 and not any(map(len, shapes_of(node)))
        if scalar:
            self._keep(node, node.primitive(*(self._elements(x)[0] for x in node.inputs), **node.params))
            return
        if node not in self.wanted:
            inputs = [self._whole(x) for x in node.inputs]
            if node.primitive.name == "to":  # everything is a double here
                self.wholes[node] = inputs[0]
            else:
                self._keep(node, node.primitive(*inputs, **node.params))
            return
        bench = Bench()
        kinds = {"elementwise": self._elementwise, "linear": self._linear, "multilinear": self._multilinear}
        self.elements[node] = tuple(kinds.get(node.primitive.kind, self._general)(bench, node))
        for made in bench.made:
            self.groups[made] = node
            made.scope = node.scope
        self._name_elements(node)

    def _elementwise(self, bench: Bench, node: Node) -> list[Element]:
        assert node.primitive is not None
        inputs = [self._elements(x) for x in node.inputs]
        if node.primitive.name in _COPIES:
            return list(inputs[0])
        places = [
            np.broadcast_to(np.arange(len(x)).reshape(shape), node.shape).ravel()
            for x, shape in zip(inputs, shapes_of(node), strict=True)
        ]
        return [
            bench.apply(node.primitive, *(x[i] for x, i in zip(inputs, row, strict=True)), **node.params)
            for row in zip(*places, strict=True)
        ]

    def _linear(self, bench: Bench, node: Node) -> list[Element]:
        assert node.primitive is not None
        row = list(itertools.chain(*(self._elements(x) for x in node.inputs)))
        forms = linear_terms(node.primitive, shapes_of(node), node.params)
        return [bench.sum_of_products(terms, [row]) for terms in forms]

    def _multilinear(self, bench: Bench, node: Node) -> list[Element]:
        assert node.primitive is not None
        inputs = [self._elements(x) for x in node.inputs]
        forms = multilinear_terms(node.primitive, shapes_of(node), node.params)
        return [bench.sum_of_products(terms, inputs) for terms in forms]

    def _general(self, bench: Bench, node: Node) -> list[Element]:
        assert node.primitive is not None
        xs = self._elements(node.inputs[0])
        members = members_of(node.primitive, shapes_of(node)[0], node.params)
        if node.primitive.name in REDUCTIONS:
            rule = REDUCTIONS[node.primitive.name]
            values = np.ravel(node.data).tolist()
            return [
                rule(bench, [xs[i] for i in places], node.params, k) if places else values[k]
                for k, places in enumerate(members)
            ]
        rows = dict.fromkeys(tuple(sorted({*places, k})) for k, places in enumerate(members))
        found: dict[int, Element] = {}
        for row in rows:
            made = ROW_RULES[node.primitive.name](bench, [xs[i] for i in row], node.params)
            found.update(zip(row, made, strict=True))
        return [found[k] for k in range(len(members))]


def _nodes(elements: Sequence[Element]) -> tuple[Node, ...]:
    return tuple(x for x in elements if isinstance(x, Node))


def _dtype(leaf: Node) -> Any:
    return np.dtype(np.float64) if leaf.dtype.kind == "f" else leaf.dtype
