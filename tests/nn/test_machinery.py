"""What a module does with what it owns: names, buffers, hooks, modes, dtypes."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.autodiff import order
from minidl.errors import DtypeError, ShapeError, UsageError


class Counter(nn.Module):
    """Counts its calls in a buffer, and holds one that is not part of the state."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(minidl.ones(2))
        self.register_parameter("bias", None)
        self.register_buffer("count", minidl.tensor(0))
        self.register_buffer("mask", minidl.tensor([1.0, 0.0]), persistent=False)
        self.inner = nn.Linear(2, 2)
        self.register_module("nothing", None)

    def forward(self, x: minidl.Tensor, scale: float = 1.0) -> minidl.Tensor:
        self.count = self.count + 1
        return self.inner(x * self.weight * self.mask) * scale  # type: ignore[no-any-return]


def test_buffers_are_state_but_not_learned() -> None:
    net = Counter()
    net(minidl.ones(1, 2))
    assert net.count.item() == 1
    assert [name for name, _ in net.named_buffers()] == ["count", "mask"]
    assert [name for name, _ in net.named_parameters()] == ["weight", "inner.weight", "inner.bias"]
    assert list(net.state_dict()) == ["weight", "count", "inner.weight", "inner.bias"]
    assert net.state_dict()["count"].dtype == np.int64
    other = Counter()
    other.load_state_dict(net.state_dict())
    assert other.count.item() == 1
    assert list(net.state_dict(prefix="net."))[1] == "net.count"
    net.register_buffer("mask", None)
    assert [name for name, _ in net.named_buffers()] == ["count"]


def test_a_names_place_is_kept_for_its_kind() -> None:
    net = Counter()
    with pytest.raises(DtypeError, match=r"Counter.weight is a Parameter and cannot be replaced by a Tensor"):
        net.weight = minidl.ones(2)  # type: ignore[assignment]
    with pytest.raises(DtypeError, match=r"Counter.inner is a Module and cannot be replaced by a str"):
        net.inner = "linear"  # type: ignore[assignment]
    with pytest.raises(DtypeError, match=r"Counter.count is a Tensor and cannot be replaced by a int"):
        net.count = 3  # type: ignore[assignment]
    with pytest.raises(UsageError, match="has an attribute 'weight' already, which is no buffer"):
        net.register_buffer("weight", minidl.ones(1))
    with pytest.raises(UsageError, match=r"a word without dots, not 'a.b'"):
        net.register_parameter("a.b", None)
    with pytest.raises(DtypeError, match="'own' must be a Parameter or None, got Tensor"):
        net.register_parameter("own", minidl.ones(1))  # type: ignore[arg-type]
    with pytest.raises(DtypeError, match="'own' must be a tensor or None, got int"):
        net.register_buffer("own", 3)  # type: ignore[arg-type]
    net.bias = nn.Parameter(minidl.zeros(2))  # type: ignore[assignment]
    assert [name for name, _ in net.named_parameters(recurse=False)] == ["weight", "bias"]


def test_things_are_found_by_their_path() -> None:
    net = nn.Sequential(nn.Linear(2, 2), Counter())
    assert net.get_submodule("1.inner") is net[1].inner  # type: ignore[attr-defined]
    assert net.get_submodule("") is net
    assert net.get_parameter("1.inner.bias") is net[1].inner.bias  # type: ignore[attr-defined]
    assert net.get_buffer("1.count") is net[1].count  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match=r"no parameter '0.wait'; there are 0.weight, 0.bias, 1.weight"):
        net.get_parameter("0.wait")
    with pytest.raises(UsageError, match=r"no module 'head'; there are 0, 1, 1.inner"):
        net.get_submodule("head")


def test_walks_name_everything_once() -> None:
    shared = nn.Linear(1, 1)
    net = nn.Sequential(shared, nn.Sequential(shared, nn.ReLU()))
    assert [name for name, _ in net.named_modules()] == ["", "0", "1", "1.1"]
    assert [name for name, _ in net.named_modules(prefix="net", remove_duplicate=False)] == [
        "net", "net.0", "net.1", "net.1.0", "net.1.1"
    ]  # fmt: skip
    assert [name for name, _ in net.named_parameters(prefix="net")] == ["net.0.weight", "net.0.bias"]
    assert len(list(nn.Sequential(shared, shared).children())) == 1
    seen: list[str] = []
    net.apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "Linear", "ReLU", "Sequential", "Sequential"], "once for each place, as in PyTorch"


