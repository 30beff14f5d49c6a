"""What a device must be able to compute: the Python array API's names where it has the operation, and a few more."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Array = Any
Shape = tuple[int, ...]
Pair = tuple[int, int]


class Backend(Protocol):
    """One device's operations on arrays. Images are `(N, C, H, W)`; their strides are the backend's own business."""

    name: str

    # Bookkeeping
    def errstate(self, *, all: str) -> AbstractContextManager[Any]:
        """Silence (`all="ignore"`) the warnings about infinities and NaN for a `with` block."""

    def wrap(self, result: Any, inputs: Sequence[Any]) -> Array:
        """Give a result its final form: an array if any input was one, else a double."""

    # Elementwise (array API)
    def add(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def subtract(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def multiply(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def divide(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def negative(self, x: Array) -> Array: ...  # noqa: D102
    def pow(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def exp(self, x: Array) -> Array: ...  # noqa: D102
    def log(self, x: Array) -> Array: ...  # noqa: D102
    def sqrt(self, x: Array) -> Array: ...  # noqa: D102
    def abs(self, x: Array) -> Array: ...  # noqa: D102
    def sign(self, x: Array) -> Array: ...  # noqa: D102
    def sin(self, x: Array) -> Array: ...  # noqa: D102
    def cos(self, x: Array) -> Array: ...  # noqa: D102
    def tanh(self, x: Array) -> Array: ...  # noqa: D102
    def maximum(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def minimum(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def where(self, condition: Array, x: Array, y: Array) -> Array: ...  # noqa: D102
    def equal(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def not_equal(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def less(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def less_equal(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def greater(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def greater_equal(self, x: Array, y: Array) -> Array: ...  # noqa: D102
    def astype(self, x: Array, dtype: Any) -> Array: ...  # noqa: D102

    # Reductions (array API)
    def sum(self, x: Array, axis: Any = None, keepdims: bool = False) -> Array: ...  # noqa: D102
    def max(self, x: Array, axis: Any = None, keepdims: bool = False) -> Array: ...  # noqa: D102
    def min(self, x: Array, axis: Any = None, keepdims: bool = False) -> Array: ...  # noqa: D102
    def argmax(self, x: Array, axis: int | None = None, keepdims: bool = False) -> Array: ...  # noqa: D102
    def argmin(self, x: Array, axis: int | None = None, keepdims: bool = False) -> Array: ...  # noqa: D102

    # Shape (array API)
    def reshape(self, x: Array, shape: Shape) -> Array: ...  # noqa: D102
    def permute_dims(self, x: Array, axes: Shape) -> Array: ...  # noqa: D102
    def broadcast_to(self, x: Array, shape: Shape) -> Array: ...  # noqa: D102
    def concat(self, arrays: Sequence[Array], axis: int) -> Array: ...  # noqa: D102
    def ones(self, shape: Any, dtype: Any) -> Array: ...  # noqa: D102
    def zeros(self, shape: Shape, dtype: Any) -> Array: ...  # noqa: D102
    def take_along_axis(self, x: Array, indices: Array, axis: int) -> Array: ...  # noqa: D102

    # Linear algebra
    def matmul(self, x: Array, y: Array) -> Array: ...  # noqa: D102

    # Beyond the array API
    def sigmoid(self, x: Array) -> Array:
        """1 / (1 + e⁻ˣ), without overflow at either end."""

    def getitem(self, x: Array, index: Any) -> Array:
        """`x[index]`, basic or advanced."""

    def scatter_add(self, values: Array, index: Any, shape: Shape) -> Array:
        """Zeros of `shape` to which `values` are added at `index`, repeated positions adding up."""

    def conv2d(self, x: Array, w: Array, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Array:
        """Cross-correlate `x` `(N, C, H, W)` with `w` `(K, C/groups, R, S)` → `(N, K, OH, OW)`."""

    def conv2d_input(
        self, g: Array, w: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
    ) -> Array:
        """The transpose of `conv2d` in `x`: `g` `(N, K, OH, OW)` → `(N, C, *size)`."""

    def conv2d_weight(
        self, g: Array, x: Array, size: Pair, stride: Pair, padding: Pair, dilation: Pair, groups: int
    ) -> Array:
        """The transpose of `conv2d` in `w`: → `(K, C/groups, *size)`."""

    def max_pool2d(
        self, x: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair, ceil_mode: bool
    ) -> tuple[Array, Array]:
        """The maximum of each window and its position in the flattened plane `H·W`, both `(N, C, OH, OW)`."""

    def plane_scatter(self, g: Array, positions: Array, size: Pair) -> Array:
        """Add `g` `(N, C, OH, OW)` at `positions` of zero planes `(N, C, *size)`."""

    def plane_gather(self, x: Array, positions: Array) -> Array:
        """Pick the elements at `positions` from each plane of `x` `(N, C, H, W)`: the transpose of `plane_scatter`."""

    def avg_pool2d(
        self, x: Array, kernel_size: Pair, stride: Pair, padding: Pair, ceil_mode: bool, count_include_pad: bool
    ) -> Array:
        """The mean of each window, `(N, C, OH, OW)`."""

    def avg_pool2d_input(
        self,
        g: Array,
        size: Pair,
        kernel_size: Pair,
        stride: Pair,
        padding: Pair,
        ceil_mode: bool,
        count_include_pad: bool,
    ) -> Array:
        """The transpose of `avg_pool2d`: `g` spread evenly over each window, `(N, C, *size)`."""
