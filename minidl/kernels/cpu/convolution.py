"""Convolution on the CPU, and its transposes in the image and in the weights: which way to compute them.

Inside, images are channels-last with three axes, (N, D, H, W, C): a window's pixels then lie in runs of C numbers; a signal
or a plane has axes of length 1 in front, which cost nothing. The results are handed out as (N, C, …) views of channels-last
memory, so that the next layer finds them as it wants them.

- Register tiles that walk the image where it lies: `tiled`, with Winograd's tiles where they need fewer products, and tiles
  that spread pixels instead of gathering results where these have few channels.
- Each channel with kernels of its own: `single`, with tiles of channels side by side.
- Without these (see `paths`), and where there is nothing to compute: `im2col`, a product of matrices, and `depthwise`,
  products of whole images.

All take the same arguments: sizes with one number an axis, of the result, then of the convolution.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from ...errors import DtypeError
from ..geometry import Size
from . import depthwise, im2col, paths, single, tiled

Array = np.ndarray[Any, Any]


def conv(x: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """`x` `(N, C, …)` ∗ `w` `(K, C/groups, …)` → `(N, K, *size)`."""
    way = way_of(x, w, size, groups, w.shape[1])
    return way.conv(x, w, size, stride, padding, dilation, groups)


def conv_input(g: Array, w: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the image: `g` `(N, K, …)` → `(N, C, *size)`."""
    way = way_of(g, w, size, groups, w.shape[1])
    return way.conv_input(g, w, size, stride, padding, dilation, groups)


def conv_weight(g: Array, x: Array, size: Size, stride: Size, padding: Size, dilation: Size, groups: int) -> Array:
    """The transpose in the weights: → `(K, C/groups, *size)`, summed over the images."""
    way = way_of(g, x, size, groups, x.shape[1] // groups)
    return way.conv_weight(g, x, size, stride, padding, dilation, groups)


def way_of(a: Array, b: Array, size: Size, groups: int, channels: int) -> ModuleType:
    """The module that computes a convolution of these arrays with so many channels in a group.

    Raises:
        DtypeError: there are no kernels for these numbers.
    """
    for array in (a, b):
        if array.dtype not in (np.float32, np.float64):
            raise DtypeError(
                f"a convolution computes in float32 or float64, got {array.dtype}; convert with x.to(minidl.float32)"
            )
    something = a.size > 0 < b.size and 0 not in size
    if groups > 1 == channels:
        return single if something and paths.enabled("depthwise") else depthwise
    return tiled if something and paths.enabled("direct") else im2col