@pytest.mark.torch
def test_apply_goes_in_pytorchs_order() -> None:
    torch = pytest.importorskip("torch")

    def visited(kit: Any) -> list[str]:
        seen: list[str] = []
        net = kit.Sequential(kit.Linear(1, 2), kit.Sequential(kit.ReLU(), kit.Linear(2, 1)), kit.Tanh())
        net.apply(lambda module: seen.append(type(module).__name__))
        return seen

    assert visited(nn) == visited(torch.nn)


def test_train_reaches_modules_that_override_it() -> None:
    class Frozen(nn.Sequential):
        def train(self, mode: bool = True) -> Any:
            return super().train(False)

    net = nn.Sequential(nn.Dropout(), Frozen(nn.Dropout())).train()
    assert [module.training for module in net.modules()] == [True, True, False, False]
    with pytest.raises(UsageError, match="True or False, got 'yes'"):
        net.train("yes")  # type: ignore[arg-type]


def test_hooks_see_and_replace() -> None:
    net, calls = Counter(), []

    def before(module: Any, args: Any) -> Any:
        calls.append("before")
        return (args[0] * 0,)

    def before_named(module: Any, args: Any, kwargs: Any) -> Any:
        calls.append("named")
        return args, {"scale": kwargs["scale"] * 10}

    def after(module: Any, args: Any, output: Any) -> Any:
        calls.append("after")
        return output + 1

    def after_named(module: Any, args: Any, kwargs: Any, output: Any) -> None:
        calls.append(kwargs["scale"])

    handles = [
        net.register_forward_pre_hook(before),
        net.register_forward_pre_hook(before_named, prepend=True, with_kwargs=True),
        net.register_forward_hook(after),
        net.register_forward_hook(after_named, with_kwargs=True),
    ]
    assert net.inner.bias is not None
    out = net(minidl.ones(1, 2), scale=1.0)
    np.testing.assert_allclose(out.data[0], net.inner.bias.data * 10 + 1, rtol=1e-6)
    assert calls == ["named", "before", "after", 10.0]
    for handle in handles:
        handle.remove()
    net(minidl.ones(1, 2))
    assert len(calls) == 4


def test_a_pre_hook_may_return_one_argument_bare() -> None:
    layer = nn.ReLU()
    layer.register_forward_pre_hook(lambda module, args: -args[0])
    assert layer(minidl.tensor([-2.0])).item() == 2.0


def test_to_converts_numbers_gradients_and_buffers_but_no_counts() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    net(minidl.randn(4, 2)).sum().backward()
    net.double()
    kinds = {name: str(array.dtype) for name, array in net.state_dict().items()}
    assert kinds.pop("1.num_batches_tracked") == "int64"
    assert set(kinds.values()) == {"float64"}
    assert net[0].weight.grad.dtype == np.float64  # type: ignore[attr-defined]
    assert net(minidl.zeros(4, 2, dtype=minidl.float64)).dtype == np.float64
    assert net.to(minidl.tensor(1.0)).get_parameter("0.weight").dtype == np.float32
    assert net.to("cpu", minidl.float16).get_parameter("0.weight").dtype == np.float16
    assert net.float().cpu().get_buffer("1.running_mean").dtype == np.float32
    with pytest.raises(DtypeError, match="int64 is not"):
        net.to(minidl.int64)
    with pytest.raises(UsageError, match="mps"):
        net.to("mps")


