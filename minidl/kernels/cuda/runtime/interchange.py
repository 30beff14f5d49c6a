"""Sharing device memory with other libraries, without a copy: DLPack, and the CUDA array interface.

DLPack hands a C structure over in a capsule; whoever takes it calls its deleter when it needs the memory no more. The CUDA
array interface is a dictionary of an address, a shape and strides; whoever takes it keeps the object alive that gave it. Both
say in which stream the values are computed, so that the other side's stream can wait for them and nobody else has to.

Sources: DLPack's `dlpack.h` and the Python array API standard, "Data interchange mechanisms"; Numba, "CUDA array interface",
version 3.
"""

from __future__ import annotations

import ctypes
import weakref
from contextlib import suppress
from typing import Any

import numpy as np

from ....errors import DeviceError, DtypeError, UsageError
from ..array import DeviceArray, row_major
from .driver import api, call, enter
from .memory import Memory
from .streams import Event, capturing, handle

CPU, GPU, PINNED, MANAGED = 1, 2, 3, 13
"""DLPack's numbers for kinds of memory: the CPU's, a GPU's, page-locked, and managed by the driver."""
_CODES = {"i": 0, "u": 1, "f": 2, "b": 6}
"""DLPack's numbers for kinds of elements."""
_LEGACY = 1
"""The default stream, as both protocols call it; 0 is ambiguous, and −1 asks for no waiting."""
_NAME, _USED = b"dltensor", b"used_dltensor"
"""A capsule's name before and after it was taken."""


class _Tensor(ctypes.Structure):
    """`DLTensor`: where the elements lie."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class _Managed(ctypes.Structure):
    """`DLManagedTensor`: the same, its owner, and how to let go of it."""

    _fields_ = (("tensor", _Tensor), ("manager", ctypes.c_void_p), ("deleter", ctypes.c_void_p))


_DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
# CPython's functions, with argument types of our own: at its end a capsule can only be seen by its bare address
_python = ctypes.PyDLL(ctypes.pythonapi._name, handle=ctypes.pythonapi._handle)
_new = _python.PyCapsule_New
_new.restype, _new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, _DELETER)
_is_valid = _python.PyCapsule_IsValid
_is_valid.restype, _is_valid.argtypes = ctypes.c_int, (ctypes.c_void_p, ctypes.c_char_p)
_pointer = _python.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, (ctypes.c_void_p, ctypes.c_char_p)
_rename = _python.PyCapsule_SetName
_rename.restype, _rename.argtypes = ctypes.c_int, (ctypes.c_void_p, ctypes.c_char_p)

# Ours to others -----------------------------------------------------------------------------------------------------------

_given: dict[int, Any] = {}
"""What others hold of ours, by the address of its structure: the structure, its arrays of lengths, and the array."""


def _forget(address: int) -> None:
    """What another library calls when it needs our memory no more."""
    _given.pop(address, None)


def _end(capsule: int) -> None:
    """What Python calls at a capsule's end: forget what is in it, if nobody took it."""
    if _is_valid(capsule, _NAME):
        _forget(_pointer(capsule, _NAME))


_let_go, _end_of_capsule = _DELETER(_forget), _DELETER(_end)
"""The two as C functions."""


def dlpack_device(array: DeviceArray) -> tuple[int, int]:
    """What kind of memory an array is in, and on which device."""
    return GPU, array.memory.device


