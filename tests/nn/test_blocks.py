"""Residual and Inception blocks, stochastic depth, Maxout, and the transformer's stack."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import RangeError, ShapeError, UsageError


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters() if p.ndim > 1)


def test_a_block_that_changes_nothing_hands_the_gradient_on() -> None:
    """A52: where F is zero, dL/dx is dL/dH exactly."""
    block = nn.Residual(nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4)))
    for p in block.parameters():
        nn.init.zeros_(p)
    x = minidl.randn(3, 4).requires_grad_()
    upstream = minidl.randn(3, 4)
    out = block(x)
    out.backward(upstream)
    np.testing.assert_array_equal(out.data, x.data)
    np.testing.assert_array_equal(x.grad.data, upstream.data)
    with pytest.raises(ShapeError, match=r"makes \(3, 2\) of \(3, 4\) and the shortcut \(3, 4\)"):
        nn.Residual(nn.Linear(4, 2))(x)
    assert nn.Residual(nn.Linear(4, 2), nn.Linear(4, 2, bias=False))(x).shape == (3, 2)


def test_weights_of_the_facts() -> None:
    assert count(nn.BasicBlock(256, 256)) == 1_179_648
    assert count(nn.Bottleneck(256, 64)) == 69_632
    inception = nn.Inception(192, 64, 96, 128, 16, 32, 32)
    assert count(inception) * 28 * 28 == 128_049_152
    assert inception(minidl.zeros(1, 192, 3, 3)).shape == (1, 256, 3, 3)


def theirs_block(torch: Any, kind: str, channels: int, width: int, stride: int) -> Any:
    """The block written out in PyTorch, with torchvision's names."""
    tn = torch.nn
    wide = width * 4 if kind == "Bottleneck" else width

    class Block(tn.Module):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            if kind == "Bottleneck":
                self.conv1, self.bn1 = tn.Conv2d(channels, width, 1, bias=False), tn.BatchNorm2d(width)
                self.conv2, self.bn2 = tn.Conv2d(width, width, 3, stride, 1, bias=False), tn.BatchNorm2d(width)
                self.conv3, self.bn3 = tn.Conv2d(width, wide, 1, bias=False), tn.BatchNorm2d(wide)
            else:
                self.conv1, self.bn1 = tn.Conv2d(channels, width, 3, stride, 1, bias=False), tn.BatchNorm2d(width)
                self.conv2, self.bn2 = tn.Conv2d(width, width, 3, 1, 1, bias=False), tn.BatchNorm2d(width)
            self.downsample = None
            if stride != 1 or channels != wide:
                self.downsample = tn.Sequential(tn.Conv2d(channels, wide, 1, stride, bias=False), tn.BatchNorm2d(wide))

        def forward(self, x: Any) -> Any:
            out = torch.relu(self.bn1(self.conv1(x)))
            out = self.bn2(self.conv2(out))
            if kind == "Bottleneck":
                out = self.bn3(self.conv3(torch.relu(out)))
            return torch.relu(out + (x if self.downsample is None else self.downsample(x)))

    return Block().double()


@pytest.mark.torch
@pytest.mark.parametrize("kind", ["BasicBlock", "Bottleneck"])
@pytest.mark.parametrize(("channels", "width", "stride"), [(8, 8, 1), (8, 2, 1), (4, 3, 2)])
def test_residual_blocks_are_pytorchs(kind: str, channels: int, width: int, stride: int) -> None:
    torch = pytest.importorskip("torch")
    theirs = theirs_block(torch, kind, channels, width, stride)
    ours = getattr(nn, kind)(channels, width, stride).double()
    ours.load_state_dict({name: t.numpy().copy() for name, t in theirs.state_dict().items()})
    rng = np.random.default_rng(0)
    image = rng.normal(size=(2, channels, 6, 6))
    x, y = minidl.tensor(image, requires_grad=True), torch.tensor(image, requires_grad=True)
    a, b = ours(x), theirs(y)
    np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-10, atol=1e-10)
    upstream = rng.normal(size=a.shape)
    a.backward(minidl.tensor(upstream))
    b.backward(torch.tensor(upstream))
    np.testing.assert_allclose(x.grad.data, y.grad.numpy(), rtol=1e-9, atol=1e-10)
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.data, q.grad.numpy(), rtol=1e-9, atol=1e-9, err_msg=name)
    assert list(ours.state_dict()) == list(theirs.state_dict())


