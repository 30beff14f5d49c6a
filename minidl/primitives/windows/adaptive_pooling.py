"""Adaptive pooling: the size of the result is given, and the windows follow from it."""

from __future__ import annotations

from typing import Any

from ...errors import UsageError
from ...kernels.geometry import Size, adaptive_windows
from ..kinds import Shape, Value, refuses, sample, shape_of
from ..operation import operation
from .arguments import as_batch, is_whole, without_batch
from .average_pooling import MEANS
from .pooling import check_image, largest, max_pooling
from .resampling import require_float, window_means

OutputSize = int | None | tuple[int | None, ...] | list[int | None]
"""One number for all axes, or one an axis; None for as many as there are."""


_CASES: dict[int, list[tuple[Shape, dict[str, Any]]]] = {
    1: [((2, 3, 7), {"output_size": (3,)}), ((1, 2, 3), {"output_size": (5,)})],
    2: [((2, 2, 5, 7), {"output_size": (3, 2)}), ((1, 2, 2, 4), {"output_size": (3, 4)})],
    3: [((1, 2, 3, 4, 5), {"output_size": (2, 2, 3)})],
}

_MAXIMA = {axes: max_pooling(f"adaptive_max_pool{axes}d", adaptive_windows, cases) for axes, cases in _CASES.items()}


def _prepared(name: str, axes: int, input: Value, output_size: Any) -> tuple[Value, bool, Size]:
    """Check the arguments: the images, whether they had no batch axis, and the size of the result.

    Raises:
        ShapeError: not images.
        UsageError: not a size.
    """
    images, alone = as_batch(input, axes)
    check_image(name, shape_of(images), axes)
    given = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * axes
    own = shape_of(images)[2:]
    if len(given) != axes or not all(n is None or (is_whole(n) and n >= 0) for n in given):
        raise UsageError(
            f"{name}: output_size must be one whole number or {axes}, each may be None; got {output_size!r}"
        )
    return images, alone, tuple(m if n is None else int(n) for n, m in zip(given, own, strict=True))


def _adaptive_max(axes: int, input: Value, output_size: Any, return_indices: bool) -> Value:
    images, alone, size = _prepared(f"adaptive_max_pool{axes}d", axes, input, output_size)
    return largest(_MAXIMA[axes], images, {"output_size": size}, return_indices, alone)


