"""Every layer against PyTorch's: values, gradients, names of the state, printed form, in training and in evaluation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn


@dataclass(frozen=True)
class Case:
    """A layer, its arguments, and what it is given: shapes, or arrays of whole numbers."""

    name: str
    args: tuple[Any, ...] = ()
    inputs: tuple[Any, ...] = ((3, 4),)
    options: dict[str, Any] = field(default_factory=dict)
    modes: tuple[bool, ...] = (True, False)
    call: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 1e-10

    def __str__(self) -> str:
        given = [*map(str, self.args), *(f"{k}={v}" for k, v in (self.options | self.call).items())]
        return f"{self.name}({', '.join(given)})"[:70]


def case(name: str, *args: Any, x: Any = (3, 4), **options: Any) -> Case:
    """`x` is one shape, or a list of shapes and arrays."""
    return Case(name, args, tuple(x) if isinstance(x, list) else (x,), options)


IDS = np.array([[1, 2, 0], [4, 4, 3]])
CLASSES = np.array([1, 0, 3])
SIGNS = np.array([1.0, -1.0, 1.0])
IMAGE, SIGNAL, VOLUME = (2, 4, 5, 6), (2, 4, 7), (2, 4, 4, 5, 4)
SIZES = {1: SIGNAL, 2: IMAGE, 3: VOLUME}
UNITS = np.random.default_rng(5).uniform(0.1, 0.9, (3, 4))

LINEAR = [
    case("Identity"),
    case("Linear", 4, 3),
    case("Linear", 4, 3, False, x=(2, 3, 4)),
    case("Bilinear", 4, 2, 3, x=[(3, 4), (3, 2)]),
    case("Bilinear", 4, 2, 3, bias=False, x=[(3, 4), (3, 2)]),
    case("Embedding", 5, 3, x=[IDS]),
    case("Embedding", 5, 3, -1, x=[IDS]),
    *(case("EmbeddingBag", 5, 3, mode=mode, x=[IDS]) for mode in ("sum", "mean", "max")),
    case("EmbeddingBag", 5, 3, padding_idx=4, x=[IDS.ravel(), np.array([0, 1, 1])]),
    case("EmbeddingBag", 5, 3, mode="sum", include_last_offset=True, x=[IDS.ravel(), np.array([0, 4, 6]), (6,)]),
]
CONVOLUTIONS = [
    variant
    for axes, size in SIZES.items()
    for variant in (
        case(f"Conv{axes}d", 4, 6, 3, x=size),
        case(f"Conv{axes}d", 4, 6, 3, padding="same", dilation=2, x=size),
        case(f"Conv{axes}d", 4, 6, 3, padding="valid", bias=False, x=size[1:]),
        case(f"Conv{axes}d", 4, 6, (3, 2, 1)[:axes], stride=2, padding=1, groups=2, x=size),
        case(f"Conv{axes}d", 4, 2, 3, padding=1, padding_mode="reflect", x=size),
        case(f"Conv{axes}d", 4, 2, 3, padding=(2, 1, 0)[:axes], padding_mode="replicate", x=size),
        case(f"Conv{axes}d", 4, 2, 3, padding="same", padding_mode="circular", x=size[1:]),
        case(f"Conv{axes}d", 4, 2, 2, padding="same", padding_mode="circular", x=size),
        case(f"Conv{axes}d", 4, 2, 2, padding="valid", padding_mode="reflect", x=size),
        case(f"ConvTranspose{axes}d", 4, 6, 3, x=size),
        case(f"ConvTranspose{axes}d", 4, 6, 3, 2, 1, 1, 2, x=size),
        case(f"ConvTranspose{axes}d", 4, 6, (3, 2, 1)[:axes], bias=False, dilation=2, x=size[1:]),
    )
]
POOLING = [
    variant
    for axes, size in SIZES.items()
    for variant in (
        case(f"MaxPool{axes}d", 2, x=size),
        case(f"MaxPool{axes}d", 3, 2, 1, ceil_mode=True, x=size),
        case(f"MaxPool{axes}d", 2, stride=1, dilation=2, return_indices=True, x=size),
        case(f"AvgPool{axes}d", 2, x=size),
        case(f"AvgPool{axes}d", 3, 2, 1, True, False, x=size),
        case(f"LPPool{axes}d", 3, 2, x=size),
        case(f"LPPool{axes}d", 2, 3, stride=1, ceil_mode=True, x=size),
        case(f"AdaptiveAvgPool{axes}d", 2, x=size),
        case(f"AdaptiveMaxPool{axes}d", 3, x=size),
        case(f"AdaptiveMaxPool{axes}d", 2, return_indices=True, x=size[1:]),
    )
] + [
    case("AvgPool2d", 2, divisor_override=3, x=IMAGE),
    case("AvgPool3d", 2, divisor_override=3, x=VOLUME),
    case("MaxPool2d", (2, 3), x=IMAGE),
    case("AdaptiveAvgPool2d", (None, 2), x=IMAGE),
    case("MaxUnpool1d", 2, x=[(1, 1, 2), np.array([[[1, 2]]])]),
    case("MaxUnpool2d", 2, x=[(1, 1, 2, 2), np.array([[[[5, 2], [8, 15]]]])]),
    case("MaxUnpool3d", 2, x=[(1, 1, 1, 1, 2), np.array([[[[[1, 14]]]]])]),
]
NORMALIZATION = [
    variant
    for axes, size in SIZES.items()
    for variant in (
        case(f"BatchNorm{axes}d", 4, x=size),
        case(f"BatchNorm{axes}d", 4, 0.1, 0.5, False, x=size),
        case(f"BatchNorm{axes}d", 4, momentum=None, bias=False, x=size),
        case(f"BatchNorm{axes}d", 4, track_running_stats=False, x=size),
        case(f"InstanceNorm{axes}d", 4, x=size),
        case(f"InstanceNorm{axes}d", 4, affine=True, track_running_stats=True, x=size),
        case(f"InstanceNorm{axes}d", 4, affine=True, momentum=0.3, x=size[1:]),
    )
] + [
    case("BatchNorm1d", 4),
    case("LayerNorm", 4),
    case("LayerNorm", [3, 4], 0.1, x=(2, 3, 4)),
    case("LayerNorm", 4, elementwise_affine=False),
    case("LayerNorm", 4, bias=False),
    case("GroupNorm", 2, 4, x=IMAGE),
    case("GroupNorm", 4, 4, affine=False, x=IMAGE),
    case("GroupNorm", 1, 4, bias=False, x=SIGNAL),
    case("RMSNorm", 4),
    case("RMSNorm", (3, 4), 0.1, False, x=(2, 3, 4)),
    case("LocalResponseNorm", 3, x=IMAGE),
    case("LocalResponseNorm", 2, 0.5, 0.6, 2.0, x=SIGNAL),
]
PLAIN = (
    *(
        "ReLU",
        "ReLU6",
        "LeakyReLU",
        "ELU",
        "CELU",
        "SELU",
        "GELU",
        "SiLU",
        "Mish",
        "Softplus",
        "Softsign",
        "PReLU",
        "GLU",
    ),
    *("Sigmoid", "LogSigmoid", "Tanh", "Tanhshrink", "Hardswish", "Hardtanh", "Hardshrink", "Softshrink"),
)
ACTIVATIONS = [
    *map(case, PLAIN),
    *(case(name, inplace=True) for name in ("ReLU", "SELU", "Hardtanh", "Hardswish")),
    case("LeakyReLU", 0.2, True),
    case("ELU", 1.5),
    case("CELU", 0.5),
    case("GELU", "tanh"),
    case("Hardtanh", -0.3, 0.6),
    case("Hardshrink", 0.2),
    case("Softshrink", 0.1),
    case("Softplus", 2, 0.5),
    case("Threshold", 0.1, 20.0),
    case("PReLU", 4, 0.1, x=IMAGE),
    case("GLU", 1, x=IMAGE),
    case("Softmax", 1),
    case("LogSoftmax", dim=0),
    case("Softmin", -1),
    case("Softmax2d", x=IMAGE),
    Case("Hardsigmoid", tolerance=1e-7),  # PyTorch's derivative is the 1/6 of float32
    Case("RReLU", (0.1, 0.4), modes=(False,)),
]
DROPOUT = [
    Case(name, (0.3,), (shape,), modes=(False,))
    for name, shape in (
        ("Dropout", (3, 4)),
        ("Dropout1d", SIGNAL),
        ("Dropout2d", IMAGE),
        ("Dropout3d", VOLUME),
        ("AlphaDropout", (3, 4)),
        ("FeatureAlphaDropout", IMAGE),
    )
]
SHAPES = [
    case("Flatten", x=IMAGE),
    case("Flatten", 0, 2, x=IMAGE),
    case("Unflatten", 1, (2, -1), x=IMAGE),
    case("Unfold", 2, x=IMAGE),
    case("Unfold", (2, 3), 1, 1, 2, x=IMAGE),
    case("Fold", (4, 5), (2, 2), x=(2, 8, 12)),
    case("PixelShuffle", 2, x=IMAGE),
    case("PixelUnshuffle", 2, x=(1, 2, 4, 6)),
    case("ChannelShuffle", 2, x=IMAGE),
    case("Upsample", scale_factor=2, x=IMAGE),
    case("Upsample", (7, 9), mode="bilinear", align_corners=True, x=IMAGE),
    case("Upsample", scale_factor=(1.5, 2), mode="bicubic", x=IMAGE),
    case("Upsample", 11, mode="linear", x=SIGNAL),
    case("UpsamplingNearest2d", scale_factor=2, x=IMAGE),
    case("UpsamplingBilinear2d", (7, 9), x=IMAGE),
    *(
        case(f"{kind}Pad{axes}d", *given, x=size)
        for kind in ("Zero", "Constant", "Reflection", "Replication", "Circular")
        for axes, size in SIZES.items()
        for given in (
            (padding, 3.5) if kind == "Constant" else (padding,) for padding in (1, (2, 1, 0, 2, 1, 3)[: 2 * axes])
        )
    ),
]
LOSSES = [
    *(case(name, reduction=r, x=[(3, 4), (3, 4)]) for name in ("L1Loss", "MSELoss") for r in ("mean", "sum", "none")),
    case("SmoothL1Loss", beta=0.4, x=[(3, 4), (3, 4)]),
    case("HuberLoss", "sum", 0.4, x=[(3, 4), (3, 4)]),
    *(case("CrossEntropyLoss", reduction=r, x=[(3, 4), CLASSES]) for r in ("mean", "sum", "none")),
    case("CrossEntropyLoss", label_smoothing=0.1, ignore_index=0, x=[(3, 4), CLASSES]),
    case("CrossEntropyLoss", x=[(3, 4, 2), np.array([[1, 2], [0, 3], [3, 1]])]),
    case("NLLLoss", ignore_index=3, reduction="sum", x=[(3, 4), CLASSES]),
    case("BCELoss", x=[UNITS, UNITS[::-1].copy()]),
    case("BCEWithLogitsLoss", x=[(3, 4), UNITS]),
    case("KLDivLoss", reduction="batchmean", x=[(3, 4), UNITS]),
    case("KLDivLoss", reduction="sum", log_target=True, x=[(3, 4), (3, 4)]),
    case("PoissonNLLLoss", x=[(3, 4), UNITS]),
    case("PoissonNLLLoss", False, True, reduction="sum", x=[UNITS, UNITS + 2]),
    case("GaussianNLLLoss", full=True, x=[(3, 4), (3, 4), UNITS]),
    case("MultiMarginLoss", 2, 0.5, x=[(3, 4), CLASSES]),
    case("MultiLabelMarginLoss", x=[(1, 4), np.array([[3, 0, -1, 1]])]),
    case("MultiLabelSoftMarginLoss", x=[(3, 4), np.round(UNITS)]),
    case("SoftMarginLoss", x=[(3,), SIGNS]),
    case("HingeEmbeddingLoss", 0.5, x=[(3,), SIGNS]),
    case("CosineEmbeddingLoss", 0.1, x=[(3, 4), (3, 4), SIGNS]),
    case("MarginRankingLoss", 0.2, x=[(3,), (3,), SIGNS]),
    case("TripletMarginLoss", 0.5, swap=True, x=[(3, 4), (3, 4), (3, 4)]),
    case("CosineSimilarity", x=[(3, 4), (3, 4)]),
    case("PairwiseDistance", 3, keepdim=True, x=[(3, 4), (3, 4)]),
]
TOKENS = (5, 2, 8)
HIDDEN = np.array([[False, True, False, False, True], [False, False, False, False, True]])
CAUSAL = np.triu(np.ones((5, 5), bool), 1)
BIAS = np.random.default_rng(6).normal(size=(5, 5))
ATTENTION = [
    case("MultiheadAttention", 8, 2, x=[TOKENS] * 3),
    case("MultiheadAttention", 8, 4, bias=False, batch_first=True, x=[TOKENS] * 3),
    case("MultiheadAttention", 8, 2, kdim=3, vdim=4, x=[(5, 2, 8), (6, 2, 3), (6, 2, 4)]),
    case("MultiheadAttention", 8, 2, add_bias_kv=True, add_zero_attn=True, x=[TOKENS] * 3),
    case("MultiheadAttention", 8, 2, x=[(5, 8), (3, 8), (3, 8)]),
    *(
        Case("MultiheadAttention", (8, 2), ((5, 2, 8),) * 3, options, call=call)
        for options in ({}, {"add_bias_kv": True})
        for call in (
            {"key_padding_mask": HIDDEN, "average_attn_weights": False},
            {"attn_mask": BIAS},
            {"attn_mask": np.stack([BIAS] * 4)},
            {"attn_mask": CAUSAL, "key_padding_mask": HIDDEN, "need_weights": False},
        )
    ),
    Case(
        "MultiheadAttention",
        (8, 2),
        ((5, 2, 8),) * 3,
        call={"attn_mask": CAUSAL, "need_weights": False, "is_causal": True},
    ),
    case("TransformerEncoderLayer", 8, 2, 6, 0.0, x=TOKENS),
    case("TransformerEncoderLayer", 8, 2, 6, 0.0, "gelu", 0.1, True, True, False, x=TOKENS),
    Case("TransformerEncoderLayer", (8, 2, 6, 0.0), (TOKENS,), call={"src_key_padding_mask": HIDDEN}),
    Case("TransformerEncoderLayer", (8, 2, 6, 0.0), (TOKENS,), call={"src_mask": CAUSAL, "is_causal": True}),
    Case("TransformerEncoderLayer", (8, 2, 6, 0.3), (TOKENS,), {"norm_first": True}, modes=(False,)),
]
CASES = [
    *(*LINEAR, *CONVOLUTIONS, *POOLING, *NORMALIZATION, *ACTIVATIONS, *DROPOUT, *SHAPES, *LOSSES, *ATTENTION),
]
OWN = {
    *("AugMixLoss", "BasicBlock", "Bottleneck", "DropPath", "HingeLoss", "Inception", "Maxout", "Residual"),
    "recalibrate",
}
ELSEWHERE = {"TransformerEncoder", "SyncBatchNorm", "FractionalMaxPool2d", "FractionalMaxPool3d"}


def test_every_layer_is_in_the_table() -> None:
    assert {c.name for c in CASES} == set(nn.layers.__all__) - OWN - ELSEWHERE


def randomize(torch: Any, theirs: Any, rng: np.random.Generator) -> None:
    for name, tensor in theirs.state_dict().items():
        if tensor.is_floating_point():
            drawn = rng.normal(size=tuple(tensor.shape))
            tensor.copy_(torch.from_numpy(np.abs(drawn) + 0.1 if name.endswith("var") else drawn))


def plain(text: str) -> str:
    """A printed module without minidl's comments."""
    text = re.sub(r"  #.*", "", text)
    return text.replace("NonDynamicallyQuantizableLinear", "Linear")


