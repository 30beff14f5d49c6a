"""Convolution where each channel has kernels of its own: no product of matrices, but sums of shifted images.

    y[n, c·m + j, o] = Σ_r x[n, c, o·stride + r·dilation − padding] · w[c·m + j, r]        m: kernels a channel

Each number of the image enters R·S·m products only, so what counts is to read memory evenly. Images are channels-last and the
weights lie tap by tap, `(taps, K)`: neighbouring threads take neighbouring channels of one pixel, and whatever they read or
write lies side by side; a pixel's other taps come from the caches. With one kernel a channel and a multiple of 4 channels, a
thread takes four of them with loads of 16 bytes.

The transpose in the image is the same kernel with the sweeps of the transpose (`problem`), where a result reads
the m channels that its own became. The gradient of the weights sums over all pixels: a block takes 32 channels and one tap,
its eight warps every eighth pixel of a line, and lines are divided into parts as in `weight`.
"""

from __future__ import annotations

import functools
from typing import Any

from ..compiler.intrinsics import load4, quotient, store4
from ..compiler.language import Kernel, cuda, float32, float64, kernel
from .problem import ALL_INS, ALL_OUTS, FIRST_TAP, IMAGE, IMAGES, INS, LENGTH, OUT, OUTS, STRIDE, TAP, TAPS
from .tiled import divided, image_place, pixels_of, result_place, sees

THREADS = 256
CHANNELS = 32
LINES = THREADS // CHANNELS
_WORDS = {"float32": float32, "float64": float64}


@functools.cache
def sweep_kernel(dtype: str, lanes: int) -> Kernel:
    """All sweeps: a thread computes `lanes` neighbouring channels of a pixel, 1 or 4. Grid: results / lanes, 1, sweeps."""
    real = _WORDS[dtype]

    @kernel(f"{dtype}[::1], {dtype}[::1], {dtype}[::1], int32[::1], int32[::1]",
            name=f"depthwise_{dtype}_{lanes}", threads=THREADS, waits=False)  # fmt: skip
    def conv(x: Any, w: Any, out: Any, p: Any, taps: Any) -> None:
        """out = the sweeps of w (taps, K) over x."""
        s = cuda.blockIdx.z * LENGTH
        quads = quotient(p[s + ALL_OUTS], lanes)
        i = cuda.grid(1)
        m = quotient(i, quads)
        k = (i - m * quads) * lanes
        if m < pixels_of(p, s):
            totals = cuda.local.array(lanes, real)
            for j in range(lanes):
                totals[j] = real(0)
            image, z, y, at_x = divided(p, s, m)
            z0, y0, x0 = z * p[s + STRIDE], y * p[s + STRIDE + 1], at_x * p[s + STRIDE + 2]
            ins = p[s + INS]
            base = image_place(p, s, image, z0, y0, x0) + quotient(k, p[s + OUTS]) * ins
            kernels = ins * p[s + ALL_OUTS] if ins > 1 else p[s + ALL_OUTS]
            for number in range(p[s + TAPS]):
                t = (p[s + FIRST_TAP] + number) * TAP
                if sees(p, s, z0 + taps[t], y0 + taps[t + 1], x0 + taps[t + 2]):
                    a, b = base + taps[t + 3], taps[t + 4] * kernels + k * ins
                    if lanes == 4:
                        x0_, x1, x2, x3 = load4(x, a)
                        w0, w1, w2, w3 = load4(w, b)
                        totals[0] += x0_ * w0
                        totals[1] += x1 * w1
                        totals[2] += x2 * w2
                        totals[3] += x3 * w3
                    else:
                        for j in range(ins):
                            totals[0] += x[a + j] * w[b + j]
            at = result_place(p, s, image, z, y, at_x) + k
            if lanes == 4:
                store4(out, at, totals[0], totals[1], totals[2], totals[3])
            else:
                out[at] = totals[0]

    return conv


@functools.cache
def weight_kernel(dtype: str) -> Kernel:
    """A part of the gradient of the weights. Grid: channels / 32, taps, parts."""
    real = _WORDS[dtype]

    @kernel(f"{dtype}[::1], {dtype}[::1], {dtype}[::1], int32[::1], int32[::1], int32",
            name=f"depthwise_weight_{dtype}", threads=THREADS, doubles=True)  # fmt: skip
    def conv_weight(x: Any, g: Any, parts: Any, p: Any, taps: Any, share: int) -> None:
        """parts (parts, C, taps, m): sums over `share` lines of results each."""
        sums = cuda.shared.array(THREADS, real)
        lane, line = cuda.threadIdx.x & (CHANNELS - 1), cuda.threadIdx.x // CHANNELS
        k = cuda.blockIdx.x * CHANNELS + lane
        outs, all_outs, width = p[OUTS], p[ALL_OUTS], p[OUT + 2]
        t = cuda.blockIdx.y * TAP
        channel = quotient(k, outs)
        total: Any = real(0)
        if k < all_outs:
            end = min(p[IMAGES] * p[OUT] * p[OUT + 1], (cuda.blockIdx.z + 1) * share)
            for row in range(cuda.blockIdx.z * share, end):
                image, z, y, _ = divided(p, 0, row * width)
                z, y = z * p[STRIDE], y * p[STRIDE + 1]
                if sees(p, 0, z + taps[t], y + taps[t + 1], 0):
                    base = image_place(p, 0, image, z, y, 0) + taps[t + 3] + channel
                    upstream = row * width * all_outs + k
                    for at_x in range(line, width, LINES):
                        seen = at_x * p[STRIDE + 2]
                        if 0 <= seen + taps[t + 2] < p[IMAGE + 2]:
                            total += x[base + seen * p[ALL_INS]] * g[upstream + at_x * all_outs]
        sums[cuda.threadIdx.x] = total
        cuda.syncthreads()
        if line == 0 and k < all_outs:
            for i in range(1, LINES):
                total += sums[i * CHANNELS + lane]
            count = cuda.gridDim.y
            first = (cuda.blockIdx.z * all_outs + channel * outs) * count
            parts[first + cuda.blockIdx.y * outs + k - channel * outs] = total

    return conv_weight
