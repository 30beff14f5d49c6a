"""What is typed on the command line: read with a whitelist, refused with a caret, never run."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

import minidl
from minidl.app.expression import DEEPEST, FUNCTIONS, LONGEST, parse
from minidl.app.values import parse_values
from minidl.autodiff import gradients, order
from minidl.errors import UsageError
from minidl.primitives import Elementwise, catalogue


def compute(text, *values):
    parsed = parse(text)
    return parsed.evaluate(parse_values(values, parsed.inputs))


def caret(error):
    """Return the letter above the caret."""
    *_, shown, pointer = str(error.value).splitlines()
    column = len(pointer) - 1
    for i in range(len(shown)):
        if cell_len(shown[:i]) == column:
            return shown[i]
    return "end"


def test_the_circuit_of_the_lecture():
    f = compute("f = (x + y) * z", "x=-2", "y=5", "z=-4")
    found = {node.name: float(value) for node, value in gradients(f).items() if node.name}
    assert f.item() == -12
    assert found == {"x": -4, "y": -4, "z": 3, "f": 1}


def test_the_affine_norm_of_the_lecture_is_one_node():
    z = compute("z = norm(W @ x + b)**2", "W=[[1,2],[3,-1]]", "x=[1,-1]", "b=[0.5,-2]")
    assert z.item() == 4.25
    assert [n.primitive.name for n in order(z) if n.primitive] == ["matmul", "add", "squared_norm"]
    found = {node.name: value.tolist() for node, value in gradients(z).items() if node.name}
    assert found["W"] == [[-1, 1], [4, -4]]
    assert found["x"] == [11, -6]
    assert found["b"] == [-1, 4]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-x**2", -4.0), ("2**-x", 0.25), ("x**2**2", 16.0), ("+x - -x", 4.0), ("x / 4 * 2", 1.0), ("(x)", None),
        ("1 + 2*x", 5.0), ("sqrt(x*8)", 4.0), ("ln(exp(x))", 2.0), ("log(exp(x))", 2.0), ("abs(-x)", 2.0),
        ("max(x, 3)", 3.0), ("minimum(x, 3)", 2.0), ("relu(-x)", 0.0), ("sigma(x - x)", 0.5), ("σ(0*x)", 0.5),
        ("tanh(0*x) + sin(0*x) + cos(0*x)", 1.0), ("q = x + 1; f = q * q", 9.0), ("q = x; q * q", 4.0),
        ("c = 3; c * x", 6.0), ("1e3 * x", 2000.0), (" x * x ; ", 4.0),
    ],
)  # fmt: skip
def test_arithmetic_means_what_it_means_in_python(text, expected):
    result = compute(text, "x=2")
    assert result.item() == pytest.approx(2.0 if expected is None else expected, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(v)", 6.0), ("mean(v)", 2.0), ("max(v)", 3.0), ("min(v)", 1.0), ("norm(v)", 14**0.5),
        ("squared_norm(v)", 14.0), ("v @ v", 14.0), ("sum(softmax(v))", 1.0), ("sum(M.T @ v)", 28.0),
        ("sum(transpose(M) @ v)", 28.0), ("sum(log_softmax(0*v))", -3 * np.log(3)),
    ],
)  # fmt: skip
def test_functions_of_arrays(text, expected):
    values = ["v=[1,2,3]", *(["M=[[1,0],[2,1],[3,4]]"] if "M" in text else [])]
    assert compute(text, *values).item() == pytest.approx(expected)


def test_every_function_can_be_called():
    for name, (counts, _) in FUNCTIONS.items():
        for count in counts:
            v = "[[1, 2], [3, 4]]" if name in ("det", "trace") else "[1, 2]"
            result = compute(f"{name}({', '.join(['v'] * count)})", f"v={v}")
            assert isinstance(result, minidl.Tensor), name


def test_the_functions_come_from_the_catalogue():
    """Every elementwise operation with a derivative, by name and alias, and every activation that needs no weights."""
    of_channels = {"prelu", "rrelu", "clone", "positive"}
    for op in catalogue.values():
        activation = op.family.startswith("activation") and op.family != "activation_units"
        if (
            (isinstance(op.function, Elementwise) and "minidl" in op.homes) or activation
        ) and op.name not in of_channels:
            assert {op.name, *op.aliases} <= FUNCTIONS.keys()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sum(gelu(v))", 5.7918), ("logsumexp(v)", 3.4076), ("mse_loss(v, w)", 4.0), ("cross_entropy(v, p)", 0.4076),
        ("sum(clamp(v, 1.5, 2.5))", 6.0), ("var(v)", 1.0), ("atan2(0*sum(v), 1)", 0.0), ("sum(silu(v - v))", 0.0),
        ("huber_loss(v, w)", 1.5), ("prod(v)", 6.0), ("sum(hypot(v, 0*v))", 6.0),
    ],
)  # fmt: skip
def test_functions_of_the_catalogue(text, expected):
    values = [x for x in ("v=[1,2,3]", "w=[3,4,5]", "p=[0,0,1]") if re.search(rf"\b{x[0]}\b", text)]
    assert compute(text, *values).item() == pytest.approx(expected, abs=1e-4)


def test_steps_name_their_values():
    f = compute("q = x + y; f = q * z", "x=-2", "y=5", "z=-4")
    assert [n.name for n in order(f)] == ["x", "y", "z", "q", "f"]


@pytest.mark.parametrize(
    ("text", "reason", "letter"),
    [
        ("x ^ 2", r"write \*\* for powers", "^"),
        ("x·y", r"write \* for times", "·"),
        ("x − y", "write - for minus", "−"),
        ("x²", r"write \*\*2", "²"),
        ("2x", r"write \* between", "2"),
        ("(x + y)z", r"write \* between", "z"),
        ("(x + y)(z)", r"write \* between", "("),
        ("日本 + x % 2", r"only \+ - \* / @ \*\*", "%"),
        ("y = 日本 // x", r"only \+ - \* / @ \*\*", "/"),
        ("ñandú + x[0]", "indexing", "x"),
        ("x.sum()", r"write sum\(…\)", "s"),
        ("x.data", r"only \.T", "d"),
        ("import os", "not arithmetic|cannot be read", "i"),
        ("__import__('os').system('true')", r"only \.T", "s"),
        ("exec('1')", "no function exec", "e"),
        ("lambda: x", "not arithmetic", "l"),
        ("[x for x in y]", "not arithmetic|lists", "["),
        ("x if y else z", "comparisons", "x"),
        ("x == y", "comparisons", "x"),
        ("x and y", "comparisons", "x"),
        ("[1, 2] @ x", "give lists of numbers as values", "["),
        ("foo(x)", "no function foo", "f"),
        ("norm(x, y)", "norm takes 1 argument, here are 2", "n"),
        ("max(x, y, z)", "max takes 1 or 2 arguments, here are 3", "m"),
        ("sum(x, dim=0)", "plain arguments", "s"),
        ("sum(*x)", "plain arguments", "s"),
        ("sum + x", r"write sum\(…\)", "s"),
        ("sum = x", "choose another name", "s"),
        ("x = y = z", "one name", "y"),
        ("x, y = z", "one name", "x"),
        ("True * x", "not a number", "T"),
        ("'a' + x", "not a number", "'"),
        ("f'{x}'", "not arithmetic", "f"),
        ("1j * x", "not a number", "1"),
        ("1e999 * x", "too large", "1"),
        ("x; y", "only the last step", "x"),
        ("x +", "cannot be read", "end"),
        ("x := 2", "cannot be read", ":"),
        ("x $ y", "cannot be read", "$"),
        ("(x + y", "was never closed", "("),
        ("x\ny", "on one line", "�"),
        ("x\u202e + y", "on one line", "�"),
        ("del x", "not arithmetic", "d"),
        ("x: int = 3", "not arithmetic", "x"),
        ("x += 1", "not arithmetic", "x"),
        ("~x", "not arithmetic", "~"),
        ("not x", "not arithmetic", "n"),
    ],
)
def test_anything_else_is_refused_with_a_caret_under_the_place(text, reason, letter):
    with pytest.raises(UsageError, match=reason) as error:
        parse(text)
    assert caret(error) == letter


@pytest.mark.parametrize("text", ["", "   ", ";", "# only a comment"])
def test_nothing_is_refused(text):
    with pytest.raises(UsageError, match="empty"):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000, "(" * 500 + "x" + ")" * 500, "-" * (LONGEST - 1) + "x", "+".join("x" * 900), "x" + "**x" * 600,
        "sin(" * 300 + "x" + ")" * 300, "[" * 900, "x." * 900 + "T",
    ],
)  # fmt: skip
def test_size_and_depth_are_bounded(text):
    with pytest.raises(UsageError) as error:
        parse(text)
    assert max(map(len, str(error.value).splitlines())) < 100


def test_long_expressions_show_the_part_around_the_place():
    with pytest.raises(UsageError) as error:
        parse("+".join(f"a{i}" for i in range(80)) + " % y" + " + b" * 10)
    assert caret(error) == "%"
    assert all(cell_len(line) <= 80 for line in str(error.value).splitlines())


@pytest.mark.parametrize(
    ("text", "reason", "letter"),
    [
        ("9**9**9 * x", "too large", "*"), ("9**9**9**9**9 * x", "too large", "*"), ("1/0 * x", "division by zero", "/"),
        ("(-1)**0.5 * x", "no real value", "*"), ("x @ y", "at least one axis", "@"), ("2 @ x", "at least one axis", "@"),
        ("日 = x @ y", "at least one axis", "@"), ("sum(2 @ 3) + x", "matrices", "@"),
    ],
)  # fmt: skip
def test_what_cannot_be_computed_is_refused_with_a_caret(text, reason, letter):
    values = [v for v in ("x=1", "y=2") if v[0] in text]
    with pytest.raises(UsageError, match=reason) as error:
        compute(text, *values)
    assert caret(error) == letter


def test_shapes_that_do_not_fit_are_named():
    with pytest.raises(UsageError, match="inner sizes 2 and 3 differ") as error:
        compute("u = W @ x", "W=[[1,2],[3,4]]", "x=[1,2,3]")
    assert caret(error) == "@"


def test_a_plain_number_is_no_figure():
    with pytest.raises(UsageError, match="plain number 5"):
        compute("2 + 3")


@pytest.mark.parametrize("text", ["q = x; q = y", "f = f + 1; f", "q = x; x = q"])
def test_a_name_is_defined_once_before_its_use(text):
    parsed_names = "defined twice, or used before"
    if text == "f = f + 1; f":
        with pytest.raises(UsageError, match=parsed_names):
            parse(text)
        return
    with pytest.raises(UsageError, match=parsed_names):
        parse(text)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="xyzσ日()+-*/@^;=. 0123456789,[]'\"\\{}_nNT\t%&|<>:lambdaimport", max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        parse(text)
    except UsageError as error:
        lines = str(error).splitlines()
        assert len(lines) == 1 or lines[-1].strip() == "^"


# Values -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("literal", "expected"),
    [
        ("-2", -2.0), ("−2", -2.0), ("+.5", 0.5), ("1e-3", 1e-3), (" 3 ", 3.0), ("1_000", 1000.0), ("--2", 2.0),
        ("[1,2]", [1.0, 2.0]), ("(1, 2)", [1.0, 2.0]), ("[[1,2],[3,-1]]", [[1.0, 2.0], [3.0, -1.0]]), ("[[[7]]]", [[[7.0]]]),
    ],
)  # fmt: skip
def test_values_are_numbers_and_lists(literal, expected):
    value = parse_values([f"x={literal}"], ["x"])["x"]
    assert value.tolist() == expected
    assert value.requires_grad
    assert value.name == "x"


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ("x", "write name=number"), ("=3", "write name=number"), ("1x=3", "write name=number"), ("x-y=3", "write name=number"),
        ("x=", "neither a number"), ("x=two", "'two'"), ("x=1+2", "neither a number"), ("x=True", "neither a number"),
        ("x='a'", "neither a number"), ("x=1j", "neither a number"), ("x=__import__('os')", "neither a number"),
        ("x={1: 2}", "neither a number"), ("x=inf", "finite"), ("x=-nan", "finite"), ("x=[1, inf]", "finite"),
        ("x=1e999", "finite"), ("x=" + "9" * 400, "finite"), ("x=[]", "empty list"), ("x=[[], []]", "empty list"),
        ("x=[[1,2],[3]]", "row 1 has 2 entries, its row 2 has 1 entry"), ("x=[[1,2],3]", "row 2 is a single number"),
        ("x=[[[1,2],[3,4]],[[1],[2]]]", "shapes"), ("x=" + "[" * 300 + "]" * 300, "."), ("x=[[[[[[[1]]]]]]]", "five deep"),
        ("x=[" + "1," * 20_000 + "]", "at most 10000"), ("x=" + "1" * 300_000, "at most 200000"), ("x=1; y=2", "neither"),
    ],
)  # fmt: skip
def test_other_values_are_refused(item, reason):
    with pytest.raises(UsageError, match=reason) as error:
        parse_values([item], ["x"])
    assert len(str(error.value)) < 300


def test_missing_unused_and_repeated_names_are_named():
    with pytest.raises(UsageError, match=r"y and z have no value; add y=… z=…"):
        parse_values(["x=1"], ["x", "y", "z"])
    with pytest.raises(UsageError, match="w has a value but no place"):
        parse_values(["x=1", "w=2"], ["x"])
    with pytest.raises(UsageError, match="x is given twice"):
        parse_values(["x=1", "x=2"], ["x"])


def test_depth_has_room_for_real_expressions():
    text = "+".join(["x"] * (DEEPEST - 5))
    assert compute(text, "x=1").item() == DEEPEST - 5