def to_dlpack(array: DeviceArray, stream: int | None = None) -> Any:
    """A capsule for another library, which shares the array's memory and keeps it alive.

    Args:
        array: what to share.
        stream: in which stream the other library will use it: 1 or None is the default stream, −1 says not to wait.
    """
    if stream != -1:
        _let_wait(_LEGACY if stream is None else stream, array.memory.device)
    lengths = (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
    steps = (ctypes.c_int64 * max(array.ndim, 1))(*(s // array.itemsize for s in array.strides))
    managed = _Managed()
    tensor = managed.tensor
    tensor.data, tensor.byte_offset = array.address, 0
    tensor.device_type, tensor.device_id = dlpack_device(array)
    tensor.ndim, tensor.lanes = array.ndim, 1
    tensor.code, tensor.bits = _CODES[array.dtype.kind], 8 * array.itemsize
    tensor.shape = ctypes.cast(lengths, ctypes.POINTER(ctypes.c_int64))
    tensor.strides = ctypes.cast(steps, ctypes.POINTER(ctypes.c_int64))
    managed.deleter = ctypes.cast(_let_go, ctypes.c_void_p)
    address = ctypes.addressof(managed)
    _given[address] = managed, lengths, steps, array
    return _new(address, _NAME, _end_of_capsule)


def cuda_array_interface(array: DeviceArray) -> dict[str, Any]:
    """The CUDA array interface, version 3, of an array."""
    return {
        "shape": array.shape,
        "typestr": array.dtype.str,
        "data": (array.address if array.size else 0, False),
        "strides": None if array.is_contiguous else array.strides,
        "stream": handle() or _LEGACY,
        "version": 3,
    }


def _let_wait(stream: int, device: int) -> None:
    """Let another library's stream on a device wait for all that is in the stream in use."""
    own = handle() or _LEGACY
    if stream != own:
        event = Event(enable_timing=False, device=device)
        event.record()
        call("cuStreamWaitEvent", stream, event.handle, 0)


# Others' to us ------------------------------------------------------------------------------------------------------------


class _Loan:
    """Another library's memory; with the last reference to it, it is given back."""

    __slots__ = ("__weakref__",)

    def __init__(self, managed: _Managed, address: int, device: int) -> None:
        weakref.finalize(self, _give_back, managed.deleter, address, device)


def _give_back(deleter: int | None, address: int, device: int) -> None:
    """Give memory back once our streams have done with it."""
    if not capturing():  # waiting would break the capture off; what is captured is not computed, and a graph holds it
        with suppress(DeviceError):  # the driver has ended before us
            enter(device)
            call("cuCtxSynchronize")
    if deleter:
        _DELETER(deleter)(address)


def from_dlpack(producer: Any) -> DeviceArray:
    """An array that shares the memory of another library's array, and keeps it alive.

    Raises:
        UsageError: the capsule was taken already, or the array is not on a GPU or runs backwards.
        DtypeError: elements that are not here.
    """
    kind, device = producer.__dlpack_device__()
    if int(kind) not in (GPU, MANAGED):
        raise UsageError(
            f"from_dlpack: memory of DLPack's kind {int(kind)} is not a GPU's; bring the array there first"
        )
    enter(int(device))
    capsule = producer.__dlpack__(stream=handle() or _LEGACY)
    if not _is_valid(id(capsule), _NAME):
        raise UsageError("from_dlpack: expected a DLPack capsule that nobody has taken yet")
    address = _pointer(id(capsule), _NAME)
    managed = _Managed.from_address(address)
    _rename(id(capsule), _USED)
    loan = _Loan(managed, address, int(device))
    tensor = managed.tensor
    dtype = _dtype(tensor.code, tensor.bits, tensor.lanes)
    shape = tuple(tensor.shape[: tensor.ndim])
    strides = tuple(s * dtype.itemsize for s in tensor.strides[: tensor.ndim]) if tensor.strides else None
    return _over((tensor.data or 0) + tensor.byte_offset, shape, strides, dtype, int(device), loan)


def from_cuda_array_interface(producer: Any) -> DeviceArray:
    """The same from the CUDA array interface.

    Raises:
        UsageError: an array with a mask, or one that runs backwards.
        DtypeError: elements that are not here.
    """
    told = producer.__cuda_array_interface__
    if told.get("mask") is not None:
        raise UsageError("as_tensor: an array with a mask cannot be shared; fill it first")
    dtype = np.dtype(told["typestr"])
    if dtype.kind not in _CODES or not dtype.isnative:
        raise DtypeError(f"as_tensor: {told['typestr']!r} is no dtype of a tensor on a GPU")
    address = int(told["data"][0])
    device = _device_of(address) if address else 0
    enter(device)
    stream = told.get("stream")
    if stream is not None and stream != (handle() or _LEGACY):
        event = Event(enable_timing=False, device=device)
        call("cuEventRecord", event.handle, stream)
        call("cuStreamWaitEvent", handle(), event.handle, 0)
    return _over(address, tuple(told["shape"]), told.get("strides"), dtype, device, producer)


def _dtype(code: int, bits: int, lanes: int) -> np.dtype[Any]:
    kinds = {number: kind for kind, number in _CODES.items()}
    if lanes != 1 or code not in kinds or bits not in (8, 16, 32, 64):
        raise DtypeError(
            f"from_dlpack: elements of DLPack's kind {code} with {bits} bits, {lanes} at a time, are not here"
        )
    return np.dtype(f"{kinds[code]}{bits // 8}")


def _device_of(address: int) -> int:
    """The device that an address belongs to."""
    enter(0)
    return int(call("cuPointerGetAttribute", api().CUpointer_attribute.CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, address))


def _over(
    address: int, shape: tuple[int, ...], strides: Any, dtype: np.dtype[Any], device: int, owner: Any
) -> DeviceArray:
    """An array over memory of others, whose owner lives as long as it.

    Raises:
        UsageError: a stride is negative.
    """
    steps = row_major(shape, dtype.itemsize) if strides is None else tuple(strides)
    if any(s < 0 for s in steps):
        raise UsageError("an array on a GPU that runs backwards cannot be shared; copy it first")
    far = sum((n - 1) * s for n, s in zip(shape, steps, strict=True)) + dtype.itemsize if all(shape) else 0
    return DeviceArray(Memory(address, far, device, owner), shape, dtype, steps)
