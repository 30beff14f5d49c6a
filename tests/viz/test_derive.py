"""Derivations are read as a reader would, computed, and compared with the engine's gradients."""

import re
from itertools import product

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minidl
import minidl.nn.functional as F
from minidl.autodiff import gradients
from minidl.errors import GraphError, UsageError
from minidl.primitives import registry
from viz.derivation.derive import LARGEST, derive
from viz.derivation.expression import Partial, Unsimplified
from viz.derivation.latex import as_text
from viz.derivation.writing import Writer

# A reader: it computes what a line of text says, by the rules of mathematics, not by the code that wrote it -----------------

_VULGAR = {"½": 1 / 2, "⅓": 1 / 3, "¼": 1 / 4, "⅕": 1 / 5, "⅙": 1 / 6, "⅛": 1 / 8, "⅔": 2 / 3, "¾": 3 / 4, "⅒": 1 / 10}
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻·", "0123456789-.")
_FUNCTIONS = {
    "exp": np.exp, "ln": np.log, "tanh": np.tanh, "sin": np.sin, "cos": np.cos, "σ": lambda x: 1 / (1 + np.exp(-x)),
    "ReLU": lambda x: np.maximum(x, 0), "√": np.sqrt, "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    "sign": np.sign,
}  # fmt: skip


class Row:
    """A transposed vector."""

    def __init__(self, data):
        self.data = data


class Ones:
    """𝟏 times a number, of a size that what stands beside it tells."""

    def __init__(self, scale=1.0, row=False):
        self.scale = scale
        self.row = row


def plain(x):
    """𝟏 where it is broadcast."""
    return x.scale if isinstance(x, Ones) else x


class Reader:
    def __init__(self, text, names, ones=()):
        self.names = names
        self.ones = list(ones)
        known = "|".join(map(re.escape, sorted([*names, *_FUNCTIONS], key=len, reverse=True)))
        number = r"[0-9]+(?:\.[0-9]+)?(?:×10[⁰¹²³⁴-⁹⁻]+)?"
        pattern = rf"Σ_rows|Σ_columns|{known}|{number}|[⁰¹²³⁴-⁹⁻]+(?:·[⁰¹²³⁴-⁹]+)?|\S"
        self.tokens = re.findall(pattern, text)
        self.at = self.within = 0

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, wanted=None):
        token = self.peek()
        assert token, "the formula ends too early"
        assert wanted in (None, token), f"{token} where {wanted} should be"
        self.at += 1
        return token

    def whole(self):
        value = self.sum()
        assert not self.peek(), f"{self.tokens[self.at :]} is left over"
        return value

    def sum(self):
        sign = -1 if self.peek() == "−" and self.take() else 1
        value = sign * plain(self.product())
        while self.peek() in ("+", "−"):
            sign = 1 if self.take() == "+" else -1
            value = value + sign * plain(self.product())
        return value

    def product(self):
        value = self.side_by_side()
        while self.peek() in ("·", "⊙", "/"):
            token, other = self.take(), self.side_by_side()
            if isinstance(other, Row):
                value = joined(value, other)
                continue
            ones = isinstance(value, Ones) and token == "/" and np.ndim(plain(other)) == 0
            value = plain(value) / plain(other) if token == "/" else plain(value) * plain(other)
            value = Ones(value) if ones else value
        if isinstance(value, Row):
            raise TypeError(f"a row is left in {self.tokens}")
        return value

    def side_by_side(self):
        """Factors with no sign between them bind tighter than any sign."""
        value = self.factor()
        while (token := self.peek()) and token not in (*"+−)]>|·⊙/", "‖" * bool(self.within)):
            value = joined(value, self.factor())
        return value

    def factor(self):
        token = self.take()
        if token in _VULGAR:
            value = _VULGAR[token]
        elif token[0] in "0123456789":
            mantissa, _, exponent = token.partition("×10")
            value = float(mantissa) * 10.0 ** int(exponent.translate(_RAISED) or 0)
        elif token == "(":
            value = self.sum()
            self.take(")")
        elif token == "[":
            value = self.sum()
            self.take(">")
            value = (value > self.sum()) * 1.0
            self.take("]")
        elif token == "‖":
            self.within += 1
            value = np.linalg.norm(self.sum())
            self.take("‖")
            self.within -= 1
        elif token.startswith("Σ"):
            value = np.sum(plain(self.product()), axis={"Σ": None, "Σ_rows": 0, "Σ_columns": 1}[token])
        elif token == "𝟏":
            value = self.ones.pop(0) if self.ones else Ones()
        elif token in self.names:
            value = self.names[token]
        else:
            value = _FUNCTIONS[token](self.factor_of_function())
        while (mark := self.peek()) and mark[0] in "ᵀ⁰¹²³⁴⁵⁶⁷⁸⁹⁻":
            self.take()
            value = transposed(value) if mark == "ᵀ" else value ** float(mark.translate(_RAISED))
        return value

    def factor_of_function(self):
        if self.peek() != "(":
            return self.product()
        self.take("(")
        value = self.sum()
        self.take(")")
        return value