@pytest.mark.torch
@pytest.mark.parametrize("norm_first", [True, False])
def test_a_stack_of_blocks_is_pytorchs(norm_first: bool) -> None:
    torch = pytest.importorskip("torch")

    def build(kit: Any) -> Any:
        block = kit.TransformerEncoderLayer(8, 2, 6, 0.0, norm_first=norm_first, batch_first=True)
        return kit.TransformerEncoder(block, 3, kit.LayerNorm(8), enable_nested_tensor=False).double()

    ours, theirs = build(nn), build(torch.nn)
    for p in theirs.parameters():
        torch.nn.init.normal_(p, 0.0, 0.5)
    ours.load_state_dict(theirs.state_dict())
    tokens = np.random.default_rng(0).normal(size=(2, 4, 8))
    causal = np.triu(np.ones((4, 4), bool), 1)
    hidden = np.array([[False, False, False, True], [False] * 4])
    for mask, padding in ((None, None), (causal, None), (None, hidden)):
        a = ours(
            minidl.tensor(tokens),
            None if mask is None else minidl.tensor(mask),
            None if padding is None else minidl.tensor(padding),
        )
        b = theirs(
            torch.tensor(tokens),
            None if mask is None else torch.tensor(mask),
            None if padding is None else torch.tensor(padding),
        )
        np.testing.assert_allclose(a.data, b.detach().numpy(), rtol=1e-9, atol=1e-10)
    assert list(ours.state_dict()) == list(theirs.state_dict())


def test_a_stack_begins_with_equal_but_separate_blocks() -> None:
    stack = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 3), 2)
    first, second = (layer.linear1.weight for layer in stack.layers)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(first.data, second.data)
    assert first is not second
    assert len(list(stack.parameters())) == 2 * 12


@pytest.mark.parametrize(
    ("name", "shape", "same"),
    [
        ("Dropout", (40, 50), ()),
        ("Dropout1d", (40, 50, 3), (2,)),
        ("Dropout2d", (40, 50, 3, 3), (2, 3)),
        ("Dropout3d", (40, 50, 2, 2, 2), (2, 3, 4)),
        ("DropPath", (2000, 2), (1,)),
    ],
)
def test_dropping_takes_its_share_and_keeps_the_mean(name: str, shape: tuple[int, ...], same: tuple[int, ...]) -> None:
    minidl.manual_seed(0)
    layer, x = getattr(nn, name)(0.3), minidl.ones(shape)
    out = layer(x).data
    assert {round(float(v), 5) for v in np.unique(out)} == {0.0, round(1 / 0.7, 5)}
    assert (out == 0).mean() == pytest.approx(0.3, abs=0.04)
    assert (out.min(same) == out.max(same)).all()
    assert layer.eval()(x) is x or (layer(x).data == 1).all()
    minidl.manual_seed(0)
    assert (layer.train()(x).data == out).all()
    with pytest.raises(UsageError, match=f"{name}: p must lie in 0 … 1, got 1.5"):
        getattr(nn, name)(1.5)


@pytest.mark.parametrize(("name", "shape"), [("AlphaDropout", (200, 200)), ("FeatureAlphaDropout", (200, 200, 2))])
def test_alpha_dropout_keeps_mean_and_variance(name: str, shape: tuple[int, ...]) -> None:
    minidl.manual_seed(0)
    out = getattr(nn, name)(0.3)(minidl.randn(shape)).data
    assert out.mean() == pytest.approx(0, abs=0.03)
    assert out.var() == pytest.approx(1, abs=0.05)


