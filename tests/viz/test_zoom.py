"""One graph at three zooms: folded by module, operation by operation, number by number."""

import html
import re

import numpy as np
import pytest

import minidl
import viz
from minidl import nn
from minidl.autodiff import gradients
from minidl.errors import GraphError, UsageError
from viz.circuit.zoom import LARGEST, MOST
from viz.drawing import engine


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.a = nn.Linear(width, width)
        self.r = nn.ReLU()
        self.b = nn.Linear(width, width)

    def forward(self, x):
        return x + self.b(self.r(self.a(x)))


class Net(nn.Module):
    def __init__(self, blocks=3):
        super().__init__()
        self.stem = nn.Linear(3, 8)
        self.blocks = nn.Sequential(*(Block(8) for _ in range(blocks)))
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x)))


def loss_of(model, rows=4):
    x = minidl.tensor(np.random.default_rng(0).normal(size=(rows, 3)).astype("f4"), name="x")
    return nn.functional.cross_entropy(model(x), minidl.tensor([0, 1] * (rows // 2))).named("L")


def leaf(data, name):
    return minidl.tensor(data, dtype=minidl.float64, requires_grad=True, name=name)


def affine():
    W, x, b = leaf([[1.0, 2.0], [3.0, -1.0]], "W"), leaf([1.0, -1.0], "x"), leaf([0.5, -2.0], "b")
    u = (W @ x).named("u")
    return minidl.squared_norm((u + b).named("v")).named("z")


def words(dot):
    return html.unescape(re.sub(r"<[^>]+>", " ", dot))


def boxes(figure):
    """The texts on folded boxes, from the alternative text."""
    return re.findall(r"(?:^|; )([^;=]*?parameters)", figure.text)


def test_a_network_folds_into_its_modules():
    figure = viz.draw(loss_of(Net()), level="module")
    assert boxes(figure) == [
        "linear (stem), 32 parameters",
        "blocks (linear · ReLU · linear …), 432 parameters",
        "linear (head), 18 parameters",
    ]
    assert "W_1" not in figure.dot
    assert "432 parameters" in words(figure.dot).replace("\u2009", " ")


def test_alike_blocks_in_a_row_are_one_box_with_their_number():
    figure = viz.draw(loss_of(Net(5)), level="module", expand=["blocks"])
    assert "blocks.0 … 4 (linear · ReLU · linear …) × 5, 720 parameters" in figure.text
    assert "× 5" in words(figure.dot)
    assert "cluster_blocks" in figure.dot


def test_blocks_that_differ_are_not_counted_as_one():
    model = nn.Sequential(nn.Linear(3, 8), nn.Linear(8, 8), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))
    figure = viz.draw(loss_of(model), level="module")
    assert [box.split(" (")[0] for box in boxes(figure)] == ["linear", "linear", "linear"]
    assert "(1 … 2) × 2, 144 parameters" in figure.text


def test_an_opened_module_shows_what_is_inside():
    figure = viz.draw(loss_of(Net(1)), level="module", expand=["blocks", "blocks.0"])
    assert re.findall(r"linear \(([\w.]+)\)", figure.text) == ["stem", "blocks.0.a", "blocks.0.b", "head"]
    assert {"cluster_blocks", '"cluster_blocks.0"'} <= set(re.findall(r"subgraph (\S+) {", figure.dot))


def test_one_module_can_be_closed_among_operations():
    figure = viz.draw(loss_of(Net()), collapse=["blocks"])
    assert len(boxes(figure)) == 1
    assert "W" in figure.text


def test_a_module_called_twice_makes_no_cycle():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.f = nn.Linear(3, 3)
            self.g = nn.Linear(3, 3)
            self.head = nn.Linear(3, 2)

        def forward(self, x):
            return self.head(self.f(self.g(self.f(x))))

    figure = viz.draw(loss_of(Twice()), level="module")
    assert boxes(figure)[:2] == ["linear (f … g) × 2, 24 parameters", "linear (f), 12 parameters"]
    assert engine.render_with_warnings(figure.dot, "svg")[1] == []


@pytest.mark.parametrize(
    "options", [{"level": "module"}, {"level": "module", "expand": ["blocks"]}, {"collapse": ["stem"]}]
)
@pytest.mark.parametrize("direction", ["LR", "TB"])
@pytest.mark.parametrize("theme", ["light", "dark", "print", "colorblind"])
def test_every_zoom_is_drawn_without_a_remark(options, direction, theme, kind):
    figure = viz.draw(loss_of(Net()), direction=direction, theme=theme, heat=True, **options)
    assert engine.render_with_warnings(figure.dot, "svg")[1] == []


def test_a_linear_map_unfolds_into_its_multiplications_and_additions():
    root = affine()
    figure = viz.draw(root, expand=["u"])
    gates = re.findall(r"^\s+o\d+ \[.*?label=<(.*?)>, width", figure.dot, re.MULTILINE)
    symbols = [re.sub(r"<[^>]+>", "", gate) for gate in gates]
    assert symbols.count("×") == 4
    assert symbols.count("+") == 3
    assert 'subgraph "cluster_=u"' in figure.dot
    assert "‖·‖" in words(figure.dot)


def test_unfolded_numbers_are_those_of_the_whole():
    root = affine()
    found = gradients(root)
    text = viz.draw(root, level="scalar").text
    W = next(node for node in found if node.name == "W")
    for i in range(2):
        for j in range(2):
            value, gradient = (f"{int(a[i, j])}".replace("-", "−") for a in (W.data, found[W]))
            assert f"W_{i + 1}{j + 1} = {value} with gradient {gradient}".replace("W_", "W") in text.replace(
                "₁", "1"
            ).replace("₂", "2").replace("W_", "W")
    assert "z = 4.25 with gradient 1" in text


def test_a_value_or_a_module_that_is_not_there_is_named():
    root = affine()
    with pytest.raises(
        UsageError, match=r"expand: nothing computed in this figure is called 'q'; there are 'u', 'v', 'z'"
    ):
        viz.draw(root, expand=["q"])
    with pytest.raises(UsageError, match="collapse takes paths of modules; u is a value"):
        viz.draw(root, collapse=["u"])
    with pytest.raises(UsageError, match=r"expand takes a list, such as expand=\['u'\]"):
        viz.draw(root, expand="u")
    with pytest.raises(UsageError, match="the levels are module, operation, scalar"):
        viz.draw(root, level="atoms")
    with pytest.raises(UsageError, match="no direction 'up'"):
        viz.draw(root, direction="up")


def chain(length):
    value = minidl.scalar(1.0, name="x")
    for _ in range(length):
        value = value * 1.001
    return value.named("f")


def test_a_large_graph_folds_by_itself_and_says_what_it_folded():
    assert "folded" not in viz.draw(chain(MOST)).text
    figure = viz.draw(chain(MOST + 1))
    assert "500 operations are folded into" in figure.text.replace("\u2009", "")
    assert figure.dot.count("operation") < 100
    deep = viz.draw(loss_of(nn.Sequential(*(Block(3) for _ in range(80)), nn.Linear(3, 2))))
    assert "modules; expand=[…] opens one" in deep.text
    assert "× 80" in deep.text


def test_a_graph_no_engine_could_draw_is_refused():
    with pytest.raises(GraphError, match="more than a figure can show"):
        viz.draw(chain(LARGEST + 1), level="operation")


def test_symbols_stand_in_front_of_the_numbers_or_in_their_place():
    x, y = minidl.scalar(2.0, name="x"), minidl.scalar(3.0, name="y")
    f = (x + y).named("f")
    both, only = (words(viz.draw(f, symbols=symbols).dot) for symbols in (True, "only"))
    assert re.search(r"x\s+\+\s+y\s+=\s+5", both)
    assert re.search(r"∂\s*f\s*/∂\s*x\s+=\s+1", both)
    assert re.search(r"∂\s*f\s*/∂\s*x", only)
    assert not re.search(r"=\s+5", only)


def test_shapes_and_types_are_written_on_request():
    dot = words(viz.draw(affine(), shapes=True).dot)
    assert "2×2 · float64" in dot
    assert "scalar · float64" in dot


def test_heat_shows_the_size_of_a_gradient_by_width():
    x = minidl.scalar(0.0, name="x")
    dot = viz.draw((x.sigmoid().sigmoid() * 1e-3).named("f"), heat=True).dot
    widths = [float(w) for w in re.findall(r"v\d+:e -> \S+ \[.*?penwidth=([\d.]+)", dot)]
    assert widths == sorted(widths)
    assert widths[-1] > widths[0]


def test_units_that_pass_nothing_back_are_counted():
    v = leaf([-1.0, -2.0, 3.0, -4.0], "v")
    assert "75\u2009% dead" in viz.draw(minidl.relu(v).named("h").sum()).dot
    w = leaf([-9.0, 0.0, 0.5, 9.0], "w")
    assert "50\u2009% saturated" in viz.draw(minidl.sigmoid(w).named("h").sum()).dot
    almost = leaf([1.0] + [-1.0] * 299, "v")
    assert "&gt;99\u2009% dead" in viz.draw(minidl.relu(almost).named("h").sum()).dot  # one unit is alive
    assert "saturated" not in viz.draw(minidl.sigmoid(leaf([0.1, 0.2], "w")).named("h").sum()).dot


def test_larger_arrays_are_heat_maps_with_their_shape():
    W, x = leaf(np.linspace(-1, 1, 64).reshape(8, 8), "W"), leaf(np.ones(8), "x")
    figure = viz.draw((W @ x).sum().named("s"))
    assert figure.dot.count("BGCOLOR") > 64
    assert "ℝ<SUP>" in figure.dot


def test_rounding_noise_beside_large_numbers_is_printed_as_nothing():
    v = leaf([1.0, -2e-17], "v")
    assert "10<SUP>" not in viz.draw((v * 1.0).sum().named("s"), grads=False).dot
    assert "10<SUP>" in viz.draw((leaf(-2e-17, "x") * 1.0).named("s"), grads=False).dot


def test_no_note_speaks_of_a_value_that_has_no_name_in_the_figure():
    s = leaf([1.0, 2.0, -1.0], "s")
    dot = viz.draw(minidl.softmax(s, 0).named("p"), level="scalar", grads=False).dot
    assert dot.count(">exp<") == 3
    assert "= 2.718" not in words(dot)
    squares = viz.draw(minidl.squared_norm(leaf([1.0, 3.0], "v")).named("z"), level="scalar").dot
    assert re.search(r"2\s*v\s+2\s+= 6", words(squares))
