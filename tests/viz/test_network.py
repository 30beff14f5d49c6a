"""Figures of architectures: what they fold, where things stand, what they say."""

from __future__ import annotations

import functools
import itertools
import json
import re
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.models import MLP, LeNet5, UNet, resnet20
from minidl.models.googlenet import BLOCKS
from viz.architecture.blocks import compact
from viz.architecture.labels import short
from viz.architecture.network import network
from viz.architecture.survey import survey
from viz.architecture.thumbnails import Thumbnails
from viz.drawing import engine
from viz.drawing.canvas import SLIDE, fitted
from viz.drawing.figure import Figure
from viz.drawing.theme import LIGHT, THEMES
from viz.gallery.networks import EXHIBITS


def drawn(figure: Figure) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The graph and its nodes as Graphviz places them."""
    graph = json.loads(engine.render(figure.dot, "json", layout="neato"))
    return graph, graph["objects"]


Rectangle = tuple[float, float, float, float]


def box_of(node: dict[str, Any]) -> Rectangle:
    x, y = map(float, node["pos"].split(","))
    width, height = 36 * float(node["width"]), 36 * float(node["height"])
    return x - width, y - height, x + width, y + height


def letters(node: dict[str, Any]) -> Rectangle:
    """Where the letters of a line of text are: lower than the line, which has leading. A picture is where it is."""
    left, bottom, right, top = box_of(node)
    sizes = re.findall(r'POINT-SIZE="([\d.]+)"', node["label"])
    if not sizes:
        return left, bottom, right, top
    middle, half = (bottom + top) / 2, 0.46 * float(sizes[0])
    return left, middle - half, right, middle + half


def overlap(a: Rectangle, b: Rectangle) -> float:
    """How far two rectangles reach into each other, in points."""
    return min(a[2] - b[0], b[2] - a[0], a[3] - b[1], b[3] - a[1])


# Drawing -------------------------------------------------------------------------------------------------------------------


def largest_scale(figure: Figure) -> float:
    """How large the figure comes out on a slide of 960 by 540 points."""
    paper = next(node for node in drawn(figure)[1] if node["name"] == "paper")
    return min(SLIDE[0] / (72 * float(paper["width"])), SLIDE[1] / (72 * float(paper["height"])))


class Dense(nn.Module):
    """Each layer reads all before it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Conv2d(4 * k, 4, 3, padding=1) for k in (1, 2, 3)]
        for k, layer in enumerate(self.layers):
            self.add_module(f"layer{k}", layer)

    def forward(self, x: Any) -> Any:
        for layer in self._modules.values():
            x = minidl.cat([x, layer(x)], 1)
        return x


