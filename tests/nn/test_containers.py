"""Lists and dictionaries of modules and of parameters."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import pytest

import minidl
from minidl import nn
from minidl.errors import RangeError, UsageError


def kinds(container: Any) -> list[str]:
    return [f"{name}:{type(module).__name__}" for name, module in container.named_children()]


@pytest.mark.parametrize("make", [lambda *m: nn.Sequential(*m), lambda *m: nn.ModuleList(m)])
def test_a_list_of_modules_is_edited_like_a_list(make: Any) -> None:
    layers = make(nn.Linear(2, 2), nn.ReLU(), nn.Tanh())
    assert isinstance(layers[-1], nn.Tanh)
    assert len(layers) == 3
    layers.append(nn.Sigmoid())
    layers.insert(1, nn.Identity())
    layers.extend([nn.SELU()])
    assert kinds(layers) == ["0:Linear", "1:Identity", "2:ReLU", "3:Tanh", "4:Sigmoid", "5:SELU"]
    assert type(layers.pop(1)).__name__ == "Identity"
    layers[0] = nn.Mish()
    del layers[-2:]
    assert kinds(layers) == ["0:Mish", "1:ReLU", "2:Tanh"]
    assert type(layers[1:]) is type(layers)
    assert kinds(layers + make(nn.GELU())) == ["0:Mish", "1:ReLU", "2:Tanh", "3:GELU"]
    with pytest.raises(RangeError, match="no position 3; it has 3"):
        layers[3]
    with pytest.raises(RangeError, match="no position 9 to insert at"):
        layers.insert(9, nn.ReLU())
    with pytest.raises(UsageError, match="must be a Module, got int"):
        layers.append(3)


@pytest.mark.torch
def test_slices_and_names_are_pytorchs() -> None:
    torch = pytest.importorskip("torch")

    def names(kit: Any) -> list[list[str]]:
        layers = [kit.Linear(1, 1), kit.ReLU(), kit.Linear(1, 1), kit.ReLU()]
        named = kit.Sequential(OrderedDict(a=kit.Linear(1, 1), b=kit.ReLU(), c=kit.Tanh()))
        of: list[Any] = [
            kit.Sequential(*layers)[1:3],
            kit.ModuleList(layers)[1:3],
            named[1:],
            named,
            kit.Sequential(named),
        ]
        shortened = kit.Sequential(*layers)
        del shortened[1]
        del named[0]
        return [[name for name, _ in m.named_modules()] for m in (*of, shortened)]

    assert names(nn) == names(torch.nn)


def test_a_dictionary_of_modules() -> None:
    heads = nn.ModuleDict({"digit": nn.Linear(4, 10), "my sign": nn.Linear(4, 1)})
    heads["more"] = nn.ReLU()
    assert list(heads) == list(heads.keys()) == ["digit", "my sign", "more"]
    assert "digit" in heads
    assert len(heads) == len(heads.values()) == 3  # type: ignore[arg-type]
    assert [name for name, _ in heads.named_parameters()][2] == "my sign.weight"
    assert isinstance(heads.pop("more"), nn.ReLU)
    with pytest.raises(KeyError, match=r"^ModuleDict: there is no 'more'; there are digit, my sign"):
        heads["more"]
    with pytest.raises(UsageError, match="attribute 'keys' already"):
        heads["keys"] = nn.ReLU()
    heads.clear()
    assert len(heads) == 0


def test_lists_and_dictionaries_of_parameters() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weights = nn.ParameterList([minidl.ones(2), nn.Parameter(minidl.ones(3))])
            self.named = nn.ParameterDict({"left": minidl.ones(1)})

    net = Net()
    net.weights.append(minidl.ones(4))
    net.weights[0] = minidl.zeros(5)
    net.named["right"] = minidl.ones(6)
    shapes = {name: p.shape for name, p in net.named_parameters()}
    assert shapes == {
        "weights.0": (5,), "weights.1": (3,), "weights.2": (4,), "named.left": (1,), "named.right": (6,)
    }  # fmt: skip
    assert [p.shape for p in net.weights[1:]] == [(3,), (4,)]
    assert net.weights[-1].requires_grad
    del net.named["left"]
    assert next(iter(net.named.items()))[0] == "right"
    assert "left" not in net.named
    assert net.named.get("left") is None
    with pytest.raises(UsageError, match="no 'left'; there are right"):
        net.named["left"]
    right = net.named["right"]
    assert net.named.copy().pop("right") is right
    assert net.named.setdefault("right", None) is right
    assert net.named == net.named
    assert net.named != net.named.copy()
    net.named.clear()
    assert not net.named
    with pytest.raises(UsageError, match="ParameterList holds parameters; got float"):
        net.weights.append(1.0)
