"""Batch normalisation of a batch that several processes share."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...errors import ShapeError, UsageError
from ...primitives.elementwise.arithmetic import square
from ...primitives.elementwise.exponential import sqrt
from ...primitives.layers.all_reduce import Communicator, all_reduce_
from ...primitives.reductions.reduction import sum as sum_of
from ...primitives.shapes.joining import cat
from ...tensor import Tensor
from ..functional.checks import check_float
from ..functional.normalization import check_channels, follow, scaled
from ..module import Module
from .normalization import BatchNorm


class SyncBatchNorm(BatchNorm):
    """Batch normalisation by the mean and variance of the whole batch, of which each process has a share.

    n = Σᵣ nᵣ, μ = Σᵣ Σx / n, σ² = Σᵣ Σ(x − μ)² / n, over the processes r and each one's nᵣ values a channel. The sums over
    processes are operations of the graph, so that the gradient, too, is that of the whole batch, and weights and running
    statistics become the ones that a single process would have found, but for rounding. Each layer costs two exchanges of
    C + 1 and C numbers forward, and two backward; every process must run the same layers in the same order, also one whose
    share is empty. While evaluating, and with one process, it is a plain batch normalisation.

    Args:
        num_features: C.
        eps: ε.
        momentum: how fast the running statistics follow; None gives every batch the same weight (a cumulative average).
        affine: whether there are γ and β.
        track_running_stats: whether there are running statistics.
        process_group: the processes that share the batch, as `minidl.training.connect` gives them; None for this one alone.
        device: where the parameters are to be, "cpu" or "cuda".
        dtype: that of parameters and statistics; the default one if None.
        bias: whether there is a β.

    Source: Peng et al., 2018, "MegDet: a large mini-batch object detector", section 3.3.

    >>> import minidl
    >>> SyncBatchNorm(1)(minidl.tensor([[1.0], [2.0], [3.0], [4.0]])).reshape(4)
    tensor([-1.3416, -0.4472,  0.4472,  1.3416], from=reshape)
    """

    ranks = tuple(range(2, 65))
    needed = "(N, C, …)"

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Communicator | None = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: Communicator | None = None) -> Module:
        """Replace every batch normalisation in a model by one of this kind, with the same parameters and statistics.

        Args:
            module: a model, whose layers are replaced in place, or a batch normalisation itself.
            process_group: the processes that share the batch.

        Returns:
            The model, or what takes the place of the layer.

        >>> from minidl import nn
        >>> model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
        >>> [type(layer).__name__ for layer in SyncBatchNorm.convert_sync_batchnorm(model)]
        ['Conv2d', 'SyncBatchNorm']
        """
        return cls._converted(module, process_group, {})

    @classmethod
    def _converted(cls, module: Module, group: Communicator | None, done: dict[Module, Module]) -> Module:
        """`done` has what each layer became: one that stands in two places is still one."""
        if module in done:
            return done[module]
        done[module] = module
        if isinstance(module, BatchNorm):
            done[module] = cls._like(module, group)
        else:
            for name, child in list(module._modules.items()):
                if child is not None and (new := cls._converted(child, group, done)) is not child:
                    module.register_module(name, new)
        return done[module]

    @classmethod
    def _like(cls, layer: BatchNorm, group: Communicator | None) -> SyncBatchNorm:
        new = cls(
            layer.num_features, layer.eps, layer.momentum, layer.affine, layer.track_running_stats, group,
            bias=layer.bias is not None,
        )  # fmt: skip
        new.training = layer.training
        new.register_parameter("weight", layer.weight)
        new.register_parameter("bias", layer.bias)
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            new.register_buffer(name, getattr(layer, name))
        return new

    def _normalize(
        self, input: Tensor, mean: Tensor | None, variance: Tensor | None, observes: bool, share: float
    ) -> Any:
        group = self.process_group
        if group is None or group.size == 1 or not (observes and self.training):
            return super()._normalize(input, mean, variance, observes, share)
        name = type(self).__name__
        check_float(name, input=input)
        check_channels(name, input.shape[1], running_mean=mean, weight=self.weight, bias=self.bias)
        if self.eps <= 0:
            raise UsageError(f"{name}: eps must be positive while training, got {self.eps}")
        return scaled(self._standardized(input, mean, variance, share, group), self.weight, self.bias, 1, input.ndim)

    def _standardized(
        self, input: Tensor, mean: Tensor | None, variance: Tensor | None, share: float, group: Communicator
    ) -> Any:
        """(x − μ)/√(σ² + ε) over all processes; the running statistics follow μ and n/(n − 1)·σ²."""
        axes = (0, *range(2, input.ndim))
        own = math.prod(input.shape[i] for i in axes)
        sums, count = _sum_and_count(sum_of(input, axes), own, group)
        if count == 1:
            raise ShapeError(
                f"{type(self).__name__}: training needs more than 1 value per channel in all processes together; "
                f"this one got {input.shape}: use a larger batch"
            )
        shape = (1, -1, *(1,) * (input.ndim - 2))
        mu = sums / count
        centred = input - mu.reshape(shape)
        sigma2 = all_reduce_(sum_of(square(centred), axes), group=group) / count
        if mean is not None and variance is not None:
            follow(mean, mu.data, share)
            follow(variance, sigma2.data * (count / (count - 1)), share)
        return centred / sqrt(sigma2 + self.eps).reshape(shape)


def _sum_and_count(sums: Tensor, count: int, group: Communicator) -> tuple[Any, int]:
    """Both summed over all processes, in one exchange."""
    high, low = divmod(count, 1 << 11)  # in two parts that are whole numbers in every dtype
    joined = all_reduce_(cat([sums, Tensor(np.array([high, low], sums.dtype))]), group=group)
    high, low = joined.data[-2:].tolist()
    return joined[:-2], int(high) * (1 << 11) + int(low)
