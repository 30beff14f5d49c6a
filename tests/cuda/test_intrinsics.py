"""The Python twins of instructions: when copies arrive, and what fragments hold."""

from __future__ import annotations

import numpy as np
import pytest

from minidl.errors import DeviceError
from minidl.kernels.cuda.compiler.intrinsics import commit, copy4, copy16, wait_for_all_but
from minidl.kernels.cuda.compiler.intrinsics_tensor import bfloat16_pair, mma_bfloat16, mma_tf32
from minidl.kernels.cuda.compiler.language import cuda, float32, int32, kernel
from minidl.kernels.cuda.runtime import memory

pytestmark = pytest.mark.usefixtures("simulated_gpu")


@kernel("float32[::1], float32[::1], int32", threads=1)
def copies(source, target, wait):  # type: ignore[no-untyped-def]
    """Copy four numbers and one, and read them with or without waiting for both."""
    shared = cuda.shared.array(8, float32, 16)
    copy16(shared, 0, source, 4, 12)
    commit()
    copy4(shared, 4, source, 1, 4)
    copy4(shared, 5, source, 1, 0)
    commit()
    if wait:
        two()
    else:
        one()
    for i in range(6):
        target[i] = shared[i]


one, two = wait_for_all_but(1), wait_for_all_but(0)


def test_copies_are_there_once_they_were_waited_for() -> None:
    source, target = memory.to_device(np.arange(8, dtype=np.float32)), memory.empty((6,), np.float32)
    copies[1, 1](source, target, 1)
    assert target.numpy().tolist() == [4, 5, 6, 0, 1, 0]


def test_what_was_not_waited_for_is_not_there() -> None:
    source, target = memory.to_device(np.arange(8, dtype=np.float32)), memory.empty((6,), np.float32)
    try:
        copies[1, 1](source, target, 0)
    except DeviceError as error:  # a strict simulator says so
        assert "under way" in str(error)  # noqa: PT017
    else:
        found = target.numpy()
        assert found[:4].tolist() == [4, 5, 6, 0]
        assert np.isnan(found[4:]).all()


@kernel("float32[::1], float32[::1], float32[::1]", threads=32)
def product_tf32(x, y, z):  # type: ignore[no-untyped-def]
    """Z = X Y + 1 for X (16, 8), Y (8, 8), spread over a warp as the PTX manual draws it."""
    lane = int32(cuda.threadIdx.x)
    g, t = lane >> 2, lane & 3
    c = mma_tf32(
        x[g * 8 + t], x[(g + 8) * 8 + t], x[g * 8 + t + 4], x[(g + 8) * 8 + t + 4], y[t * 8 + g], y[(t + 4) * 8 + g],
        float32(1), float32(1), float32(1), float32(1),
    )  # fmt: skip
    z[g * 8 + 2 * t], z[g * 8 + 2 * t + 1] = c[0], c[1]
    z[(g + 8) * 8 + 2 * t], z[(g + 8) * 8 + 2 * t + 1] = c[2], c[3]


@kernel("float32[::1], float32[::1], float32[::1]", threads=32)
def product_bfloat16(x, y, z):  # type: ignore[no-untyped-def]
    """Z = X Y for X (16, 16), Y (16, 8)."""
    lane = int32(cuda.threadIdx.x)
    g, t = lane >> 2, (lane & 3) * 2
    c = mma_bfloat16(
        bfloat16_pair(x[g * 16 + t], x[g * 16 + t + 1]),
        bfloat16_pair(x[(g + 8) * 16 + t], x[(g + 8) * 16 + t + 1]),
        bfloat16_pair(x[g * 16 + t + 8], x[g * 16 + t + 9]),
        bfloat16_pair(x[(g + 8) * 16 + t + 8], x[(g + 8) * 16 + t + 9]),
        bfloat16_pair(y[t * 8 + g], y[(t + 1) * 8 + g]),
        bfloat16_pair(y[(t + 8) * 8 + g], y[(t + 9) * 8 + g]),
        float32(0), float32(0), float32(0), float32(0),
    )  # fmt: skip
    z[g * 8 + t], z[g * 8 + t + 1] = c[0], c[1]
    z[(g + 8) * 8 + t], z[(g + 8) * 8 + t + 1] = c[2], c[3]


@pytest.mark.parametrize(("one_of_them", "sums", "added"), [(product_tf32, 8, 1), (product_bfloat16, 16, 0)])
def test_a_warp_multiplies_matrices(one_of_them: object, sums: int, added: int) -> None:
    draw = np.random.default_rng(3)
    x = draw.integers(-9, 9, (16, sums)).astype(np.float32)  # small whole numbers are not rounded
    y = draw.integers(-9, 9, (sums, 8)).astype(np.float32)
    z = memory.empty((16, 8), np.float32)
    one_of_them[1, 32](memory.to_device(x), memory.to_device(y), z)  # type: ignore[index]
    assert np.array_equal(z.numpy(), x @ y + added)


def test_tensor_cores_do_not_look_at_the_last_digits_of_what_was_not_rounded() -> None:
    x, y = np.full((16, 8), 1 + 2.0**-11, np.float32), np.full((8, 8), 1, np.float32)
    z = memory.empty((16, 8), np.float32)
    product_tf32[1, 32](memory.to_device(x), memory.to_device(y), z)
    assert np.array_equal(z.numpy(), np.full((16, 8), 9))
