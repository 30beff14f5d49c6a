"""Circuits: what they say is what the engine computed, and their geometry is that of the house style."""

import html
import json
import math
import re

import numpy as np
import pytest

import minidl
import viz
from minidl.app.expression import parse
from minidl.app.values import parse_values
from minidl.autodiff import gradients, order
from minidl.errors import GraphError, MissingEngineError, UsageError
from minidl.primitives import registry
from viz.circuit.naming import choose_names
from viz.circuit.record import circuit_nodes
from viz.circuit.wires import array_blocks, wire_block
from viz.drawing import engine
from viz.drawing.notation import number
from viz.drawing.theme import theme_named
from viz.gradients.thermometer import sigmoid_chain


def leaf(data, name):
    return minidl.tensor(data, dtype=minidl.float64, requires_grad=True, name=name)


def circuit():
    x, y, z = (minidl.scalar(v, name=n) for v, n in [(-2.0, "x"), (5.0, "y"), (-4.0, "z")])
    return ((x + y) * z).named("f")


def affine():
    W, x, b = leaf([[1.0, 2.0], [3.0, -1.0]], "W"), leaf([1.0, -1.0], "x"), leaf([0.5, -2.0], "b")
    return minidl.squared_norm(W @ x + b).named("z")


def neuron():
    w, x, b = leaf([2.0, -3.0], "w"), leaf([-1.0, -2.0], "x"), minidl.scalar(-3.0, name="b")
    return minidl.sigmoid(w @ x + b).named("a")


def branching():
    x, y = minidl.scalar(2.0, name="x"), minidl.scalar(-1.0, name="y")
    q = x + y
    return (q * x + minidl.sin(q)).named("f")


def squared():
    x = minidl.scalar(3.0, name="x")
    return (x * x).named("f")


def constants():
    x = minidl.scalar(2.0, name="x")
    return (2 * x**3 + 1 / (x + 1)).named("f")


def large():
    W, x = leaf(np.full((8, 8), 0.1), "W"), leaf(np.ones(8), "x")
    return minidl.relu(W @ x).sum().named("L")


FIGURES = [circuit, affine, neuron, branching, squared, constants, large]


def cells(dot, color):
    """What a figure prints in one colour."""
    dot = dot.replace("&#93;", "]")
    found = re.findall(rf'<FONT COLOR="{color}"[^>]*>((?:(?!</FONT>).)*)</FONT>', dot)
    return [re.sub(r"<[^>]+>", "", text) for text in found]


def test_the_circuit_prints_the_numbers_of_the_lecture():
    dot = viz.draw(circuit()).dot
    assert cells(dot, "#1a7f45") == ["−2", "5", "−4", "3", "−12"]
    assert cells(dot, "#c62828") == ["−4", "−4", "3", "−4", "1"]


def test_the_affine_norm_prints_the_numbers_of_the_lecture_and_its_local_derivative():
    figure = viz.draw(affine())
    assert cells(figure.dot, "#1a7f45") == ["1", "2", "3", "−1", "1", "−1", "0.5", "−2", "−1", "4", "−0.5", "2", "4.25"]
    assert cells(figure.dot, "#c62828") == ["−1", "1", "4", "−4", "11", "−6", "−1", "4", "−1", "4", "−1", "4", "1"]
    assert cells(figure.dot, "#1f5fa8") == ["∂z/∂v = 2v"]
    assert "u = [−1, 4] with gradient [−1, 4]" in figure.text
    assert "u = Wx = [−1, 4]" in figure.steps
    assert re.search(r"‖·‖<SUP><FONT[^>]*>2</FONT></SUP>", figure.dot)


