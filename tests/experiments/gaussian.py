"""Lesson 26: the single Gaussian."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

import minidl
from minidl import Tensor, optim

from .harness import Measured, claim, experiment

SIZE, STARTS, STEPS = 32, 20, 600
FORMS: Final[dict[str, tuple[float, Any]]] = {
    "σ⁻²": (0.25**-2, lambda p: p),
    "σ": (0.25, lambda p: p**-2),
    "exp": (math.log(0.25**-2), lambda p: p.exp()),
}
"""How the two precisions are written: the first value of the parameter, and the precision that it stands for."""


@experiment(
    "A88 · 003 (homework)",
    claim("loss left: σ⁻² ÷ σ", above=5),
    claim("loss left: σ⁻² ÷ exp", above=5),
    claim("loss of σ ÷ the noise's own", below=1.1),
)
def single_gaussian(seed: int) -> Measured:
    """A Gaussian is found at once if its width is a parameter that moves in useful steps.

    a·exp(−(x − μ)ᵀΣ(x − μ)) with diagonal Σ, on 32×32 points of the unit square with noise of deviation .02; Adam at
    .02, 600 steps, from 20 random centres and σ = .25, with Σ's entries written as σ⁻², by σ, and as exp of a
    parameter: the median over the starts of half the sum of squares.
    """
    rng = np.random.default_rng(seed)
    grid = np.linspace(0, 1, SIZE)
    y, x = (minidl.tensor(axis.reshape(-1)) for axis in np.meshgrid(grid, grid, indexing="ij"))
    centres = rng.uniform(0.2, 0.8, (STARTS, 2))

    def bump(a: Tensor, mx: Tensor, my: Tensor, px: Tensor, py: Tensor) -> Tensor:
        return a * (-((x - mx) ** 2 * px + (y - my) ** 2 * py)).exp()

    true = [minidl.tensor(value, dtype=minidl.float64) for value in (0.9, 0.6, 0.4, 0.15**-2, 0.08**-2)]
    noise = minidl.tensor(0.02 * rng.standard_normal(SIZE**2))
    seen = bump(*true) + noise
    found: Measured = {"the noise's own": float((noise**2).sum().item()) / 2}
    for name, (width, precision) in FORMS.items():
        q = np.concatenate([np.full((STARTS, 1), 0.5), centres, np.full((STARTS, 2), width)], 1)
        Q = minidl.tensor(q, requires_grad=True)  # all starts at once: none of them touches another's parameters
        optimizer = optim.Adam([Q], lr=0.02)

        def losses(Q: Tensor = Q, precision: Any = precision) -> Tensor:
            a, mx, my, px, py = (Q[:, i : i + 1] for i in range(5))
            return ((bump(a, mx, my, precision(px), precision(py)) - seen) ** 2).sum(1) / 2

        @minidl.compile
        def step(optimizer: optim.Adam = optimizer, losses: Any = losses) -> None:
            optimizer.zero_grad()
            losses().sum().backward()
            optimizer.step()

        for _ in range(STEPS):
            step()
        found[f"loss left: {name}"] = float(np.median(losses().data))
    for name in ("σ", "exp"):
        found[f"loss left: σ⁻² ÷ {name}"] = found["loss left: σ⁻²"] / found[f"loss left: {name}"]
    return found | {"loss of σ ÷ the noise's own": found["loss left: σ"] / found["the noise's own"]}
