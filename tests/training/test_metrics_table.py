from __future__ import annotations

import io

import pytest

from minidl.errors import UsageError
from minidl.training.table import history_table, rich_history_table

HISTORY = [
    {"epoch": 1, "learning_rate": 0.05, "train_accuracy": 0.5, "gradient_norm.conv1": 1.25},
    {
        "epoch": 12,
        "learning_rate": 5e-5,
        "train_accuracy": 0.98765,
        "gradient_norm.conv1": 0.5,
        "validation_loss": 0.123456,
    },
]


def test_a_history_in_plain_text() -> None:
    assert history_table(HISTORY).splitlines() == [
        "epoch  learning rate  train accuracy  validation loss",
        "    1           0.05         50.00 %                 ",
        "   12          5e-05         98.77 %           0.1235",
    ]
    assert history_table(HISTORY, ["gradient_norm.conv1"]).split() == ["gradient", "norm.conv1", "1.25", "0.5"]
    assert history_table([]) == ""
    with pytest.raises(UsageError, match="no 'loss'; it has epoch"):
        history_table(HISTORY, ["loss"])


def test_the_same_history_for_a_console() -> None:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=80).print(rich_history_table(HISTORY))
    text = out.getvalue()
    assert "validation loss" in text
    assert "98.77 %" in text


def test_numbers_of_any_kind_and_numbers_that_are_none() -> None:
    import numpy as np

    history = [{"epoch": np.int64(1), "train_accuracy": np.float32(1 / 3), "train_loss": float("nan"), "note": "a"}]
    assert history_table(history).splitlines()[1].split() == ["1", "33.33", "%", "nan", "a"]
    assert history_table([{"train_loss": float("inf"), "flag": True}]).splitlines()[1].split() == ["inf", "True"]
