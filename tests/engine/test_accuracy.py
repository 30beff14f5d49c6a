"""Numbers that float32 could spoil, slopes at kinks, and what the shape errors point at."""

import inspect
from collections.abc import Callable

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl.errors import GraphError, ShapeError
from minidl.primitives.mismatch import marked, marked_apart

_FAR = np.random.default_rng(0).standard_normal((8, 256)) + 1e4


def _far_off(function: Callable[[minidl.Tensor], minidl.Tensor], x: np.ndarray = _FAR) -> float:
    """The largest error of float32 against float64 on the same numbers, in units of the result's largest element."""
    single = x.astype(np.float32)
    want = function(minidl.tensor(single.astype(np.float64))).data
    return float(np.abs(function(minidl.tensor(single)).data - want).max() / np.abs(want).max())


@pytest.mark.parametrize(
    ("function", "bound"),
    [
        (lambda x: F.layer_norm(x, (256,)), 3e-4),  # the mean near 10⁴ is known to half of 2⁻¹⁰: 5e-4 of σ = 1
        (lambda x: F.batch_norm(x.T, None, None, training=True), 3e-4),
        (lambda x: F.group_norm(x, 2), 3e-4),
        (lambda x: F.instance_norm(x.reshape(4, 2, 256)), 3e-4),
        (lambda x: minidl.var(x, 1), 1e-6),
        (lambda x: minidl.std(x.T, 0), 1e-6),
        (lambda x: minidl.mean(x), 6e-8),
        (lambda x: minidl.mean(x.T, 0), 6e-8),
        (lambda x: minidl.logcumsumexp(x, 1), 6e-8),
        (lambda x: minidl.logsumexp(x, 1), 6e-8),
    ],
)
def test_float32_keeps_its_digits_far_from_0(function: Callable[..., minidl.Tensor], bound: float) -> None:
    assert _far_off(function) < bound


@pytest.mark.parametrize("loss", [F.huber_loss, F.smooth_l1_loss])
def test_huber_is_straight_from_the_kink_on(loss: Callable[..., minidl.Tensor]) -> None:
    x = minidl.tensor([-1.0, 0.5, 1.0, 2.0, float("nan")], requires_grad=True)
    (slope,) = minidl.grad(loss(x, minidl.zeros(5), reduction="sum"), [x], create_graph=True)
    np.testing.assert_array_equal(slope.data, [-1.0, 0.5, 1.0, 1.0, np.nan])
    (curvature,) = minidl.grad(slope[:4].sum(), [x])
    np.testing.assert_array_equal(curvature.data, [0.0, 1.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("norm", [minidl.norm, minidl.linalg.vector_norm])
def test_counting_norm_has_a_gradient_of_0(norm: Callable[..., minidl.Tensor]) -> None:
    x = minidl.tensor([0.0, -2.0, float("inf"), float("nan")], requires_grad=True)
    count = norm(x, 0)
    assert count.item() == 3.0
    count.backward()
    np.testing.assert_array_equal(x.grad.data, np.zeros(4))


def test_every_operation_tells_its_signature() -> None:
    assert list(inspect.signature(minidl.exp).parameters) == ["input"]
    assert str(inspect.signature(F.softplus)) == "(input, beta=1.0, threshold=20.0)"
    assert list(inspect.signature(minidl.lerp).parameters) == ["input", "end", "weight"]


def test_marks() -> None:
    assert marked((), 0) == "()"
    assert marked((3,), -1) == "(→3←,)"
    assert marked_apart((2, 3), (3,)) == ("(→2←, 3)", "(3,)")
    assert marked_apart((3,), (2, 3)) == ("(3,)", "(→2←, 3)")
    assert marked_apart((1, 4), (2, 3)) == ("(→1←, →4←)", "(→2←, →3←)")
    assert marked_apart((1, 4), (5, 2, 3), fitting=True) == ("(1, →4←)", "(5, 2, →3←)")


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: F.linear(minidl.ones(5, 3), minidl.ones(3, 2)), "(5, →3←) must end in the 2 features"),
        (lambda: F.linear(minidl.ones(5, 3), minidl.ones(2, 3), minidl.ones(4)), "bias (→4←,) cannot be added"),
        (lambda: minidl.cat([minidl.ones(2, 3), minidl.ones(2, 4)]), "(2, →3←), (2, →4←) must agree"),
        (lambda: minidl.stack([minidl.ones(2, 3), minidl.ones(2, 4)]), "got (2, →3←) and (2, →4←)"),
        (lambda: F.conv1d(minidl.ones(1, 3, 9), minidl.ones(4, 2, 3)), "input (1, →3←, 9) has 3 channels"),
        (lambda: F.conv_transpose1d(minidl.ones(3, 9), minidl.ones(4, 2, 3)), "weight (→4←, 2, 3) expects 4"),
        (lambda: minidl.linalg.solve(minidl.eye(3), minidl.ones(4, 2)), "A (3, →3←) and B (→4←, 2) do not fit"),
        (lambda: minidl.linalg.inv(minidl.ones(2, 3)), "got shape (→2←, →3←)"),
        (lambda: F.mse_loss(minidl.ones(3, 4), minidl.ones(3, 5)), "input (3, →4←) and target (3, →5←) differ"),
        (lambda: F.cross_entropy(minidl.ones(3, 4), minidl.tensor([0])), "got (→1←,)"),
        (lambda: F.layer_norm(minidl.ones(3, 4), (3,)), "the input (3, →4←) must end in"),
    ],
)
def test_shape_errors_point_at_the_axes(call: Callable[[], minidl.Tensor], told: str) -> None:
    with pytest.raises(ShapeError) as caught:
        call()
    assert told in str(caught.value)


@pytest.mark.parametrize("loss", [F.cross_entropy, F.nll_loss, F.multi_margin_loss])
def test_class_weights_get_no_gradient_and_say_so(loss: Callable[..., minidl.Tensor]) -> None:
    scores, labels = minidl.zeros(2, 3), minidl.tensor([0, 2])
    weight = minidl.ones(3, requires_grad=True)
    with pytest.raises(GraphError, match=r"pass weight\.detach\(\)"):
        loss(scores, labels, weight=weight)
    with minidl.no_grad():
        assert loss(scores, labels, weight=weight).item() == loss(scores, labels, weight=weight.detach()).item()
