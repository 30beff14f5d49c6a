"""Lessons 22 and 25: attacks, holes, and what a network forgets."""

from __future__ import annotations

from copy import deepcopy

import numpy as np

import minidl
from minidl import Tensor, nn, optim
from minidl.data import DataLoader, TensorDataset
from minidl.data.augment import AugMix, Cutout
from minidl.data.transforms import Transform
from minidl.nn import functional as F
from minidl.training import Trainer, accuracy_under, perturbations

from .common import accuracy, batches, fit, mlp, shares
from .harness import Measured, claim, experiment


@experiment(
    "A83 · 003; Goodfellow, Shlens and Szegedy 2015",
    claim("accuracy: FGSM, ε = .1", below=0.6),
    claim("accuracy: random signs, ε = .1", above=0.9),
)
def fgsm(seed: int) -> Measured:
    """A tenth of the brightness, put where the gradient says, fools a network that random signs do not.

    64-128-64-10 on 1,000 digits (pixels from 0 to 1), Adam at .002, batches of 32, 15 epochs. Each test pixel is
    changed by .1·sign(∂loss/∂pixel), or by .1 up or down at random.
    """
    train, (x, y) = shares(seed, 1000, standardize=False)
    model = mlp(64, 128, 64, 10)
    fit(model, train, optim.Adam(model.parameters(), lr=0.002), 15)
    z = x.clone().requires_grad_()
    (g,) = minidl.grad(F.cross_entropy(model(z), y), [z])
    return {
        "accuracy: test images": accuracy(model, (x, y)),
        "accuracy: FGSM, ε = .1": accuracy(model, (x + 0.1 * g.sign(), y)),
        "accuracy: random signs, ε = .1": accuracy(model, (x + 0.1 * minidl.randn(*x.shape).sign(), y)),
    }


def _augmented(train: tuple[Tensor, Tensor], seed: int, *changes: Transform) -> nn.Module:
    """64-256-128-10 after 30 epochs of Adam on images that are changed each time they are shown."""
    minidl.manual_seed(seed)
    model = nn.Sequential(nn.Flatten(), *mlp(64, 256, 128, 10))
    loader = DataLoader(TensorDataset(*train), 32, shuffle=True, transforms=changes)
    trainer = Trainer(model, nn.CrossEntropyLoss(), optim.Adam(model.parameters()), loader, epochs=30, metrics={})
    trainer.run()
    return model


def _pictures(seed: int) -> list[tuple[Tensor, Tensor]]:
    """1,000 training and 797 test digits `(N, 1, 8, 8)` with pixels from 0 to 1."""
    return [(x.reshape(-1, 1, 8, 8), y) for x, y in shares(seed, 1000, standardize=False)]


@experiment(
    "A63 · 001; DeVries and Taylor 2017",
    claim("accuracy with a hole: cutout − none", above=0.05),
    claim("accuracy: cutout − none", above=-0.03),
)
def cutout(seed: int) -> Measured:
    """Who has learned from digits with holes reads them better, and whole ones nearly as well.

    64-256-128-10 on 1,000 digits (pixels from 0 to 1), Adam at .001, batches of 32, 30 epochs, each image with a square of
    4 pixels set to 0 at a random place, or not. Test images as they are, and with such a hole.
    """
    train, test = _pictures(seed)
    holed = minidl.tensor(Cutout(4)(test[0].data, np.random.default_rng(seed))), test[1]
    plain, cut = _augmented(train, seed), _augmented(train, seed, Cutout(4))
    return {
        "accuracy: none": accuracy(plain, test),
        "accuracy: cutout − none": accuracy(cut, test) - accuracy(plain, test),
        "accuracy with a hole: none": accuracy(plain, holed),
        "accuracy with a hole: cutout − none": accuracy(cut, holed) - accuracy(plain, holed),
    }


