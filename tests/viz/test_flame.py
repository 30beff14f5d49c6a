"""Figures of profiles: the flame, and networks coloured by time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import minidl
import viz
from minidl.errors import UsageError
from minidl.models import LeNet5, resnet8
from minidl.profiler import Profile, Row
from viz.architecture.measured import with_shares
from viz.architecture.survey import survey
from viz.drawing.figure import Figure
from viz.drawing.theme import THEMES
from viz.profile.tree import REST, Part, tree_of


class Told(Profile):
    """A profile with times that are known."""

    def __init__(self, rows: list[Row], between: float = 0.0) -> None:
        super().__init__()
        self.told = rows
        for row in rows:
            self.phases[row.phase] = self.phases.get(row.phase, 0.0) + row.seconds
        self.phases["forward"] = self.phases.get("forward", 0.0) + between
        self.seconds = sum(self.phases.values())

    @property
    def rows(self) -> list[Row]:
        return self.told


def row(phase: str, module: str, *operation: str, seconds: float = 1.0) -> Row:
    return Row(phase, module, operation, 1, seconds, 0)


def told() -> Told:
    rows = [
        row("forward", "body.0", "conv2d", seconds=3.0),
        row("forward", "body.1", "relu", seconds=0.5),
        row("forward", "", "cross_entropy", seconds=0.5),
        row("backward", "body.0", "conv2d", "conv2d_weight", seconds=4.0),
        row("backward", "body.0", "conv2d", seconds=0.001),
    ]
    return Told(rows, between=2.0)


def lenet_profile(model: LeNet5) -> Profile:
    with minidl.profile() as p:
        model(minidl.ones(2, 1, 28, 28)).sum().backward()
    return p


def walk(part: Part) -> list[Part]:
    return [part, *(inner for child in part.parts for inner in walk(child))]


def test_the_tree_holds_the_whole_time_once() -> None:
    root = tree_of(told())
    found = dict(root.all())
    assert found["forward", "body"].seconds == 3.5
    assert found["forward", "body", "0", "conv2d"].seconds == 3.0
    assert found["backward", "body", "0", "conv2d"].seconds == pytest.approx(4.001)
    assert found["backward", "body", "0", "conv2d", "conv2d_weight"].seconds == 4.0
    assert found["forward", REST].seconds == pytest.approx(2.0)
    for part in walk(root):
        assert sum(inner.seconds for inner in part.parts) <= part.seconds + 1e-9


def test_boxes_are_as_wide_as_their_times_and_stand_below_what_they_are_part_of() -> None:
    geometry = viz.flame(told()).geometry()
    boxes = [box for name, box in geometry.nodes.items() if name.startswith("part")]
    whole = max(boxes, key=lambda box: box.width)
    rows = {round(box.center[1]) for box in boxes}
    assert len(rows) == 6  # all, phases, body, 0 and 1, conv2d, conv2d_weight
    scale = (whole.width + 1) / 10.001
    widths = sorted(round((box.width + 1) / scale, 1) for box in boxes)
    assert widths.count(4.0) == 5  # backward, its body, its 0, its conv2d, conv2d_weight
    assert widths.count(6.0) == 1  # forward
    for box in boxes:
        assert whole.left - 0.02 <= box.left
        assert box.right <= whole.right + 0.02
    edges = [edge + 0.5 for box in boxes for edge in (box.left, box.right)]
    assert max(abs(edge - round(edge)) for edge in edges) < 0.02  # any Graphviz draws them where they belong


@pytest.mark.parametrize("theme", THEMES)
def test_flames_have_no_faults(theme: str, faults: Callable[[Figure], list[str]]) -> None:
    for p in (told(), lenet_profile(LeNet5()), Told([row("forward", "a_module_with_a_very_long_name", "exp")])):
        figure = viz.flame(p, theme=theme, title="Where the time went in this run")
        assert faults(figure) == []
        assert figure.svg().count("<title") == 1


def test_an_empty_profile_can_be_drawn(faults: Callable[[Figure], list[str]]) -> None:
    with minidl.profile() as p:
        pass
    assert faults(viz.flame(p)) == []


def test_what_is_too_narrow_is_drawn_together() -> None:
    many = Told([row("forward", "", f"op{k}", seconds=1e-4) for k in range(2000)] + [row("forward", "", "exp")])
    assert viz.flame(many).dot.count("part") < 60


def test_the_words_hold_the_tables() -> None:
    figure = viz.flame(told())
    assert "conv2d_weight" in figure.text
    assert figure.steps[0] == "forward: 6000 ms, 60 %; most of it in body"


def test_shares_of_a_network_add_up_and_follow_the_profile() -> None:
    model = resnet8()
    layers = survey(model, (1, 3, 32, 32))
    shared, said = with_shares(layers, Told([row("forward", "conv1", "conv2d"), row("backward", "fc", "matmul")]))
    shares = {r.name: r.share for r in shared.rows if r.share}
    assert shares == {"conv1": 0.5, "fc": 0.5}
    assert "100 %" in said
    with minidl.profile() as p:
        model(minidl.tensor(np.ones((2, 3, 32, 32), "f"))).sum().backward()
    shared, _ = with_shares(layers, p)
    assert sum(r.share for r in shared.rows) == pytest.approx(1.0)
    assert shared.rows[0].share == 0.0
    assert all(r.share > 0 for r in shared.rows if r.parameters)


def test_a_module_called_twice_divides_its_time() -> None:
    layers = survey(resnet8(), (1, 3, 32, 32))
    name = "layer1.0.relu"
    assert [r.name for r in layers.rows].count(name) == 2
    shared, _ = with_shares(layers, Told([row("forward", name, "relu")]))
    assert [r.share for r in shared.rows if r.name == name] == [0.5, 0.5]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_a_coloured_network_has_no_faults(theme: str, direction: str, faults: Callable[[Figure], list[str]]) -> None:
    model = LeNet5()
    figure = viz.network(model, (1, 1, 28, 28), profile=lenet_profile(model), theme=theme, direction=direction)  # type: ignore[arg-type]
    assert faults(figure) == []
    assert "of the time that was measured" in figure.text


def test_the_colours_of_a_network_tell_the_times() -> None:
    model = LeNet5()
    slow = Told([row("forward", "conv2", "conv2d", seconds=9.0), row("forward", "conv1", "conv2d", seconds=1.0)])
    plain, coloured = viz.network(model, (1, 1, 28, 28)), viz.network(model, (1, 1, 28, 28), profile=slow)
    assert "90 %" in coloured.dot
    assert "10 %" in coloured.dot
    assert "90 %" not in plain.dot
    assert "time" not in [line.strip() for line in plain.text.split()]


def test_a_profile_of_something_else_is_refused() -> None:
    with minidl.profile() as p:
        minidl.ones(3).exp()
    with pytest.raises(UsageError, match="no operation of LeNet5"):
        viz.network(LeNet5(), (1, 1, 28, 28), profile=p)
