"""Modules used before they are built, and names that cannot be given: the errors are also those that PyTorch users catch."""

from __future__ import annotations

from typing import Any

import pytest

import minidl
from minidl import nn
from minidl.errors import MinidlError, UsageError


class Forgetful(nn.Module):
    def __init__(self, first: Any = None) -> None:
        if first is not None:
            first(self)


@pytest.mark.parametrize(
    "use",
    [
        lambda m: m.register_buffer("mean", minidl.ones(1)),
        lambda m: m.register_parameter("weight", None),
        lambda m: m.add_module("layer", nn.ReLU()),
        lambda m: m(minidl.ones(1)),
        repr,
        lambda m: m.state_dict(),
        lambda m: list(m.parameters()),
        lambda m: m.train(),
    ],
)
def test_a_module_that_never_called_super_says_so(use: Any) -> None:
    with pytest.raises(AttributeError, match=r"Forgetful is not built yet: its __init__ must first call super") as told:
        use(Forgetful())
    assert isinstance(told.value, UsageError)
    with pytest.raises(AttributeError, match="is not built yet"):
        Forgetful(use)


@pytest.mark.parametrize("value", [nn.ReLU(), nn.Parameter(minidl.ones(1))])
def test_a_part_given_too_early_is_refused(value: Any) -> None:
    with pytest.raises(AttributeError, match="before assigning 'part' in Forgetful"):
        Forgetful(lambda m: setattr(m, "part", value))


def test_other_attributes_may_come_first() -> None:
    class Early(nn.Module):
        def __init__(self) -> None:
            self.size = 3
            self.start = minidl.ones(2)
            super().__init__()
            self.layer = nn.Linear(self.size, 1)

    assert list(Early().state_dict()) == ["layer.weight", "layer.bias"]


def test_what_is_not_there_is_named_as_python_names_it() -> None:
    class Broken(nn.Module):
        @property
        def width(self) -> Any:
            return self.layer.out_features  # type: ignore[attr-defined]

    with pytest.raises(AttributeError, match=r"'Linear' object has no attribute 'wait'"):
        nn.Linear(1, 1).wait  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match=r"'Broken' object has no attribute 'layer'"):
        Broken().width  # noqa: B018  (reading it is what is tested)
    assert not hasattr(nn.ReLU(), "weight")


def test_a_property_keeps_its_place() -> None:
    class Fixed(nn.Module):
        @property
        def weight(self) -> int:
            return 3

    net = Fixed()
    with pytest.raises(AttributeError):
        net.weight = nn.Parameter(minidl.ones(1))  # type: ignore[misc, assignment]
    assert net.weight == 3
    assert not list(net.parameters())


REGISTER: dict[str, tuple[Any, type[Exception]]] = {
    "dotted": (lambda m: m.register_buffer("a.b", None), KeyError),
    "empty": (lambda m: m.register_parameter("", None), KeyError),
    "taken": (lambda m: m.register_buffer("weight", None), KeyError),
    "method": (lambda m: m.add_module("forward", None), KeyError),
    "no word": (lambda m: m.register_buffer(3, None), TypeError),
    "no tensor": (lambda m: m.register_buffer("a", 3), TypeError),
    "no parameter": (lambda m: m.register_parameter("a", 3), TypeError),
    "no module": (lambda m: m.add_module("a", 3), TypeError),
    "nothing to delete": (lambda m: delattr(m, "a"), AttributeError),
    "no such module": (lambda m: m.get_submodule("head"), AttributeError),
    "no such parameter": (lambda m: m.get_parameter("head"), AttributeError),
    "no such buffer": (lambda m: m.get_buffer("weight"), AttributeError),
    "nowhere to put it": (lambda m: m.set_submodule("head.0", m), AttributeError),
    "no state": (lambda m: m.load_state_dict([1]), TypeError),
    "missing": (lambda m: m.load_state_dict({}), RuntimeError),
    "unknown": (lambda m: m.load_state_dict({**m.state_dict(), "head": [1.0]}), RuntimeError),
    "shape": (lambda m: m.load_state_dict({"weight": [1.0], "bias": [1.0]}), RuntimeError),
}


@pytest.mark.torch
@pytest.mark.parametrize("name", REGISTER)
def test_what_is_refused_is_refused_as_in_pytorch(name: str) -> None:
    torch = pytest.importorskip("torch")
    use, error = REGISTER[name]
    with pytest.raises(error):
        use(torch.nn.Linear(1, 1))
    layer = nn.Linear(1, 1)
    with pytest.raises(error) as told:
        use(layer)
    assert isinstance(told.value, MinidlError) or name == "nothing to delete"
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_a_layer_is_exchanged_by_its_path() -> None:
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 10), nn.ReLU()), nn.Tanh())
    head = nn.Linear(2, 3)
    net.set_submodule("0.0", head)
    assert net.get_submodule("0.0") is head
    assert net(minidl.ones(1, 2)).shape == (1, 3)
    net.set_submodule("2", nn.ReLU())
    assert len(net) == 3
    with pytest.raises(AttributeError, match="no module '3'"):
        net.set_submodule("3", nn.ReLU(), strict=True)