@experiment(
    "A9, A63 · 001, 003; Hendrycks et al. 2020",
    claim("mean accuracy under corruptions: AugMix − none", above=0.01),
    claim("accuracy: AugMix − none", above=-0.02),
)
def augmix(seed: int) -> Measured:
    """AugMix makes a network a little sturdier against corruptions that it has not seen.

    As in cutout, with AugMix of severity 3 without the operations that change light and sharpness, or without it; accuracy
    under `minidl.training.perturbations` of severity 3, the mean over all of them. The gain is thin: with two
    seeds on which the design was tried out there was none.
    """
    train, (x, y) = _pictures(seed)
    found: Measured = {}
    for name, changes in (("none", ()), ("AugMix", (AugMix(all_ops=False),))):
        model = _augmented(train, seed, *changes)
        scores = accuracy_under(model, x.data, y.data, perturbations(8), seed=seed)
        found[f"accuracy: {name}"] = accuracy(model, (x, y))
        spoilt = [score.accuracy for kind, score in scores.items() if kind != "none"]
        found[f"mean accuracy under corruptions: {name}"] = float(np.mean(spoilt))
    for which in ("accuracy", "mean accuracy under corruptions"):
        found[f"{which}: AugMix − none"] = found[f"{which}: AugMix"] - found[f"{which}: none"]
    return found


OLD = 5
"""The classes of the first task: 0 to 4."""


def _second_task(first: nn.Module, part: tuple[Tensor, Tensor], weight: float) -> nn.Module:
    """Learn other classes, and stay near one's former answers about the old ones, as much as the weight says."""
    model = deepcopy(first)
    optimizer = optim.Adam(model.parameters())
    for _ in range(30):
        for x, y in batches(part, 64):
            optimizer.zero_grad()
            scores = model(x)
            with minidl.no_grad():
                known = first(x)[:, :OLD]
            kept = F.distillation_loss(scores[:, :OLD], known, alpha=1.0, temperature=2.0)
            (F.cross_entropy(scores, y) + weight * kept).backward()
            optimizer.step()
    return model


@experiment(
    "A23, A80 · 001; Li and Hoiem 2016",
    claim("accuracy on 0–4: not distilled", below=0.1),
    claim("accuracy on 0–4: distilled − not", above=0.2),
    claim("accuracy on 5–9: not − distilled", below=0.04),
)
def forgetting(seed: int) -> Measured:
    """Who learns 5–9 forgets 0–4; holding on to one's former answers saves a part.

    64-128-128-10, pixels from 0 to 1, Adam at .001, batches of 64: 30 epochs on those of 1,000 digits that are 0–4,
    then 30 on those that are 5–9, with the loss CE + λ·KD, where KD is the divergence of the softened answers about
    0–4 (temperature 2) to the new images from the first network's; λ = 0 and 50. Test on 797, among all ten classes,
    and where the choice is between 0–4 alone.
    """
    (x, y), (z, right) = shares(seed, 1000, standardize=False)
    old, new = y.data < OLD, y.data >= OLD
    before, after = ((z[chosen], right[chosen]) for chosen in (right.data < OLD, right.data >= OLD))
    first = mlp(64, 128, 128, 10)
    fit(first, (x[old], y[old]), optim.Adam(first.parameters()), 30, 64)
    found: Measured = {"accuracy on 0–4: before": accuracy(first, before)}
    models = {
        name: _second_task(first, (x[new], y[new]), λ) for name, λ in (("not distilled", 0.0), ("distilled", 50.0))
    }
    for name, model in models.items():
        alone = model(before[0]).data[:, :OLD].argmax(1)
        found |= {
            f"accuracy on 0–4: {name}": accuracy(model, before),
            f"accuracy on 0–4, asked among them: {name}": float((alone == before[1].data).mean()),
            f"accuracy on 5–9: {name}": accuracy(model, after),
        }
    for name, sign in (("accuracy on 0–4: distilled − not", 1), ("accuracy on 5–9: not − distilled", -1)):
        which = name.partition(":")[0]
        found[name] = sign * (found[f"{which}: distilled"] - found[f"{which}: not distilled"])
    return found