def transposed(x):
    if isinstance(x, Ones):
        return Ones(x.scale, not x.row)
    return x.data if isinstance(x, Row) else Row(x) if np.ndim(x) == 1 else np.swapaxes(x, -1, -2)


def joined(a, b):
    """Two factors side by side."""
    if isinstance(a, Ones):
        if isinstance(b, Row):  # 𝟏xᵀ: x in every row
            return a.scale * b.data
        if not np.ndim(b):
            return Ones(a.scale * b, a.row)
        return Row(a.scale * b.sum(0)) if np.ndim(b) == 2 else a.scale * b.sum()
    if isinstance(b, Ones):
        if isinstance(a, Row):
            return b.scale * a.data.sum()
        if b.row and np.ndim(a):  # x𝟏ᵀ: x in every column
            return b.scale * a[:, None]
        return b.scale * a.sum(-1) if np.ndim(a) else Ones(a * b.scale, b.row)
    if isinstance(a, Row):
        return Row(joined(b.T, a.data)) if np.ndim(b) == 2 else np.dot(a.data, b)
    if isinstance(b, Row):
        return np.outer(a, b.data) if np.ndim(a) else Row(a * b.data)
    return a @ b if np.ndim(a) and np.ndim(b) else a * b


def check(root, least=1, **options):
    """Read every side of every line; return how many sides were read."""
    derivation = derive(root, **options)
    truth = {}
    names = {}
    write = Writer(derivation._constants)
    for equation in (*derivation.given, *derivation.forward):
        names[write(equation.left)] = np.asarray(equation.value, float)
    for name, value in derivation._constant_values().items():
        names[name] = np.squeeze(np.asarray(value, float))
    for equation in derivation.backward:
        truth[write(equation.left)] = np.asarray(equation.value, float)
    read = 0
    for equation in (*derivation.forward, *derivation.backward):
        for step in equation.steps:
            if isinstance(step, Unsimplified) and any(isinstance(local, Partial) for _, local in step.terms):
                continue
            if not isinstance(step, Unsimplified):
                value = np.broadcast_to(step.value, np.shape(equation.value))
                np.testing.assert_allclose(value, equation.value, rtol=1e-7, atol=1e-10)
            text = write(step)
            assert agrees(text, {**names, **truth}, np.asarray(equation.value)), f"{text} is not {equation.value}"
            read += 1
    assert read >= least
    found = gradients(root)
    for equation in derivation.backward:
        assert any(equation.value is g for g in found.values()) or any(
            np.array_equal(equation.value, g) for g in found.values()
        )
    return derivation


def agrees(text, names, expected):
    """Whether a formula gives an array; each 𝟏 may be a number, a vector or a matrix, of two rows and columns here."""
    for ones in product((Ones(), np.ones(2), np.ones((2, 2))), repeat=min(text.count("𝟏"), 4)):
        try:
            value = Reader(text, names, ones).whole()
        except (TypeError, ValueError):
            continue
        fits = np.ndim(value) <= expected.ndim or np.size(value) == expected.size == 1
        if fits and np.allclose(value, expected, rtol=1e-7, atol=1e-10):
            return True
    return False


def leaf(values, name, wants=True):
    return minidl.tensor(values, dtype=minidl.float64, requires_grad=wants).named(name)


def lines(derivation, width=100):
    return [line.strip() for line in derivation.text(width).splitlines()]


