"""The lessons there are, in the order of the course."""

from __future__ import annotations

import difflib

from minidl.errors import UsageError

from ..lesson import Lesson
from .activations import ACTIVATIONS
from .circuits import CIRCUITS
from .descent import DESCENT
from .gpu import GPU
from .initialisation import INITIALISATION
from .inputs import INPUTS
from .losses import LOSSES
from .neuron import NEURON
from .nonlinearity import NONLINEARITY
from .normalisation import NORMALISATION
from .rates import RATES
from .tensors import TENSORS
from .vanishing import VANISHING

LESSONS: tuple[Lesson, ...] = (
    NEURON,
    CIRCUITS,
    TENSORS,
    ACTIVATIONS,
    LOSSES,
    DESCENT,
    RATES,
    INPUTS,
    INITIALISATION,
    VANISHING,
    NORMALISATION,
    NONLINEARITY,
    GPU,
)


def find(wanted: str) -> Lesson:
    """Return the lesson of that name, number or title.

    Raises:
        UsageError: there is none; the message names those that come close.

    >>> find("circuits").title, find("2").name
    ('Circuits', 'circuits')
    """
    key = wanted.strip().lower()
    for lesson in LESSONS:
        if key in (lesson.name, str(lesson.number), lesson.title.lower()):
            return lesson
    names = [lesson.name for lesson in LESSONS]
    close = difflib.get_close_matches(key, names, n=3, cutoff=0.6)
    there_are = ", ".join(f"{lesson.name} ({lesson.number})" for lesson in LESSONS)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    raise UsageError(f"there is no lesson {wanted!r}. {meant}The lessons are {there_are}.")
