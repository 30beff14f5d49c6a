"""Random numbers, and dropout. A generator's state is a plain dictionary that can be saved and put back."""

from __future__ import annotations

import copy
import operator
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import CheckpointError, UsageError
from ...graph import Notation
from ...graph.mode import state as mode_state
from ..kinds import Linear, sample


class Generator:
    """A source of random numbers with a seed of its own.

    Args:
        seed: any whole number from −2⁶³ to 2⁶⁴ − 1, a negative one standing for itself plus 2⁶⁴; the same seed gives the same
            numbers. As in PyTorch, a device may stand here, which must be "cpu"; the seed is then 0.

    >>> bool(Generator(1).numpy.integers(10) == Generator(1).numpy.integers(10))
    True
    """

    device = "cpu"

    def __init__(self, seed: int | str = 0) -> None:
        if isinstance(seed, str):
            if seed != "cpu":
                raise UsageError(f"Generator: device={seed!r} is not here; only 'cpu' is")
            seed = 0
        self._rows: tuple[slice, int] | None = None
        self.manual_seed(seed)

    def manual_seed(self, seed: int) -> Generator:
        """Start over from `seed`, and return the generator."""
        try:
            number = operator.index(seed)
        except TypeError as error:
            raise UsageError(f"a seed must be a whole number, got {seed!r}") from error
        if not -(2**63) <= number < 2**64:
            raise UsageError(f"a seed must be a whole number from −2⁶³ to 2⁶⁴ − 1, got {seed!r}")
        self._seed = number % 2**64
        self.__dict__.pop("_source", None)
        return self

    def uniform(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Draw numbers from [0, 1), as many as `shape` says, whose first axis is a batch's; see `rows_of_a_batch`."""
        if self._rows is None or not shape or shape[0] != self._rows[0].stop - self._rows[0].start:
            return self.numpy.random(shape)
        rows, count = self._rows
        return self.numpy.random((count, *shape[1:]))[rows]

    @contextmanager
    def rows_of_a_batch(self, rows: slice, count: int) -> Iterator[None]:
        """Have `uniform` draw for a whole batch of `count` examples, in a `with` block, and return the numbers of some.

        So each of the processes that share a batch has the numbers that a single one would have drawn for these rows, and
        all generators stay in step.

        >>> generator = Generator(1)
        >>> whole = Generator(1).uniform((4, 2))
        >>> with generator.rows_of_a_batch(slice(1, 3), 4):
        ...     bool((generator.uniform((2, 2)) == whole[1:3]).all())
        True
        """
        before, self._rows = self._rows, (rows, count)
        try:
            yield
        finally:
            self._rows = before

    @cached_property
    def _source(self) -> np.random.Generator:
        """Made when it is first needed: a fifth of the time of `import minidl` went into `numpy.random`."""
        return np.random.Generator(np.random.PCG64(self._seed))

    @property
    def numpy(self) -> Any:
        """NumPy's generator; a tape that records sees what is drawn from it."""
        return self._source if mode_state.tape is None else mode_state.tape.draws(self, self._source)

    def seed(self) -> int:
        """Start over from a seed that the operating system's noise gives, and return it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """Return the seed that it last started from."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """Return the state as plain numbers and strings (it can be written as JSON)."""
        return copy.deepcopy(dict(self._source.bit_generator.state))

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state that `get_state` returned.

        Raises:
            CheckpointError: not such a state.
        """
        try:
            self._source.bit_generator.state = state
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


def seed() -> int:
    """Start the default generator over from the operating system's noise and return the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed that the default generator last started from.

    >>> _ = manual_seed(7)
    >>> initial_seed()
    7
    """
    return default_generator.initial_seed()


def get_rng_state() -> dict[str, Any]:
    """Return the default generator's state."""
    return default_generator.get_state()


def set_rng_state(new_state: dict[str, Any]) -> None:
    """Have the default generator continue from a state that `get_rng_state` returned."""
    default_generator.set_state(new_state)


dropout_: Linear = Linear(
    "dropout",
    Notation("dropout", "dropout({0})"),
    forward=lambda xp, x, kept, scale: xp.multiply(x, kept) * scale,
    transpose=lambda g, x, kept, scale: dropout_(g, kept=kept, scale=scale),
    samples=[sample((2, 3), kept=np.array([[True, False, True], [False, True, True]]), scale=2.0)],
)
