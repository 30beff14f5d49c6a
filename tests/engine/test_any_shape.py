"""Shapes that nobody chose: drawn by hypothesis, for every elementwise operation and every one that takes a `dim`."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, mutually_broadcastable_shapes

import minidl
from minidl.errors import MinidlError
from minidl.primitives import Elementwise, Operation, Sample, catalogue, registry

_spec = importlib.util.spec_from_file_location("derivatives", Path(__file__).with_name("derivatives.py"))
assert _spec is not None
assert _spec.loader is not None
derivatives = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(derivatives)

few = settings(derandomize=True, max_examples=8, deadline=None, database=None)


@pytest.mark.parametrize(
    "primitive", [p for p in registry.values() if isinstance(p, Elementwise)], ids=lambda primitive: primitive.name
)
def test_elementwise_operations_broadcast_any_shapes(primitive: Elementwise) -> None:
    @few
    @given(mutually_broadcastable_shapes(num_shapes=len(primitive.partials), min_side=0, max_side=3, max_dims=4))
    def check(drawn: Any) -> None:
        sample = Sample(tuple(drawn.input_shapes), primitive.samples[0].params, primitive.samples[0].domain)
        inputs = derivatives.leaves(primitive, sample)
        assert derivatives.run(primitive, sample, inputs).shape == tuple(drawn.result_shape)
        derivatives.check_first_order(primitive, sample)
        derivatives.check_forward_mode(primitive, sample)

    check()


def takes_a_dim(op: Operation) -> bool:
    """Whether it is a function of one tensor and an axis, and perhaps more that has defaults."""
    if not inspect.isfunction(op.function) or op.call.__name__ != "directly":
        return False
    parameters = list(inspect.signature(op.function).parameters.values())
    needed = {p.name for p in parameters if p.default is p.empty}
    one_will_do = any(p.name == "dim" and not isinstance(p.default, tuple) for p in parameters)
    return one_will_do and needed in ({"input"}, {"input", "dim"})


@pytest.mark.parametrize("op", [op for op in catalogue.values() if takes_a_dim(op)], ids=lambda op: op.path)
def test_operations_along_an_axis_take_any_shape(op: Operation) -> None:
    domain = op.samples[0].domain

    @few
    @given(array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=3), st.data())
    def check(shape: tuple[int, ...], data: Any) -> None:
        dim = data.draw(st.integers(-len(shape), len(shape) - 1))
        sample = Sample((shape,), {"dim": dim}, domain)
        try:
            results = derivatives.floats(derivatives.call(op, sample, derivatives.leaves(op, sample)))
        except MinidlError:
            assume(False)
        if any(r.requires_grad for r in results) and all(np.isfinite(r.data).all() for r in results):
            derivatives.check_first_order(op, sample)
            derivatives.check_forward_mode(op, sample)

    check()


def test_there_are_such_operations() -> None:
    assert sum(map(takes_a_dim, catalogue.values())) >= 10
    assert minidl.sum in [op.function for op in catalogue.values() if takes_a_dim(op)]