@pytest.mark.parametrize("make", FIGURES)
def test_every_number_is_the_engines_own(make):
    root = make()
    found, nodes = gradients(root), order(root)
    dot = viz.draw(root).dot
    values = cells(dot, "#1a7f45")
    grads = cells(dot, "#c62828")
    if make is large:
        assert f"‖∇‖ = {number(float(np.linalg.norm(found[nodes[0]])), 3)}" in grads
        assert "ℝ8×8" in values
        assert "ℝ8" in values
        return
    assert values == [number(v) for node in nodes for v in np.ravel(node.data)]
    assert grads == [number(v) for node in nodes for v in np.ravel(found[node])]


@pytest.mark.parametrize("make", FIGURES)
def test_it_is_drawn_without_a_remark(make, kind):
    assert engine.render_with_warnings(viz.draw(make()).dot, "svg")[1] == []


@pytest.mark.parametrize("make", FIGURES)
def test_the_same_graph_gives_the_same_dot(make):
    assert viz.draw(make()).dot == viz.draw(make()).dot


def geometry(dot):
    """Return the boxes of the nodes, and each edge's names, ports and end points, all in points."""
    drawing = json.loads(engine.render(dot, "json"))
    boxes, names = {}, {}
    for node in drawing["objects"]:
        x, y = map(float, node["pos"].split(","))
        w, h = 36 * float(node["width"]), 36 * float(node["height"])
        boxes[node["name"]] = (x - w, y - h, x + w, y + h)
        names[node["_gvid"]] = node["name"]
    edges = []
    for edge in drawing["edges"]:
        numbers = edge["pos"].split(" ")
        arrow = [p[2:] for p in numbers if p.startswith("e,")]
        points = [tuple(map(float, p.split(","))) for p in numbers if not p.startswith("e,")]
        end = tuple(map(float, arrow[0].split(","))) if arrow else points[-1]
        edges.append((names[edge["tail"]], names[edge["head"]], edge, points[0], end))
    return boxes, edges, tuple(map(float, drawing["bb"].split(",")))


@pytest.mark.parametrize("make", FIGURES)
def test_nothing_overlaps(make, kind):
    boxes, _, (left, low, right, high) = geometry(viz.draw(make()).dot)
    items = list(boxes.items())
    for i, (name, a) in enumerate(items):
        assert left - 2 <= a[0] and a[2] <= right + 2 and low - 2 <= a[1] and a[3] <= high + 2, name  # noqa: PT018
        for other, b in items[i + 1 :]:
            apart = a[2] <= b[0] + 0.5 or b[2] <= a[0] + 0.5 or a[3] <= b[1] + 0.5 or b[3] <= a[1] + 0.5
            assert apart, f"{name} and {other} overlap"


@pytest.mark.parametrize("make", FIGURES)
def test_edges_run_into_the_wires_without_a_gap(make, kind):
    """A wire's rule is one point longer on both sides than its node, at whose middle the edges end."""
    boxes, edges, _ = geometry(viz.draw(make()).dot)
    checked = 0
    for tail, head, edge, start, end in edges:
        if edge.get("tailport") == "e" and tail.startswith("v"):
            box = boxes[tail]
            assert start == pytest.approx((box[2], (box[1] + box[3]) / 2), abs=0.6)
            checked += 1
        if edge.get("headport") == "w" and head.startswith("v"):
            box = boxes[head]
            assert end == pytest.approx((box[0], (box[1] + box[3]) / 2), abs=0.6)
            checked += 1
    assert checked >= 2


@pytest.mark.parametrize("make", [circuit, affine, neuron])
def test_a_result_leaves_its_operation_in_a_straight_line(make, kind):
    _, edges, _ = geometry(viz.draw(make()).dot)
    for _, head, _, start, end in edges:
        if head.startswith("v"):
            assert start[1] == pytest.approx(end[1], abs=0.6)


def expression(text, **values):
    return parse(text).evaluate(parse_values([f"{name}={value}" for name, value in values.items()], tuple(values)))


