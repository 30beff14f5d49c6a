"""The settings as rows that arrow keys go through, and what a turn to the left or to the right makes of each."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from .settings import ACTIVATIONS, DATA, INPUTS, MOST_LAYERS, MOST_UNITS, PENALTIES, Settings

RATES: Final = (0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
STRENGTHS: Final = (0.0, *RATES)
NOISES: Final = tuple(range(0, 55, 5))
BATCHES: Final = tuple(range(1, 31))
SHARES: Final = tuple(range(10, 100, 10))


@dataclass(frozen=True)
class Dial:
    """One row of the settings.

    Attributes:
        label: what it is called.
        shown: what it is set to.
        turn: takes 1 for right or −1 for left, and gives the settings after it.
    """

    label: str
    shown: str
    turn: Callable[[int], Settings]


def dials(settings: Settings) -> list[Dial]:
    """All rows of these settings, from top to bottom.

    >>> [dial.label for dial in dials(Settings(layers=(4, 2)))][12:]
    ['layers', ' layer 1', ' layer 2', 'activation', 'rate', 'penalty', 'strength']
    """
    return [dial for group in groups(settings) for dial in group]


def groups(settings: Settings) -> list[list[Dial]]:
    """The rows by what they are about: the points, the inputs, the network, the training."""
    return [
        [
            _around(settings, "data", DATA),
            _along(settings, "noise", NOISES, " %"),
            _along(settings, "train", SHARES, " %"),
            _along(settings, "batch", BATCHES),
            Dial("seed", str(settings.seed), lambda way: replace(settings, seed=max(0, settings.seed + way))),
        ],
        [_switch(settings, name) for name in INPUTS],
        [
            Dial("layers", str(len(settings.layers)), lambda way: _deeper(settings, way)),
            *(_width(settings, k) for k in range(len(settings.layers))),
            _around(settings, "activation", ACTIVATIONS),
        ],
        [
            _along(settings, "rate", RATES),
            _around(settings, "penalty", PENALTIES),
            _along(settings, "strength", STRENGTHS),
        ],
    ]


def _around(settings: Settings, name: str, choices: Sequence[str]) -> Dial:
    """A dial through choices, which goes on from the last to the first."""
    value = getattr(settings, name)

    def turn(way: int) -> Settings:
        turned: dict[str, Any] = {name: choices[(choices.index(value) + way) % len(choices)]}
        return replace(settings, **turned)

    return Dial(name, value, turn)


def _along(settings: Settings, name: str, ladder: Sequence[Any], unit: str = "") -> Dial:
    """A dial up and down a ladder of numbers; from a number between two rungs it goes to the next one."""
    value = getattr(settings, name)

    def turn(way: int) -> Settings:
        place = bisect_right(ladder, value) if way > 0 else bisect_left(ladder, value) - 1
        return replace(settings, **{name: ladder[place]}) if 0 <= place < len(ladder) else settings

    return Dial(name, f"{value:.6g}{unit}", turn)


def _switch(settings: Settings, name: str) -> Dial:
    """An input, on or off; the last one stays on."""
    is_on = name in settings.inputs

    def turn(_: int) -> Settings:
        left = tuple(other for other in INPUTS if (other in settings.inputs) != (other == name))
        return replace(settings, inputs=left) if left else settings

    return Dial(f"{'●' if is_on else '○'} {INPUTS[name]}", "on" if is_on else "off", turn)


def _deeper(settings: Settings, way: int) -> Settings:
    """One hidden layer more, as wide as the last, or one less."""
    layers = settings.layers
    if way > 0:
        return replace(settings, layers=(*layers, layers[-1] if layers else 4)[:MOST_LAYERS])
    return replace(settings, layers=layers[:-1])


def _width(settings: Settings, k: int) -> Dial:
    """The units of one hidden layer."""
    layers = settings.layers

    def turn(way: int) -> Settings:
        units = min(max(layers[k] + way, 1), MOST_UNITS)
        return replace(settings, layers=(*layers[:k], units, *layers[k + 1 :]))

    return Dial(f" layer {k + 1}", f"{layers[k]} unit{'s' * (layers[k] > 1)}", turn)
