"""States as files, and between minidl and PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import CheckpointError, ShapeError, UsageError


def build(kit: Any) -> Any:
    return kit.Sequential(
        kit.Conv2d(1, 3, 3, padding=1, bias=False),
        kit.BatchNorm2d(3),
        kit.ReLU(),
        kit.Flatten(),
        kit.Linear(48, 4),
        kit.LayerNorm(4),
        kit.PReLU(),
        kit.Unflatten(1, (1, 4)),
        kit.TransformerEncoderLayer(4, 2, 3, 0.0, batch_first=True),
    )


def same(a: nn.Module, b: nn.Module) -> bool:
    pairs = zip(a.state_dict().items(), b.state_dict().items(), strict=True)
    return all(m == n and x.dtype == y.dtype and np.array_equal(x, y) for (m, x), (n, y) in pairs)


def test_a_state_goes_to_a_file_and_back(tmp_path: Path) -> None:
    a, b = build(nn), build(nn)
    a(minidl.randn(5, 1, 4, 4))
    path = nn.save_state(a, tmp_path / "new folder" / "net.safetensors")
    assert not same(a, b)
    assert nn.load_state(b, path) == ([], [])
    assert same(a, b)
    assert b.get_buffer("1.num_batches_tracked").item() == 1
    assert [p.name for p in path.parent.iterdir()] == ["net.safetensors"], "nothing else is left behind"


def test_strided_weights_are_written_in_order(tmp_path: Path) -> None:
    layer, other = nn.Linear(2, 3), nn.Linear(2, 3)
    layer.weight.data = np.arange(6, dtype=np.float32).reshape(2, 3).T
    nn.load_state(other, nn.save_state(layer, tmp_path / "a.safetensors"))
    np.testing.assert_array_equal(other.weight.data, layer.weight.data)


def test_every_flipped_bit_of_the_numbers_is_found(tmp_path: Path) -> None:
    net = nn.Linear(2, 1)
    before = {name: array.copy() for name, array in net.state_dict().items()}
    path = nn.save_state(net, tmp_path / "net.safetensors")
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    for at in (start, start + 5, len(content) - 1):
        broken = bytearray(content)
        broken[at] ^= 4
        path.write_bytes(broken)
        with pytest.raises(CheckpointError, match="damaged: its numbers are not those that its SHA-256"):
            nn.load_state(net, path)
    for broken_file in (content[:20], b"", b"\xff" * 40):
        path.write_bytes(broken_file)
        with pytest.raises(CheckpointError, match="no safetensors file"):
            nn.load_state(net, path)
    with pytest.raises(CheckpointError, match="cannot read"):
        nn.load_state(net, tmp_path / "nowhere")
    assert all(np.array_equal(net.state_dict()[name], array) for name, array in before.items())


def test_a_file_that_does_not_fit_is_refused_whole(tmp_path: Path) -> None:
    path = nn.save_state(nn.Linear(2, 3), tmp_path / "net.safetensors")
    other = nn.Linear(2, 4)
    with pytest.raises(ShapeError, match=r"weight is \(4, 2\) here and \(3, 2\)"):
        nn.load_state(other, path)
    with pytest.raises(UsageError, match=r"missing 0.weight, 0.bias; unknown bias, weight"):
        nn.load_state(nn.Sequential(nn.Linear(2, 3)), path)
    assert nn.load_state(nn.Sequential(nn.Linear(2, 3)), path, strict=False).missing_keys == ["0.weight", "0.bias"]


@pytest.mark.torch
def test_pytorch_reads_what_minidl_wrote(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file

    ours, theirs = build(nn), build(torch.nn)
    ours(minidl.randn(5, 1, 4, 4))
    path = nn.save_state(ours, tmp_path / "net.safetensors")
    theirs.load_state_dict(load_file(path), strict=True)
    assert theirs[1].num_batches_tracked.item() == 1
    check_equal(torch, ours, theirs)


@pytest.mark.torch
def test_minidl_reads_what_pytorch_wrote(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    torch.manual_seed(0)
    ours, theirs = build(nn), build(torch.nn)
    theirs(torch.randn(5, 1, 4, 4))
    save_file(theirs.state_dict(), tmp_path / "net.safetensors")
    nn.load_state(ours, tmp_path / "net.safetensors")
    check_equal(torch, ours, theirs)
    build(nn).load_state_dict(theirs.state_dict())  # PyTorch's tensors themselves
    ours.double().load_state_dict(theirs.double().state_dict())
    check_equal(torch, ours, theirs, dtype=np.float64, tolerance=1e-12)


@pytest.mark.torch
def test_bfloat16_is_refused_with_the_way_out(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(1, 2, dtype=torch.bfloat16)}, tmp_path / "half.safetensors")
    with pytest.raises(CheckpointError, match="BF16"):
        nn.load_state(nn.Linear(2, 1), tmp_path / "half.safetensors")


def check_equal(torch: Any, ours: Any, theirs: Any, dtype: Any = np.float32, tolerance: float = 1e-5) -> None:
    ours.eval()
    theirs.eval()
    images = np.random.default_rng(0).normal(size=(3, 1, 4, 4)).astype(dtype)
    with minidl.no_grad(), torch.no_grad():
        found, right = ours(minidl.tensor(images)), theirs(torch.tensor(images))
    np.testing.assert_allclose(found.data, right.numpy(), rtol=tolerance, atol=tolerance)
