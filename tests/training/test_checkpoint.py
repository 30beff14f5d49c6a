"""Checkpoints come back exactly, and any damage is found and named."""

from __future__ import annotations

import builtins
import hashlib
import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.errors import CheckpointError, UsageError
from minidl.training import checkpoint, load_checkpoint, save_checkpoint


def state(step: int = 7) -> dict[str, Any]:
    rng = np.random.default_rng(step)
    return {
        "step": step,
        "model": {"a.weight": rng.random((3, 4)).astype(np.float32).T, "b": np.full((), 0.1)},
        "optimizer": {
            "state": {0: {"step": 3, "m": rng.random(2)}},
            "param_groups": [{"lr": 0.1, "betas": (0.9, 0.99)}],
        },
        "generator": {"state": {"inc": 2**127 + 1}},
        "history": [{"loss": 0.1 + 0.2, "note": "σ", "odd": float("inf")}],
        "sums": {},
        "none": None,
    }


def small(step: int) -> dict[str, Any]:
    return {"step": step, "x": np.float32([step, 1])}


def same(a: Any, b: Any) -> bool:
    """Whether two states are alike to the bit, the types included."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return repr(a) == repr(b)  # NaN is NaN, and -0.0 is not 0.0


def arrays_file(folder: Path) -> Path:
    (path,) = folder.glob("checkpoint-*.safetensors")
    return path


def test_a_state_comes_back_exactly(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, state())
    found = load_checkpoint(tmp_path)
    assert same(found, state())
    assert found["model"]["a.weight"].flags.writeable
    assert same(load_checkpoint(str(tmp_path / "checkpoint.json")), found)


@pytest.mark.parametrize(
    "value",
    [
        [float("nan"), float("-inf"), -0.0, 5e-324, 2**200, True, None, "\ud800 σ", ""],
        {"a": {"b": np.ones(1)}, "a/b": np.zeros(2), "__metadata__": np.zeros(1), "\ud800": np.ones(3), "": np.ones(1)},
        {1: np.ones(1), "1": np.zeros(1), (2, None): 3.5, None: 0},
        {"$array": "model", "$pairs": [1], "$tuple": ()},
        (1, (2, [np.ones(1), ()])),
        [np.zeros((2, 0, 3)), np.array(True), np.arange(3, dtype=np.uint8), np.array([1, 2], np.float16)],
        [np.array([-0.0, np.nan, np.inf]), np.array([2**64 - 1], np.uint64), np.broadcast_to(np.float32(2), (2, 2)).copy()],
    ],
    ids=str,
)  # fmt: skip
def test_odd_states_come_back_exactly(tmp_path: Path, value: Any) -> None:
    save_checkpoint(tmp_path, {"step": 1, "value": value})
    assert same(load_checkpoint(tmp_path)["value"], value)
    save_checkpoint(tmp_path, {"__metadata__": np.ones(1), "step": 1})
    assert same(load_checkpoint(tmp_path)["__metadata__"], np.ones(1))


def test_memory_in_any_order_is_saved_as_it_reads(tmp_path: Path) -> None:
    grid = np.arange(24, dtype=np.float32).reshape(4, 6)
    odd = [grid.T, grid[::-2, 1::2], np.asfortranarray(grid), grid.astype(">f4"), np.broadcast_to(grid[0], (3, 6))]
    save_checkpoint(tmp_path, {"step": 0, "odd": odd})
    for given, found in zip(odd, load_checkpoint(tmp_path)["odd"], strict=True):
        np.testing.assert_array_equal(found, given)
        assert found.dtype == np.float32


def test_numpy_scalars_become_plain_numbers(tmp_path: Path) -> None:
    given = {"a": np.float32(0.1), "b": np.int64(3), "c": np.bool_(True), "d": np.str_("x")}
    save_checkpoint(tmp_path, given)
    assert same(load_checkpoint(tmp_path), {"a": float(np.float32(0.1)), "b": 3, "c": True, "d": "x"})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1}, r"cannot hold a set \(at a/b\)"),
        (1j, "cannot hold a complex"),
        (np.complex64(1), "cannot hold a complex64"),
        (np.longdouble(1), "cannot hold a longdouble"),
        (np.zeros(1, complex), r"an array of complex128 \(at a/b\)"),
        (np.array(["a"]), "an array of <U1"),
        (np.array([None]), "an array of object"),
        (np.zeros(1, np.longdouble), "an array of "),
        (b"bytes", "cannot hold a bytes"),
        (print, "cannot hold a builtin_function"),
    ],
)
def test_what_json_and_safetensors_cannot_hold_is_refused(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        save_checkpoint(tmp_path, {"step": 1, "a": {"b": value}})
    assert not list(tmp_path.iterdir())


# Several in one folder --------------------------------------------------------------------------------------------


def test_best_and_last_stand_side_by_side(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, small(1), "best")
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, small(step))
        assert load_checkpoint(tmp_path / "best.json")["step"] == 1
        assert load_checkpoint(tmp_path)["step"] == step
        assert len(list(tmp_path.iterdir())) == (3 if step == 1 else 4), "arrays that are the same are shared"
    save_checkpoint(tmp_path, small(3) | {"note": "the same arrays"}, "best")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".json", ".safetensors"]
    assert load_checkpoint(tmp_path / "best.json")["note"]
    save_checkpoint(tmp_path, small(4))
    assert same(load_checkpoint(tmp_path / "best.json")["x"], np.float32([3, 1]))


def test_other_files_are_left_alone_and_what_a_killed_process_began_is_cleared_away(tmp_path: Path) -> None:
    others = ["config.json", "checkpoint-mine.safetensors", "model.safetensors", ".hidden", "a.part", ".notes.part"]
    for name in others:
        (tmp_path / name).write_bytes(b"\xff")
    (tmp_path / ".checkpoint-0123456789abcdef.safetens.a1b2c3_x.part").touch()
    (tmp_path / "checkpoint-0123456789abcdef.safetensors").touch()
    save_checkpoint(tmp_path, small(1))
    save_checkpoint(tmp_path, small(2))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*others, "checkpoint.json", arrays_name(tmp_path / "checkpoint.json")]
    )


def arrays_name(index: Path) -> str:
    return str(json.loads(index.read_bytes())["arrays"])


@pytest.mark.parametrize("name", ["", "../best", "a/b", "a\\b", ".best", "best\n", "a:b", "\0", "-a"])
def test_a_name_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot be called"):
        save_checkpoint(tmp_path / "new", small(1), name)
    assert not list(tmp_path.iterdir())


def test_a_damaged_arrays_file_is_not_shared_but_written_anew(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, small(1))
    arrays_file(tmp_path).write_bytes(b"damaged")
    save_checkpoint(tmp_path, small(1), "best")
    assert same(load_checkpoint(tmp_path), small(1))


# Damage -----------------------------------------------------------------------------------------------------------


def test_every_flipped_bit_in_every_file_is_found_and_the_file_is_named(tmp_path: Path) -> None:
    index = save_checkpoint(tmp_path, {"step": 7, "x": np.float32([1])})
    for path in (index, arrays_file(tmp_path)):
        whole = path.read_bytes()
        with path.open("r+b", buffering=0) as file:
            for bit in range(8 * len(whole)):
                file.seek(bit // 8)
                file.write(bytes([whole[bit // 8] ^ 1 << bit % 8]))
                with pytest.raises(CheckpointError, match=f"{re.escape(str(path))} is .*damaged"):
                    load_checkpoint(tmp_path)
                file.seek(bit // 8)
                file.write(whole[bit // 8 : bit // 8 + 1])
    assert load_checkpoint(tmp_path)["step"] == 7


def test_every_truncation_and_any_addition_is_found_and_named(tmp_path: Path) -> None:
    index = save_checkpoint(tmp_path, small(7))
    for path in (index, arrays_file(tmp_path)):
        whole = path.read_bytes()
        for content in [
            *(whole[:length] for length in range(len(whole))),
            whole + b"\0",
            whole + b"\n",
            b"\xff" + whole,
        ]:
            path.write_bytes(content)
            with pytest.raises(CheckpointError, match=f"{re.escape(str(path))} is .*damaged"):
                load_checkpoint(tmp_path)
        path.write_bytes(whole)
    assert load_checkpoint(tmp_path)["step"] == 7


def test_files_that_are_missing_swapped_or_edited_are_named(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, small(1), "best")
    index = save_checkpoint(tmp_path, small(2))
    best, last = (tmp_path / arrays_name(tmp_path / f"{name}.json") for name in ("best", "checkpoint"))
    one, two = best.read_bytes(), last.read_bytes()
    best.write_bytes(two), last.write_bytes(one)
    for name, path in (("best.json", best), ("checkpoint.json", last)):
        with pytest.raises(CheckpointError, match=f"{path.name} is damaged: its SHA-256 is not the one that {name}"):
            load_checkpoint(tmp_path / name)
    best.write_bytes(one), last.unlink()
    with pytest.raises(CheckpointError, match=f"{last.name} does not exist"):
        load_checkpoint(tmp_path)
    last.mkdir()
    with pytest.raises(CheckpointError, match=f"cannot read .*{last.name}: "):
        load_checkpoint(tmp_path)
    assert load_checkpoint(tmp_path / "best.json")["step"] == 1

    text = index.read_text(encoding="utf-8")
    for content, message in [
        ("", "not a minidl checkpoint, or is damaged"),
        ("[]", "not a minidl checkpoint, or is damaged"),
        ("\ufeff" + text, "not a minidl checkpoint, or is damaged"),
        (text.replace("\n", "\r\n"), "not a minidl checkpoint, or is damaged"),
        (json.dumps(json.loads(text)), "not a minidl checkpoint, or is damaged"),
        (text.replace("checkpoint 2", "checkpoint 9"), "written as 'minidl checkpoint 9'.*reads 'minidl checkpoint 2'"),
        (text.replace('"step": 2', '"step": 3'), "damaged: its content"),
        (text.replace('"step": 2', '"step":  2'), "damaged: its content"),
    ]:
        assert content != text
        index.write_text(content, encoding="utf-8", newline="")
        with pytest.raises(CheckpointError, match=f"{re.escape(str(index))} is {message}"):
            load_checkpoint(index)


def forged(index: Path, body: bytes) -> None:
    """Write an index as someone would who knows how its SHA-256 is made."""
    head = checkpoint._HEAD
    index.write_bytes(head + hashlib.sha256(head + body).hexdigest().encode() + body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'", "arrays": "../checkpoint-0123456789abcdef.safetensors", "arrays_sha256": "", "state": {}}', "outside its fold"),
        (b'", "arrays": "/etc/passwd", "arrays_sha256": "", "state": {}}', "outside its folder"),
        (b'", "arrays": 5, "arrays_sha256": "", "state": {}}', "cannot be read|can read"),
        (b'", "arrays": "NAME", "arrays_sha256": "SHA", "state": []}', "holds no training state"),
        (b'", "arrays": "NAME", "arrays_sha256": "SHA", "state": {"a": {"$array": "none"}}}', "can read: 'none'"),
        (b'", "arrays": "NAME", "arrays_sha256": "SHA", "state": {"$pairs": 5}}', "can read"),
        (b'", "arrays": "NAME", "arrays_sha256": "SHA", "state": {"$pairs": [[[], 5]]}}', "can read"),
        (b'", "arrays": "NAME", "arrays_sha256": "SHA", "state": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "can read"),
        (b'", "arrays": "NAME", "state": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "can read"),
        (b'", "state": 1', "can read"),
        (b'", "\xff": 1}', "can read"),
        (b'", "state": {}}', "can read: 'arrays'"),
    ],
    ids=range(12),
)  # fmt: skip
def test_an_index_with_a_forged_digest_is_still_refused_in_words(tmp_path: Path, body: bytes, message: str) -> None:
    index = save_checkpoint(tmp_path, small(1))
    about = json.loads(index.read_bytes())
    forged(index, body.replace(b"NAME", about["arrays"].encode()).replace(b"SHA", about["arrays_sha256"].encode()))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1000)  # whatever the runner has set: 5000 levels are then too deep
    try:
        with pytest.raises(CheckpointError, match=f"checkpoint.json .*({message})"):
            load_checkpoint(tmp_path)
    finally:
        sys.setrecursionlimit(limit)


def test_arrays_that_are_no_safetensors_are_refused_although_the_digest_fits(tmp_path: Path) -> None:
    index = save_checkpoint(tmp_path, small(1))
    arrays = arrays_file(tmp_path)
    arrays.write_bytes(b"nothing of the kind")
    digest = hashlib.sha256(b"nothing of the kind").hexdigest()
    forged(index, f'", "arrays": "{arrays.name}", "arrays_sha256": "{digest}", "state": {{}}}}'.encode())
    with pytest.raises(CheckpointError, match="not a checkpoint that this version"):
        load_checkpoint(tmp_path)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint here: .*checkpoint\.json does not exist"):
        load_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match="cannot read"):
        load_checkpoint(tmp_path / "a\0b.json")


def test_nothing_is_pickled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def guarded(name: str, *args: Any) -> Any:
        assert not name.startswith(("pickle", "_pickle", "marshal"))
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", guarded)
    save_checkpoint(tmp_path, state())
    load_checkpoint(tmp_path)
