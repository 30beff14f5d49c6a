"""The playground's network and its story: what it learns, and that a command line brings all of it back."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.data.toys import playground
from minidl.errors import UsageError
from tutorials.playground.dials import dials
from tutorials.playground.network import AT_ONCE, Network
from tutorials.playground.session import Session, read_change
from tutorials.playground.settings import DATA, INPUTS, MOST_LAYERS, MOST_UNITS, Settings, read
from tutorials.playground.share import shell_lines


def trained(settings: Settings, epochs: int) -> Session:
    session = Session(settings)
    for _ in range(epochs):
        session.train()
    return session


def restored(command: str) -> Session:
    """Do what the command line says, as far as the session goes."""
    words = shlex.split(command)
    assert words[:2] == ["minidl", "playground"]
    options = list(zip(words[2::2], words[3::2], strict=True))
    changes = [read_change(value) for name, value in options if name == "--change"]
    typed = {name[2:]: value for name, value in options if name not in ("--change", "--epochs")}
    session = Session(Settings(**read(typed)), changes)
    for _ in range(int(dict(options)["--epochs"])):
        session.train()
    return session


def alike(a: Session, b: Session) -> bool:
    return a.history == b.history and all(
        np.array_equal(p.data, q.data)
        for p, q in zip(a.network.model.parameters(), b.network.model.parameters(), strict=True)
    )


# The network ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", ["none", "l1", "l2"])
def test_a_step_is_gradient_descent_done_by_hand(penalty: str) -> None:
    """One step with all points at once, with no hidden layer: w falls by rate · (mean of (a − y)(1 − a²)x + penalty)."""
    settings = Settings(layers=(), batch=250, rate=0.5, penalty=penalty, strength=0.1, noise=20)
    network = Network(settings)
    w, b = (p.data.copy() for p in network.model.parameters())
    x, y = network.points[:250], network.labels[:250]
    answer = np.tanh(x @ w[0] + b)
    slope = (answer - y) * (1 - answer**2) / 250
    pull = {"none": 0 * w[0], "l1": 0.1 * np.sign(w[0]), "l2": 0.1 * w[0]}[penalty]
    network.train(settings)
    after = [p.data for p in network.model.parameters()]
    np.testing.assert_allclose(after[0][0], w[0] - 0.5 * (slope @ x + pull), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(after[1], b - 0.5 * slope.sum(), rtol=1e-5, atol=1e-6)


def test_an_epoch_sees_every_point_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the last batch is a smaller one; and no point that tests."""
    settings = Settings(batch=7, train=30)
    network = Network(settings)
    seen: list[Any] = []
    monkeypatch.setattr(network, "_compiled", lambda x, y, *_: seen.append(np.column_stack([x.data, y.data])))
    network.train(settings)
    assert [len(part) for part in seen] == [7] * 21 + [3]
    expected = np.column_stack([network.points, network.labels])[:150]
    rows = np.concatenate(seen)
    assert not np.array_equal(rows, expected)
    assert sorted(map(tuple, rows)) == sorted(map(tuple, expected))


def test_every_epoch_has_an_order_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(batch=250)
    orders: list[list[Any]] = []
    for seed in (0, 0, 1):
        network = Network(replace(settings, seed=seed))
        monkeypatch.setattr(network, "_compiled", lambda x, *_: orders.append(x.data.tolist()))
        network.train(settings)
        network.train(settings)
    assert orders[:2] == orders[2:4]
    assert orders[0] != orders[1]


def test_the_points_are_those_of_the_data_set_with_its_noise() -> None:
    network = Network(Settings(data="gauss", noise=30, seed=5))
    points, classes = playground("gauss", 500, 0.3, 5)
    assert np.array_equal(network.points, points)
    assert network.labels.tolist() == [1 if k else -1 for k in classes]


