"""Downloads, from a server on this machine: mirrors, checksums, resuming, and what is said when nothing helps."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import io
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from minidl.data import CIFAR10, EMNIST, MNIST, data_folder
from minidl.data.download import Remote, fetch
from minidl.errors import DataError

CONTENT = np.random.default_rng(0).bytes(300_000)


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; writes down what was asked for; breaks off where it is told to."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[tuple[str, str | None]] = []
        self.break_off_after: dict[str, int] = {}
        self.knows_ranges = True

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append((self.path, wanted))
        if self.path not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[self.path]
        begin = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.knows_ranges else 0
        if begin and begin >= len(content):
            self.send_error(416)
            return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        rest = content[begin:]
        self.wfile.write(rest[: self.server.break_off_after.pop(self.path, len(rest))])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def remote(server: Server, *paths: str, content: bytes = CONTENT) -> Remote:
    return Remote("file.bin", hashlib.sha256(content).hexdigest(), tuple(map(server.url, paths)))


def test_a_file_is_fetched_once(server: Server, tmp_path: Path) -> None:
    server.files["/a"] = CONTENT
    for _ in range(2):
        path = fetch(remote(server, "/a"), tmp_path / "new")
        assert path == tmp_path / "new" / "file.bin"
        assert path.read_bytes() == CONTENT
    assert server.asked == [("/a", None)]
    assert [entry.name for entry in path.parent.iterdir()] == ["file.bin"]


def test_a_file_with_a_wrong_checksum_is_replaced(server: Server, tmp_path: Path) -> None:
    server.files["/a"] = CONTENT
    (tmp_path / "file.bin").write_bytes(b"damaged")
    assert fetch(remote(server, "/a"), tmp_path).read_bytes() == CONTENT


def test_mirrors_are_tried_in_turn(server: Server, tmp_path: Path) -> None:
    server.files |= {"/wrong": CONTENT[:-1] + b"?", "/right": CONTENT}
    assert fetch(remote(server, "/missing", "/wrong", "/right"), tmp_path).read_bytes() == CONTENT
    assert [path for path, _ in server.asked] == ["/missing", "/wrong", "/right"]


def test_what_arrived_before_a_break_is_not_asked_for_again_even_of_another_mirror(
    server: Server, tmp_path: Path
) -> None:
    server.files |= {"/a": CONTENT, "/b": CONTENT}
    server.break_off_after["/a"] = 102_400
    assert fetch(remote(server, "/a", "/b"), tmp_path).read_bytes() == CONTENT
    assert server.asked == [("/a", None), ("/b", "bytes=102400-")]


def test_a_later_run_resumes(server: Server, tmp_path: Path) -> None:
    server.files["/a"] = CONTENT
    server.break_off_after["/a"] = 102_400
    with pytest.raises(DataError, match="could not be downloaded"):
        fetch(remote(server, "/a"), tmp_path)
    assert (tmp_path / "file.bin.part").stat().st_size == 102_400
    assert not (tmp_path / "file.bin").exists()
    assert fetch(remote(server, "/a"), tmp_path).read_bytes() == CONTENT
    assert server.asked[1] == ("/a", "bytes=102400-")


@pytest.mark.parametrize("left_over", [b"of another version", CONTENT + b"too long"], ids=["other", "longer"])
def test_a_left_over_that_does_not_fit_is_thrown_away(server: Server, tmp_path: Path, left_over: bytes) -> None:
    server.files["/a"] = CONTENT
    (tmp_path / "file.bin.part").write_bytes(left_over)
    assert fetch(remote(server, "/a"), tmp_path).read_bytes() == CONTENT
    assert len(server.asked) == 2
    assert server.asked[1] == ("/a", None)


def test_a_server_that_cannot_resume_sends_all_of_it_again(server: Server, tmp_path: Path) -> None:
    server.files["/a"] = CONTENT
    server.knows_ranges = False
    (tmp_path / "file.bin.part").write_bytes(CONTENT[:1000])
    assert fetch(remote(server, "/a"), tmp_path).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing_behind_and_every_mirrors_answer_is_told(
    server: Server, tmp_path: Path
) -> None:
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
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
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


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape) + array.tobytes()


def packed(array: np.ndarray) -> bytes:
    return gzip.compress(idx(array), mtime=0)


def test_mnist_is_downloaded_where_torchvision_would_put_it_and_then_read_offline(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (5, 28, 28), np.uint8), np.arange(5, dtype=np.uint8)
    files = {"t10k-images-idx3-ubyte.gz": packed(images), "t10k-labels-idx1-ubyte.gz": packed(labels)}
    server.files = {f"/mnist/{name}": content for name, content in files.items()}
    monkeypatch.setattr(MNIST, "mirrors", (server.url("/down/"), server.url("/mnist/")))
    monkeypatch.setattr(
        MNIST, "checksums", {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    )
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte must all be in") as caught:
        MNIST(tmp_path, train=False)
    assert "download=True" in str(caught.value)
    assert server.url("/down/t10k-images-idx3-ubyte.gz") in str(caught.value)
    data = MNIST(tmp_path, train=False, download=True)
    assert {path.name for path in (tmp_path / "MNIST" / "raw").iterdir()} == set(files)
    asked = len(server.asked)
    monkeypatch.setenv("MINIDL_DATA", str(tmp_path))
    again = MNIST(train=False, download=True)
    assert len(server.asked) == asked
    for each in (data, again):
        assert np.array_equal(each.data[:, 0], images)
        assert each.labels.tolist() == labels.tolist()
        assert each.name == "MNIST"


def cifar_archive(records: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in {**records, "../outside": np.zeros(3, np.uint8)}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = content.nbytes
            archive.addfile(member, io.BytesIO(content.tobytes()))
    return file.getvalue()


def test_cifar_is_taken_out_of_its_archive_and_nothing_else_is(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    names = [*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]
    records = {name: rng.integers(0, 10, (2, 3073), np.uint8) for name in names}
    server.files["/cifar"] = cifar_archive(records)
    checksum = hashlib.sha256(server.files["/cifar"]).hexdigest()
    monkeypatch.setattr(CIFAR10, "archive", Remote("cifar.tar.gz", checksum, (server.url("/cifar"),)))
    train = CIFAR10(tmp_path, download=True)
    assert len(train) == 10
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted([*names, "cifar-10-batches-bin"])
    expected = np.concatenate([records[name] for name in names[:5]])
    assert np.array_equal(train.data.reshape(10, -1), expected[:, 1:])
    assert train.labels.tolist() == expected[:, 0].tolist()
    assert len(CIFAR10(tmp_path, train=False)) == 2
    assert len(server.asked) == 1


def test_an_archive_without_the_files_is_refused(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/cifar"] = cifar_archive({})
    checksum = hashlib.sha256(server.files["/cifar"]).hexdigest()
    monkeypatch.setattr(CIFAR10, "archive", Remote("cifar.tar.gz", checksum, (server.url("/cifar"),)))
    with pytest.raises(DataError, match="not CIFAR10's archive"):
        CIFAR10(tmp_path, download=True)


def test_emnist_stands_upright(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lying = np.arange(2 * 28 * 28, dtype=np.uint16).astype(np.uint8).reshape(2, 28, 28)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("gzip/emnist-letters-train-images-idx3-ubyte.gz", packed(lying))
        archive.writestr("gzip/emnist-letters-train-labels-idx1-ubyte.gz", packed(np.array([1, 26], np.uint8)))
    server.files["/gzip.zip"] = file.getvalue()
    checksum = hashlib.sha256(file.getvalue()).hexdigest()
    monkeypatch.setattr(EMNIST, "archive", Remote("gzip.zip", checksum, (server.url("/gzip.zip"),)))
    data = EMNIST(tmp_path, "letters", download=True)
    assert np.array_equal(data.data[:, 0], lying.swapaxes(1, 2))
    assert [data.classes[label] for label in data.labels] == ["a", "z"]
    with pytest.raises(DataError, match="not EMNIST's archive"):
        EMNIST(tmp_path, "digits", download=True)
