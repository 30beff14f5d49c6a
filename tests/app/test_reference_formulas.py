"""The reference is true: its formulas and derivatives are read as a reader would, and computed."""

import inspect
import math
import re

import numpy as np
import pytest

from minidl.app import reference
from minidl.app.examples import example, letters
from minidl.autodiff import gradients
from minidl.func import jvp
from minidl.graph import Primitive
from minidl.primitives import Elementwise, Sample, catalogue
from minidl.tensor import Tensor

IN_WORDS = {
    "atan2", "copysign", "erf", "fmax", "fmin", "nan_to_num", "round",
}  # fmt: skip
"""Elementwise operations whose formula is not one that can be computed from what it says."""

_GREEK = {"alpha": "α", "beta": "β", "lambd": "λ", "delta": "δ", "eps": "ε"}
_RAISED = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻ˣʸ", "0123456789-xy", strict=True))
_erf = np.vectorize(math.erf)


def _phi(x):
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


FUNCTIONS = {
    "exp": np.exp, "ln": np.log, "log2": np.log2, "log10": np.log10, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos,
    "tan": np.tan, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh, "arcsin": np.arcsin, "arccos": np.arccos,
    "arctan": np.arctan, "arsinh": np.arcsinh, "arcosh": np.arccosh, "artanh": np.arctanh, "floor": np.floor,
    "ceil": np.ceil, "trunc": np.trunc, "inf": np.inf, "sign": np.sign, "abs": np.abs, "max": np.maximum, "min": np.minimum,
    "erf": _erf, "mean": np.mean, "softplus": lambda x: np.log1p(np.exp(x)), "σ": lambda x: 1 / (1 + np.exp(-x)),
    "ReLU": lambda x: np.maximum(x, 0), "Φ": lambda x: (1 + _erf(x / math.sqrt(2))) / 2, "φ": _phi, "π": math.pi,
    "where": np.where, "iverson": lambda c: np.asarray(c, float),
}  # fmt: skip


def python(text):
    """Translate a textbook's formula into Python."""
    inner = re.fullmatch(r"mean\((.*)\)", text)
    if inner and ", else " in text:
        return f"mean({python(inner[1])})"
    if ", else " in text:
        head, _, last = text.rpartition(", else ")
        for case in reversed(head.split(", ")):
            value, _, condition = case.partition(" for ")
            last = f"where({python(condition)}, {python(value)}, {last if last.startswith('where(') else python(last)})"
        return last
    if re.search(r"[<≤>≥=]", text) and not re.search(r"[\[(].*[<≤>≥=]", text):
        parts = re.split(r" ([<≤>≥=]) ", text)
        signs = {"≤": "<=", "≥": ">=", "=": "=="}
        pairs = [
            f"({python(parts[k])} {signs.get(parts[k + 1], parts[k + 1])} {python(parts[k + 2])})"
            for k in range(0, len(parts) - 2, 2)
        ]
        return " & ".join(pairs)
    text = re.sub(r"\[([^\]]*)\]", lambda m: f"iverson({python(m[1])})", text)
    for old, new in (
        ("−", "-"),
        ("·", "*"),
        ("½", "0.5"),
        ("∞", "inf"),
        ("⅙", "(1/6)"),
        ("log₂", "log2"),
        ("log₁₀", "log10"),
    ):
        text = text.replace(old, new)
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    text = text.replace("⌊", "floor(").replace("⌋", ")").replace("⌈", "ceil(").replace("⌉", ")")
    text = re.sub(r"√(\w)", r"sqrt(\1)", text).replace("√(", "sqrt(")
    text = re.sub(r"\bln (\w\(\w\))", r"ln(\1)", text)
    text = re.sub(r"\bln (\w+)", r"ln(\1)", text)
    text = re.sub(f"([{''.join(_RAISED)}]+)", lambda m: f"**({''.join(_RAISED[c] for c in m[1])})", text)
    return re.sub(r"(?<![\w.])(\d+)(?=[a-zπ(])", r"\1*", text)


def evaluate(text, names):
    return eval(python(text), {"__builtins__": {}}, {**FUNCTIONS, **names})


def readable(text, names):
    """Whether every name in it is known."""
    try:
        used = set(re.findall(r"[^\W\d]\w*", python(text)))
        compile(python(text), "formula", "eval")
    except SyntaxError:
        return False
    return used <= {*FUNCTIONS, *names}


