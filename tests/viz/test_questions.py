"""Predict, then reveal: right answers are right however they are written, and every slip is recognized for what it is."""

import json
import math
from functools import cache

import numpy as np
import pytest

import minidl
import viz
from minidl.autodiff import backward_events, gradients, local_derivative
from viz.deck.judging import NEAR, TOLERANCE, Diagnosis, Question, Trial, close
from viz.deck.reading import read_numbers
from viz.deck.trials import Trials
from viz.drawing.notation import number

from .test_frames import affine, branching, circuit, leaf, network, repeated_vector, squared, thrice

# Reading --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("-0.5", [-0.5]),
        ("−0.5", [-0.5]),
        ("–.5", [-0.5]),
        ("- 4", [-4]),
        ("+4.", [4]),
        ("-1/2", [-0.5]),
        ("−½", [-0.5]),
        ("3/−4", [-0.75]),
        ("1e-3", [1e-3]),
        ("1E3", [1e3]),
        ("9.095×10⁻¹³", [9.095e-13]),
        ("−2.5·10^-7", [-2.5e-7]),
        ("10⁻³", [1e-3]),
        ("2^3", [8]),
        ("f = −4", [-4]),
        ("∞", [math.inf]),
        ("−inf", [-math.inf]),
        ("  7  ", [7]),
        ("-1 4", [-1, 4]),
        ("-1, 4", [-1, 4]),
        ("1\u00a02\u2009−3", [1, 2, -3]),
    ],
)
def test_numbers_are_read_as_people_write_them(text, numbers):
    typed = read_numbers(text)
    assert typed.shape is None
    assert typed.numbers == pytest.approx(numbers, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("[−1, 4]", (2,)),
        ("(1, 2, 3)", (3,)),
        ("[[−1,1],[4,−4]]", (2, 2)),
        ("[−1,1],[4,−4]", (2, 2)),
        ("-1 1; 4 -4", (2, 2)),
        ("[-1 1; 4 -4]", (2, 2)),
        ("1; 2; 3", (3, 1)),
        ("[[1], [2]]", (2, 1)),
        ("[1 2; 3 4;]", (2, 2)),
        ("[4]", (1,)),
    ],
)
def test_brackets_and_semicolons_give_a_shape(text, shape):
    assert read_numbers(text).shape == shape


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "four", "4x", "x4", "--4", "1.2.3", "1/0", "1/2/3", "[", "]", "[1, 2", "1, 2]", "[1, [2]]", "[[1, 2], [3]]",
        "1 2; 3", "[]", "[[]]", ";", "3e", "__import__('os')", "1 if 1 else 2", "0x10", "[[[[[1]]]]]", "1" * 3000, "[" * 1500,
    ],
)  # fmt: skip
def test_what_is_no_number_is_not_read(text):
    assert read_numbers(text) is None


# Judging --------------------------------------------------------------------------------------------------------------


def test_a_right_answer_is_right_to_the_digits_that_are_printed():
    question = Question("", 0.54030230586)
    assert [question.judge(t).right for t in ("0.5403", "0.5403023", "0.5402", "0.54")] == [True] * 4
    assert not question.judge("0.5").right
    assert question.judge("0.55").say.startswith("Near,")
    assert question.judge("−0.5403").right is False
    whole = Question("", 2000.0)
    assert [whole.judge(text).right for text in ("2000", "2e3", "1999", "2001")] == [True, True, False, False]
    assert whole.judge("1999").say.startswith("Near,")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_finite_number_can_be_answered_too(value):
    question = Question("", value)
    assert question.judge(number(value)).right
    assert not question.judge("1").right
    json.dumps(question.data(), allow_nan=False)


def test_a_zero_that_rounding_left_is_a_zero():
    assert Question("", 5.55e-17, noise=1e-14).judge("0").right
    assert not Question("", 5.55e-17).judge("0").right


VECTOR = Question("", [-1.0, 4.0])
MATRIX = Question("", [[-1.0, 1.0, 0.0], [4.0, -4.0, 2.0]])