def test_layers_take_a_dtype_and_refuse_unknown_devices() -> None:
    layers = [
        nn.Linear(2, 2, dtype=minidl.float64),
        nn.Conv2d(1, 1, 1, dtype=minidl.float64),
        nn.ConvTranspose1d(1, 1, 1, dtype=minidl.float64),
        nn.BatchNorm1d(2, dtype=minidl.float64),
        nn.LayerNorm(2, dtype=minidl.float64),
        nn.PReLU(dtype=minidl.float64),
        nn.TransformerEncoderLayer(4, 2, 3, dtype=minidl.float64),
    ]
    for layer in layers:
        assert {p.dtype for p in layer.parameters()} == {np.dtype("float64")}
    for name, args in (("Linear", (2, 2)), ("InstanceNorm2d", (2,)), ("EmbeddingBag", (2, 2)), ("PReLU", ())):
        with pytest.raises(UsageError, match=f"{name}: device='mps' is not here"):
            getattr(nn, name)(*args, device="mps")
    with pytest.raises(UsageError, match="LayerNorm: device"):
        nn.LayerNorm(2, elementwise_affine=False, device="mps")


def test_everything_wrong_with_a_state_is_told_at_once() -> None:
    net = nn.Linear(2, 3)
    with pytest.raises(
        ShapeError,
        match=r"missing bias; unknown head; weight is \(3, 2\) here and \(2, 3\) in the state",
    ):
        net.load_state_dict({"weight": np.zeros((2, 3)), "head": np.zeros(1)})
    told = net.load_state_dict({"weight": np.zeros((3, 2)), "head": np.zeros(1)}, strict=False)
    assert told == (["bias"], ["head"])
    assert not net.weight.data.any()


def test_copies_are_independent_and_whole() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    other = copy.deepcopy(net)
    other(minidl.randn(4, 2))
    other[0].weight.data = other[0].weight.data + 1  # type: ignore[attr-defined]
    assert net.get_buffer("1.num_batches_tracked").item() == 0
    assert other.get_buffer("1.num_batches_tracked").item() == 1
    assert not np.allclose(net.state_dict()["0.weight"], other.state_dict()["0.weight"])
    assert other.get_parameter("0.weight") is other[0].weight  # type: ignore[attr-defined]


def test_a_copy_computes_with_the_same_operations() -> None:
    layer = copy.deepcopy(nn.TransformerEncoderLayer(2, 1, 3, activation=minidl.relu))
    names = [node.primitive for node in order(layer(minidl.ones(3, 2))) if node.primitive]
    assert minidl.relu in names


def test_modules_travel_to_another_process() -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.TransformerEncoderLayer(2, 1, 3)).eval()
    other = pickle.loads(pickle.dumps(net))
    x = minidl.randn(3, 2)
    np.testing.assert_array_equal(other(x).data, net(x).data)
    assert repr(other) == repr(net)
    assert not other.training


def test_scopes_pass_through_containers_that_are_not_called() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([nn.Sequential(nn.Linear(2, 2)), nn.Linear(2, 2)])
            self.heads = nn.ModuleDict({"digit": nn.ModuleList([nn.Linear(2, 10)])})
            self.layers.append(nn.ReLU())

        def forward(self, x: Any) -> Any:
            x = self.layers[0](x)
            for layer in self.layers[1:]:
                x = layer(x)
            return self.heads["digit"][0](x)  # type: ignore[index]

    net = nn.Sequential(Net())
    scopes = {node.scope for node in order(net(minidl.ones(1, 2))) if node.primitive}
    assert scopes == {"0.layers.0.0", "0.layers.1", "0.layers.2", "0.heads.digit.0"}


@pytest.mark.torch
def test_networks_print_as_pytorchs_do() -> None:
    torch = pytest.importorskip("torch")

    def build(kit: Any) -> Any:
        block = kit.TransformerEncoderLayer(4, 2, 3)
        return kit.Sequential(
            kit.ModuleDict({"a": kit.Linear(2, 2), "b": kit.ReLU()}),
            kit.ModuleList([kit.Conv2d(1, 1, 1), kit.Conv2d(1, 1, 1), kit.Tanh()]),
            kit.ModuleList(),
            kit.TransformerEncoder(block, 2, kit.LayerNorm(4), enable_nested_tensor=False),
        )

    assert re.sub(r"  #.*", "", repr(build(nn))) == repr(build(torch.nn)).replace(
        "NonDynamicallyQuantizableLinear", "Linear"
    )