def sides(derivation, left):
    """All sides of one line's equation, in order."""
    text = derivation.text(100)
    block = re.search(rf"^  {re.escape(left)} (= .*(?:\n    +.*)*)", text, re.MULTILINE)
    assert block, text
    return [" ".join(side.split()) for side in re.split(r"(?:^|\s)= ", block[1])[1:]]


@pytest.fixture
def affine():
    W, x, b = leaf([[1.0, 2.0], [3.0, -1.0]], "W"), leaf([1.0, -1.0], "x"), leaf([0.5, -2.0], "b")
    return minidl.squared_norm(((W @ x).named("u") + b).named("v")).named("z")


def test_the_reader_reads():
    names = {"W": np.array([[1.0, 2.0], [3.0, -1.0]]), "x": np.array([1.0, -1.0]), "a": np.float64(3.0)}
    for text, expected in (
        ("2Wx", [-2, 8]), ("xᵀWx", -5), ("2x xᵀ", [[2, -2], [-2, 2]]), ("1/(2a)", 1 / 6), ("−a² + 1", -8), ("Wᵀx", [-2, 3]),
        ("x ⊙ [x > 0]/a", [1 / 3, 0]), ("⅓ Σ x²", 2 / 3), ("‖x‖²", 2), ("(1 − a)·x", [-2, 2]), ("Σ_rows W", [4, 1]),
        ("exp(a)·tanh(a)²", np.exp(3) * np.tanh(3) ** 2),
    ):  # fmt: skip
        np.testing.assert_allclose(Reader(text, names).whole(), expected)


# What lectures derive -------------------------------------------------------------------------------------------------


def test_the_norm_of_an_affine_map_arrives_at_the_textbooks_form(affine):
    d = check(affine, least=12)
    assert sides(d, "∂z/∂v") == ["2v", "2·[−0.5, 2]", "[−1, 4]"]
    assert sides(d, "∂z/∂u")[:2] == ["∂z/∂v · ∂v/∂u", "2v"]
    assert sides(d, "∂z/∂W") == [
        "(∂z/∂u)xᵀ", "2vxᵀ", "2(Wx + b)xᵀ", "2·[−0.5, 2]·[1, −1]ᵀ", "[[−1, 1], [4, −4]]",
    ]  # fmt: skip
    assert sides(d, "∂z/∂x")[:3] == ["Wᵀ(∂z/∂u)", "2Wᵀv", "2Wᵀ(Wx + b)"]
    assert sides(d, "∂z/∂x")[-1] == "[11, −6]"
    assert sides(d, "∂z/∂b")[-3:] == ["2(Wx + b)", "2·[−0.5, 2]", "[−1, 4]"]
    assert "z = ‖v‖² = 4.25" in lines(d)


def test_scalars_are_multiplied_along_the_path():
    x, y, z = (minidl.scalar(v, name=n) for v, n in [(-2.0, "x"), (5.0, "y"), (-4.0, "z")])
    d = check((x + y) * z)
    assert sides(d, "∂f/∂q") == ["z", "−4"]
    assert sides(d, "∂f/∂x") == ["∂f/∂q · ∂q/∂x", "z · 1", "z", "−4"]
    assert sides(d, "∂f/∂z") == ["q", "x + y", "3"]


def test_contributions_of_several_paths_are_added():
    x = minidl.scalar(0.5, name="x")
    d = check(minidl.exp(x).named("a") * minidl.sin(x).named("b"))
    assert sides(d, "∂f/∂x")[:2] == ["∂f/∂a · ∂a/∂x + ∂f/∂b · ∂b/∂x", "b·a + a·cos(x)"]
    assert sides(d, "∂f/∂x")[-2:] == ["0.4794·1.649 + 1.649·cos(0.5)", "2.237"]


def test_a_value_used_twice_by_one_operation():
    x = minidl.scalar(0.5, name="x")
    assert sides(check(x * x), "∂f/∂x") == ["2x", "2·0.5", "1"]
    assert sides(check(x + x), "∂f/∂x") == ["2"]
    assert sides(check(x - x + x), "∂f/∂x")[-1] == "1"


def test_a_minus_sign_goes_before_all_of_a_sum():
    x = minidl.scalar(0.5, name="x")
    d = check(-minidl.tanh(x).named("q"))
    assert sides(d, "∂f/∂x")[-2:] == ["−(1 − 0.4621²)", "−0.7864"]
    assert "-(1 - " in d.latex()


