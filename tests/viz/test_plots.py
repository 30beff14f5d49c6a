"""The plots of a run."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from minidl.errors import ShapeError, UsageError
from viz.drawing.theme import LIGHT
from viz.plots import Plot, best_epoch, curves, early_stop, guesses, kernels
from viz.plots.filters import _mosaic
from viz.plots.style import HEAD, SIZE, SMALL

SVG = "{http://www.w3.org/2000/svg}"


def record(epoch: int, loss: float = 0.1, accuracy: float = 0.9) -> dict[str, Any]:
    return {
        "epoch": epoch,
        "train_loss": loss / 2,
        "train_accuracy": accuracy,
        "validation_loss": loss,
        "validation_accuracy": accuracy,
    }


def words_of(svg: str) -> str:
    return " ".join(element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}desc"))


def text_of(plot: Plot) -> str:
    """The alternative text, as the picture carries it."""
    assert words_of(plot.svg()) == plot.text.replace("\n", " ")
    return plot.text


def all_plots() -> dict[str, str]:
    generator = np.random.default_rng(0)
    probabilities = generator.random((30, 10))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return {
        "curves": curves([record(1, 2.0, 0.5), record(2, 0.05, 0.98), record(3, 0.06, 0.97)]).svg(),
        "kernels": kernels(generator.normal(size=(16, 1, 3, 3)), "conv1").svg(),
        "many kernels": kernels(generator.normal(size=(40, 6, 5, 5)), "conv2").svg(),
        "guesses": guesses(generator.random((30, 1, 8, 8)), generator.integers(0, 10, 30), probabilities).svg(),
    }


def test_plots_are_svg_with_words_the_same_every_time() -> None:
    first, second = all_plots(), all_plots()
    assert first == second
    for svg in first.values():
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img"
        assert len(words_of(svg)) > 40
        assert not list(root.iter(f"{SVG}text"))  # letters are paths: they look the same without the font
        assert "date" not in svg.lower().replace("validate", "").replace("update", "")
        assert len(svg) < 200_000
    assert min(SIZE, SMALL, HEAD) >= 12


def test_matplotlib_settings_are_left_as_they_were() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    curves([record(1)]).svg()
    assert dict(matplotlib.rcParams) == before


def test_matplotlib_is_loaded_when_a_plot_is_made_and_pyplot_never() -> None:
    code = (
        "import sys, viz.plots, viz.report.page, viz.passes.draw, numpy as np\n"
        "early = {'matplotlib', 'fontTools'} & sys.modules.keys()\n"
        "viz.plots.kernels(np.ones((1, 1, 3, 3)), 'conv').svg()\n"
        "sys.exit(bool(early) or 'matplotlib.pyplot' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_a_folder_for_settings_matplotlib_does_not_complain(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    code = "import numpy as np, os, viz.plots as p; p.kernels(np.ones((1, 1, 3, 3)), 'c').svg(); "
    code += "print(os.environ['MPLCONFIGDIR'])"
    environment = {name: value for name, value in os.environ.items() if name not in ("MPLCONFIGDIR", "LOCALAPPDATA")}
    environment |= {
        "HOME": str(blocked),
        "XDG_CONFIG_HOME": str(blocked / "config"),
        "XDG_CACHE_HOME": str(blocked / "c"),
    }
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=environment)
    assert done.stderr == ""
    assert not os.path.exists(done.stdout.strip())  # the stand-in is gone again


def test_the_best_epoch_has_the_highest_accuracy_then_the_lowest_loss() -> None:
    history = [record(1, 0.1, 0.8), record(2, 0.3, 0.95), record(3, 0.2, 0.95), record(4, 0.1, math.nan)]
    assert best_epoch(history)["epoch"] == 3
    assert "highest validation accuracy is that of epoch 3: accuracy 95.0 %" in text_of(curves(history))


def test_both_plots_say_by_what_the_marked_epoch_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lowest loss is another epoch's: the loss plot must not call the marked one the best."""
    from matplotlib.figure import Figure

    written: list[str] = []

    def watch(self: Figure, *args: Any, **options: Any) -> None:
        written.extend(text.get_text() for axes in self.axes for text in axes.texts)
        real(self, *args, **options)

    real = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", watch)
    curves([record(1, 0.1, 0.8), record(2, 0.3, 0.95)]).svg()
    marks = [text for text in written if "epoch " in text]
    assert set(marks) == {"highest accuracy: epoch 2", "highest accuracy: epoch 2, 95.0 %"}


def test_a_run_that_diverged_is_plotted() -> None:
    assert "to inf" in text_of(curves([record(1, 3.0, 0.1), record(2, math.nan, 0.1), record(3, math.inf, 0.1)]))
    curves([record(1, math.nan, math.nan)]).svg()