def called(op):
    """Inputs of one shape by their letters, the other arguments by theirs, and what comes out; None if no sample fits."""
    samples = op.samples
    if isinstance(op.function, Elementwise):
        domains = [s.domain for s in samples if isinstance(s.shapes[0], tuple)]
        samples = [Sample(((3, 4),) * len(op.function.arguments), {}, domains[0] if domains else "nonzero")]
    for sample in samples:
        shapes = {np.shape(s) if isinstance(s, np.ndarray) else s for s in sample.shapes}
        if len(shapes) != 1 or shapes & {(), (0, 3), (0, 2)}:
            continue
        if (
            any(isinstance(v, np.ndarray) for v in sample.params.values())
            or sample.params.get("reduction", "mean") != "mean"
        ):
            continue
        arrays = sample.arrays(np.random.default_rng(3))
        inputs = [Tensor(a, a.dtype.kind == "f") for a in arrays]
        params = dict(sample.params)
        out = op.call(op.function, inputs, params)
        if isinstance(op.function, Primitive):
            defaults = op.function.parameters
        else:
            told = inspect.signature(op.function).parameters.values()
            defaults = {p.name: p.default for p in told if p.default is not p.empty}
        named = {_GREEK.get(k, k): v for k, v in {**defaults, **params}.items() if isinstance(v, int | float)}
        return dict(zip(letters(op, len(inputs)), inputs, strict=True)), named, out
    return None


def sides(text):
    """The two sides of an equation within a formula; cases are left together."""
    return [text] if ", else " in text else re.split(r" = (?![^\[]*\])", text)


def checks(op):
    """Compare what can be computed of a page; return the sides that were."""
    case = called(op)
    if case is None or not isinstance(case[2], Tensor):
        return set()
    inputs, params, out = case
    page = reference.page(op)
    names = {**params, **{k: x.data for k, x in inputs.items()}, "n": out.data.size if out.ndim else None}
    if not out.ndim:
        names["n"] = next(iter(inputs.values())).data.size
    done = set()
    for side in sides(page.formula.partition(" = ")[2]):
        if readable(side, names):
            np.testing.assert_allclose(evaluate(side, names), out.data, rtol=2e-4, atol=1e-7, err_msg=page.formula)
            done.add("formula")
    if not out.requires_grad:
        return done
    found = gradients(out, np.ones(out.shape) if out.ndim else None)
    names[page.output] = out.data
    for line in page.derivatives:
        told = re.fullmatch(rf"∂{page.output}/∂(\w) = (.*)", line)
        if told and told[1] in inputs and inputs[told[1]] in found:
            for side in sides(told[2]):
                if readable(side, names):
                    expected = np.broadcast_to(evaluate(side, names), found[inputs[told[1]]].shape)
                    np.testing.assert_allclose(found[inputs[told[1]]], expected, rtol=2e-4, atol=1e-7, err_msg=line)
                    done.add("derivative")
    return done


def test_the_reader_reads():
    names = {"x": np.array([-2.0, 0.5, 3.0]), "y": 2.0, "α": 3.0}
    for text, expected in (
        ("2x² − 1", [7, -0.5, 17]), ("x for x > 0, else α·(exp(x) − 1)", [3 * (np.exp(-2) - 1), 0.5, 3]),
        ("[|x| ≤ y]", [1, 1, 0]), ("[0 < x < 1]·α", [0, 3, 0]), ("y·yˣ⁻¹", [0.25, 2**0.5, 8]), ("1/√π", np.pi**-0.5),
        ("1 for x > y, ½ for x = α, else 0", [0, 0, 1]), ("mean(x for x > 0, else 0)", 3.5 / 3),
        ("ln(|x|)/ln 2", [1, -1, np.log2(3)]),
    ):  # fmt: skip
        np.testing.assert_allclose(evaluate(text, names), expected)
    assert not readable("x without its fraction", names)


@pytest.mark.parametrize(
    "op", [op for op in catalogue.values() if isinstance(op.function, Elementwise)], ids=lambda op: op.path
)
def test_elementwise_pages_are_true(op):
    done = checks(op)
    assert ("derivative" in done) == bool(reference.page(op).derivatives)
    assert ("formula" in done) == (op.name not in IN_WORDS)