def test_another_seed_is_another_beginning() -> None:
    first, again, other = (Network(Settings(seed=seed)).layers()[0] for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_compiled_steps_give_the_numbers_of_ordinary_ones() -> None:
    settings = Settings(data="spiral", layers=(8, 4), inputs=tuple(INPUTS), penalty="l2")
    compiled, ordinary = Network(settings), Network(settings)
    ordinary._compiled = ordinary._step  # type: ignore[assignment]
    for network in (compiled, ordinary):
        for _ in range(3):
            network.train(settings)
    np.testing.assert_allclose(compiled.losses(), ordinary.losses(), rtol=1e-4)


def test_the_first_weights_are_the_originals_and_leave_other_chance_alone() -> None:
    before = minidl.default_generator.numpy.bit_generator.state
    network = Network(Settings(layers=(8, 8), inputs=tuple(INPUTS)))
    assert minidl.default_generator.numpy.bit_generator.state == before
    weights = np.concatenate([w.ravel() for w in network.layers()])
    assert -0.5 <= weights.min() < -0.4
    assert 0.4 < weights.max() <= 0.5
    assert all((p.data == np.float32(0.1)).all() for p in network.model.parameters() if p.ndim == 1)


@pytest.mark.parametrize(
    ("settings", "epochs"),
    [
        (Settings(data="circle", seed=3), 100),
        (Settings(data="xor"), 60),
        (Settings(data="gauss", layers=()), 5),
        (Settings(data="spiral", inputs=("x1", "x2", "sinx1", "sinx2"), layers=(8, 8)), 100),
        (Settings(data="circle", layers=(), inputs=("x1x1", "x2x2")), 10),
        (Settings(data="xor", activation="relu", layers=(8,)), 40),
    ],
)
def test_every_data_set_can_be_learnt(settings: Settings, epochs: int) -> None:
    session = trained(settings, epochs)
    assert session.history[-1][1] < 0.5 * session.history[0][1]
    assert min(session.network.right()) > 0.93


def test_a_line_cannot_divide_a_circle_from_what_is_around_it() -> None:
    assert max(trained(Settings(data="circle", layers=()), 30).network.right()) < 0.75


def test_losses_and_shares_are_those_of_their_own_points() -> None:
    network = Network(Settings(train=20))
    answers = network.answers(network.points)
    halves = (answers - network.labels) ** 2 / 2
    assert network.losses() == (pytest.approx(halves[:100].mean()), pytest.approx(halves[100:].mean()))
    right = (answers > 0) == (network.labels > 0)
    assert network.right() == (pytest.approx(right[:100].mean()), pytest.approx(right[100:].mean()))


def test_many_places_are_asked_about_in_parts() -> None:
    """In parts so small that no kernel for large arrays is compiled, which would take seconds while somebody waits."""
    assert AT_ONCE * MOST_UNITS <= 4096
    network = Network(Settings(layers=(3,)))
    places = np.random.default_rng(0).uniform(-6, 6, (2 * AT_ONCE + 7, 2))
    whole = network.model(minidl.tensor(network.features(places))).data[:, 0]
    np.testing.assert_allclose(network.scores(places), whole, rtol=1e-5, atol=1e-6)
    assert network.units(places).shape == (len(places), 3)


# The story -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", DATA)
def test_a_command_line_brings_everything_back(data: str) -> None:
    session = trained(
        Settings(
            data=data, inputs=("x2", "x1x1", "sinx2"), layers=(3, 5), activation="sigmoid", rate=0.1, penalty="l1",
            strength=0.003, noise=15, batch=12, train=70, seed=7,
        ), 3,
    )  # fmt: skip
    again = restored(session.command())
    assert alike(session, again)
    assert again.command() == session.command()


def test_it_brings_back_what_was_changed_on_the_way() -> None:
    session = Session(Settings(data="xor"))
    for k in range(12):
        if k == 3:
            session.apply(replace(session.settings, rate=0.3))
        if k == 5:
            session.apply(replace(session.settings, penalty="l2", strength=0.01, batch=30))
        if k == 9:
            session.apply(replace(session.settings, batch=1))
        session.train()
    session.apply(replace(session.settings, rate=0.001))  # not yet trained with, but set
    assert [str(change) for change in session.changes] == [
        "3:rate=0.3", "5:penalty=l2", "5:strength=0.01", "5:batch=30", "9:batch=1", "12:rate=0.001"
    ]  # fmt: skip
    again = restored(session.command())
    assert alike(session, again)
    assert again.settings == session.settings
    session.train()
    again.train()
    assert alike(session, again)
    assert not alike(session, trained(Settings(data="xor"), 13))


def test_up_and_down_between_two_epochs_is_no_change() -> None:
    session = trained(Settings(), 2)
    for rate in (0.1, 0.3, 0.03):
        session.apply(replace(session.settings, rate=rate))
    assert session.changes == []


def test_a_change_before_the_first_epoch_is_how_it_began() -> None:
    session = Session(Settings())
    session.apply(replace(session.settings, rate=0.3, batch=5))
    assert session.changes == []
    assert session.command() == "minidl playground --data circle --layers 4,2 --rate 0.3 --batch 5 --epochs 0"


@pytest.mark.parametrize(
    "other",
    [{"data": "xor"}, {"inputs": ("x1",)}, {"layers": (4,)}, {"activation": "relu"}, {"noise": 5}, {"train": 60}, {"seed": 1}],
)  # fmt: skip
def test_another_network_or_other_points_begin_afresh(other: dict[str, Any]) -> None:
    session = trained(Settings(rate=0.1), 2)
    session.apply(replace(session.settings, rate=0.3))
    session.apply(replace(session.settings, **other))
    assert (session.epoch, len(session.history), session.changes) == (0, 1, [])
    assert session.settings == session.first == replace(Settings(rate=0.3), **other)


def test_reset_begins_afresh_with_the_same_numbers() -> None:
    session = trained(Settings(), 3)
    history = session.history
    session.reset()
    assert session.history == history[:1]
    for _ in range(3):
        session.train()
    assert session.history == history


def test_whoever_turns_a_dial_leaves_the_story_that_was_retold() -> None:
    session = Session(Settings(), [read_change("2:rate=0.3")])
    session.apply(replace(session.settings, batch=5))
    for _ in range(3):
        session.train()
    assert session.settings == Settings(batch=5)


def test_losing_the_numbers_is_noticed_and_not_warned_about() -> None:
    session = trained(Settings(layers=(), rate=10.0, penalty="l2", strength=10.0), 2)
    assert session.is_lost
    assert not trained(Settings(), 1).is_lost


def test_a_long_command_line_is_shown_in_lines_that_are_one_to_a_shell() -> None:
    session = trained(Settings(data="spiral", inputs=tuple(INPUTS), noise=5, seed=123), 1)
    for rate in (0.1, 0.3, 1.0):
        session.apply(replace(session.settings, rate=rate))
        session.train()
    lines = shell_lines(session)
    assert len(lines) > 1
    assert max(map(len, lines)) <= 70
    assert " ".join(shlex.split("\n".join(lines).replace("\\\n", ""))) == session.command()


# The settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ({"data": "moon"}, "--data: one of circle, xor, gauss, spiral; got 'moon'"),
        ({"inputs": "x1,x3"}, "--inputs: one of x1, x2, x1x1"),
        ({"inputs": ""}, "--inputs: at least one"),
        ({"layers": "4;2"}, "--layers: expected widths such as 4,2, or none; got '4;2'"),
        ({"layers": "4,9"}, "of 1 to 8 units, such as 4,2; got 4,9"),
        ({"layers": "1,1,1,1,1,1,1"}, "at most 6 hidden layers"),
        ({"layers": "0,2"}, "of 1 to 8 units"),
        ({"activation": "gelu"}, "--activation: one of tanh, relu, sigmoid, linear"),
        ({"rate": "fast"}, "--rate: expected a number; got 'fast'"),
        ({"rate": "nan"}, "--rate: a number from 0 to 100; got nan"),
        ({"strength": "-1"}, "--strength: a number from 0"),
        ({"penalty": "l3"}, "--penalty: one of none, l1, l2"),
        ({"noise": "51"}, "--noise: a whole number from 0 to 50; got 51"),
        ({"batch": "0"}, "--batch: a whole number from 1"),
        ({"batch": "1.5"}, "--batch: expected a whole number; got '1.5'"),
        ({"train": "100"}, "--train: a whole number from 1 to 99"),
        ({"seed": "-1"}, "--seed: a whole number from 0"),
    ],
)
def test_wrong_settings_are_told_with_what_there_is(words: dict[str, str], part: str) -> None:
    with pytest.raises(UsageError) as caught:
        Settings(**read(words))
    assert part in str(caught.value)


