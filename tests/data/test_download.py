"""Downloads, from a server on this machine: mirrors, checksums, resuming, and what is said when nothing helps."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.data import data_folder, download
from minidl.data.download import Remote, fetch
from minidl.errors import DataError

CONTENT = np.random.default_rng(0).bytes(300_000)


def remote(server: Any, *paths: str, content: bytes = CONTENT) -> Remote:
    return Remote("file.bin", hashlib.sha256(content).hexdigest(), tuple(map(server.url, paths)))


def test_a_file_is_fetched_once(server: Any, tmp_path: Path) -> None:
    server.files["/a"] = CONTENT
    for _ in range(2):
        path = fetch(remote(server, "/a"), tmp_path / "new")
        assert path == tmp_path / "new" / "file.bin"
        assert path.read_bytes() == CONTENT
    assert server.asked == [("/a", None)]
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]


def test_a_file_with_a_wrong_checksum_is_replaced(server: Any, tmp_path: Path) -> None:
    server.files["/a"] = CONTENT
    (tmp_path / "file.bin").write_bytes(b"damaged")
    assert fetch(remote(server, "/a"), tmp_path).read_bytes() == CONTENT


def test_mirrors_are_tried_in_turn(server: Any, tmp_path: Path) -> None:
    server.files |= {"/wrong": CONTENT[:-1] + b"?", "/right": CONTENT}
    assert fetch(remote(server, "/missing", "/wrong", "/right"), tmp_path).read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/missing", "/wrong", "/right"]


def test_what_arrived_before_a_break_is_not_asked_for_again_even_of_another_mirror(server: Any, tmp_path: Path) -> None:
    server.files |= {"/a": CONTENT, "/b": CONTENT}
    server.break_off_after["/a"] = 102_400
    assert fetch(remote(server, "/a", "/b"), tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/a", None), ("/b", "bytes=102400-")]


def test_a_later_run_resumes(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "ROUNDS", 1)
    server.files["/a"] = CONTENT
    server.break_off_after["/a"] = 102_400
    with pytest.raises(DataError, match="could not be downloaded"):
        fetch(remote(server, "/a"), tmp_path)
    assert (tmp_path / "file.bin.part").stat().st_size == 102_400
    assert not (tmp_path / "file.bin").exists()
    assert fetch(remote(server, "/a"), tmp_path).read_bytes() == CONTENT
    assert server.asked[1] == ("/a", "bytes=102400-")


@pytest.mark.parametrize("left_over", [b"of another version", CONTENT + b"too long"], ids=["other", "longer"])
def test_a_left_over_that_does_not_fit_is_thrown_away(server: Any, tmp_path: Path, left_over: bytes) -> None:
    server.files["/a"] = CONTENT
    (tmp_path / "file.bin.part").write_bytes(left_over)
    assert fetch(remote(server, "/a"), tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 2
    assert server.asked[1] == ("/a", None)


def test_a_server_that_cannot_resume_sends_all_of_it_again(server: Any, tmp_path: Path) -> None:
    server.files["/a"] = CONTENT
    server.knows_ranges = False
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    assert fetch(remote(server, "/a"), tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/a", "bytes=1000-")]  # once: what it sends is used


def test_an_unsteady_server_is_asked_again_as_long_as_more_arrives(server: Any, tmp_path: Path) -> None:
    server.files["/a"] = CONTENT
    server.break_off_always = 81_920
    assert fetch(remote(server, "/gone", "/a"), tmp_path).read_bytes() == CONTENT
    begins = [None, "bytes=81920-", "bytes=163840-", "bytes=245760-"]
    assert server.asked == [("/gone", None), *(("/a", begin) for begin in begins)]
    server.asked.clear()
    server.break_off_always = 0
    with pytest.raises(DataError, match=r"404.*\n.*/a: "):
        fetch(remote(server, "/gone", "/a"), tmp_path / "other")
    assert len(server.asked) == 2
    assert not list((tmp_path / "other").iterdir())


def test_a_server_that_says_nothing_is_given_up(server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.05)
    server.files["/a"] = CONTENT
    server.pause = 0.3
    with pytest.raises(DataError, match="timed out"):
        fetch(remote(server, "/a"), tmp_path)


def test_a_folder_that_cannot_be_written_is_named_and_no_server_asked(server: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DataError, match=r"cannot be kept in .*file.*name another folder"):
        fetch(remote(server, "/a"), tmp_path / "file")
    assert server.asked == []


FETCH = """
import hashlib, pathlib, sys
from minidl.data.download import Remote, fetch
path = fetch(Remote("file.bin", sys.argv[1], (sys.argv[2],)), pathlib.Path(sys.argv[3]))
assert hashlib.sha256(path.read_bytes()).hexdigest() == sys.argv[1]
"""


def fetching(server: Any, folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", FETCH, hashlib.sha256(CONTENT).hexdigest(), server.url("/a"), str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_of_several_processes_one_fetches_and_the_others_wait(server: Any, tmp_path: Path) -> None:
    server.files["/a"] = CONTENT
    server.pause = 0.5
    processes = [fetching(server, tmp_path) for _ in range(2)]
    said = [process.communicate(timeout=60)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert server.asked == [("/a", None)]
    assert sorted(said) == ["", "downloading file.bin (0.3 MB)\n"]
    assert [path.name for path in tmp_path.iterdir()] == ["file.bin"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_process_that_is_broken_off_holds_nobody_up(server: Any, tmp_path: Path, how: signal.Signals) -> None:
    server.files["/a"] = CONTENT
    server.pause = 60
    process = fetching(server, tmp_path)
    try:
        deadline = time.monotonic() + 60
        while not server.asked:
            assert time.monotonic() < deadline, "it never asked"
            time.sleep(0.02)
        assert (tmp_path / "file.bin.lock").exists()
        process.send_signal(how)
    finally:
        if not server.asked:
            process.kill()
        errors = process.communicate(timeout=60)[1]
    assert ("KeyboardInterrupt" in errors) == (how == signal.SIGINT)
    server.pause = 0
    assert fetch(remote(server, "/a"), tmp_path).read_bytes() == CONTENT
    left = [path.name for path in tmp_path.iterdir() if path.stat().st_size]  # pooch leaves an empty file
    assert left == ["file.bin"]
    assert not (tmp_path / "file.bin.lock").exists()


def test_without_a_terminal_one_line_says_what_is_going_on(
    server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["/a"] = CONTENT
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:100_000])
    fetch(remote(server, "/a"), tmp_path)
    assert capsys.readouterr().err == "downloading file.bin (0.3 MB, 0.1 MB of it here already)\n"


def test_a_wrong_checksum_leaves_nothing_behind_and_every_mirrors_answer_is_told(server: Any, tmp_path: Path) -> None:
    server.files["/a"] = b"something else"
    with pytest.raises(DataError) as caught:
        fetch(remote(server, "/a", "/b"), tmp_path)
    text = str(caught.value)
    assert "SHA256 hash of downloaded file" in text
    assert "404" in text
    assert str(tmp_path / "file.bin") in text
    assert hashlib.sha256(CONTENT).hexdigest() in text
    assert list(tmp_path.iterdir()) == []


def test_without_a_network_the_message_says_where_to_put_the_file(tmp_path: Path) -> None:
    nobody = Remote("file.bin", "0" * 64, ("http://127.0.0.1:9/file.bin",))
    with pytest.raises(DataError, match=r"(?s)Without a network connection, .*file\.bin \(SHA-256 0000") as caught:
        fetch(nobody, tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_progress_is_shown_on_a_terminal(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server.files["/a"] = CONTENT
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    fetch(remote(server, "/a"), tmp_path)
    assert capsys.readouterr().err.endswith("\rfile.bin: 100% of 0.3 MB\n")


def test_the_folder_is_the_argument_or_the_variable_or_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    assert data_folder("~/here") == Path("~/here").expanduser()
    monkeypatch.delenv("MINIDL_DATA")
    assert data_folder().parts[-2:] == ("minidl", "data")
