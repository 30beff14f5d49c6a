"""What hangs in the gallery: a name, a title, and how the picture is made in a theme."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..deck.deck import Deck
from ..derivation.derivation import Derivation
from ..drawing.theme import Theme


class Picture(Protocol):
    """Whatever can be seen: a figure, a plot."""

    @property
    def title(self) -> str:
        """What it shows, in a few words."""

    @property
    def text(self) -> str:
        """What it shows, in full: the alternative text."""

    def svg(self) -> str:
        """Return it as SVG."""

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write it in the format that the suffix names."""


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One piece of the gallery.

    Attributes:
        name: what its file is called, without the ending: lower-case letters, digits and hyphens.
        title: what it shows, in a few words.
        make: makes it in a theme; deterministic, without files, without the network, in less than two seconds.
    """

    name: str
    title: str
    make: Callable[[Theme], Picture | Deck | Derivation]
