"""Layers that standardise channels by stored or observed statistics: batch and instance normalisation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np

from ...errors import ShapeError, UsageError
from ...graph import no_grad
from ...kernels.device import brought_to, device_of
from ...tensor import Tensor
from .. import functional as F
from .. import init
from ..module import Module
from ..parameter import Parameter, new_parameter


class _Norm(Module):
    """γ and β, one each a channel, and running statistics."""

    added_later = ("num_batches_tracked",)
    ranks: ClassVar[tuple[int, ...]]
    needed: ClassVar[str]
    weight: Parameter | None
    bias: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        device: Any,
        dtype: Any,
        bias: bool,
    ) -> None:
        super().__init__()
        if num_features < 1:
            raise UsageError(f"{type(self).__name__}: needs at least one channel, got {num_features}")
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats

        def numbers(wanted: bool) -> Parameter | None:
            return new_parameter(type(self).__name__, (num_features,), dtype, device) if wanted else None

        self.register_parameter("weight", numbers(affine))
        self.register_parameter("bias", numbers(affine and bias))
        for name in ("running_mean", "running_var"):
            kept = numbers(track_running_stats)
            self.register_buffer(name, None if kept is None else kept.detach())
        none_yet = brought_to(np.asarray(0, np.int64), device_of(device, type(self).__name__))
        self.register_buffer("num_batches_tracked", Tensor(none_yet) if track_running_stats else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Forget what was observed: mean 0, variance 1, no batch."""
        if self.running_mean is not None and self.running_var is not None and self.num_batches_tracked is not None:
            init.zeros_(self.running_mean)
            init.ones_(self.running_var)
            init.zeros_(self.num_batches_tracked)

    def reset_parameters(self) -> None:
        """Forget what was observed, and make the scale 1 and the shift 0."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def _check_rank(self, input: Tensor) -> None:
        if input.ndim not in self.ranks:
            raise ShapeError(f"{type(self).__name__}: wants input {self.needed}, got {input.shape}")

    def extra_repr(self) -> str:
        """The number of channels and the choices."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm(_Norm):
    """What all batch normalisations share."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)`; the same shape."""
        self._check_rank(input)
        observes = self.training or self.running_mean is None
        stored = not self.training or self.track_running_stats
        mean, variance = (self.running_mean, self.running_var) if stored else (None, None)
        seen = self.num_batches_tracked if self.training and self.track_running_stats else None
        # without a momentum, the n-th batch counts 1/n, which makes the running statistics plain means
        share = 1.0 / (1 if seen is None else seen.item() + 1) if self.momentum is None else self.momentum
        output = self._normalize(input, mean, variance, observes, share)
        if seen is not None:
            seen += 1
        return output

    def _normalize(
        self, input: Tensor, mean: Tensor | None, variance: Tensor | None, observes: bool, share: float
    ) -> Any:
        return F.batch_norm(input, mean, variance, self.weight, self.bias, observes, share, self.eps)


class BatchNorm1d(BatchNorm):
    """Batch normalisation of features `(N, C)` or signals `(N, C, L)`; see `BatchNorm2d` for the arguments.

    >>> import minidl
    >>> BatchNorm1d(1)(minidl.tensor([[1.0], [2.0], [3.0], [4.0]])).reshape(4)
    tensor([-1.3416, -0.4472,  0.4472,  1.3416], from=reshape)
    """

    ranks = (2, 3)
    needed = "(N, C) or (N, C, L)"


class BatchNorm2d(BatchNorm):
    """y = γ (x − μ)/√(σ² + ε) + β for each channel of images `(N, C, H, W)`.

    While training, μ and σ² are those of the batch; afterwards the running ones, which training updates:
    (1 − momentum)·old + momentum·new, with the unbiased variance.

    Args:
        num_features: C.
        eps: ε.
        momentum: how fast the running statistics follow; None gives every batch the same weight (a cumulative average).
        affine: whether there are γ and β.
        track_running_stats: whether there are running statistics; without them every batch is standardised by its own.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of parameters and statistics; the default one if None.
        bias: whether there is a β.

    Attributes:
        weight: γ, `(C,)`, ones to begin with, or None.
        bias: β, `(C,)`, zeros to begin with, or None.
        running_mean: the running μ, `(C,)`, or None.
        running_var: the running σ², `(C,)`, or None.
        num_batches_tracked: how many batches the running statistics have seen, or None.

    Source: Ioffe & Szegedy, 2015, "Batch normalization".

    >>> import minidl
    >>> layer = BatchNorm2d(3)
    >>> layer(minidl.ones(2, 3, 4, 4)).shape, layer.running_mean
    ((2, 3, 4, 4), tensor([0.1000, 0.1000, 0.1000]))
    """

    ranks = (4,)
    needed = "(N, C, H, W)"


