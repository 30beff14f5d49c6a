"""Layers that standardise each example by itself, so that the batch plays no part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...errors import ShapeError
from ...kernels.device import device_of
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter, new_parameter


class _Scaled(Module):
    """γ and β, or neither."""

    weight: Parameter | None
    bias: Parameter | None

    def _own_scale(self, shape: tuple[int, ...], weight: bool, bias: bool, device: Any, dtype: Any) -> None:
        device = device_of(device, type(self).__name__)
        for name, wanted in (("weight", weight), ("bias", bias)):
            self.register_parameter(name, new_parameter(type(self).__name__, shape, dtype, device) if wanted else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Make the scale 1 and the shift 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class LayerNorm(_Scaled):
    """y = γ (x − μ)/√(σ² + ε) + β, with μ and σ² over the last axes of each example.

    Args:
        normalized_shape: the lengths of those axes, or the one length.
        eps: ε.
        elementwise_affine: whether there are γ and β, of `normalized_shape`.
        bias: whether there is a β.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the parameters; the default one if None.

    Source: Ba, Kiros & Hinton, 2016, "Layer normalization".

    >>> import minidl
    >>> LayerNorm(4, elementwise_affine=False)(minidl.tensor([[1.0, 2.0, 3.0, 4.0]]))
    tensor([[-1.3416, -0.4472,  0.4472,  1.3416]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _lengths(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._own_scale(self.normalized_shape, elementwise_affine, elementwise_affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Any:
        """`(…, *normalized_shape)`; the same shape."""
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The axes and the choices."""
        choices = f"elementwise_affine={self.elementwise_affine}, bias={self.bias is not None}"
        return f"{self.normalized_shape}, eps={self.eps}, {choices}"


class RMSNorm(_Scaled):
    """y = γ x/√(mean(x²) + ε): a layer normalisation that leaves the mean in.

    Args:
        normalized_shape: the lengths of the last axes, or the one length.
        eps: ε; the dtype's own smallest step if None.
        elementwise_affine: whether there is γ, of `normalized_shape`.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the parameter; the default one if None.

    Source: Zhang & Sennrich, 2019, "Root mean square layer normalization".

    >>> import minidl
    >>> RMSNorm(2, elementwise_affine=False)(minidl.tensor([[1.0, 7.0]]))
    tensor([[0.2000, 1.4000]])
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _lengths(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._own_scale(self.normalized_shape, elementwise_affine, False, device, dtype)

    def forward(self, x: Tensor) -> Any:
        """`(…, *normalized_shape)`; the same shape."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The axes and the choices."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Scaled):
    """y = γ (x − μ)/√(σ² + ε) + β, with μ and σ² over groups of each example's channels.

    Args:
        num_groups: into how many groups the channels are divided.
        num_channels: C.
        eps: ε.
        affine: whether there are γ and β, one each a channel.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the parameters; the default one if None.
        bias: whether there is a β.

    Source: Wu & He, 2018, "Group normalization".

    >>> import minidl
    >>> GroupNorm(2, 4, affine=False)(minidl.tensor([[1.0, 3.0, 10.0, 30.0]]))
    tensor([[-1.0000,  1.0000, -1.0000,  1.0000]])
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise ShapeError(f"GroupNorm: {num_channels} channels cannot be divided into {num_groups} groups")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._own_scale((num_channels,), affine, affine and bias, device, dtype)

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)`; the same shape."""
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The groups and the choices."""
        choices = f"affine={self.affine}, bias={self.bias is not None}"
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, {choices}"


class LocalResponseNorm(Module):
    """y = x / (k + α/n Σ x²)^β, the sum over n neighbouring channels: strong responses damp those beside them.

    Args:
        size: n.
        alpha: α.
        beta: β.
        k: k.

    Source: Krizhevsky, Sutskever & Hinton, 2012, "ImageNet classification with deep convolutional neural networks",
    section 3.3 (whose α is not divided by n).

    >>> import minidl
    >>> LocalResponseNorm(5)(minidl.zeros(1, 8, 4, 4)).shape
    (1, 8, 4, 4)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)`; the same shape."""
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        """The numbers."""
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


def _lengths(shape: int | Sequence[int]) -> tuple[int, ...]:
    return (shape,) if isinstance(shape, int) else tuple(shape)
