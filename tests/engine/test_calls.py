"""How tensors are called: PyTorch's loose arguments, values that do not fit, and errors that are never a bare traceback."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.errors import DtypeError, GraphError, MinidlError, RangeError, ShapeError, UsageError

F = minidl.nn.functional
WRONG: Any = 3
"""What no tensor, function or axis is; of any type, so that the type checker lets it pass."""


class TestLooseArguments:
    def test_sizes_and_axes_one_by_one(self) -> None:
        x = minidl.ones(1, 3, 1)
        assert x.squeeze(0, -1).shape == (3,)
        assert x.squeeze((0, 2)).shape == x.squeeze(dim=(0, 2)).shape == x.squeeze().shape == (3,)
        assert x.squeeze(0).shape == (3, 1)
        assert x.count_nonzero(0, 1).tolist() == [3]
        assert x.count_nonzero(dim=1).tolist() == [[3]]
        assert x.broadcast_to(2, 3, 4).shape == x.broadcast_to((2, 3, 4)).shape == (2, 3, 4)

    def test_an_axis_may_be_held_by_a_tensor(self) -> None:
        x = minidl.tensor([[1.0, 2.0], [3.0, 4.0]])
        assert x.sum(minidl.tensor(0)).tolist() == [4.0, 6.0]
        assert x.argmax(minidl.tensor(-1)).tolist() == [1, 1]
        with pytest.raises(UsageError, match="whole number"):
            x.sum(minidl.tensor(True))

    def test_to_takes_pytorchs_flags(self) -> None:
        x = minidl.ones(2)
        assert x.to(minidl.float64, non_blocking=True).dtype == minidl.float64
        assert x.to(minidl.float32, False, True) is not x
        assert x.to(minidl.float32, True) is x

    def test_numbers_are_formatted_as_numbers(self) -> None:
        assert f"{minidl.tensor(1.234):.1f}" == "1.2"
        with pytest.raises(UsageError, match="for one number"):
            f"{minidl.ones(2):.1f}"
        assert repr(minidl.randperm(0)) == "tensor([], dtype=minidl.int64)"

    def test_reversed(self) -> None:
        assert reversed(minidl.tensor([1, 2, 3])).tolist() == [3, 2, 1]


class TestRanges:
    @pytest.mark.parametrize(
        "call",
        [
            lambda x: x[3],
            lambda x: x[0, 0, 0],
            lambda x: x[[5]],
            lambda x: x.sum(2),
            lambda x: x.transpose(0, 2),
            lambda x: x.select(0, 3),
            lambda x: x.gather(0, minidl.tensor([[7]])),
            lambda x: F.embedding(minidl.tensor([9]), x),
            lambda x: minidl.tensor(1.0).size(0),
        ],
    )
    def test_what_is_out_of_range_is_also_an_index_error(self, call: Any) -> None:
        with pytest.raises(IndexError) as raised:
            call(minidl.ones(2, 2))
        assert isinstance(raised.value, RangeError)
        assert isinstance(raised.value, UsageError)


class TestValuesWritten:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            (300, "300 does not fit into uint8, which holds 0 … 255"),
            (float("nan"), "nan does not fit"),
            (float("inf"), "inf does not fit"),
            (10**30, "does not fit"),
            ("a", "takes a tensor or numbers, got str"),
            (None, "takes a tensor or numbers, got NoneType"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, value: Any, text: str) -> None:
        x = minidl.zeros(2, dtype=minidl.uint8)
        with pytest.raises(DtypeError, match=text):
            x[0] = value
        with pytest.raises(DtypeError, match=text):
            x.fill_(value)
        assert x.tolist() == [0, 0]

    def test_what_fits(self) -> None:
        x = minidl.zeros(2, dtype=minidl.uint8)
        x[0], x[1] = -1, 2.7
        assert x.tolist() == [255, 2]
        y = minidl.zeros(2)
        y[:] = [3, 4.5]
        assert y.tolist() == [3.0, 4.5]
        with pytest.raises(DtypeError, match=r"too large for float32"):
            y[0] = 10**400
        with pytest.raises(DtypeError, match=r"got Tensor.*stack"):
            y[:] = [minidl.tensor(1.0), minidl.tensor(2.0)]
        with pytest.raises(ShapeError, match="fill_: one number, not"):
            y.fill_([1.0, 2.0])


class TestErrors:
    @pytest.mark.parametrize(
        ("call", "error", "text"),
        [
            (
                lambda: minidl.linalg.__dict__["multi_dot"](3),
                DtypeError,
                r"multi_dot\(3\).*see help\(minidl.linalg.multi_dot\)",
            ),
            (lambda: minidl.ones(2) + np.array(["a"]), DtypeError, "holds no numbers"),
            (lambda: minidl.ones(2) + np.array([1], dtype="M8[s]"), DtypeError, "holds no numbers"),
            (lambda: minidl.ones(2).type_as(3), DtypeError, "type_as: takes a tensor"),
            (lambda: minidl.ones(2).masked_scatter(minidl.tensor([True, False]), 3.0), DtypeError, "source is float"),
            (lambda: minidl.ones(2, 2).pinverse("a"), UsageError, "rtol must be a number"),
            (lambda: minidl.tensor(2).repeat_interleave(), ShapeError, "along one axis"),
            (lambda: minidl.tensor([1]).bincount(None, []), UsageError, "minlength"),
            (
                lambda: minidl.ones(2, requires_grad=True).backward(WRONG.__class__),
                DtypeError,
                "starting gradient",
            ),
            (lambda: minidl.backward(WRONG), DtypeError, "must be tensors, got int"),
            (lambda: minidl.grad(WRONG, WRONG), DtypeError, "outputs must be tensors, got int"),
            (lambda: minidl.checkpoint(WRONG), UsageError, "the function to run"),
            (lambda: minidl.func.grad(WRONG)(minidl.ones(2)), UsageError, "function to differentiate"),
            (lambda: minidl.rand(10**20), UsageError, "no memory holds"),
            (lambda: minidl.triu_indices(2, 2, WRONG / 2), UsageError, "offset must be a whole number"),
            (lambda: minidl.nan_to_num(None), MinidlError, "got NoneType"),
        ],
    )
    def test_wrong_requests_are_told_as_ours(self, call: Any, error: type[Exception], text: str) -> None:
        with pytest.raises(error, match=text):
            call()

    def test_a_call_that_does_not_fit_the_signature_is_pythons_own_error(self) -> None:
        with pytest.raises(TypeError, match="unexpected keyword argument 'dims'"):
            minidl.sum(minidl.ones(2), dims=0)

    @pytest.mark.parametrize("name", ["lt", "le", "gt", "ge", "maximum", "minimum", "clamp_min", "clamp_max"])
    def test_complex_numbers_have_no_order(self, name: str) -> None:
        x = minidl.tensor([1j, 2.0])
        with pytest.raises(DtypeError, match="complex numbers have no order"):
            getattr(x, name)(x)
        with pytest.raises(DtypeError, match="complex numbers have no order"):
            minidl.relu(x)


class TestInPlace:
    def test_a_quotient_in_place_may_be_changed_again(self) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        y /= 4
        y += 1
        y.sum().backward()
        assert x.grad.tolist() == [0.5, 0.5]

    def test_a_quotient_by_whole_numbers_is_exact(self) -> None:
        x = minidl.tensor(1.0, dtype=minidl.float64, requires_grad=True)
        (x / minidl.tensor(3)).backward()
        assert x.grad.item() == 1 / 3

    def test_a_quotient_may_be_changed_once_taken(self) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        p = x / x.sum()
        p *= 3
        p[0].backward()
        assert x.grad.tolist() == pytest.approx([2 / 3, -1 / 3])

    def test_results_have_memory_of_their_own(self) -> None:
        x = minidl.tensor([[1, 2], [3, 4]])
        x.matrix_power(1).zero_()
        x.nan_to_num().zero_()
        assert x.tolist() == [[1, 2], [3, 4]]
        b = minidl.tensor([True])
        b.sign().zero_()
        assert b.tolist() == [True]
        assert x.repeat(0, 1).add_(1).shape == (0, 2)

    def test_logic_in_place(self) -> None:
        x = minidl.tensor([True, False])
        assert x.logical_not_().tolist() == [False, True]
        assert x.logical_or_(minidl.tensor([True, True])).tolist() == [True, True]
        y = minidl.tensor([1.0, 5.0])
        assert y.gt_(2.0).tolist() == [0.0, 1.0]

    def test_whole_numbers_start_a_backward(self) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        (x * x).backward(minidl.tensor([1, 0]))
        assert x.grad.tolist() == [2.0, 0.0]
        with pytest.raises(GraphError, match="starting gradient of the same shape"):
            (x * x).backward()


def test_nan_and_infinity_are_replaced_apart() -> None:
    x = minidl.tensor([float("nan"), float("inf")])
    assert x.nan_to_num(nan=float("inf"), posinf=1.0).tolist() == [float("inf"), 1.0]


def test_error_function_of_half_precision() -> None:
    x = minidl.tensor([0.5], dtype=minidl.float16)
    assert x.erf().dtype == x.erfc().dtype == minidl.float16


def test_class_weights_may_add_up_to_less_than_nothing() -> None:
    x = minidl.tensor([[1.0, 2.0], [0.0, 1.0]])
    loss = F.cross_entropy(x, minidl.tensor([0, 1]), weight=minidl.tensor([-3.0, 1.0]))
    assert loss.item() == pytest.approx(1.8132616)


def test_a_scaled_operand_does_not_wrap_around_in_a_wider_sum() -> None:
    small = minidl.tensor([1, 2], dtype=minidl.uint8)
    assert minidl.add(minidl.ones(2), small, alpha=-1).tolist() == [0.0, -1.0]
    assert minidl.sub(minidl.tensor([1, 1]), small, alpha=2).tolist() == [-1, -3]


def test_small_integers_stay_small() -> None:
    x = minidl.ones(2, 2, dtype=minidl.uint8)
    batch = minidl.ones(3, 2, 2, dtype=minidl.uint8)
    assert minidl.addbmm(x, batch, batch).dtype == minidl.uint8
    assert minidl.tensordot(x, minidl.ones(1, 2, dtype=minidl.uint8), 1).dtype == minidl.uint8