class BatchNorm3d(BatchNorm):
    """Batch normalisation of volumes `(N, C, D, H, W)`; see `BatchNorm2d` for the arguments.

    >>> import minidl
    >>> BatchNorm3d(3)(minidl.ones(2, 3, 2, 2, 2)).shape
    (2, 3, 2, 2, 2)
    """

    ranks = (5,)
    needed = "(N, C, D, H, W)"


class _InstanceNorm(_Norm):
    momentum: float

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias)

    def forward(self, input: Tensor) -> Any:
        """`(N, C, …)`, or one image `(C, …)`; the same shape."""
        self._check_rank(input)
        if input.ndim == min(self.ranks):
            return self.forward(input.unsqueeze(0)).squeeze(0)
        observes = self.training or not self.track_running_stats
        return F.instance_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, observes, self.momentum, self.eps
        )


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of signals `(N, C, L)` or one `(C, L)`; see `InstanceNorm2d` for the arguments.

    >>> import minidl
    >>> InstanceNorm1d(1)(minidl.tensor([[[1.0, 2.0, 3.0, 4.0]]]))
    tensor([[[-1.3416, -0.4472,  0.4472,  1.3416]]])
    """

    ranks = (2, 3)
    needed = "(N, C, L) or (C, L)"


class InstanceNorm2d(_InstanceNorm):
    """Standardise each channel of each image `(N, C, H, W)`, or of one `(C, H, W)`, by its own mean and variance.

    Args:
        num_features: C.
        eps: is added to the variance.
        momentum: how fast the running statistics follow, where there are any.
        affine: whether there are γ and β.
        track_running_stats: whether running statistics are kept, and used after training.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of parameters and statistics; the default one if None.
        bias: whether there is a β, with `affine`.

    Source: Ulyanov, Vedaldi & Lempitsky, 2016, "Instance normalization".

    >>> import minidl
    >>> InstanceNorm2d(3)(minidl.ones(2, 3, 4, 4)).shape
    (2, 3, 4, 4)
    """

    ranks = (3, 4)
    needed = "(N, C, H, W) or (C, H, W)"


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of volumes `(N, C, D, H, W)` or one; see `InstanceNorm2d` for the arguments.

    >>> import minidl
    >>> InstanceNorm3d(3)(minidl.ones(2, 3, 2, 2, 2)).shape
    (2, 3, 2, 2, 2)
    """

    ranks = (4, 5)
    needed = "(N, C, D, H, W) or (C, D, H, W)"


@contextmanager
def measuring(model: Module) -> Iterator[list[BatchNorm]]:
    """Have all batches count the same in the running statistics, within the block; momenta and modes are then put back.

    Args:
        model: a model.

    Yields:
        Its batch normalisations that keep statistics.
    """
    layers = [m for m in model.modules() if isinstance(m, BatchNorm) and m.track_running_stats]
    modes = [(module, module.training) for module in model.modules()]
    momenta = [layer.momentum for layer in layers]
    try:
        for layer in layers:
            layer.momentum = None
        yield layers
    finally:
        for module, mode in modes:
            module.training = mode
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


def input_of(batch: Any) -> Tensor:
    """The input of a batch as a loader gives it: the first entry of a tuple or list, as a tensor."""
    given = batch[0] if isinstance(batch, tuple | list) else batch
    return given if isinstance(given, Tensor) else Tensor(np.asarray(given))


def recalibrate(model: Module, batches: Iterable[Any]) -> int:
    """Take the running statistics of all batch normalisations from new data, and leave everything learned as it is.

    Where data come from elsewhere than in training (another camera, another hospital), the stored means and variances no
    longer fit, and often that alone explains a loss of accuracy. Each batch counts the same. Everything but the batch
    normalisations runs as in evaluation: dropout drops nothing, so these are the statistics that the model will meet.
    (`minidl.optim.swa_utils.update_bn` is PyTorch's function for averaged weights: there all runs as in training.)

    Args:
        model: a model with batch normalisations.
        batches: inputs of the model, tensors or arrays; of a tuple or list the first entry, as a loader gives it.

    Returns:
        How many batches there were.

    Raises:
        UsageError: no batch normalisation keeps statistics, or no batch came.

    Source: Li, Wang, Shi, Hou & Liu, 2018, "Adaptive batch normalization for practical domain adaptation".

    >>> import minidl
    >>> layer = BatchNorm1d(1)
    >>> recalibrate(layer, [minidl.tensor([[1.0], [3.0]]), minidl.tensor([[5.0], [7.0]])])
    2
    >>> layer.running_mean, layer.running_var
    (tensor([4.]), tensor([2.]))
    """
    count = 0
    with measuring(model) as layers, no_grad():
        if not layers:
            raise UsageError("recalibrate: no batch normalisation in this model keeps running statistics")
        model.eval()
        for layer in layers:
            layer.training = True
        for count, batch in enumerate(batches, 1):
            if count == 1:
                for layer in layers:
                    layer.reset_running_stats()
            model(input_of(batch))
    if not count:
        raise UsageError("recalibrate: there was no batch to take statistics from; they are as before")
    return count