@pytest.mark.parametrize(
    ("question", "text"),
    [
        (VECTOR, "-1 4"),
        (VECTOR, "[−1, 4]"),
        (VECTOR, "−1; 4"),
        (VECTOR, "[[−1], [4]]"),
        (MATRIX, "-1 1 0 4 -4 2"),
        (MATRIX, "[[−1, 1, 0], [4, −4, 2]]"),
        (Question("", [[2.0, 3.0]]), "[2, 3]"),
        (Question("", [[2.0]]), "2"),
        (Question("", 2.0), "[2]"),
    ],
)
def test_an_array_is_right_in_every_sensible_spelling(question, text):
    assert question.judge(text).right


@pytest.mark.parametrize(
    ("question", "text", "say"),
    [
        (MATRIX, "[-1, 1, 0, 4, -4, 2]", "The numbers are right, but not their shape: 2×3 is asked."),
        (MATRIX, "[[-1, 1], [0, 4], [-4, 2]]", "The numbers are right, but not their shape: 2×3 is asked."),
        (MATRIX, "-1 1 0; 4 -4 7", "All but one fit: look again at row 2, column 3."),
        (VECTOR, "-1 5", "All but one fit: look again at entry 2."),
        (MATRIX, "-2 2 0; 8 -8 4", "The entries stand in the right proportion to each other, but one factor"),
        (MATRIX, "-1 1 0; 7 7 7", "Row 1, column 1, row 1, column 2, row 1, column 3 fit; the rest does not."),
        (VECTOR, "-1.01 4.02", "Near, but"),
        (VECTOR, "1 2 3", "3 numbers are given; 2 numbers are asked."),
        (VECTOR, "one", "That cannot be read. Write 2 numbers with spaces between, or with brackets, as in [0, 1]."),
        (Question("", 0.5), "0,5", "One number is asked; write it with a point, like 0.5."),
        (Question("", 0.5), "half", "That cannot be read as a number. Write it like −0.5, 1/2 or 1e-3."),
    ],
)
def test_what_is_wrong_with_an_array_is_said(question, text, say):
    verdict = question.judge(text)
    assert not verdict.right
    assert verdict.say.startswith(say)


def test_what_cannot_be_read_is_no_attempt():
    assert [VECTOR.judge(text).readable for text in ("one", "1 2 3", "1 2")] == [False, False, True]


def test_a_slip_with_another_shape_is_recognized_by_it():
    question = Question(
        "", [[1.0, 2.0], [3.0, 4.0]], (Diagnosis([[1.0, 3.0], [2.0, 4.0]], "turned"), Diagnosis(5.0, "one"))
    )
    assert question.judge("[[1, 3], [2, 4]]").say == question.judge("1 3 2 4").say == "turned"
    assert question.judge("5").say == "one"


def test_names_are_filled_in_once():
    question = Question("", 2.0, root="{moved}", moving="{by}", trials=(Trial(0.1, 0.2),))
    assert question.judge("7").say == "If it were so, moving {by} by 0.1 would move {moved} by 0.7; it moves by 0.2."


def test_the_step_that_tells_the_answers_apart_is_taken():
    cubic = (Trial(0.1, 1.261), Trial(0.01, 0.120601), Trial(0.001, 0.012006))
    question = Question("", 12.0, root="f", moving="x", trials=cubic)
    assert question.judge("7").say.endswith("by 0.1 would move f by 0.7; it moves by 1.261.")
    assert question.judge("12.61").say.endswith("by 0.01 would move f by 0.1261; it moves by 0.1206.")
    assert Question("", 12.0, otherwise="no").judge("7").say == "no"


# The questions of a deck ----------------------------------------------------------------------------------------------


def neuron():
    w, x, b = leaf([2.0, -3.0], "w"), leaf([-1.0, -2.0], "x"), leaf(-3.0, "b")
    return minidl.sigmoid(w @ x + b).named("a")


def division():
    x, y = minidl.scalar(3.0, name="x"), minidl.scalar(-4.0, name="y")
    return ((x / y) - y.tanh() ** 2).named("f")


def hidden_layer():
    W, x, v = leaf([[1.0, -2.0], [0.5, 3.0], [-1.0, 1.5]], "W"), leaf([2.0, 0.5], "x"), leaf([1.0, -1.0, 2.0], "v")
    return (v @ minidl.relu(W @ x)).named("f")


