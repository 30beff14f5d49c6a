"""Lessons 23 and 24: tickets, basins, and how much the start matters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

import minidl
from minidl import Tensor, nn, optim
from minidl.nn import functional as F
from minidl.nn.utils import parameters_to_vector, vector_to_parameters

from .common import accuracy, batches, fit, judge, mlp, shares
from .harness import Measured, claim, experiment, not_reproduced

Part = Sequence[Tensor]
Masks = list[NDArray[np.float32]]

STEPS, ROUNDS = 300, 9


def _weights(model: nn.Sequential) -> list[Tensor]:
    return [p for p in model.parameters() if p.ndim == 2]


def _pruned_run(model: nn.Sequential, masks: Masks, train: Part, test: Part) -> tuple[float, float]:
    """Train with the masked weights at zero; the test accuracy after 50 steps and at the end."""
    optimizer, step, early = optim.Adam(model.parameters(), lr=0.002), 0, 0.0
    while step < STEPS:
        for x, y in batches(train, 50):
            with minidl.no_grad():
                for w, mask in zip(_weights(model), masks, strict=True):
                    w.mul_(minidl.tensor(mask))
            if step == 50:
                early = accuracy(model, test)
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            step += 1
    with minidl.no_grad():
        for w, mask in zip(_weights(model), masks, strict=True):
            w.mul_(minidl.tensor(mask))
    return early, accuracy(model, test)


@experiment(
    "A82 · 003; Frankle and Carbin 2019",
    claim("accuracy after 50 steps: ticket − drawn anew", above=0.05),
    claim("final accuracy: ticket − dense", above=-0.01),
)
def lottery_ticket(seed: int) -> Measured:
    """An eighth of the weights, put back to where they began, learns as well as all of them; drawn anew it learns slower.

    64-200-100-10 on 1,000 digits, Adam at .002, 300 steps of 50 images. Nine times: train, remove the fifth of each
    layer's remaining weights that is smallest, put the rest back to their first values; 13 % are left. Then that
    ticket, and the same mask with weights drawn anew. Test accuracy on 797.
    """
    train, test = shares(seed, 1000)
    model = mlp(64, 200, 100, 10)
    start = parameters_to_vector(model.parameters()).detach().clone()
    masks: Masks = [np.ones(w.shape, np.float32) for w in _weights(model)]
    _, dense = _pruned_run(model, masks, train, test)
    for _ in range(ROUNDS):
        for k, w in enumerate(_weights(model)):
            kept = np.sort(abs(w.data[masks[k] > 0]))
            masks[k] = masks[k] * (abs(w.data) >= kept[len(kept) // 5])
        vector_to_parameters(start, model.parameters())
        early, ticket = _pruned_run(model, masks, train, test)
    early_anew, anew = _pruned_run(mlp(64, 200, 100, 10), masks, train, test)
    return {
        "share of the weights left": sum(m.sum() for m in masks) / sum(m.size for m in masks),
        "accuracy after 50 steps: ticket": early,
        "accuracy after 50 steps: ticket − drawn anew": early - early_anew,
        "final accuracy: dense": dense,
        "final accuracy: ticket − dense": ticket - dense,
        "final accuracy: ticket − drawn anew": ticket - anew,
    }


def _barrier(one: Tensor, other: Tensor, part: Part) -> float:
    """How much the training loss rises, at most, on the straight line from one solution to another, above its ends."""
    model, losses = mlp(64, 128, 128, 10), []
    for share in np.linspace(0, 1, 11):
        vector_to_parameters((1 - float(share)) * one + float(share) * other, model.parameters())
        losses.append(judge(model, part)[0])
    return max(losses) - max(losses[0], losses[-1])


@experiment(
    "A85 · 002; Neyshabur, Sedghi and Zhang 2020",
    claim("barrier: fine-tuned from one network", below=0.05),
    claim("barrier: random starts", above=0.3),
    not_reproduced(
        "barrier: one random start",
        "on so small a task the common weights decide the basin before the order of the images matters; 002 speaks of "
        "other basins even for one seed",
        above=0.3,
    ),
)
def mode_connectivity(seed: int) -> Measured:
    """Fine-tuned networks lie in one basin, networks from different starts do not.

    64-128-128-10, SGD at rate .1, batches of 32: 10 epochs on each of two halves of 1,000 digits, in orders of their
    own, starting both from a network that 10 epochs on 500 other digits made, both from the same random weights, or
    from different ones. The barrier is the largest cross-entropy of the 1,000 digits on the straight line between
    both, less that of the worse end.
    """
    first, second, before, _ = shares(seed, 500, 500, 500)
    both = [minidl.cat([a, b]) for a, b in zip(first, second, strict=True)]

    def trained(part: Part, start: Tensor | None = None) -> Tensor:
        model = mlp(64, 128, 128, 10)
        if start is not None:
            vector_to_parameters(start, model.parameters())
        fit(model, part, optim.SGD(model.parameters(), lr=0.1), 10)
        return parameters_to_vector(model.parameters()).detach()

    drawn = parameters_to_vector(mlp(64, 128, 128, 10).parameters()).detach()
    tuned = trained(before)
    starts = {
        "fine-tuned from one network": (tuned, tuned),
        "one random start": (drawn, drawn),
        "random starts": (None, None),
    }
    return {
        f"barrier: {name}": _barrier(trained(first, one), trained(second, other), both)
        for name, (one, other) in starts.items()
    }


HIDDEN, RUNS = (3, 10, 25, 100), 30


@experiment(
    "A76 · 000, 003; Choromanska et al. 2015",
    claim("deviation of the test loss: 3 units ÷ 25 units", above=5),
    claim("median test loss: 3 units ÷ 25 units", above=1),
)
def loss_histogram(seed: int) -> Measured:
    """Small networks end anywhere, large ones nearly all equally well.

    30 networks 64-h-10 with ReLU for each h of 3, 10, 25, 100, from as many random starts, all trained at once as one
    product of stacks of matrices: 400 digits, 300 steps of Adam at .01 on all of them with an L2 penalty of .001. The
    standard deviation of the cross-entropy of 1,397 test images over the 30.
    """
    (x, y), (z, right) = shares(seed, 400)
    found: Measured = {}
    spread, middle = {}, {}
    for h in HIDDEN:
        W = [minidl.randn(RUNS, 64, h) * (2 / 64) ** 0.5, minidl.zeros(RUNS, 1, h)]
        W += [minidl.randn(RUNS, h, 10) * (2 / h) ** 0.5, minidl.zeros(RUNS, 1, 10)]
        W = [w.detach().requires_grad_() for w in W]
        optimizer = optim.Adam(W, lr=0.01)

        def scores(images: Tensor, W: list[Tensor] = W) -> Tensor:
            return F.relu(images @ W[0] + W[1]) @ W[2] + W[3]

        @minidl.compile
        def step(W: list[Tensor] = W, optimizer: optim.Adam = optimizer) -> None:
            optimizer.zero_grad()
            loss = F.cross_entropy(scores(x, W).reshape(-1, 10), y.repeat(RUNS)) * RUNS
            (loss + 0.001 * sum((w * w).sum() for w in W)).backward()
            optimizer.step()

        for _ in range(300):
            step()
        with minidl.no_grad():
            said = scores(z).reshape(-1, 10)
            losses = F.cross_entropy(said, right.repeat(RUNS), reduction="none").data.reshape(RUNS, -1).mean(1)
        spread[h], middle[h] = float(losses.std(ddof=1)), float(np.median(losses))
        found |= {f"deviation of the test loss: {h} units": spread[h], f"median test loss: {h} units": middle[h]}
    found["deviation of the test loss: 3 units ÷ 25 units"] = spread[3] / spread[25]
    found["median test loss: 3 units ÷ 25 units"] = middle[3] / middle[25]
    return found
