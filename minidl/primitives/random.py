"""Random numbers, and dropout. A generator's state is a plain dictionary that can be saved and put back."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from ..errors import CheckpointError, UsageError
from ..graph import Notation
from .kinds import Linear, Value, sample, shape_of


class Generator:
    """A source of random numbers with a seed of its own.

    Args:
        seed: any whole number from 0; the same seed gives the same numbers.

    >>> bool(Generator(1).numpy.integers(10) == Generator(1).numpy.integers(10))
    True
    """

    def __init__(self, seed: int = 0) -> None:
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> Generator:
        """Start over from `seed`."""
        if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
            raise UsageError(f"a seed must be a whole number from 0, got {seed!r}")
        self.numpy = np.random.Generator(np.random.PCG64(seed))
        return self

    def get_state(self) -> dict[str, Any]:
        """Return the state as plain numbers and strings (it can be written as JSON)."""
        return copy.deepcopy(dict(self.numpy.bit_generator.state))

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state that `get_state` returned.

        Raises:
            CheckpointError: not such a state.
        """
        try:
            self.numpy.bit_generator.state = state
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"not the state of a random generator: {error}") from error


default_generator = Generator(0)
"""The generator that is used where none is named."""


def manual_seed(seed: int) -> Generator:
    """Start the default generator over from `seed` and return it.

    >>> import minidl
    >>> minidl.manual_seed(0).numpy.integers(100)
    np.int64(85)
    """
    return default_generator.manual_seed(seed)


dropout_: Linear = Linear(
    "dropout",
    Notation("dropout", "dropout({0})"),
    forward=lambda xp, x, kept, scale: xp.multiply(x, kept) * scale,
    transpose=lambda g, x, kept, scale: dropout_(g, kept=kept, scale=scale),
    samples=[sample((2, 3), kept=np.array([[True, False, True], [False, True, True]]), scale=2.0)],
)


def dropout(input: Value, p: float = 0.5, training: bool = True, generator: Generator | None = None) -> Value:
    """Set each element to 0 with probability `p` and scale the others by 1 / (1 − p); do nothing unless `training`.

    The scaling keeps the mean, so that nothing changes at test time ("inverted dropout").

    Args:
        input: any shape.
        p: the probability of dropping an element.
        training: whether to drop at all.
        generator: the source of random numbers; the default one if None.

    Source: Srivastava et al., 2014, "Dropout: a simple way to prevent neural networks from overfitting".

    >>> import minidl
    >>> minidl.dropout(minidl.ones(3), p=1.0)
    tensor([0., 0., 0.])
    """
    if not 0.0 <= p <= 1.0:
        raise UsageError(f"dropout: p must lie in 0 … 1, got {p}")
    if not training or p == 0.0:
        return input
    kept = (generator or default_generator).numpy.random(shape_of(input)) >= p
    return dropout_(input, kept=kept, scale=1.0 / (1.0 - p) if p < 1.0 else 0.0)
