"""Every public operation is replayed as it is computed otherwise."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.primitives.operation import catalogue
from minidl.tape import CompileWarning

CASES = [op for op in catalogue.values() if op.samples]


@pytest.mark.parametrize("op", CASES, ids=lambda op: op.path)
def test_an_operation_on_a_tape(op: Any) -> None:
    rng = np.random.default_rng(0)
    sample = op.samples[0]

    def step(*inputs: Any) -> Any:
        found = op.call(op.function, list(inputs), sample.params)
        results = [y for y in (found if isinstance(found, tuple | list) else (found,)) if isinstance(y, minidl.Tensor)]
        for y in results:
            if y.requires_grad:
                y.square().sum().backward()
        return tuple(results)

    compiled = minidl.compile(step)
    said = False
    for _ in range(4):
        arrays = sample.arrays(rng)
        mine, plain = (
            [minidl.tensor(np.array(a), requires_grad=a.dtype.kind == "f") for a in arrays] for _ in range(2)
        )
        minidl.manual_seed(3)
        expected = step(*plain)
        minidl.manual_seed(3)
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always", CompileWarning)
            found = compiled(*mine)
        said = said or any("cannot be replayed" in str(w.message) for w in told)
        pairs = [*zip(found, expected, strict=True), *((a.grad, b.grad) for a, b in zip(mine, plain, strict=True))]
        for a, b in pairs:
            assert (a is None) == (b is None)
            if a is not None:
                assert a.dtype == b.dtype
                np.testing.assert_allclose(a.data, b.data, rtol=1e-9, atol=1e-12)
    assert not said
