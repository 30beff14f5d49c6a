"""The folder of a sweep: complete whatever happens, and only for one sweep at a time."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest

from minidl.errors import CheckpointError, UsageError
from minidl.sweeps import Failure, Run, load_results
from minidl.sweeps.configurations import Configuration
from minidl.sweeps.store import HEADER, RESULTS, Store

CONFIGURATIONS: list[Configuration] = [{"x": x, "name": "σ\n"} for x in range(4)]
RUNS = [
    Run(2, CONFIGURATIONS[2], {"y": 0.1 + 0.2, "z": math.inf}, seconds=1.5),
    Run(0, CONFIGURATIONS[0], None, Failure("ValueError", "line 1\nline 2", "Traceback …")),
    Run(1, CONFIGURATIONS[1], {"y": math.nan}),
]


def written(folder: Path, runs: list[Run] = RUNS) -> Path:
    store = Store(folder, "module.function", CONFIGURATIONS)
    for run in runs:
        store.append(run)
    store.close()
    return folder


def reopened(folder: Path, function: str = "module.function", configurations: Any = CONFIGURATIONS) -> list[Run]:
    store = Store(folder, function, configurations)
    store.close()
    return store.kept


def test_what_was_appended_is_there_again(tmp_path: Path) -> None:
    kept = reopened(written(tmp_path / "a" / "b"))
    assert repr(kept) == repr(sorted(RUNS, key=lambda run: run.index))  # repr: nan is not itself
    results = load_results(tmp_path / "a" / "b")
    assert len(results) == 3
    assert results.configurations == CONFIGURATIONS
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == [RESULTS, HEADER]


def test_a_later_line_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    again = Run(0, CONFIGURATIONS[0], {"y": 7.0})
    assert reopened(written(tmp_path, [*RUNS, again]))[0] == again


def test_a_kill_at_any_byte_leaves_every_line_before_it(tmp_path: Path) -> None:
    folder = written(tmp_path)
    content = (folder / RESULTS).read_bytes()
    ends = [i + 1 for i, byte in enumerate(content) if byte == ord("\n")]
    for cut in range(0, len(content) + 1, 7):
        (folder / RESULTS).write_bytes(content[:cut])
        whole = sum(end <= cut for end in ends)
        assert len(load_results(folder)) == whole
        assert len(reopened(folder)) == whole
        assert (folder / RESULTS).read_bytes() == content[: ([0, *ends])[whole]]


def test_after_half_a_line_the_next_one_begins_on_its_own(tmp_path: Path) -> None:
    folder = written(tmp_path)
    content = (folder / RESULTS).read_bytes()
    (folder / RESULTS).write_bytes(content[:-5])
    written(folder, RUNS[2:])
    assert (folder / RESULTS).read_bytes() == content


def test_every_flipped_bit_is_found_and_its_line_named(tmp_path: Path) -> None:
    folder = written(tmp_path)
    content = bytearray((folder / RESULTS).read_bytes())
    first = content.index(b"\n")
    for position in range(0, len(content) - 1, 11):
        if content[position] == ord("\n"):
            continue
        damaged = content.copy()
        damaged[position] ^= 1 << position % 7
        (folder / RESULTS).write_bytes(damaged)
        with pytest.raises(CheckpointError, match=f"damaged in line {'1' if position < first else ''}") as caught:
            load_results(folder)
        assert "delete that line" in str(caught.value)
    header = bytearray((folder / HEADER).read_bytes())
    (folder / RESULTS).write_bytes(content)
    for position in range(0, len(header) - 1, 5):
        damaged = header.copy()
        damaged[position] ^= 1 << position % 7
        (folder / HEADER).write_bytes(damaged)
        with pytest.raises(CheckpointError, match=r"is damaged|is written as"):
            load_results(folder)


def test_a_deleted_line_is_a_run_that_was_not_made(tmp_path: Path) -> None:
    folder = written(tmp_path)
    lines = (folder / RESULTS).read_bytes().splitlines(keepends=True)
    (folder / RESULTS).write_bytes(lines[0] + lines[2])
    assert [run.index for run in reopened(folder)] == [1, 2]


def test_another_sweep_is_refused_and_the_difference_named(tmp_path: Path) -> None:
    folder = written(tmp_path)
    before = (folder / RESULTS).read_bytes(), (folder / HEADER).read_bytes()
    other = [dict(c) for c in CONFIGURATIONS]
    other[1]["x"] = 9
    for arguments, message in [
        (("module.other", CONFIGURATIONS), "it ran module.function, and this one is to run module.other"),
        (("module.function", CONFIGURATIONS[:3]), "it has 4 configurations, and this one 3"),
        (("module.function", other), "configuration 1 has x=1 there, x=9 here"),
        (("module.function", [{"x": 0}]), "configuration 0 has name='σ\\\\n' there, no name here"),
        (
            ("module.function", [dict(reversed(c.items())) for c in CONFIGURATIONS]),
            "configuration 0 has its settings in another",
        ),
    ]:
        with pytest.raises(UsageError, match="holds another sweep: " + message):
            reopened(folder, *arguments)
    assert ((folder / RESULTS).read_bytes(), (folder / HEADER).read_bytes()) == before
    reopened(folder)


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".sweep.json.x1.part").touch()  # what a kill leaves of a header
    (tmp_path / RESULTS).touch()
    reopened(tmp_path)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").touch()
    with pytest.raises(UsageError, match=r"holds chapter\.tex, and no sweep"):
        reopened(tmp_path / "thesis")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]
    with pytest.raises(UsageError, match=r"chapter.tex is a file; name a folder"):
        reopened(tmp_path / "thesis" / "chapter.tex")
    with pytest.raises(CheckpointError, match="there is no sweep in"):
        load_results(tmp_path / "nowhere")


def test_two_at_a_time_are_refused_and_reading_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path, "f", CONFIGURATIONS)
    store.append(RUNS[0])
    with pytest.raises(UsageError, match="another process is running the sweep"):
        Store(tmp_path, "f", CONFIGURATIONS)
    assert len(load_results(tmp_path)) == 1
    store.append(RUNS[1])
    store.close()
    assert len(reopened(tmp_path, "f")) == 2


def test_runs_of_another_list_are_found(tmp_path: Path) -> None:
    folder = written(tmp_path / "one")
    store = Store(tmp_path / "two", "f", [{"x": 5}])
    store.close()
    (tmp_path / "two" / RESULTS).write_bytes((folder / RESULTS).read_bytes())
    with pytest.raises(CheckpointError, match="a run of another sweep in line 1"):
        load_results(tmp_path / "two")


def test_a_line_that_cannot_be_written_leaves_the_others_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path, "f", CONFIGURATIONS)
    store.append(RUNS[0])
    real, calls = os.write, []

    def full(file: int, data: bytes) -> int:
        calls.append(file)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(file, data[:10])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            store.append(RUNS[1])
    store.append(RUNS[2])
    store.close()
    assert [run.index for run in reopened(tmp_path, "f")] == [1, 2]


def test_a_newer_format_is_named(tmp_path: Path) -> None:
    written(tmp_path)
    header = json.loads((tmp_path / HEADER).read_text(encoding="utf-8"))
    (tmp_path / HEADER).write_text(json.dumps(header | {"format": "minidl sweep 2"}), encoding="utf-8")
    with pytest.raises(
        CheckpointError, match="written as 'minidl sweep 2'; this version of minidl reads 'minidl sweep 1'"
    ):
        load_results(tmp_path)
