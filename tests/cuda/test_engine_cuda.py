"""Tensors on a device: how they get there and back, what they say of themselves, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import cuda
from minidl.errors import DeviceError, DtypeError, GraphError, NotOnDeviceError, UsageError
from minidl.kernels.cuda.runtime import driver

GRID = np.arange(6, dtype=np.float32).reshape(2, 3)


def here(x: Any) -> Any:
    return x.detach().cpu().numpy()


# To a device and back -----------------------------------------------------------------------------------------------------


def test_a_tensor_goes_to_a_device_and_back(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID)
    for there in (
        x.to("cuda"),
        x.cuda(),
        x.to(device="cuda:0"),
        x.to(0),
        x.cuda(0),
        x.to(minidl.ones(1, device="cuda")),
    ):
        assert there.device == "cuda:0"
        assert there.is_cuda
        assert there.get_device() == 0
        np.testing.assert_array_equal(here(there), GRID)
        back = there.cpu()
        assert back.device == "cpu"
        assert back.get_device() == -1
        assert not back.is_cuda
    assert there.to("cuda") is there
    assert there.to("cuda", copy=True) is not there
    assert x.to("cpu") is x.cpu() is x
    double = x.to("cuda", minidl.float64)
    assert (double.device, double.dtype) == ("cuda:0", np.float64)
    assert (x.device.type, there.device.type, there.device.index) == ("cpu", "cuda", 0)
    assert minidl.device("cuda:0") == there.device


def test_the_gradient_goes_the_other_way(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID, requires_grad=True)
    y = x.cuda() * 2
    y.backward(minidl.tensor(GRID, device="cuda"))
    assert x.grad.device == "cpu"
    np.testing.assert_array_equal(x.grad.data, 2 * GRID)
    z = minidl.tensor(GRID, device="cuda", requires_grad=True)
    (z * 3).cpu().backward(minidl.tensor(GRID))
    assert z.grad.device == "cuda:0"
    np.testing.assert_array_equal(here(z.grad), 3 * GRID)
    (first,) = minidl.grad(z.cpu() * z.cpu(), z, minidl.tensor(GRID), create_graph=True)
    (second,) = minidl.grad(first, z, minidl.ones_like(z))
    np.testing.assert_allclose(here(second), 2 * GRID)


def test_page_locked_memory(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID)
    pinned = x.pin_memory()
    assert pinned.is_pinned()
    assert not x.is_pinned()
    np.testing.assert_array_equal(here(pinned.to("cuda", non_blocking=True)), GRID)
    with pytest.raises(DeviceError, match="only what is on the CPU"):
        x.cuda().pin_memory()


def test_what_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "_found", lambda: (None, "this machine has no NVIDIA driver"))
    assert not cuda.is_available()
    assert cuda.device_count() == 0
    for ask in (
        lambda: minidl.ones(2).cuda(),
        lambda: minidl.ones(2, device="cuda"),
        lambda: minidl.ones(2).pin_memory(),
        cuda.current_device,
        cuda.Stream,
        cuda.Event,
    ):
        with pytest.raises(DeviceError, match='device="cuda" cannot be used: this machine has no NVIDIA driver'):
            ask()
    cuda.manual_seed(1)  # as in PyTorch, nothing to be done
    cuda.manual_seed_all(1)


def test_other_devices_are_refused(simulated_gpu: None) -> None:
    with pytest.raises(DeviceError, match="there is no cuda:3"):
        minidl.ones(2, device="cuda:3")
    with pytest.raises(UsageError, match="device='mps' is not here"):
        minidl.ones(2).to("mps")
    with pytest.raises(NotOnDeviceError, match="complex"):
        minidl.tensor([1j]).cuda()


# What it says of itself ---------------------------------------------------------------------------------------------------


def test_values_are_fetched_when_they_are_asked_for(simulated_gpu: None) -> None:
    x = minidl.tensor([[1.0, -2.5]], device="cuda")
    assert repr(x) == "tensor([[ 1.0000, -2.5000]], device='cuda:0')"
    assert (
        repr(minidl.tensor(3.0, device="cuda", requires_grad=True)) == "tensor(3., device='cuda:0', requires_grad=True)"
    )
    assert f"{x[0, 1]:.2f}" == "-2.50"
    assert x.tolist() == [[1.0, -2.5]]
    assert (x[0, 0].item(), float(x[0, 1]), int(x[0, 0])) == (1.0, -2.5, 1)
    assert bool(x[0, 0] > 0)
    assert 1.0 in x
    assert x.is_contiguous()
    assert not minidl.ones((2, 3), device="cuda").T.is_contiguous()
    with pytest.raises(DeviceError, match=r"x\.cpu\(\)\.numpy\(\)"):
        x.numpy()
    with pytest.raises(DeviceError, match=r"numpy\(\)"):
        np.asarray(x)


def test_copies_keep_the_device(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID, device="cuda", requires_grad=True)
    for twin in (copy.deepcopy(x), x.clone(), minidl.tensor(x), x.detach()):
        assert twin.device == "cuda:0"
        np.testing.assert_array_equal(here(twin), GRID)
    other = minidl.tensor(x)
    other.zero_()
    np.testing.assert_array_equal(here(x), GRID)


# Made there ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda d: minidl.tensor(GRID, device=d),
        lambda d: minidl.tensor([1, 2], device=d),
        lambda d: minidl.as_tensor(GRID, device=d),
        lambda d: minidl.asarray([1.0], device=d),
        lambda d: minidl.zeros(2, 3, device=d),
        lambda d: minidl.ones((2, 0), device=d),
        lambda d: minidl.empty(2, device=d),
        lambda d: minidl.full((2, 2), 7, device=d),
        lambda d: minidl.eye(3, 2, device=d),
        lambda d: minidl.arange(1, 7, 2, device=d),
        lambda d: minidl.linspace(0, 1, 5, device=d),
        lambda d: minidl.logspace(0, 1, 3, device=d),
        lambda d: minidl.tril_indices(3, 3, device=d),
        lambda d: minidl.triu_indices(2, 3, device=d),
        lambda d: minidl.full((), True, device=d),
    ],
)
def test_the_same_numbers_are_made_on_every_device(make: Any, simulated_gpu: None) -> None:
    on_cpu, on_gpu = make("cpu"), make("cuda")
    assert (on_gpu.device, on_gpu.dtype, on_gpu.shape) == ("cuda:0", on_cpu.dtype, on_cpu.shape)
    np.testing.assert_array_equal(here(on_gpu), on_cpu.data)


def test_alike_means_the_device_too(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID, device="cuda")
    alike = [minidl.zeros_like(x), minidl.ones_like(x), minidl.full_like(x, 2), minidl.empty_like(x)]
    alike += [minidl.rand_like(x), minidl.randn_like(x), minidl.randint_like(x, 3), minidl.bernoulli(x / 6)]
    alike += [x.new_zeros(2, 3), x.new_ones(2, 3), x.new_full((2, 3), 1), x.new_empty(2, 3), x.new_tensor(GRID)]
    for y in alike:
        assert (y.device, y.shape, y.dtype) == ("cuda:0", (2, 3), np.float32)
    assert minidl.zeros_like(x, device="cpu").device == x.new_ones(2, device="cpu").device == "cpu"


# Meeting others -----------------------------------------------------------------------------------------------------------


def test_tensors_of_two_devices_do_not_meet(simulated_gpu: None) -> None:
    x, y = minidl.tensor(GRID, device="cuda"), minidl.tensor(GRID)
    for mix in (lambda: x + y, lambda: y + x, lambda: minidl.maximum(x, y), lambda: minidl.cat([x, y])):
        with pytest.raises(DeviceError, match=r"one tensor, of shape \(2, 3\), is on cuda:0, another.*on cpu.*x\.to\("):
            mix()
    with pytest.raises(DeviceError, match=r"^add: "):
        x + y
    with pytest.raises(DeviceError, match=r"cross_entropy: .*input on cuda:0, target on cpu"):
        minidl.nn.functional.cross_entropy(x, minidl.tensor([0, 1]))
    with pytest.raises(DeviceError, match="starting gradient is on cpu"):
        x.clone().requires_grad_().clone().backward(y)
    with pytest.raises(DeviceError, match=r"x\.grad must be where the tensor is"):
        x.grad = y
    with pytest.raises(DeviceError, match="bring it there"):
        x[0] = y[0]


def test_numbers_meet_every_device(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID, device="cuda", requires_grad=True)
    s = minidl.tensor(3.0, requires_grad=True)
    for y, expected in ((x * 3, 3 * GRID), (3 - x, 3 - GRID), (x * s, 3 * GRID), (s / (x + 1), 3 / (GRID + 1))):
        assert (y.device, y.dtype) == ("cuda:0", np.float32)
        np.testing.assert_allclose(here(y), expected, rtol=1e-6)
    (x * s).backward(minidl.ones_like(x))
    assert (x.grad.device, s.grad.device, s.grad.shape) == ("cuda:0", "cpu", ())
    assert s.grad.item() == GRID.sum()
    with pytest.raises(DeviceError, match="on cpu"):
        minidl.tensor(GRID) * minidl.tensor(2.0, device="cuda")


def test_numpy_arrays_are_constants(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID, device="cuda", requires_grad=True)
    y = x * GRID
    assert y.device == "cuda:0"
    y.backward(minidl.ones_like(x))
    np.testing.assert_array_equal(here(x.grad), GRID)


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.int32, np.uint8, np.bool_])
@pytest.mark.parametrize("other", [np.float32, np.int32, np.bool_])
def test_dtypes_meet_as_on_the_cpu(dtype: Any, other: Any, simulated_gpu: None) -> None:
    a, b = (GRID % 2).astype(dtype), (GRID > 2).astype(other)
    expected = minidl.tensor(a) + minidl.tensor(b)
    found = minidl.tensor(a, device="cuda") + minidl.tensor(b, device="cuda")
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(here(found), expected.data)
    for number in (2, 0.5, True):
        expected, found = minidl.tensor(a) * number, minidl.tensor(a, device="cuda") * number
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(here(found), expected.data)
    single = minidl.tensor(b[1, 1], device="cuda")  # a tensor without axes gives way within its category
    assert (minidl.tensor(a, device="cuda") + single).dtype == (minidl.tensor(a) + minidl.tensor(b[1, 1])).dtype


# In place -----------------------------------------------------------------------------------------------------------------


def test_in_place_writes_go_to_the_memory_itself(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID, device="cuda")
    view, where = x[0], x.data.address
    x += 1
    x.mul_(2).sub_(minidl.ones_like(x))
    np.testing.assert_array_equal(here(view), (GRID[0] + 1) * 2 - 1)
    assert x.data.address == where
    x[1, 1:] = 5.0
    x[:, 0] = minidl.tensor([7.0, 8.0], device="cuda")
    x[minidl.tensor([False, True], device="cuda")] += 1.0
    np.testing.assert_array_equal(here(x), [[7, 3, 5], [9, 6, 6]])
    x.copy_(minidl.tensor(GRID))
    np.testing.assert_array_equal(here(x), GRID)
    x.fill_(3)
    x.zero_()
    assert not here(x).any()
    x.data = GRID
    assert x.device == "cpu"
    with pytest.raises(GraphError, match="cannot be written to"):
        minidl.ones((1, 3), device="cuda").expand(2, 3).add_(1)


def test_in_place_writes_are_recorded(simulated_gpu: None) -> None:
    found = []
    for device in ("cpu", "cuda"):
        x = minidl.tensor(GRID, device=device, requires_grad=True)
        w = minidl.tensor([2.0, 3.0, 4.0], device=device, requires_grad=True)
        y = x * w
        y[0] = w * w
        y *= w
        y[:, 1] *= 2.0
        y.backward(minidl.tensor(GRID + 1, device=device))
        found.append((here(y), here(x.grad), here(w.grad)))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_the_data_are_the_devices_own(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID, device="cuda")
    x.data -= 0.5 * x.data
    np.testing.assert_array_equal(here(x), GRID / 2)
    x.data[0] = 9.0
    assert here(x)[0].tolist() == [9.0, 9.0, 9.0]
    with pytest.raises(DtypeError, match="an array or numbers"):
        x.data = "numbers"


# minidl.cuda --------------------------------------------------------------------------------------------------------------


def test_the_namespace_answers(simulated_gpu: None) -> None:
    assert cuda.is_available()
    assert cuda.why_not() is None
    assert (cuda.device_count(), cuda.current_device()) == (1, 0)
    assert cuda.get_device_name() == "simulated GPU"
    assert cuda.get_device_capability("cuda:0") == (9, 0)
    free, total = cuda.mem_get_info()
    assert 0 < free <= total == cuda.get_device_properties(0).total_memory
    with cuda.device(0):
        assert cuda.current_device() == 0
    with pytest.raises(UsageError, match="'cpu' is no GPU"):
        cuda.synchronize("cpu")
    with pytest.raises(AttributeError, match=r"minidl.cuda"):
        cuda.nothing  # noqa: B018
    cuda.synchronize()


def test_memory_is_counted(simulated_gpu: None) -> None:
    before = cuda.memory_allocated()
    x = minidl.zeros(1000, device="cuda")
    assert cuda.memory_allocated() == before + 4096
    assert cuda.memory_stats()["num_device_alloc"] >= 1
    del x
    assert cuda.memory_allocated() == before
    assert cuda.max_memory_allocated() >= before + 4096
    assert cuda.memory_reserved() >= 4096
    cuda.reset_peak_memory_stats()
    assert cuda.max_memory_allocated() == before
    assert cuda.max_memory_reserved() == cuda.memory_reserved()
    cuda.empty_cache()
    assert cuda.memory_reserved() < 4096 + before


def test_streams_and_events(simulated_gpu: None) -> None:
    stream, begin, end = cuda.Stream(), cuda.Event(), cuda.Event()
    begin.record()
    with cuda.stream(stream):
        y = minidl.tensor(GRID, device="cuda") + 1
        end.record()
    stream.synchronize()
    with cuda.stream(None):
        np.testing.assert_array_equal(here(y), GRID + 1)
    assert begin.elapsed_time(end) >= 0
