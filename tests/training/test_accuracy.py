"""The promise of the default run: at least 98 % on the test fifth, as the mean over five fixed splits."""

from __future__ import annotations

import pytest

from minidl.training import Config, evaluate, prepare


@pytest.mark.slow
def test_the_default_run_reaches_98_percent_over_five_splits() -> None:
    accuracies = []
    for seed in range(5):
        session = prepare(Config.make(seed=seed))
        session.trainer.run()
        accuracies.append(evaluate(session.trainer.model, session.loader(session.parts.test)).accuracy)
    assert sum(accuracies) / 5 >= 0.98, accuracies
    assert min(accuracies) >= 0.96, accuracies


def test_a_short_run_learns() -> None:
    session = prepare(Config.make(epochs=4))
    session.trainer.run()
    assert session.trainer.history[-1]["validation_accuracy"] > 0.9
    assert session.trainer.history[-1]["validation_loss"] < session.trainer.history[0]["validation_loss"]
