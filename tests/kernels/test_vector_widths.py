"""The convolution's kernels also for processors with narrower vectors than this one's."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

_WORK = """
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from minidl.kernels.cpu import convolution, simd

assert (simd.COUNT, simd.BYTES) == (16, {width}), (simd.COUNT, simd.BYTES)
rng = np.random.default_rng(0)
x, w = rng.standard_normal((1, 3, 6, 5)).astype("f4"), rng.standard_normal((11, 3, 3, 3)).astype("f4")
p = dict(size=(6, 5), stride=(1, 1), padding=(1, 1), dilation=(1, 1), groups=1)
found = convolution.conv(x, w, **p)
seen = sliding_window_view(np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1))), (3, 3), axis=(2, 3))
wanted = np.einsum("ncijrs,kcrs->nkij", seen, w)
np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
"""


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="names processors of one family")
@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="nothing is compiled")
@pytest.mark.parametrize(("features", "width"), [("+sse,+sse2", 16)])
def test_tiles_of_narrower_vectors(features: str, width: int) -> None:
    chosen = {"NUMBA_CPU_NAME": "nehalem", "NUMBA_CPU_FEATURES": features}
    environment = {**os.environ, **chosen}
    command = [sys.executable, "-c", _WORK.format(width=width)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