def test_a_branch_that_stays_may_keep_its_size() -> None:
    out = nn.DropPath(0.5, scale_by_keep=False)(minidl.ones(100, 1)).data
    assert set(np.unique(out)) == {0.0, 1.0}


def test_attention_drops_weights_only_while_training() -> None:
    attention, x = nn.MultiheadAttention(4, 2, dropout=0.5), minidl.randn(20, 1, 4)
    dropped = attention(x, x, x, average_attn_weights=False)[1].data == 0
    assert dropped.mean() == pytest.approx(0.5, abs=0.1)
    np.testing.assert_array_equal(attention.eval()(x, x, x)[0].data, attention(x, x, x, need_weights=True)[0].data)
    np.testing.assert_allclose(
        attention(x, x, x)[0].data, attention(x, x, x, need_weights=False)[0].data, rtol=1e-5, atol=1e-6
    )


def test_a_random_slope_only_while_training() -> None:
    minidl.manual_seed(0)
    out = nn.RReLU(0.1, 0.3)(minidl.full((1000,), -1.0)).data
    assert -0.3 <= out.min() < -0.29
    assert -0.11 < out.max() <= -0.1


def test_maxout_makes_the_absolute_value() -> None:
    net = nn.Sequential(nn.Linear(1, 2, bias=False), nn.Maxout(2))
    net.load_state_dict({"0.weight": np.array([[1.0], [-1.0]])})
    assert net(minidl.tensor([[-3.0], [2.0]])).detach().tolist() == [[3.0], [2.0]]
    assert repr(nn.Maxout(2)) == "Maxout(pieces=2, dim=1)"


@pytest.mark.torch
def test_sizes_that_are_asked_for() -> None:
    torch = pytest.importorskip("torch")
    for size in ((11, 11), (12, 11), (2, 8, 12, 12)):
        x = np.random.default_rng(0).normal(size=(2, 4, 6, 6))
        theirs = torch.nn.ConvTranspose2d(4, 8, 3, 2, 1).double()
        ours = nn.ConvTranspose2d(4, 8, 3, 2, 1).double()
        ours.load_state_dict(theirs.state_dict())
        expected = theirs(torch.tensor(x), size).detach().numpy()
        np.testing.assert_allclose(ours(minidl.tensor(x), size).data, expected, rtol=1e-10, atol=1e-12)
    with pytest.raises(ShapeError, match=r"\(13, 12\) must lie from \(11, 11\) to \(12, 12\)"):
        ours(minidl.tensor(x), (13, 12))
    pooled, where = nn.MaxPool2d(2, return_indices=True)(minidl.tensor(x[:, :, :5, :5]))
    t, at = torch.nn.MaxPool2d(2, return_indices=True)(torch.tensor(x[:, :, :5, :5]))
    expected = torch.nn.MaxUnpool2d(2)(t, at, output_size=(5, 5)).numpy()
    np.testing.assert_array_equal(nn.MaxUnpool2d(2)(pooled, where, output_size=(5, 5)).data, expected)


