"""Averages of a model's weights over its training: moving (EMA) or plain (SWA)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

import numpy as np

from ..errors import UsageError
from ..graph import data_of, no_grad
from ..nn import Module
from ..nn.layers.normalization import input_of, measuring
from ..tensor import Tensor
from .lr_scheduler.base import LRScheduler, one_a_group
from .optimizer import Optimizer, writing

Average = Callable[[Tensor, Tensor, Any], Any]
"""From the average so far, the current value and how many went into the average, to the new average."""

Averages = Callable[[list[Tensor], list[Tensor], Any], None]
"""The same for all tensors at once, in place."""


def get_ema_avg_fn(decay: float = 0.999) -> Average:
    """Return the rule a ← decay·a + (1 − decay)·θ.

    Raises:
        UsageError: decay is not from 0 to 1.
    """
    if not 0 <= decay <= 1:
        raise UsageError(f"get_ema_avg_fn: decay must be from 0 to 1, got {decay}")

    def average(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        return decay * averaged + (1 - decay) * current

    return average


def get_swa_avg_fn() -> Average:
    """Return the rule a ← a + (θ − a) / (n + 1), the mean of all n + 1 so far."""

    def average(averaged: Tensor, current: Tensor, num_averaged: Any) -> Tensor:
        return averaged + (current - averaged) / (int(num_averaged) + 1)

    return average


def get_ema_multi_avg_fn(decay: float = 0.999) -> Averages:
    """Return the rule of `get_ema_avg_fn` for all tensors at once."""
    return _for_all(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Averages:
    """Return the rule of `get_swa_avg_fn` for all tensors at once."""
    return _for_all(get_swa_avg_fn())


def _for_all(rule: Average) -> Averages:
    def average(averaged: list[Tensor], current: list[Tensor], num_averaged: Any) -> None:
        with writing(averaged) as arrays:
            for data, mean, value in zip(arrays, averaged, current, strict=True):
                data[...] = data_of(rule(mean, value, num_averaged))

    return average


class AveragedModel(Module):
    """A copy of a model whose weights are an average of the weights that the model has had.

    Call `update_parameters(model)` after each step or epoch that is to count; the first call copies. Called like the model,
    it computes with the averages. Its state dict, `n_averaged` and `module.…`, is saved and restored like any other.

    Args:
        model: the model; it is copied.
        device: accepted as in PyTorch; there is only "cpu".
        avg_fn: the rule, such as `get_ema_avg_fn(0.999)`; the plain mean if not given.
        multi_avg_fn: the rule for all tensors at once, in its place.
        use_buffers: whether buffers (a batch norm's statistics) are averaged too; otherwise they are copied.

    Raises:
        UsageError: both kinds of rules are given.

    Source: Izmailov et al., 2018, "Averaging weights leads to wider optima and better generalization"; moving averages from
    Polyak and Juditsky, 1992, "Acceleration of stochastic approximation by averaging".

    >>> import minidl
    >>> from minidl import nn
    >>> model = nn.Linear(1, 1, bias=False)
    >>> mean = AveragedModel(model)
    >>> for value in (1.0, 2.0, 6.0):
    ...     model.load_state_dict({"weight": [[value]]})  # doctest: +ELLIPSIS
    ...     mean.update_parameters(model)
    Mismatch(...)
    Mismatch(...)
    Mismatch(...)
    >>> mean(minidl.ones(1)).item()
    3.0
    """

    n_averaged: Tensor
    module: Module

    def __init__(
        self,
        model: Module,
        device: str | None = None,
        avg_fn: Average | None = None,
        multi_avg_fn: Averages | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise UsageError("AveragedModel: give avg_fn or multi_avg_fn, not both")
        self.module = deepcopy(model) if device is None else deepcopy(model).to(device=device)
        self.register_buffer("n_averaged", Tensor(np.zeros((), np.int64)))
        self.average = multi_avg_fn or _for_all(avg_fn or get_swa_avg_fn())
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute with the averaged weights."""
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Let the model's present weights go into the average."""
        averaged: list[Tensor] = list(self.module.parameters())
        current: list[Tensor] = list(model.parameters())
        own_buffers, buffers = list(self.module.buffers()), list(model.buffers())
        count = int(self.n_averaged.item())
        with no_grad():
            if self.use_buffers:
                averaged, current = averaged + own_buffers, current + buffers
            if count:
                self.average(averaged, current, count)
        copied = chain(
            () if count else zip(averaged, current, strict=True),
            () if self.use_buffers else zip(own_buffers, buffers, strict=True),
        )
        for mean, value in copied:
            mean.data = value.data.copy()
        self.n_averaged.data = np.asarray(count + 1)


class EMA(AveragedModel):
    """The moving average of a model's weights: a ← decay·a + (1 − decay)·θ at each `update_parameters(model)`.

    Args:
        model: the model; it is copied.
        decay: how slowly the average forgets: it spans about 1 / (1 − decay) updates.

    Raises:
        UsageError: decay is not from 0 to 1.

    >>> import minidl
    >>> from minidl import nn
    >>> model = nn.Linear(4, 2)
    >>> ema = EMA(model, decay=0.99)
    >>> ema.update_parameters(model)
    >>> bool((ema(minidl.ones(4)).data == model(minidl.ones(4)).data).all())
    True
    """

    def __init__(self, model: Module, decay: float = 0.999) -> None:
        super().__init__(model, avg_fn=get_ema_avg_fn(decay))


def update_bn(loader: Iterable[Any], model: Module, device: str | None = None) -> None:
    """Measure every batch norm's mean and variance anew, as averaged weights need: the plain mean over all batches.

    The whole model runs as in training, as in PyTorch, dropout included: it is for weights that were averaged over a
    training, and need the statistics which that training would have kept. For a trained model that meets data from
    elsewhere there is `minidl.nn.recalibrate`, which runs all but the batch norms as in evaluation.

    Args:
        loader: gives inputs, or tuples that begin with them: tensors or arrays.
        model: the model; modes and momenta are left as they were. Without batch norms nothing happens.

    >>> import minidl
    >>> from minidl import nn
    >>> norm = nn.BatchNorm1d(1)
    >>> update_bn([minidl.tensor([[1.0], [3.0]]), minidl.tensor([[5.0], [7.0]])], norm)
    >>> norm.running_mean
    tensor([4.])
    """
    with measuring(model) as norms, no_grad():
        if not norms:
            return
        model.train()
        for norm in norms:
            norm.reset_running_stats()
        for batch in loader:
            model(input_of(batch))


class SWALR(LRScheduler):
    """Go from the present rate to a constant one, at which weights are averaged: lr = α·swa_lr + (1 − α)·lr(0).

    Args:
        optimizer: whose rates it sets.
        swa_lr: the rate at the end, or one for each group.
        anneal_epochs: how long it takes.
        anneal_strategy: "cos" for half a cosine, "linear" for a line.
        last_epoch: the last epoch done, to go on from there.

    Raises:
        UsageError: there is no such strategy, or `anneal_epochs` is below 0.

    >>> from minidl.optim.lr_scheduler import rates
    >>> rates(lambda o: SWALR(o, 0.5, anneal_epochs=2, anneal_strategy="linear"), 4)
    [1.0, 0.75, 0.5, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | list[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise UsageError(f'SWALR: anneal_strategy must be "cos" or "linear", got {anneal_strategy!r}')
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise UsageError(f"SWALR: anneal_epochs must be a whole number from 0, got {anneal_epochs!r}")
        self.anneal_epochs, self.anneal_strategy = anneal_epochs, anneal_strategy
        for group, rate in zip(optimizer.param_groups, one_a_group("SWALR", "swa_lr", swa_lr, optimizer), strict=True):
            group["swa_lr"] = rate
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        """Return each group's rate for epoch `last_epoch`."""
        epoch = max(1, self.last_epoch) if self.anneal_epochs == 0 else self.last_epoch
        before, now = self._share(epoch - 1), self._share(epoch)
        rates = []
        for group in self.optimizer.param_groups:
            end = group["swa_lr"]
            first = end if before == 1 else (float(group["lr"]) - before * end) / (1 - before)
            rates.append(now * end + (1 - now) * first)
        return rates

    def _share(self, epoch: int) -> float:
        done = max(0.0, min(1.0, epoch / max(1, self.anneal_epochs)))
        return done if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * done)) / 2
