"""Names, order and defaults of all arguments are PyTorch's."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from minidl import nn

NOT_OFFERED = {
    *("size_average", "reduce", "max_norm", "scale_grad_by_freq", "sparse", "min_value", "max_value"),
    *("_weight", "_freeze"),
}
OWN = {"DropPath", "Maxout", "HingeLoss", "Residual", "BasicBlock", "Bottleneck", "Inception", "recalibrate"}
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
    if name == "Embedding":
        theirs.remove(("norm_type", 2.0))  # goes with max_norm
    if name.startswith("Transformer"):
        theirs = [(key, "relu" if key == "activation" else value) for key, value in theirs]
    if name == "MaxUnpool1d":
        assert dict(theirs)["stride"] is None
    assert ours == theirs
    forward = [key for key, _ in arguments(getattr(nn, name).forward)]
    assert forward == [key for key, _ in arguments(getattr(torch.nn, name).forward)]


METHODS = (
    *("parameters", "named_parameters", "buffers", "named_buffers", "modules", "named_modules", "children"),
    *("named_children", "get_submodule", "get_parameter", "get_buffer", "train", "eval", "apply", "requires_grad_"),
    *("zero_grad", "register_buffer", "register_parameter", "register_module", "add_module", "float", "double"),
    *("half", "cpu"),
)
LEFT_OUT = {
    *("to_empty", "type", "bfloat16", "cuda", "ipu", "xpu", "mtia", "share_memory", "compile", "dump_patches"),
    *("call_super_init", "T_destination", "get_extra_state", "set_extra_state", "set_submodule", "fromkeys"),
    *("register_full_backward_hook", "register_backward_hook", "register_full_backward_pre_hook"),
    *(f"register_{kind}_{when}_hook" for kind in ("state_dict", "load_state_dict") for when in ("pre", "post")),
}
INITS = (
    *("constant_", "zeros_", "ones_", "uniform_", "normal_", "trunc_normal_", "eye_", "dirac_", "orthogonal_"),
    *("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_", "calculate_gain"),
)


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