ORDERED = [
    ("f = b/a + a/b", {"b": 5, "a": 2}),
    ("f = x*x - y*x", {"x": 3, "y": -4}),
    ("f = x*x + y*x", {"x": 3, "y": -4}),
    ("f = x**y - y/x + 1/x", {"x": 2, "y": 3}),
    ("f = (x*y - z)/(z - x) + x*z*y/w", {"x": 2, "y": 3, "z": 1, "w": 3}),
    ("f = sum((x @ W) * x) - sum(W @ x)", {"x": "[1,2]", "W": "[[1,2],[3,4]]"}),
]


def spline(edge):
    """Sample a wire: its points, densely."""
    points = [tuple(map(float, p.split(","))) for p in edge["pos"].split(" ") if p[0] not in "es"]
    sampled = []
    for i in range(0, len(points) - 1, 3):
        a, b, c, d = map(np.array, points[i : i + 4])
        for t in np.linspace(0, 1, 40):
            s = 1 - t
            sampled.append(s**3 * a + 3 * s * s * t * b + 3 * s * t * t * c + t**3 * d)
    return np.array(sampled)


@pytest.mark.parametrize(("text", "values"), ORDERED)
@pytest.mark.parametrize("local", [None, True])
def test_the_first_operand_meets_its_operation_above_the_second(text, values, local, kind):
    root = expression(text, **values)
    _, edges, _ = geometry(viz.draw(root, local=local).dot)
    checked = 0
    ids = {node: str(i) for i, node in enumerate(circuit_nodes(root), 1)}
    for node, n in ids.items():
        if node.primitive is None or node.primitive.name not in {"div", "sub", "pow", "matmul"}:
            continue
        heights = {}
        for tail, head, _, _, end in edges:
            if head == f"o{n}":
                entry = re.fullmatch(rf"[jc]{n}_(\d)", tail)
                wires = [f"v{ids[x]}" if isinstance(x, minidl.Tensor) else "" for x in node.inputs]
                heights[int(entry[1]) if entry else wires.index(tail)] = end[1]
        assert heights[0] > heights[1] + 3, (n, node.primitive.name)
        checked += 1
    assert checked or "-" not in text


@pytest.mark.parametrize(("text", "values"), ORDERED)
@pytest.mark.parametrize("options", [{}, {"local": True}, {"grads": False}])
def test_no_wire_runs_through_a_number_or_along_another(text, values, options, kind):
    boxes, edges, _ = geometry(viz.draw(expression(text, **values), **options).dot)
    paths = [(tail, head, spline(edge)) for tail, head, edge, *_ in edges]
    for i, (tail, head, path) in enumerate(paths):
        for name, (left, low, right, high) in boxes.items():
            if name[0] in "vc" and name not in {tail, head}:
                x, y = path.T
                inside = (x > left + 1) & (x < right - 1) & (y > low + 1) & (y < high - 1)
                assert not inside.any(), f"{tail} -> {head} runs through {name}"
        for other_tail, other_head, other in paths[i + 1 :]:
            alike = len(other) == len(path) and np.abs(other - path).max() < 4
            assert not alike, f"{tail} -> {head} and {other_tail} -> {other_head} coincide"


def test_without_gradients_the_room_below_the_wires_is_saved(kind):
    both, values = (geometry(viz.draw(affine(), grads=grads).dot) for grads in (True, False))
    assert values[2][3] < 0.72 * both[2][3]
    boxes, edges, _ = values
    for tail, head, _, start, end in edges:
        if tail.startswith("v"):
            assert start[1] == pytest.approx(boxes[tail][1] + 16, abs=1.6), tail
        if head.startswith("v"):
            assert start[1] == pytest.approx(end[1], abs=0.6)


def test_one_row_has_the_same_gap_below_its_brackets_as_two():
    theme = theme_named("light")
    one, two = (array_blocks([np.ones((rows, 2))], ["#000000"], theme)[0].height for rows in (1, 2))
    whole = [wire_block(np.ones((rows, 2)), None, theme).height / 2 for rows in (1, 2)]
    assert whole[0] - one == whole[1] - two > 0