LOSSES = (
    "mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits",
    "poisson_nll_loss", "soft_margin_loss", "multilabel_soft_margin_loss",
)  # fmt: skip


@pytest.mark.parametrize("name", [*LOSSES, "gelu", "celu", "softshrink", "hardtanh", "rsub", "div"])
def test_composite_pages_are_true(name):
    (op,) = reference.find(name)
    assert checks(op) >= {"formula", "derivative"}


def _factors(name, a, da):
    """What an operation gives for a matrix, and how it moves with it."""
    (op,) = (op for op in catalogue.values() if op.path == f"minidl.linalg.{name}")
    out, moved = jvp(lambda x: op.function(x), (Tensor(a),), (Tensor(da),))
    return op.derivative, [np.asarray(t.data) for t in out], [np.asarray(t.data) for t in moved]


@pytest.fixture
def matrices():
    rng = np.random.default_rng(5)
    return rng.standard_normal((3, 3)), rng.standard_normal((3, 3))


def _pairs(i, count=3):
    return (j for j in range(count) if j != i)


def test_what_is_told_of_eigenvectors(matrices):
    a, da = (m + m.T for m in matrices)
    told, (w, v), (dw, dv) = _factors("eigh", a, da)
    assert told == "dλᵢ = vᵢᵀ dA vᵢ; dvᵢ = Σⱼ vⱼ·(vⱼᵀ dA vᵢ)/(λᵢ − λⱼ) over j ≠ i"
    m = v.T @ da @ v
    np.testing.assert_allclose(dw, np.diag(m))
    for i in range(3):
        expected = sum(v[:, j] * m[j, i] / (w[i] - w[j]) for j in _pairs(i))
        np.testing.assert_allclose(dv[:, i], expected)


def test_what_is_told_of_singular_vectors(matrices):
    a, da = matrices
    told, (u, s, vt), (du, ds, dvt) = _factors("svd", a, da)
    assert told == (
        "dsᵢ = uᵢᵀ dA vᵢ; "
        "duᵢ = Σⱼ uⱼ·(sᵢ·uⱼᵀ dA vᵢ + sⱼ·uᵢᵀ dA vⱼ)/(sᵢ² − sⱼ²) over all j ≠ i, sⱼ = 0 for a uⱼ beyond the last; "
        "dvᵢ = Σⱼ vⱼ·(sⱼ·uⱼᵀ dA vᵢ + sᵢ·uᵢᵀ dA vⱼ)/(sᵢ² − sⱼ²) over all j ≠ i, sⱼ = 0 for a vⱼ beyond the last"
    )
    m = u.T @ da @ vt.T
    np.testing.assert_allclose(ds, np.diag(m))
    for i in range(3):
        gap = {j: s[i] ** 2 - s[j] ** 2 for j in _pairs(i)}
        expected = sum(u[:, j] * (s[i] * m[j, i] + s[j] * m[i, j]) / d for j, d in gap.items())
        np.testing.assert_allclose(du[:, i], expected)
        expected = sum(vt[j] * (s[j] * m[j, i] + s[i] * m[i, j]) / d for j, d in gap.items())
        np.testing.assert_allclose(dvt[i], expected)


def test_singular_vectors_move_out_of_the_columns_of_a_tall_matrix(matrices):
    a, da = (m[:, :2] for m in matrices)
    _, (u, s, vt), (du, _, _) = _factors("svd", a, da)
    m, padded = u.T @ da @ vt.T, np.append(s, 0)
    for i in range(2):
        terms = [s[i] * m[j, i] + (s[j] * m[i, j] if j < 2 else 0) for j in range(3)]
        expected = sum(u[:, j] * terms[j] / (s[i] ** 2 - padded[j] ** 2) for j in _pairs(i))
        np.testing.assert_allclose(du[:, i], expected)


def test_what_is_told_of_orthonormal_columns(matrices):
    a, da = (m[:, :2] for m in matrices)
    told, (q, r), (dq, dr) = _factors("qr", a, da)
    assert told == (
        "dR = (C − Ω) R, C = Qᵀ dA R⁻¹, Ω skew such that dR is an upper triangle; dQ = Q Ω + (1 − Q Qᵀ) dA R⁻¹"
    )
    c = q.T @ da @ np.linalg.inv(r)
    omega = np.tril(c, -1) - np.tril(c, -1).T
    np.testing.assert_allclose(dr, (c - omega) @ r, atol=1e-12)
    np.testing.assert_allclose(dq, q @ omega + da @ np.linalg.inv(r) - q @ c, atol=1e-12)


