"""The backward pass as the mirror of the forward pass: places, numbers, and what is used again."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

import minidl
from minidl.autodiff import gradients
from minidl.errors import GraphError, ShapeError, UsageError
from minidl.func import hvp
from minidl.graph import Node
from viz.circuit.naming import choose_names
from viz.circuit.record import circuit_nodes
from viz.drawing.figure import Figure
from viz.drawing.geometry import Box, Geometry
from viz.drawing.notation import number
from viz.drawing.theme import THEMES
from viz.gallery.backward import EXHIBITS
from viz.mirror.adjoint import record_backward
from viz.mirror.backward import draw_backward
from viz.mirror.route import Router
from viz.mirror.second import draw_hvp

Faults = Callable[[Figure], list[str]]


def scalars(**values: float) -> list[minidl.Tensor]:
    return [minidl.scalar(value, name=name) for name, value in values.items()]


def product() -> Node:
    x, y, z = scalars(x=-2.0, y=5.0, z=-4.0)
    return (x + y) * z


def affine() -> Node:
    weight = minidl.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True, name="W")
    x = minidl.tensor([1.0, -1.0], requires_grad=True, name="x")
    return minidl.squared_norm(weight @ x + minidl.tensor([0.5, -2.0], requires_grad=True, name="b"))


def shared() -> Node:
    x, y = scalars(x=1.0, y=2.0)
    return x * minidl.sin(x * y)


def polynomial() -> Node:
    (x,) = scalars(x=3.0)
    return 2 * x * x - 3 * x + 1


def batch() -> Node:
    rng = np.random.default_rng(0)
    x = minidl.tensor(rng.standard_normal((8, 5)), name="X")
    weight = minidl.tensor(rng.standard_normal((5, 3)), requires_grad=True, name="W")
    scores = minidl.relu(x @ weight + minidl.tensor(np.zeros(3), requires_grad=True, name="b"))
    return minidl.nn.functional.cross_entropy(scores, minidl.tensor([0, 1, 2, 0, 1, 2, 0, 1]))


def odd() -> Node:
    first = minidl.scalar(1e-12, name='<b>&"x"\n😀')
    return (first * minidl.scalar(-1.5, name="ש" * 10_000) + minidl.scalar(float("nan"), name="]]>\\")) * first


FORMULAS = [product, affine, shared, polynomial, batch, odd]


def reuses(figure: Figure) -> list[str]:
    """The dotted lines, each as `value operation_input` by the numbers of the nodes."""
    return re.findall(r'comment="(v\d+ b\d+_\d+)"', figure.dot)


def texts(geometry: Geometry, node: str) -> str:
    return "".join(line.text for part in geometry.parts if part.name == node for line in part.lines).replace(
        "\xa0", " "
    )


@pytest.mark.parametrize("below", [False, True])
@pytest.mark.parametrize("formula", FORMULAS)
def test_each_gradient_stands_where_the_mirror_puts_it(formula: Callable[[], Node], below: bool, kind: str) -> None:
    root = formula()
    nodes = circuit_nodes(root)
    places = draw_backward(root, below=below).geometry().nodes
    columns, rows = [], []
    for i, node in enumerate(nodes, 1):
        if node.requires_grad:
            above, under = places[f"v{i}a"], places[f"g{i}b"]
            columns.append(above.center[0] + (-1 if below else 1) * under.center[0])
            # The wires run closely below the value and closely above the gradient.
            rows.append(above.bottom + (1 if below else -1) * under.top)
    assert len(rows) == len(gradients(root))
    assert max(columns) - min(columns) < 0.1  # one axis for all
    assert max(rows) - min(rows) < 8
    if below:
        assert min(columns) == pytest.approx(0, abs=0.1)  # each under its value
    else:
        assert max(rows) < 14


@pytest.mark.parametrize("formula", FORMULAS)
def test_names_at_the_ends_stand_in_one_row(formula: Callable[[], Node]) -> None:
    root = formula()
    places = draw_backward(root, below=False).geometry().nodes
    for i, node in enumerate(circuit_nodes(root), 1):
        if node.requires_grad and (node.is_leaf or node is root):
            assert places[f"v{i}n"].center[1] == pytest.approx(places[f"g{i}n"].center[1], abs=0.02)


def test_operations_and_gates_mirror_exactly(kind: str) -> None:
    (x,) = scalars(x=0.5)
    root = x.sigmoid().sigmoid()
    for below in (False, True):
        geometry = draw_backward(root, below=below).geometry()
        axis = geometry.nodes["o2"].center[0] + geometry.nodes["b2_0"].center[0]
        if below:
            assert geometry.nodes["o2"].center[0] == pytest.approx(geometry.nodes["b2_0"].center[0], abs=0.02)
            assert geometry.nodes["o3"].center[0] == pytest.approx(geometry.nodes["b3_0"].center[0], abs=0.02)
        else:
            assert geometry.nodes["o3"].center[0] + geometry.nodes["b3_0"].center[0] == pytest.approx(axis, abs=0.02)
            assert geometry.nodes["o3"].center[1] == pytest.approx(geometry.nodes["b3_0"].center[1], abs=0.02)


@pytest.mark.parametrize("formula", [product, shared, polynomial])
def test_the_numbers_are_the_engines(formula: Callable[[], Node], kind: str) -> None:
    root = formula()
    geometry = draw_backward(root).geometry()
    for i, node in enumerate(circuit_nodes(root), 1):
        assert texts(geometry, f"v{i}a") == number(float(node.data))
        assert texts(geometry, f"g{i}b") == number(float(gradients(root)[node]))


def test_dotted_lines_lead_from_what_a_rule_reads() -> None:
    # nodes in order: x, y, z, q, f
    assert sorted(reuses(draw_backward(product()))) == ["v3 b5_0", "v4 b5_1"]  # × reads both its factors, + nothing
    x, y = scalars(x=1.0, y=2.0)
    assert reuses(draw_backward(x + y)) == []
    assert "dotted" not in draw_backward(x - y).dot
    assert reuses(draw_backward(x.sigmoid())) == ["v2 b2_0"]  # its output
    assert reuses(draw_backward(x.sin())) == ["v1 b2_0"]  # its input
    assert reuses(draw_backward(minidl.relu(x))) == ["v2 b2_0"]
    assert sorted(reuses(draw_backward(x / y))) == ["v1 b3_1", "v2 b3_0", "v2 b3_1"]
    assert sorted(reuses(draw_backward(affine()))) == ["v1 b3_1", "v2 b3_0", "v5 b6_0"]


def test_dotted_lines_begin_on_their_wire_and_end_at_their_gate() -> None:
    for formula in FORMULAS:
        figure = draw_backward(formula())
        places = figure.geometry().nodes
        lines = re.findall(r'pos="e,([\d.-]+),([\d.-]+) [^"]*"[^\n]*comment="v\d+ (b(\d+_\d+))"', figure.dot)
        assert len(lines) == len(reuses(figure))
        for x, y, gate, number_of in lines:
            boxes = [places[name].grown(3) for name in (gate, f"l{number_of}") if name in places]
            assert any(box.left <= float(x) <= box.right and box.bottom <= float(y) <= box.top for box in boxes)


@pytest.mark.parametrize("formula", FORMULAS)
def test_lines_pass_no_operation(formula: Callable[[], Node]) -> None:
    for below in (False, True):
        figure = draw_backward(formula(), below=below)
        geometry = figure.geometry()
        gates = {
            name: box.grown(-1.5) for name, box in geometry.nodes.items() if re.fullmatch(r"[obs]\d+(_\d+)?", name)
        }
        for part in geometry.parts:
            if part.kind != "edge":
                continue
            for mark in part.marks:
                for x, y in getattr(mark, "points", ()):
                    inside = [n for n, box in gates.items() if box.left < x < box.right and box.bottom < y < box.top]
                    rims = [n for n in inside if np.hypot(x - gates[n].center[0], y - gates[n].center[1]) < 15]
                    assert not rims, (formula, part.name, rims)


@pytest.mark.parametrize("theme", sorted(THEMES))
def test_nothing_overlaps_in_any_theme(theme: str, faults: Faults) -> None:
    for formula, below in ((shared, True), (batch, False), (odd, True)):
        assert faults(draw_backward(formula(), below=below, theme=theme)) == [], formula


def test_the_gallery_has_no_faults(faults: Faults, kind: str) -> None:
    for exhibit in EXHIBITS:
        assert faults(exhibit.make(THEMES["light"])) == [], exhibit.name
    assert len({exhibit.name for exhibit in EXHIBITS}) == len(EXHIBITS)


def test_a_small_figure_has_its_halves_beside_each_other_and_a_wide_one_below() -> None:
    (x,) = scalars(x=2.0)
    for root, beside in ((x.sigmoid(), True), (minidl.tanh(minidl.exp(x.sigmoid() * x) * x), False)):
        geometry = draw_backward(root).geometry()
        (_, y), (_, gy) = geometry.nodes["o2"].center, geometry.nodes["g1n"].center
        assert (abs(y - gy) < 1) == beside if beside else gy < y - 100


def test_fork_and_sum_mirror_each_other() -> None:
    x, y = scalars(x=1.0, y=2.0)
    figure = draw_backward(x * x * y)
    assert "s1 [" in figure.dot
    assert "s2 [" not in figure.dot
    assert figure.steps[-1] == "∂f/∂x = ∂f/∂q × x + ∂f/∂q × x = 4"


def test_the_words_say_what_was_folded() -> None:
    assert "All 2 recorded operations of the backward pass are drawn." in draw_backward(product()).text
    assert "The 7 recorded operations of the backward pass are drawn as 3." in draw_backward(affine()).text
    assert "uses x, W" not in draw_backward(product()).text
    assert "∂f/∂z = ∂f/∂f × q = 3" in draw_backward(product()).text


def test_rules_are_written_as_in_a_textbook() -> None:
    root = affine()
    sent = record_backward(root, choose_names(circuit_nodes(root))).sent
    assert [(s.symbol, s.factor) for s in sent] == [
        ("×", "2v"), ("", ""), ("", ""), ("(·)\u2009xᵀ", ""), ("Wᵀ\u2009(·)", ""),
    ]  # fmt: skip
    (x,) = scalars(x=2.0)
    cases = [
        (x.sigmoid(), "f·(1 − f)"), (minidl.tanh(x), "1 − f²"), (minidl.log(x), "1/x"), (x**3, "3·x²"),
        (minidl.relu(x), "[f > 0]"),
    ]  # fmt: skip
    for value, formula in cases:
        (only,) = record_backward(value, {x: "x", value: "f"}).sent
        assert (only.symbol, only.factor) == ("×", formula)
        assert float(only.factor_value) == pytest.approx(float(gradients(value)[x]))


def test_values_can_be_left_out() -> None:
    figure = draw_backward(product(), values=False)
    assert "−12" not in figure.dot
    assert "v1a" not in figure.dot
    assert "= −12" not in figure.text


def test_the_same_figure_twice_has_the_same_bytes(kind: str) -> None:
    assert draw_backward(shared()).dot == draw_backward(shared()).dot
    assert draw_backward(shared()).svg() == draw_backward(shared()).svg()
    assert draw_backward(shared()).svg().count("<title") == 1


def test_nothing_else_is_changed_by_drawing() -> None:
    root = shared()
    draw_backward(root)
    draw_hvp(root, {node: 1.0 for node in circuit_nodes(root) if node.is_leaf})
    assert all(node.grad is None for node in circuit_nodes(root))


def test_errors_say_what_to_do() -> None:
    (x,) = scalars(x=0.1)
    long = x
    for _ in range(41):
        long = long.sigmoid()
    with pytest.raises(GraphError, match=r"41 operations.*40"):
        draw_backward(long)
    with pytest.raises(GraphError, match="one number"):
        draw_backward(minidl.tensor([1.0, 2.0], requires_grad=True) * 2)
    with pytest.raises(GraphError, match="no graph"):
        draw_backward(minidl.scalar(1.0))
    with pytest.raises(UsageError, match="no theme"):
        draw_backward(x * 2, theme="pink")
    value = x * 2
    value.backward(retain_graph=False)
    with pytest.raises(GraphError):
        draw_backward(value)


def test_forty_operations_are_drawn() -> None:
    x = value = minidl.scalar(0.3, name="x")
    for _ in range(20):
        value = (value * x).sigmoid()
    figure = draw_backward(value)
    assert len(reuses(figure)) == 60  # both factors of each ×, and the output of each σ
    assert {"b41_0", "o41", "s1"} <= set(figure.geometry().nodes)


# Hessian-vector products ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("below", [False, True])
def test_what_arrives_is_the_hessian_times_the_vector(below: bool, kind: str) -> None:
    def function(x: minidl.Tensor, y: minidl.Tensor) -> minidl.Tensor:
        return minidl.log(minidl.exp(x) + x * x * y)

    x, y = scalars(x=1.2, y=0.7)
    expected = hvp(function, (minidl.scalar(1.2), minidl.scalar(0.7)), (minidl.scalar(1.0), minidl.scalar(-2.0)))
    figure = draw_hvp(function(x, y), {x: 1.0, y: -2.0}, below=below)
    geometry = figure.geometry()
    for i, (name, part) in enumerate(zip("xy", expected, strict=True), 1):
        assert f"(Hv)_{name} = {number(part.item())}" in figure.steps
        assert texts(geometry, f"g{i}b") == f"{number(part.item())} ε"
    assert texts(geometry, "v1b") == "1 ε"
    assert texts(geometry, "v2b") == "−2 ε"


def test_every_wire_carries_value_and_tangent() -> None:
    (x,) = scalars(x=2.0)
    geometry = draw_hvp(x**3, {x: 0.5}).geometry()
    shown = {name: texts(geometry, name) for name in ("v1a", "v1b", "v2a", "v2b", "g1a", "g1b", "g2a", "g2b")}
    assert shown == {
        "v1a": "2", "v1b": "0.5 ε", "v2a": "8", "v2b": "6 ε", "g1a": "12", "g1b": "6 ε", "g2a": "1", "g2b": "0 ε",
    }  # fmt: skip
    assert "6 ε" in texts(geometry, "l2_0")  # the local derivative 3x² moves too


def test_a_constant_matrix_stays(faults: Faults) -> None:
    weight = minidl.tensor([[1.0, 2.0], [3.0, -1.0]], name="W")
    x = minidl.tensor([1.0, -1.0], requires_grad=True, name="x")
    figure = draw_hvp(minidl.squared_norm(weight @ x), {x: np.array([1.0, 0.0])})
    assert figure.steps[-1] == "(Hv)_x = [20, −2]"  # 2WᵀWv
    assert not any("W" in line for line in figure.steps if line.startswith("∂"))
    assert faults(figure) == []


def test_hvp_errors_say_what_to_do() -> None:
    x, y = scalars(x=2.0, y=1.0)
    value = x * x
    with pytest.raises(UsageError, match="in which direction"):
        draw_hvp(value, {})
    with pytest.raises(UsageError, match="y"):
        draw_hvp(value, {y: 1.0})
    with pytest.raises(UsageError, match="no input"):
        draw_hvp(value, {value: 1.0})
    with pytest.raises(ShapeError):
        draw_hvp(value, {x: np.ones(3)})


# The router ----------------------------------------------------------------------------------------------------------


def test_the_router_goes_around_and_shares_its_own_way() -> None:
    router = Router(Box(0, 0, 160, 160), [Box(60, -80, 80, 120)], [])
    way = router.route(0, (18, 18), [(120, 18)])
    assert way is not None
    assert (way[0], way[-1]) == ((18, 18), (120, 18))
    assert max(y for _, y in way) > 120
    branch = router.route(0, (18, 18), [(138, 96)])
    assert branch is not None
    assert branch[0] != (18, 18)  # it leaves the first way where that is nearest
    walled = Router(Box(0, 0, 160, 160), [Box(60, -80, 80, 240)], [])
    assert walled.route(0, (18, 18), [(120, 18)]) is None
