"""Early stopping (A59)."""

from __future__ import annotations

from typing import Any

import pytest

from minidl.errors import UsageError
from minidl.training.stopping import EarlyStopping


def test_it_stops_after_so_many_epochs_without_improvement() -> None:
    stopping = EarlyStopping(patience=3)
    told = [stopping.update(loss) for loss in (1.0, 0.8, 0.9, 0.8, 0.7, 0.7, 0.8, 0.71)]
    assert told == [False] * 7 + [True]
    assert (stopping.best, stopping.best_epoch, stopping.epoch) == (0.7, 5, 8)
    assert stopping.should_stop


def test_higher_can_be_better_and_little_can_be_nothing() -> None:
    stopping = EarlyStopping(patience=2, mode="max", min_delta=0.01)
    assert [stopping.update(x) for x in (0.5, 0.505, 0.511, 0.52, 0.5)] == [False, False, False, False, True]
    assert stopping.best_epoch == 3


def test_a_measure_that_is_not_a_number_is_never_better() -> None:
    stopping = EarlyStopping(patience=2)
    assert [stopping.update(x) for x in (float("nan"), float("nan"))] == [False, True]
    assert stopping.best is None
    again = EarlyStopping(patience=2)
    assert [again.update(x) for x in (float("nan"), 2.0, float("nan"), 1.0)] == [False] * 4
    assert again.best == 1


def test_its_state_goes_round() -> None:
    first, second = EarlyStopping(patience=2), EarlyStopping(patience=2)
    first.update(1.0)
    first.update(2.0)
    second.load_state_dict(first.state_dict())
    assert second.update(3.0) is first.update(3.0) is True


@pytest.mark.parametrize("options", [{"patience": 0}, {"mode": "up"}, {"min_delta": -1.0}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        EarlyStopping(**options)
