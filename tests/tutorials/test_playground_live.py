"""The playground under scripted keys."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from rich.console import Console

import minidl
from minidl.errors import UsageError
from tutorials.playground import live, share
from tutorials.playground.live import Live
from tutorials.playground.session import Session
from tutorials.playground.settings import Settings
from tutorials.playground.terminal import Terminal

EPOCH = ""
"""Nobody presses a key: a playground that runs trains for one epoch."""


class Script:
    """Keys from a list, with pauses between them; when they have run out, the terminal has hung up."""

    def __init__(self, keys: Iterable[str]) -> None:
        self.keys = list(keys)
        self.held = False

    def __enter__(self) -> Self:
        self.held = True
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.held = False

    def ready(self, seconds: float) -> bool:
        assert self.held
        if self.keys and self.keys[0] == EPOCH:
            self.keys.pop(0)
            return False
        return True

    def read(self) -> str:
        key = self.keys.pop(0) if self.keys else "end"
        if key == "ctrl-c":
            raise KeyboardInterrupt
        return key


def make_console(width: int = 80, height: int = 24, **options: Any) -> Console:
    settings: dict[str, Any] = {"color_system": "truecolor", "no_color": False} | options
    return Console(
        file=io.StringIO(), force_terminal=True, width=width, height=height, legacy_windows=False, highlight=False, **settings
    )  # fmt: skip


def written(console: Console) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def shown(console: Console) -> str:
    """All that was shown, one screen's changes after the other, without the codes."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", written(console))


def play(
    keys: Iterable[str],
    settings: Settings = Settings(),  # noqa: B008  (frozen)
    goal: int | None = None,
    console: Console | None = None,
) -> Live:
    playing = Live(Session(settings), Terminal(console or make_console()), Script(keys), goal)
    playing.run()
    return playing