def test_a_neuron():
    w, x, b = leaf([2.0, -3.0], "w"), leaf([-1.0, -2.0], "x"), leaf(-3.0, "b")
    d = check(minidl.sigmoid(w @ x + b).named("a"))
    assert sides(d, "∂a/∂w")[1:3] == ["a·(1 − a)·x", "σ(wᵀx + b)·(1 − σ(wᵀx + b))·x"]
    assert sides(d, "∂a/∂w")[-1] == "[−0.1966, −0.3932]"


def test_a_layer_of_neurons_multiplies_element_by_element():
    W, x = leaf([[1.0, 2.0], [3.0, -1.0]], "W"), leaf([0.1, -0.2], "x", False)
    d = check(minidl.sigmoid(W @ x).named("a").sum().named("L"))
    assert "a ⊙ (1 − a)" in sides(d, "∂L/∂u")
    assert "(a ⊙ (1 − a))xᵀ" in sides(d, "∂L/∂W")
    assert "a ⊙ b multiplies element by element" in lines(d)


def test_the_mean_squared_error():
    x, t = leaf([1.0, 2.0, 3.0], "x", False), leaf([1.0, 0.0, 2.0], "t", False)
    w, b = leaf(2.0, "w"), leaf(1.0, "b")
    d = check(F.mse_loss((w * x + b).named("p"), t).named("L"))
    assert "2v/3" in sides(d, "∂L/∂p")
    assert "2(w·x + b − t)ᵀx/3" in sides(d, "∂L/∂w")
    assert "⅔ Σ (w·x + b − t)" in sides(d, "∂L/∂b")


def test_softmax_with_cross_entropy():
    W, x = leaf([[1.0, 2.0], [3.0, -1.0], [0.5, 0.1]], "W"), leaf([0.1, -0.2], "x", False)
    d = derive(F.cross_entropy((W @ x).named("s"), minidl.tensor(1)).named("L"))
    assert sides(d, "∂L/∂s")[0] == "softmax(s) − y"
    assert sides(d, "∂L/∂W")[1:3] == ["(softmax(s) − y)xᵀ", "(softmax(Wx) − y)xᵀ"]
    assert "y = [0, 1, 0] is constant" in lines(d)
    assert "L = CE(s) = 0.7296" in "\n".join(lines(d))