def products():
    A, B = leaf([[1.0, 2.0], [3.0, 5.0]], "A"), leaf([[2.0, -1.0], [0.5, 4.0]], "B")
    return (A @ B).sum().named("s")


def cube():
    return (minidl.scalar(3.0, name="x") ** 3).named("f")


def random_graph(seed):
    """A few operations over a few numbers, some of them used more than once."""
    random = np.random.default_rng(seed)
    known = [leaf(random.normal(size=(2,) if seed % 3 == 0 else ()), name) for name in "xyz"]
    unary = [minidl.sin, minidl.tanh, minidl.sigmoid, minidl.exp, lambda x: x * x, lambda x: -x]
    binary = [lambda x, y: x + y, lambda x, y: x - y, lambda x, y: x * y, lambda x, y: x / (y * y + 1.0)]
    for _ in range(6):
        picked = [known[i] for i in random.integers(len(known), size=2)]
        which = random.integers(len(unary) + len(binary))
        known.append(unary[which](picked[0]) if which < len(unary) else binary[which - len(unary)](*picked))
    total = known[-1] + known[-2] * known[0]
    return (total.sum() if total.ndim else total).named("f")


LECTURE = [
    circuit, affine, branching, squared, thrice, repeated_vector, network, neuron, division, hidden_layer, products,
]  # fmt: skip
ALL = [*LECTURE, *range(12)]


def build(make):
    return random_graph(make) if isinstance(make, int) else make()


def questions(root, **options):
    return [frame.quiz for frame in viz.frames(root, predict=True, **options) if frame.quiz]


@cache
def questions_of(make):
    return questions(build(make))


def asked(make, prompt):
    found = [question for question in questions_of(make) if prompt in question.prompt]
    assert found, prompt
    return found[-1]


def spelled(value):
    return json.dumps(np.asarray(value).tolist()).replace("-", "−")


@pytest.mark.parametrize("make", ALL)
def test_the_right_answer_is_right_exactly_and_as_printed(make):
    found = questions_of(make)
    assert len(found) > 2
    for question in found:
        assert question.judge(spelled(question.answer)).right
        rounded = [number(float(x)) for x in np.ravel(question.answer)]
        assert question.judge(" ".join(rounded)).right, question


@pytest.mark.parametrize("make", ALL)
def test_every_slip_is_recognized_and_no_two_are_alike(make):
    for question in questions_of(make):
        assert question.diagnoses
        for diagnosis in question.diagnoses:
            verdict = question.judge(spelled(diagnosis.value))
            assert not verdict.right, (question.prompt, diagnosis)
            assert verdict.say == diagnosis.say, (question.prompt, diagnosis)


@pytest.mark.parametrize("make", ALL)
def test_no_sentence_gives_the_answer_away(make):
    for question in questions_of(make):
        (answer,) = {number(x) for x in np.ravel(question.answer)[:1]}
        if len(answer) > 3:  # −4 and 0.5 may stand there for another reason
            for diagnosis in question.diagnoses:
                assert answer.lstrip("−") not in diagnosis.say


@pytest.mark.parametrize("make", ALL)
def test_the_answers_are_the_engine_s(make):
    root = build(make)
    sent = [c for event in backward_events(root) for c in event.contributions]
    known = [np.asarray(x) for c in sent for x in (c.value, c.total)]
    for frame in viz.frames(root, predict=True):
        if frame.quiz and frame.part == "backward":
            assert any(np.shape(frame.quiz.answer) == x.shape and np.allclose(frame.quiz.answer, x) for x in known)


@pytest.mark.parametrize("make", [m for m in ALL if m is not network])
def test_the_slips_of_the_chain_rule_are_found(make):
    """Each slip is computed here once more, from the sweep; where it is not taken for another, it is diagnosed."""
    root = build(make)
    backward = [f.quiz for f in viz.frames(root, predict=True) if f.quiz and "send back" in (f.question or "")]
    sent = [(event, c) for event in backward_events(root) for c in event.contributions]
    assert len(backward) == len(sent)
    recognized = 0
    for question, (event, c) in zip(backward, sent, strict=True):
        assert np.allclose(question.answer, c.value)
        slips = {"upstream": event.upstream, "sign": np.negative(c.value)}
        local = local_derivative(event.node, c.index)
        if local is not None:
            slips |= {"local": local, "sum": np.add(event.upstream, local)}
        slips |= {f"other {x.index}": x.value for x in event.contributions if x.index != c.index}
        for value in slips.values():
            verdict = question.judge(spelled(value))
            same = np.shape(value) == np.shape(c.value) and np.allclose(
                value, c.value, rtol=TOLERANCE, atol=question.noise
            )
            assert verdict.right == same
            if not same and np.size(value) <= 9:
                assert verdict.say in {d.say for d in question.diagnoses}
                recognized += 1
    assert recognized > 4


