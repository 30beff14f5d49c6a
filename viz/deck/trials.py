"""Trying an answer out: one number is moved a little, and everything after it is computed again."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any, Final

import numpy as np

from minidl.autodiff import order
from minidl.autodiff.sweep import quietly
from minidl.graph import Node, data_of

from .judging import Trial

STEPS: Final = (0.1, 0.01, 0.001, 0.0001)
"""How far a number is moved: the first step that tells a wrong answer from the right one is the one that is told."""

MOST_COMPUTED: Final = 400
"""A graph of more operations than this is not computed again for each question."""

Use = tuple[Node, int]
"""A place where a value is used: the operation, and which of its inputs."""


class Trials:
    """Computes one graph again, in double precision.

    Args:
        root: what is differentiated; one number.

    >>> import minidl
    >>> x = minidl.scalar(3.0)
    >>> f = x * 2.0
    >>> Trials(f).move(x, [(f, 0)])[0]
    Trial(by=0.1, moved=0.2)
    """

    def __init__(self, root: Node) -> None:
        self.root = root
        self.nodes = order(root)
        self.values: dict[Node, Any] = {}
        with np.errstate(all="ignore"), quietly(recording=False):
            for node in self.nodes:
                self.values[node] = (
                    np.asarray(node.data, float) if node.primitive is None else self._compute(node, {}, ())
                )
        again, first = (np.asarray(value, float).ravel() for value in (self.values[root], root.data))
        self.faithful = again.shape == first.shape == (1,) and bool(np.allclose(again, first, rtol=1e-3, atol=1e-9))
        """Whether computing it again gives what was recorded; it does not where something is drawn at random."""

    def uses(self, x: Node) -> list[Use]:
        """Return every place where a value is used."""
        return [(node, i) for node in self.nodes for i, each in enumerate(node.inputs) if each is x]

    def move(self, x: Node, uses: Collection[Use]) -> tuple[Trial, ...]:
        """Move the first number of `x`, where the given operations read it, and see how far the root moves.

        Returns:
            What each step did; nothing where this would take long or could mislead.
        """
        if not self.faithful or len(self.nodes) > MOST_COMPUTED:
            return ()
        there = frozenset(uses)
        with np.errstate(all="ignore"), quietly(recording=False):
            found = tuple(Trial(by, self._moved(x, there, by)) for by in STEPS)
        return found if all(math.isfinite(trial.moved) for trial in found) else ()

    def _moved(self, x: Node, uses: frozenset[Use], by: float) -> float:
        nudged = np.array(self.values[x], float)
        nudged.flat[0] += by
        changed: dict[Node, Any] = {}
        for node in self.nodes:
            here = [i for i, each in enumerate(node.inputs) if each is x and (node, i) in uses]
            if here or any(isinstance(each, Node) and each in changed for each in node.inputs):
                changed[node] = self._compute(node, changed, [(i, nudged) for i in here])
        before, after = (float(np.ravel(values[self.root])[0]) for values in (self.values, {**self.values, **changed}))
        return float(f"{after - before:.10g}")  # what rounding leaves of 0.30000000000000004 is not part of the story

    def _compute(self, node: Node, changed: dict[Node, Any], here: Collection[tuple[int, Any]]) -> Any:
        inputs = [changed.get(x, self.values.get(x, x)) if isinstance(x, Node) else x for x in node.inputs]
        inputs = [_double(data_of(x)) for x in inputs]
        for i, value in here:
            inputs[i] = value
        assert node.primitive is not None
        return node.primitive.compute(inputs, node.params)[0]


def _double(value: Any) -> Any:
    return value.astype(np.float64) if getattr(value, "dtype", None) in (np.float32, np.float16) else value
