"""`minidl kernel`: the list, a figure, slides, and what there is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from minidl.app.main import app
from minidl.errors import UsageError

runner = CliRunner()


def test_without_a_name_it_lists_what_there_is() -> None:
    told = runner.invoke(app, ["kernel"])
    assert told.exit_code == 0
    assert [line.split()[:2] for line in told.output.splitlines()][:2] == [["naive", "slides"], ["tiled", "slides"]]
    assert "levels       figure  What a multiply-add costs" in told.output


def test_a_figure_is_written_and_said_in_words(tmp_path: Path) -> None:
    told = runner.invoke(app, ["kernel", "banks", "-o", str(tmp_path / "banks.svg")])
    assert told.exit_code == 0
    assert "32 turns: 1 of 32 banks is asked" in told.output
    assert (tmp_path / "banks.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_slides_are_written_and_told_frame_by_frame(tmp_path: Path) -> None:
    told = runner.invoke(app, ["kernel", "tiled", "-o", str(tmp_path / "tiled")])
    assert told.exit_code == 0
    frames = sorted(path.name for path in (tmp_path / "tiled").glob("*.svg"))
    assert len(frames) == 13
    assert "1 of 11: read global memory: The 16 threads bring 32 numbers to shared memory, each once" in told.output


def test_an_unknown_name_is_an_error() -> None:
    told = runner.invoke(app, ["kernel", "winograd"])
    assert isinstance(told.exception, UsageError)
    assert "there is no kernel figure 'winograd'" in str(told.exception)


def test_an_unknown_ending_is_an_error(tmp_path: Path) -> None:
    told = runner.invoke(app, ["kernel", "tiled", "-o", str(tmp_path / "tiled.docx")])
    assert isinstance(told.exception, UsageError)


@pytest.mark.parametrize("theme", ["dark", "colorblind"])
def test_a_theme_can_be_chosen(theme: str, tmp_path: Path) -> None:
    told = runner.invoke(app, ["kernel", "memories", "--theme", theme, "-o", str(tmp_path / "m.svg")])
    assert told.exit_code == 0