def test_there_is_no_blank_band_above_a_note():
    boxes, edges, _ = geometry(viz.draw(minidl.sin(minidl.scalar(1.0, name="x")).named("f")).dot)
    y = next(end[1] for _, head, _, _, end in edges if head == "o2")
    assert boxes["o2"][3] - y == pytest.approx(17, abs=1.5)


def test_a_page_has_no_margin_but_its_own():
    for figure in (viz.draw(circuit()), viz.thermometer(sigmoid_chain(3))):
        left, low, right, high = map(
            float, json.loads(engine.render(figure.dot, "json", layout=figure.layout))["bb"].split(",")
        )
        box = re.search(rb"/MediaBox\s*\[\s*([-\d. ]+)\]", figure.pdf())
        _, _, width, height = map(float, box[1].split())
        assert width <= right - left + 20
        assert height <= high - low + 20


def test_a_wire_with_a_function_on_it_is_straight(kind):
    root = expression("f = z**-0.5 + norm(v)**2 + y**2", z=2, v="[3,4]", y=3)
    _, edges, _ = geometry(viz.draw(root).dot)
    for tail, head, _, start, end in edges:
        if tail in {"v1", "v2", "v3"}:
            assert start[1] == pytest.approx(end[1], abs=0.3), (tail, head)


@pytest.mark.parametrize("make", FIGURES)
@pytest.mark.parametrize("options", [{"grads": False}, {"local": True}, {"grads": False, "values": False}])
def test_every_kind_of_figure_is_drawn_without_a_remark(make, options, kind):
    assert engine.render_with_warnings(viz.draw(make(), **options).dot, "svg")[1] == []


def test_the_wires_of_one_column_are_equally_long_and_start_together(kind):
    boxes, _, _ = geometry(viz.draw(affine()).dot)
    W, x = boxes["v1"], boxes["v2"]
    assert (W[0], W[2]) == pytest.approx((x[0], x[2]), abs=0.6)


@pytest.mark.parametrize("make", [*FIGURES, sigmoid_chain])
def test_no_text_is_too_small_to_read(make):
    figure = viz.thermometer(make()) if make is sigmoid_chain else viz.draw(make())
    assert min(float(size) for size in re.findall(r'POINT-SIZE="([\d.]+)"', figure.dot)) >= 12


def test_a_value_used_twice_has_one_wire_and_two_edges():
    dot = viz.draw(squared()).dot
    assert len(re.findall(r"^  v\d+ \[", dot, re.MULTILINE)) == 2
    assert dot.count("v1:e -> o2") == 2
    assert cells(dot, "#c62828") == ["6", "1"]


def test_constants_are_plain_numbers_without_gradients():
    dot = viz.draw(constants()).dot
    assert len(re.findall(r"^  c\d+_\d+ \[", dot, re.MULTILINE)) == 3
    assert "(·)" in dot


def test_names_come_from_the_value_then_the_caller_then_the_alphabet():
    x, y = minidl.scalar(1.0), minidl.scalar(2.0, name="why")
    total = x + y
    assert viz.draw(total * x, names={"x": x, "y": y, "_hidden": total, "unrelated": 3}).steps[:4] == (
        "x = 1",
        "why = 2",
        "q = x + why = 3",
        "f = q·x = 3",
    )


