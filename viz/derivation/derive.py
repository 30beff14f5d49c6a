"""The derivation of a value: its reverse sweep once more, with expressions in the place of arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from minidl.autodiff import gradients, on_the_cpu, order
from minidl.autodiff.sweep import quietly
from minidl.errors import GraphError, UsageError
from minidl.graph import Node, data_of, describe
from minidl.primitives import Elementwise

from ..circuit.naming import choose_names
from ..drawing.notation import tidy_name
from .algebra import ONE, add, lift
from .derivation import Derivation, Equation
from .expression import Axes, Back, Call, Expand, Expression, Name, Number, Partial, Transpose, Unsimplified
from .translation import applied, substitute
from .writing import Writer

LARGEST: Final = 40
"""The most operations that one derivation goes through."""

_LONGEST_STEP: Final = 40
"""Letters of a gradient that is still put in the place of its name in the next line."""

_LONGEST_RESULT: Final = 90
"""Letters of a gradient in terms of the leaves; a longer one stays in terms of the values in between."""

_UNREADABLE: Final = 400
"""Letters beyond which no expression is pursued any further."""

_KNOWN: Final = frozenset({"softmax", "log_softmax", "logsumexp", "norm", "squared_norm", "cross_entropy", "prod"})
"""Operations on whole arrays that a textbook writes by name within a formula."""


def derive(
    root: Node, names: Mapping[str, Any] | None = None, wrt: Node | str | Sequence[Node | str] | None = None
) -> Derivation:
    """Derive the gradient of `root` with respect to each leaf, line by line, as a textbook does.

    Every line comes from the primitives' own derivative rules, which are fed expressions instead of arrays.

    Args:
        root: one number that was computed from leaves with `requires_grad`.
        names: names for the values, such as `locals()`; values that have a name keep it.
        wrt: the values to derive for, themselves or by name; all leaves by default.

    Returns:
        What `print` shows as text, `.latex()` as LaTeX, and a notebook as mathematics.

    Raises:
        GraphError: `root` has no graph or is not one number, does not depend on `wrt`, or the way there has more than 40
            operations.
        UsageError: `wrt` names no value of the graph.

    >>> import minidl
    >>> x, y, z = (minidl.scalar(v, name=n) for v, n in [(-2.0, "x"), (5.0, "y"), (-4.0, "z")])
    >>> print(derive(((x + y) * z).named("f"), wrt=z))
    given
      x = −2,  y = 5,  z = −4
    <BLANKLINE>
    forward
      q = x + y = 3
      f = q·z = −12
    <BLANKLINE>
    backward
      ∂f/∂z = q = x + y = 3
    """
    root, names, wrt = on_the_cpu(root, names, wrt)
    nodes = _nodes(root)
    found = gradients(root)
    _check_hooks(nodes)
    known = choose_names(nodes, names)
    sweep = _Sweep(root, nodes, {node: tidy_name(name) for node, name in known.items()}, found)
    return sweep.derivation(_wanted(nodes, known, wrt))


def _nodes(root: Node) -> list[Node]:
    """Return every node that takes part, constant ones included, inputs first.

    Raises:
        GraphError: there is no derivation of `root`.
    """
    if not isinstance(root, Node):
        raise GraphError(f"cannot derive a {type(root).__name__}: derive() takes a tensor that minidl computed")
    if not root.requires_grad or root.primitive is None:
        raise GraphError(
            "there is nothing to derive: this value was not computed from anything that requires a gradient; create its "
            "inputs with requires_grad=True (or minidl.scalar), and compute it outside no_grad()"
        )
    if root.data.size != 1:
        raise GraphError(
            f"{root.name or 'this value'} has shape {root.shape}, and a derivation is that of one number: reduce it, as in "
            "derive(z.sum())"
        )
    nodes = order(root)
    inside = set(nodes)
    constants = {x for node in nodes for x in node.inputs if isinstance(x, Node) and x not in inside}
    return sorted({*nodes, *constants}, key=lambda node: node.order)


def _check_hooks(nodes: Sequence[Node]) -> None:
    """Refuse a graph whose gradients are more than the chain rule: a hook may put any number in their place."""
    for node in nodes:
        if node.extras is not None and node.extras.hooks:
            raise GraphError(
                f"{describe(node)} has a hook, which may replace its gradient by what no derivation leads to; take it away "
                "with its handle's remove()"
            )


def _wanted(nodes: Sequence[Node], names: Mapping[Node, str], wrt: Any) -> list[Node]:
    """Return the values to derive for."""
    if wrt is None:
        return [node for node in nodes if node.primitive is None and node.requires_grad]
    given: Iterable[Any] = wrt if isinstance(wrt, Iterable) and not isinstance(wrt, Node | str) else [wrt]
    wanted = []
    for which in given:
        matches = [
            n for n in nodes if n is which or (isinstance(which, str) and which in (names[n], tidy_name(names[n])))
        ]
        if isinstance(which, str) and not matches:
            there = ", ".join(tidy_name(names[n]) for n in nodes if n.requires_grad)
            raise UsageError(f"derive: there is no {which!r} in this graph; there are {there}")
        if not matches or not matches[0].requires_grad:
            raise GraphError("derive: the value does not depend on what wrt names, or that does not require a gradient")
        wanted.append(matches[0])
    if not wanted:
        raise UsageError("derive: wrt is empty; leave it out to derive for every leaf")
    return wanted


class _Sweep:
    """One derivation in the making."""

    def __init__(self, root: Node, nodes: Sequence[Node], names: Mapping[Node, str], found: Mapping[Node, Any]) -> None:
        self.root = root
        self.nodes = nodes
        self.found = found
        self.names = {node: Name(i, names[node], node.data) for i, node in enumerate(nodes)}
        self.symbols: dict[Node, Expression] = dict(self.names)
        self.formulas: dict[Node, Expression] = {}
        self.write = Writer()

    def derivation(self, wanted: Sequence[Node]) -> Derivation:
        path = self._path(wanted)
        operations = sum(node.primitive is not None for node in path)
        if operations > LARGEST:
            raise GraphError(
                f"this derivation would go through {operations} operations, more than can be read ({LARGEST}); name the "
                "values it is wanted for, as in derive(root, wrt=[w]), or derive a part of it"
            )
        with quietly(recording=False):
            self._forward()
            backward = self._backward(path, set(wanted))
        named = [node for node in self.nodes if self.symbols[node] is self.names[node]]
        given = [Equation(self.names[node], (), node.data) for node in named if node not in self.formulas]
        forward = [
            Equation(self.names[node], (self.formulas[node],), node.data) for node in named if node in self.formulas
        ]
        return Derivation(given, forward, backward)

    def _path(self, wanted: Sequence[Node]) -> list[Node]:
        """Return the nodes between the root and what is wanted."""
        reached = set(wanted)
        for node in self.nodes:
            if node.requires_grad and any(isinstance(x, Node) and x in reached for x in node.inputs):
                reached.add(node)
        if self.root not in reached:
            raise GraphError("derive: the value does not depend on what wrt names")
        return [node for node in self.nodes if node in reached]

    def _forward(self) -> None:
        """Write each operation by its inputs; a transpose, or what only changes the shape, gets no name of its own."""
        for node in self.nodes:
            if node.primitive is None:
                continue
            written = applied(node.primitive, [self._symbol(x) for x in node.inputs], node.params)
            self.formulas[node] = written
            trivial = isinstance(written, Transpose | Expand | Axes | Name | Number)
            if trivial and node is not self.root and not (node.name and not isinstance(written, Name)):
                self.symbols[node] = written
        self._join_root()

    def _join_root(self) -> None:
        """Let the root be what it only reshapes: a mean of one number is that number, and needs no name."""
        for node in reversed(self.nodes[:-1]):
            name, formula = self.names[node], self.formulas[self.root]
            users = sum(x is node for other in self.nodes for x in other.inputs)
            if formula in (name, Axes(name, (), None)) and node in self.formulas and users == 1 and not node.name:
                self.symbols[node] = self.formulas[node]
                self.formulas[self.root] = substitute(formula, {name: self.formulas[node]})

    def _symbol(self, x: Any) -> Expression:
        return self.symbols[x] if isinstance(x, Node) else lift(x)

    def _backward(self, path: Sequence[Node], wanted: set[Node]) -> list[Equation]:
        """Run the rules from the root to the leaves; the lines of the leaves come last, in the leaves' own order."""
        members = set(path)
        self.arrived: dict[Node, list[tuple[Node, Expression, Expression | None]]] = {node: [] for node in path}
        self.gradient: dict[Node, Expression] = {}
        self.short: dict[Expression, Expression] = {}
        self.closed: dict[Expression, Expression | None] = {}
        lines: dict[Node, Equation] = {}
        for node in reversed(path):
            if node is self.root:
                self.gradient[node] = lift(np.ones(node.shape))
            else:
                self.arrived[node].sort(key=lambda path: path[0].order)
                total = add(*(sent for _, sent, _ in self.arrived[node]))
                if self.symbols[node] is not self.names[node]:
                    self.gradient[node] = total
                else:
                    lines[node] = self._line(node, total, node in wanted)
            if node.primitive is not None:
                self._send(node, members)
        leaves = [node for node in path if node.primitive is None]
        return [line for node, line in lines.items() if node.primitive] + [lines[node] for node in leaves]

    def _send(self, node: Node, members: set[Node]) -> None:
        """Feed a node's rule the name of its gradient, and hand out what it sends."""
        primitive = node.primitive
        assert primitive is not None
        upstream = self.gradient[node]
        needs = [isinstance(x, Node) and x in members for x in node.inputs]
        inputs = [self._symbol(x) for x in node.inputs]
        own = self.symbols[node]
        try:
            sent = list(primitive.vjp(upstream, own, inputs, node.saved, node.params, needs))
        except (TypeError, ValueError, AttributeError, IndexError):
            sent = [None] * len(needs)
        known = self._computed(node, needs)
        for i, x in enumerate(node.inputs):
            if not needs[i] or known[i] is None:
                continue
            c = sent[i]
            expression = lift(c) if c is not None else None
            if expression is None or not is_readable(expression):
                others = (upstream, *(s for k, s in enumerate(inputs) if k != i))
                expression = Back(primitive, others, i, known[i])
            local = None
            if isinstance(primitive, Elementwise) and self.symbols[node] is self.names[node]:
                local = lift(primitive.partial(i, own, inputs, node.params))
                local = local if is_readable(local) and local.shape in ((), x.shape) and x.shape == node.shape else None
            self.arrived[x].append((node, expression, local))

    def _computed(self, node: Node, needs: Sequence[bool]) -> list[Any]:
        """What the rule sends in numbers."""
        assert node.primitive is not None
        arrays = [data_of(x) for x in node.inputs]
        return list(node.primitive.vjp(self.found[node], node.data, arrays, node.saved, node.params, needs))

    def _line(self, node: Node, total: Expression, wanted: bool) -> Equation:
        """Write ∂root/∂node in steps: the chain rule, the rule's own words, by the names of the values, by the leaves."""
        left = Partial(self.names[self.root], self.names[node], self.found[node])
        shown = substitute(total, self.short)
        if len(self.write(shown)) > _LONGEST_RESULT:
            shown = total
        steps = [*self._chain_rule(node, left, total), shown]
        closed = self._in_leaves(total)
        self.closed[left] = closed
        self.short[left] = shown if len(self.write(shown)) <= _LONGEST_STEP else left
        self.gradient[node] = left
        if wanted and closed is not None and len(self.write(closed)) <= _LONGEST_RESULT:
            steps.append(closed)
        return Equation(left, tuple(steps), self.found[node], numeric=shown)

    def _chain_rule(self, node: Node, left: Partial, total: Expression) -> list[Expression]:
        users = list(dict.fromkeys(user for user, _, _ in self.arrived[node]))
        locals_ = [local for _, _, local in self.arrived[node]]
        if any(user is self.root for user in users):
            return []
        named = all(self.symbols[user] is self.names[user] for user in users)
        steps: list[Expression] = []
        if named and (len(users) > 1 or locals_[0] is not None):
            terms = tuple((self.gradient[u], Partial(self.names[u], self.names[node], ONE.value)) for u in users)
            steps.append(Unsimplified(terms, left.value))
        elif total != substitute(total, self.short):
            steps.append(total)
        if all(local is not None and (node.ndim == 0 or not isinstance(local, Number)) for local in locals_):
            pairs = tuple(
                (self.short[self.gradient[user]], local) for user, _, local in self.arrived[node] if local is not None
            )
            steps.append(Unsimplified(pairs, left.value))
        elif steps and isinstance(steps[0], Unsimplified) and not all(isinstance(x, Number) for x in locals_):
            steps.append(total)
        return steps

    def _in_leaves(self, total: Expression) -> Expression | None:
        """Write a gradient in terms of the leaves alone; None where that is too long to read."""
        table: dict[Expression, Expression] = {}
        for partial, closed in self.closed.items():
            if closed is not None:
                table[partial] = closed
        written = substitute(total, table)
        for node in reversed(self.nodes):
            if node in self.formulas and self.symbols[node] is self.names[node]:
                written = substitute(written, {self.names[node]: self.formulas[node]})
                if len(self.write(written)) > _UNREADABLE:
                    return None
        return None if _mentions(written, Partial) else written


def _mentions(x: Expression, kind: type[Expression]) -> bool:
    return isinstance(x, kind) or any(_mentions(part, kind) for part in x.parts)


def is_readable(x: Expression) -> bool:
    """Whether all of it has a notation that stands for what it does."""
    if (
        isinstance(x, Call)
        and x.primitive.kind in ("linear", "multilinear", "general")
        and x.primitive.name not in _KNOWN
    ):
        return False
    return all(is_readable(part) for part in x.parts)
