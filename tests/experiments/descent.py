"""Lessons 6 and 7: valleys, rates and batches."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

import minidl
from minidl import Tensor, nn, optim
from minidl.data import symmetric_noise
from minidl.nn import functional as F
from minidl.optim.lr_scheduler import ReduceLROnPlateau
from minidl.training import EpochDone, Event

from .common import fit, judge, mlp, shares, slope
from .harness import Measured, claim, experiment, not_reproduced

STEEP = (10.0, 30.0, 100.0, 300.0, 1000.0)


def _steps(kappa: float, start: Tensor, momentum: bool) -> int:
    """How many steps to ‖x‖ < 10⁻⁶ down ½ Σ hᵢ xᵢ², with h from 1 to κ, at the best constants."""
    h = minidl.tensor(np.geomspace(1, kappa, start.numel()))
    x = start.detach().clone().requires_grad_()
    if momentum:
        root = math.sqrt(kappa)
        optimizer: optim.Optimizer = optim.HeavyBall(
            [x], lr=(2 / (root + 1)) ** 2, momentum=((root - 1) / (root + 1)) ** 2
        )
    else:
        optimizer = optim.SGD([x], lr=2 / (kappa + 1))

    @minidl.compile
    def step() -> None:
        optimizer.zero_grad()
        (h * x * x / 2).sum().backward()
        optimizer.step()

    for count in range(1, 20_000):
        step()
        if float(np.linalg.norm(x.data)) < 1e-6:
            return count
    return 20_000


@experiment(
    "A26, A40 · 001, 002; Polyak 1964",
    claim("gradient descent from (1, 1), κ = 100", above=709, below=709),
    claim("heavy ball from (1, 1), κ = 100", above=95, below=95),
    claim("gradient descent: p in steps ∝ κᵖ", above=0.9),
    claim("heavy ball: p in steps ∝ κᵖ", below=0.6),
)
def valley(seed: int) -> Measured:
    """A long valley takes gradient descent κ steps, and the heavy ball √κ.

    ½(x² + κy²) at each method's best constants until the distance from the minimum is below 10⁻⁶: from (1, 1) at κ =
    100, where the counts are known, and in ten dimensions from normally drawn starts at κ = 10, 30, 100, 300, 1000
    for the growth.
    """
    here = minidl.ones(2, dtype=minidl.float64)
    start = minidl.randn(10, dtype=minidl.float64)
    return {
        "gradient descent from (1, 1), κ = 100": _steps(100.0, here, False),
        "heavy ball from (1, 1), κ = 100": _steps(100.0, here, True),
        "gradient descent: p in steps ∝ κᵖ": slope(STEEP, [_steps(k, start, False) for k in STEEP]),
        "heavy ball: p in steps ∝ κᵖ": slope(STEEP, [_steps(k, start, True) for k in STEEP]),
    }


RACERS: dict[str, Callable[[list[Tensor], float], optim.Optimizer]] = {
    "descent": lambda w, lr: optim.SGD(w, lr=lr),
    "momentum": lambda w, lr: optim.SGD(w, lr=lr, momentum=0.9),
    "RMSProp": lambda w, lr: optim.RMSprop(w, lr=lr),
    "Adam": lambda w, lr: optim.Adam(w, lr=lr),
}


def _best(racer: str, H: Tensor, start: Tensor) -> float:
    """The loss ½wᵀHw after 40 steps, at the best of five rates, divided by that of the start."""
    ends = []
    for rate in (0.005, 0.01, 0.019, 0.1, 0.3):
        w = start.detach().clone().requires_grad_()
        optimizer = RACERS[racer]([w], rate)
        for _ in range(40):
            optimizer.zero_grad()
            (w @ H @ w / 2).backward()
            optimizer.step()
        ends.append(float((w @ H @ w / 2).item()))
    return min(end for end in ends if math.isfinite(end)) / float((start @ H @ start / 2).item())


@experiment(
    "A27, A28, A40 · 002, 004; Kingma and Ba 2015",
    claim("loss left: RMSProp, turned ÷ along the axes", above=10),
    claim("loss left: Adam, turned ÷ along the axes", above=2),
    claim("loss left, turned: Adam ÷ momentum", above=1),
    claim("loss left: momentum, turned ÷ along the axes", above=0.1, below=10),
)
def turned_valley(seed: int) -> Measured:
    """What divides each weight's gradient by its own size helps along the axes, and not in a valley at 45°.

    ½wᵀHw with curvatures 1 and 100 along the axes, and turned by 45°; 40 steps from (−4, 1) turned likewise, plus
    normal numbers of deviation .3, with each of four optimizers at its best of the rates .005, .01, .019, .1, .3: the
    share of the loss that is left, the median over ten starts.
    """
    c = math.sqrt(0.5)
    turn = minidl.tensor(np.array([[c, -c], [c, c]]))
    H = minidl.tensor(np.diag([1.0, 100.0]))
    starts = minidl.tensor([-4.0, 1.0], dtype=minidl.float64) + 0.3 * minidl.randn(10, 2, dtype=minidl.float64)
    found: Measured = {}
    for racer in RACERS:
        along = float(np.median([_best(racer, H, start) for start in starts]))
        across = float(np.median([_best(racer, turn @ H @ turn.T, turn @ start) for start in starts]))
        found |= {f"loss left, along the axes: {racer}": along, f"loss left, turned: {racer}": across}
    for racer in ("momentum", "RMSProp", "Adam"):
        found[f"loss left: {racer}, turned ÷ along the axes"] = (
            found[f"loss left, turned: {racer}"] / found[f"loss left, along the axes: {racer}"]
        )
    found["loss left, turned: Adam ÷ momentum"] = (
        found["loss left, turned: Adam"] / found["loss left, turned: momentum"]
    )
    return found


@experiment(
    "A29 · 000, 002, 004",
    claim("loss after 300 steps at 1.9/λ ÷ at the start", below=1),
    claim("loss after 300 steps at 2.1/λ ÷ at the start", above=1000),
    claim("the rate that just holds, as a multiple of 2/λ", above=0.99, below=1.01),
)
def divergence(seed: int) -> Measured:
    """Descent diverges at a rate of 2/λ.

    Least squares from 500 digits to their one-hot answers. λ is the largest eigenvalue of its second derivative. The
    rate that just holds is found by halving between 1/λ and 4/λ: at it, 300 steps do not make the loss larger than it
    was.
    """
    (x, y), _ = shares(seed, 500)
    X = minidl.cat([x, minidl.ones(500, 1)], 1).to(minidl.float64)
    T = F.one_hot(y, 10).to(minidl.float64)
    steepest = float(minidl.linalg.eigvalsh(X.T @ X / 500).data.max())
    start = 0.1 * minidl.randn(65, 10, dtype=minidl.float64)

    def growth(rate: float) -> float:
        W = start.clone().requires_grad_()
        optimizer = optim.SGD([W], lr=rate)

        @minidl.compile
        def step() -> Tensor:
            optimizer.zero_grad()
            loss = ((X @ W - T) ** 2).sum() / 1000
            loss.backward()
            optimizer.step()
            return loss

        losses = [step().item() for _ in range(301)]
        return losses[-1] / losses[0]

    low, high = 1 / steepest, 4 / steepest
    for _ in range(10):
        middle = (low + high) / 2
        low, high = (middle, high) if growth(middle) <= 1 else (low, middle)
    return {
        "loss after 300 steps at 1.9/λ ÷ at the start": growth(1.9 / steepest),
        "loss after 300 steps at 2.1/λ ÷ at the start": growth(2.1 / steepest),
        "the rate that just holds, as a multiple of 2/λ": low / (2 / steepest),
    }


def _noisy(seed: int) -> tuple[tuple[Tensor, Tensor], float]:
    """600 digits of which a fifth have wrong labels, and the least loss of a linear classifier on them."""
    (x, y), _ = shares(seed, 600)
    part = x, minidl.tensor(symmetric_noise(y.data, 0.2, 10, seed))
    model = nn.Linear(64, 10)
    optimizer = optim.LBFGS(model.parameters(), max_iter=2000, history_size=20, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), part[1]) + DECAY / 2 * (model.weight**2).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return part, closure().item()


DECAY = 0.01
"""The L2 penalty that keeps the least loss at finite weights."""


def _excess(
    part: tuple[Tensor, Tensor],
    least: float,
    seed: int,
    *,
    lr: float = 0.1,
    momentum: float = 0.0,
    batch: int = 4,
    epochs: int = 20,
    reduce: bool = False,
) -> float:
    """By how much the loss stays above the least: the mean over the last quarter of the epochs."""
    minidl.manual_seed(seed)
    model, after = nn.Linear(64, 10), []
    optimizer = optim.SGD(model.parameters(), lr=lr, momentum=momentum, weight_decay=DECAY)
    scheduler = ReduceLROnPlateau(optimizer, factor=0.1, patience=2) if reduce else None

    def look(event: Event) -> None:
        if isinstance(event, EpochDone):
            after.append(event.record["validation_loss"] + DECAY / 2 * float((model.weight.data**2).sum()))

    fit(
        model, part, optimizer, epochs, batch, validation=part, callbacks=[look], metrics={},
        scheduler=scheduler, scheduler_interval="epoch",
    )  # fmt: skip
    return float(np.mean(after[-(epochs // 4) :])) - least


@experiment(
    "A29 · 002, 004; He et al. 2016",
    claim("excess loss: constant ÷ reduced", above=2),
)
def plateau(seed: int) -> Measured:
    """A tenth of the rate, where the loss has stopped falling, makes it fall again.

    A linear classifier with a weight decay of .01 on 600 digits of which a fifth have wrong labels, SGD with batches
    of 4 and rate .1, 20 epochs: at that rate to the end, and divided by 10 whenever the loss has not improved for 2
    epochs. The excess is the mean loss after the last 5 epochs, over all images, less the least possible (by L-BFGS).
    """
    part, least = _noisy(seed)
    constant, reduced = (_excess(part, least, seed, reduce=reduce) for reduce in (False, True))
    return {
        "least loss": least,
        "excess loss: constant": constant,
        "excess loss: reduced": reduced,
        "excess loss: constant ÷ reduced": constant / reduced,
    }


@experiment(
    'A30 · 001 ("Momentum allows for smaller batches (why?)")',
    not_reproduced(
        "excess loss: no momentum ÷ momentum .9 at a tenth of the rate",
        "each step is quieter, but steps share their noise: to first order in the rate both end equally far from the minimum",
        above=1.5,
    ),
    claim("excess loss: batches of 4 ÷ batches of 76", above=5),
)
def momentum_small_batches(seed: int) -> Measured:
    """Does momentum make small batches less noisy where the training ends?

    As in plateau, at a constant rate: batches of 4 at rate .1, and with momentum .9 at rate .01, which goes as far a
    step in the long run; and 19 times the batch, 76, at rate .1 for 120 epochs, which is what momentum would be worth
    if the noise of a single step were all.
    """
    part, least = _noisy(seed)
    plain = _excess(part, least, seed)
    heavy = _excess(part, least, seed, lr=0.01, momentum=0.9)
    large = _excess(part, least, seed, batch=76, epochs=120)
    return {
        "excess loss: no momentum": plain,
        "excess loss: momentum .9": heavy,
        "excess loss: no momentum, batches of 76": large,
        "excess loss: batches of 4 ÷ batches of 76": plain / large,
        "excess loss: no momentum ÷ momentum .9 at a tenth of the rate": plain / heavy,
    }


SIZES = (2, 8, 32, 128)


def _gradient(model: nn.Module, x: Tensor, y: Tensor) -> np.ndarray:
    model.zero_grad()
    F.cross_entropy(model(x), y).backward()
    return np.concatenate([p.grad.data.ravel() for p in model.parameters()])


@experiment(
    "A30 · 001",
    claim("p in noise ∝ batchᵖ", above=-0.55, below=-0.45),
    claim("noise of momentum .9 ÷ √(1/19) of a batch's", above=0.85, below=1.15),
)
def gradient_noise(seed: int) -> Measured:
    """The noise of a batch's gradient falls as one over the root of its size, and momentum averages it away.

    64-32-10 after one epoch on 1,000 digits, weights fixed from then on. The noise is the root of the mean squared
    distance of 400 batches' gradients (drawn with replacement) from that of all 1,000 images, for batches of 2, 8,
    32, 128. Momentum: (1 − β)Σβᵏg of batches of 2 with β = .9, whose noise should be √((1 − β)/(1 + β)) = √(1/19) of
    a batch's.
    """
    train, _ = shares(seed, 1000)
    model = mlp(64, 32, 10)
    fit(model, train, optim.SGD(model.parameters(), lr=0.05), 1)
    whole, rng, noise = _gradient(model, *train), np.random.default_rng(seed), {}
    averaged, quiet = whole.copy(), []
    for size in SIZES:
        squares = []
        for _ in range(400):
            chosen = rng.integers(1000, size=size)
            g = _gradient(model, train[0][chosen], train[1][chosen])
            squares.append(float(((g - whole) ** 2).sum()))
            if size == SIZES[0]:
                averaged = 0.9 * averaged + 0.1 * g
                quiet.append(float(((averaged - whole) ** 2).sum()))
        noise[size] = math.sqrt(np.mean(squares))
    return {
        "p in noise ∝ batchᵖ": slope(SIZES, [noise[size] for size in SIZES]),
        "noise of momentum .9 ÷ √(1/19) of a batch's": math.sqrt(np.mean(quiet[40:])) / noise[2] / math.sqrt(1 / 19),
    }


@experiment(
    "A25, A30 · 001, 004",
    claim("loss after one epoch: batches of 512 ÷ batches of 8", above=2),
    claim("loss after 23 steps: batches of 8 ÷ batches of 512", above=1),
)
def batch_size(seed: int) -> Measured:
    """An epoch of many rough steps goes further than one of a few good steps; a good step goes further than a rough one.

    64-32-10 on 1,472 digits, SGD at the better of the rates .1 and .3 (by the loss on these digits): one epoch with
    batches of 8, 32, 128, 512; and 23 steps of 8 and of 512, drawn with replacement.
    """
    train, _ = shares(seed, 1472)
    rates = (0.1, 0.3)

    def after_one_epoch(batch: int, rate: float) -> float:
        minidl.manual_seed(seed)
        model = mlp(64, 32, 10)
        fit(model, train, optim.SGD(model.parameters(), lr=rate), 1, batch, metrics={})
        return judge(model, train)[0]

    def after_steps(batch: int, rate: float) -> float:
        minidl.manual_seed(seed)
        model, rng = mlp(64, 32, 10), np.random.default_rng(seed)
        optimizer = optim.SGD(model.parameters(), lr=rate)
        for _ in range(23):
            chosen = rng.integers(1472, size=batch)
            optimizer.zero_grad()
            F.cross_entropy(model(train[0][chosen]), train[1][chosen]).backward()
            optimizer.step()
        return judge(model, train)[0]

    epoch = {batch: min(after_one_epoch(batch, rate) for rate in rates) for batch in (8, 32, 128, 512)}
    steps = {batch: min(after_steps(batch, rate) for rate in rates) for batch in (8, 512)}
    found: Measured = {f"loss after one epoch: batches of {batch}": loss for batch, loss in epoch.items()}
    found |= {f"loss after 23 steps: batches of {batch}": loss for batch, loss in steps.items()}
    found["loss after one epoch: batches of 512 ÷ batches of 8"] = epoch[512] / epoch[8]
    found["loss after 23 steps: batches of 8 ÷ batches of 512"] = steps[8] / steps[512]
    return found