def _one(name, told, *pairs):
    """The result and its movement, for an operation with the derivative `told`."""
    (op,) = (op for op in catalogue.values() if op.path == name)
    assert op.derivative == told
    values, moves = zip(*pairs, strict=True)
    out, moved = jvp(op.function, tuple(map(Tensor, values)), tuple(map(Tensor, moves)))
    return np.asarray(out.data), np.asarray(moved.data)


def test_what_is_told_of_matrices(matrices):
    a, da = matrices
    spd, dspd = a @ a.T + np.eye(3), da + da.T
    told = "dL = L Φ(L⁻¹ dA L⁻ᵀ), Φ: the lower triangle, with half of the diagonal"
    low, move = _one("minidl.linalg.cholesky", told, (spd, dspd))
    inner = np.linalg.solve(low, np.linalg.solve(low, dspd).T).T
    np.testing.assert_allclose(move, low @ (np.tril(inner) - np.diag(np.diag(inner)) / 2))
    told = "dY = −Y dA Y + Y Yᵀ dAᵀ (1 − A Y) + (1 − Y A) dAᵀ Yᵀ Y"
    tall, dtall = a[:, :2], da[:, :2]
    y, move = _one("minidl.linalg.pinv", told, (tall, dtall))
    expected = -y @ dtall @ y + y @ y.T @ dtall.T @ (np.eye(3) - tall @ y) + (np.eye(2) - y @ tall) @ dtall.T @ y.T @ y
    np.testing.assert_allclose(move, expected, atol=1e-12)
    y, move = _one("minidl.linalg.det", "∂y/∂A = cof(A) = det(A)·A⁻ᵀ", (a, da))
    np.testing.assert_allclose(move, (y * np.linalg.inv(a).T * da).sum())


def test_what_is_told_of_normalised_values():
    x, g = np.random.default_rng(1).standard_normal((2, 5))
    told = "∂L/∂x = (ĝ − mean(ĝ) − x̂·mean(ĝ·x̂))/√(σ² + ε), ĝ = γ·g; ∂L/∂γ = Σ g·x̂; ∂L/∂β = Σ g"
    for name in ("batch_norm", "instance_norm", "layer_norm", "group_norm"):
        assert catalogue[f"minidl.nn.functional.{name}"].derivative == told
    op = catalogue["minidl.nn.functional.layer_norm"]
    t = Tensor(x, True)
    found = gradients(op.function(t, (5,)), g)[t]
    h, scale = (x - x.mean()) / np.sqrt(x.var() + 1e-5), np.sqrt(x.var() + 1e-5)
    np.testing.assert_allclose(found, (g - g.mean() - h * (g * h).mean()) / scale)
    op = catalogue["minidl.nn.functional.rms_norm"]
    assert op.derivative.startswith("∂L/∂x = (ĝ − x̂·mean(ĝ·x̂))/r, ĝ = γ·g;")
    r = np.sqrt((x**2).mean() + 1e-8)
    found = gradients(op.function(t, (5,), eps=1e-8), g)[t]
    np.testing.assert_allclose(found, (g - x / r * (g * x / r).mean()) / r)
    op = catalogue["minidl.nn.functional.normalize"]
    assert op.derivative == "∂L/∂x = (g − y·Σ g·y)/‖x‖ for p = 2"
    y = x / np.linalg.norm(x)
    np.testing.assert_allclose(gradients(op.function(t, dim=0), g)[t], (g - y * (g @ y)) / np.linalg.norm(x))


JUNK = re.compile(r"\barray\b|\[…\]|where\(|[a-z]+\(ik|\{\w+\}|\bnan\b")


@pytest.mark.parametrize("op", catalogue.values(), ids=lambda op: op.path)
def test_pages_read_like_a_textbook(op):
    page = reference.page(op)
    for line in (page.formula, *page.derivatives):
        assert not JUNK.search(line), line
    assert all(re.match(r"∂|d\w*(ᵢ|/y)? = ", line) for line in page.derivatives), page.derivatives
    made = example(op)
    assert made is not None
    assert made.inputs
