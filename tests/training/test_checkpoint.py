"""Checkpoints come back exactly, and any damage is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.errors import CheckpointError
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


def test_a_state_comes_back_exactly(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, state())
    found = load_checkpoint(tmp_path)
    expected = state()
    for path in (("model", "a.weight"), ("model", "b"), ("optimizer", "state", 0, "m")):
        a: Any = found
        b: Any = expected
        for key in path:
            a, b = a[key], b[key]
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert np.array_equal(a, b)
        assert a.flags.writeable
    assert found["optimizer"]["param_groups"] == [{"lr": 0.1, "betas": [0.9, 0.99]}]
    for key in ("step", "generator", "history", "sums", "none"):
        assert found[key] == expected[key]


def test_the_predecessor_goes_only_after_the_successor_is_complete(tmp_path: Path) -> None:
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, state(step))
    assert load_checkpoint(tmp_path)["step"] == 3
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("failing", [1, 2])
def test_dying_at_any_write_leaves_the_last_complete_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: int
) -> None:
    save_checkpoint(tmp_path, state(1))
    writes = 0
    real = checkpoint.write_atomic

    def die(path: Path, content: str | bytes) -> Path:
        nonlocal writes
        writes += 1
        if writes == failing:
            raise KeyboardInterrupt
        return real(path, content)

    monkeypatch.setattr(checkpoint, "write_atomic", die)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, state(2))
    assert load_checkpoint(tmp_path)["step"] == 1
    monkeypatch.undo()
    save_checkpoint(tmp_path, state(3))
    assert load_checkpoint(tmp_path)["step"] == 3
    assert len(list(tmp_path.iterdir())) == 2


def test_every_flipped_bit_in_either_file_is_found(tmp_path: Path) -> None:
    index = save_checkpoint(tmp_path, state())
    arrays = next(tmp_path.glob("*.safetensors"))
    for path in (index, arrays):
        whole = path.read_bytes()
        for bit in range(0, 8 * len(whole), 5):
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            path.write_bytes(damaged)
            with pytest.raises(CheckpointError):
                load_checkpoint(tmp_path)
        path.write_bytes(whole)
    assert load_checkpoint(tmp_path)["step"] == 7


def test_damage_is_named(tmp_path: Path) -> None:
    index = save_checkpoint(tmp_path, state())
    arrays = next(tmp_path.glob("*.safetensors"))
    text = index.read_text(encoding="utf-8")
    whole = arrays.read_bytes()

    arrays.write_bytes(whole[:-1])
    with pytest.raises(CheckpointError, match=f"{arrays.name} is damaged"):
        load_checkpoint(tmp_path)
    arrays.unlink()
    with pytest.raises(CheckpointError, match=f"{arrays.name} does not exist"):
        load_checkpoint(tmp_path)
    arrays.write_bytes(whole)
    for content, message in [
        (text[: len(text) // 2], "is damaged"),
        ("[]", "not a minidl checkpoint"),
        (text.replace("checkpoint 1", "checkpoint 9"), "reads 'minidl checkpoint 1'"),
        (text.replace('"step": 7', '"step": 8'), "is damaged: its content"),
    ]:
        assert content != text
        index.write_text(content, encoding="utf-8")
        with pytest.raises(CheckpointError, match=message):
            load_checkpoint(index)


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint here: .*checkpoint\.json does not exist"):
        load_checkpoint(tmp_path)


def test_a_checkpoint_never_reads_outside_its_folder(tmp_path: Path) -> None:
    index = save_checkpoint(tmp_path, state())
    content = json.loads(index.read_text(encoding="utf-8"))
    del content["sha256"]
    content["arrays"] = "../" + content["arrays"]
    index.write_text(checkpoint._serialize(content | {"sha256": checkpoint._digest(content)}), encoding="utf-8")
    with pytest.raises(CheckpointError, match="outside its folder"):
        load_checkpoint(tmp_path)


def test_what_json_and_safetensors_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"cannot hold a set \(at a/b\)"):
        save_checkpoint(tmp_path, {"step": 1, "a": {"b": {1}}})
    assert not list(tmp_path.iterdir())
