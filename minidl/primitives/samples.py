"""What an operation is tested on: inputs that it takes, and inputs that it must refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from ..errors import MinidlError, ShapeError

Shape = tuple[int, ...]
Array = np.ndarray[Any, Any]
Domain = Literal["real", "positive", "nonzero", "distinct", "unit", "beyond"]


@dataclass(frozen=True, slots=True)
class Sample:
    """Inputs on which an operation is tested: the shapes, where the numbers come from, and the other arguments.

    Attributes:
        shapes: one an input: a shape to be filled with numbers, or an array that is used as it is.
        params: the other arguments; those of a public operation that are arrays reach it as tensors.
        domain: `real` (normal), `positive` (0.5 … 2), `nonzero` (|x| > 0.3), `distinct` (no two closer than 0.1, none
            near 0), `unit` (0.1 … 0.9), `beyond` (1.2 … 3).
    """

    shapes: tuple[Shape | Array, ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    domain: Domain = "real"

    def arrays(self, rng: np.random.Generator) -> list[Array]:
        """Draw the inputs, in float64."""
        return [s if isinstance(s, np.ndarray) else self._draw(s, rng) for s in self.shapes]

    def _draw(self, shape: Shape, rng: np.random.Generator) -> Array:
        size = int(np.prod(shape))
        if self.domain == "positive":
            values = rng.uniform(0.5, 2.0, size)
        elif self.domain == "unit":
            values = rng.uniform(0.1, 0.9, size)
        elif self.domain == "beyond":
            values = rng.uniform(1.2, 3.0, size)
        elif self.domain == "nonzero":
            values = rng.uniform(0.3, 2.0, size) * rng.choice([-1.0, 1.0], size)
        elif self.domain == "distinct":
            values = rng.permutation((np.arange(size) - size // 2) * 0.3 + rng.uniform(0.05, 0.2, size))
        else:
            values = rng.standard_normal(size)
        return np.asarray(values).reshape(shape)


def sample(*shapes: Shape | Array, domain: Domain = "real", **params: Any) -> Sample:
    """Shorthand for a `Sample`: `sample((3, 4), (4,), domain="positive", dim=1)`."""
    return Sample(shapes, params, domain)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Inputs that an operation must refuse.

    Attributes:
        sample: the inputs.
        error: the class of the error.
        match: a regular expression that its message must contain.
    """

    sample: Sample
    error: type[MinidlError]
    match: str


def refuses(
    *shapes: Shape | Array, match: str, error: type[MinidlError] = ShapeError, domain: Domain = "real", **params: Any
) -> Refusal:
    """Shorthand for a `Refusal`: `refuses((3, 4), (3, 4), match="inner sizes 4 and 3 differ")`."""
    return Refusal(Sample(shapes, params, domain), error, match)