def test_layers_are_numbered_and_data_is_called_x_and_t():
    net = minidl.nn.Sequential(minidl.nn.Linear(3, 4), minidl.nn.ReLU(), minidl.nn.Linear(4, 2))
    target = minidl.tensor([[1.0, 0.0]])
    loss = minidl.nn.functional.mse_loss(net(minidl.tensor([[1.0, 2.0, -1.0]])), target).named("L")
    nodes = circuit_nodes(loss)
    names = choose_names(nodes)
    leaves = {name for node, name in names.items() if node.primitive is None}
    assert leaves == {"W_1", "b_1", "W_2", "b_2", "x", "t"}
    assert {name for node, name in names.items() if node.primitive and node.primitive.name == "permute"} == {
        "W_1ᵀ",
        "W_2ᵀ",
    }
    assert names[target] == "t"
    assert len(set(names.values())) == len(nodes)
    assert "U = xW₁ᵀ" in " ".join(viz.draw(loss).steps)
    one = minidl.nn.Linear(3, 1)(minidl.tensor([[1.0, 2.0, -1.0]])).sum()
    assert list(choose_names(circuit_nodes(one)).values())[:3] == ["W", "b", "x"]


def test_a_vector_added_to_a_matrix_is_drawn_as_a_row():
    X, b = leaf([[1.0, 2.0], [3.0, 4.0]], "X"), leaf([5.0, 6.0], "b")
    row = viz.draw((X + b).sum().named("s")).dot.split("  v2 [")[1].split("];\n")[0]
    assert 'ROWSPAN="1"' in row
    assert 'ROWSPAN="2"' not in row
    column = viz.draw((b + b).sum().named("s")).dot.split("  v1 [")[1].split("];\n")[0]
    assert 'ROWSPAN="2"' in column


def test_letters_of_data_are_not_given_to_what_is_computed():
    value = minidl.scalar(1.0, name="w")
    for _ in range(12):
        value = minidl.sin(value)
    assert not {"t", "T", "c", "x"} & set(choose_names(order(value)).values())


def test_a_function_of_arrays_has_the_derivative_of_an_element():
    x = leaf([1.0, -2.0], "v")
    dot = viz.draw(minidl.relu(x).named("h").sum()).dot
    assert "∂hi/∂vi = [hi > 0]" in html.unescape(re.sub(r"<[^>]+>", "", dot))


def test_products_of_arrays_have_their_own_sign():
    a, b = leaf([1.0, 2.0], "a"), leaf([3.0, 4.0], "b")
    assert ">⊙<" in viz.draw((a * b).sum()).dot
    assert ">×<" in viz.draw((2.0 * a).sum()).dot
    assert ">×<" in viz.draw(circuit()).dot


def test_no_letter_is_used_twice():
    x = minidl.scalar(1.0, name="q")
    root = x
    for _ in range(30):
        root = root + 1.0
    names = re.findall(r"(?:^|; |: )(\w+) = ", viz.draw(root).text)
    assert len(names) == len(set(names)) == 31


def test_values_gradients_and_local_derivatives_can_be_left_out():
    assert cells(viz.draw(neuron(), values=False).dot, "#1a7f45") == []
    assert cells(viz.draw(neuron(), grads=False).dot, "#c62828") == []
    assert cells(viz.draw(neuron(), local=False).dot, "#1f5fa8") == []
    assert cells(viz.draw(circuit()).dot, "#1f5fa8") == []
    shown = cells(viz.draw(circuit(), local=True).dot, "#1f5fa8")
    assert shown == ["∂q/∂x = 1", "∂q/∂y = 1", "∂f/∂q = z = −4", "∂f/∂z = q = 3"]


def test_the_local_derivative_of_a_function_stands_in_symbols_and_numbers():
    text = cells(viz.draw(neuron()).dot, "#1f5fa8")
    assert text == ["∂a/∂p = a·(1 − a)", "= 0.1966"]


def test_themes_change_the_colours():
    dot = viz.draw(circuit(), theme="colorblind").dot
    assert cells(dot, "#0072b2") == ["−2", "5", "−4", "3", "−12"]
    with pytest.raises(UsageError, match="light, dark, print, colorblind"):
        viz.draw(circuit(), theme="neon")


def test_gradients_that_are_there_stay_as_they_are():
    root = circuit()
    viz.draw(root)
    assert all(node.grad is None for node in order(root))


