"""What the records' samples do not show of the derivative rules: infinities, whole numbers, more batch axes, symbols."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.autodiff import jvp, local_derivatives
from minidl.primitives import registry
from minidl.primitives.samples import sample

_spec = importlib.util.spec_from_file_location("derivatives", Path(__file__).with_name("derivatives.py"))
assert _spec is not None
assert _spec.loader is not None
derivatives = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(derivatives)

INF, NAN = float("inf"), float("nan")


def leaf(*values: float, dtype: Any = minidl.float64) -> minidl.Tensor:
    return minidl.tensor(list(values), dtype=dtype, requires_grad=True)


def pulled(y: minidl.Tensor, x: minidl.Tensor, *upstream: float) -> list[float]:
    (found,) = minidl.grad(y, [x], minidl.tensor(list(upstream), dtype=y.dtype))
    return found.tolist()


class TestNoUpstreamIsNoGradient:
    """0 times an infinite or undefined slope is 0, in both modes; and an infinite upstream is let through or stopped."""

    def test_infinite_slopes(self) -> None:
        x = leaf(0.0, 0.0, 4.0)
        assert pulled(minidl.sqrt(x), x, 0.0, 2.0, 2.0) == [0.0, INF, 0.5]
        alone = leaf(0.0)
        assert pulled(minidl.sqrt(alone), alone, 0.0) == [0.0]
        assert jvp(minidl.sqrt(x), {x: np.array([0.0, 1.0, 4.0])}).tolist() == [0.0, INF, 1.0]

    def test_undefined_slopes(self) -> None:
        x = leaf(-1.0, -1.0, 4.0)
        found = pulled(minidl.sqrt(x), x, 0.0, 1.0, 1.0)
        assert found[0] == 0.0
        assert np.isnan(found[1])
        assert found[2] == 0.25

    def test_infinite_upstreams_are_chosen_not_multiplied(self) -> None:
        x = leaf(-1.0, 1.0)
        assert pulled(minidl.relu(x), x, INF, INF) == [0.0, INF]
        assert pulled(minidl.maximum(x, 5.0), x, 1.0, 2.0) == [0.0, 0.0]

    def test_undefined_upstreams_do_not_pass_a_closed_relu(self) -> None:
        x = leaf(-1.0, 1.0)
        closed, open_ = pulled(minidl.relu(x), x, NAN, NAN)
        assert closed == 0.0
        assert np.isnan(open_)

    def test_infinite_upstreams_do_not_pass_a_slope_of_zero(self) -> None:
        x = leaf(-1.5, 2.5)
        assert pulled(minidl.sign(x), x, INF, NAN) == [0.0, 0.0]


class TestWholeNumbers:
    """Beside float64, whole numbers count as float64, not as the default float."""

    def test_powers(self) -> None:
        y = leaf(2.0)
        assert pulled(minidl.pow(minidl.tensor([3]), y), y, 1.0) == pytest.approx([9 * np.log(3)], rel=1e-14)

    def test_xlogy(self) -> None:
        x = leaf(2.0)
        assert pulled(minidl.xlogy(x, minidl.tensor([3])), x, 1.0) == pytest.approx([np.log(3)], rel=1e-14)

    def test_quotients(self) -> None:
        x = leaf(2.0)
        assert pulled(x / minidl.tensor([3]), x, 1.0) == pytest.approx([1 / 3], rel=1e-14)

    def test_a_gradient_comes_back_in_the_dtype_of_its_tensor(self) -> None:
        x = leaf(2.0, dtype=minidl.float32)
        (found,) = minidl.grad((x.to(minidl.float64) * 3.0).sum(), [x])
        assert found.dtype == np.float32


@pytest.mark.parametrize("check", [derivatives.check_first_order, derivatives.check_forward_mode])
@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("cholesky", {}),
        ("eigh", {}),
        ("svd", {"full_matrices": False}),
        ("inv", {}),
        ("cofactor", {}),
        ("logabsdet", {}),
    ],
)
def test_matrices_in_two_batch_axes(name: str, params: Any, check: Any) -> None:
    a = np.random.default_rng(0).standard_normal((2, 4, 3, 3))
    check(registry[name], sample(a @ a.swapaxes(-1, -2) + 3 * np.eye(3), **params))


@pytest.mark.parametrize("check", [derivatives.check_first_order, derivatives.check_forward_mode])
def test_factors_in_two_batch_axes(check: Any) -> None:
    check(registry["qr"], sample(np.random.default_rng(0).standard_normal((2, 5, 4, 3)), complete=False))


@pytest.mark.parametrize("check", [derivatives.check_first_order, derivatives.check_forward_mode])
def test_the_third_derivative_of_the_determinant_of_a_crooked_matrix(check: Any) -> None:
    """Of four rows: the third derivative of a cubic would be the same everywhere, also at the transposed matrix."""
    a = np.array([[2.0, 1.0, 0.5, 0.1], [-1.0, 3.0, 0.2, 0.4], [0.3, -0.7, 1.5, 0.9], [0.8, 0.6, -0.5, 1.1]])
    check(registry["cofactor_change"], sample(a[::-1].copy(), a))


def test_the_slope_of_log_det_at_a_singular_matrix_is_infinite_like_the_cofactors() -> None:
    a = minidl.tensor([[[1.0, 2.0], [2.0, 4.0]], [[2.0, 1.0], [0.0, 5.0]]], dtype=minidl.float64, requires_grad=True)
    (found,) = minidl.grad(minidl.linalg.slogdet(a).logabsdet.sum(), [a])
    assert found.data[0].tolist() == [[INF, -INF], [-INF, INF]]
    np.testing.assert_allclose(found.data[1], [[0.5, 0.0], [-0.1, 0.2]], atol=1e-15)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3)])
def test_a_singular_value_of_zero_leaves_the_gradient_of_the_others_finite(shape: Any) -> None:
    start = np.zeros(shape)
    start[0, 0] = 2.0
    a = minidl.tensor(start, requires_grad=True)
    largest = registry["svd"](a, full_matrices=False)[2 * shape[0]]  # behind U
    assert minidl.grad(largest, [a])[0].tolist() == (start / 2).tolist()


def test_a_rule_that_chooses_prints_its_choice() -> None:
    (printed,) = local_derivatives(registry["leaky_relu"], negative_slope=0.25)
    assert printed == "∂z/∂x = where([x > 0], 1, 0.25)"