class Tangled(nn.Module):
    """Neither in series nor in parallel."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.d = (nn.Linear(4, 4) for _ in range(4))

    def forward(self, x: Any) -> Any:
        a, b = self.a(x), self.b(x)
        return self.c(a + b) + self.d(a * b)


def nested() -> nn.Module:
    def half(i: int, o: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(i, o, 3), nn.ReLU(), nn.MaxPool2d(2))

    encoder = nn.Sequential({"block one": half(1, 4), "block two": half(4, 8)})
    return nn.Sequential({"encoder": encoder, "decoder": nn.Sequential(nn.Flatten(), nn.Linear(200, 10))})


CASES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "nested": (nested, (1, 1, 28, 28), {"level": "full"}),
    "nested-down": (nested, (1, 1, 28, 28), {"direction": "TB", "title": "Down"}),
    "dense": (Dense, (1, 4, 8, 8), {"kernels": True, "activations": True}),
    "dense-down": (Dense, (1, 4, 8, 8), {"direction": "TB"}),
    "tangled": (Tangled, (1, 4), {}),
    "tangled-down": (Tangled, (1, 4), {"direction": "TB", "show": ("shapes",)}),
    "resnet-down": (resnet20, (1, 3, 32, 32), {"direction": "TB"}),
    "inception-full": (lambda: nn.Inception(*BLOCKS["inception3a"]), (1, 192, 28, 28), {"level": "full"}),
    "vectors": (
        lambda: nn.Sequential(nn.Linear(784, 300), nn.Sigmoid(), nn.Linear(300, 10)),
        (1, 784),
        {"level": "full"},
    ),
    "one": (lambda: nn.Linear(3, 2), (3,), {"show": ()}),
    "mlp": (MLP, (1, 1, 8, 8), {"level": "full", "title": "A perceptron"}),
}


NAMES = [*CASES, *(exhibit.name for exhibit in EXHIBITS if "vgg" not in exhibit.name)]


@functools.cache
def figure_named(name: str) -> Figure:
    if name in CASES:
        make, given, options = CASES[name]
        return network(make(), given, **options)
    figure = next(exhibit for exhibit in EXHIBITS if exhibit.name == name).make(THEMES["light"])
    assert isinstance(figure, Figure)
    return figure


@pytest.mark.parametrize("name", NAMES)
def test_nothing_overlaps_and_all_is_on_the_paper(kind: str, name: str) -> None:
    if engine.engine_info().kind != kind:
        pytest.skip(f"no {kind} engine here")
    figure = figure_named(name)
    _, remarks = engine.render_with_warnings(figure.dot, "svg", layout="neato")
    assert not remarks
    _, nodes = drawn(figure)
    paper = next(node for node in nodes if node["name"] == "paper")
    left, bottom, right, top = box_of(paper)
    boxes = [node for node in nodes if node["name"].startswith("stage")]
    texts = [node for node in nodes if node["name"].startswith("text")]
    pictures = [node for node in nodes if node["name"].startswith("picture")]
    assert len(boxes) > 1
    assert len(texts) > len(boxes)
    for node in (*boxes, *texts, *pictures):
        a, b, c, d = box_of(node)
        assert a >= left - 0.5
        assert b >= bottom - 0.5
        assert c <= right + 0.5
        assert d <= top + 0.5
    for one, other in itertools.combinations(boxes, 2):
        assert overlap(box_of(one), box_of(other)) < -8, (one["name"], other["name"])
    for one, other in itertools.combinations([*texts, *pictures], 2):
        assert overlap(letters(one), letters(other)) < -0.5, (one["label"], other["label"])


@pytest.mark.parametrize("name", NAMES)
def test_on_a_slide_no_text_is_smaller_than_12_points(name: str) -> None:
    figure = figure_named(name)
    smallest = min(float(size) for size in re.findall(r'POINT-SIZE="([\d.]+)"', figure.dot))
    assert smallest * min(1.0, largest_scale(figure)) >= 12


def test_wires_of_skips_pass_over_the_labels(kind: str) -> None:
    if engine.engine_info().kind != kind:
        pytest.skip(f"no {kind} engine here")
    graph, nodes = drawn(network(UNet(), (1, 1, 64, 64), show=("shapes", "parameters")))
    texts = [box_of(node) for node in nodes if node["name"].startswith("text")]
    over = 0
    for edge in graph["edges"]:
        points = [tuple(map(float, part.split(","))) for part in edge["pos"].removeprefix("e,").split()[1:]]
        for (x1, y1), (x2, y2) in itertools.pairwise(points):
            over += y1 == y2 and abs(x2 - x1) > 100
            for left, bottom, right, top in texts:
                across = y1 == y2 and bottom + 3 < y1 < top - 3 and min(x1, x2) < right - 1 and max(x1, x2) > left + 1
                along = x1 == x2 and left + 1 < x1 < right - 1 and min(y1, y2) < top - 3 and max(y1, y2) > bottom + 3
                assert not across
                assert not along
    assert over >= 2  # the two skips


def test_slabs_are_as_high_as_their_images() -> None:
    _, nodes = drawn(network(LeNet5(), (1, 1, 28, 28)))
    heights = {node["name"]: 72 * float(node["height"]) for node in nodes}
    widths = {node["name"]: 72 * float(node["width"]) for node in nodes}
    image, half, vector = heights["stage1"], heights["stage2"], heights["stage7"]
    assert heights["stage0"] == image
    assert (half - vector) / (image - vector) == pytest.approx(13 / 27, abs=0.01)
    assert widths["stage1"] < widths["stage3"] < widths["stage6"] < widths["stage5"]


def test_places_depend_on_the_architecture_alone() -> None:
    first, second = (network(LeNet5(), (1, 1, 28, 28)).dot for _ in range(2))
    assert first == second
    again = [network(resnet20(), (2, 3, 32, 32), level="full").svg() for _ in range(2)]
    assert again[0] == again[1]
    sideways = network(LeNet5(), (1, 1, 28, 28), activations=True)
    assert sideways.dot != first


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_draws_in_its_own_colours(theme: str) -> None:
    figure = network(nested(), (1, 1, 28, 28), theme=theme)
    assert THEMES[theme].family_fills["conv"] in figure.dot
    assert THEMES[theme].cluster_fills[0] in figure.dot
    assert f'bgcolor="{THEMES[theme].paper}"' in figure.dot
    figure.svg()


def test_what_is_shown_can_be_chosen() -> None:
    everything = network(LeNet5(), (1, 1, 28, 28)).dot
    for word in ("receptive field", "multiply-adds", "parameters", "6@28×28", "14×14", "48 120", "118 k"):
        assert word in everything
    only = network(LeNet5(), (1, 1, 28, 28), show=("shapes",)).dot
    assert "6@28×28" in only
    assert "48 120" not in only
    assert ">receptive field<" not in only
    vectors = network(MLP(), (1, 1, 8, 8)).dot
    assert "receptive field" not in vectors  # there is none to show


def test_names_that_mean_something_to_markup_are_drawn_as_they_are(kind: str) -> None:
    if engine.engine_info().kind != kind:
        pytest.skip(f"no {kind} engine here")
    model = nn.Sequential()
    for name, layer in (('a<b> & "c"\n', nn.Linear(4, 4)), ("שלום", nn.Tanh()), ("x" * 10_000, nn.Linear(4, 2))):
        model.add_module(name, layer)
    model.add_module("📦]", nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 3)))
    figure = network(model, (1, 4), level="full", title="<&>")
    assert "a&lt;b&gt;" in figure.svg()
    assert len(figure.svg()) < 60_000
    assert fitted("x" * 500, 60, 13) == "xxxx…xxx"


def test_numbers_that_are_none_are_drawn() -> None:
    model: Any = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
    model[0].weight.data[0, 0, 0] = np.nan
    model[0].weight.data[1] = np.inf
    figure = network(model, np.ones((1, 1, 6, 6), np.float32), activations=True, kernels=True)
    assert "feature maps" in figure.dot
    figure.svg()


def test_pictures_are_averages_on_one_scale() -> None:
    model: Any = nn.Sequential(nn.Conv2d(1, 5, 3, bias=False))
    model[0].weight.data = np.zeros((5, 1, 3, 3), np.float32)
    model[0].weight.data[:, 0, 1, 1] = [1, 2, -4, 0, 9]
    image = np.zeros((2, 1, 42, 42), np.float32)
    image[0, 0, 1:3, 1:3] = 1.0
    image[1] = 77.0
    blocks = compact(survey(model, image))
    pictures = Thumbnails(blocks, activations=True, kernels=True, has_batch=True)
    assert pictures.headings == ["feature maps", "kernels"]
    (_, maps), (_, kernels) = pictures.rows
    assert len(maps[1].images) == 4  # the fifth is not shown
    assert maps[1].images[0].shape == (16, 16)
    assert maps[0].scale.limit == pytest.approx(1 * 4 / 9)  # the first example's four pixels, averaged in a cell of 3×3
    assert maps[1].images[1].max() == pytest.approx(2 * maps[1].images[0].max())
    assert (kernels[1].scale.limit, kernels[1].words) == (4.0, "−4 … 4")
    drawn = network(model, image, kernels=True).dot
    assert drawn.count(f'BGCOLOR="{LIGHT.negative[1]}"') == 1  # −4, and of the same colours blue for 2
    assert drawn.count(f'BGCOLOR="{LIGHT.positive[0]}"') == 1


def test_words_for_those_who_cannot_see_it() -> None:
    figure = network(LeNet5(), (1, 1, 28, 28))
    assert figure.title == "Architecture of LeNet5"
    assert "conv2    conv 5×5      16@10×10       2 416" in figure.text
    assert len(figure.steps) == 8
    assert figure.steps[3] == "conv 5×5 (ReLU), output 16@10×10, 2 416 parameters, 240 k multiply-adds"
    assert network(LeNet5(), (1, 1, 28, 28), title="Mine").title == "Mine"


def test_short_numbers() -> None:
    assert [short(n) for n in (0, 99_999, 100_000, 999_499, 999_500, 15_470_264_320)] == [
        "0", "99 999", "100 k", "999 k", "1.00 M", "15.5 G",
    ]  # fmt: skip


def test_a_block_with_a_projection_has_its_branch_beside_it() -> None:
    _, nodes = drawn(network(nn.BasicBlock(16, 32, 2, norm=nn.Identity), (1, 16, 32, 32), level="full"))
    places = {node["name"]: tuple(map(float, node["pos"].split(","))) for node in nodes}
    main = [places[f"stage{i}"][1] for i in (0, 1, 2, 3, 5, 6)]
    assert len(set(main)) == 1
    assert places["stage4"][1] < main[0]


def test_a_network_too_deep_for_a_slide_is_folded_and_the_figure_says_so() -> None:
    figure = network(resnet20(), (1, 3, 32, 32), level="full")
    note = "folded to stay readable: 70 layers and operations in 6 boxes"
    assert note in figure.text
    assert note in figure.dot
    layers = [layer for width in range(20, 100) for layer in (nn.Linear(width, width + 1), nn.Tanh())]
    figure = network(nn.Sequential(*layers), (1, 20))
    assert "folded to stay readable: 160 layers and operations in" in figure.dot
    assert "335 480 parameters" in figure.dot
    assert "⋯" in figure.dot
    assert largest_scale(figure) * 13 >= 12

    class Wide(nn.Module):
        """Sixty blocks, all different, none of them a module of its own."""

        def __init__(self) -> None:
            super().__init__()
            for k in range(60):
                self.add_module(f"layer{k}", nn.Linear(4 + k, 5 + k))
                self.add_module(f"skip{k}", nn.Linear(4 + k, 5 + k))

        def forward(self, x: Any) -> Any:
            for k in range(60):
                x = self._modules[f"layer{k}"](x) + self._modules[f"skip{k}"](x)
            return x

    figure = network(Wide(), (1, 4))
    assert "folded to stay readable: 180 layers and operations in" in figure.dot
    assert largest_scale(figure) * 13 >= 12
    assert "folded" not in network(LeNet5(), (1, 1, 28, 28), level="full").text
