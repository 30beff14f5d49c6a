"""Random numbers, and dropout. A generator's state is a plain dictionary that can be saved and put back.

Each device has a generator of its own, of another kind: from one seed they draw different numbers, as in PyTorch. A tensor
that is drawn on the CPU and moved has the same numbers wherever it goes.
"""

from __future__ import annotations

import copy
import operator
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

from ...errors import CheckpointError, UsageError
from ...graph import Notation
from ...graph.mode import state as mode_state
from ...kernels.device import CPU, Device, device_of
from ..kinds import Linear, sample


class Generator:
    """A source of random numbers with a seed of its own.

    Args:
        seed: any whole number from −2⁶³ to 2⁶⁴ − 1, a negative one standing for itself plus 2⁶⁴; the same seed gives the same
            numbers. As in PyTorch, a device may stand here; the seed is then 0.
        device: where it draws: "cpu", with NumPy's PCG64, or "cuda", with the counter-based Philox.

    Attributes:
        device: the device's name.

    >>> bool(Generator(1).numpy.integers(10) == Generator(1).numpy.integers(10))
    True
    """

    def __init__(self, seed: int | str = 0, device: Any = None) -> None:
        if isinstance(seed, str):
            seed, device = 0, seed
        self.device = device_of(device, "Generator")
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
        if self.device == CPU:
            self.__dict__.pop("_source", None)
        elif "_source" in self.__dict__:
            self._source.start(self._seed)  # a graph that was captured goes on drawing from it
        return self

    def uniform(self, shape: tuple[int, ...]) -> Any:
        """Draw numbers from [0, 1), as many as `shape` says, whose first axis is a batch's; see `rows_of_a_batch`.

        They are float64 on the CPU, float32 on a GPU.
        """
        if self._rows is None or not shape or shape[0] != self._rows[0].stop - self._rows[0].start:
            return self.source.random(shape)
        rows, count = self._rows
        return self.source.random((count, *shape[1:]))[rows]

    def kept(self, shape: tuple[int, ...], p: float) -> Any:
        """Draw what stays when things are dropped with probability `p`: True with probability 1 − p."""
        if self.device == CPU or self._rows is not None:
            return self.uniform(shape) >= p
        return self.source.kept(shape, p)

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
    def _source(self) -> Any:
        """Made when it is first needed: a fifth of the time of `import minidl` went into `numpy.random`."""
        if self.device == CPU:
            return np.random.Generator(np.random.PCG64(self._seed))
        from ...kernels.cuda.random import Philox

        return Philox(self._seed, self.device.index or 0)

    @property
    def source(self) -> Any:
        """What draws: NumPy's generator, or a GPU's with the same methods. A tape that records sees what is drawn from it."""
        return self._source if mode_state.tape is None else mode_state.tape.draws(self, self._source)

    @property
    def numpy(self) -> Any:
        """NumPy's generator.

        Raises:
            UsageError: this one draws on a GPU.
        """
        if self.device != CPU:
            raise UsageError(
                f"this generator draws on {self.device}; here numbers are drawn on the CPU: give minidl.Generator()"
            )
        return self.source

    def seed(self) -> int:
        """Start over from a seed that the operating system's noise gives, and return it."""
        self.manual_seed(int.from_bytes(os.urandom(8), "little"))
        return self._seed

    def initial_seed(self) -> int:
        """Return the seed that it last started from."""
        return self._seed

    def get_state(self) -> dict[str, Any]:
        """Return the state as plain numbers and strings (it can be written as JSON)."""
        if self.device == CPU:
            return copy.deepcopy(dict(self._source.bit_generator.state))
        return self._source.state

    def set_state(self, state: dict[str, Any]) -> None:
        """Continue from a state that `get_state` returned.

        Raises:
            CheckpointError: not such a state.
        """
        try:
            if self.device == CPU:
                self._source.bit_generator.state = state
            else:
                self._source.state = state
        except (KeyError, TypeError, ValueError) as error:
            raise CheckpointError(f"not the state of a random generator: {error}") from error


default_generator = Generator(0)
"""The generator that is used on the CPU where none is named."""

_of_gpus: dict[Device, Generator] = {}


def generator_of(device: Any, name: str, generator: Generator | None = None) -> Generator:
    """The generator that draws numbers for a device: the one given, or else the device's own.

    One of the CPU may be given for a GPU: what it draws is brought there, the same numbers on every device.

    Raises:
        UsageError: no generator, or one that draws on another GPU.
    """
    there = device_of(device, name)
    if generator is None:
        if there is CPU:
            return default_generator
        if there not in _of_gpus:
            _of_gpus[there] = Generator(default_generator.initial_seed(), there)
        return _of_gpus[there]
    if not isinstance(generator, Generator):
        raise UsageError(f"{name}: generator must be a minidl.Generator, got {type(generator).__name__}")
    if generator.device not in (CPU, there):
        raise UsageError(f"{name}: the generator draws on {generator.device}, and the numbers are wanted on {there}")
    return generator


def manual_seed(seed: int) -> Generator:
    """Start the default generators of all devices over from `seed`, and return the CPU's.

    >>> import minidl
    >>> minidl.manual_seed(0).numpy.integers(100)
    np.int64(85)
    """
    default_generator.manual_seed(seed)
    for one in _of_gpus.values():
        one.manual_seed(seed)
    return default_generator


def seed() -> int:
    """Start the default generators over from a seed that the operating system's noise gives, and return it."""
    drawn = default_generator.seed()
    manual_seed(drawn)
    return drawn


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
    forward=lambda xp, x, kept, scale: xp.dropout(x, kept, scale),
    transpose=lambda g, x, kept, scale: dropout_(g, kept=kept, scale=scale),
    samples=[sample((2, 3), kept=np.array([[True, False, True], [False, True, True]]), scale=2.0)],
)
