"""Every primitive, on every one of its samples, passes every check of tests/engine/derivatives.py."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.graph import Primitive
from minidl.primitives import Constant, Elementwise, registry
from minidl.primitives.kinds import Sample

_spec = importlib.util.spec_from_file_location("derivatives", Path(__file__).with_name("derivatives.py"))
assert _spec is not None
assert _spec.loader is not None
derivatives = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(derivatives)

CASES = [
    pytest.param(p, s, id=f"{p.name}-{i}")
    for p in registry.values()
    if not isinstance(p, Constant)
    for i, s in enumerate(p.samples)
]


@pytest.mark.parametrize(("primitive", "sample"), CASES)
def test_derivatives(primitive: Primitive, sample: Sample) -> None:
    derivatives.check_everything(primitive, sample)


@pytest.mark.parametrize("primitive", registry.values(), ids=lambda p: p.name)
def test_every_primitive_has_samples_and_notation(primitive: Any) -> None:
    assert primitive.samples
    assert primitive.notation.symbol


@pytest.mark.parametrize("primitive", [p for p in registry.values() if isinstance(p, Constant)], ids=lambda p: p.name)
def test_constants_record_nothing(primitive: Any) -> None:
    for sample in primitive.samples:
        out = derivatives.run(primitive, sample, derivatives.leaves(primitive, sample))
        assert not out.requires_grad


def _broken(vjp: Any, factor: float) -> Any:
    def wrong(*args: Any, **kwargs: Any) -> Any:
        return [None if c is None else factor * c for c in vjp(*args, **kwargs)]

    return wrong


@pytest.mark.parametrize("factor", [-1.0, 1.001])
@pytest.mark.parametrize(
    "primitive", [p for p in registry.values() if not isinstance(p, Constant)], ids=lambda p: p.name
)
def test_the_checks_notice_a_wrong_rule(primitive: Any, factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A derivative with its sign flipped, or 0.1 % off, fails the first-order check on at least one sample."""
    if isinstance(primitive, Elementwise) and all(p == 0 for p in primitive.partials):
        pytest.skip("its derivative is 0 everywhere")
    monkeypatch.setattr(primitive, "vjp", _broken(primitive.vjp, factor))
    noticed = 0
    for sample in primitive.samples:
        try:
            derivatives.check_first_order(primitive, sample)
        except AssertionError:
            noticed += 1
    assert noticed


def test_the_checks_notice_a_swapped_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    mul = registry["mul"]
    monkeypatch.setattr(mul, "partials", mul.partials[::-1])  # type: ignore[attr-defined]
    with pytest.raises((AssertionError, ValueError)):
        derivatives.check_first_order(mul, mul.samples[0])  # type: ignore[attr-defined]


def test_samples_are_the_same_each_time() -> None:
    sample = registry["mul"].samples[0]  # type: ignore[attr-defined]
    first, second = (sample.arrays(np.random.default_rng(0)) for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))
