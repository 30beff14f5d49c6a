"""PyTorch's graphs in the same style: its operations, its shapes, and what it keeps of values and gradients."""

import html
import re

import pytest

import viz
from minidl.errors import GraphError, UsageError
from viz.drawing import engine

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch


def affine():
    W = torch.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True)
    x = torch.tensor([1.0, -1.0], requires_grad=True)
    b = torch.tensor([0.5, -2.0], requires_grad=True)
    u = W @ x
    v = u + b
    v.retain_grad()
    z = (v * v).sum()
    return z, {"W": W, "x": x, "b": b, "u": u, "v": v, "z": z}


def network():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(36, 10)
    )
    loss = torch.nn.functional.cross_entropy(model(torch.randn(2, 1, 8, 8)), torch.tensor([1, 2]))
    return loss, dict(model.named_parameters())


def words(dot):
    return html.unescape(re.sub(r"<[^>]+>", " ", dot))


def symbols(dot):
    gates = re.findall(r"^  o\d+ \[(.*)\];$", dot, re.MULTILINE)
    return [re.sub(r"<[^>]+>", "", re.search(r"<FONT[^>]*>.*?</FONT>", gate)[0]) for gate in gates]


def test_it_looks_as_the_same_computation_in_minidl():
    z, names = affine()
    z.backward()
    figure = viz.draw(z, names=names)
    assert symbols(figure.dot) == ["•", "+", "×", "Σ"]
    assert "W = [[1, 2], [3, −1]] with gradient [[−1, 1], [4, −4]]" in figure.text
    assert "u = [−1, 4];" in figure.text
    assert "v = [−0.5, 2] with gradient [−1, 4]" in figure.text
    assert "z = 4.25" in figure.text


def test_gradients_are_shown_where_pytorch_kept_them():
    z, names = affine()
    assert "gradient" not in viz.draw(z, names=names).text
    z.backward()
    text = viz.draw(z, names=names).text
    assert text.count("with gradient") == 4  # three leaves and v
    assert "with gradient" not in viz.draw(z, names=names, grads=False).text


def test_what_pytorch_does_not_keep_is_shown_by_its_shape():
    loss, names = network()
    figure = viz.draw(loss, names=names)
    assert re.search(r"ℝ\s+2×4×6×6", words(figure.dot))
    assert symbols(figure.dot)[:4] == ["∗", "ReLU", "max pool", "reshape"]
    assert "0.weight" in figure.text


@pytest.mark.parametrize("make", [affine, network])
@pytest.mark.parametrize("theme", ["light", "dark", "print", "colorblind"])
@pytest.mark.parametrize("direction", ["LR", "TB"])
def test_it_is_drawn_without_a_remark(make, theme, direction, kind):
    value, names = make()
    figure = viz.draw(value, names=names, theme=theme, direction=direction, shapes=True)
    assert engine.render_with_warnings(figure.dot, "svg")[1] == []
    assert figure.dot == viz.draw(value, names=names, theme=theme, direction=direction, shapes=True).dot


def test_a_value_that_is_used_twice_is_one_wire():
    x = torch.tensor(3.0, requires_grad=True)
    dot = viz.draw(x * x, names={"x": x}).dot
    assert len(re.findall(r"^  v\d+ \[", dot, re.MULTILINE)) == 2


def test_what_has_no_graph_is_refused():
    with pytest.raises(GraphError, match="PyTorch tensor was given, not computed"):
        viz.draw(torch.tensor(1.0))
    z, _ = affine()
    with pytest.raises(UsageError, match="for minidl's graphs"):
        viz.draw(z, level="scalar")
    long = torch.tensor(1.0, requires_grad=True)
    for _ in range(501):
        long = long * 1.0
    with pytest.raises(GraphError, match="more than a figure can show"):
        viz.draw(long)


def test_bfloat16_and_complex_tensors_do_not_break_it():
    for dtype in (torch.bfloat16, torch.complex64):
        x = torch.tensor([1.0, 2.0], dtype=dtype, requires_grad=True)
        figure = viz.draw((x * 2).sum(), names={"x": x})
        assert engine.render_with_warnings(figure.dot, "svg")[1] == []