def test_patience_runs_out_so_many_epochs_after_the_best() -> None:
    history = [record(e, 1.0, accuracy) for e, accuracy in enumerate([0.5, 0.8, 0.7, 0.6, 0.7, 0.9], start=1)]
    stopped = early_stop(history, 3)
    assert (stopped.best, stopped.stop) == (2, 5)
    assert "ends the run after epoch 5 and keeps epoch 2" in text_of(curves(history, patience=3))
    assert "does not end the run" in text_of(curves(history, patience=4))
    with pytest.raises(UsageError, match="at least 1 epoch"):
        curves(history, patience=0)


def test_several_runs_are_compared_by_name() -> None:
    text = text_of(curves({"SGD": [record(1, 1.0, 0.5)], "Adam": [record(1, 0.5, 0.75), record(2, 0.2, 0.875)]}))
    assert "Run SGD: " in text
    assert "epoch 2: accuracy 87.5 %" in text
    with pytest.raises(UsageError, match="no epoch to plot in the run empty"):
        curves({"empty": []})


def test_a_plot_shows_the_numbers_of_when_it_was_made() -> None:
    """A model that is trained on after the call must not change a picture that has not been drawn yet."""
    weight = np.ones((2, 1, 3, 3))
    plot = kernels(weight, "conv")
    before = plot.svg()
    weight[:] = -5
    assert plot.svg() == before


def test_no_epochs_is_an_error() -> None:
    with pytest.raises(UsageError, match="no epoch"):
        curves([])


def test_kernels_are_on_one_symmetric_scale_with_their_signs_marked() -> None:
    tiles = np.array([[[1.0, -1.0], [0.0, 0.5]]])
    picture, side = _mosaic([[tiles[0]]], 1.0, LIGHT)
    middle = side // 2
    inner = picture[3 : 3 + 4, 3 : 3 + 4].reshape(-1, 3)  # off the frame and the minus signs
    assert inner.tolist() == [list(bytes.fromhex(LIGHT.positive[1][1:]))] * 16
    negative = picture[3, side + 3]
    assert negative.tolist() == list(bytes.fromhex(LIGHT.negative[1][1:]))
    zero = picture[side + 4, 4]
    assert zero.min() >= 254
    assert picture[middle, side + middle].tolist() != negative.tolist()  # the minus sign
    assert picture[middle, middle].tolist() == inner[0].tolist()  # and none where it is positive


def test_kernels_say_how_many_are_shown() -> None:
    assert "16 kernels of 3×3" in text_of(kernels(np.ones((16, 1, 3, 3)), "conv1"))
    assert "40×6 kernels of 5×5" in text_of(kernels(np.ones((40, 6, 5, 5)), "conv2"))
    assert "(the first 32×6)" in text_of(kernels(np.ones((40, 6, 5, 5)), "conv2"))
    kernels(np.zeros((1, 1, 1, 1)), "zeros").svg()
    assert "36 of 36 are nan or infinite" in text_of(kernels(np.full((2, 2, 3, 3), np.nan), "diverged"))
    with pytest.raises(ShapeError, match=r"\(3, 3\)"):
        kernels(np.ones((3, 3)), "flat")


def test_only_wrong_guesses_are_shown_the_surest_first() -> None:
    probabilities = np.array([[0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.05, 0.05, 0.9]])
    words = text_of(guesses(np.zeros((3, 1, 4, 4)), np.array([1, 1, 0]), probabilities, ["cat", "dog", "<owl>"]))
    assert "2 of 3 test images misclassified" in words
    owl, dog = (
        words.index("Label cat was taken for: <owl> 90 %"),
        words.index("Label dog was taken for: cat 60 %, dog 30 %"),
    )
    assert owl < dog


def test_a_small_chance_is_not_called_nothing() -> None:
    words = text_of(guesses(np.zeros((1, 8, 8)), np.array([1]), np.array([[0.997, 0.002999, 1e-6]])))
    assert "taken for: 0 >99 %, 1 <1 %, 2 <1 %" in words


def test_nothing_misclassified_says_so() -> None:
    assert "Every test image was classified correctly" in text_of(
        guesses(np.zeros((2, 8, 8)), np.array([0, 1]), np.eye(2))
    )


def test_colour_images_and_many_mistakes() -> None:
    probabilities = np.tile([0.9, 0.1], (40, 1))
    words = text_of(guesses(np.full((40, 3, 8, 8), 2.0), np.ones(40, int), probabilities))
    assert "40 of 40 test images misclassified, the 12 surest mistakes" in words


def test_names_are_taken_literally() -> None:
    words = text_of(guesses(np.zeros((1, 1, 8, 8)), np.array([1]), np.array([[0.9, 0.1]]), ["5$ to $x^{", "σ ✓ <&>"]))
    assert "Label σ ✓ <&> was taken for: 5$ to $x^{ 90 %" in words
    kernels(np.ones((1, 1, 3, 3)), "$\\frac{").svg()


def test_guesses_that_do_not_belong_together() -> None:
    with pytest.raises(ShapeError, match="3 images, 2 labels"):
        guesses(np.zeros((3, 1, 8, 8)), np.zeros(2, int), np.ones((3, 10)))