def outputs(result: Any) -> list[Any]:
    return [r for r in result if r is not None] if isinstance(result, tuple) else [result]


@pytest.mark.torch
@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.filterwarnings("ignore:.*nested tensor.*")
def test_a_layer_is_pytorchs(case: Case) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    theirs = getattr(torch.nn, case.name)(*case.args, **case.options).double()
    ours = getattr(nn, case.name)(*case.args, **case.options).double()
    assert plain(repr(ours)) == repr(theirs).replace("NonDynamicallyQuantizableLinear", "Linear")
    randomize(torch, theirs, rng)
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    ours.load_state_dict({name: tensor.numpy().copy() for name, tensor in state.items()})
    assert [p.shape for p in ours.parameters()] == [tuple(p.shape) for p in theirs.parameters()]
    for training in case.modes:
        ours.train(training)
        theirs.train(training)
        compare(torch, case, ours, theirs, rng)


def compare(torch: Any, case: Case, ours: Any, theirs: Any, rng: np.random.Generator) -> None:
    arrays = [rng.normal(size=spec) if isinstance(spec, tuple) else spec for spec in case.inputs]
    x = [minidl.tensor(a, requires_grad=isinstance(s, tuple)) for a, s in zip(arrays, case.inputs, strict=True)]
    y = [torch.tensor(a, requires_grad=isinstance(s, tuple)) for a, s in zip(arrays, case.inputs, strict=True)]
    options = {
        k: (minidl.tensor(v), torch.tensor(v)) if isinstance(v, np.ndarray) else (v, v) for k, v in case.call.items()
    }
    a = outputs(ours(*x, **{k: v[0] for k, v in options.items()}))
    # PyTorch computes a layer that wants no gradients in place where it is told to
    b = outputs(theirs(*[t.clone() for t in y], **{k: v[1] for k, v in options.items()}))
    assert len(a) == len(b)
    for p, q in zip(a, b, strict=True):
        np.testing.assert_allclose(p.data, q.detach().numpy(), rtol=1e-10, atol=1e-10)
        assert p.data.dtype == q.detach().numpy().dtype
    for (name, value), other in zip(ours.state_dict().items(), theirs.state_dict().values(), strict=True):
        np.testing.assert_allclose(value, other.numpy(), rtol=1e-12, atol=1e-12, err_msg=name)
        assert value.dtype == other.numpy().dtype
    pairs = zip([*x, *ours.parameters()], [*y, *theirs.parameters()], strict=True)
    wanted = [(p, q) for p, q in pairs if q.requires_grad]
    results = [(p, q) for p, q in zip(a, b, strict=True) if q.requires_grad]
    if not results:
        return
    upstream = [rng.normal(size=p.shape) for p, _ in results]
    found = minidl.grad(
        [p for p, _ in results], [p for p, _ in wanted], [minidl.tensor(u) for u in upstream], allow_unused=True
    )
    right = torch.autograd.grad(
        [q for _, q in results], [q for _, q in wanted], [torch.tensor(u) for u in upstream], allow_unused=True
    )
    for (p, _), g, h in zip(wanted, found, right, strict=True):
        if h is None:
            assert g is None or not np.any(g.data)
        else:
            assert g.dtype == p.dtype
            np.testing.assert_allclose(g.data, h.numpy(), rtol=case.tolerance, atol=case.tolerance)