def test_a_vector_is_drawn_without_gradients():
    W, x = leaf(np.eye(2), "W"), leaf([1.0, 2.0], "x")
    assert "∂" not in viz.draw((W @ x).named("y"), grads=False, local=False).dot
    with pytest.raises(GraphError, match="one number"):
        viz.draw(W @ x)


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        (lambda: minidl.scalar(1.0, name="x"), "x was given, not computed"),
        (lambda: minidl.tensor(1.0) + 1, "requires_grad=True"),
        (lambda: circuit().detach(), "requires_grad=True"),
        (lambda: 3.0, "takes a tensor"),
    ],
)
def test_what_has_no_graph_is_refused(root, reason):
    with pytest.raises(GraphError, match=reason):
        viz.draw(root())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e-300, 1e300, -0.0, 5e-324])
def test_any_number_is_drawn(value):
    x = minidl.scalar(value, name="x")
    assert engine.render_with_warnings(viz.draw(x * 1.0).dot, "svg")[1] == []


def drawable():
    for name, primitive in registry.items():
        if primitive.kind != "constant":
            for i, sample in enumerate(primitive.samples[:2]):
                yield pytest.param(primitive, sample, id=f"{name}-{i}")


@pytest.mark.parametrize(("primitive", "sample"), list(drawable()))
def test_every_operation_is_drawn(primitive, sample, kind):
    inputs = [leaf(array, f"x_{i}") for i, array in enumerate(sample.arrays(np.random.default_rng(0)))]
    result = primitive(*inputs, **sample.params)
    figure = viz.draw(result, grads=result.data.size == 1, local=True)
    assert engine.render_with_warnings(figure.dot, "svg")[1] == []


# Saving -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suffix", "start"), [("svg", b"<?xml"), ("PDF", b"%PDF"), ("png", b"\x89PNG"), ("dot", b"digraph")]
)
def test_it_is_saved_in_every_format(tmp_path, suffix, start):
    path = viz.draw(circuit()).save(tmp_path / "new" / f"circuit.{suffix}")
    assert path.read_bytes().startswith(start)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_unknown_endings_are_refused(tmp_path):
    for name in ("circuit.gif", "circuit"):
        with pytest.raises(UsageError, match=r"\.svg, \.pdf, \.png"):
            viz.draw(circuit()).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(OSError, match=r"cannot write the figure: .*circuit\.svg"):
        viz.draw(circuit()).save(tmp_path / "file" / "circuit.svg")


def test_without_an_engine_the_source_can_still_be_saved(tmp_path, monkeypatch):
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "none")
    figure = viz.draw(circuit())
    assert figure.save(tmp_path / "circuit.dot").exists()
    with pytest.raises(MissingEngineError):
        figure.save(tmp_path / "circuit.svg")
    shown = figure._repr_mimebundle_()
    assert set(shown) == {"text/plain"}
    assert "not drawn" in shown["text/plain"]


def test_a_notebook_shows_the_svg():
    shown = viz.draw(circuit())._repr_mimebundle_()
    assert shown["image/svg+xml"].startswith("<?xml")


def test_a_thousand_values_get_a_thousand_names_in_order():
    x = minidl.scalar(1.0, name="r_2")  # which is then taken
    value, values = x, []
    for _ in range(1000):
        value = value + 1.0
        values.append(value)
    names = list(choose_names([x, *values]).values())
    assert len(set(names)) == 1001
    assert names[:10] == ["r_2", "q", "p", "r", "s", "d", "g", "h", "q_1", "q_2"]
    assert (names[-2], names[-1]) == ("q_992", "f")


def test_the_larger_a_figure_the_sooner_its_places_must_do():
    def drawn(count):
        value = minidl.scalar(1.0, name="x")
        for _ in range(count):
            value = minidl.tanh(value)
        return viz.draw(value, level="operation", local=False).dot

    assert "nslimit" not in drawn(140)
    assert "nslimit=1," in drawn(160)
    assert "nslimit=0.399" in drawn(500)
