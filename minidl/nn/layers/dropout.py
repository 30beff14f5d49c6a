"""Dropout in its kinds: while training, parts of a network are left out at random."""

from __future__ import annotations

from typing import Any

from ...errors import UsageError
from ...tensor import Tensor
from .. import functional as F
from .layer import Layer


class _Dropout(Layer):
    shown = ("p", "inplace")

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise UsageError(f"{type(self).__name__}: p must lie in 0 … 1, got {p}")
        self.p = p
        self.inplace = inplace


class Dropout(_Dropout):
    """Zero each element with probability `p` while training, and scale the others by 1/(1 − p).

    Args:
        p: the probability.
        inplace: accepted as in PyTorch; it makes no difference.

    Source: Srivastava et al., 2014, "Dropout: a simple way to prevent neural networks from overfitting".

    >>> import minidl
    >>> Dropout(0.5).eval()(minidl.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.dropout(input, self.p, self.training)


class Dropout1d(_Dropout):
    """Zero whole channels of signals `(N, C, L)` or `(C, L)`; see `Dropout` for the arguments.

    >>> import minidl
    >>> Dropout1d(1.0)(minidl.ones(2, 3))
    tensor([[0., 0., 0.],
            [0., 0., 0.]])
    """

    def forward(self, input: Tensor) -> Any:
        """`(N, C, L)`; the same shape."""
        return F.dropout1d(input, self.p, self.training)


class Dropout2d(_Dropout):
    """Zero whole channels of images `(N, C, H, W)`; see `Dropout` for the arguments.

    Neighbouring pixels are so alike that dropping single ones takes little away.

    Source: Tompson et al., 2015, "Efficient object localization using convolutional networks".

    >>> import minidl
    >>> out = Dropout2d(0.5)(minidl.ones(2, 8, 4, 4))
    >>> bool((out.data == out.data[:, :, :1, :1]).all())
    True
    """

    def forward(self, input: Tensor) -> Any:
        """`(N, C, H, W)`; the same shape."""
        return F.dropout2d(input, self.p, self.training)


class Dropout3d(_Dropout):
    """Zero whole channels of volumes `(N, C, D, H, W)` or `(C, D, H, W)`; see `Dropout` for the arguments.

    >>> import minidl
    >>> out = Dropout3d(0.5)(minidl.ones(2, 8, 2, 2, 2))
    >>> bool((out.data == out.data[:, :, :1, :1, :1]).all())
    True
    """

    def forward(self, input: Tensor) -> Any:
        """`(N, C, D, H, W)`; the same shape."""
        return F.dropout3d(input, self.p, self.training)


class AlphaDropout(_Dropout):
    """A dropout that keeps mean and variance of what SELU returns; see `Dropout` for the arguments.

    Source: Klambauer et al., 2017, "Self-normalizing neural networks".

    >>> import minidl
    >>> AlphaDropout(0.5).eval()(minidl.tensor([1.0, -2.0]))
    tensor([ 1., -2.])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.alpha_dropout(input, self.p, self.training)


class FeatureAlphaDropout(_Dropout):
    """`AlphaDropout` of whole channels `(N, C, …)`; see `Dropout` for the arguments.

    >>> import minidl
    >>> FeatureAlphaDropout(1.0)(minidl.ones(1, 2, 2))
    tensor([[[0., 0.],
             [0., 0.]]])
    """

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)`; the same shape."""
        return F.feature_alpha_dropout(input, self.p, self.training)


class DropPath(Layer):
    """Stochastic depth: leave out a residual branch, for each example of a batch with probability `p`, while training.

    Args:
        p: the probability.
        scale_by_keep: whether to scale the branches that stay by 1/(1 − p).

    Source: Huang, Sun, Liu, Sedra & Weinberger, 2016, "Deep networks with stochastic depth".

    >>> import minidl
    >>> x = DropPath(0.5)(minidl.ones(100, 3))
    >>> bool((x.data == x.data[:, :1]).all())
    True
    """

    shown = ("p",)

    def __init__(self, p: float = 0.5, scale_by_keep: bool = True) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise UsageError(f"DropPath: p must lie in 0 … 1, got {p}")
        self.p = p
        self.scale_by_keep = scale_by_keep

    def forward(self, input: Tensor) -> Any:
        """`(N, …)`; the same shape."""
        return F.drop_path(input, self.p, self.training, self.scale_by_keep)
