"""The complete factors of QR and SVD, whose further columns are determined up to a rotation only.

No difference quotient can check them, as each call may rotate otherwise; that forward and reverse mode are each other's
transposes, and that the columns stay orthonormal, can be checked.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.autodiff import jvp
from minidl.primitives import Sample, registry
from minidl.primitives.samples import sample

_spec = importlib.util.spec_from_file_location("derivatives", Path(__file__).with_name("derivatives.py"))
assert _spec is not None
assert _spec.loader is not None
derivatives = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(derivatives)

CASES = [
    ("qr", sample((4, 2), complete=True)),
    ("qr", sample((1, 2, 4, 3), complete=True)),
    ("svd", sample((3, 3), full_matrices=True)),
    ("svd", sample((1, 4, 2), full_matrices=True)),
    ("svd", sample((2, 2, 5), full_matrices=True)),
    ("svd", sample((1, 2, 5), full_matrices=True)),
]


@pytest.mark.parametrize(("name", "case"), CASES, ids=lambda v: str(getattr(v, "shapes", v)))
def test_forward_and_reverse_mode_are_transposes(name: str, case: Sample) -> None:
    derivatives.check_forward_mode(registry[name], case)


@pytest.mark.parametrize("shape", [(4, 2), (2, 5), (3, 3)])
def test_the_columns_stay_orthonormal(shape: Any) -> None:
    rng = np.random.default_rng(0)
    a = minidl.tensor(rng.standard_normal(shape), requires_grad=True)
    u, _, vh = minidl.linalg.svd(a)
    for columns in (u, vh.mT):
        moved = jvp(columns.mT @ columns, {a: rng.standard_normal(shape)})
        np.testing.assert_allclose(moved, 0, atol=1e-12)


def test_the_columns_of_a_complete_q_stay_orthonormal() -> None:
    rng = np.random.default_rng(0)
    a = minidl.tensor(rng.standard_normal((4, 2)), requires_grad=True)
    q, r = minidl.linalg.qr(a, mode="complete")
    tangent = rng.standard_normal((4, 2))
    np.testing.assert_allclose(jvp(q.mT @ q, {a: tangent}), 0, atol=1e-12)
    np.testing.assert_allclose(jvp(q @ r, {a: tangent}), tangent, atol=1e-12)