def test_a_batch_and_its_bias():
    X = leaf([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "X", False)
    W, b = leaf([[0.1, 0.2], [0.3, 0.4]], "W"), leaf([1.0, 2.0], "b")
    d = check(((X @ W.T + b) ** 2).sum().named("L"))
    assert sides(d, "∂L/∂W")[:3] == ["(∂L/∂U)ᵀX", "2VᵀX", "2(XWᵀ + b)ᵀX"]
    assert sides(d, "∂L/∂b")[:3] == ["Σ_rows ∂L/∂V", "2 Σ_rows V", "2 Σ_rows (XWᵀ + b)"]
    assert "Σ_rows adds up the rows of a matrix, Σ_columns its columns" in lines(d)


def test_relu_is_an_indicator_of_its_input():
    x = leaf([1.0, -2.0, 3.0], "x")
    d = check(minidl.relu(x).sum())
    assert "[x > 0]" in sides(d, "∂f/∂x")
    assert "[…] is 1 where the condition holds, else 0" in lines(d)


def test_two_layers():
    rng = np.random.default_rng(0)
    x = leaf([1.0, -2.0], "x", False)
    W1, b1 = leaf(rng.normal(size=(3, 2)), "W_1"), leaf([0.1, 0.2, 0.3], "b_1")
    W2, t = leaf(rng.normal(size=(2, 3)), "W_2"), leaf([0.0, 1.0], "t", False)
    loss = minidl.squared_norm((W2 @ minidl.tanh(W1 @ x + b1).named("h")).named("p") - t).named("L")
    d = check(loss, least=15)
    assert "2(W₂ tanh(W₁x + b₁) − t) tanh(W₁x + b₁)ᵀ" in sides(d, "∂L/∂W₂")
    assert any("⊙ (1 − h²)" in side for side in sides(d, "∂L/∂W₁"))


def test_shared_weights():
    W, x = leaf([[0.5, -0.2], [0.1, 0.3]], "W"), leaf([1.0, -1.0], "x", False)
    d = check(minidl.squared_norm(W @ minidl.tanh(W @ x).named("h")).named("L"))
    assert sides(d, "∂L/∂W")[0].count("∂L/∂") == 2


@pytest.mark.parametrize(
    ("function", "final"),
    [
        (lambda v: v.norm(), "v/‖v‖"),
        (lambda v: minidl.logsumexp(v, 0), "exp(v − ln Σ exp(v))"),
        (lambda v: (1 / v).sum(), "−1/v²"),
        (lambda v: (v**3).mean(), "v²"),
        (lambda v: minidl.log(v).sum(), "1/v"),
        (lambda v: minidl.sqrt(v).sum(), "1/(2·√(v))"),
        (lambda v: (v * v).sum(), "2v"),
        (lambda v: -(-v).sum(), "𝟏"),
        (lambda v: (v / v.sum()).prod(), None),
        (lambda v: v @ v, "2v"),
        (lambda v: (v - v.mean()).square().sum(), None),
        (lambda v: minidl.where(v.data > 1.5, v, v * v).sum(), None),
        (lambda v: (minidl.softmax(v, 0) * minidl.tensor([1.0, 2.0, 0.0], dtype=minidl.float64)).sum(), None),
    ],
)  # fmt: skip
def test_functions_of_a_vector(function, final):
    v = leaf([1.0, 2.0, 2.5], "v")
    root = function(v)
    d = derive(root) if final is None and "prod" in str(root.primitive) else check(root)
    if final is not None:
        assert final in sides(d, f"∂{d.forward[-1].left.text}/∂v")


def test_a_matrix_of_one_row_is_still_a_matrix():
    W, x, b = leaf([[2.0, 3.0]], "W"), leaf([1.0, -1.0], "x"), leaf([0.5], "b")
    d = check((W @ x + b).tanh().sum().named("L"))
    assert sides(d, "∂L/∂W")[0] == "(∂L/∂u)xᵀ"
    assert sides(d, "∂L/∂x")[0] == "Wᵀ(∂L/∂u)"


def test_what_has_no_formula_is_named_as_an_operator():
    rng = np.random.default_rng(0)
    x, K = leaf(rng.normal(size=(1, 1, 4, 4)), "x"), leaf(rng.normal(size=(1, 1, 3, 3)), "K")
    d = derive(F.conv2d(x, K).named("y").square().sum().named("L"))
    assert sides(d, "∂L/∂x") == ["conv2dᵀ(∂L/∂y, K)", "conv2dᵀ(2y, K)", "conv2dᵀ(2(x ∗ K), K)", "1×1×4×4 array"]
    assert sides(d, "∂L/∂K")[0] == "conv2dᵀ(∂L/∂y, x)"
    assert "conv2dᵀ is the transpose of conv2d: what its own rule sends back" in lines(d)
    d = derive(F.max_pool2d(x, 2).sum().named("L"))
    assert sides(d, "∂L/∂x")[0] == "max_pool2dᵀ(∂L/∂U)"


# Whatever is computed -------------------------------------------------------------------------------------------------


@st.composite
def graphs(draw):
    """A random number made of scalars, vectors and matrices."""
    floats = st.floats(0.3, 2.0).map(lambda x: round(x, 2))
    pool = [
        leaf(draw(floats), "a"), leaf([draw(floats) for _ in range(2)], "x"), leaf([draw(floats) for _ in range(2)], "y"),
        leaf([[draw(floats) for _ in range(2)] for _ in range(2)], "W"),
        leaf([[draw(floats) for _ in range(2)] for _ in range(2)], "M", draw(st.booleans())),
    ]  # fmt: skip
    one = [minidl.tanh, minidl.sigmoid, minidl.exp, minidl.sin, lambda t: -t, lambda t: t**2, lambda t: 1 / (t * t + 1),
           lambda t: 3 * t, lambda t: t / 4, minidl.relu, lambda t: 2 - t, lambda t: minidl.sqrt(t * t + 1)]  # fmt: skip
    two = [lambda s, t: s + t, lambda s, t: s - t, lambda s, t: s * t, lambda s, t: s / (t * t + 2)]
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["one", "two", "matmul", "transpose", "reduce"]))
        s = draw(st.sampled_from(pool))
        if kind == "one":
            new = draw(st.sampled_from(one))(s)
        elif kind == "two":
            t = draw(st.sampled_from([p for p in pool if p.ndim == s.ndim or 0 in (p.ndim, s.ndim)]))
            new = draw(st.sampled_from(two))(s, t)
        elif kind == "matmul" and s.ndim:
            new = s @ draw(st.sampled_from([p for p in pool if p.ndim]))
        elif kind == "transpose" and s.ndim == 2:
            new = s.T
        elif s.ndim:
            new = draw(st.sampled_from([s.sum(), s.mean(), minidl.squared_norm(s), s.sum(0), s.mean(-1)]))
        else:
            new = s * 2
        if np.abs(new.data).max() < 50:
            pool.append(new)
    root = pool[-1] * draw(st.sampled_from([1.0, 2.0, 0.1, -3.0]))
    return root.sum() if root.ndim else root


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_random_graphs_are_derived_as_the_engine_computes_them(root):
    if root.requires_grad:
        d = check(root)
        assert d.latex().isascii()
        assert d.text(40)