def _adaptive_mean(axes: int, input: Value, output_size: Any) -> Value:
    """Where the windows are all of one size and do not overlap, it is an ordinary pooling."""
    images, alone, size = _prepared(f"adaptive_avg_pool{axes}d", axes, input, output_size)
    require_float(images, f"adaptive_avg_pool{axes}d")
    own = shape_of(images)[2:]
    if all(m and n % m == 0 for n, m in zip(own, size, strict=True)):
        kernel = tuple(n // m for n, m in zip(own, size, strict=True))
        p = {"padding": (0,) * axes, "ceil_mode": False, "count_include_pad": True, "divisor": None}
        return without_batch(MEANS[axes](images, kernel_size=kernel, stride=kernel, **p), alone)
    return without_batch(window_means(images, size), alone)


def _samples(axes: int, domain: Any = "real", **more: Any) -> list[Any]:
    made = [sample(x, domain=domain, **p, **more) for x, p in _CASES[axes]]
    shape = (2, *(4, 6, 2)[:axes])
    return [
        *made,
        sample(shape, domain=domain, output_size=2, **more),
        sample((0, *shape), output_size=(3,) * axes, **more),
    ]


def _errors(axes: int) -> list[Any]:
    return [
        refuses((1, 2, *(4,) * axes), output_size=(2,) * 5, error=UsageError, match="one whole number or"),
        refuses((1, 2, *(4,) * axes), output_size=-1, error=UsageError, match="one whole number or"),
        refuses((4,), output_size=2, match="wants input"),
        refuses((1, 2, *(0,) * axes), output_size=2, match="has no pixels"),
    ]


_AVERAGE: dict[str, Any] = {
    "formula": "yᵢ = mean of xⱼ over ⌊i·n/m⌋ ≤ j < ⌈(i + 1)·n/m⌉, window i",
    "derivative": "∂yᵢ/∂xⱼ = 1/(length of window i) for xⱼ in it, else 0",
}
_MAX: dict[str, Any] = {
    "formula": "yᵢ = max of xⱼ over ⌊i·n/m⌋ ≤ j < ⌈(i + 1)·n/m⌉, window i",
    "derivative": "∂yᵢ/∂xⱼ = 1 where xⱼ is the maximum of window i, else 0",
    "subgradient": "the first of equals takes it all",
}


@operation("minidl functional", samples=_samples(1), errors=_errors(1), **_AVERAGE)
def adaptive_avg_pool1d(input: Value, output_size: OutputSize) -> Value:
    """Average a signal `(N, C, L)` over `output_size` windows that cover it as evenly as can be.

    >>> import minidl
    >>> minidl.adaptive_avg_pool1d(minidl.tensor([[1.0, 2.0, 3.0, 4.0, 5.0]]), 3)
    tensor([[1.5000, 3.0000, 4.5000]])
    """
    return _adaptive_mean(1, input, output_size)


@operation(
    "functional", samples=[*_samples(2), sample((1, 3, 5), output_size=(None, 2))], errors=_errors(2), **_AVERAGE
)
def adaptive_avg_pool2d(input: Value, output_size: OutputSize) -> Value:
    """Average images over windows that cover them as evenly as can be.

    Args:
        input: images, `(N, C, H, W)`, or one, `(C, H, W)`.
        output_size: how many windows, one number or (down, across); None for as many as there are pixels.

    Returns:
        `(N, C, *output_size)`; window i of m holds the pixels from ⌊i·n/m⌋ up to ⌈(i + 1)·n/m⌉, so that neighbours may overlap.

    Raises:
        ShapeError: not images.
        UsageError: not a size.

    >>> import minidl
    >>> minidl.nn.functional.adaptive_avg_pool2d(minidl.arange(16.0).reshape(1, 4, 4), 1)
    tensor([[[7.5000]]])
    """
    return _adaptive_mean(2, input, output_size)


@operation("functional", samples=_samples(3), errors=_errors(3), **_AVERAGE)
def adaptive_avg_pool3d(input: Value, output_size: OutputSize) -> Value:
    """Average volumes `(N, C, D, H, W)` over windows that cover them evenly; see `adaptive_avg_pool2d`.

    >>> import minidl
    >>> minidl.nn.functional.adaptive_avg_pool3d(minidl.ones(1, 4, 4, 4), (1, None, 2)).shape
    (1, 1, 4, 2)
    """
    return _adaptive_mean(3, input, output_size)


@operation("functional", samples=_samples(1, "distinct"), errors=_errors(1), **_MAX)
def adaptive_max_pool1d(input: Value, output_size: OutputSize, return_indices: bool = False) -> Value:
    """Take the largest of `output_size` windows that cover a signal `(N, C, L)`; see `adaptive_max_pool2d`.

    >>> import minidl
    >>> minidl.nn.functional.adaptive_max_pool1d(minidl.tensor([[1.0, 5.0, 3.0, 4.0, 2.0]]), 3)
    tensor([[5., 5., 4.]])
    """
    return _adaptive_max(1, input, output_size, return_indices)


@operation("functional", samples=_samples(2, "distinct", return_indices=True), errors=_errors(2), **_MAX)
def adaptive_max_pool2d(input: Value, output_size: OutputSize, return_indices: bool = False) -> Value:
    """Take the largest value of each of the windows that cover images as evenly as can be.

    Args:
        input: images, `(N, C, H, W)`, or one, `(C, H, W)`.
        output_size: how many windows, one number or (down, across); None for as many as there are pixels.
        return_indices: whether to return also where the maxima are, as positions in the flattened plane.

    Returns:
        `(N, C, *output_size)`, or a pair of that and the positions.

    >>> import minidl
    >>> minidl.nn.functional.adaptive_max_pool2d(minidl.arange(16.0).reshape(1, 4, 4), (1, 2))
    tensor([[[13., 15.]]])
    """
    return _adaptive_max(2, input, output_size, return_indices)


@operation("functional", samples=_samples(3, "distinct"), errors=_errors(3), **_MAX)
def adaptive_max_pool3d(input: Value, output_size: OutputSize, return_indices: bool = False) -> Value:
    """Take the largest of the windows that cover volumes `(N, C, D, H, W)`; see `adaptive_max_pool2d`.

    >>> import minidl
    >>> minidl.nn.functional.adaptive_max_pool3d(minidl.arange(8.0).reshape(1, 2, 2, 2), 1).item()
    7.0
    """
    return _adaptive_max(3, input, output_size, return_indices)


def _with_indices(axes: int) -> None:
    """Enter `adaptive_max_pool…d_with_indices`, which always returns the pair, as does PyTorch's `adaptive_max_pool1d`."""

    def pooled(input: Value, output_size: OutputSize, return_indices: bool = True) -> Value:
        return _adaptive_max(axes, input, output_size, True)

    pooled.__name__ = f"adaptive_max_pool{axes}d_with_indices"
    pooled.__doc__ = (
        f"Return `adaptive_max_pool{axes}d` and the positions of the maxima, whatever `return_indices` says."
    )
    operation("functional", samples=_samples(axes, "distinct")[:2], **_MAX)(pooled)
    if axes == 1:
        operation("minidl", name="adaptive_max_pool1d", samples=_samples(1, "distinct")[:2], **_MAX)(pooled)


for _axes in (1, 2, 3):
    _with_indices(_axes)