@pytest.mark.parametrize(
    ("make", "prompt", "text", "say"),
    [
        (circuit, "× send back to q", "4", "Right but for the sign"),
        (circuit, "× send back to q", "1", "That is what arrives at × from above"),
        (circuit, "× send back to q", "3", "That is what goes to z"),
        (circuit, "+ send back to x", "1", "That is the local derivative of + alone"),
        (circuit, "+ send back to x", "-3", "There the two are added"),
        (circuit, "+ send back to x", "-2", "That is the value of x"),
        (circuit, "+ send back to x", "3", "That is the value of q"),
        (circuit, "What is q", "7", "Look again at the sign of x: x is negative."),
        (circuit, "What is q", "-10", "There x and y are multiplied; + is asked."),
        (circuit, "What is f", "-1", "There q and z are added; × is asked."),
        (affine, "send back to W", "[[-1, 4], [1, -4]]", "Rows and columns are exchanged"),
        (affine, "send back to W", "[[1, -1], [1, -1]]", "That is the local derivative of · alone"),
        (affine, "send back to W", "-1 4", "That is what arrives at ·"),
        (affine, "send back to x", "[7, -7]", "On the way back, the matrix is transposed"),
        (affine, "send back to v", "-0.5 2", "That is the value of v"),
        (affine, "What is z", "2.0616", "There the root of the sum of squares is taken; ‖v‖² is asked."),
        (affine, "What is z", "1.5", "That is the sum of the entries"),
        (affine, "What is u", "-2 3", "The order matters: W comes first, then x."),
        (neuron, "What is a", "1", "That is p itself; σ is still to be done."),
        (neuron, "What is a", "0.7616", "That is tanh(p); σ(p) is asked."),
        (division, "What is q", "-4/3", "The order matters: x comes first, then y."),
        (cube, "send back to x", "9", "The exponent comes down as a factor"),
        (branching, "gradient at x now", "1", "That is what x had before"),
        (branching, "gradient at x now", "2.540", "That is what has just arrived"),
        (branching, "gradient at q now", "1.0806", "There the two are multiplied"),
        (branching, "What is r", "0.01745", "That is sin in degrees; q is in radians."),
        (neuron, "What is q", "-2 6", "There the entries are multiplied one by one; they are still to be added up."),
        (products, "send back to A", "[[2.5, 3], [2.5, 3]]", "On the way back, the matrix is transposed"),
        (products, "What is U", "[[2, -2], [1.5, 20]]", "There the entries are multiplied one by one"),
    ],
)
def test_slips_of_the_lectures(make, prompt, text, say):
    verdict = asked(make, prompt).judge(text)
    assert not verdict.right
    assert verdict.say.startswith(say)


@pytest.mark.parametrize(
    ("make", "prompt", "hint"),
    [
        (circuit, "What is q", "Put the numbers in: q = (−2) + 5."),
        (division, "What is p", "Put the numbers in: p = tanh(−4)."),
        (affine, "What is v", "Put the numbers in: v = [−1, 4] + [0.5, −2]."),
        (circuit, "× send back to q", "Upstream is 1; multiply it by the local derivative: ∂f/∂q = z."),
        (affine, "send back to W", "Upstream is [−1, 4]. In symbols, W is sent (∂z/∂u)xᵀ."),
        (branching, "gradient at q now", "q had 0.5403, and 2 has arrived: contributions add up."),
    ],
)
def test_hints_say_how_not_what(make, prompt, hint):
    assert asked(make, prompt).hint == hint


