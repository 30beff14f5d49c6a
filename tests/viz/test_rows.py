"""Unfolded circuits stand in the rows of their formula: nothing meets, lines cross only where they must."""

import re
import time
from functools import partial
from itertools import combinations, pairwise

import numpy as np
import pytest

import minidl
import viz
from minidl import nn
from minidl.nn import functional as F
from viz.circuit.by_rows import MOST
from viz.drawing import engine
from viz.drawing.geometry import Path

from .geometry import bounds, crossing, faults, meeting, outline


def leaf(data, name):
    return minidl.tensor(data, dtype=minidl.float64, requires_grad=True, name=name)


def affine(rows, columns):
    numbers = np.resize([1.0, -2.0, 0.5, 3.0, 1.0], rows * columns).reshape(rows, columns)
    W, x = leaf(numbers, "W"), leaf(np.resize([2.0, 1.0, -1.0], columns), "x")
    b = leaf(np.resize([1.0, -3.0], rows), "b")
    return minidl.squared_norm(((W @ x).named("u") + b).named("v")).named("z")


def neuron():
    w, x = leaf([2.0, -3.0], "w"), leaf([-1.0, -2.0], "x")
    return minidl.sigmoid(w @ x + minidl.scalar(-3.0, name="b")).named("a")


def softmax():
    return F.softmax(leaf([1.0, 2.0, -1.0], "s"), -1).named("p")


def entropy():
    return F.cross_entropy(leaf([[1.0, 2.0, -1.0]], "s"), minidl.tensor([1])).named("L")


def perceptron():
    W, V = leaf([[1.0, -2.0], [0.5, 1.0]], "W_1"), leaf([[1.0, -1.5]], "W_2")
    x, b, c = leaf([2.0, 1.0], "x"), leaf([0.5, -1.0], "b_1"), leaf([0.25], "b_2")
    h = minidl.tanh((W @ x + b).named("u")).named("h")
    return minidl.squared_norm((V @ h + c).named("y") - minidl.tensor([1.0])).named("L")


def convolution(whole=False):
    X, K = leaf(np.arange(9.0).reshape(1, 1, 3, 3), "X"), leaf([[[[-1.0, 0.0], [1.0, 2.0]]]], "K")
    Y = F.conv2d(X, K).named("Y")
    return Y.sum().named("s") if whole else Y[0, 0, 0, 0].named("y")


def reuse():
    x = leaf([1.0, -2.0], "x")
    return (x * x + minidl.sin(x)).sum().named("f")


def recurrent():
    W, U, b = leaf([[1.0, -1.0], [0.5, 2.0]], "W"), leaf([[0.5, 1.0], [-1.0, 1.0]], "U"), leaf([0.1, -0.2], "b")
    x, h = leaf([1.0, 2.0], "x"), leaf([0.5, -0.5], "h")
    return minidl.tanh((W @ x).named("u") + (U @ h).named("r") + b).named("s").sum().named("f")


def residual():
    W, x = leaf([[1.0, -1.0], [0.5, 2.0]], "W"), leaf([1.0, 2.0], "x")
    return minidl.squared_norm(x + minidl.relu(W @ x)).named("L")


def normalized():
    return (F.layer_norm(leaf([1.0, 2.0, 4.0], "x"), (3,)) * leaf([1.0, 2.0, 3.0], "g")).sum().named("f")


def attention():
    q, K, V = leaf([[1.0, 0.0]], "q"), leaf([[1.0, 2.0], [0.0, 1.0]], "K"), leaf([[1.0, 2.0], [3.0, 4.0]], "V")
    return (F.softmax(q @ K.T, -1) @ V).sum().named("f")


def strange():
    a, b = leaf([1e-12, -2.0], "α"), leaf([np.inf, np.nan], 'a <"long"> name & more of it')
    return (a * b).sum().named("f")


SMALL = [
    pytest.param(partial(affine, 2, 2), id="affine22"),
    pytest.param(partial(affine, 2, 3), id="affine23"),
    pytest.param(partial(affine, 3, 2), id="affine32"),
    neuron, convolution, reuse,
]  # fmt: skip
GRAPHS = [
    *SMALL, entropy, perceptron, recurrent, residual, normalized, attention, strange,
    pytest.param(partial(convolution, whole=True), id="convolution33"),
]  # fmt: skip


def scalar(make, **options):
    figure = viz.draw(make(), level="scalar", **options)
    assert "layout=nop2" in figure.dot
    return figure


def strokes(geometry, kind="edge"):
    """The lines of each edge, as pairs of points, without its head."""
    for part in geometry.parts:
        if part.kind == kind:
            lines = [mark for mark in part.marks if isinstance(mark, Path) and mark.kind == "curve"]
            yield part.name, [segment for mark in lines for segment in pairwise(outline(mark))]


