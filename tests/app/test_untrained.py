"""The network before training is drawn after the first step, as it was."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from minidl import nn, no_grad
from minidl.app.untrained import Untrained


def test_the_copy_is_shown_once_and_as_it_was() -> None:
    trainer = SimpleNamespace(model=nn.Linear(2, 1))
    trained, before = trainer.model, trainer.model.weight.data.copy()
    untrained, seen = Untrained(), []
    untrained.show(trainer, lambda: seen.append("nothing is kept yet"))
    untrained.keep(trainer)
    with no_grad():
        trained.weight += 1.0
    for _ in range(2):
        untrained.show(trainer, lambda: seen.append(trainer.model.weight.data.tolist()))
    assert seen == [before.tolist()]
    assert trainer.model is trained


def test_the_trained_network_comes_back_whatever_happens() -> None:
    trainer = SimpleNamespace(model=nn.Linear(2, 1))
    trained, untrained = trainer.model, Untrained()
    untrained.keep(trainer)
    with pytest.raises(KeyboardInterrupt):
        untrained.show(trainer, lambda: (_ for _ in ()).throw(KeyboardInterrupt))
    assert trainer.model is trained