@pytest.mark.parametrize("primitive", [p for p in registry.values() if p.kind != "constant"], ids=lambda p: p.name)
def test_every_operation_is_derived(primitive):
    """What is printed for a weighted sum of its results is worth what the engine computes."""
    rng = np.random.default_rng(4)
    for sample in primitive.samples[:2]:
        arrays = sample.arrays(rng)
        inputs = [minidl.tensor(a, requires_grad=a.dtype.kind == "f").named(f"x_{i}") for i, a in enumerate(arrays)]
        out = primitive(*inputs, **sample.params)
        if not out.requires_grad or not out.data.size:
            continue
        root = (out * minidl.tensor(rng.uniform(0.5, 1.5, out.shape))).sum()
        d = derive(root)
        for equation in d.backward:
            for step in equation.steps:
                formal = isinstance(step, Unsimplified) and any(isinstance(local, Partial) for _, local in step.terms)
                if formal or not np.isfinite(step.value).all():
                    continue
                value = np.broadcast_to(step.value, np.shape(equation.value))
                np.testing.assert_allclose(value, equation.value, rtol=1e-5, atol=1e-8, err_msg=str(d))
        assert not re.search(r"\{\w+\}", d.text()), d
        assert d.latex().isascii()


# Form -----------------------------------------------------------------------------------------------------------------


def test_text_adapts_to_the_width(affine, monkeypatch):
    d = derive(affine)
    for width in (40, 60, 100):
        assert max(map(len, d.text(width).splitlines())) <= width
    assert len(d.text(40).splitlines()) > len(d.text(100).splitlines())
    monkeypatch.setenv("COLUMNS", "60")
    assert str(d) == d.text(60)


def test_a_step_that_is_too_wide_gives_way_to_shorter_ones(affine):
    d = derive(affine)
    assert "= 2(Wx + b)xᵀ" in d.text(60)
    narrow = d.text(30)
    assert "(∂z/∂u)xᵀ" in narrow
    assert "2·[−0.5, 2]·[1, −1]ᵀ" in d.text(60)
    assert "[−1, 4]" in narrow
    assert "[[1, 2], [3, −1]]ᵀ·" not in narrow


def test_the_rule_is_told_even_where_it_is_long():
    x = leaf([[1.59, -0.58, 0.75], [0.38, 2.37, -1.4]], "x")
    d = derive((F.layer_norm(x, (3,)) * x).sum().named("L"))
    assert "Σ_columns" in d.text(80).split("∂L/∂x = ")[1]


def test_latex_is_balanced_and_plain(affine):
    tex = derive(affine).latex()
    assert tex.isascii()
    assert tex.count("{") == tex.count("}")
    assert tex.count(r"\begin") == tex.count(r"\end")
    assert r"\frac{\partial z}{\partial \boldsymbol{W}}" in tex
    assert r"2(\boldsymbol{W} \boldsymbol{x} + \boldsymbol{b}) \boldsymbol{x}^{\top}" in tex.replace(r"2 (", "2(")
    assert r"\begin{bmatrix} -1 & 1 \\ 4 & -4 \end{bmatrix}" in tex