def test_a_gradient_may_be_taken_for_the_whole_of_several_ways():
    first = next(q for q in questions(branching()) if "× send back to x" in q.prompt)
    assert first.judge("3.5403").say.startswith("That is the whole gradient of x")


def test_what_every_row_uses_is_added_up():
    X, b = leaf([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "X"), leaf([1.0, -1.0], "b")
    root = minidl.squared_norm(X + b).named("f")
    up = 2 * (X.data + b.data)
    question = next(q for q in questions(root) if "send back to b" in q.prompt)
    assert question.judge(spelled(up)).say.startswith("b is used for every row")


def test_an_unforeseen_answer_is_tried_out():
    def f(x, y):
        return np.sin(x * y) * x

    x, y = minidl.scalar(0.5, name="x"), minidl.scalar(2.0, name="y")
    root = (minidl.sin(x * y) * x).named("f")
    question = next(q for q in questions(root) if "gradient at x now" in q.prompt)
    assert [trial.by for trial in question.trials] == [0.1, 0.01, 0.001, 0.0001]
    for trial in question.trials:
        assert trial.moved == pytest.approx(f(0.5 + trial.by, 2.0) - f(0.5, 2.0), rel=1e-8)
    moved = number(f(0.6, 2.0) - f(0.5, 2.0))
    assert question.judge("77").say == f"If it were so, moving x by 0.1 would move f by 7.7; it moves by {moved}."
    one_way = next(q for q in questions(root) if "× send back to x" in q.prompt)
    alone = number(math.sin(1.0) * 0.6 - math.sin(1.0) * 0.5)
    assert one_way.judge("77").say.startswith("If it were so, moving x, on this way alone, by 0.1 would move f by 7.7")
    assert one_way.judge("77").say.endswith(f"it moves by {alone}.")


@pytest.mark.parametrize("make", ALL)
def test_what_is_tried_out_agrees_with_the_gradient(make):
    tried = 0
    for question in questions_of(make):
        if question.trials:
            trial = question.trials[-1]
            wanted = float(np.ravel(question.answer)[0])
            assert trial.moved == pytest.approx(wanted * trial.by, rel=1e-2, abs=1e-6)
            tried += 1
    assert tried > 2


def test_what_is_drawn_at_random_is_not_tried_out():
    x = minidl.scalar(2.0, name="x")
    root = x * 2.0
    trials = Trials(root)
    assert trials.faithful
    root._data = np.float64(5.0)  # something else than computing it again gives
    assert not Trials(root).faithful
    assert Trials(root).move(x, [(root, 0)]) == ()


def test_large_arrays_are_asked_for_but_not_judged():
    X = leaf(np.arange(12.0).reshape(3, 4), "X")
    frames = [f for f in viz.frames((X * X).sum().named("s"), predict=True) if f.question]
    assert [f.quiz is None for f in frames if "send back to X" in f.question or "X ⊙ X" in f.question] == [True] * 3
    assert any(f.quiz for f in frames)


@pytest.mark.parametrize("level", ["module", "scalar"])
def test_folded_and_unfolded_figures_ask_too(level):
    for question in questions(network() if level == "module" else affine(), level=level):
        assert question.judge(spelled(question.answer)).right
        assert question.judge(spelled(np.negative(question.answer))).say


def test_hard_numbers_do_no_harm():
    x, y = minidl.scalar(0.0, name="x"), minidl.scalar(1e-12, name="y")
    root = (minidl.log(x) * y + x / (y - y)).named("f")
    for question in questions(root):
        assert question.judge(spelled(question.answer).replace("NaN", "nan").replace("Infinity", "inf")).right
        json.dumps(question.data(), allow_nan=False)
        question.judge("1e300")


def test_no_gradient_is_changed_and_nothing_is_recorded():
    root = branching()
    before = {node: node.data.copy() for node in gradients(root)}
    questions(root)
    assert all(node.grad is None and np.array_equal(node.data, value) for node, value in before.items())


def test_the_same_graph_gives_the_same_questions():
    assert [q.data() for q in questions(branching())] == [q.data() for q in questions(branching())]


def test_close():
    assert close(1.0009, 1.0)
    assert not close(1.0 + 2 * TOLERANCE, 1.0)
    assert NEAR > TOLERANCE
