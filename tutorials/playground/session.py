"""An experiment under way: what was set, what was changed at which epoch, and the command line that brings it back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from minidl.errors import UsageError

from .network import Network
from .settings import AT_ONCE, Settings, read, written


@dataclass(frozen=True)
class Change:
    """A setting that got another value when so many epochs were over."""

    epoch: int
    name: str
    value: Any

    def __str__(self) -> str:
        return f"{self.epoch}:{self.name}={written(self.value)}"


def read_change(word: str) -> Change:
    """Read a change as it is written on a command line.

    Raises:
        UsageError: it is not written so, or the setting is none that may change while the network learns.

    >>> print(read_change("120:rate=0.01"))
    120:rate=0.01
    """
    epoch, colon, rest = word.partition(":")
    name, equals, value = rest.partition("=")
    if not (epoch.isdecimal() and colon and equals and name in AT_ONCE):
        raise UsageError(
            f"--change: expected EPOCH:SETTING=VALUE, such as 120:rate=0.01, for {', '.join(AT_ONCE)}; got {word!r}"
        )
    return Change(int(epoch), name, read({name: value})[name])


class Session:
    """A network that learns, and its story so far.

    Attributes:
        first: the settings that it began with.
        settings: the present ones.
        changes: how the ones became the others.
        network: the network.
        history: the losses, of the points learnt from and of those that test, before the first epoch and after each.
    """

    def __init__(self, settings: Settings, planned: Sequence[Change] = ()) -> None:
        for change in planned:
            replace(settings, **{change.name: change.value})  # refuses what may not be
        self._planned = sorted(planned, key=lambda change: change.epoch)
        self._begin(settings)

    def _begin(self, settings: Settings) -> None:
        self.first = self.settings = settings
        self.changes: list[Change] = []
        self.network = Network(settings)
        self.history = [self.network.losses()]
        self._change_as_planned()

    def reset(self) -> None:
        """Begin afresh with the present settings."""
        self.apply(self.settings, afresh=True)

    def apply(self, settings: Settings, *, afresh: bool = False) -> None:
        """Take other settings: at once where that can be, and else by beginning afresh, as `afresh` demands."""
        changed = [name for name, value in settings.items() if value != getattr(self.settings, name)]
        if not changed and not afresh:
            return
        self._planned = []  # whoever turns a dial leaves the story that was being retold
        if afresh or not set(changed) <= set(AT_ONCE):
            self._begin(settings)
            return
        for name in changed:
            self._note(name, getattr(settings, name))

    def _note(self, name: str, value: Any) -> None:
        """Set one of the settings that act at once, and remember when."""
        self.settings = replace(self.settings, **{name: value})
        if self.epoch == 0:
            self.first = self.settings
            return
        # A setting that went up and down again between two epochs has not changed.
        self.changes = [c for c in self.changes if (c.epoch, c.name) != (self.epoch, name)]
        before = [getattr(self.first, name), *(c.value for c in self.changes if c.name == name)][-1]
        if value != before:
            self.changes.append(Change(self.epoch, name, value))

    def _change_as_planned(self) -> None:
        while self._planned and self._planned[0].epoch <= self.epoch:
            change = self._planned.pop(0)
            self._note(change.name, change.value)

    def train(self) -> None:
        """Train for one epoch."""
        self.network.train(self.settings)
        self.history.append(self.network.losses())
        self._change_as_planned()

    @property
    def epoch(self) -> int:
        """How many epochs are over."""
        return self.network.epoch

    @property
    def is_lost(self) -> bool:
        """Whether the loss is no longer a number, from which no training leads back."""
        return not math.isfinite(self.history[-1][0])

    def options(self) -> list[str]:
        """What follows `minidl playground` on the command line that leads to where the session is."""
        return [
            *self.first.options(),
            *(f"--change {change}" for change in self.changes),
            f"--epochs {self.epoch}",
        ]

    def command(self) -> str:
        """The command line that leads to where the session is: the same network, number by number.

        >>> Session(Settings(data="xor", seed=3)).command()
        'minidl playground --data xor --layers 4,2 --seed 3 --epochs 0'
        """
        return " ".join(["minidl playground", *self.options()])
