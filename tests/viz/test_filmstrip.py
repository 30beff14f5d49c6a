"""The film strip: what is recorded, that all moments share one scale and one geometry, and that a run keeps its film."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.app.film import draw_strip, keep_moment, moments
from minidl.errors import DataError, GraphError, ShapeError, UsageError
from minidl.models import MLP, LeNet
from minidl.training import Config, prepare
from viz.drawing import engine
from viz.drawing.notation import number
from viz.drawing.theme import LIGHT, THEMES
from viz.film.film import Film
from viz.film.filmstrip import film_deck, filmstrip
from viz.film.snapshot import MOST_TILES, Snapshot, record
from viz.report.page import page
from viz.report.run import read_run

IMAGE = np.random.default_rng(0).random((1, 1, 8, 8)).astype(np.float32)


def film(count=3, model=None, label=2):
    """Moments of a network whose weights grow: after step 10k they are 1 + k times as large as at first."""
    minidl.manual_seed(0)
    model = model or LeNet((1, 8, 8), 4)
    first = {name: value.data.copy() for name, value in model.state_dict().items()}
    kept = []
    for k in range(count):
        model.load_state_dict({name: value * (1 + k) for name, value in first.items()})
        kept.append(record(model, IMAGE, 10 * k, 2.0 / (k + 1), label=label))
    return kept


def texts(figure):
    return [re.sub(r"<[^>]+>", "", line) for line in figure.svg().splitlines() if "<text" in line]


def places(figure):
    """Where every thumbnail stands, and how large it is."""
    blocks = re.findall(
        r"^  ((?:layer|image)\w*) \[.*?width=([\d.]+), height=([\d.]+), pos=\"([\d.,-]+)\"", figure.dot, re.M
    )
    assert blocks
    return blocks


def test_a_snapshot_is_what_the_network_computes():
    model = LeNet((1, 8, 8), 10)
    moment = record(model, IMAGE, 5, 1.5, label=3)
    x = minidl.tensor(IMAGE)
    first = np.asarray(model.relu1(model.conv1(x)).data)[0]
    assert np.array_equal(moment.layers[0].maps, first[:MOST_TILES])
    assert np.array_equal(moment.layers[0].kernels, model.conv1.weight.data[:MOST_TILES, 0])
    assert (moment.layers[0].kernel_count, moment.layers[0].map_count) == (16, 16)
    assert [layer.name for layer in moment.layers] == ["conv1", "conv2"]
    scores = np.asarray(model(x).data)[0].astype(np.float64)
    assert np.allclose(moment.probabilities, np.exp(scores) / np.exp(scores).sum(), atol=1e-6)
    assert (moment.step, moment.loss, moment.label) == (5, 1.5, 3)


def test_a_snapshot_is_a_copy():
    model = LeNet((1, 8, 8), 10)
    moment = record(model, IMAGE, 0, 1.0)
    before = moment.layers[0].kernels.copy()
    model.conv1.weight.data = model.conv1.weight.data * 0
    assert np.array_equal(moment.layers[0].kernels, before)


def test_recording_changes_nothing():
    minidl.manual_seed(3)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 3))
    state = {name: value.data.copy() for name, value in model.state_dict().items()}
    from minidl.primitives.layers.random import default_generator

    generator = default_generator.get_state()
    record(model, IMAGE, 0, 1.0)
    assert model.training
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(np.array_equal(value, state[name]) for name, value in model.state_dict().items())
    assert str(default_generator.get_state()) == str(generator)


def test_dense_layers_that_see_the_image_show_their_weights_as_images():
    model = MLP((1, 8, 8), 10)
    moment = record(model, IMAGE, 0, 1.0)
    assert moment.layers[0].kernels.shape == (MOST_TILES, 8, 8)
    assert np.array_equal(moment.layers[0].kernels[1], model.fc1.weight.data[1].reshape(8, 8))
    assert moment.layers[0].maps.shape == (1, 8, 16)  # 128 units, read like text
    assert moment.layers[1].kernels is None  # 64×128 weights are no picture
    small = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 2))
    moment = record(small, np.array([[0.5, -0.5]], np.float32), 0, 1.0)
    assert np.array_equal(moment.layers[0].kernels[0], small[0].weight.data)


def test_a_snapshot_goes_through_a_file(tmp_path):
    from safetensors.numpy import load, save

    for moment in (*film(2), record(MLP((1, 8, 8), 10), IMAGE, 1, np.nan)):
        again = Snapshot.from_arrays(load(save(moment.arrays())))
        assert filmstrip([again]).dot == filmstrip([moment]).dot
        assert again.label == moment.label
    with pytest.raises(DataError, match="no snapshot"):
        Snapshot.from_arrays({"loss": np.zeros(1)})


def test_all_moments_share_one_scale():
    kept = film(3)
    shared = Film(kept, None, LIGHT)
    weights = [layer.kernels for moment in kept for layer in moment.layers]
    assert shared.weights.limit == pytest.approx(max(np.abs(kernels).max() for kernels in weights))
    assert shared.activations.limit == pytest.approx(
        max(layer.maps.max() for moment in kept for layer in moment.layers)
    )
    # The weights of the third moment are three times those of the first: only on one scale does that show.
    alone, together = (filmstrip(moments_).dot for moments_ in (kept[:1], kept))
    block = re.search(r"^  layer0_0_0 .*$", alone, re.M)[0]
    assert block not in together
    assert number(shared.weights.limit, 2) in texts(filmstrip(kept))


def test_the_strip_says_what_the_network_says():
    kept = film(3)
    figure = filmstrip(kept, classes=["cat", "dog", "hen", "owl"], unit="epoch")
    for moment in kept:
        name = ["cat", "dog", "hen", "owl"][int(moment.probabilities.argmax())]
        assert f"epoch {moment.step}: loss {number(moment.loss, 3)}; the network says {name}" in figure.text
        assert f"epoch {moment.step}" in texts(figure)
        assert number(moment.loss, 3) in texts(figure)
    assert "the image shows hen" in figure.text
    assert "8 of 16 kernels 3×3" in texts(figure)


@pytest.mark.parametrize("theme", THEMES)
def test_nothing_overlaps(kind, theme, faults):
    for figure in (filmstrip(film(4), theme=theme), film_deck(film(2), theme=theme)[1].figure):
        assert engine.render_with_warnings(figure.dot, "svg", layout=figure.layout)[1] == []
        assert faults(figure) == []


@pytest.mark.parametrize("count", [1, 2, 12])
def test_any_number_of_moments(count, faults):
    figure = filmstrip(film(count))
    assert faults(figure) == []
    boxes = [(*map(float, pos.split(",")), 72 * float(w), 72 * float(h)) for _, w, h, pos in places(figure)]
    for i, (x, y, w, h) in enumerate(boxes):
        for u, v, a, b in boxes[:i]:
            assert abs(x - u) >= (w + a) / 2 - 0.1 or abs(y - v) >= (h + b) / 2 - 0.1


def test_frames_never_move():
    kept = film(5)
    kept[2] = replace(kept[2], loss=float("nan"), probabilities=kept[2].probabilities * np.nan)
    deck = film_deck(kept, title="learning")
    assert len(deck) == 5
    assert len({tuple(places(frame.figure)) for frame in deck}) == 1
    sizes = {
        re.search(r'width="[\d.]+pt" height="[\d.]+pt"\s+viewBox="[^"]+"', frame.figure.svg())[0] for frame in deck
    }
    assert len(sizes) == 1
    assert [frame.step for frame in deck] == [f"step {10 * k}" for k in range(5)]
    # The curve grows: one point more in each frame (but for the one that is no number).
    discs = [len(re.findall(r"^  disc\d+ ", frame.figure.dot, re.M)) for frame in deck]
    assert discs == [1, 2, 2, 3, 4]


def test_the_loss_stands_as_high_as_it_is():
    kept = film(4)
    points = re.findall(r'^  disc\d+ \[.*?pos="([\d.]+),([\d.]+)"', filmstrip(kept).dot, re.M)
    heights = np.array([float(y) for _, y in points])
    losses = np.array([moment.loss for moment in kept])
    slope, base = np.polyfit(losses, heights, 1)
    assert slope > 0
    assert np.allclose(slope * losses + base, heights, atol=0.02)


def test_odd_content(kind, faults):
    kept = film(2)
    broken = replace(
        kept[1], loss=float("inf"), probabilities=np.full(4, np.nan, np.float32),
        layers=tuple(replace(layer, maps=layer.maps * np.nan, name='<b>"\n' + "x" * 999) for layer in kept[1].layers),
    )  # fmt: skip
    first = replace(kept[0], layers=tuple(replace(layer, name='<b>"\n' + "x" * 999) for layer in kept[0].layers))
    figure = filmstrip([first, broken], classes=['<&">'] * 4, title="🙂 <b> " * 80)
    assert faults(figure) == []
    assert "nan" in figure.text
    many = film(2, model=nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 40)))
    assert faults(filmstrip(many)) == []
    assert faults(film_deck(many)[1].figure) == []
    assert figure.dot == filmstrip([first, broken], classes=['<&">'] * 4, title="🙂 <b> " * 80).dot


def test_what_cannot_be_shown_is_told():
    kept = film(2)
    with pytest.raises(UsageError, match="at least one"):
        filmstrip([])
    with pytest.raises(UsageError, match="at most 12"):
        filmstrip(film(1) * 13)
    with pytest.raises(ShapeError, match="snapshot 2"):
        filmstrip([kept[0], record(LeNet((1, 8, 8), 5), IMAGE, 1, 1.0)])
    with pytest.raises(UsageError, match="batch of images"):
        record(LeNet((1, 8, 8), 5), IMAGE[:0], 1, 1.0)
    with pytest.raises(ShapeError, match="original"):
        record(LeNet((1, 8, 8), 5), IMAGE, 1, 1.0, original=IMAGE)
    with pytest.raises(ShapeError, match="scores"):
        record(nn.Conv2d(1, 2, 3), IMAGE, 1, 1.0)
    with pytest.raises(GraphError, match="no layer"):
        record(nn.Flatten(), IMAGE, 1, 1.0)


@pytest.mark.parametrize("epochs", [1, 2, 3, 8, 30, 500])
def test_the_moments_of_a_run_begin_and_end_with_it(epochs):
    chosen = moments(epochs)
    assert chosen[0] == 0
    assert chosen[-1] == epochs
    assert len(set(chosen)) == len(chosen) <= 8


def test_a_run_keeps_its_film(tmp_path):
    session = prepare(Config.make(epochs=20))
    before = {name: value.data.copy() for name, value in session.trainer.model.state_dict().items()}
    keep_moment(tmp_path, session, 0, 16)
    keep_moment(tmp_path, session, 7, 16)  # no moment of the film
    keep_moment(tmp_path, session, 20, 16)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film-000.safetensors", "film-020.safetensors"]
    written = (tmp_path / "film-000.safetensors").read_bytes()
    keep_moment(tmp_path, session, 0, 16)
    assert (tmp_path / "film-000.safetensors").read_bytes() == written
    assert all(np.array_equal(value, before[name]) for name, value in session.trainer.model.state_dict().items())
    draw_strip(tmp_path, session)
    svg = (tmp_path / "filmstrip.svg").read_text(encoding="utf-8")
    assert "epoch 0" in svg
    assert "epoch 20" in svg
    draw_strip(tmp_path / "elsewhere", session)  # nothing kept, nothing drawn
    assert not (tmp_path / "elsewhere").exists()


def test_the_report_shows_the_strip(tmp_path):
    figures = tmp_path / "figures"
    figures.mkdir()
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    assert "How the network changed" not in page(read_run(tmp_path))
    filmstrip(film(2), unit="epoch").save(figures / "filmstrip.svg")
    content = page(read_run(tmp_path))
    assert "How the network changed" in content
    assert 'id="film-' in content
    assert "8 of 16 kernels" in content
