"""Copies between host and device and on the device."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.kernels.cuda.places import copies
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.cuda.simulator import driver as simulated

pytestmark = pytest.mark.usefixtures("simulated_gpu")


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool", "float16"])
def test_arrays_in_any_order_of_memory_are_copied_and_fetched(dtype: str) -> None:
    values = np.arange(60).reshape(3, 4, 5).astype(dtype)
    x = memory.to_device(values)
    step = x.itemsize
    shown = x.view_as((5, 3, 2), (step, 20 * step, 10 * step))
    expected = values.transpose(2, 0, 1)[:, :, ::2]
    assert np.array_equal(shown.numpy(), expected)
    copied = copies.copy(shown)
    assert copied.is_contiguous
    assert np.array_equal(copied.numpy(), expected)
    assert copies.contiguous(copied) is copied


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "bool", "float16"])
@pytest.mark.parametrize("axes", [(0, 2, 3, 1), (3, 2, 1, 0), (1, 0, 3, 2), (2, 3, 0, 1)])
def test_transpositions(dtype: str, axes: tuple[int, ...]) -> None:
    values = (np.random.default_rng(0).normal(size=(2, 33, 3, 17)) * 9).astype(dtype)
    shown = memory.to_device(values).transpose(axes)
    simulated.launches.clear()
    np.testing.assert_array_equal(copies.copy(shown).numpy(), values.transpose(axes))
    assert len(simulated.launches) == 1


def test_large_transpositions_go_through_shared_memory() -> None:
    simulated.launches.clear()
    values = np.arange(40 * 37, dtype=np.float32).reshape(40, 37)
    np.testing.assert_array_equal(copies.copy(memory.to_device(values).T).numpy(), values.T)
    assert simulated.launches == ["transpose_int32"]
    copies.copy(memory.to_device(values)[:, :3].T)
    assert simulated.launches[1:] != ["transpose_int32"]
