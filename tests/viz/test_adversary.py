"""What people do to a visualizer that its authors did not think of: each was once a wrong picture or a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

import minidl
import viz
from minidl.autodiff import backward_steps
from minidl.errors import GraphError, UsageError
from minidl.files import write_atomic
from viz.drawing import engine
from viz.drawing.dot import text
from viz.drawing.theme import HeatScale, theme_named


def number(value: float, name: str | None = None) -> minidl.Tensor:
    return minidl.scalar(value, name=name)


def array(value: object, name: str | None = None) -> minidl.Tensor:
    return minidl.tensor(value, requires_grad=True, name=name)


# Names --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["\u200b", "x\u200b", "\u2060\u200d", "\u0301"])
def test_a_name_that_nobody_can_see_is_drawn(name: str, kind: str) -> None:
    x = number(2.0, name)
    ET.fromstring(viz.draw((x * x).named("f")).svg())


def test_what_takes_no_room_is_shown_as_unprintable() -> None:
    assert text("\u200b").markup == "\ufffd"
    assert text("e\u0301").markup == "e\u0301"  # an accent on a letter is no such thing


@pytest.mark.parametrize("key", ["", " ", "_3", None, 3])
def test_keys_that_are_no_names_are_passed_over(key: object) -> None:
    x = number(2.0)
    f = x * x
    names = {key: x}
    assert viz.draw(f, names=names).text.startswith("Circuit of f: a = 2")  # type: ignore[arg-type]
    assert str(viz.derive(f, names=names)).startswith("given\n  a = 2")  # type: ignore[arg-type]


@pytest.mark.parametrize("names", [[1], "abc", 3])
def test_names_are_a_dictionary(names: object) -> None:
    x = number(2.0)
    for make in (viz.draw, viz.frames, viz.derive):
        with pytest.raises(UsageError, match=r"names=locals\(\)"):
            make(x * x, names=names)  # type: ignore[operator]


def test_the_narration_holds_no_markup_of_names() -> None:
    x = number(2.0, "<b>")
    y = number(3.0, "[y](z)")
    said = viz.frames((x * y).named("&amp;")).narration()
    assert "<b>" in said
    assert not re.search(r"(?<!\\)<b>|(?<!\\)&amp;|\](?<!\\)\(z", said)


# What can be asked for ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [None, 0, "q"])
def test_what_is_opened_is_a_list(wrong: object) -> None:
    x = number(2.0)
    for word in ("expand", "collapse"):
        with pytest.raises(UsageError, match=f"{word} takes a list"):
            viz.draw(minidl.tanh(x * x), **{word: wrong})  # type: ignore[arg-type]


def test_a_theme_is_a_name_or_a_theme() -> None:
    with pytest.raises(UsageError, match="there is no theme"):
        theme_named(["light"])  # type: ignore[arg-type]


@pytest.mark.parametrize(("low", "high"), [(1, 1), (2, 1), (float("nan"), 1)])
def test_a_heat_scale_goes_upwards(low: float, high: float) -> None:
    with pytest.raises(UsageError, match="heat scale"):
        HeatScale(low, high)


def test_a_derivation_for_what_is_no_value() -> None:
    x = number(2.0)
    with pytest.raises(GraphError, match="wrt"):
        viz.derive(x * x, wrt=3)  # type: ignore[arg-type]


def test_a_vector_has_no_gradients_to_draw() -> None:
    y = (array([1.0, 2.0]) * 2).named("y")
    with pytest.raises(GraphError, match=r"y has shape \(2,\).*grads=False"):
        viz.draw(y)
    with pytest.raises(GraphError, match=r"y has shape \(2,\)"):
        viz.frames(y)


@pytest.mark.parametrize("wrong", [[1], np.ones(2), None])
def test_the_error_names_what_was_given(wrong: object) -> None:
    kind = "numpy.ndarray" if isinstance(wrong, np.ndarray) else type(wrong).__name__
    with pytest.raises(GraphError, match=f"cannot draw a {kind}:"):
        viz.frames(wrong)


# Number by number ---------------------------------------------------------------------------------------------------------


def test_unfolding_a_sum_of_one_number() -> None:
    a, b = array([[1.0, 2.0]], "A"), array([[3.0], [4.0]], "B")
    f = (a @ b).sum().named("f")
    figure = viz.draw(f, expand=["f"])
    assert figure.text.startswith("Circuit of f: A = [[1, 2]] with gradient [[3, 4]]; ")
    assert "f = 11 with gradient 1" in figure.text


@pytest.mark.parametrize("value", [[1.0, 2.0], [[1.0, 2.0], [3.0, 4.0]]])
def test_unfolding_an_array_ends_in_the_array(value: list[object]) -> None:
    figure = viz.draw((array(value, "a") * 2).named("y"), level="scalar", grads=False)
    assert figure.text.endswith(
        f"; y = {value}.".replace("1.0", "2").replace("2.0", "4").replace("3.0", "6").replace("4.0", "8")
    )


@pytest.mark.parametrize("value", [[3.0], []])
def test_unfolding_that_leaves_nothing_says_so(value: list[float]) -> None:
    f = array(np.array(value)).sum().named("f")
    with pytest.raises(GraphError, match="f comes without any operation of numbers"):
        viz.draw(f, level="scalar")


# Numbers ------------------------------------------------------------------------------------------------------------------


def test_a_sum_tells_what_was_there_before() -> None:
    x = number(1.0, "x")
    f = (x * 1e20 + x).named("f")
    said = [step.text for step in backward_steps(f) if "adds up" in step.text]
    assert said == ["at x it adds up: 1 + 10²⁰ = 10²⁰"]  # taking 10²⁰ away again would leave 0


def test_infinite_gradients_are_narrated_without_warning(recwarn: pytest.WarningsRecorder) -> None:
    x = number(float("inf"), "x")
    f = (x * x).named("f")
    assert viz.draw(f).steps[-1] == "at x it adds up: ∞ + ∞ = ∞"
    huge = number(1e308, "h")
    assert "∂f/∂h = ∞" in viz.frames((huge * huge).named("f"))[-1].step
    assert not recwarn.list


def test_the_words_of_a_large_figure_are_bounded() -> None:
    x = number(0.5)
    for _ in range(400):
        x = minidl.tanh(x)
    assert len(viz.draw(x).text) < 6000
    assert "281 more" in viz.draw(x).text


# Derivations --------------------------------------------------------------------------------------------------------------


def test_a_logarithm_keeps_its_argument_together() -> None:
    x, y = number(3.0, "x"), number(2.0, "y")
    shown = str(viz.derive(((x + y) ** x).named("f"), wrt="x"))
    assert "(x + y)^x·ln(x + y)" in shown
    assert "·ln(1/2)·y" in str(viz.derive((0.5 ** (x * y)).named("f"), wrt="x"))


def test_a_product_of_elements_keeps_its_argument_together() -> None:
    v, k = array([1.0, 2.0], "v"), number(3.0, "k")
    shown = str(viz.derive(((v + 1).prod() * k).named("f"), wrt="k"))
    assert "∂f/∂k = q = Π (v + 1) = 6" in shown


def test_a_square_of_a_squared_norm() -> None:
    v, k = array([1.0, 2.0], "v"), number(3.0, "k")
    shown = str(viz.derive((minidl.squared_norm(v) ** 2 * k).named("f"), wrt="k"))
    assert "(‖v‖²)²" in shown


def test_negative_numbers_have_one_pair_of_parentheses() -> None:
    x = number(-2.0, "x")
    shown = str(viz.derive((minidl.cos(x) * x).named("f")))
    assert "sin(−2)" in shown
    assert "((" not in shown


def test_a_hook_is_no_part_of_a_derivation() -> None:
    x = number(2.0, "x")
    q = (x * 3).named("q")
    handle = q.register_hook(lambda g: g * 10)
    with pytest.raises(GraphError, match="has a hook"):
        viz.derive(q * x)
    handle.remove()
    assert "6x" in str(viz.derive(q * x))


# Files --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["\0.pdf", "\ud800.pdf", "\0"])
def test_names_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file can have this name"):
        write_atomic(tmp_path / name, "")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["\0.tex", "\ud800.tex"])
def test_derivations_under_names_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    x = number(2.0)
    with pytest.raises(UsageError, match="no file can have this name"):
        viz.derive(x * x).save(tmp_path / name)


def test_a_derivation_may_be_called_in_capitals(tmp_path: Path) -> None:
    x = number(2.0)
    assert "align*" in viz.derive(x * x).save(tmp_path / "A.TEX").read_text(encoding="utf-8")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text("old", encoding="utf-8")
    with pytest.raises(NotADirectoryError, match="is a file, not a folder"):
        write_atomic(tmp_path / "a.svg" / "b.svg", "new")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == "old"


# Processes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_fork_while_another_thread_draws_can_draw() -> None:
    program = """
