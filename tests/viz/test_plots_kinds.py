"""Every kind of plot: what it says, what it refuses, and that nothing printed on it overlaps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.errors import DtypeError, MinidlError, ShapeError, UsageError
from minidl.nn import functional as F
from viz import plots
from viz.drawing.theme import DARK, LIGHT, THEMES, Theme
from viz.gallery import augmentation
from viz.gallery.plots import EXHIBITS
from viz.plots.labels import Name, name_points, spread
from viz.plots.palette import contrast, is_grey, readable, series
from viz.plots.style import house_style, new_figure, panel, set_number

draw = np.random.default_rng(0)
POINTS = draw.normal(size=(20, 2))

SMALL_PLOTS: dict[str, Callable[[Theme], plots.Plot]] = {
    "activation": lambda t: plots.activation(["tanh", "relu"], theme=t),
    "bars": lambda t: plots.bars({"norm": {"a": 1.0, "b": 1e-12, "c": math.nan, "d": 0.0}}, theme=t),
    "clouds": lambda t: plots.clouds({"raw": POINTS, "twice": 2 * POINTS}, theme=t),
    "confusion": lambda t: plots.confusion_matrix([0, 1, 2, 2], [0, 2, 2, 1], theme=t),
    "contours": lambda t: plots.contours(lambda x, y: x * x + y * y, {"p": [[2, 1], [0, 0]]}, theme=t),
    "crops": lambda t: plots.crops(np.zeros((8, 8)), [(0, 0, 4, 4), (4, 4, 4, 4)], theme=t),
    "boundary": lambda t: plots.decision_boundary(lambda x: x[:, 0], POINTS, POINTS[:, 0] > 0.2, theme=t),
    "descent": lambda t: plots.double_descent([5, 10, 20], [1, 0, 0], [1, 5, 0.5], 10, theme=t),
    "maps": lambda t: plots.feature_maps(np.arange(32.0).reshape(2, 4, 4), theme=t),
    "gallery": lambda t: plots.gallery(np.zeros((3, 3, 8, 8)), [0, 1, 2], [0, 2, 2], theme=t),
    "histograms": lambda t: plots.histograms({"a": POINTS, "b": [0.0, math.inf]}, limits=(-1, 1), theme=t),
    "iterates": lambda t: plots.iterates(lambda x: 1 - abs(2 * x - 1), (1, 2), theme=t),
    "rates": lambda t: plots.learning_rates([0.1, 1, 10], {"a": [1, 2, math.nan], "b": [3, 1, 1]}, theme=t),
    "scatter": lambda t: plots.scatter([0.5, 0.9, math.nan], [0.4, 0.6, 1.0], ["a", "b", "c"], theme=t),
    "sharing": lambda t: plots.sharing({"a": np.ones((2, 2, 1, 1)), "b": np.eye(2)[:, :, None, None]}, (0,) * 4, theme=t),
    "spreads": lambda t: plots.spreads({"a": {"1": POINTS, "2": POINTS / 9}, "b": {"1": POINTS, "2": [0.0]}}, theme=t),
    "loss_curves": lambda t: plots.loss_curves(
        {"good": [2.0, 1.0, 0.01], "high": [2.0, 9.0, math.inf]}, {"good": [1.0, 1.0, 0.1]}, every=10, theme=t
    ),
    "schedules": lambda t: plots.schedules({"a": lambda s: 0.1, "b": lambda s: 0.1 / (s + 1)}, 9, theme=t),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL_PLOTS)
def test_a_plot_is_the_same_every_time_and_another_in_another_theme(name: str) -> None:
    make = SMALL_PLOTS[name]
    light = make(LIGHT)
    assert light.svg() == make(LIGHT).svg()
    assert light.svg() != make(DARK).svg()
    assert light.text == make(DARK).text
    assert len(light.text) > 20


@pytest.mark.parametrize("exhibit", [*EXHIBITS, *augmentation.EXHIBITS], ids=lambda exhibit: exhibit.name)
def test_nothing_that_is_printed_overlaps_or_is_too_small(exhibit: Any) -> None:
    """The boxes of all texts of every plot in the gallery, as matplotlib places them."""
    plot = exhibit.make(LIGHT)
    with house_style(LIGHT):
        figure = plot.draw()
        figure.draw_without_rendering()
        texts = [text for text in figure.findobj(_is_text) if text.get_visible() and text.get_text().strip()]
        texts = [text for text in texts if text.get_window_extent().width > 0]
        boxes = [(text.get_text(), text.get_window_extent().padded(-1.0)) for text in texts]
    assert boxes
    assert min(text.get_fontsize() for text in texts) >= 12
    assert [(a, b) for (a, one), (b, other) in itertools.combinations(boxes, 2) if one.overlaps(other)] == []


def _is_text(artist: Any) -> bool:
    from matplotlib.text import Text

    if not isinstance(artist, Text) or artist.axes is None:
        return isinstance(artist, Text)
    ticks = [*artist.axes.xaxis.get_ticklabels(which="both"), *artist.axes.yaxis.get_ticklabels(which="both")]
    lists = [*artist.axes.texts, artist.axes.xaxis.label, artist.axes.yaxis.label, artist.axes._left_title]  # type: ignore[attr-defined]
    shown = artist.axes.axison and any(artist is text for text in ticks)
    return shown or any(artist is text for text in lists)


def test_series_are_told_apart_without_colour_and_can_be_read() -> None:
    for theme in THEMES.values():
        looks = [series(theme, k) for k in range(6)]
        assert len({str(look.dash) for look in looks}) == 6
        assert len({look.marker for look in looks}) == 6
        assert all(contrast(look.text, theme.paper) >= 4.5 for look in looks)
        assert contrast(readable(theme.paper, theme), theme.paper) >= 4.5
    assert [name for name, theme in THEMES.items() if is_grey(theme)] == ["print"]


def test_spread_keeps_order_and_room_and_moves_as_little_as_it_can() -> None:
    generator = np.random.default_rng(1)
    for _ in range(50):
        wanted = generator.uniform(0, 100, 6).tolist()
        sizes = generator.uniform(5, 15, 6).tolist()
        placed = spread(wanted, sizes, 0, 100)
        order = np.argsort(wanted, kind="stable")
        edges = [(placed[i] - sizes[i] / 2, placed[i] + sizes[i] / 2) for i in order]
        assert edges[0][0] >= -1e-9
        assert edges[-1][1] <= 100 + 1e-9
        assert all(a[1] <= b[0] + 1e-9 for a, b in itertools.pairwise(edges))
    assert spread([10, 30, 50], [5, 5, 5], 0, 100) == [10, 30, 50]


def test_names_at_points_stay_clear_of_each_other() -> None:
    with house_style(LIGHT):
        axes = panel(new_figure(6, 6), 0, 0, 4, 4)
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        boxes = name_points(axes, [Name(f"model {k}", 0.5 + 0.02 * k, 0.5, LIGHT.ink) for k in range(6)], LIGHT)
    for a, b in itertools.combinations(boxes, 2):
        assert a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]


def test_saved_in_every_format_and_nothing_else(tmp_path: Path) -> None:
    plot = SMALL_PLOTS["schedules"](LIGHT)
    starts = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}
    for suffix, start in starts.items():
        path = plot.save(tmp_path / "new" / f"plot{suffix.upper()}")
        assert path.read_bytes().startswith(start)
    assert plot.pdf() == plot.pdf()
    assert len(plot.png(50)) < len(plot.png(200))
    with pytest.raises(UsageError, match=r"'\.gif'; use one of \.svg, \.pdf, \.png"):
        plot.save(tmp_path / "plot.gif")
    with pytest.raises(UsageError, match="above 0"):
        plot.png(0)
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cannot write the plot"):
        plot.save(tmp_path / "file" / "plot.svg")
    assert set(plot._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}


def test_loss_curves_say_which_runs_came_to_an_end() -> None:
    plot = plots.loss_curves({"a": [4.0, 1.0], "b": [4.0, math.nan, 3.0], "c": [math.inf]}, step_name="epoch")
    assert plot.text == "The loss over 2 epochs. a: from 4 to 1. b: from 4, diverged after 0. c: diverged at once."
    sizes = plots.loss_curves({"a": [4.0, 1.0]}, loss_name="size", step_name="layers back")
    assert sizes.text == "The size over 1 layers back. a: from 4 to 1."
    with house_style(LIGHT):
        (losses,) = plot.draw().axes
        assert [words.get_text() for words in losses.texts if words.get_text()] == ["a", "b (diverged)"]
        assert len(losses.lines) == 2  # of c there is nothing to draw
        above, below = plots.loss_curves({"a": [4.0, 1.0]}, {"a": [1.0, 0.1]}).draw().axes
        assert (above.get_ylabel(), below.get_ylabel()) == ("loss", "learning rate")


NASTY = 'a "b" <c> & $d^{ \\frac{\n🙂 שלום ' + "x" * 10_000


def test_names_may_hold_anything() -> None:
    for plot in (
        plots.histograms({NASTY: [1.0, 2.0]}, title=NASTY),
        plots.bars({NASTY: {NASTY: 1.0}}),
        plots.confusion_matrix([0, 1], [1, 1], [NASTY, "b"], title=NASTY),
        plots.gallery(np.zeros((1, 4, 4)), [0], classes=[NASTY]),
        plots.contours(lambda x, y: x * x + y * y, {NASTY: [[1, 1]]}, axes_names=(NASTY[:30], "y")),
        plots.kernels(np.ones((1, 1, 3, 3)), NASTY),
        plots.schedules({NASTY: lambda s: 0.1}, 5),
        plots.loss_curves({NASTY: [1.0, 0.5]}, {NASTY: [1.0, 0.5]}, title=NASTY),
        plots.clouds({NASTY: POINTS}),
    ):
        svg = plot.svg()
        assert "<c>" not in svg
        assert len(plot.text) < 2000


def test_tensors_and_arrays_give_the_same_plot() -> None:
    values = draw.normal(size=(3, 4, 4))
    assert plots.feature_maps(minidl.tensor(values)).svg() == plots.feature_maps(values).svg()
    leaf = minidl.tensor(values[0], requires_grad=True)
    assert plots.histograms({"a": leaf}).text == plots.histograms({"a": values[0]}).text


def test_the_derivative_is_the_engines() -> None:
    plot = plots.activation("sigmoid", x_range=(-1, 1))
    assert "derivative from 0.1966 to 0.25 (∂y/∂x = y·(1 − y))" in plot.text
    cubed = plots.activation(lambda x: x * x * x, x_range=(-2, 2))
    assert "derivative from 0 to 12" in cubed.text


def test_a_function_of_ones_own_has_no_derivative_of_an_operation_that_is_called_alike() -> None:
    def linear(x: Any) -> Any:
        return F.relu(x) - F.relu(-x)

    plot = plots.activation([linear, minidl.heaviside])
    assert plot.text.startswith("linear(x) over x from −5 to 5: values from −5 to 5, derivative from 0 to 1. ")
    assert plot.text.endswith("derivative from 0 to 0 (∂y/∂x = 0).")


def test_a_function_may_be_drawn_without_its_derivative() -> None:
    alone = plots.activation("sigmoid", derivatives=False)
    assert alone.text == "σ(x) over x from −5 to 5: values from 0.006693 to 0.9933."
    assert LIGHT.fill not in alone.svg()
    assert series(LIGHT, 1).color in plots.activation("sigmoid").svg()
    assert series(LIGHT, 1).color not in alone.svg()


def test_where_a_step_is_flat_is_shaded() -> None:
    assert LIGHT.fill in plots.activation(minidl.heaviside).svg()
    assert LIGHT.fill not in plots.activation(lambda x: 2 * x).svg()


def test_iterates_double_their_peaks() -> None:
    def tent(x: Any) -> Any:
        return F.relu(2 * F.relu(x) - 4 * F.relu(x - 0.5))

    assert plots.iterates(tent, (1, 2, 5)).text.endswith("the peaks are 1 and 2 and 16.")


def test_a_path_is_what_the_optimizer_did_and_its_fate_is_told() -> None:
    def bowl(x: Any, y: Any) -> Any:
        return x * x + y * y

    path = plots.descend(bowl, (1.0, -2.0), lambda p: optim.SGD(p, lr=0.1), 3)
    np.testing.assert_allclose(path, np.outer(0.8 ** np.arange(4), [1.0, -2.0]))
    assert "from (1, −2), loss 5, to (0.512, −1.02), loss 1.31" in plots.contours(bowl, {"SGD": path}).text
    gone = np.array([[1.0, 1.0], [math.nan, math.inf]])
    assert "to (nan, ∞)" in plots.contours(bowl, {"gone": gone}).text
    plots.contours(bowl, {"gone": gone}).svg()
    few, many = (plots.contours(bowl, levels=count).svg() for count in (4, 12))
    assert few.count("<path") < many.count("<path")


def test_a_boundary_counts_what_is_right_and_leaves_the_model_as_it_was() -> None:
    x = np.array([[-1.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 0.0]])
    model = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.5))
    model.train()
    plots.decision_boundary(model, x, [0, 1, 2, 2])
    assert model.training
    one = plots.decision_boundary(lambda p: p[:, :1], x, [0, 1, 1, 0])
    assert "3 of 4 are on the right side (75.0 %)" in one.text
    assert "nan" in plots.decision_boundary(lambda p: p[:, 0] * math.nan, x, [0, 1, 1, 0]).text


def test_a_confusion_matrix_counts() -> None:
    made = plots.confusion_matrix([0, 0, 0, 1, 2], [0, 1, 1, 1, 2], ["cat", "dog", "owl"]).text
    assert "3 classes, 5 examples, 3 right (60.0 %). Most often cat was taken for dog: 2 of 3." in made
    assert made == plots.confusion_matrix([[1, 2, 0], [0, 1, 0], [0, 0, 1]], classes=["cat", "dog", "owl"]).text
    plots.confusion_matrix(np.eye(20) * 100).svg()
    plots.confusion_matrix(np.eye(100)).svg()


def test_layers_report_zeros_saturation_and_what_is_not_finite() -> None:
    text = plots.histograms({"a": [0, 0, 0.999, -0.2], "b": [math.nan, 1, 2, 3]}, limits=(-1, 1)).text
    assert "a: 4 values, std 0.47, zeros 50 %, saturated 25 %." in text
    assert "nan, ∞ 1" in text


def test_spreads_tell_the_size_of_every_layer_of_every_network() -> None:
    networks = {"a": {"in": [3.0, -4.0, 0.0, 0.0], "out": [1e-9, -1e-9]}, "b": {"in": [1.0], "out": [0.0]}}
    told = plots.spreads(networks).text
    assert told == "Sizes of numbers in 2 networks. a: in 2.5, out 10⁻⁹. b: in 1.0, out 0."


def test_sharing_counts_what_moved_and_in_how_many_images() -> None:
    mask = np.zeros((3, 2, 2, 2), bool)
    mask[1] = True
    told = plots.sharing({"layer": mask, "all": np.ones_like(mask)}, (1, 0, 0, 0)).text
    assert told.endswith("layer: 8 of 24 numbers, in 1 image. all: 24 of 24 numbers, in 3 images.")


def test_a_cloud_s_ellipse_is_two_deviations_wide_and_a_circle_has_no_axes() -> None:
    corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])  # a standard deviation of 1 to all sides
    figure = plots.clouds({"long": corners * [3.0, 1.0] + [5.0, 0.0], "round": corners}).draw()
    reaches = [np.ptp(axes.lines[-2].get_xydata(), axis=0) for axes in figure.axes]
    np.testing.assert_allclose(reaches, [[12, 4], [4, 4]], atol=0.01)
    arrows = [sum(getattr(words, "arrow_patch", None) is not None for words in axes.texts) for axes in figure.axes]
    assert arrows == [4, 0]


def test_bars_print_as_many_digits_as_are_asked_for() -> None:
    numbers = [
        [words.get_text() for words in plots.bars({"a": {"x": 164.02}}, log=False, digits=k).draw().axes[0].texts]
        for k in (2, 4)
    ]
    assert numbers == [["$1.6\\times10^{2}$"], ["164.0"]]


def test_four_low_panels_of_bars_stand_two_by_two_and_high_ones_side_by_side() -> None:
    for rows, ranks in ((3, 2), (5, 1)):
        panel = {str(k): k - 1.0 for k in range(rows)}
        axes = plots.bars(dict.fromkeys("abcd", panel), log=False).draw().axes
        assert len({round(each.get_position().y0, 6) for each in axes}) == ranks
        named = [k for k, each in enumerate(axes) if each.get_yticks().size]
        assert named == [0, 2][:ranks]


def test_layer_sizes_are_norms_and_a_step_is_measured() -> None:
    model = nn.Sequential(nn.Linear(2, 2, bias=False))
    before = {name: np.array(value) for name, value in model.state_dict().items()}
    model(minidl.ones(1, 2)).sum().backward()
    optim.SGD(model.parameters(), lr=0.5).step()
    weight, gradient, step = (panel["0"] for panel in plots.layer_sizes(model, before).values())
    assert gradient == pytest.approx(2.0)  # four ones
    assert weight == pytest.approx(float(np.linalg.norm(before["0.weight"] - 0.5)), rel=1e-6)
    assert step == pytest.approx(1.0 / weight, rel=1e-6)


def test_images_in_colour_bytes_and_grey_are_drawn() -> None:
    assert plots.gallery(np.full((2, 3, 4, 4), 255.0)).text == "2 images."
    told = plots.gallery(np.zeros((2, 1, 4, 4)), [0, 1], probabilities=[[0.9, 0.1], [0.7, 0.3]]).text
    assert told == "2 images, 1 of 2 guessed right. Label 1 was taken for 0."


def test_numbers_are_set_with_raised_exponents() -> None:
    assert set_number(2.5e-12) == r"$2.5\times10^{-12}$"
    assert set_number(-1e-12) == "$-10^{-12}$"
    assert set_number(1010) == "1010"
    assert set_number(math.inf) == "∞"


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: plots.activation("sigmod"), UsageError, "no function 'sigmod'"),
        (lambda: plots.activation([]), UsageError, "1 to 12 functions; got 0"),
        (lambda: plots.activation(lambda x: x.sum()), ShapeError, "element by element"),
        (lambda: plots.activation("tanh", x_range=(1, 1)), UsageError, "smaller to a larger"),
        (lambda: plots.bars({}), UsageError, "panels is empty"),
        (lambda: plots.bars({"a": {"x": 1}, "b": {"y": 1}}), UsageError, "same layers"),
        (lambda: plots.clouds({"a": [[1.0]]}), ShapeError, r"\(N, 2\); got \(1, 1\)"),
        (lambda: plots.confusion_matrix([0, 1], [0]), ShapeError, "2 labels and 1 guesses"),
        (
            lambda: plots.confusion_matrix([0.5, 1], [0, 1]),
            UsageError,
            "class numbers 0, 1, 2, …; got values such as 0.5",
        ),
        (lambda: plots.confusion_matrix([[1, 2]]), ShapeError, r"\(K, K\); got \(1, 2\)"),
        (lambda: plots.contours(lambda x, y: 1.0), ShapeError, "element by element"),
        (lambda: plots.contours(lambda x, y: x * math.nan), UsageError, "finite nowhere"),
        (lambda: plots.contours(lambda x, y: x, levels=0), UsageError, "at least one line"),
        (lambda: plots.contours(lambda x, y: x, {"p": [[1, 2, 3]]}), ShapeError, r"path p must be \(steps, 2\)"),
        (lambda: plots.crops(np.zeros((4, 4)), [(0, 0, 5, 5)]), UsageError, "not inside the 4×4 image"),
        (lambda: plots.decision_boundary(lambda x: x, [[1, 2, 3]], [0]), ShapeError, r"points \(N, 2\)"),
        (lambda: plots.decision_boundary(lambda x: x[:3], POINTS, np.zeros(20)), ShapeError, "answered with shape"),
        (lambda: plots.double_descent([1, 2], [1], [1, 2], 1), ShapeError, "do not belong together"),
        (lambda: plots.feature_maps(np.zeros((2, 3, 4, 4))), ShapeError, "maps of one image"),
        (lambda: plots.feature_maps(np.zeros((3, 4, 4)), limit=0), UsageError, "above 0; got 0"),
        (lambda: plots.gallery(np.zeros((2, 5, 4, 4))), ShapeError, "an image must be"),
        (lambda: plots.gallery(np.zeros((2, 4, 4)), [1]), ShapeError, "2 images and 1 labels"),
        (lambda: plots.gallery([]), MinidlError, "images"),
        (lambda: plots.histograms({"a": ["x"]}), DtypeError, "real numbers"),
        (lambda: plots.spreads({"a": {"1": [1]}, "b": {"2": [1]}}), UsageError, "of the same layers"),
        (lambda: plots.spreads({key: {"1": [1]} for key in "abcdefg"}), UsageError, "at most 6 networks"),
        (lambda: plots.spreads({"a": {}}), UsageError, "a is empty"),
        (lambda: plots.sharing({"a": np.ones((1, 1))}, (0,) * 4), ShapeError, "must have 4 axes"),
        (
            lambda: plots.sharing({"a": np.ones((1,) * 4), "b": np.ones((2, 1, 1, 1))}, (0,) * 4),
            ShapeError,
            "one shape",
        ),
        (lambda: plots.sharing({"a": np.ones((1,) * 4)}, (0, 0, 0, 1)), ShapeError, "is no place"),
        (lambda: plots.sharing({"a": np.ones((1,) * 4)}, (0, 0, 0)), ShapeError, "is no place"),
        (lambda: plots.sharing({"a": np.ones((3, 1, 30, 30))}, (0,) * 4), UsageError, "at most 2000 numbers"),
        (lambda: plots.sharing(dict.fromkeys("abcdefg", np.ones((1,) * 4)), (0,) * 4), UsageError, "at most 6 masks"),
        (lambda: plots.histograms({"a": []}), UsageError, "layer a is empty"),
        (lambda: plots.histograms([1, 2]), UsageError, "mapping from names"),  # type: ignore[arg-type]
        (lambda: plots.iterates(lambda x: x, (0,)), UsageError, "whole numbers from 1"),
        (lambda: plots.learning_rates([0, 1], [1, 2]), UsageError, "above 0"),
        (lambda: plots.learning_rates([0.1, 1], [1]), ShapeError, "2 rates and 1 losses"),
        (lambda: plots.scatter([0.5], [50.0]), UsageError, "shares from 0 to 1"),
        (lambda: plots.schedules({"a": lambda s: 0.1}, 1), UsageError, "at least 2 steps"),
        (lambda: plots.loss_curves({}), UsageError, "losses is empty"),
        (lambda: plots.loss_curves({"a": [1.0]}, every=0), UsageError, "at least 1"),
        (lambda: plots.loss_curves({"a": [1.0]}, {"b": [1.0]}), UsageError, "rates of the run b, but no losses"),
        (lambda: plots.loss_curves({"a": [1.0]}, {"a": [1.0, 2.0]}), ShapeError, "2 rates and 1 losses of the run a"),
        (lambda: plots.gallery(np.zeros((1, 4, 4)), theme="neon"), UsageError, "no theme 'neon'"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_the_reason(
    make: Callable[[], object], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        make()