def frames_of(geometry):
    """The box of each frame."""
    return {
        part.name.removeprefix("cluster_="): bounds(mark.points)
        for part in geometry.parts
        if part.kind == "cluster"
        for mark in part.marks
        if isinstance(mark, Path) and mark.fill
    }


def meet(first, second):
    """Which pieces of one line cross which of the other, their ends not counted: (pieces, pieces)."""
    a, b = first[:, None, 0], first[:, None, 1]
    c, d = second[None, :, 0], second[None, :, 1]

    def side(p, q, r):
        (px, py), (qx, qy), (rx, ry) = (np.moveaxis(at, -1, 0) for at in (p, q, r))
        return (qx - px) * (ry - py) - (qy - py) * (rx - px)

    return (side(a, b, c) * side(a, b, d) < -1e-6) & (side(c, d, a) * side(c, d, b) < -1e-6)


def crossings(figure):
    """The pairs of edges that cross, and where."""
    lines = [(name, np.array(segments)) for name, segments in strokes(figure.geometry())]
    for (one, first), (other, second) in combinations(lines, 2):
        places = first[meet(first, second).any(1), 0]
        if len(places):
            yield (one, other), places


@pytest.mark.parametrize("make", GRAPHS)
@pytest.mark.parametrize(
    "options", [{}, {"symbols": True, "theme": "print"}, {"heat": True, "local": True, "theme": "dark"}]
)
def test_an_eye_objects_to_nothing(make, options, kind):
    figure = scalar(make, **options)
    assert engine.render_with_warnings(figure.dot, "svg")[1] == []
    assert faults(figure) == []
    assert meeting(figure.geometry()) == []


def test_values_without_gradients_are_set_alike(kind):
    figure = scalar(softmax, grads=False)
    assert faults(figure) == []
    assert meeting(figure.geometry()) == []


@pytest.mark.parametrize("make", GRAPHS)
def test_no_line_runs_through_what_it_does_not_belong_to(make):
    geometry = scalar(make).geometry()
    for name, segments in strokes(geometry):
        joined = set(name.split("->"))
        ends = np.array([(*start, *end) for start, end in segments]).T
        for node, box in geometry.nodes.items():
            if node not in joined:
                assert not crossing(ends, box.grown(-3)).any(), (name, node)


@pytest.mark.parametrize("make", GRAPHS)
def test_what_a_gate_computes_stands_in_line_with_it(make):
    for name, segments in strokes(scalar(make).geometry()):
        if name.startswith("o"):
            assert len({round(y, 1) for segment in segments for _, y in segment}) == 1, name


@pytest.mark.parametrize("make", GRAPHS)
def test_frames_hold_their_gates_and_stand_apart(make):
    figure = scalar(make)
    geometry = figure.geometry()
    frames = frames_of(geometry)
    assert frames
    for a, b in combinations(frames.values(), 2):
        assert a.overlap(b) is None
    depth: list[str] = []
    for line in figure.dot.splitlines():
        if opened := re.match(r'\s*subgraph "cluster_=(.*)" \{', line):
            depth.append(opened[1])
        elif line.strip() == "}" and depth:
            depth.pop()
        elif node := re.match(r"\s*([voc][\d_]+) \[", line):
            box = geometry.nodes[node[1]]
            for name, frame in frames.items():
                assert frame.holds(box) if depth == [name] else frame.overlap(box) is None, (node[1], name)


@pytest.mark.parametrize("make", SMALL)
def test_small_examples_fit_a_slide(make, kind):
    page = scalar(make).geometry().page
    assert page.width <= 960
    assert page.height <= 540


@pytest.mark.parametrize(("rows", "columns"), [(2, 2), (2, 3), (3, 2), (4, 4)])
def test_the_lines_of_a_product_cross_only_where_its_vector_fans_out(rows, columns):
    figure = scalar(partial(affine, rows, columns))
    geometry = figure.geometry()
    names = dict(re.findall(r"^\s*(v\d+) \[.*?<I>(\w)</I>", figure.dot, re.MULTILINE))
    given = {key for key, name in names.items() if name == "x"}
    weights = [box.left for key, box in geometry.nodes.items() if names.get(key) == "W"]
    for (one, other), places in crossings(figure):
        assert {one.split("->")[0], other.split("->")[0]} <= given
        assert all(x < min(weights) for x, _ in places)


