"""What stands below a frame: the equation of the step, set as mathematics, in the colours of the wires."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from minidl.autodiff.symbols import formula
from minidl.graph import Node

from ..circuit.diagram import Wire
from ..circuit.wires import array_block, is_small
from ..drawing.block import Block, beside, blank, line_block, stacked
from ..drawing.dot import Html, bold, font, italic, text
from ..drawing.notation import formula_html, number, number_html, shape_text, tidy_name
from ..drawing.theme import Theme
from .narrator import with_numbers

_MOST_GIVEN: Final = 4
_LONGEST: Final = 620
"""The width in points above which a caption leaves out its numbers: the figure shows them."""


class Captions:
    """Sets the captions of one deck.

    Args:
        root: what is differentiated.
        names: what the values are called.
        ndims: the number of axes of each name.
        theme: colours and type.
    """

    def __init__(self, root: str, names: Mapping[Node, str], ndims: Mapping[str, int], theme: Theme) -> None:
        self.root = root
        self.names = names
        self.ndims = ndims
        self.theme = theme
        self.size = theme.symbol_size - 1

    # Pieces ---------------------------------------------------------------------------------------------------------------

    def _math(self, plain: str, color: str) -> Block:
        return line_block(_even(formula_html(plain, self.ndims, self.size)), plain, color, self.size, space=8)

    def _sign(self, sign: str) -> Block:
        return line_block(_even(text(sign)), sign + "n", self.theme.ink, self.size, space=8 if sign in "=⊙+" else 2)

    def _space(self) -> Block:
        return blank(8, 1)

    def _array(self, value: Any, color: str, factor: bool = False) -> Block:
        value = np.asarray(value)
        if value.ndim == 0:
            content, plain = number_html(float(value), size=self.size), number(float(value))
            if factor and plain.startswith("−"):
                content, plain = text("(") + content + text(")"), f"({plain})"
            return line_block(_even(content), plain, color, self.size, space=8)
        if is_small(value.shape):
            return array_block(value, color, self.theme)
        plain = f"{shape_text(value.shape)} numbers"
        return line_block(text(plain), plain, color, self.theme.number_size)

    def _partial(self, name: str) -> str:
        return f"∂{self.root}/∂{name}"

    def _small(self, plain: str) -> Block:
        size = self.theme.note_size
        return line_block(_even(formula_html(plain, self.ndims, size)), plain, self.theme.line, size)

    def _short(self, *variants: list[Block]) -> Block:
        """Set the first variant that is not too long."""
        for blocks in variants[:-1]:
            if sum(block.width for block in blocks) <= _LONGEST:
                return beside(blocks)
        return beside(variants[-1])

    # Captions -------------------------------------------------------------------------------------------------------------

    def words(self, plain: str) -> Block:
        """Set a sentence."""
        return line_block(_even(text(plain)), plain, self.theme.ink, self.size - 2)

    def given(self, wires: list[Wire]) -> Block:
        """Set the inputs: x = −2, y = 5."""
        blocks: list[Block] = []
        for wire in wires[:_MOST_GIVEN]:
            if blocks:
                blocks.append(line_block(_even(text(",")), ", ", self.theme.ink, self.size))
            name = self._math(tidy_name(wire.name), self.theme.ink)
            blocks += [name, self._sign("="), self._array(wire.value, self.theme.value)]
        if len(wires) > _MOST_GIVEN:
            blocks.append(line_block(_even(text(", …")), ", …", self.theme.ink, self.size))
        return self._short(blocks, [self.words("the inputs")])

    def computed(self, wire: Wire, asked: bool = False) -> Block:
        """Set how a value is computed: q = x + y = −2 + 5 = 3."""
        node, name = wire.node, tidy_name(wire.name)
        front = [self._math(name, self.theme.ink), self._sign("=")]
        middle: list[Block] = []
        if (
            node is not None
            and node.primitive is not None
            and all(x in self.names for x in node.inputs if isinstance(x, Node))
        ):
            middle = [self._math(formula(node, self.names), self.theme.ink), self._sign("=")]
            numbers = {x: self._spoken(x) for x in node.inputs if isinstance(x, Node)}
            if node.ndim == 0 and all(x.ndim == 0 for x in numbers):
                middle += [self._math(with_numbers(node, numbers), self.theme.value), self._sign("=")]
        end = [self._result(wire.value, self.theme.value, asked)]
        return self._short([*front, *middle, *end], [*front, *end])

    def _spoken(self, x: Node) -> str:
        plain = number(float(x.data)) if x.ndim == 0 else ""
        return f"({plain})" if plain.startswith("−") else plain

    def _result(self, value: Any, color: str, asked: bool) -> Block:
        if not asked:
            return self._array(value, color)
        return line_block(bold(text("?")), "?", self.theme.accent, self.size, space=6)

    def start(self) -> Block:
        """Set how the backward pass starts: ∂f/∂f = 1."""
        blocks = [self._math(self._partial(self.root), self.theme.gradient), self._sign("=")]
        return beside([*blocks, self._array(1.0, self.theme.gradient)])

    def sent(
        self,
        source: str,
        target: str,
        upstream: Any,
        local: Any,
        sent: Any,
        rule: str | None,
        local_rule: str | None,
        paths: int,
        asked: bool = False,
    ) -> Block:
        """Set the chain rule of one wire: ∂f/∂x = ∂f/∂q · ∂q/∂x = −4 · 1 = −4.

        Args:
            source: the name of the operation's result.
            target: the name of the input that receives.
            upstream: the gradient of the result.
            local: the local derivative in numbers, or None where it is not one number an element.
            sent: upstream × local.
            rule: what is sent in symbols, or None.
            local_rule: the local derivative in symbols, such as `∂q/∂x = 1`, or None.
            paths: over how many ways the target's gradient arrives.
            asked: whether the result is asked for.
        """
        theme = self.theme
        front = [self._math(self._partial(target), theme.gradient), self._sign("=")]
        if paths > 1:
            front = [self._math(f"along {source}:", theme.ink), self._space()]
        end = [self._sign("="), self._result(sent, theme.gradient, asked)]
        scalar = local is not None and np.ndim(upstream) == np.ndim(local) == np.ndim(sent) == 0
        up = self._math(self._partial(source), theme.gradient)
        if scalar or rule is None:
            chain = [up, self._sign("·"), self._math(f"∂{source}/∂{target}", theme.local)]
        else:
            chain = [self._coloured(rule, self._partial(source))]
        numbers: list[Block] = []
        passed_on = rule == self._partial(source) and not scalar  # nothing is multiplied
        same = local is not None and np.shape(upstream) == np.shape(local) == np.shape(sent)
        if same and not passed_on and is_small(np.shape(sent)):
            sign = self._sign("·" if scalar else "⊙")
            numbers = [
                self._sign("="), self._array(upstream, theme.gradient), sign, self._array(local, theme.local, factor=True),
            ]  # fmt: skip
        first = self._short([*front, *chain, *numbers, *end], [*front, *chain, *end])
        note = "upstream · local = downstream"
        if local_rule:
            note += f"\u2003({local_rule})"
        if paths > 1:
            note = f"one of {paths} ways to {target}" + (f"\u2003({local_rule})" if local_rule else "")
        return stacked([first, self._small(note)], gap=2)

    def _coloured(self, rule: str, upstream: str) -> Block:
        """Set a rule: what arrives in the gradients' colour, the rest in that of local derivatives."""
        theme, pieces = self.theme, rule.split(upstream)
        markup = Html("")
        for i, piece in enumerate(pieces):
            if i:
                markup += font(formula_html(upstream, self.ndims, self.size), theme.gradient)
            if piece:
                markup += font(formula_html(piece, self.ndims, self.size), theme.local)
        return line_block(markup, rule, theme.ink, self.size, space=6)

    def added(self, target: str, before: Any, value: Any, total: Any, asked: bool = False) -> Block:
        """Set how a further contribution is added: ∂f/∂x = −4 + 3 = −1."""
        red = self.theme.gradient
        front = [self._math(self._partial(target), red), self._sign("=")]
        terms = [self._array(before, red), self._sign("+"), self._array(value, red, factor=True), self._sign("=")]
        end = [self._result(total, red, asked)]
        first = self._short([*front, *terms, *end], [*front, *end])
        return stacked(
            [first, self._small(f"{target} is used more than once: what comes back along each way adds up")], gap=2
        )

    def gradients(self, wires: list[Wire]) -> Block:
        """Set what was found: the gradient of every input."""
        blocks: list[Block] = []
        for wire in wires[:_MOST_GIVEN]:
            if blocks:
                blocks.append(line_block(_even(text(",")), ", ", self.theme.ink, self.size))
            name = self._math(self._partial(tidy_name(wire.name)), self.theme.gradient)
            blocks += [name, self._sign("="), self._array(wire.gradient, self.theme.gradient)]
        if len(wires) > _MOST_GIVEN:
            blocks.append(line_block(_even(text(", …")), ", …", self.theme.ink, self.size))
        return self._short(blocks, [self.words("every input has its gradient")])


def _even(content: Html) -> Html:
    """Make a line of several pieces: Graphviz sets a line of one piece lower than others, and they stand side by side."""
    return content + italic(text("\u00a0"))