import os, threading
from viz.drawing import engine
def draw():
    return engine.render("digraph { a -> b }", "svg")
whole = draw()
stop = threading.Event()
def draw_on():
    while not stop.is_set():
        draw()
thread = threading.Thread(target=draw_on)
thread.start()
good = 0
for _ in range(5):
    child = os.fork()
    if child == 0:
        import signal
        signal.alarm(30)
        os._exit(0 if draw() == whole else 1)
    good += os.waitpid(child, 0)[1] == 0
stop.set()
thread.join()
print(good)
"""
    if engine.engine_info().kind == "none":
        pytest.skip("no Graphviz")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "5", done.stderr


def test_threads_draw_what_is_theirs() -> None:
    found: dict[int, str] = {}

    def draw(i: int) -> None:
        found[i] = viz.draw((number(float(i), "x") * 2).named("f")).svg()

    threads = [threading.Thread(target=draw, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(6):
        assert f"x = {i} with gradient 2" in found[i]


def test_what_is_joined_is_named_in_full() -> None:
    x, y = array([1.0], "x"), array([2.0, 3.0], "y")
    f = minidl.cat([x, y]).sum().named("f")
    assert "u = cat(x, y) = [1, 2, 3]" in str(viz.derive(f))
    assert r"\operatorname{cat}(\boldsymbol{x}, \boldsymbol{y})" in viz.derive(f).latex()
    assert "u = cat(x, y) = [1, 2, 3]" in viz.draw(f).steps


def test_what_is_given_keeps_its_letter_where_its_operation_is_folded() -> None:
    x = number(0.5)
    for _ in range(501):
        x = minidl.tanh(x)
    assert viz.draw(x).text.startswith("Circuit of f: a = 0.5 with gradient ")


@pytest.mark.parametrize("name", ["u_1", "u₁"])
def test_a_value_is_opened_by_its_name_as_typed_and_as_printed(name: str) -> None:
    u = (array([1.0, 2.0], "x") * 3).named("u_1")
    assert "x₁ = 1" in viz.draw(u.sum(), expand=[name]).text