def test_rows_follow_the_formula():
    figure = scalar(partial(affine, 2, 3))
    nodes = figure.geometry().nodes
    names = dict(re.findall(r"(v\d+) \[[^\n]*?<I>W</I><SUB>[^\n]*?(\d\d)<", figure.dot))
    heights = {name: nodes[key].center[1] for key, name in names.items()}
    order = ["11", "12", "13", "21", "22", "23"]
    assert sorted(heights, key=lambda name: -heights[name]) == order
    steps = [heights[a] - heights[b] for a, b in pairwise(order)]
    assert max(steps) - min(steps) <= 20


def test_a_gate_stands_at_the_mean_of_its_inputs():
    geometry = scalar(partial(affine, 2, 2)).geometry()
    ends: dict[str, list[float]] = {}
    for name, segments in strokes(geometry):
        tail, head = name.split("->")
        if head.startswith("o") and tail.startswith("v"):
            level = [a[1] for a, b in segments if a[1] == b[1]]
            ends.setdefault(head, []).append(level[-1])
    pairs = {gate: ys for gate, ys in ends.items() if len(ys) == 2}
    assert len(pairs) == 9
    for gate, ys in pairs.items():
        assert geometry.nodes[gate].center[1] == pytest.approx(sum(ys) / 2, abs=1)


def test_both_engines_place_alike(monkeypatch):
    places = []
    for name in ("bundled", "dot"):
        monkeypatch.setenv("MINIDL_GRAPHVIZ", name)
        try:
            nodes = scalar(partial(affine, 2, 3)).geometry().nodes
        except minidl.errors.MissingEngineError:
            pytest.skip("only one engine is installed")
        places.append({name: tuple(round(c) for c in box.center) for name, box in nodes.items()})
    assert places[0] == places[1]


@pytest.mark.parametrize(("make", "predict"), [(partial(affine, 2, 2), False), (reuse, True)])
def test_nothing_moves_in_a_deck(make, predict, kind):
    deck = viz.frames(make(), level="scalar", predict=predict)
    first = deck[0].figure.geometry()
    for frame in deck[:: max(1, len(deck) // 12)]:
        now = frame.figure.geometry()
        assert now.page == first.page, frame.step
        assert now.nodes == first.nodes, frame.step
        assert faults(frame.figure) == [], frame.step
    assert any("penwidth=2.4" in frame.figure.dot for frame in deck)


def test_one_operation_is_unfolded_among_others(kind):
    figure = viz.draw(affine(2, 2), expand=["u"])
    assert "layout=nop2" in figure.dot
    assert engine.render_with_warnings(figure.dot, "svg")[1] == []
    assert faults(figure) == []
    assert meeting(figure.geometry()) == []


def test_everything_else_is_placed_by_graphviz():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(2, 2)

        def forward(self, x):
            return self.inner(x)

    loss = minidl.squared_norm(Net()(minidl.tensor([[1.0, 2.0]])))
    assert "nop2" not in viz.draw(loss, level="module", expand=["inner"]).dot
    assert "nop2" not in viz.draw(affine(2, 2)).dot
    assert "nop2" not in viz.draw(affine(2, 2), level="scalar", direction="TB").dot


def test_two_hundred_gates_are_placed_at_once(monkeypatch):
    figure = scalar(partial(affine, 12, 12))
    assert 150 < len(re.findall(r"^\s*o\d+ \[", figure.dot, re.MULTILINE)) <= MOST
    from viz.circuit import by_rows

    seconds: list[float] = []
    place = by_rows.places

    def timed(survey):
        start = time.perf_counter()
        found = place(survey)
        seconds.append(time.perf_counter() - start)
        return found

    monkeypatch.setattr("viz.circuit.picture.places", timed)
    assert viz.draw(affine(12, 12), level="scalar").dot == figure.dot
    assert seconds[0] < 1  # some 0.03 s on an idle machine


@pytest.mark.parametrize("make", [partial(affine, 2, 2), neuron])
@pytest.mark.parametrize("level", [None, "scalar"])
def test_numbers_keep_away_from_the_rule_of_an_upright_wire(make, level, kind):
    figure = viz.draw(make(), direction="TB", level=level)
    geometry = figure.geometry()
    seen = 0
    for part in geometry.parts:
        if part.kind != "node" or not part.name.startswith("v"):
            continue
        rules = [bounds(mark.points) for mark in part.marks if isinstance(mark, Path) and mark.fill == "#54657a"]
        rule = next(box for box in rules if box.width < 2)
        for line in part.lines:
            color = line.runs[0].color
            if color in {"#1a7f45", "#c62828"}:
                seen += 1
                gap = rule.left - line.right if color == "#1a7f45" else line.left - rule.right
                assert gap >= 5, (part.name, line.text)
    assert seen > 8
