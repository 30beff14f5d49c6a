"""Modules: their parameters, paths, state and modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.autodiff import order
from minidl.errors import CheckpointError, DtypeError, ShapeError, UsageError


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4 * 9, 10)

    def forward(self, x: minidl.Tensor) -> minidl.Tensor:
        return self.head(self.drop(self.features(x).flatten(1)))  # type: ignore[no-any-return]


def test_parameters_have_paths_and_shapes() -> None:
    shapes = {name: p.shape for name, p in Net().named_parameters()}
    assert shapes == {
        "features.0.weight": (4, 1, 3, 3),
        "features.0.bias": (4,),
        "head.weight": (10, 36),
        "head.bias": (10,),
    }


def test_nodes_know_the_module_they_were_made_in() -> None:
    net = Net().eval()
    out = net(minidl.ones(1, 1, 8, 8))
    scopes = [(n.primitive.name, n.scope) for n in order(out) if n.primitive]
    assert ("conv2d", "features.0") in scopes
    assert ("max_pool2d", "features.2") in scopes
    assert ("reshape", "") in scopes
    assert scopes[-1] == ("add", "head")


def test_dropout_only_while_training() -> None:
    net = Net()
    x = minidl.rand(3, 1, 8, 8)
    net.eval()
    assert (net(x).data == net(x).data).all()
    net.train()
    assert (net(x).data != net(x).data).any()
    kept = minidl.dropout(minidl.ones(10_000), 0.3)
    assert set(np.unique(kept.data)) == {np.float32(0), np.float32(1 / 0.7)}
    assert kept.mean().item() == pytest.approx(1, abs=0.02)


def test_state_goes_round() -> None:
    a, b = Net(), Net()
    assert (a.head.weight.data != b.head.weight.data).any()
    b.load_state_dict(a.state_dict())
    assert all((p.data == q.data).all() for p, q in zip(a.parameters(), b.parameters(), strict=True))
    b.head.weight.data = b.head.weight.data + 1
    assert (a.head.weight.data != b.head.weight.data).all(), "the two share memory"


def test_a_state_that_does_not_fit_changes_nothing() -> None:
    net = Net()
    before = {k: v.data.copy() for k, v in net.state_dict().items()}
    state = {k: np.zeros_like(v) for k, v in before.items()}
    with pytest.raises(ShapeError, match=r"head.weight is \(10, 36\) here and \(2,\)"):
        net.load_state_dict({**state, "head.weight": np.zeros(2)})
    with pytest.raises(UsageError, match=r"missing head\.bias; unknown extra"):
        net.load_state_dict({**{k: v for k, v in state.items() if k != "head.bias"}, "extra": np.zeros(1)})
    assert all((v == before[k]).all() for k, v in net.state_dict().items())


def test_freezing_keeps_weights_and_history_away() -> None:
    net = Net()
    net.features.requires_grad_(False)
    loss = net(minidl.ones(2, 1, 8, 8)).sum()
    loss.backward()
    assert all(p.grad is None for p in net.features.parameters())
    assert net.head.weight.grad is not None
    net.zero_grad()
    assert net.head.weight.grad is None


def test_forgetting_super_is_explained() -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1)

    with pytest.raises(UsageError, match="super"):
        Forgetful()


def test_the_same_seed_gives_the_same_weights() -> None:
    minidl.manual_seed(3)
    a = nn.Linear(4, 3)
    minidl.manual_seed(3)
    assert (nn.Linear(4, 3).weight.data == a.weight.data).all()
    assert np.abs(a.weight.data).max() <= 0.5


def test_what_is_replaced_or_deleted_is_gone() -> None:
    net = Net()
    net.head = nn.Parameter(minidl.zeros(3))  # type: ignore[assignment]
    assert [n for n, _ in net.named_parameters()] == ["head", "features.0.weight", "features.0.bias"]
    net.head = nn.Linear(2, 1)
    assert "head" not in dict(net.named_parameters())
    assert "head.weight" in dict(net.named_parameters())
    net.head = None  # type: ignore[assignment]
    del net.features
    assert list(net.named_parameters()) == []


def test_a_sequence_takes_names_and_only_modules() -> None:
    named = nn.Sequential({"a": nn.Linear(3, 2), "b": nn.ReLU()})
    assert [n for n, _ in named.named_parameters()] == ["a.weight", "a.bias"]
    assert named(minidl.ones(1, 3)).shape == (1, 2)
    with pytest.raises(DtypeError, match="must be a Module, got function"):
        nn.Sequential(lambda x: x)  # type: ignore[arg-type]


def test_a_shared_layer_is_saved_under_each_of_its_names() -> None:
    layer = nn.Linear(2, 2)
    net = nn.Sequential(layer, nn.ReLU(), layer)
    assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert len(list(net.parameters())) == 2
    net.load_state_dict(net.state_dict())


@pytest.mark.parametrize(
    "make", [lambda x: optim.SGD([x], lr=np.float64(0.1)), lambda x: optim.Adam([x], lr=np.float64(0.1))]
)
def test_a_step_keeps_the_dtype(make: Any) -> None:
    x = minidl.tensor([1.0], requires_grad=True)
    optimizer = make(x)
    (x * x).sum().backward()
    optimizer.step()
    assert x.dtype == np.float32


def test_printing_counts_parameters() -> None:
    model = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    assert repr(model).splitlines() == [
        "Sequential(  # 8 parameters",
        "  (0): Linear(in_features=3, out_features=2, bias=True)  # weight (2, 3), bias (2,): 8 parameters",
        "  (1): ReLU()",
        ")",
    ]
    model[0].weight.requires_grad_(False)
    assert repr(model).splitlines()[0] == "Sequential(  # 8 parameters, 6 of them frozen"


@pytest.mark.parametrize("name", ["SGD", "Adam"])
def test_an_optimizers_state_goes_round(name: str) -> None:
    def make() -> tuple[minidl.Tensor, optim.Optimizer]:
        x = minidl.tensor([1.0, -2.0], requires_grad=True)
        options = {"momentum": 0.9} if name == "SGD" else {}
        return x, getattr(optim, name)([x], lr=0.1, **options)

    def step(x: minidl.Tensor, optimizer: optim.Optimizer) -> None:
        optimizer.zero_grad()
        (x * x).sum().backward()
        optimizer.step()

    (x, a), (y, b) = make(), make()
    step(x, a)
    step(x, a)
    b.load_state_dict(a.state_dict())
    y.data = x.data.copy()
    step(x, a)
    step(y, b)
    assert (x.data == y.data).all()


def test_momentum_of_the_facts() -> None:
    x = minidl.scalar(0.0)
    optimizer = optim.SGD([x], lr=0.1, momentum=0.9)
    seen = []
    for _ in range(3):
        optimizer.zero_grad()
        (1.0 * x).backward()
        optimizer.step()
        seen.append(x.item())
    assert seen == pytest.approx([-0.1, -0.29, -0.561])


@pytest.mark.parametrize(("g", "step"), [(1.0, 1e-3), (1e-9, 9.0909e-5)])
def test_adam_of_the_facts(g: float, step: float) -> None:
    x = minidl.scalar(0.0)
    optimizer = optim.Adam([x], lr=1e-3)
    (g * x).backward()
    optimizer.step()
    assert -x.item() == pytest.approx(step, rel=1e-4)


def test_an_optimizer_refuses_what_it_cannot_do() -> None:
    x = minidl.tensor([1.0], requires_grad=True)
    with pytest.raises(UsageError, match="lr must be at least 0, got -1"):
        optim.SGD([x], lr=-1)
    with pytest.raises(UsageError, match="no parameters"):
        optim.Adam([])
    with pytest.raises(UsageError, match="given twice"):
        optim.SGD([x, x], lr=1)
    with pytest.raises(UsageError, match=r"leaf|leaves"):
        optim.SGD([x * 2], lr=1)
    with pytest.raises(CheckpointError, match="other parameter groups"):
        optim.SGD([x], lr=1).load_state_dict({"state": {}, "param_groups": []})


def test_a_state_is_tensors_that_share_the_parameters_memory() -> None:
    net = nn.Linear(2, 1)
    state = net.state_dict()
    kept = {name: value.clone() for name, value in state.items()}
    assert all(isinstance(value, minidl.Tensor) and not value.requires_grad for value in state.values())
    net.weight.detach().fill_(7.0)
    assert state["weight"].tolist() == [[7.0, 7.0]]
    assert (kept["weight"] != 7.0).all()
    net.load_state_dict(kept)
    assert (net.weight == kept["weight"]).all()
