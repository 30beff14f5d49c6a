"""What can be chosen, what may be chosen, and how it is written on a command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from minidl.data.toys import PLAYGROUND, PLAYGROUND_FEATURES
from minidl.errors import UsageError

DATA: Final = tuple(PLAYGROUND)
INPUTS: Final = dict(zip(("x1", "x2", "x1x1", "x2x2", "x1x2", "sinx1", "sinx2"), PLAYGROUND_FEATURES, strict=True))
"""The inputs as they are typed, and as the data set names them."""
ACTIVATIONS: Final = ("tanh", "relu", "sigmoid", "linear")
PENALTIES: Final = ("none", "l1", "l2")
MOST_LAYERS: Final = 6
MOST_UNITS: Final = 8
POINTS: Final = 500
"""Points of a data set; `train` says how many of a hundred are learnt from."""

AT_ONCE: Final = ("rate", "penalty", "strength", "batch")
"""What may change while the network learns; anything else makes another network or other data, and begins afresh."""


@dataclass(frozen=True)
class Settings:
    """One experiment, all of it: the same settings give the same numbers.

    Attributes:
        data: `circle`, `xor`, `gauss` or `spiral`.
        inputs: keys of `INPUTS`, in their order.
        layers: units of each hidden layer.
        activation: that of the hidden layers.
        rate: the learning rate.
        penalty: `none`, `l1` (strength·Σ|w|) or `l2` (strength·½Σw²), on the weights and not on the biases.
        strength: of the penalty.
        noise: from 0 to 50, in percent of the plane.
        batch: points a step.
        train: points learnt from, in percent; the others test.
        seed: of the points, the first weights and the order of the points.

    Raises:
        UsageError: a setting is not one of those that there are.
    """

    data: str = "circle"
    inputs: tuple[str, ...] = ("x1", "x2")
    layers: tuple[int, ...] = (4, 2)
    activation: str = "tanh"
    rate: float = 0.03
    penalty: str = "none"
    strength: float = 0.001
    noise: int = 0
    batch: int = 10
    train: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        _check_choice("data", self.data, DATA)
        _check_choice("activation", self.activation, ACTIVATIONS)
        _check_choice("penalty", self.penalty, PENALTIES)
        for name in self.inputs:
            _check_choice("inputs", name, tuple(INPUTS))
        if not self.inputs:
            raise UsageError(f"--inputs: at least one of {', '.join(INPUTS)}")
        if len(self.layers) > MOST_LAYERS or not all(1 <= units <= MOST_UNITS for units in self.layers):
            raise UsageError(
                f"--layers: at most {MOST_LAYERS} hidden layers of 1 to {MOST_UNITS} units, such as 4,2; "
                f"got {written(self.layers)}"
            )
        for name, low, high in (("rate", 0, 100), ("strength", 0, 100)):
            if not low <= getattr(self, name) <= high:  # also refuses nan
                raise UsageError(f"--{name}: a number from {low} to {high}; got {getattr(self, name)}")
        for name, low, high in (("noise", 0, 50), ("batch", 1, POINTS), ("train", 1, 99), ("seed", 0, 2**32 - 1)):
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"--{name}: a whole number from {low} to {high}; got {getattr(self, name)}")

    def options(self) -> list[str]:
        """The settings as options of `minidl playground`; those that are as they would be anyway are left out.

        >>> Settings(data="spiral", rate=0.1).options()
        ['--data spiral', '--layers 4,2', '--rate 0.1']
        """
        usual = Settings()
        return [
            f"--{name} {written(value)}"
            for name, value in self.items()
            if name in ("data", "layers") or value != getattr(usual, name)
        ]

    def items(self) -> list[tuple[str, Any]]:
        """Names and values, in their order."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


def read(words: dict[str, str]) -> dict[str, Any]:
    """Make values of what was typed for settings.

    Raises:
        UsageError: what was typed is no number where one is wanted, or no input.

    >>> read({"layers": "4,2", "inputs": "x1, sin x2", "rate": "0.1"})
    {'layers': (4, 2), 'inputs': ('x1', 'sinx2'), 'rate': 0.1}
    """
    return {name: _value(name, word) for name, word in words.items()}


def _value(name: str, word: str) -> Any:
    kind = type(getattr(Settings(), name))
    if name == "inputs":
        return _inputs(word)
    try:
        if name == "layers":
            return () if word.strip() in ("none", "0") else tuple(int(part) for part in word.split(","))
        return word.strip().lower() if kind is str else kind(word)
    except ValueError as error:
        wanted = {"layers": "widths such as 4,2, or none"}.get(name, "a whole number" if kind is int else "a number")
        raise UsageError(f"--{name}: expected {wanted}; got {word!r}") from error


def _inputs(word: str) -> tuple[str, ...]:
    """The inputs that were typed, in their own order; `x1²`, `x1^2` and `sin x1` are understood too."""
    typed = [part.strip().lower().replace(" ", "") for part in word.split(",") if part.strip()]
    names = [f"{part[:2]}{part[:2]}" if part[2:] in ("²", "^2") else part for part in typed]
    for name in names:
        _check_choice("inputs", name, tuple(INPUTS))
    return tuple(name for name in INPUTS if name in names)


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise UsageError(f"--{name}: one of {', '.join(choices)}; got {value!r}")


def written(value: Any) -> str:
    """A value as it is typed.

    >>> written((4, 2)), written(()), written(0.03), written(1.0)
    ('4,2', 'none', '0.03', '1')
    """
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "none"
    return str(value).removesuffix(".0")
