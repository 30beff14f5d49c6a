"""Lists and dictionaries of modules and of parameters."""

from __future__ import annotations

import operator
from collections import OrderedDict
from typing import Any

import pytest

import minidl
from minidl import nn
from minidl.errors import DtypeError, RangeError, UsageError


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
    with pytest.raises(DtypeError, match="must be a Module, got int"):
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
    with pytest.raises(DtypeError, match="ParameterList holds parameters; got float"):
        net.weights.append(1.0)


@pytest.mark.torch
def test_containers_know_pythons_operators() -> None:
    torch = pytest.importorskip("torch")

    def facts(lib: Any) -> list[Any]:
        kit = lib.nn
        layers = kit.ModuleList([None, kit.ReLU()])
        same = layers
        layers += [kit.Tanh()]
        sequence = kit.Sequential(kit.ReLU(), kit.Tanh())
        longer = sequence
        longer += kit.Sequential(kit.SELU())
        longer *= 2
        weights = kit.ParameterList([lib.ones(1)])
        weights += [lib.ones(2)]
        named = kit.ParameterDict({"a": lib.ones(1), "b": lib.ones(2)})
        joined = named | {"c": lib.ones(3)}
        taken = named.popitem()[0]
        named |= {"d": lib.ones(4)}
        return [
            same is layers,
            [type(m).__name__ for m in layers],
            [type(m).__name__ for m in layers[:2]],
            longer is sequence,
            kinds(longer),
            [type(m).__name__ for m in 2 * kit.Sequential(kit.ReLU(), kit.Tanh())],
            len(list((kit.Sequential(kit.Linear(1, 1)) * 3).parameters())),
            [name for name, _ in weights.named_parameters()],
            weights[-1].requires_grad,
            list(joined),
            list(reversed(joined)),
            list({"z": lib.ones(1)} | joined),
            taken,
            list(named),
            list(named.fromkeys(["x", "y"], lib.ones(1))),
        ]

    assert facts(minidl) == facts(torch)


@pytest.mark.parametrize(
    ("use", "error", "message"),
    [
        (lambda: nn.Sequential(nn.ReLU()) * 0, UsageError, "once or more often, not 0 times"),
        (
            lambda: operator.add(nn.Sequential(nn.ReLU()), [nn.ReLU()]),
            UsageError,
            "only another Sequential.* not a list",
        ),
        (lambda: nn.ModuleDict(3), DtypeError, "takes a dictionary of modules.* not 3"),
        (lambda: nn.ModuleDict([("a",)]), DtypeError, "pairs, not"),
        (lambda: nn.ParameterDict().popitem(), KeyError, "it is empty"),
    ],
)
def test_containers_refuse_what_makes_no_sense(use: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        use()
