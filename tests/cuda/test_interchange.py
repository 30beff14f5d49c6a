"""Memory shared with other libraries: DLPack and the CUDA array interface, both ways."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import cuda
from minidl.errors import DtypeError, GraphError, UsageError
from minidl.kernels.cuda.runtime import interchange

GRID = np.arange(12, dtype=np.float32).reshape(3, 4)


def fields(capsule: Any) -> dict[str, Any]:
    """What a capsule says, read from its bytes."""
    found = interchange._Managed.from_address(interchange._pointer(id(capsule), b"dltensor")).tensor
    return {
        "device": (found.device_type, found.device_id),
        "kind": (found.code, found.bits, found.lanes),
        "shape": tuple(found.shape[: found.ndim]),
        "strides": tuple(found.strides[: found.ndim]) if found.strides else None,
        "address": (found.data or 0) + found.byte_offset,
    }


class Foreign:
    """An array of another library: it speaks one of the two protocols only."""

    def __init__(self, array: Any, **told: Any) -> None:
        self.array = array
        self.__cuda_array_interface__ = {**array.__cuda_array_interface__, **told}


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64, np.int32, np.uint8, np.bool_])
def test_a_capsule_says_what_numpys_says(dtype: Any, simulated_gpu: None) -> None:
    host = (GRID > 3).astype(dtype) if dtype is np.bool_ else GRID.astype(dtype)
    ours = minidl.tensor(host, device="cuda")
    told, known = fields(ours.__dlpack__()), fields(host.__dlpack__())
    assert told["kind"] == known["kind"]
    assert told["shape"] == known["shape"]
    assert told["strides"] == (known["strides"] or (4, 1))
    assert told["device"] == (2, 0) == ours.__dlpack_device__()
    assert told["address"] == ours.data.address
    assert known["device"] == (1, 0) == minidl.tensor(host).__dlpack_device__()


def test_a_view_is_shared_as_it_lies(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID, device="cuda")
    told = fields(x.T.__dlpack__())
    assert (told["shape"], told["strides"]) == ((4, 3), (1, 4))
    y = minidl.from_dlpack(x.T)
    assert y.data.address == x.data.address
    np.testing.assert_array_equal(y.cpu().numpy(), GRID.T)
    y.data[...] = 7.0
    assert x.cpu().numpy().max() == x.cpu().numpy().min() == 7.0


def test_memory_lives_as_long_as_either_side(simulated_gpu: None) -> None:
    before = cuda.memory_allocated()
    x = minidl.tensor(GRID, device="cuda")
    y = minidl.from_dlpack(x)
    del x
    gc.collect()
    assert cuda.memory_allocated() > before
    np.testing.assert_array_equal(y.cpu().numpy(), GRID)
    del y
    gc.collect()
    assert cuda.memory_allocated() == before
    assert not interchange._given


def test_a_capsule_that_nobody_takes_lets_go_by_itself(simulated_gpu: None) -> None:
    x = minidl.ones(3, device="cuda")
    capsule = x.__dlpack__()
    assert len(interchange._given) == 1
    del capsule
    gc.collect()
    assert not interchange._given


def test_a_capsule_is_taken_once(simulated_gpu: None) -> None:
    x = minidl.ones(3, device="cuda").data
    capsule = x.__dlpack__()

    class Producer:
        def __dlpack__(self, stream: int) -> Any:
            return capsule

        def __dlpack_device__(self) -> tuple[int, int]:
            return 2, 0

    first = minidl.from_dlpack(Producer())
    assert first.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(UsageError, match="nobody has taken"):
        minidl.from_dlpack(Producer())


def test_another_stream_waits_for_the_one_in_use(simulated_gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[tuple[int, ...]] = []
    call = interchange.call

    def noted(name: str, *args: Any) -> Any:
        if name == "cuStreamWaitEvent":
            waits.append((int(args[0]),))
            return None
        return call(name, *args)

    monkeypatch.setattr(interchange, "call", noted)
    x, stream = minidl.ones(3, device="cuda"), cuda.Stream()
    x.__dlpack__(stream=1), x.__dlpack__(), x.__dlpack__(stream=-1)
    assert waits == []  # the same stream, or not asked for
    x.__dlpack__(stream=stream.handle)
    with stream:
        x.__dlpack__(stream=1)
        assert x.__cuda_array_interface__["stream"] == stream.handle
        assert minidl.as_tensor(Foreign(x, stream=1)).shape == (3,)
    assert waits == [(stream.handle,), (1,), (stream.handle,)]
    assert x.__cuda_array_interface__["stream"] == 1


def test_the_cuda_array_interface_says_what_numpys_does(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID, device="cuda")
    for ours, host in ((x, GRID), (x.T, GRID.T), (x[1:, ::2], GRID[1:, ::2])):
        told, known = ours.__cuda_array_interface__, host.__array_interface__
        assert [told[k] for k in ("shape", "typestr", "strides", "version")] == [
            known[k] for k in ("shape", "typestr", "strides", "version")
        ]
        assert told["data"] == (ours.data.address, False)
        np.testing.assert_array_equal(minidl.as_tensor(Foreign(ours)).cpu().numpy(), host)
    assert minidl.zeros((0, 3), device="cuda").__cuda_array_interface__["data"] == (0, False)


def test_the_cuda_array_interface_keeps_its_owner_alive(simulated_gpu: None) -> None:
    foreign = Foreign(minidl.tensor(GRID, device="cuda"))
    y = minidl.as_tensor(foreign, dtype=minidl.float32)
    address = foreign.array.data.address
    del foreign
    gc.collect()
    z = minidl.full((3, 4), 9.0, device="cuda")
    assert z.data.address != address == y.data.address
    np.testing.assert_array_equal(y.cpu().numpy(), GRID)


def test_what_cannot_be_shared_is_refused(simulated_gpu: None) -> None:
    x = minidl.tensor(GRID, device="cuda")
    with pytest.raises(UsageError, match="no __dlpack__"):
        minidl.from_dlpack([1.0])
    with pytest.raises(UsageError, match="mask"):
        minidl.as_tensor(Foreign(x, mask=x))
    with pytest.raises(UsageError, match="backwards"):
        minidl.as_tensor(Foreign(x, strides=(-16, 4)))
    with pytest.raises(DtypeError, match="c8"):
        minidl.as_tensor(Foreign(x, typestr="<c8"))
    with pytest.raises(BufferError, match="without a copy"):
        x.__dlpack__(copy=True)
    for share in (lambda t: t.__dlpack__(), lambda t: t.__cuda_array_interface__):
        with pytest.raises(GraphError, match=r"x.detach\(\)"):
            share(minidl.ones(2, device="cuda", requires_grad=True))
    assert not hasattr(minidl.ones(2), "__cuda_array_interface__")


def test_tensors_on_the_cpu_go_through_numpy() -> None:
    x = minidl.tensor(GRID)
    there = np.from_dlpack(x)
    assert np.shares_memory(there, x.data)
    back = minidl.from_dlpack(x.detach())
    back.data[0, 0] = -1.0
    assert x.data[0, 0] == -1.0
