"""The network before training, kept until it is drawn: the first step does not wait for pictures."""

from __future__ import annotations

import copy
from collections.abc import Callable

from ..nn import Module
from ..training import Trainer


class Untrained:
    """A copy of a run's network as it was before training."""

    def __init__(self) -> None:
        self._model: Module | None = None

    def keep(self, trainer: Trainer) -> None:
        """Copy the trainer's network."""
        self._model = copy.deepcopy(trainer.model)

    def show(self, trainer: Trainer, draw: Callable[[], None]) -> None:
        """Call `draw` while the trainer has the copy in its network's place; only the first time, and if there is one."""
        if self._model is None:
            return
        trained, trainer.model, self._model = trainer.model, self._model, None
        try:
            draw()
        finally:
            trainer.model = trained
