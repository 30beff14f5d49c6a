"""Lesson 5: what a loss says to a confident mistake, and what a sum has to do with a learning rate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import minidl
from minidl import Tensor, nn, optim
from minidl.nn import functional as F
from minidl.training import DivergedError

from .common import accuracy, batches, fit, linear, mlp, shares
from .harness import Measured, claim, experiment

RATES = (0.03, 0.1, 0.3, 1.0, 3.0)


def squared(scores: Tensor, labels: Tensor) -> Tensor:
    """The squared distance of the probabilities from the one-hot answer, mean over the batch."""
    wanted = F.one_hot(labels, scores.shape[1]).to(scores.dtype)
    return ((F.softmax(scores, dim=1) - wanted) ** 2).sum(1).mean()


def _slope(loss: Callable[[Tensor, Tensor], Tensor], lead: float) -> float:
    """The size of the gradient at scores whose wrong class leads by so much."""
    scores = minidl.tensor([[lead, 0.0, 0.0]], requires_grad=True)
    loss(scores, minidl.tensor([1])).backward()
    return float(np.linalg.norm(scores.grad.data))


@experiment(
    "A19 · 001",
    claim("gradient at a lead of 10: cross-entropy", above=1),
    claim("gradient at a lead of 10: cross-entropy ÷ squared", above=100),
    claim("accuracy from a mistaken start: cross-entropy − squared", above=0.05),
)
def confident_mistake(seed: int) -> Measured:
    """Squared error hardly moves what is confidently wrong.

    Three classes, the wrong one leading by 10: the size of the gradient with respect to the scores. Then 64-64-10 on
    1,000 digits, SGD with batches of 32 for 5 epochs, each loss at the best of five rates from .03 to 3 (by test
    accuracy on 797, the same favour for both), from ordinary initial weights and from the same with the last layer's
    multiplied by 30, which makes confident mistakes at the start. Squared error is that of the softmax from the
    one-hot answer.
    """
    train, test = shares(seed, 1000)
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {"cross-entropy": F.cross_entropy, "squared": squared}
    steep = {name: _slope(loss, 10.0) for name, loss in losses.items()}
    found = {
        "gradient at a lead of 10: cross-entropy": steep["cross-entropy"],
        "gradient at a lead of 10: cross-entropy ÷ squared": steep["cross-entropy"] / steep["squared"],
    }
    for start, factor in (("a mistaken start", 30.0), ("an ordinary start", 1.0)):
        best = {}
        for name, loss in losses.items():
            reached = []
            for rate in RATES:
                minidl.manual_seed(seed)
                model = mlp(64, 64, 10)
                with minidl.no_grad():
                    linear(model)[1].weight.mul_(factor)
                try:
                    fit(model, train, optim.SGD(model.parameters(), lr=rate), 5, loss=loss)
                    reached.append(accuracy(model, test))
                except DivergedError:
                    reached.append(0.1)
            best[name] = max(reached)
            found[f"accuracy from {start}: {name}"] = best[name]
        found[f"accuracy from {start}: cross-entropy − squared"] = best["cross-entropy"] - best["squared"]
    return found


@experiment(
    "A6 · 001, 003",
    claim("gradient of the sum ÷ gradient of the mean", above=63.9),
    claim("accuracy at rate .1: mean", above=0.9),
    claim("accuracy at rate .1: mean − sum", above=0.3),
    claim("largest difference of weights: mean at .1, sum at .1 ÷ 64", below=1e-4),
)
def sum_or_mean(seed: int) -> Measured:
    """A sum over the batch is a mean at a rate as many times as large.

    64-64-10 on 1,000 digits in batches of 64 (the last, smaller one left out), SGD for 5 epochs at rate .1 with both
    reductions, and with the sum at rate .1/64; a run that diverges counts as .1, as guessing does.
    """
    train, test = shares(seed, 1000)
    ends, grads, right = {}, {}, {}
    for name, reduction, rate in (("mean", "mean", 0.1), ("sum", "sum", 0.1), ("sum, small", "sum", 0.1 / 64)):
        minidl.manual_seed(seed)
        model, loss = mlp(64, 64, 10), nn.CrossEntropyLoss(reduction=reduction)
        optimizer = optim.SGD(model.parameters(), lr=rate)
        first: list[float] = []
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(5):
                for x, y in batches(train, 64, drop_last=True):
                    optimizer.zero_grad()
                    loss(model(x), y).backward()
                    first = first or [float(np.linalg.norm(linear(model)[1].weight.grad.data))]
                    optimizer.step()
        grads[name] = first[0]
        ends[name] = np.concatenate([p.data.ravel() for p in model.parameters()])
        right[name] = accuracy(model, test) if np.isfinite(ends[name]).all() else 0.1
    return {
        "gradient of the sum ÷ gradient of the mean": grads["sum"] / grads["mean"],
        "accuracy at rate .1: mean": right["mean"],
        "accuracy at rate .1: sum": right["sum"],
        "accuracy at rate .1: mean − sum": right["mean"] - right["sum"],
        "largest difference of weights: mean at .1, sum at .1 ÷ 64": float(
            abs(ends["mean"] - ends["sum, small"]).max()
        ),
    }


@experiment(
    "A20 · 001, 004 (the list of mistakes)",
    claim("training loss: softmax twice", above=1.4611, below=1.6),
    claim("test accuracy: once − twice", above=-0.03, below=0.03),
)
def softmax_twice(seed: int) -> Measured:
    """Who hands probabilities to a loss that takes scores hardly sees it in the accuracy: the loss tells.

    64-64-10 on 1,000 digits, Adam at .003, batches of 32, 15 epochs, with cross-entropy of the scores and of their
    softmax. The latter cannot fall below −ln(e/(e + 9)) = 1.46115.
    """
    train, test = shares(seed, 1000)
    ends, right = {}, {}
    for name, twice in (("once", False), ("twice", True)):
        minidl.manual_seed(seed)
        model = mlp(64, 64, 10)
        model = nn.Sequential(*model, nn.Softmax(dim=1)) if twice else model
        ends[name] = fit(model, train, optim.Adam(model.parameters(), lr=0.003), 15)[-1]["train_loss"]
        right[name] = accuracy(model, test)
    return {
        "training loss: softmax once": ends["once"],
        "training loss: softmax twice": ends["twice"],
        "test accuracy: softmax once": right["once"],
        "test accuracy: once − twice": right["once"] - right["twice"],
    }
