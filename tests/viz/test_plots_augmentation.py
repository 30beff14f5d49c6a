"""The plots of augmented images: what they say, what they refuse, where boxes and pictures stand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minidl.data.augment import EXAMPLES
from minidl.errors import MinidlError, ShapeError, UsageError
from viz import plots
from viz.drawing.theme import DARK, LIGHT, Theme
from viz.gallery.augmentation import FAMILIES
from viz.gallery.augmentation_data import BOXES, apple, portrait, ruled, shown
from viz.plots import Chain, Change, View
from viz.plots.style import house_style
from viz.plots.variants import wrapped

GREY = np.linspace(0, 1, 64).reshape(8, 8)

PLOTS: dict[str, Callable[[Theme], plots.Plot]] = {
    "variants": lambda t: plots.variants(
        View(GREY, "original", "", {"a": (1, 1, 4, 4)}), [View(GREY[:4], "cropped", "by half", {"a": (0, 0, 0, 0)})], theme=t
    ),
    "mixtures": lambda t: plots.mixtures(
        [View(GREY, "one"), View(GREY.T, "two")], {"mixup": [(GREY, (0.25, 0.75)), (GREY, (1.0, 0.0))]}, theme=t
    ),
    "chains": lambda t: plots.chains(
        GREY, [Chain([("a", GREY)], 0.5), Chain([("b", GREY), ("c", GREY)], 0.5)], GREY, 0.3, GREY, theme=t
    ),
    "judged": lambda t: plots.judged([Change(GREY, GREY.T, "turned", "which?", True, "still")], theme=t),
    "strips": lambda t: plots.strips({"raw": GREY[None], "more": np.stack([GREY, GREY.T])}, {"raw": "std 1"}, theme=t),
    "sizes": lambda t: plots.sizes(GREY, (224, 256), 224, theme=t),
}  # fmt: skip


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_is_the_same_every_time_and_another_in_another_theme(name: str) -> None:
    light = PLOTS[name](LIGHT)
    assert light.svg() == PLOTS[name](LIGHT).svg()
    assert light.svg() != PLOTS[name](DARK).svg()
    assert light.text == PLOTS[name](DARK).text
    assert len(light.text) > 20


def test_the_words_hold_the_numbers() -> None:
    assert (
        PLOTS["variants"](LIGHT).text
        == "An image and its variants. original: a from (1, 1) to (4, 4); cropped (by half)."
    )
    assert "one 0.25 and two 0.75, one 1.00 and two 0.00" in PLOTS["mixtures"](LIGHT).text
    assert "0.3 of the original and 0.7 of a mixture of 2 chains: a (weight 0.5); b, c" in PLOTS["chains"](LIGHT).text
    assert "turned, which? Kept: still." in PLOTS["judged"](LIGHT).text
    assert PLOTS["strips"](LIGHT).text == "Stages of images. raw (std 1); more."
    assert "20 views" in PLOTS["sizes"](LIGHT).text


@pytest.mark.parametrize(
    ("error", "words", "make"),
    [
        (UsageError, "1 to 12 views of an image; got 0", lambda: plots.variants(View(GREY, "a"), [])),
        (UsageError, "columns must be at least 1", lambda: plots.variants(View(GREY, "a"), [View(GREY, "b")], columns=0)),
        (ShapeError, "an image must be", lambda: plots.variants(View(np.zeros((2, 8, 8)), "a"), [View(GREY, "b")])),
        (ShapeError, "two images", lambda: plots.mixtures([View(GREY, "a")], {"m": [(GREY, (0.5, 0.5))]})),
        (UsageError, "rows of 1 to 4", lambda: plots.mixtures([View(GREY, "a")] * 2, {"m": []})),
        (UsageError, "1 to 4 chains of 1 to 3 steps", lambda: plots.chains(GREY, [], GREY, 0.5, GREY)),
        (UsageError, "1 to 9 pairs", lambda: plots.judged([])),
        (UsageError, "at most 8 rows of 10", lambda: plots.strips({"a": np.zeros((11, 4, 4))}, {})),
        (UsageError, "the crop's 224 pixels; got", lambda: plots.sizes(GREY, (200,), 224)),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_refused(error: type[MinidlError], words: str, make: Callable[[], Any]) -> None:
    with pytest.raises(error, match=words):
        make()


def test_a_crop_is_drawn_smaller_on_the_same_scale_and_a_box_without_area_not_at_all() -> None:
    from matplotlib.patches import Rectangle

    with house_style(LIGHT):
        figure = PLOTS["variants"](LIGHT).draw()
    inches = np.array(figure.get_size_inches())
    original, crop = (np.array(axes.get_position().size) * inches for axes in figure.axes)
    np.testing.assert_allclose(original[0], original[1])
    np.testing.assert_allclose(crop, [original[0], original[1] / 2])
    boxes = [[patch for patch in axes.patches if isinstance(patch, Rectangle)] for axes in figure.axes]
    assert [len(found) for found in boxes] == [2, 0]  # a halo and a line
    assert boxes[0][0].get_bbox().extents.tolist() == [0.5, 0.5, 3.5, 3.5]


def test_shares_are_as_wide_as_they_are() -> None:
    with house_style(LIGHT):
        figure = PLOTS["mixtures"](LIGHT).draw()
    widths = [[patch.get_width() for patch in axes.patches] for axes in figure.axes if len(axes.patches) == 2]
    assert widths == [[0.25, 0.75], [1.0, 0.0]]


def test_words_are_broken_evenly_and_never_within_a_number() -> None:
    assert wrapped("one two three four", 12, 1000) == ["one two three four"]
    assert wrapped("aaaa bbbb cccc dddd", 12, 85) == ["aaaa bbbb", "cccc dddd"]
    assert wrapped("up to 60\u00a0% wider", 12, 36)[1] == "60\u00a0%"
    assert wrapped("", 12, 100) == []


def test_every_augmentation_hangs_in_the_gallery() -> None:
    shown_ones = {name for _, _, _, words in FAMILIES.values() for name in words}
    # The first two have figures of their own; the last is an affine change, read in another way.
    assert shown_ones | {"AugMix", "composition", "fused warp"} == set(EXAMPLES)


def test_the_rooms_own_images() -> None:
    image = portrait()
    assert image.shape == (1, 3, 192, 192)
    assert image.min() >= 0
    assert image.max() <= 1
    lines = ruled(image)
    changed = (lines != image).any(axis=(0, 1))
    assert changed[16].mean() > 0.9
    assert changed[:, 17].mean() > 0.9
    assert not changed[20:40, 20:40].any()
    for left, top, right, bottom in BOXES.values():
        assert 0 <= left < right <= 192
        assert 0 <= top < bottom <= 192
    red, green, blue = apple()[0, :, 48, 48]
    assert red > 2 * max(green, blue)
    np.testing.assert_allclose(shown([[-1.0, 0.0, 2.0]]), [[0.25, 0.5, 1.0]])
