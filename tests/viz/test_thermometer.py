"""The thermometer of networks: its numbers are the engine's, its places do not depend on them, nothing overlaps."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import minidl
import viz
from minidl import nn
from minidl.autodiff import gradients, order
from minidl.errors import GraphError, UsageError
from minidl.nn import functional as F
from viz.drawing import engine
from viz.drawing.notation import number
from viz.drawing.theme import LIGHT, THEMES, HeatScale
from viz.gallery.gradients import deep_networks
from viz.gradients.comparison import describe, percent, ratio
from viz.gradients.units import Unit, split, units


def stack(depth, activation=nn.Sigmoid, width=6, gain=1.0, seed=0):
    """A plain deep network with weights of variance gain²/width, and its loss on a batch of eight."""
    minidl.manual_seed(seed)
    rng = np.random.default_rng(seed)
    layers = []
    for _ in range(depth):
        layers += [nn.Linear(width, width), activation()]
        layers[-2].weight.data = (rng.standard_normal((width, width)) * gain / math.sqrt(width)).astype(np.float32)
    model = nn.Sequential(*layers, nn.Linear(width, 3))
    x = minidl.tensor(rng.standard_normal((8, width)).astype(np.float32))
    return F.cross_entropy(model(x), minidl.tensor(rng.integers(0, 3, 8))), model


def norm(array):
    return float(np.linalg.norm(np.asarray(array, np.float64).ravel()))


def wires(dot):
    """The (width, colour, style) of every gradient's wire in the first row, from left to right."""
    found = re.findall(r'end\d+ -> end\d+ \[pos="([-\d.]+),[^]]*?penwidth=([\d.]+), color="(#\w+)", style=(\w+)', dot)
    return [(float(x), float(width), color, style) for x, width, color, style in found]


def shown(svg):
    return " ".join(re.sub(r"<[^>]+>", "", line) for line in svg.splitlines() if "<text" in line)


def test_norms_are_those_of_the_engines_gradients():
    loss, model = stack(4)
    found = gradients(loss)
    sigmoids = [node for node in order(loss) if node.primitive and node.primitive.name == "sigmoid"]
    read = units(loss, model)
    assert len(read) == 5
    assert [unit.gradient for unit in read[:4]] == [
        norm(found[node]) for node in sorted(sigmoids, key=lambda n: n.order)
    ]
    linears = [module for module in model if isinstance(module, nn.Linear)]
    assert [unit.weight_gradient for unit in read] == [norm(found[layer.weight]) for layer in linears]
    assert [unit.name for unit in read] == ["0", "2", "4", "6", "8"]
    assert [unit.activation for unit in read] == ["σ"] * 4 + [""]


def test_slopes_and_shares_are_counted_over_units_and_examples():
    x = minidl.tensor(np.array([[0.0, 10.0, -10.0, 1.0], [0.0, 10.0, 0.0, 1.0]], np.float32))
    eye = nn.Parameter(np.eye(4, dtype=np.float32))
    (unit,) = units((F.sigmoid(x @ eye)).sum())
    assert unit.saturated == 3 / 8  # σ′(±10) = 4.5e-5
    slopes = [s * (1 - s) for s in 1 / (1 + np.exp(-np.asarray(x.data, np.float64)))]
    assert unit.slope == pytest.approx(np.mean(slopes), rel=1e-6)
    assert unit.dead is None
    (unit,) = units((F.relu(x @ eye)).sum())
    assert unit.slope == 4 / 8
    assert unit.dead == 2 / 4  # the first is never above zero, nor the third
    assert unit.saturated is None


def test_a_channel_is_dead_when_it_is_zero_everywhere():
    layer = nn.Conv2d(1, 3, 1)
    layer.weight.data = np.array([1.0, 1.0, 1.0], np.float32).reshape(3, 1, 1, 1)
    layer.bias.data = np.array([-100.0, 0.0, -0.5], np.float32)
    images = minidl.tensor(np.eye(4, dtype=np.float32)[None, None])
    (unit,) = units(F.relu(layer(images)).sum(), layer)
    assert unit.dead == pytest.approx(1 / 3)
    assert unit.shape == (1, 3, 4, 4)


def test_what_follows_a_product_belongs_to_its_layer():
    """Normalisation, activation and skip connection; the output is what the next layer reads."""
    loss, model = deep_networks()["tanh + skip"]
    parts = split(loss, model)
    assert [part.output.primitive.name for part in parts[:20]] == ["add"] * 20
    assert parts[-1].output.shape == (64, 10)
    assert parts[-1].output.scope == "out"
    names = {node.primitive.name for node in split(*deep_networks()["sigmoid + batch norm"])[3].nodes}
    assert {"matmul", "sigmoid"} < names


def test_a_weight_used_twice_is_two_layers_and_a_penalty_is_none():
    w = nn.Parameter(np.eye(3, dtype=np.float32) * 2, name="w")
    h = minidl.tensor(np.ones((2, 3), np.float32))
    for _ in range(3):
        h = F.tanh(h @ w)
    read = units(h.sum() + (w * w).sum())
    assert [unit.name for unit in read] == ["w"] * 3
    assert read[0].gradient < read[2].gradient


