"""What users stumble over on a device: numbers alone in a rule, names of devices, seeds, places that are not there."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.errors import DeviceError, DtypeError, GraphError, NotOnDeviceError, UsageError
from minidl.kernels.cuda.elementwise.expressions import of_numbers
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator import driver as simulated

pytestmark = pytest.mark.usefixtures("simulated_gpu")


def fetched(x: Any) -> Any:
    return x.detach().cpu().numpy()


@pytest.mark.parametrize("base", [2, 0.5, minidl.tensor(3.0)], ids=["2", "0.5", "a tensor without axes"])
def test_second_derivatives_of_a_number_to_a_power(base: Any) -> None:
    def derivatives(device: str) -> list[Any]:
        x = minidl.tensor([[1.5, 2.0], [-3.0, 0.0]], device=device, requires_grad=True)
        (first,) = minidl.grad((base**x).sum(), x, create_graph=True)
        (second,) = minidl.grad((first * first).sum(), x)
        assert first.device == second.device == x.device
        return [fetched(first), fetched(second)]

    for found, expected in zip(derivatives("cuda"), derivatives("cpu"), strict=True):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_an_expression_of_numbers_alone_is_a_number() -> None:
    assert of_numbers(("astype", ("greater", ("multiply", 0, 1), 1), "int64"), (2.0, 3)) == 1


def test_complex_numbers_are_refused_however_they_come() -> None:
    x = minidl.ones(2, device="cuda")
    for make in (
        lambda: x.to(minidl.complex64),
        lambda: x.type(minidl.complex128),
        lambda: minidl.tensor(x, dtype=minidl.complex64),
        lambda: minidl.zeros(2, dtype=minidl.complex64, device="cuda"),
    ):
        with pytest.raises(NotOnDeviceError, match="complex numbers"):
            make()


def test_devices_by_name_and_number() -> None:
    assert minidl.device("cuda", 0) == minidl.device(0) == "cuda:0"
    assert pickle.loads(pickle.dumps(minidl.device("cuda:1"))).index == 1
    assert minidl.nn.Linear(2, 1).to(0).weight.is_cuda
    assert minidl.cuda.Stream("cuda:0").device == 0


@pytest.mark.parametrize("name", ["gpu", "cuda:-1", "cuda:", "cuda:0:1", "cuda:²", "mps", ""])
def test_names_of_no_device(name: str) -> None:
    with pytest.raises(UsageError, match="there are 'cpu' and 'cuda'"):
        minidl.device(name)
    with pytest.raises(UsageError, match="there are 'cpu' and 'cuda'"):
        minidl.zeros(2, device=name)


def test_what_is_neither_a_dtype_nor_a_device() -> None:
    for thing in (minidl.ones(2), minidl.nn.Linear(2, 1)):
        with pytest.raises(DtypeError, match="'gpu' is no dtype of a tensor, nor a device, which are 'cpu' and 'cuda'"):
            thing.to("gpu")
        with pytest.raises(UsageError, match="'cpu' is no GPU"):
            thing.cuda("cpu")
    with pytest.raises(UsageError, match="'cpu' is no GPU"):
        minidl.cuda.Stream("cpu")


def test_a_seed_starts_the_draws_of_a_captured_graph_over() -> None:
    def noisy(x: Any) -> Any:
        return x + minidl.rand(5, device="cuda")

    x = minidl.zeros(5, device="cuda")
    step = minidl.compile(noisy)
    for _ in range(4):
        step(x)
    assert step.tape.replays
    minidl.manual_seed(3)
    expected = [fetched(noisy(x)) for _ in range(3)]
    minidl.cuda.manual_seed_all(3)
    found = [fetched(step(x)) for _ in range(3)]
    np.testing.assert_array_equal(found, expected)
    assert len({float(drawn[0]) for drawn in found}) == 3


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int64", "int32", "uint8", "bool"])
def test_one_number_everywhere_is_written_on_the_device(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_upload(*_: Any) -> Any:
        raise AssertionError("numbers were sent from the host")

    monkeypatch.setattr(memory, "to_device", no_upload)
    simulated.launches.clear()
    x = minidl.full((2, 3), 1, dtype=np.dtype(dtype), device="cuda")
    assert (x.dtype, x.shape, len(simulated.launches)) == (np.dtype(dtype), (2, 3), 1)
    assert (fetched(x) == 1).all()
    assert minidl.zeros_like(x).tolist() == [[0] * 3] * 2
    assert minidl.empty(0, 3, device="cuda").shape == (0, 3)


def test_more_than_the_device_holds_is_said() -> None:
    before = minidl.cuda.memory_allocated()
    with pytest.raises(DeviceError, match=r"has no 32768\.0 MiB left"):
        minidl.zeros(1 << 33, device="cuda")
    assert minidl.cuda.memory_allocated() == before


@pytest.mark.parametrize("options", [{}, {"label_smoothing": 0.1}, {"weight": (1.0, 2.0, 3.0)}], ids=str)
def test_a_label_of_no_class_makes_the_loss_nan(options: dict[str, Any]) -> None:
    x = minidl.tensor([[0.5, 1.0, -2.0], [0.0, 0.5, 1.0]], device="cuda")
    if "weight" in options:
        options = {"weight": minidl.tensor(options["weight"], device="cuda"), "label_smoothing": 0.1}
    for wrong in (-1, 3, 9):
        losses = minidl.nn.functional.cross_entropy(
            x, minidl.tensor([0, wrong], device="cuda"), reduction="none", **options
        )
        assert np.isnan(fetched(losses)).tolist() == [False, True]
    left_out = minidl.nn.functional.cross_entropy(x, minidl.tensor([0, -100], device="cuda"), **options)
    assert np.isfinite(fetched(left_out))


def test_one_hot_says_which_label_is_wrong() -> None:
    with pytest.raises(UsageError, match="label 7 is out of range for 4 classes"):
        minidl.nn.functional.one_hot(minidl.tensor([0, 7], device="cuda"), 4)


@pytest.mark.parametrize("wrong", [4, 9, -1, -5, 2**32 + 1, -(2**40)])
def test_a_place_that_is_not_there_reads_nan_and_is_not_written(wrong: int) -> None:
    numbers = np.arange(12, dtype=np.float32).reshape(3, 4)
    x, ones = minidl.tensor(numbers, device="cuda", requires_grad=True), minidl.ones(3, 1, device="cuda")
    index = minidl.tensor([[0], [wrong], [2]], device="cuda")
    picked = x.gather(1, index)
    np.testing.assert_array_equal(fetched(picked), [[0], [np.nan], [10]])
    picked[::2].sum().backward()
    there = np.zeros((3, 4), np.float32)
    there[0, 0] = there[2, 2] = 1
    np.testing.assert_array_equal(fetched(x.grad), there)
    np.testing.assert_array_equal(fetched(x.scatter(1, index, -1.0)), np.where(there, -1, numbers))
    np.testing.assert_array_equal(fetched(x.scatter_add(1, index, ones)), numbers + there)
    rows = minidl.nn.functional.embedding(index[:, 0], minidl.tensor(numbers.T.copy(), device="cuda"))
    np.testing.assert_array_equal(fetched(rows), [numbers[:, 0], [np.nan] * 3, numbers[:, 2]])


@pytest.mark.parametrize("wrong", [4, -5, 2**32])
def test_where_positions_may_count_from_the_end_too(wrong: int) -> None:
    numbers = np.arange(12, dtype=np.float32).reshape(3, 4)
    x = minidl.tensor(numbers, device="cuda", requires_grad=True)
    picked = minidl.take_along_dim(x, minidl.tensor([[0], [wrong], [-1]], device="cuda"), 1)
    np.testing.assert_array_equal(fetched(picked), [[0], [np.nan], [11]])
    picked[::2].sum().backward()
    assert fetched(x.grad).nonzero()[0].tolist() == [0, 2]


def test_windows_that_overlap_are_not_written_to() -> None:
    x = minidl.arange(6.0, device="cuda")
    for shared in (x.unfold(0, 3, 2), x.unfold(0, 2, 1), x.expand(2, 6)):
        with pytest.raises(GraphError, match="several places"):
            shared[[0, 0]] += 1
        with pytest.raises(GraphError, match="several places"):
            shared.mul_(2)
    for own in (
        x.unfold(0, 2, 2),
        x.view(2, 3).T,
        x[::2],
        x.view(1, 2, 3)[..., 1:],
        x[:1].expand(1, 1),
        x.view(2, 3).diagonal(),
    ):
        own.mul_(2)
    assert x.tolist() == [0.0, 8.0, 32.0, 12.0, 128.0, 40.0]
