"""Figures of recorded programs: which results share memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import minidl
import viz
from minidl import models, optim
from minidl.nn import functional as F
from viz.drawing.figure import Figure
from viz.tape.memory import lanes_of


def recorded(model: Any, shape: tuple[int, ...]) -> Any:
    """The tape of a training step."""
    rule = optim.SGD(model.parameters(), lr=0.1)

    @minidl.compile
    def step(x: Any, y: Any) -> Any:
        rule.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        rule.step()
        return loss

    for _ in range(3):
        step(minidl.ones(shape), minidl.zeros(shape[0], dtype=minidl.int64))
    return step.tape


def test_the_figure_has_no_faults(faults: Callable[[Figure], list[str]]) -> None:
    tape = recorded(models.LeNet((1, 8, 8), 5), (4, 1, 8, 8))
    for theme in ("light", "dark", "print"):
        figure = viz.draw(tape, theme=theme, title="A training step")
        assert faults(figure) == []
    assert viz.draw(tape).title == "The memory of a tape"
    assert f"{len(tape.instructions)} instructions" in viz.draw(tape).text
    assert str(tape) in viz.draw(tape).text


def test_results_on_one_line_never_meet() -> None:
    tape = recorded(models.LeNet((1, 8, 8), 5), (4, 1, 8, 8))
    lanes = lanes_of(tape)
    assert any(len(lane.stays) > 1 for lane in lanes)
    for lane in lanes:
        for stay, following in zip(lane.stays, lane.stays[1:], strict=False):
            assert stay.end <= following.start


@pytest.mark.parametrize("count", [0, 1])
def test_a_program_of_little_or_nothing(count: int, faults: Callable[[Figure], list[str]]) -> None:
    f = minidl.compile(lambda x: x + 1 if count else x)
    for _ in range(3):
        f(minidl.ones(2))
    figure = viz.draw(f.tape)
    assert faults(figure) == []
    assert len(figure.steps) == count
