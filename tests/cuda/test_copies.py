"""Copies between host and device and on the device."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.kernels.cuda import copies, memory

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
