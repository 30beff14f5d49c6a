"""States as files, and between minidl and PyTorch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import CheckpointError, DtypeError, ShapeError, UsageError


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
    before = {name: array.data.copy() for name, array in net.state_dict().items()}
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


def tied(lib: Any) -> Any:
    """A network whose table is both its first layer and its last."""
    net = lib.nn.Module()
    net.words, net.scores = lib.nn.Embedding(5, 3), lib.nn.Linear(3, 5, bias=False)
    net.scores.weight = net.words.weight
    return net


@pytest.mark.torch
def test_shared_weights_go_both_ways(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, load_model, save_model

    theirs, ours = tied(torch), tied(minidl)
    save_model(theirs, str(tmp_path / "theirs.safetensors"))  # one name of the two
    assert nn.load_state(ours, tmp_path / "theirs.safetensors") == ([], [])
    np.testing.assert_array_equal(ours.scores.weight.data, theirs.scores.weight.detach().numpy())
    assert ours.scores.weight is ours.words.weight
    nn.init.normal_(ours.words.weight)
    path = nn.save_state(ours, tmp_path / "ours.safetensors")
    theirs.load_state_dict(load_file(path))
    np.testing.assert_array_equal(ours.words.weight.data, theirs.scores.weight.detach().numpy())
    load_model(tied(torch), path, strict=False)


@pytest.mark.torch
def test_strided_weights_of_pytorch_arrive_in_order(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file

    theirs = torch.nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
    ours = nn.Conv2d(2, 3, 3)
    ours.load_state_dict(theirs.state_dict())
    np.testing.assert_array_equal(ours.weight.data, theirs.weight.detach().numpy())
    nn.init.zeros_(ours.weight)
    save_file({name: t.contiguous() for name, t in theirs.state_dict().items()}, tmp_path / "a.safetensors")
    nn.load_state(ours, tmp_path / "a.safetensors")
    np.testing.assert_array_equal(ours.weight.data, theirs.weight.detach().numpy())


@pytest.mark.torch
def test_states_in_half_precision_are_converted() -> None:
    torch = pytest.importorskip("torch")
    for dtype in (torch.bfloat16, torch.float16):
        theirs = torch.nn.Linear(3, 2).to(dtype)
        ours = nn.Linear(3, 2)
        ours.load_state_dict(theirs.state_dict())
        assert ours.weight.dtype == np.float32
        np.testing.assert_array_equal(ours.weight.data, theirs.weight.detach().float().numpy())


@pytest.mark.torch
def test_assigning_takes_the_arrays_with_their_dtype() -> None:
    torch = pytest.importorskip("torch")
    layer = nn.Linear(2, 1)
    weight = layer.weight
    state = {"weight": np.ones((1, 2)), "bias": np.zeros(1)}
    layer.load_state_dict(state, assign=True)
    assert layer.weight is weight
    assert layer.weight.data is state["weight"]
    theirs = torch.nn.Linear(2, 1)
    theirs.load_state_dict({name: torch.tensor(array) for name, array in state.items()}, assign=True)
    assert str(theirs.weight.dtype).endswith(str(layer.weight.dtype))
    layer.load_state_dict({"weight": np.zeros((1, 2), np.float32), "bias": np.zeros(1, np.float32)})
    assert layer.weight.dtype == np.float64, "without it, the layer keeps its dtype"
    assert state["weight"].all()


@pytest.mark.torch
def test_states_from_before_batches_were_counted_are_complete() -> None:
    torch = pytest.importorskip("torch")
    for kit in (nn, torch.nn):
        net = kit.Sequential(kit.Conv2d(1, 2, 1), kit.BatchNorm2d(2))
        old = {name: v for name, v in net.state_dict().items() if not name.endswith("tracked")}
        assert tuple(net.load_state_dict(dict(old))) == ([], [])
        del old["1.running_var"]
        with pytest.raises(RuntimeError, match="running_var"):
            net.load_state_dict(old)


@pytest.mark.parametrize("value", [["a", "b"], [1j, 2j], [None, None]])
def test_what_holds_no_numbers_is_refused(value: Any) -> None:
    layer = nn.Linear(2, 1, bias=False)
    before = layer.weight.data.copy()
    with pytest.raises(DtypeError, match="weight must hold real numbers"):
        layer.load_state_dict({"weight": [value]})
    np.testing.assert_array_equal(layer.weight.data, before)


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
