"""A picture taken apart: its words are all there, in their places, and its drawing has none of them."""

from __future__ import annotations

import numpy as np
import pytest

import minidl
import viz
from minidl.errors import RenderError
from viz.drawing.lettered import lowered, raised, untangled
from viz.plots import Plot, learning_rates


def circuit() -> viz.Figure:
    a, b = minidl.scalar(2.0, name="a"), minidl.scalar(3.0, name="b")
    return viz.draw((a * b).named("f"))


def test_the_words_of_a_plot_stand_where_they_are_drawn() -> None:
    plot = learning_rates([0.01, 0.1, 1.0], {"SGD": [0.9, 0.2, 3.0]}, title="Three rates")
    apart = plot.lettered(96)
    height, width = apart.pixels.shape[:2]
    words = {word.text: word for word in apart.words}
    assert apart.stretches
    assert words["Three rates"].middle < height / 4
    assert words["learning rate"].middle > 0.9 * height
    assert words["loss at the end"].upright
    assert words["loss at the end"].right < width / 10
    assert words["0.01"].right < words["0.1"].left
    assert words["0.01"].middle == pytest.approx(words["0.1"].middle, abs=3)
    for word in apart.words:
        assert 0 <= word.left < word.right <= width + 1
        assert 0 < word.middle < height
        assert not has_ink(apart.pixels, word.left, word.right, word.middle) or word.text == "SGD"


def has_ink(pixels: np.ndarray, left: float, right: float, middle: float) -> bool:
    box = pixels[int(middle) - 2 : int(middle) + 3, int(left) + 2 : int(right) - 1]
    return bool((np.abs(box.astype(int) - pixels[0, 0]).sum(axis=2) > 200).any())


def test_the_words_of_a_circuit_are_painted_over() -> None:
    apart = circuit().lettered(96)
    assert [w.text for w in apart.words if w.text in "abf"] == ["a", "b", "f"]
    assert {"2", "3", "6", "×"} <= {w.text for w in apart.words}
    assert not apart.stretches
    name = next(w for w in apart.words if w.text == "a")
    assert not has_ink(apart.pixels, name.left, name.right, name.middle)
    assert (apart.pixels != apart.pixels[0, 0]).any()


def test_a_photograph_does_not_stretch() -> None:
    from viz.plots import gallery

    assert not gallery(np.random.default_rng(0).random((2, 8, 8))).lettered(72).stretches


def test_what_cannot_be_drawn_is_said() -> None:
    def fails() -> None:
        raise ValueError("no such thing")

    with pytest.raises(RenderError, match="cannot draw It as pixels: no such thing"):
        Plot(fails, "It", "").lettered(72)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("formula", "text"),
    [("$1.5\\times10^{-7}$", "1.5×10⁻⁷"), ("$W_{ij}$", "Wij"), ("$x^{k}$", "x^k"), (r"$\mathrm{loss}$", "loss")],
)
def test_mathematics_as_plain_text(formula: str, text: str) -> None:
    assert untangled(formula) == text


def test_raised_and_lowered() -> None:
    assert (raised("2"), raised("T"), lowered("1"), lowered("i")) == ("²", "^T", "₁", "_i")