@pytest.fixture(autouse=True)
def leisure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs take as long as they take, so that what is trained does not depend on the machine."""
    monkeypatch.setattr(live, "BUSY_SECONDS", float("inf"))


def test_it_trains_until_it_is_left() -> None:
    assert play([EPOCH] * 5 + ["q", EPOCH]).session.epoch == 5


def test_space_pauses_and_goes_on() -> None:
    playing = play([EPOCH, " ", EPOCH, EPOCH])
    assert (playing.session.epoch, playing.view.runs) == (1, False)
    assert play([EPOCH, " ", EPOCH, " ", EPOCH]).session.epoch == 2


def test_s_trains_for_one_epoch_and_pauses() -> None:
    playing = play([EPOCH, "s", "s", EPOCH])
    assert (playing.session.epoch, playing.view.runs) == (3, False)


def test_r_begins_afresh() -> None:
    playing = play([EPOCH, EPOCH, " ", "r", EPOCH])
    assert (playing.session.epoch, playing.view.runs) == (0, False)
    assert play([EPOCH, EPOCH, "r", EPOCH]).session.epoch == 1


@pytest.mark.parametrize(("key", "data"), [("1", "circle"), ("2", "xor"), ("3", "gauss"), ("4", "spiral")])
def test_numbers_choose_the_data(key: str, data: str) -> None:
    session = play([key, EPOCH], Settings(data="gauss" if data != "gauss" else "xor", rate=0.1)).session
    assert session.settings == Settings(data=data, rate=0.1)
    assert session.epoch == 1


def test_arrows_choose_a_setting_and_change_it() -> None:
    assert play(["right"]).session.settings.data == "xor"
    assert play(["left"]).session.settings.data == "spiral"
    assert play(["down", "right", "right"]).session.settings.noise == 10
    assert play(["up", "left"]).session.settings.strength == 0.0001
    assert play(["down"] * 7 + ["enter"]).session.settings.inputs == ("x1", "x2", "x1x1")
    assert play(["down"] * 13 + ["right"]).session.settings.layers == (5, 2)


def test_what_may_change_meanwhile_does_not_begin_afresh() -> None:
    session = play([EPOCH, EPOCH, "up", "up", "up", "right", EPOCH]).session
    assert (session.settings.rate, session.epoch) == (0.1, 3)
    assert session.command().endswith("--change 2:rate=0.1 --epochs 3")


def test_pressing_keys_does_not_stop_the_training() -> None:
    assert play(["down", EPOCH, "down", EPOCH, "down", EPOCH]).session.epoch == 3


def test_the_same_keys_give_the_same_numbers() -> None:
    keys = [EPOCH, "down", "right", EPOCH, EPOCH, "2", "s", "s"]
    assert play(keys).session.history == play(keys).session.history


def test_the_pace_is_epochs_between_two_pictures() -> None:
    assert play(["+", EPOCH, EPOCH]).session.epoch == 4
    assert play(["+", "+", "-", "=", EPOCH]).session.epoch == 5
    assert play(["-", EPOCH]).session.epoch == 1
    assert play(["+"] * 9 + [EPOCH]).session.epoch == 50


def test_a_slow_epoch_does_not_hold_the_keys_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BUSY_SECONDS", -1.0)
    assert play(["+"] * 9 + [EPOCH]).session.epoch == 1


def test_what_was_shared_is_reached_and_then_it_pauses() -> None:
    console = make_console()
    playing = play([EPOCH, EPOCH, EPOCH], goal=7, console=console)
    assert (playing.session.epoch, playing.view.runs) == (7, False)
    assert "As it was shared. Space goes on." in shown(console)
    playing = play([EPOCH, " ", EPOCH], goal=7)
    assert (playing.session.epoch, playing.view.runs) == (8, True)
    assert play([EPOCH], goal=0).session.epoch == 0


def test_the_points_shown_go_round() -> None:
    console = make_console()
    play(["v", EPOCH, "v", EPOCH, "v"], Settings(train=20), console=console)
    assert re.findall(r"(\w+ \w+ points|no points)", shown(console)) == [
        "100 training points", "400 test points", "no points"
    ]  # fmt: skip


def test_c_shows_the_command_line_and_any_key_goes_back() -> None:
    console = make_console()
    playing = play([EPOCH, "c", EPOCH, EPOCH, "q", EPOCH], Settings(data="xor"), console=console)
    assert "minidl playground --data xor --layers 4,2 --epochs 1" in shown(console)
    assert playing.session.epoch == 2  # a page holds the training up


def test_the_help_names_every_key() -> None:
    console = make_console()
    play(["?", EPOCH], console=console)
    for key in ("space", "s ", "r ", "↑ ↓", "← →", "1 2 3 4", "v ", "+ −", "c ", "p ", "?", "q "):
        assert f" {key} " in shown(console)


def test_p_saves_the_picture_beside_and_never_over_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    console = make_console()
    play([" ", EPOCH, "p", EPOCH, "p", EPOCH], Settings(data="xor"), console=console)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["playground-xor-0-2.svg", "playground-xor-0.svg"]
    assert "<svg" in (tmp_path / "playground-xor-0.svg").read_text(encoding="utf-8")
    assert "Saved: playground-xor-0.svg" in shown(console)


def test_the_picture_says_how_many_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    session = Session(Settings(data="gauss", layers=(), train=80, noise=20))
    session.train()
    assert share.picture(session) == "Saved: playground-gauss-1.svg"
    drawing = (tmp_path / "playground-gauss-1.svg").read_text(encoding="utf-8")
    assert f"{round(400 * session.network.right()[0])} of 400 are on the right side" in drawing


def test_the_picture_is_as_sure_as_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """σ of what the figure is given is the chance of class 1, the share of the way from −1 to 1."""
    plots = pytest.importorskip("viz.plots")
    asked: list[Any] = []

    def note(model: Any, *_: Any, **__: Any) -> None:
        asked.append(model)
        raise UsageError("seen enough")

    monkeypatch.setattr(plots, "decision_boundary", note)
    session = Session(Settings())
    share.picture(session)
    scores = asked[0](minidl.tensor(session.network.points))
    np.testing.assert_allclose(
        1 / (1 + np.exp(-scores)), (1 + session.network.answers(session.network.points)) / 2, rtol=1e-5
    )


def test_a_picture_that_cannot_be_saved_is_no_dead_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib")
    from viz.plots.plot import Plot

    def fails(self: Plot, path: Path) -> Path:
        raise PermissionError("this folder is not yours")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Plot, "save", fails)
    console = make_console()
    assert play(["p", EPOCH], console=console).session.epoch == 1
    assert "The picture could not be saved: this folder is not yours" in shown(console)


def test_numbers_that_are_lost_stop_it_and_say_so() -> None:
    hopeless = Settings(layers=(), rate=10.0, penalty="l2", strength=10.0)
    console = make_console()
    playing = play([EPOCH] * 4, hopeless, console=console)
    assert not playing.view.runs
    assert "The loss is no longer a number" in shown(console)
    assert not play([*[EPOCH] * 4, " ", EPOCH], hopeless).view.runs
    assert play([*[EPOCH] * 4, *["up"] * 3, *["left"] * 6, "r", EPOCH], hopeless).session.epoch == 1


def test_other_keys_do_nothing() -> None:
    playing = play(["x", "escape", "\x1b[15~", "é", "backspace", EPOCH])
    assert playing.session.settings == Settings()
    assert playing.session.epoch == 1


def test_keys_in_a_window_too_small_only_leave() -> None:
    console = make_console(50, 12)
    playing = play(["4", "down", "right", EPOCH, "q"], console=console)
    assert playing.session.settings == Settings()
    assert "This window is 50×12" in shown(console)


# The terminal --------------------------------------------------------------------------------------------------------


def test_nothing_scrolls_and_the_screen_is_cleared_once() -> None:
    console = make_console()
    play([EPOCH] * 5, console=console)
    assert "\n" not in written(console)
    assert written(console).count("\x1b[2J") == 1


def test_a_paused_playground_writes_nothing() -> None:
    console, other = make_console(), make_console()
    play([" ", EPOCH], console=console)
    play([" ", *[EPOCH] * 9], console=other)
    assert written(console) == written(other)


def test_another_size_is_noticed_and_drawn_afresh() -> None:
    console = make_console()

    class Resizing(Script):
        def ready(self, seconds: float) -> bool:
            if len(self.keys) == 1:
                console.size = (120, 40)  # type: ignore[assignment]
            return super().ready(seconds)

    playing = Live(Session(Settings()), Terminal(console), Resizing([" ", EPOCH, EPOCH, EPOCH]))
    playing.run()
    assert "what the units of layer 1 see" in shown(console)
    assert written(console).count("\x1b[2J") == 2


@pytest.mark.parametrize("key", ["q", "end", "ctrl-c"])
def test_the_terminal_is_given_back(key: str) -> None:
    console = make_console()
    script = Script([EPOCH, key])
    try:
        Live(Session(Settings()), Terminal(console), script).run()
    except KeyboardInterrupt:
        assert key == "ctrl-c"
    assert not script.held
    assert written(console).startswith("\x1b[?1049h\x1b[?25l")
    assert written(console).endswith("\x1b[?25h\x1b[?1049l")


@pytest.mark.parametrize(
    ("options", "colours"),
    [
        ({}, True),
        ({"color_system": "256"}, True),
        ({"color_system": "standard"}, False),
        ({"color_system": None}, False),
        ({"no_color": True}, False),
    ],
)
def test_few_colours_are_none(options: dict[str, Any], colours: bool) -> None:
    console = make_console(**options)
    playing = play([EPOCH], console=console)
    assert playing.view.colour is colours
    assert ("▀" in written(console)) is colours
    if options.get("no_color"):
        assert not re.search(r"\x1b\[[0-9;]*[34][0-9]", written(console))
