"""The diagram of a network's passes: what it says, that it never moves, that both engines draw it."""

from __future__ import annotations

import re
import shutil
from xml.etree import ElementTree

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import GraphError
from minidl.models import LeNet, LeNet5
from minidl.nn import functional as F
from viz.drawing import engine
from viz.drawing.canvas import SLIDE, TEXT
from viz.passes.draw import SCALE, draw_passes, size_text
from viz.passes.fold import fold
from viz.passes.layout import plan


def lenet_loss(model: nn.Module, seed: int = 0, batch: int = 5) -> minidl.Tensor:
    generator = np.random.default_rng(seed)
    images = minidl.tensor(generator.random((batch, 1, 8, 8), dtype=np.float32))
    return F.cross_entropy(model(images), minidl.tensor(generator.integers(0, 10, batch)))


class Residual(nn.Module):
    """A skip over two layers, an activation used three times, and functions beside modules."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.relu = nn.ReLU()
        self.a = nn.Conv2d(4, 4, 3, padding=1)
        self.fc = nn.Linear(4, 10)

    def forward(self, x: minidl.Tensor) -> minidl.Tensor:
        x = self.relu(self.conv1(x))
        x = self.relu(x + self.relu(self.a(x)))
        return self.fc(minidl.flatten(F.avg_pool2d(x, 8), 1))


def test_a_stage_for_each_leaf_module_and_one_for_the_loss() -> None:
    model = LeNet()
    passes = fold(lenet_loss(model), model)
    names = [stage.name for stage in passes.stages]
    assert names == ["input", "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten", "fc", "loss"]
    assert [stage.layer.text for stage in passes.stages][1:5] == ["conv 3×3", "ReLU", "max pool 2×2", "conv 3×3"]
    assert [link.shape for link in passes.links][:4] == [(5, 1, 8, 8), (5, 16, 8, 8), (5, 16, 8, 8), (5, 16, 4, 4)]
    assert sum(stage.count for stage in passes.stages) == 6090
    assert passes.batch == 5


def test_the_norms_are_those_of_the_gradients() -> None:
    model = LeNet()
    loss = lenet_loss(model)
    passes = fold(loss, model)
    loss.backward()
    for stage in passes.stages:
        for weight in stage.weights:
            gradient = getattr(getattr(model, stage.name), weight.name).grad
            assert weight.norm == pytest.approx(np.linalg.norm(gradient.data), rel=1e-5)

    activation = minidl.tensor(np.random.default_rng(1).random((3, 6)), dtype=minidl.float64, requires_grad=True)
    head = nn.Sequential(nn.Tanh(), nn.Linear(6, 2))
    for parameter in head.parameters():
        parameter.data = parameter.data.astype(np.float64)
    labels = minidl.tensor([0, 1, 1])
    folded = fold(F.cross_entropy(head(activation), labels), head)
    hidden = minidl.tensor(np.tanh(activation.data), requires_grad=True)
    (into_linear,) = minidl.grad(F.cross_entropy(head[1](hidden), labels), [hidden])
    into_tanh = into_linear.data * (1 - hidden.data**2)
    assert [link.norm for link in folded.links][:2] == pytest.approx(
        [np.linalg.norm(into_tanh), np.linalg.norm(into_linear.data)]
    )


def test_where_a_value_fans_out_each_way_back_has_its_own_norm() -> None:
    model = Residual()
    generator = np.random.default_rng(0)
    images = minidl.tensor(generator.random((2, 1, 8, 8), dtype=np.float32))
    passes = fold(F.cross_entropy(model(images), minidl.tensor([1, 2])), model)
    assert [stage.name for stage in passes.stages].count("relu") == 3
    assert all(link.source < link.target for link in passes.links)
    add = next(i for i, stage in enumerate(passes.stages) if stage.name == "add")
    into_add = [link for link in passes.links if link.target == add]
    out_of_add = next(link for link in passes.links if link.source == add)
    assert len(into_add) == 2
    assert all(link.norm == pytest.approx(out_of_add.norm) for link in into_add)  # an addition passes its gradient on
    fanned = [link.norm for link in passes.links if link.source == into_add[0].source]
    assert len(fanned) == 2
    assert fanned[0] != pytest.approx(fanned[1])
    draw_passes(F.cross_entropy(model(images), minidl.tensor([1, 2])), model).svg()


def places(dot: str) -> list[tuple[str, str]]:
    """The name and place of everything that must not move: the paper, the slabs and the texts."""
    return re.findall(r'^  (paper|stage\d+|text\d+) .*pos="([-\d.,]+)"', dot, flags=re.MULTILINE)


@pytest.mark.parametrize("kind", [LeNet, Residual])
def test_nothing_moves_from_frame_to_frame(kind: type[nn.Module]) -> None:
    figures = []
    for seed, factor in ((0, 1.0), (1, 1e-3), (2, 30.0)):
        model = kind()
        for parameter in model.parameters():
            parameter.data = parameter.data * np.float32(factor)
        figures.append(draw_passes(lenet_loss(model, seed), model, caption=f"epoch {seed}"))
    assert len({figure.dot for figure in figures}) == 3
    assert len(places(figures[0].dot)) > 25
    assert places(figures[0].dot) == places(figures[1].dot) == places(figures[2].dot)
    sizes = {re.search(r'<svg width="(\d+)pt" height="(\d+)pt"', figure.svg()).groups() for figure in figures}  # type: ignore[union-attr]
    assert len(sizes) == 1


@pytest.mark.parametrize(("model", "side", "rows"), [(LeNet(), 8, 1), (LeNet5(), 28, 2)])
def test_text_is_at_least_12_points_and_lenet_fits_a_slide(model: nn.Module, side: int, rows: int) -> None:
    images = minidl.tensor(np.random.default_rng(0).random((2, 1, side, side), dtype=np.float32))
    loss = F.cross_entropy(model(images), minidl.tensor([3, 4]))
    places = plan(fold(loss, model))
    assert len({box.y for box in places.boxes}) == rows
    assert TEXT * min(SLIDE[0] / places.width, SLIDE[1] / places.height) > 11.9
    for box in places.boxes:
        assert 0 < box.left < box.right < places.width
    dot = draw_passes(loss, model).dot
    assert min(float(size) for size in re.findall(r'POINT-SIZE="([\d.]+)"', dot)) >= 12


def test_width_and_colour_are_on_one_scale() -> None:
    model = LeNet()
    for parameter in model.parameters():
        parameter.data = np.zeros_like(parameter.data)
    dead = draw_passes(lenet_loss(model), model)
    assert "style=dashed" in dead.dot  # a gradient of exactly zero
    model.fc.bias.data = np.full(10, np.nan, np.float32)
    assert "style=dotted" in draw_passes(lenet_loss(model), model).dot
    assert SCALE.position(1e-4) == 0.0
    assert SCALE.position(10) == 1.0


def test_words_for_those_who_cannot_see_it() -> None:
    model = LeNet()
    loss = lenet_loss(model)
    figure = draw_passes(loss, model, caption="epoch 3 · validation 97.1 %")
    norm = next(stage for stage in fold(loss, model).stages if stage.name == "conv1").weights[0].norm
    assert f"conv1 (conv 3×3, output 16×8×8, 160 parameters, gradient norm of weight {size_text(norm)}" in figure.text
    assert "epoch 3" in figure.title
    assert "validation 97.1 %" in figure.dot


def test_names_that_mean_something_to_xml_are_drawn_as_they_are() -> None:
    model = nn.Sequential()
    model.add_module('a<b> & "c"', nn.Linear(64, 10))
    images = minidl.tensor(np.ones((1, 64), np.float32))
    figure = draw_passes(F.cross_entropy(model(images), minidl.tensor([1])), model, caption="<&>")
    texts = [element.text for element in ElementTree.fromstring(figure.svg()).iter("{http://www.w3.org/2000/svg}text")]
    assert any(text and "a<b>" in text for text in texts)
    assert "<&>" in texts


@pytest.mark.parametrize(
    "kind", ["bundled", pytest.param("dot", marks=pytest.mark.skipif(not shutil.which("dot"), reason="no dot"))]
)
def test_both_engines_put_the_slabs_where_they_belong(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIDL_GRAPHVIZ", kind)
    if engine.engine_info().kind != kind:
        pytest.skip(f"no {kind} engine here")
    model = LeNet()
    figure = draw_passes(lenet_loss(model), model, caption="start")
    root = ElementTree.fromstring(figure.svg())
    boxes = plan(fold(lenet_loss(model), model)).boxes
    svg = "{http://www.w3.org/2000/svg}"
    slabs = [
        [tuple(map(float, point.split(","))) for point in (polygon.get("points") or "").split()]
        for polygon in root.iter(f"{svg}polygon")
        if polygon.get("stroke-width") == "1.2" and polygon.get("fill") not in ("none", "white")
    ]
    widths = [max(x for x, _ in slab) - min(x for x, _ in slab) for slab in slabs if len(slab) == 5]
    wanted = [
        box.width
        for box, stage in zip(boxes, fold(lenet_loss(model), model).stages, strict=True)
        if stage.layer.family != "loss"
    ]
    assert widths == pytest.approx(wanted, abs=1.1)


def test_what_cannot_be_drawn_is_refused() -> None:
    model = LeNet()
    with pytest.raises(GraphError, match="scalar"):
        draw_passes(model(minidl.tensor(np.ones((2, 1, 8, 8), np.float32))), model)
    with minidl.no_grad():
        loss = lenet_loss(model)
    with pytest.raises(GraphError, match="no graph"):
        draw_passes(loss, model)