def test_notebooks_get_mathematics(affine):
    bundle = derive(affine)._repr_mimebundle_()
    assert bundle["text/latex"].startswith("$$\n\\begin{gathered}")
    assert bundle["text/latex"].count("$$") == 6
    assert bundle["text/plain"].startswith("given\n")


@pytest.mark.parametrize(("suffix", "start"), [(".tex", "%"), (".txt", "given"), (".md", "$$")])
def test_it_is_saved(affine, tmp_path, suffix, start):
    path = derive(affine).save(tmp_path / f"d{suffix}")
    assert path.read_text(encoding="utf-8").startswith(start)


def test_an_unknown_suffix_is_refused(affine, tmp_path):
    with pytest.raises(UsageError, match=r"\.tex, \.txt, \.md"):
        derive(affine).save(tmp_path / "d.docx")
    assert not list(tmp_path.iterdir())


def test_any_name_can_be_set():
    x = leaf([1.0, 2.0], 'a<&"_\\{weird}\n😀 $name%')
    y = leaf([3.0, 4.0], "theta_ij")
    d = derive((x * y).sum().named("שלום"))
    tex = d.latex()
    assert tex.isascii()
    assert tex.count("{") - tex.count(r"\{") == tex.count("}") - tex.count(r"\}")
    assert r"\boldsymbol{\theta}_{ij}" in tex
    assert "U+1F600" in tex
    assert "\n😀" not in d.text()
    assert as_text("50%_{x}") == r"50\%\_\{x\}"


def test_names_come_from_the_caller():
    p, q = minidl.scalar(2.0), minidl.scalar(3.0)
    product = p * q
    d = derive(product, names=locals())
    assert "∂product/∂p = q = 3" in lines(d)


def test_the_same_graph_gives_the_same_text():
    def text():
        x = leaf([1.0, 2.0], "x")
        d = derive(F.cross_entropy(minidl.tanh(x), minidl.tensor(1)))
        return d.text() + d.latex()

    assert text() == text()


def test_no_gradient_is_changed(affine):
    derive(affine)
    assert all(x.grad is None for x in affine.inputs)


# What is asked for ----------------------------------------------------------------------------------------------------


def test_only_what_is_wanted(affine):
    d = derive(affine, wrt="W")
    assert [line.split(" = ")[0] for line in lines(d) if line.startswith("∂")] == ["∂z/∂v", "∂z/∂u", "∂z/∂W"]
    v = affine.inputs[0]
    d = derive(affine, wrt=[v])
    assert sides(d, "∂z/∂v")[:2] == ["2v", "2(Wx + b)"]


def test_large_graphs_are_refused_or_shortened():
    x, w = minidl.scalar(0.5, name="x"), minidl.scalar(0.5, name="w")
    root = x
    for _ in range(LARGEST + 1):
        root = minidl.sin(root)
    root = root * w
    with pytest.raises(GraphError, match=rf"{LARGEST + 2} operations.*\({LARGEST}\).*wrt="):
        derive(root)
    assert sides(derive(root, wrt=w), "∂f/∂w")[0] != ""


def test_a_long_chain_keeps_names_in_between():
    x = minidl.scalar(0.5, name="x")
    root = x
    for _ in range(20):
        root = minidl.sigmoid(root)
    d = derive(root)
    assert max(len(s) for s in sides(d, f"∂{d.forward[-1].left.text}/∂x")) < 100


@pytest.mark.parametrize(
    ("root", "error", "match"),
    [
        (lambda: 3.0, GraphError, "cannot derive a float"),
        (lambda: minidl.scalar(1.0), GraphError, "nothing to derive"),
        (lambda: minidl.tensor([1.0]) * 2, GraphError, "nothing to derive"),
        (lambda: leaf([1.0, 2.0], "x") * 2, GraphError, r"shape \(2,\).*sum"),
    ],
)
def test_what_cannot_be_derived(root, error, match):
    with pytest.raises(error, match=match):
        derive(root())


def test_wrong_wrt(affine):
    with pytest.raises(UsageError, match="no 'k' in this graph; there are W, x, b, u, v, z"):
        derive(affine, wrt="k")
    with pytest.raises(GraphError, match="does not depend"):
        derive(affine, wrt=minidl.scalar(1.0))
    with pytest.raises(UsageError, match="empty"):
        derive(affine, wrt=[])
