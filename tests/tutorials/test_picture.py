"""Circuits drawn in text, and said in words."""

from __future__ import annotations

import minidl
from tutorials.drawing.picture import Drawing, draw
from tutorials.lesson import Circuit


def text(drawing: Drawing) -> list[str]:
    return ["".join(span.text for span in line).rstrip() for line in drawing.lines]


def circuit() -> minidl.Tensor:
    x, y, z = minidl.scalar(-2.0, name="x"), minidl.scalar(5.0, name="y"), minidl.scalar(-4.0, name="z")
    return ((x + y).named("q") * z).named("f")


def test_values_stand_above_and_gradients_below_with_an_arrow() -> None:
    assert text(draw(Circuit("f", gradients=("*",)), {"f": circuit()}, answered=True)) == [
        "       −2",
        "   x ──────────────┐",
        "       ← −4        │   3",
        "       5          (+)─ q ──────────┐",
        "   y ──────────────┘   ← −4        │   −12",
        "       ← −4                       (×)──────────── f",
        "       −4                          │   ← 1",
        "   z ──────────────────────────────┘",
        "       ← 3",
    ]


def test_what_is_asked_is_a_mark_until_it_is_answered() -> None:
    asked = Circuit("f", values=("x",), asked=("gradient x",))
    before, after = (draw(asked, {"f": circuit()}, answered) for answered in (False, True))
    assert text(before)[2] == "       ← ?         │"
    assert text(after)[2] == "       ← −4        │"
    assert [s.role for s in after.lines[2] if "4" in s.text] == ["asked"]
    assert before.spoken[0] == "x, value −2, gradient in question."
    assert after.spoken[0] == "x, value −2, gradient −4."


def test_a_fork_is_drawn_once_and_goes_on() -> None:
    a, b = minidl.scalar(-2.0, name="a"), minidl.scalar(5.0, name="b")
    g = ((a + b).named("p") * a).named("g")
    assert text(draw(Circuit("g"), {"g": g}, answered=True))[:5] == [
        "       −2",
        "   a ──────────────┬───────────────┐   −6",
        "                   │   3          (×)──────────── g",
        "       5          (+)─ p ──────────┘",
        "   b ──────────────┘",
    ]


def test_matrices_stand_on_the_wires_in_brackets() -> None:
    W = minidl.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True, name="W")
    x = minidl.tensor([1.0, -1.0], requires_grad=True, name="x")
    z = minidl.squared_norm((W @ x).named("u")).named("z")
    lines = text(draw(Circuit("z", gradients=("*",)), {"z": z}, answered=True))
    assert lines[0].startswith("       ⎡1  2⎤")
    assert lines[1].startswith("       ⎣3 −1⎦")
    # u = (−1, 4), so upstream is (−2, 8) and dW is upstream · xᵀ.
    assert lines[3].startswith("       ← ⎡−2  2⎤")
    assert lines[4].startswith("         ⎣ 8 −8⎦")
    assert "(‖·‖²)" in lines[4]


def test_a_picture_keeps_its_size_when_numbers_arrive() -> None:
    f = circuit()
    bare = draw(Circuit("f", values=()), {"f": f}, answered=True)
    full = draw(Circuit("f", gradients=("*",)), {"f": f}, answered=True)
    assert len(bare.lines) == len(full.lines)
    wires = [[(k, c) for k, c in enumerate(line) if c in "─│┐┘"] for line in text(bare)]
    assert wires == [[(k, c) for k, c in enumerate(line) if c in "─│┐┘"] for line in text(full)]
