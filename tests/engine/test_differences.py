"""Every row of the table of permitted differences is true: minidl does the one thing, PyTorch the other."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl.differences import DIFFERENCES, Difference
from minidl.errors import DtypeError, GraphError, MinidlError, ShapeError, UsageError

torch = pytest.importorskip("torch")
TF = torch.nn.functional
pytestmark = pytest.mark.torch

CHECKS: dict[str, Callable[[], None]] = {}


def difference(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    def enter(check: Callable[[], None]) -> Callable[[], None]:
        CHECKS[name] = check
        return check

    return enter


def both(*values: Any) -> tuple[list[Any], list[Any]]:
    """The same float64 leaves in both libraries."""
    arrays = [np.array(v, np.float64) for v in values]
    return [minidl.tensor(a, requires_grad=True) for a in arrays], [torch.tensor(a, requires_grad=True) for a in arrays]


def slopes(function: Callable[..., Any], leaves: list[Any]) -> list[Any]:
    """The gradients of the sum of the result."""
    function(*leaves).sum().backward()
    return [x.grad.tolist() for x in leaves]


@difference("data is an array")
def data_is_an_array() -> None:
    assert isinstance(minidl.tensor([1.0]).data, np.ndarray)
    assert torch.is_tensor(torch.tensor([1.0]).data)


@difference("the graph survives backward")
def the_graph_survives() -> None:
    (x,), (t,) = both(3.0)
    y, u = x * x, t * t
    y.backward()
    u.backward()
    y.backward()
    assert x.grad.item() == 12
    with pytest.raises(RuntimeError):
        u.backward()


@difference("scalars")
def scalars() -> None:
    assert minidl.scalar(2.0).dtype == np.float64
    assert (minidl.scalar(2.0) * minidl.ones(2)).dtype == np.float32
    assert not hasattr(torch, "scalar")


@difference("accumulating makes a new tensor")
def accumulating() -> None:
    for (x,), same in zip(both(3.0), (False, True), strict=True):
        (x * x).backward()
        first = x.grad
        (x * x).backward()
        assert (x.grad is first) == same


@difference("no gradient from nothing")
def no_gradient_from_nothing() -> None:
    (x,), (t,) = both(0.0)
    assert slopes(lambda x: minidl.where(x > 0, minidl.sqrt(x), 0.0), [x]) == [0]
    assert np.isnan(slopes(lambda t: torch.where(t > 0, torch.sqrt(t), 0.0), [t])[0])


@difference("slopes at the origin and at infinity")
def slopes_at_the_origin() -> None:
    ours, theirs = both(0.0, 0.0)
    assert slopes(minidl.hypot, ours) == [0, 0]
    assert np.isnan(slopes(torch.hypot, theirs)).all()
    (x,), (t,) = both(np.inf)
    assert slopes(F.softsign, [x]) == [0]
    assert np.isnan(slopes(TF.softsign, [t])[0])


@difference("extrema of NaN")
def extrema_of_nan() -> None:
    (x,), (t,) = both([1.0, np.nan, 2.0])
    assert slopes(minidl.amax, [x]) == [[0, 1, 0]]
    assert np.isnan(slopes(torch.amax, [t])[0]).all()


@difference("products with infinities")
def products_with_infinities() -> None:
    (x,), (t,) = both([np.inf, 2.0])
    assert slopes(minidl.prod, [x]) == [[2, np.inf]]
    assert np.isnan(slopes(torch.prod, [t])[0][0])


@difference("ties keep their order")
def ties() -> None:
    array = np.zeros(8000, np.uint8)
    assert (minidl.topk(minidl.tensor(array), 100).indices.data == np.arange(100)).all()
    assert (torch.topk(torch.tensor(array), 100).indices.numpy() != np.arange(100)).any()


@difference("repeated positions")
def repeated_positions() -> None:
    (x, v), (t, w) = both([0.0, 0.0], [1.0, 2.0])
    y, u = x * 1, t * 1
    y[[0, 0]] = v
    u[[0, 0]] = w
    assert y.tolist() == u.tolist() == [2, 0]
    y.sum().backward()
    u.sum().backward()
    assert v.grad.tolist() == [0, 1]
    assert w.grad.tolist() == [1, 1]


@difference("random numbers")
def random_numbers() -> None:
    minidl.manual_seed(0)
    torch.manual_seed(0)
    assert minidl.rand(3).tolist() != torch.rand(3).tolist()


@difference("whole numbers become floats")
def whole_numbers_become_floats() -> None:
    assert F.gelu(minidl.tensor([1, 2])).dtype == np.float32
    with pytest.raises(RuntimeError):
        TF.gelu(torch.tensor([1, 2]))


@difference("mixed dtypes promote")
def mixed_dtypes_promote() -> None:
    product = minidl.ones(2, 2) @ minidl.ones(2, 2, dtype=minidl.float64)
    assert product.dtype == np.float64
    with pytest.raises(RuntimeError):
        torch.ones(2, 2) @ torch.ones(2, 2, dtype=torch.float64)


@difference("convolution of whole numbers")
def convolution_of_whole_numbers() -> None:
    ones = np.ones((1, 1, 2, 2), np.int64)
    with pytest.raises(DtypeError, match="float32"):
        F.conv2d(minidl.tensor(ones), minidl.tensor(ones))
    assert TF.conv2d(torch.tensor(ones), torch.tensor(ones)).item() == 4


@difference("whole numbers to negative powers")
def whole_numbers_to_negative_powers() -> None:
    with pytest.raises(DtypeError, match="fractions"):
        minidl.tensor([2]) ** minidl.tensor([-1])
    assert (torch.tensor([2]) ** torch.tensor([-1])).item() == 0


@difference("comparing with numbers out of range")
def comparing_out_of_range() -> None:
    assert (minidl.tensor([44, 45], dtype=minidl.uint8) < 300).tolist() == [True, True]
    with contextlib.suppress(RuntimeError, OverflowError):
        assert (torch.tensor([44, 45], dtype=torch.uint8) < 300).tolist() != [True, True]


@difference("losses refuse to broadcast")
def losses_refuse_to_broadcast() -> None:
    with pytest.raises(ShapeError):
        F.mse_loss(minidl.zeros(3), minidl.zeros(3, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert TF.mse_loss(torch.zeros(3), torch.zeros(3, 1)).item() == 0


@difference("dropout of whole channels")
def dropout_of_whole_channels() -> None:
    with pytest.raises(ShapeError):
        F.dropout2d(minidl.zeros(3, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert TF.dropout2d(torch.zeros(3, 3)).shape == (3, 3)


@difference("masks and is_causal together")
def masks_and_is_causal() -> None:
    q = np.ones((1, 1, 2, 3))
    mask = np.array([[True, True], [True, True]])
    with pytest.raises(UsageError):
        F.scaled_dot_product_attention(*[minidl.tensor(q)] * 3, attn_mask=minidl.tensor(mask), is_causal=True)
    shown = TF.scaled_dot_product_attention(*[torch.tensor(q)] * 3, attn_mask=torch.tensor(mask), is_causal=True)
    assert shown.shape == (1, 1, 2, 3)


@difference("views of changed values")
def views_of_changed_values() -> None:
    (x,), (t,) = both([1.0, 2.0])
    y, u = x * 2, t * 2
    view, look = y.detach(), u.detach()
    with pytest.raises(GraphError, match="clone"):
        y += 1
    u += 1
    assert look.tolist() == [3, 5]
    assert view.tolist() == [2, 4]


@difference("in place on an operand")
def in_place_on_an_operand() -> None:
    (x,), (t,) = both([1.0, 2.0])
    y, u = x * 2, t * 2
    y *= y
    u *= u
    y.sum().backward()
    assert x.grad.tolist() == [8, 16]
    with pytest.raises(RuntimeError):
        u.sum().backward()


@difference("anomalies")
def anomalies() -> None:
    (x,), (t,) = both(0.0)
    with minidl.detect_anomaly(), pytest.raises(GraphError, match="infinit"):
        minidl.sqrt(x).backward()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with torch.autograd.detect_anomaly():
            torch.sqrt(t).backward()
    assert t.grad.item() == np.inf


@difference("checkpoint replays its record")
def checkpoint_replays() -> None:
    (x,), _ = both([1.0, 2.0, 3.0, 4.0])
    y = minidl.checkpoint(lambda x: F.dropout(x * 1, 0.5) * x, x)
    kept = (y.data != 0).astype(float)
    minidl.manual_seed(1)
    y.sum().backward()
    assert x.grad.tolist() == (4 * x.data * kept).tolist()
    with pytest.raises(MinidlError):
        minidl.checkpoint(lambda x: x, x, use_reentrant=True)


@difference("view copies where it must")
def view_copies() -> None:
    assert minidl.zeros(2, 3).T.view(6).shape == (6,)
    with pytest.raises(RuntimeError):
        torch.zeros(2, 3).T.view(6)


@difference("empty is zeros")
def empty_is_zeros() -> None:
    for _ in range(20):
        spent = np.full(1000, 7.0, np.float32)  # memory that an uninitialised array would be given again
        del spent
        assert not minidl.empty(1000).data.any()


@difference("more can be differentiated")
def more_can_be_differentiated() -> None:
    (p, t), (q, u) = both([0.3, 0.6], [1.0, -1.0])
    assert minidl.gradcheck(F.soft_margin_loss, [p, t])
    with pytest.raises(RuntimeError, match="not differentiable"):
        TF.soft_margin_loss(q, u)
    (x, source), (y, wide) = both(np.zeros((2, 3)), np.ones((2, 5)))
    index = np.array([[0], [1]])
    assert minidl.gradcheck(lambda x, s: minidl.scatter(x, 1, minidl.tensor(index), s), [x, source])
    with pytest.raises(RuntimeError, match="invalid gradient"):
        torch.scatter(y, 1, torch.tensor(index), wide).sum().backward()


@difference("windows without a pixel")
def windows_without_a_pixel() -> None:
    x = np.ones((1, 1, 2, 2))
    options = {"kernel_size": 2, "stride": 1, "padding": 1, "dilation": 3, "return_indices": True}
    ours = F.max_pool2d(minidl.tensor(x), **options)
    theirs = TF.max_pool2d(torch.tensor(x), **options)
    assert ours[0].data.ravel().tolist() == [-np.inf]
    assert ours[1].data.ravel().tolist() == [-1]
    assert theirs[1].item() != -1


@difference("determinants of singular matrices")
def determinants_of_singular_matrices() -> None:
    matrix = np.array([[1.0, 2.0], [2.0, 4.0]], np.float32)
    x, t = minidl.tensor(matrix, requires_grad=True), torch.tensor(matrix, requires_grad=True)
    assert slopes(minidl.linalg.det, [x]) == [[[4, -2], [-2, 1]]]
    assert not np.allclose(slopes(torch.linalg.det, [t])[0], [[4, -2], [-2, 1]])


@difference("ways to compute an optimizer's step")
def ways_to_compute_a_step() -> None:
    found = []
    for fused in (False, True):
        p = minidl.tensor([1.0, -2.0], requires_grad=True)
        optimizer = minidl.optim.Adam([p], fused=fused)
        (p * p).sum().backward()
        optimizer.step()
        found.append(p.data.tobytes())
    assert found[0] == found[1]
    for name in ("foreach", "capturable", "differentiable"):
        p, t = minidl.tensor([1.0], requires_grad=True), torch.tensor([1.0], requires_grad=True)
        with pytest.raises(TypeError, match=name):
            minidl.optim.Adam([p], **{name: True})
        torch.optim.Adam([t], **{name: name != "capturable"})


@difference("groups of parameters")
def groups_of_parameters() -> None:
    sums = []
    for lib in (minidl, torch):
        x = lib.tensor([1.0], requires_grad=True)
        optimizer = lib.optim.Adagrad(
            [{"params": [x], "initial_accumulator_value": 0.5}], initial_accumulator_value=0.0
        )
        x.sum().backward()
        optimizer.step()
        sums.append(float(optimizer.state[x]["sum"][0]))
    assert sums == [1.5, 1.0]  # with the squared slope, 1
    p, t = minidl.tensor([1.0], requires_grad=True), torch.tensor([1.0], requires_grad=True)
    with pytest.raises(UsageError, match="twice"):
        minidl.optim.SGD([p, p], lr=0.1)
    with pytest.warns(UserWarning, match="duplicate"):
        torch.optim.SGD([t, t], lr=0.1)


@difference("schedules that begin later")
def schedules_that_begin_later() -> None:
    def rates(lib: Any, make: Callable[[Any, Any], Any], steps: int = 6) -> list[float]:
        optimizer = lib.optim.SGD([lib.tensor([1.0], requires_grad=True)], lr=1.0)
        schedule = make(lib.optim.lr_scheduler, optimizer)
        seen = []
        for _ in range(steps):
            seen.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            schedule.step()
        return seen

    def nested(kinds: Any, optimizer: Any) -> Any:
        later = kinds.SequentialLR(
            optimizer, [kinds.ConstantLR(optimizer, 0.5, 100), kinds.ExponentialLR(optimizer, 0.5)], milestones=[2]
        )
        return kinds.SequentialLR(optimizer, [kinds.ConstantLR(optimizer, 0.1, 100), later], milestones=[2])

    expected = [0.1, 0.1, 0.5, 0.5, 1.0, 0.5]
    assert rates(minidl, nested) == pytest.approx(expected)
    with pytest.raises(NotImplementedError):
        rates(torch, nested)


@difference("classes that cannot be")
def classes_that_cannot_be() -> None:
    for lib, functions in ((minidl, F), (torch, TF)):
        never = lib.tensor([0.0, -np.inf])
        losses = [
            functions.kl_div(never, lib.tensor([1.0, 0.0]), reduction="sum"),
            functions.cross_entropy(never, lib.tensor([1.0, 0.0])),
            functions.binary_cross_entropy_with_logits(lib.tensor([-np.inf]), lib.tensor([1.0])),
        ]
        found = [float(loss) for loss in losses]
        assert found == [0.0, 0.0, np.inf] if lib is minidl else np.isnan(found).all()


@difference("not offered")
def not_offered() -> None:
    with pytest.raises((MinidlError, TypeError)):
        minidl.exp(minidl.ones(2), out=minidl.ones(2))
    with pytest.raises((MinidlError, TypeError)):
        F.relu(minidl.ones(2), inplace=True)
    with pytest.raises(DtypeError, match="complex"):
        minidl.tensor([1j], requires_grad=True)


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: row.name)
def test_the_difference_is_real(row: Difference) -> None:
    CHECKS[row.name]()


def test_no_check_without_a_row() -> None:
    assert set(CHECKS) == {row.name for row in DIFFERENCES}
