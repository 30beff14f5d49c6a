"""Activations that look at several numbers at once, or learn something themselves."""

from __future__ import annotations

from typing import Any

from ...errors import ShapeError
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import new_parameter
from .layer import Layer


class PReLU(Layer):
    """max(0, x) + a·min(0, x), with a learned slope a.

    Args:
        num_parameters: 1, or the number of channels, for one slope each.
        init: the slope to begin with.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of the slopes; the default one if None.

    Attributes:
        weight: the slopes, `(num_parameters,)`.

    Source: He, Zhang, Ren & Sun, 2015, "Delving deep into rectifiers".

    >>> import minidl
    >>> PReLU().eval()(minidl.tensor([-1.0, 2.0])).detach()
    tensor([-0.2500,  2.0000])
    """

    shown = ("num_parameters",)

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = new_parameter("PReLU", (num_parameters,), dtype, device)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the slopes to what they began with."""
        init.constant_(self.weight, self.init)

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)`; the same shape."""
        return F.prelu(input, self.weight)


class Maxout(Layer):
    """The largest of each `pieces` neighbouring channels: with a linear layer before it, any convex piecewise linear function.

    Args:
        pieces: how many channels compete.
        dim: the axis of the channels.

    Source: Goodfellow, Warde-Farley, Mirza, Courville & Bengio, 2013, "Maxout networks".

    >>> import minidl
    >>> Maxout(2)(minidl.tensor([[1.0, 5.0, 4.0, 3.0]]))
    tensor([[5., 4.]])
    """

    shown = ("pieces", "dim")

    def __init__(self, pieces: int, dim: int = 1) -> None:
        super().__init__()
        self.pieces = pieces
        self.dim = dim

    def forward(self, input: Tensor) -> Any:
        """`(…, C, …)` → `(…, C / pieces, …)`."""
        return F.maxout(input, self.pieces, self.dim)


class GLU(Layer):
    """a σ(b), a and b being the two halves of the input.

    Args:
        dim: the axis that is halved.

    Source: Dauphin, Fan, Auli & Grangier, 2017, "Language modeling with gated convolutional networks".

    >>> import minidl
    >>> GLU()(minidl.tensor([6.0, 0.0]))
    tensor([3.])
    """

    shown = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Any:
        """`(…, 2·M, …)` → `(…, M, …)`."""
        return F.glu(input, self.dim)


class Softmax(Layer):
    """e^xᵢ / Σ e^xⱼ: positive numbers that sum to 1. (`CrossEntropyLoss` wants the scores before it.)

    Args:
        dim: the axis that sums to 1.

    Source: Bridle, 1990, "Probabilistic interpretation of feedforward classification network outputs".

    >>> import minidl
    >>> Softmax(dim=0)(minidl.tensor([0.0, 0.0]))
    tensor([0.5000, 0.5000])
    """

    shown = ("dim",)

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.softmax(input, self.dim)


class LogSoftmax(Softmax):
    """xᵢ − ln Σ e^xⱼ, the logarithm of `Softmax`, without overflow.

    >>> import minidl
    >>> LogSoftmax(dim=0)(minidl.tensor([1000.0, 1000.0]))
    tensor([-0.6931, -0.6931])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.log_softmax(input, self.dim)


class Softmin(Softmax):
    """`Softmax` of −x.

    >>> import minidl
    >>> Softmin(dim=0)(minidl.tensor([0.0, 1.0]))
    tensor([0.7311, 0.2689])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.softmin(input, self.dim)


class Softmax2d(Module):
    """`Softmax` over the channels of images `(N, C, H, W)` or of one `(C, H, W)`: one distribution a pixel.

    >>> import minidl
    >>> Softmax2d()(minidl.zeros(1, 4, 1, 2))[0, :, 0, 0]
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def forward(self, input: Tensor) -> Any:
        """`(N, C, H, W)`; the same shape."""
        if input.ndim not in (3, 4):
            raise ShapeError(f"Softmax2d: wants images (N, C, H, W) or (C, H, W), got {input.shape}")
        return F.softmax(input, -3)