def test_it_says_which_network_vanishes():
    networks = deep_networks()
    ratios = {name: ratio(units(*given)) for name, given in networks.items()}
    assert ratios["sigmoid"] < 1e-11
    assert all(0.1 < value < 10 for name, value in ratios.items() if name != "sigmoid")
    figure = viz.thermometer(networks)
    for name, value in ratios.items():
        assert f"{name}: 21 layers" in figure.text
        assert f"a ratio of {number(value, 2)}" in figure.text
    assert len(figure.steps) == 4
    assert "Euclidean norm" in figure.text


@pytest.mark.parametrize("theme", THEMES)
def test_the_comparison_is_fit_for_a_slide(kind, theme, faults):
    figure = viz.thermometer(deep_networks(), theme=theme)
    assert engine.render_with_warnings(figure.dot, "svg", layout=figure.layout)[1] == []
    assert faults(figure) == []
    width, height = (
        float(size) for size in re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', figure.svg()).groups()
    )
    # Its smallest type has 13 points: on a slide of 960×540 points it must keep 12.
    assert max(width / 960, height / 540) <= 13 / 12


def test_wires_have_the_width_and_colour_of_the_norm():
    loss, model = stack(12)
    scale = HeatScale(low=-8, high=0)
    read = units(loss, model)
    strokes = [LIGHT.stroke(unit.gradient, scale) for unit in read]
    drawn = [wire for wire in wires(viz.thermometer(loss, model, scale=scale).dot) if wire[2] != LIGHT.line]
    assert [wire[1:] for wire in drawn[: len(read)]] == [(s.width, s.color, s.style) for s in strokes]
    assert [wire[0] for wire in drawn[: len(read)]] == sorted(wire[0] for wire in drawn[: len(read)])
    assert strokes[0].width < strokes[-1].width


def test_places_do_not_depend_on_the_numbers():
    """Two epochs of one network lie exactly on each other."""

    def places(figure):
        return re.findall(r'(end\d+) \[label="", shape=point, style=invis, pos="([-\d.,]+)"', figure.dot)

    first, second = (viz.thermometer(*stack(9, gain=gain, seed=gain)) for gain in (1, 2))
    assert places(first) == places(second) != []
    assert first.dot != second.dot


def test_the_numbers_of_every_layer_are_printed_where_there_is_room():
    loss, model = stack(3, nn.Tanh, gain=3.0)
    text = shown(viz.thermometer(loss, model).svg())
    for unit in units(loss, model):
        assert number(unit.gradient, 2) in text
        assert number(unit.weight_gradient, 2) in text
        if unit.slope is not None:
            assert f"{unit.slope:.2f}" in text
            assert percent(unit.saturated) in text
    assert "saturated" in text
    assert "dead" not in text


def test_zero_infinite_and_missing_gradients(kind, faults):
    def network(factor):
        layer = nn.Linear(3, 2)
        with np.errstate(all="ignore"):
            return (F.relu(layer(minidl.ones(2, 3))) * factor).sum(), layer

    figure = viz.thermometer({"zero": network(0.0), "nan": network(math.nan), "inf": network(math.inf)}, title="odd")
    assert faults(figure) == []
    styles = [style for *_, style in wires(figure.dot)]
    assert "dashed" in styles
    assert "dotted" in styles
    assert "nan" in figure.text
    assert math.isnan(ratio([Unit("", (1,), 0.0), Unit("", (1,), 0.0)]))


@pytest.mark.parametrize("depth", [1, 2, 30, 59])
def test_any_depth_is_drawn_without_a_fault(depth, faults):
    figure = viz.thermometer(*stack(depth, nn.ReLU))
    assert faults(figure) == []
    assert figure.dot == viz.thermometer(*stack(depth, nn.ReLU)).dot


def test_labels_may_hold_anything(kind, faults):
    names = ['<b>"&\n\\N', "שלום", "🙂" * 50, "a" * 10_000, ""]
    figure = viz.thermometer({name: stack(2) for name in names}, title="a title " * 50)
    assert faults(figure) == []
    assert "<b>" not in figure.svg().partition("<g")[2]


def test_what_has_no_thermometer_is_told():
    loss, model = stack(2)
    with pytest.raises(GraphError, match="one number"):
        viz.thermometer(model(minidl.ones(2, 6)), model)
    with pytest.raises(GraphError, match="no layer"):
        viz.thermometer((minidl.ones(2, 2, requires_grad=True) * 2).sum())
    with pytest.raises(GraphError, match="belongs to the model"):
        viz.thermometer(loss, nn.Linear(2, 2))
    with pytest.raises(GraphError, match="at most 60"):
        viz.thermometer(*stack(61))
    with pytest.raises(UsageError, match="named_parameters"):
        viz.thermometer(loss, "model")
    with pytest.raises(UsageError, match="got 0"):
        viz.thermometer({})
    with pytest.raises(UsageError, match="must be a loss"):
        viz.thermometer({"a": 3.0})


def test_words_for_shares():
    assert [percent(share) for share in (0.0, 1e-9, 0.5, 1 - 1e-9, 1.0)] == ["0 %", "<1 %", "50 %", ">99 %", "100 %"]
    said = describe("x", [Unit("", (1,), 1e-3, dead=0.4), Unit("", (1,), 1.0, saturated=0.83)])
    assert "dead units in 1 layer, most in layer 1 (40 %)" in said
    assert "most in layer 2 (83 %)" in said
