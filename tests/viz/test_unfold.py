"""An unfolded graph computes the same values and gradients as the original, in scalars that a reader can follow."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minidl
import viz
from minidl.autodiff import backward_steps, forward_steps, gradients, local_derivatives, order
from minidl.errors import GraphError
from minidl.graph import Node
from minidl.nn import functional as F
from minidl.primitives import registry
from viz.circuit import nary
from viz.circuit.element_names import element_name
from viz.circuit.unfold import Unfolded, unfold
from viz.circuit.unfold_plan import LARGEST

Tensors = Callable[..., Any]


@pytest.fixture
def tensors() -> Tensors:
    """Makes double leaves of random numbers that want a gradient, by shape and name."""
    rng = np.random.default_rng(4)

    def make(*shape: int, name: str | None = None, wanted: bool = True) -> Any:
        return minidl.tensor(rng.normal(size=shape), requires_grad=wanted, name=name)

    return make


def agrees(root: Any, which: Any = None, weights: Any = None) -> Unfolded:
    """Unfold, and check the value and every element of every gradient against the original graph."""
    unfolded = unfold(root, which)
    new = unfolded.root
    np.testing.assert_allclose(new.data.ravel(), root.data.ravel(), rtol=1e-12, atol=1e-14)
    leaves = [node for node in order(root) if node.primitive is None]
    cotangent = np.ones(root.shape) if weights is None else weights
    wanted = minidl.grad(root, leaves, grad_outputs=minidl.tensor(cotangent), allow_unused=True)
    found = gradients(new, np.reshape(cotangent, new.shape))
    wholes = {original: node for node, original in unfolded.kept.items()}
    for leaf, gradient in zip(leaves, wanted, strict=True):
        expected = np.zeros(leaf.shape) if gradient is None else gradient.data
        if not leaf.data.size:
            continue
        elements = unfolded.sources[leaf] if leaf in unfolded.sources else (wholes[leaf],)
        got = [np.ravel(found.get(element, np.zeros(element.shape))) for element in elements]
        np.testing.assert_allclose(np.concatenate(got), expected.ravel(), rtol=1e-10, atol=1e-12)
    assert len(set(unfolded.names.values())) == len(unfolded.names)
    return unfolded


def operations(unfolded: Unfolded, of: Node | None = None) -> list[str]:
    """The scalar operations, in order; those of one original value, or all."""
    return [
        node.primitive.name
        for node, original in unfolded.groups.items()
        if node.primitive and (of is None or original is of)
    ]


# Numbers: the unfolded graph equals the original ---------------------------------------------------------------------------


def affine(tensors: Tensors) -> Any:
    """z = ‖Wx + b‖² with every value named."""
    u = (tensors(2, 3, name="W") @ tensors(3, name="x")).named("u")
    return (u + tensors(2, name="b")).named("v").squared_norm().named("z")


def neuron(t: Tensors) -> Any:
    return minidl.sigmoid(t(3) @ t(3) + minidl.scalar(0.3))


def softmax_cross_entropy(t: Tensors) -> Any:
    return F.cross_entropy(t(2, 3) @ t(3, 3), minidl.tensor([2, 0]))


def perceptron(t: Tensors) -> Any:
    hidden = minidl.relu(t(4, 2) @ t(2) + t(4))
    return ((t(2, 4) @ hidden + t(2) - t(2, wanted=False)) ** 2).mean()


def convolved(t: Tensors) -> Any:
    return F.conv2d(t(1, 1, 3, 3), t(1, 1, 2, 2), t(1)).tanh().sum()


def padded(t: Tensors) -> Any:
    return (F.conv2d(F.pad(t(1, 1, 2, 2), (1, 0, 1, 0)), t(2, 1, 2, 2)) ** 2).sum()


def pooled(t: Tensors) -> Any:
    return (F.max_pool2d(t(1, 1, 4, 4), 2) * t(2, 2)).sum()


def averaged(t: Tensors) -> Any:
    return (F.avg_pool2d(t(1, 1, 4, 4), 2) ** 2).mean()


def batch_with_bias(t: Tensors) -> Any:
    return minidl.relu(F.linear(t(3, 2), t(2, 2), t(2))).mean()


def reused(t: Tensors) -> Any:
    x = t(3)
    return (x * x + x).sum() + x @ x


def diamond(t: Tensors) -> Any:
    x = t(2)
    return (minidl.exp(x) * minidl.sin(x) / (1 + x * x)).squared_norm()


def rearranged(t: Tensors) -> Any:
    x = t(2, 3)
    rows = minidl.cat([x.T.flip(0), minidl.stack([x[0], x[1]], 1)], 0)
    return (rows.reshape(3, 4)[:, 1:] * t(3, 1)).expand(2, 3, 3).sum()


def standardized(t: Tensors) -> Any:
    return (F.layer_norm(t(2, 3), (3,), t(3), t(3)) ** 3).sum() + t(3).var() + minidl.norm(t(2, 2))


def chosen(t: Tensors) -> Any:
    return t(2, 3).amax(1).sum() + t(4).amin() * t(3).max() + minidl.prod(t(3)) + minidl.logsumexp(t(3), 0)


GRAPHS = [
    affine, neuron, softmax_cross_entropy, perceptron, convolved, padded, pooled, averaged, batch_with_bias, reused, diamond,
    rearranged, standardized, chosen,
]  # fmt: skip


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.__name__)
def test_value_and_gradients_are_the_originals(graph: Callable[[Tensors], Any], tensors: Tensors) -> None:
    unfolded = agrees(graph(tensors))
    assert not unfolded.merged
    assert all(node.ndim == 0 for node in order(unfolded.root))


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.__name__)
def test_any_single_operation_can_be_unfolded(graph: Callable[[Tensors], Any], tensors: Tensors) -> None:
    root = graph(tensors)
    for node in order(root):
        if node.primitive is not None:
            unfolded = agrees(root, [node])
            assert set(unfolded.groups.values()) <= {node}


@pytest.mark.parametrize("name", sorted(name for name in registry if registry[name].kind != "constant"))
def test_every_primitive_on_its_samples(name: str) -> None:
    """A primitive that is added later is unfolded by its kind, or stays whole; never wrongly."""
    primitive: Any = registry[name]
    rng = np.random.default_rng(1)
    tried = 0
    for sample in primitive.samples:
        leaves = [minidl.tensor(np.asarray(a, float), requires_grad=True) for a in sample.arrays(rng)]
        out = primitive(*leaves, **sample.params)
        weights = rng.normal(size=out.shape)
        if 0 < out.numel() * max(x.numel() for x in leaves) < 400:
            agrees(out, [out], weights)
            tried += 1
    assert tried or name.startswith(("conv", "resample", "avg_pool", "adaptive", "max_pool"))  # those are larger


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from("+*-@/mtsrefpn"), min_size=1, max_size=6), st.integers(0, 99))
def test_random_graphs(steps: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)

    def make(*shape: int) -> Any:
        return minidl.tensor(rng.normal(size=shape), requires_grad=True)

    act: dict[str, Callable[[Any], Any]] = {
        "+": lambda x: x + make(2), "*": lambda x: x * make(2, 1), "-": lambda x: x - x.mean(), "@": lambda x: make(2, 2) @ x,
        "/": lambda x: x / (1 + x * x), "m": lambda x: minidl.maximum(x, x.flip(1)), "t": lambda x: x.T,
        "s": lambda x: minidl.softmax(x, 1), "r": minidl.relu, "e": lambda x: minidl.exp(x.tanh()),
        "f": lambda x: x.reshape(4).cumsum(0).reshape(2, 2), "p": lambda x: x**2, "n": lambda x: x / minidl.norm(x),
    }  # fmt: skip
    x = make(2, 2)
    nodes = [x]
    for step in steps:
        nodes.append(act[step](nodes[-1]))
    root = (nodes[-1] * make(2, 2)).sum()
    agrees(root)
    agrees(root, [node for node in order(root) if node.primitive is not None and rng.random() < 0.5])


def test_second_derivatives_agree_too(tensors: Tensors) -> None:
    W, x = tensors(2, 2), tensors(2)
    z = minidl.tanh(W @ x).squared_norm()
    unfolded = unfold(z, [node for node in order(z) if node.primitive and node.primitive.name != "tanh"])
    first = minidl.grad(z, [x], create_graph=True)[0]
    second = minidl.grad(first.sum(), [W])[0]
    elements = unfolded.sources[x]
    new_first = minidl.grad(unfolded.root, elements, create_graph=True)
    new_second = minidl.grad(new_first[0] + new_first[1], unfolded.sources[W])
    np.testing.assert_allclose([g.data for g in new_second], second.data.ravel(), rtol=1e-10)


def test_infinities_among_plain_numbers_stay_what_they_are() -> None:
    x = minidl.tensor([1.0, 2.0], dtype=minidl.float64, requires_grad=True)
    rows = minidl.cat([x, np.array([math.inf, -math.inf])])
    assert math.isnan(unfold(rows.sum()).root.data)


def test_ties_share_as_in_the_original() -> None:
    x = minidl.tensor([[2.0, 2.0, 1.0, 2.0]], dtype=minidl.float64, requires_grad=True)
    agrees(x.amax(1).sum())
    agrees((-x).amin(1).sum())
    agrees(F.max_pool1d(x, 4).sum())


def test_large_scores_do_not_overflow() -> None:
    x = minidl.tensor([1000.0, 999.0, -1000.0], dtype=minidl.float64, requires_grad=True)
    for root in (minidl.softmax(x, 0)[1], minidl.log_softmax(x, 0)[2], minidl.logsumexp(x, 0)):
        agrees(root.reshape(()) * 3)
    low = minidl.tensor([-2000.0, -2001.0], dtype=minidl.float64, requires_grad=True)
    agrees(minidl.logsumexp(low, 0) * 1.0)


def test_the_gradient_of_a_length_of_zero_is_zero() -> None:
    x = minidl.tensor([0.0, 0.0], dtype=minidl.float64, requires_grad=True)
    agrees(minidl.norm(x) * 2.0)


def test_the_original_is_left_alone(tensors: Tensors) -> None:
    z = affine(tensors)
    before = [(node.name, node.data.copy(), node.grad, node.order, node.inputs) for node in order(z)]
    with minidl.no_grad():
        unfolded = unfold(z)
    unfolded.root.backward()
    assert unfolded.root.requires_grad
    for node, (name, data, grad, tick, inputs) in zip(order(z), before, strict=True):
        assert (node.name, node.grad, node.order) == (name, grad, tick)
        assert [id(x) for x in node.inputs] == [id(x) for x in inputs]
        assert np.array_equal(node.data, data)


# Structure: what a reader sees ---------------------------------------------------------------------------------------------


def test_a_matrix_product_is_m_times_n_multiplications_and_m_sums(tensors: Tensors) -> None:
    z = affine(tensors)
    u, v = z.primitive and z.inputs[0].inputs[0], z.inputs[0]
    unfolded = unfold(z)
    assert operations(unfolded, u) == ["mul", "mul", "mul", "total"] * 2
    assert operations(unfolded, v) == ["add", "add"]
    assert operations(unfolded, z) == ["square", "square", "add"]
    first = next(iter(unfolded.groups))
    assert [unfolded.names[x] for x in first.inputs] == ["W_11", "x_1"]


def test_elements_are_named_as_in_mathematics(tensors: Tensors) -> None:
    z = affine(tensors)
    unfolded = unfold(z)
    u = z.inputs[0].inputs[0]
    W = u.inputs[0]
    assert [unfolded.names[x] for x in unfolded.sources[W]] == ["W_11", "W_12", "W_13", "W_21", "W_22", "W_23"]
    assert [x.data.item() for x in unfolded.sources[W]] == W.data.ravel().tolist()
    assert [unfolded.names[x] for x in unfolded.elements[u]] == ["u_1", "u_2"]  # type: ignore[index]
    assert unfolded.names[unfolded.root] == "z"
    products = [node for node in unfolded.groups if node.primitive and node.primitive.name == "mul"]
    assert products
    assert not unfolded.names.keys() & set(products)


def test_names_come_from_the_caller_too(tensors: Tensors) -> None:
    x = tensors(2)
    y = minidl.exp(x)
    unfolded = unfold(y.sum(), names={x: "t", y: "p"})
    assert [unfolded.names[e] for e in unfolded.sources[x]] == ["t_1", "t_2"]
    assert [unfolded.names[e] for e in unfolded.elements[y]] == ["p_1", "p_2"]  # type: ignore[index]


def test_nothing_is_named_twice(tensors: Tensors) -> None:
    x, x_1, twin, long, longer = (
        tensors(2, name=name) for name in ("x", "x_1", "x", "n" * 10_000 + "a", "n" * 10_000 + "b")
    )
    scalar = minidl.scalar(1.0, name="x_2")
    root = (x * x_1 * twin * long * longer).sum() * scalar
    unfolded = unfold(root, names={x: "x", twin: "x"})
    assert len(set(unfolded.names.values())) == len(unfolded.names)
    assert "x_2" in unfolded.names.values()
    assert all(len(name) <= 30 for node, name in unfolded.names.items() if node.primitive is None)


def test_element_names_of_many_shapes() -> None:
    assert element_name("x", (3,), (2,)) == "x_3"
    assert element_name("w", (1, 3), (0, 2)) == "w_13"
    assert element_name("A", (10, 2), (9, 0)) == "A_10,1"
    assert element_name("b1", (2,), (0,)) == "b⁽¹⁾_1"
    assert element_name("K", (2, 1, 3, 3), (1, 0, 2, 0)) == "K_231"


def test_rearrangements_are_wiring(tensors: Tensors) -> None:
    x = tensors(2, 3, name="x")
    moved = x.T.reshape(2, 3).flip(0).unsqueeze(0)
    unfolded = unfold((moved * 2.0).sum())
    assert operations(unfolded) == ["mul"] * 6 + ["total"]
    expected = moved.data.ravel().tolist()
    assert [node.inputs[0].data.item() for node in unfolded.groups if len(node.inputs) == 2] == expected


def test_a_mean_is_a_sum_and_a_division(tensors: Tensors) -> None:
    unfolded = unfold(tensors(4).mean())
    assert operations(unfolded) == ["total", "div"]
    assert unfolded.root.inputs[1] == 4


def test_coefficients_are_multiplied_except_one_and_minus_one(tensors: Tensors) -> None:
    unfolded = agrees(tensors(4) @ np.array([1.0, -1.0, 0.25, 0.0]))
    assert operations(unfolded) == ["neg", "mul", "total"]
    assert [x for node in unfolded.groups for x in node.inputs if not isinstance(x, Node)] == [0.25]


def test_numbers_stay_numbers_and_data_without_gradient_stays_data(tensors: Tensors) -> None:
    x = tensors(2, name="x", wanted=False)
    w = tensors(2, name="w")
    unfolded = unfold((w * x * np.array([3.0, 5.0])).sum())
    assert [node.requires_grad for node in unfolded.sources[x]] == [False, False]
    assert [y for node in unfolded.groups for y in node.inputs if not isinstance(y, Node)] == [3.0, 5.0]


def test_what_has_no_scalar_form_stays_whole(tensors: Tensors) -> None:
    A = tensors(2, 2, name="A")
    inverse = minidl.inverse(A * 1.0 + np.eye(2)).named("B")
    unfolded = agrees((inverse * inverse).sum())
    kept = [node for node in unfolded.kept if node.primitive and node.primitive.name == "inv"]
    assert [unfolded.kept[node] for node in kept] == [inverse]
    assert {node.primitive.name for node in unfolded.merged if node.primitive} == {"bundle", "getitem"}


def test_a_graph_of_scalars_is_copied(tensors: Tensors) -> None:
    x, y = minidl.scalar(2.0, name="x"), minidl.scalar(3.0, name="y")
    unfolded = agrees((x * y + x).named("f"))
    assert not unfolded.groups
    assert sorted(unfolded.names.values()) == ["f", "q", "x", "y"]


def test_several_outputs_are_bundled(tensors: Tensors) -> None:
    y = (tensors(2, 2) @ tensors(2, 2)).named("Y")
    unfolded = agrees(y, weights=np.array([[1.0, -2.0], [0.5, 3.0]]))
    assert unfolded.root.shape == (2, 2)
    assert unfolded.merged == {unfolded.root: y}


# Zooming into a part -------------------------------------------------------------------------------------------------------


def test_mixed_zoom(tensors: Tensors) -> None:
    z = affine(tensors)
    v, u = z.inputs[0], z.inputs[0].inputs[0]
    unfolded = agrees(z, [u])
    (joint,) = unfolded.merged
    assert unfolded.merged[joint] is u
    assert unfolded.names[joint] == "u"
    assert [unfolded.names[x] for x in joint.inputs] == ["u_1", "u_2"]
    wholes = {original: node for node, original in unfolded.kept.items()}
    assert [id(x) for x in wholes[v].inputs] == [id(joint), id(wholes[v.inputs[1]])]
    assert wholes[v.inputs[1]].shape == (2,)  # b is not taken apart: only whole operations use it


def test_elements_are_taken_out_of_what_was_kept(tensors: Tensors) -> None:
    z = affine(tensors)
    v = z.inputs[0]
    unfolded = agrees(z, [z])
    assert [unfolded.names[x] for x in unfolded.merged] == ["v_1", "v_2"]
    assert set(unfolded.merged.values()) == {v}


def test_a_leaf_used_both_ways_is_one_leaf(tensors: Tensors) -> None:
    x = tensors(2, name="x")
    whole = minidl.exp(x)
    mixed = (whole * x).named("m")
    root = mixed.sum()
    assert not agrees(root, []).sources
    unfolded = agrees(root, [mixed])
    assert len(unfolded.sources[x]) == 2
    assert {original.name for original in unfolded.merged.values()} == {"x", whole.name, "m"}


def test_a_transpose_goes_with_the_product_that_uses_it(tensors: Tensors) -> None:
    x, W = tensors(1, 2, name="x"), tensors(2, 2, name="W")
    y = F.linear(x, W)
    unfolded = agrees((y * y).sum(), [y])
    assert x in unfolded.sources
    assert W in unfolded.sources
    assert "permute" not in {node.primitive.name for node in order(unfolded.root) if node.primitive}


def test_only_what_the_root_needs_is_there(tensors: Tensors) -> None:
    unfolded = agrees(minidl.exp(tensors(3, name="x"))[1] * 1.0)
    assert set(unfolded.groups) <= set(order(unfolded.root))
    assert operations(unfolded) == ["exp"]


# Order, reading and limits -------------------------------------------------------------------------------------------------


def _shape_of(unfolded: Unfolded) -> list[Any]:
    nodes = order(unfolded.root)
    at = {node: i for i, node in enumerate(nodes)}
    return [
        (node.primitive and node.primitive.name, [at.get(x) for x in node.inputs], unfolded.names.get(node))
        for node in nodes
    ]


def test_the_order_is_the_same_every_time() -> None:
    def build() -> Unfolded:
        rng = np.random.default_rng(0)
        return unfold(perceptron(lambda *s, wanted=True: minidl.tensor(rng.normal(size=s), requires_grad=wanted)))

    first = build()
    assert _shape_of(first) == _shape_of(build())
    ticks = [node.order for node in first.groups]
    assert ticks == sorted(ticks)


def test_figures_and_sentences_read_it(tensors: Tensors) -> None:
    unfolded = unfold(affine(tensors))
    figure = viz.draw(unfolded.root, names=None)
    assert "W₁₂" in figure.text
    sentences = [step.text for step in forward_steps(unfolded.root, unfolded.names)]
    assert any(sentence.startswith("v_1 = u_1 + b_1 = ") for sentence in sentences)
    assert any("back to W_23" in step.text for step in backward_steps(unfolded.root, unfolded.names))


def test_operations_on_many_terms_print_their_derivatives() -> None:
    names = ("a", "b", "c")
    assert local_derivatives(nary.total(3), names) == ["∂z/∂a = 1", "∂z/∂b = 1", "∂z/∂c = 1"]
    assert local_derivatives(nary.product(3), names)[1] == "∂z/∂b = a·c"
    assert local_derivatives(nary.extremum(3, "max", shared=True), names)[2] == "∂z/∂c = [c = z]"


def test_they_stay_out_of_the_engines_registry(tensors: Tensors) -> None:
    before = list(registry)
    unfold(softmax_cross_entropy(tensors))
    assert list(registry) == before


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda t: t(15, 15, name="W") @ t(15), "W alone is 15×15"),
        (lambda t: t(10, 10, name="W") @ t(10, 3), "U = WA alone gives 330"),
        (lambda t: t(300, name="x").sum() * 1.0, "x alone is 300"),
        (lambda t: (t(1, name="x").expand(100_000) * 2.0).sum(), "expand="),
    ],
)
def test_what_is_too_large_is_refused(build: Callable[[Tensors], Any], words: str, tensors: Tensors) -> None:
    with pytest.raises(GraphError) as caught:
        unfold(build(tensors).sum())
    assert words in str(caught.value)
    assert str(LARGEST) in str(caught.value)
    assert "expand=" in str(caught.value)


def test_a_large_network_can_be_unfolded_in_one_place(tensors: Tensors) -> None:
    hidden = minidl.relu(tensors(50, 40) @ tensors(40))
    y = (tensors(1, 50) @ hidden + tensors(1)).named("y")
    unfolded = agrees(y * 1.0, [y])
    assert operations(unfolded) == ["add"]


def wrong() -> Sequence[Any]:
    x = minidl.tensor([1.0], requires_grad=True, name="x")
    return [(x, None, "x was given"), (3.0, None, "a float was given"), (x * 2.0, [x], "not computed in this graph")]


@pytest.mark.parametrize("case", range(3))
def test_what_cannot_be_unfolded_is_refused(case: int) -> None:
    root, which, words = wrong()[case]
    with pytest.raises(GraphError, match=words):
        unfold(root, which)