@pytest.mark.parametrize("word", ["rate=0.1", "3:rate", "x:rate=1", "3:layers=4", "3:rate=fast", "-1:rate=1"])
def test_a_change_that_cannot_be_read(word: str) -> None:
    with pytest.raises(UsageError, match=r"--change: expected EPOCH:SETTING=VALUE|--rate: expected a number"):
        read_change(word)


def test_a_planned_change_to_what_may_not_be() -> None:
    with pytest.raises(UsageError, match="--batch: a whole number from 1"):
        Session(Settings(), [read_change("3:batch=0")])


def test_inputs_are_understood_as_people_write_them() -> None:
    assert read({"inputs": "sin x2, X1^2,x2²,x1"}) == {"inputs": ("x1", "x1x1", "x2x2", "sinx2")}
    assert read({"layers": "none"}) == {"layers": ()}


def test_a_turn_and_a_turn_back_is_no_turn() -> None:
    settings = Settings(noise=25, seed=4, strength=0.003)
    for k, dial in enumerate(dials(settings)):
        turned = dial.turn(1)
        assert turned != settings, dial.label
        there = [d.label for d in dials(turned)].index(dial.label.replace("○", "●")) if "○" in dial.label else k
        assert dials(turned)[there].turn(-1) in (settings, replace(settings, layers=(4, 2))), dial.label


def test_dials_stop_at_their_ends() -> None:
    low = Settings(noise=0, train=10, batch=1, seed=0, layers=(1,), rate=0.00001, strength=0.0, inputs=("x2",))
    high = Settings(noise=50, train=90, batch=30, layers=(8,) * MOST_LAYERS, rate=10.0, strength=10.0)
    for settings, way, labels in (
        (low, -1, ("noise", "train", "batch", "seed", " layer 1", "rate", "strength", "● x2")),
        (high, 1, ("noise", "train", "batch", "layers", " layer 1", "rate", "strength")),
    ):
        found = {dial.label: dial for dial in dials(settings)}
        for label in labels:
            assert found[label].turn(way) == settings, label


def test_a_number_between_two_rungs_goes_to_the_next() -> None:
    rate = {dial.label: dial for dial in dials(Settings(rate=0.05))}["rate"]
    assert (rate.turn(1).rate, rate.turn(-1).rate) == (0.1, 0.03)


def test_choices_go_round_and_layers_grow_like_the_last() -> None:
    found = {dial.label: dial for dial in dials(Settings(data="spiral", layers=(3, 5)))}
    assert found["data"].turn(1).data == "circle"
    assert found["layers"].turn(1).layers == (3, 5, 5)
    assert found["layers"].turn(-1).layers == (3,)
    assert found[" layer 2"].turn(1).layers == (3, 6)
    assert dials(Settings(layers=()))[12].turn(1).layers == (4,)
