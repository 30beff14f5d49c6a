"""All experiments, in the order of the course."""

from __future__ import annotations

import importlib
from typing import Final

from .harness import EXPERIMENTS

LESSONS: Final = (
    "neuron",
    "losses",
    "descent",
    "inputs",
    "initialisation",
    "vanishing",
    "normalisation",
    "nonlinearity",
    "depth",
    "memorising",
    "trust",
    "landscapes",
    "double_descent",
    "gaussian",
)
"""The modules that hold them; importing one enters what it holds."""

for _lesson in LESSONS:
    importlib.import_module(f".{_lesson}", __package__)

__all__ = ["EXPERIMENTS", "LESSONS"]