def test_weighted_losses_own_their_weights() -> None:
    w = minidl.tensor([1.0, 2.0, 0.5])
    x, t = minidl.randn(4, 3), minidl.tensor([0, 2, 1, 1])
    for loss in (nn.CrossEntropyLoss(w), nn.NLLLoss(w), nn.MultiMarginLoss(weight=w)):
        assert list(loss.state_dict()) == ["weight"]
        plain = type(loss)()
        assert list(plain.state_dict()) == []
        assert loss(x, t).item() != pytest.approx(plain(x, t).item(), rel=1e-3)
    assert nn.CrossEntropyLoss([1.0, 2.0, 0.5])(x, t).item() == pytest.approx(nn.CrossEntropyLoss(w)(x, t).item())
    assert list(nn.BCEWithLogitsLoss(pos_weight=w).state_dict()) == ["pos_weight"]
    assert w.name is None
    assert nn.HingeLoss()(minidl.tensor([[3.2, 5.1, -1.7]]), minidl.tensor([2])).item() == pytest.approx(13.7)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: nn.Linear(0, 3), UsageError, "at least one feature"),
        (lambda: nn.Bilinear(1, 0, 3), UsageError, "at least one feature each, got 1, 0 and 3"),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), UsageError, "Conv2d: groups=2 must divide 3 input"),
        (lambda: nn.Conv1d(3, 4, 3, padding="full"), UsageError, "'same' or 'valid'; got 'full'"),
        (lambda: nn.Conv3d(3, 4, 3, 2, "same"), UsageError, r"padding='same' needs stride 1, got stride \(2, 2, 2\)"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), UsageError, "one of zeros, reflect.*got 'mirror'"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), UsageError, "must be 'zeros'"),
        (lambda: nn.GroupNorm(3, 4), ShapeError, "4 channels cannot be divided into 3 groups"),
        (lambda: nn.Embedding(3, 2, 3), RangeError, "padding_idx 3 is no row of a table of 3"),
        (lambda: nn.ZeroPad2d((1, 2)), UsageError, "one number or 4, got"),
        (lambda: nn.MultiheadAttention(8, 3), UsageError, "num_heads=3 must divide embed_dim=8"),
        (lambda: nn.TransformerEncoderLayer(8, 2, activation="tanh"), UsageError, "not 'tanh'"),
        (lambda: nn.LPPool1d(0, 2), UsageError, "norm_type must not be 0"),
        (lambda: nn.BatchNorm1d(0), UsageError, "at least one channel"),
        (lambda: nn.MultiMarginLoss(3), UsageError, "p must be 1 or 2, got 3"),
        (lambda: nn.TripletMarginLoss(0.0), UsageError, "margin must be positive, got 0"),
        (lambda: nn.Hardtanh(1.0, -1.0), UsageError, "min_val=1.0 must not exceed max_val=-1.0"),
        (lambda: nn.EmbeddingBag(3, 2, padding_idx=3), RangeError, "EmbeddingBag: padding_idx 3 is no row"),
        (lambda: nn.FractionalMaxPool2d(2), UsageError, "either output_size or output_ratio"),
        (lambda: nn.FractionalMaxPool3d(2, 3, 0.5), UsageError, "either output_size or output_ratio"),
        (lambda: nn.FractionalMaxPool2d(2, output_ratio=(0.5, 1.5)), UsageError, "between 0 and 1, got"),
    ],
)
def test_layers_that_cannot_be_are_refused(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_attention_says_which_shape_is_wrong() -> None:
    attention = nn.MultiheadAttention(8, 2)
    x = minidl.ones(5, 2, 8)
    with pytest.raises(ShapeError, match=r"attn_mask must be \(5, 5\) or \(4, 5, 5\), got \(5, 4\)"):
        attention(x, x, x, attn_mask=minidl.ones(5, 4))
    with pytest.raises(ShapeError, match=r"key_padding_mask must be \(2, 5\), got \(5, 2\)"):
        attention(x, x, x, key_padding_mask=minidl.ones(5, 2))
    with pytest.raises(UsageError, match="give the causal mask"):
        attention(x, x, x, is_causal=True)
    with pytest.raises(ShapeError, match="wants 8, 8 and 8 numbers a query, key and value; got 8, 3 and 8"):
        attention(x, minidl.ones(5, 2, 3), x)
    with pytest.raises(ShapeError, match=r"all \(L, N, E\) or all \(L, E\); got \(5, 2, 8\), \(5, 8\) and"):
        attention(x, minidl.ones(5, 8), x)
