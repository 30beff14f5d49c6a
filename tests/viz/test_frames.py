"""Decks of the two passes: every step is there, every number is the engine's, and nothing moves."""

import json
import re

import numpy as np
import pytest

import minidl
import viz
from minidl import nn
from minidl.autodiff import backward_events, gradients
from minidl.errors import GraphError, UsageError
from viz.drawing import engine

GREEN, RED, AMBER, DIM = "#1a7f45", "#c62828", "#d08700", "#c9d1db"


def leaf(data, name):
    return minidl.tensor(data, dtype=minidl.float64, requires_grad=True, name=name)


def circuit():
    x, y, z = (minidl.scalar(v, name=n) for v, n in [(-2.0, "x"), (5.0, "y"), (-4.0, "z")])
    return ((x + y) * z).named("f")


def affine():
    W, x, b = leaf([[1.0, 2.0], [3.0, -1.0]], "W"), leaf([1.0, -1.0], "x"), leaf([0.5, -2.0], "b")
    return minidl.squared_norm(W @ x + b).named("z")


def branching():
    x, y = minidl.scalar(2.0, name="x"), minidl.scalar(-1.0, name="y")
    q = (x + y).named("q")
    return (q * x + minidl.sin(q)).named("f")


def squared():
    x = minidl.scalar(3.0, name="x")
    return (x * x).named("f")


def thrice():
    x = minidl.scalar(3.0, name="x")
    return (x * 2.0 + x.sin() + x.exp()).named("f")


def repeated_vector():
    v = leaf([1.0, -2.0], "v")
    return (v * v + v.tanh()).sum().named("s")


