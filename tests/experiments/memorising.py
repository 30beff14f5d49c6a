"""Lessons 21 and 24: learning noise by heart, and what helps against it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import minidl
from minidl import Tensor, nn, optim
from minidl.data import random_labels as dealt
from minidl.data import symmetric_noise
from minidl.training import EpochDone, bagging

from .common import accuracy, fit, he, judge, mlp, shares
from .harness import Measured, claim, experiment


def _by_heart(train: Sequence[Tensor], seed: int, most: int = 100) -> tuple[nn.Module, int]:
    """Train until every training image is right, and say in which epoch that was."""
    minidl.manual_seed(seed)
    model = mlp(64, 512, 512, 10)
    optimizer = optim.Adam(model.parameters())

    @minidl.compile
    def step(x: Tensor, y: Tensor) -> None:
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()

    for epoch in range(1, most + 1):
        order = minidl.randperm(1000).data
        for chosen in np.split(order, 20):
            step(train[0][chosen], train[1][chosen])
        if accuracy(model, train) == 1:
            return model, epoch
    return model, most


@experiment(
    "A77 · 000; Zhang et al. 2017",
    claim("training accuracy: random labels", above=0.99),
    claim("test accuracy: true labels", above=0.9),
    claim("test accuracy: random labels", below=0.2),
    claim("epochs: random ÷ true", above=2),
)
def random_labels(seed: int) -> Measured:
    """A network learns random labels by heart; it takes longer, and they mean nothing to it.

    64-512-512-10 on 1,000 digits, Adam at .001, batches of 50, until every training image is right (at most 100
    epochs), with the true labels and with the same ones dealt out at random. Test accuracy on 797.
    """
    train, test = shares(seed, 1000)
    wrong = train[0], minidl.tensor(dealt(train[1].data, seed))
    found: Measured = {}
    epochs = {}
    for name, part in (("true", train), ("random", wrong)):
        model, epochs[name] = _by_heart(part, seed)
        found |= {
            f"training accuracy: {name} labels": accuracy(model, part),
            f"test accuracy: {name} labels": accuracy(model, test),
            f"epochs: {name} labels": epochs[name],
        }
    return found | {"epochs: random ÷ true": epochs["random"] / epochs["true"]}


def _noisy_run(seed: int, noise: float, dropout: float) -> tuple[list[float], list[float], list[float]]:
    """After each epoch: test accuracy, validation accuracy, validation loss."""
    (x, y), held, test = shares(seed, 800, 300)
    part = x, minidl.tensor(symmetric_noise(y.data, noise, 10, seed))
    minidl.manual_seed(seed)
    drop = [nn.Dropout(dropout)] if dropout else []
    model = he(nn.Sequential(
        nn.Linear(64, 256), nn.ReLU(), *drop, nn.Linear(256, 256), nn.ReLU(), *drop, nn.Linear(256, 10),
    ))  # fmt: skip
    after = []
    history = fit(
        model, part, optim.Adam(model.parameters()), 40, 50, validation=held,
        callbacks=[lambda event: after.append(accuracy(model, test)) if isinstance(event, EpochDone) else None],
    )  # fmt: skip
    return (
        after,
        [record["validation_accuracy"] for record in history],
        [record["validation_loss"] for record in history],
    )


@experiment(
    "A47 · 001–004; Srivastava et al. 2014",
    claim("test accuracy with 30 % wrong labels: dropout − none", above=0.05),
)
def dropout(seed: int) -> Measured:
    """Dropout helps where labels are wrong, and hardly where they are right.

    64-256-256-10, dropout ½ after both hidden layers or none, on 800 digits, Adam at .001, batches of 50, 40 epochs;
    a random 30 % of the training labels wrong, or none. Test accuracy on 697 with their true labels.
    """
    found: Measured = {}
    for name, noise in (("30 % wrong labels", 0.3), ("true labels", 0.0)):
        with_it, without = (_noisy_run(seed, noise, share)[0][-1] for share in (0.5, 0.0))
        found |= {
            f"test accuracy with {name}: none": without,
            f"test accuracy with {name}: dropout − none": with_it - without,
        }
    return found


@experiment(
    "A59 · 001, 004; Prechelt 1998",
    claim("test accuracy: stopped early − after 40 epochs", above=0.05),
)
def early_stopping(seed: int) -> Measured:
    """Stopping where validation is best keeps a network from learning wrong labels.

    The run of `dropout` without it, 30 % of the training labels wrong: test accuracy after the last of 40 epochs;
    after the first one with the best accuracy on 300 validation images, whose labels are right, and after the one
    with the least loss on them; and after the best one for the test, which nobody could know.
    """
    test, right, loss = _noisy_run(seed, 0.3, 0.0)
    return {
        "test accuracy: after 40 epochs": test[-1],
        "test accuracy: stopped early − after 40 epochs": test[int(np.argmax(right))] - test[-1],
        "test accuracy: stopped at the least loss − after 40 epochs": test[int(np.argmin(loss))] - test[-1],
        "test accuracy: best epoch − after 40 epochs": max(test) - test[-1],
    }


@experiment(
    "A60 · 001, 004; Breiman 1996",
    claim("test accuracy: ensemble − mean member", above=1e-6),
    claim("cross-entropy: ensemble − mean member", below=0),
)
def bagged(seed: int) -> Measured:
    """Seven bagged networks together are better than one of them.

    Seven times 64-64-10, each on its own bootstrap sample of 400 digits, SGD at rate .1, batches of 32, 15 epochs;
    the ensemble's probabilities are the mean of theirs. Test on 1,397. That the ensemble's cross-entropy is not above
    the members' mean is Jensen's inequality.
    """
    train, test = shares(seed, 400)

    def trained(sample: np.ndarray) -> nn.Module:
        model = mlp(64, 64, 10)
        fit(model, (train[0][sample], train[1][sample]), optim.SGD(model.parameters(), lr=0.1), 15)
        return model

    ensemble, _ = bagging(trained, 400, 7)
    members = [judge(model, test) for model in ensemble.children()]
    loss, right = judge(ensemble, test)
    return {
        "test accuracy: mean member": float(np.mean([m[1] for m in members])),
        "test accuracy: ensemble − mean member": right - float(np.mean([m[1] for m in members])),
        "cross-entropy: ensemble − mean member": loss - float(np.mean([m[0] for m in members])),
    }
