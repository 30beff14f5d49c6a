"""Random numbers with a stream of its own for each image, so that no image's fate depends on its neighbours in the batch."""

from __future__ import annotations

from typing import Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...primitives.layers.random import Generator, default_generator

Randomness: TypeAlias = "np.random.Generator | Generator | Chance | None"
"""Where chance comes from: NumPy's generator, minidl's, streams that are there already, or (None) minidl's default generator.
(Quoted: `numpy.random` loads late.)"""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ divided by the golden ratio, odd: its multiples are spread evenly


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble 64-bit numbers, one to one, so that neighbours come out unrelated (SplitMix64's finalizer)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


class Chance:
    """One stream of random numbers an image: the k-th number of the stream with key s is mix(s + k · ⌊2⁶⁴/φ⌋).

    A batch takes one 64-bit key an image from the generator, and everything that happens to an image follows from its
    key. So a batch that is handed over in two halves, to the same generator, comes out as it would have in one piece.

    Args:
        keys: `(N,)`, uint64.

    Source: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA (2014).

    >>> whole = Chance.of(np.random.default_rng(0), 4).uniform(0, 1)
    >>> rng = np.random.default_rng(0)
    >>> halves = [Chance.of(rng, 2).uniform(0, 1) for _ in range(2)]
    >>> bool(np.array_equal(whole, np.concatenate(halves)))
    True
    """

    __slots__ = ("_drawn", "keys")

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        self.keys = keys
        self._drawn = 0

    @classmethod
    def of(cls, rng: Randomness, n: int) -> Chance:
        """Take the keys of `n` images from a generator; streams that are there already are used as they are."""
        if isinstance(rng, Chance):
            if len(rng) != n:
                raise UsageError(f"there are streams of chance for {len(rng)} images, but {n} images")
            return rng
        source = (rng or default_generator).numpy if rng is None or isinstance(rng, Generator) else rng
        return cls(source.integers(0, 2**64, n, dtype=np.uint64))

    @classmethod
    def of_examples(cls, seed: int, begin: int, n: int) -> Self:
        """Return the streams of the examples `begin` to `begin + n − 1` of an epoch, which follow from `seed` and their place.

        >>> whole = Chance.of_examples(7, 0, 5).uniform(0, 1)
        >>> bool(np.array_equal(whole[3:], Chance.of_examples(7, 3, 2).uniform(0, 1)))
        True
        """
        places = np.arange(begin + 1, begin + n + 1, dtype=np.uint64) * _GOLDEN
        return cls(_mix(_mix(np.array([seed], np.uint64)) + places))

    def __len__(self) -> int:
        return len(self.keys)

    def bits(self, *shape: int) -> NDArray[np.uint64]:
        """Return `(N, *shape)` numbers of 64 random bits."""
        count = int(np.prod(shape))
        places = np.arange(self._drawn + 1, self._drawn + count + 1, dtype=np.uint64) * _GOLDEN
        self._drawn += count
        return _mix(self.keys[:, np.newaxis] + places).reshape(len(self.keys), *shape)

    def uniform(self, low: float, high: float, *shape: int) -> NDArray[np.float64]:
        """Return `(N, *shape)` numbers from `low` up to, but not including, `high`."""
        shares: NDArray[np.float64] = (self.bits(*shape) >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return low + (high - low) * shares

    def normal(self, *shape: int) -> NDArray[np.float32]:
        """Return `(N, *shape)` numbers of the standard normal distribution: √(−2 ln u) cos 2πv (Box and Muller, 1958)."""
        first, second = self.bits(*shape), self.bits(*shape)
        u = ((first >> np.uint64(40)).astype(np.float32) + np.float32(0.5)) * np.float32(
            2.0**-24
        )  # never 0: it has a log
        v = (second >> np.uint64(40)).astype(np.float32) * np.float32(2.0**-24)
        return np.sqrt(-2 * np.log(u)) * np.cos(np.float32(2 * np.pi) * v)

    def integers(self, low: int, high: int, *shape: int) -> NDArray[np.intp]:
        """Return `(N, *shape)` whole numbers from `low` to `high − 1`."""
        return np.floor(self.uniform(low, high, *shape)).astype(np.intp)

    def happens(self, p: float) -> NDArray[np.bool_]:
        """Tell for each image, `(N,)`, whether something with probability `p` befalls it."""
        return self.uniform(0, 1) < p

    def beta(self, a: float, b: float) -> NDArray[np.float64]:
        """Return `(N,)` numbers of the Beta(a, b) distribution, by inverting its distribution function."""
        from scipy.special import betaincinv

        return np.asarray(betaincinv(a, b, self.uniform(0, 1)), np.float64)

    def dirichlet(self, alpha: float, k: int) -> NDArray[np.float64]:
        """Return `(N, k)` shares that sum to 1, of the symmetric Dirichlet distribution: normalised Gamma(α) numbers."""
        from scipy.special import gammaincinv

        shares = gammaincinv(alpha, self.uniform(0, 1, k))
        return np.asarray(shares / shares.sum(axis=1, keepdims=True), np.float64)

    def order(self, k: int) -> NDArray[np.intp]:
        """Return `(N, k)`: for each image the numbers 0 to k − 1 in an order of its own."""
        return np.argsort(self.uniform(0, 1, k), axis=1, kind="stable")

    def fork(self, chosen: NDArray[np.bool_] | NDArray[np.intp] | None = None) -> Chance:
        """Return new, unrelated streams for all images or the chosen ones; it costs each stream here one number."""
        keys = self.bits()
        return Chance(keys if chosen is None else keys[chosen])

    def of_chosen(self, chosen: NDArray[np.intp]) -> Chance:
        """Return the streams of the chosen images as they are; no others should draw from them any more."""
        return Chance(self.keys[chosen])

    def generator(self) -> np.random.Generator:
        """Return one NumPy generator for the batch as a whole, for code that knows of no other."""
        return np.random.Generator(np.random.PCG64(self.bits().tolist()))
