"""Names, order and defaults of all arguments are PyTorch's."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from minidl import nn

NOT_OFFERED = {
    *("size_average", "reduce", "max_norm", "scale_grad_by_freq", "sparse", "min_value", "max_value"),
    *("_weight", "_freeze"),
}
OWN = {
    *("AugMixLoss", "BasicBlock", "Bottleneck", "DropPath", "HingeLoss", "Inception", "Maxout", "Residual"),
    "recalibrate",
}
CONTAINERS = ["Module", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict"]


def arguments(function: Any) -> list[tuple[str, Any]]:
    """Name and default of every argument that minidl means to have."""
    given = inspect.signature(function).parameters.values()
    return [
        (p.name, p.default)
        for p in given
        if p.name not in NOT_OFFERED | {"self"} and p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)
    ]


@pytest.mark.torch
@pytest.mark.parametrize("name", sorted(set(nn.layers.__all__) - OWN))
def test_a_layers_arguments_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    ours, theirs = arguments(getattr(nn, name).__init__), arguments(getattr(torch.nn, name).__init__)
    if name in ("Embedding", "EmbeddingBag"):
        theirs.remove(("norm_type", 2.0))  # goes with max_norm
    if name.startswith("Transformer"):
        theirs = [(key, "relu" if key == "activation" else value) for key, value in theirs]
    if name == "MaxUnpool1d":
        assert dict(theirs)["stride"] is None
    assert ours == theirs
    forward = [key for key, _ in arguments(getattr(nn, name).forward)]
    assert forward == [key for key, _ in arguments(getattr(torch.nn, name).forward)]


@pytest.mark.parametrize("name", sorted(nn.layers.__all__))
def test_every_layer_says_what_it_takes_and_shows_an_example(name: str) -> None:
    layer = getattr(nn, name)
    assert ">>>" in (vars(layer).get("__doc__") or "" if inspect.isclass(layer) else layer.__doc__ or "")
    if inspect.isclass(layer):
        assert re.search(r"`\(|shape|→", layer.forward.__doc__ or ""), "the shapes stand at forward()"


METHODS = (
    *("parameters", "named_parameters", "buffers", "named_buffers", "modules", "named_modules", "children"),
    *("named_children", "get_submodule", "get_parameter", "get_buffer", "train", "eval", "apply", "requires_grad_"),
    *("zero_grad", "register_buffer", "register_parameter", "register_module", "add_module", "float", "double"),
    *(
        "half",
        "cpu",
        "set_submodule",
        "register_full_backward_hook",
        "register_full_backward_pre_hook",
        "load_state_dict",
    ),
)
LEFT_OUT = {
    *("to_empty", "type", "bfloat16", "cuda", "ipu", "xpu", "mtia", "share_memory", "compile", "dump_patches"),
    *("call_super_init", "T_destination", "get_extra_state", "set_extra_state", "register_backward_hook"),
    *(f"register_{kind}_{when}_hook" for kind in ("state_dict", "load_state_dict") for when in ("pre", "post")),
}
INITS = (
    *("constant_", "zeros_", "ones_", "uniform_", "normal_", "trunc_normal_", "eye_", "dirac_", "orthogonal_"),
    *("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "calculate_gain", "sparse_"),
)
NOT_HERE = {
    # recurrent networks, sequence losses and decoders: no part of the course
    *("RNN", "RNNBase", "RNNCell", "RNNCellBase", "LSTM", "LSTMCell", "GRU", "GRUCell", "CTCLoss"),
    *("Transformer", "TransformerDecoder", "TransformerDecoderLayer"),
    # for vocabularies too large for a course
    *("AdaptiveLogSoftmaxWithLoss", "LinearCrossEntropyLoss", "LinearCrossEntropyOptions"),
    # sizes that are guessed from the first input
    *(f"Lazy{kind}{axes}d" for kind in ("Conv", "ConvTranspose", "BatchNorm", "InstanceNorm") for axes in (1, 2, 3)),
    *("LazyLinear", "UninitializedBuffer", "UninitializedParameter"),
    # older or other names of what is here, and what minidl's devices do not need
    *("CrossMapLRN2d", "NLLLoss2d", "TripletMarginWithDistanceLoss", "Buffer", "Container", "DataParallel"),
}
"""What `torch.nn` has and `minidl.nn` deliberately does not."""


@pytest.mark.torch
def test_every_layer_of_pytorchs_is_here_or_left_out_on_purpose() -> None:
    torch = pytest.importorskip("torch")
    theirs = {name for name, thing in vars(torch.nn).items() if inspect.isclass(thing) and not name.startswith("_")}
    assert theirs - set(vars(nn)) == NOT_HERE & theirs
    assert not NOT_HERE & set(vars(nn))


@pytest.mark.torch
@pytest.mark.parametrize("name", METHODS)
def test_a_modules_methods_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    assert arguments(getattr(nn.Module, name)) == arguments(getattr(torch.nn.Module, name))


@pytest.mark.torch
@pytest.mark.parametrize("name", INITS)
def test_an_initialisations_arguments_are_pytorchs(name: str) -> None:
    torch = pytest.importorskip("torch")
    assert arguments(getattr(nn.init, name)) == arguments(getattr(torch.nn.init, name))


@pytest.mark.torch
@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_have_pytorchs_methods(name: str) -> None:
    torch = pytest.importorskip("torch")
    theirs = {m for m in dir(getattr(torch.nn, name)) if not m.startswith("_")}
    missing = theirs - set(dir(getattr(nn, name))) - LEFT_OUT
    assert not missing