def network():
    with_seed = np.random.default_rng(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    return nn.functional.mse_loss(
        model(minidl.tensor(with_seed.normal(size=(5, 3)).astype("f4"), name="x")), minidl.zeros(5, 2)
    )


GRAPHS = [circuit, affine, branching, squared, thrice, repeated_vector, network]


def geometry(figure):
    """Where everything stands: the sheet, the nodes, and the ends of the lines."""
    drawing = json.loads(engine.render(figure.dot, "json"))
    nodes = {o["name"]: (o.get("pos"), o.get("width"), o.get("height")) for o in drawing["objects"] if "nodes" not in o}
    lines = [(e["tail"], e["head"], e["pos"].split()[-1]) for e in drawing["edges"]]
    return drawing["bb"], nodes, lines


@pytest.mark.parametrize("make", GRAPHS)
@pytest.mark.parametrize("options", [{}, {"predict": True}, {"direction": "TB"}])
def test_nothing_moves_from_frame_to_frame(make, options, kind):
    deck = viz.frames(make(), **options)
    first = geometry(deck[0].figure)
    assert len(deck) > 4
    for frame in deck:
        sheet, nodes, lines = geometry(frame.figure)
        assert sheet == first[0], frame.step
        assert nodes == first[1], frame.step
        assert [line[:2] for line in lines] == [line[:2] for line in first[2]]


@pytest.mark.parametrize("make", GRAPHS)
@pytest.mark.parametrize("options", [{}, {"predict": True}, {"direction": "TB", "theme": "dark"}])
def test_frames_are_drawn_without_a_remark(make, options, kind):
    for frame in viz.frames(make(), **options):
        assert engine.render_with_warnings(frame.figure.dot, "svg")[1] == [], frame.step


def plain(markup):
    return re.sub(r"<[^>]+>", "", markup).replace("\u00a0", "")


def shown(frame, key, color):
    """What stands in one colour at a wire."""
    label = re.search(rf"^  {key} \[(.*)\];$", frame.figure.dot, re.MULTILINE)[1]
    return [plain(t) for t in re.findall(rf'<FONT COLOR="{color}"[^>]*>((?:(?!</FONT>).)*)</FONT>', label)]


def caption(frame):
    return plain(re.search(r"graph \[label=<(.*)>, labelloc", frame.figure.dot)[1])


def test_values_appear_one_after_the_other_then_gradients():
    deck = viz.frames(circuit())
    assert [frame.part for frame in deck] == ["forward"] * 3 + ["backward"] * 6
    assert shown(deck[0], "v1", GREEN) == ["−2"]
    assert shown(deck[0], "v4", GREEN) == []
    assert shown(deck[1], "v4", GREEN) == ["3"]
    assert shown(deck[2], "v5", GREEN) == ["−12"]
    assert [shown(frame, "v5", RED) for frame in deck[:5]] == [[], [], [], ["1"], ["1"]]
    assert shown(deck[4], "v4", RED) == ["−4"]
    assert shown(deck[-1], "v1", RED) == ["−4"]


def test_the_chain_rule_stands_below_the_step_it_explains():
    deck = viz.frames(circuit())
    assert caption(deck[1]) == "q=x + y=(−2) + 5=3"
    assert caption(deck[4]) == "∂f/∂q=∂f/∂f·∂f/∂q=1·(−4)=−4upstream · local = downstream\u2003(∂f/∂q = z)"
    affine_deck = viz.frames(affine())
    rules = [caption(frame).split("upstream")[0] for frame in affine_deck if "back to" in frame.step]
    assert [rule.split("=")[:2] for rule in rules] == [
        ["∂z/∂v", "2v"],
        ["∂z/∂u", "∂z/∂v"],
        ["∂z/∂b", "∂z/∂v"],
        ["∂z/∂W", "(∂z/∂u)xT"],
        ["∂z/∂x", "WT(∂z/∂u)"],
    ]


def test_the_step_is_lit_and_the_rest_is_dim():
    frame = viz.frames(circuit())[4]
    dot = frame.figure.dot
    assert re.search(rf'v4:e -> o5 \[.*color="{AMBER}", penwidth=2.4', dot)
    assert re.search(rf'^  o5 .*color="{AMBER}"', dot, re.MULTILINE)
    assert re.search(rf'v1:e -> o4 \[.*color="{DIM}"', dot)
    assert re.search(rf'^  o4 .*color="{DIM}"', dot, re.MULTILINE)


@pytest.mark.parametrize("make", [branching, squared, thrice, repeated_vector])
def test_each_contribution_has_its_frame_and_so_has_the_sum(make):
    root = make()
    deck = viz.frames(root)
    sent = [c for event in backward_events(root) for c in event.contributions]
    arrivals = {}
    for c in sent:
        arrivals[c.node] = arrivals.get(c.node, 0) + 1
    sums = sum(count - 1 for count in arrivals.values())
    assert sums > 0
    assert sum("back to" in frame.step for frame in deck) == len(sent)
    assert sum("it adds up" in frame.step for frame in deck) == sums


def test_what_arrives_stands_beside_what_is_there_before_it_is_added():
    deck = viz.frames(branching())
    at = next(i for i, frame in enumerate(deck) if frame.step.startswith("at q it adds up"))
    assert [shown(deck[i], "v3", RED) for i in (at - 2, at - 1, at)] == [["0.5403"], ["0.5403 + 2"], ["2.54"]]
    assert caption(deck[at]).startswith("∂f/∂q=0.5403+2=2.54")


@pytest.mark.parametrize("make", GRAPHS)
def test_the_last_frame_is_the_finished_figure(make):
    root = make()
    last = viz.frames(root)[-1].figure.dot
    finished = viz.draw(root).dot
    for key in re.findall(r"^  (v\d+) \[", finished, re.MULTILINE):
        for color in (GREEN, RED):
            label = re.search(rf"^  {key} \[(.*)\];$", finished, re.MULTILINE)[1]
            expected = [plain(t) for t in re.findall(rf'<FONT COLOR="{color}"[^>]*>((?:(?!</FONT>).)*)</FONT>', label)]
            found = re.search(rf"^  {key} \[(.*)\];$", last, re.MULTILINE)[1]
            assert expected == [
                plain(t) for t in re.findall(rf'<FONT COLOR="{color}"[^>]*>((?:(?!</FONT>).)*)</FONT>', found)
            ]


def test_prediction_frames_ask_before_they_show():
    deck = viz.frames(branching(), predict=True)
    asked = [i for i, frame in enumerate(deck) if frame.question]
    assert len(asked) == (len(viz.frames(branching())) - 3)  # all but what is given, the start and the end
    for i in asked:
        assert deck[i].answer in deck[i + 1].step
        assert AMBER in deck[i].figure.dot
        assert "?" in caption(deck[i])
        assert deck[i].answer not in deck[i].narration.split()
    first = next(i for i in asked if deck[i].part == "backward")
    assert "p = 2;" in deck[first].figure.text  # no gradient yet, not even for those who listen
    assert "p = 2 with gradient 1" in deck[first + 1].figure.text
    assert deck[first].question == "What does + send back to p?"


def test_a_negative_number_has_one_pair_of_parentheses():
    x = minidl.scalar(-4.0, name="x")
    assert caption(viz.frames((x.tanh() * x).named("f"))[1]).startswith("q=tanh(x)=tanh(−4)=")


def test_a_folded_network_has_a_frame_for_each_box():
    root = network()
    deck = viz.frames(root, level="module")
    assert sum("linear" in frame.narration for frame in deck) >= 2
    boxes = re.findall(r"<B>(linear|tanh)</B>", deck[0].figure.dot)
    assert boxes == ["linear", "tanh", "linear"]
    assert sum("back to" in frame.step for frame in deck) >= len(boxes) - 1
    assert len(deck) < len(viz.frames(root))


def test_scalars_have_frames_too():
    deck = viz.frames(affine(), level="scalar")
    assert any(frame.step.startswith("u₁ = ") for frame in deck)
    sheets = {geometry(frame.figure)[0] for frame in deck}
    assert len(sheets) == 1


def test_every_frame_is_said_in_words():
    for frame in viz.frames(affine(), predict=True):
        assert frame.narration
        assert frame.narration[-1] in ".?"
        assert frame.figure.text.startswith(frame.narration)
        assert frame.step in frame.figure.title


def test_the_same_graph_gives_the_same_frames():
    once, again = ([frame.figure.dot for frame in viz.frames(branching())] for _ in range(2))
    assert once == again


def test_what_cannot_be_filmed_is_refused():
    x = minidl.scalar(1.0, name="x")
    with pytest.raises(GraphError, match="given, not computed"):
        viz.frames(x)
    with pytest.raises(GraphError, match="one number"):
        viz.frames(leaf([1.0, 2.0], "v") * 2.0)
    for _ in range(450):
        x = x * 1.01
    with pytest.raises(GraphError, match="400 frames"):
        viz.frames(x)
    with pytest.raises(UsageError, match="no level 'atom'"):
        viz.frames(circuit(), level="atom")


def test_no_gradient_is_changed():
    root = branching()
    viz.frames(root, predict=True)
    assert all(node.grad is None for node in gradients(root))
