"""Modules, parameters and graphs in another process, where nothing is there but what they bring."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

import minidl
import minidl.nn.functional as F
from minidl import nn, optim
from minidl.errors import UsageError
from minidl.graph.node import catch_up
from minidl.primitives import registry
from minidl.primitives.registered import named


@pytest.mark.parametrize("name", sorted(registry))
def test_a_primitive_arrives_as_the_one_that_is_there(name: str) -> None:
    assert pickle.loads(pickle.dumps(registry[name])) is registry[name]
    assert copy.deepcopy(registry[name]) is copy.copy(registry[name]) is registry[name]


def test_a_primitive_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="no primitive named 'mine' in this process; import the module"):
        named("mine")


CODE = """
import pickle, sys
model, x = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(pickle.dumps((model(x).data, [p.grad is None for p in model.parameters()], repr(model))))
"""


def test_a_model_that_holds_operations_computes_the_same_elsewhere() -> None:
    block = nn.TransformerEncoderLayer(4, 2, 6, 0.0, activation=minidl.relu, batch_first=True)
    model = nn.Sequential(block, nn.TransformerEncoderLayer(4, 2, 6, 0.0, activation=F.gelu, batch_first=True))
    shared = nn.Sequential(model, nn.Linear(4, 4), nn.BatchNorm1d(3))
    shared.append(shared[1]).eval()
    x = minidl.randn(2, 3, 4)
    done = subprocess.run(
        [sys.executable, "-c", CODE], input=pickle.dumps((shared, x)), capture_output=True, check=True
    )
    result, gradients, text = pickle.loads(done.stdout)
    np.testing.assert_array_equal(result, shared(x).data)
    assert text == repr(shared)
    assert gradients == [True] * len(list(shared.parameters())), "shared layers are still shared"


def test_the_clock_goes_on_behind_what_arrived() -> None:
    before = minidl.ones(1).order
    catch_up(before + 1000)
    assert minidl.ones(1).order == before + 1001
    catch_up(before)
    assert before + 1001 < minidl.ones(1).order <= before + 1003, "an earlier tick does not put it back"


TRAIN = """
import pickle, sys
import minidl
from minidl import optim
model, x, kept = pickle.load(sys.stdin.buffer)
optimizer = optim.SGD(model.parameters(), lr=0.1)
for _ in range(3):
    optimizer.zero_grad()
    (model(x) ** 2).mean().backward()
    optimizer.step()
try:
    kept.backward()
    told = "differentiated"
except minidl.errors.GraphError as error:
    told = str(error)
sys.stdout.buffer.write(pickle.dumps((model.state_dict(), told)))
"""


def test_a_model_learns_the_same_elsewhere() -> None:
    """The clock of a new process is behind the model's: what happens there is later all the same."""
    model, x = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), minidl.randn(5, 3)
    for _ in range(3000):
        minidl.ones(1)
    kept = (model[0].weight ** 2).sum()
    model[0].weight.data = model[0].weight.data + 1.0
    done = subprocess.run(
        [sys.executable, "-c", TRAIN], input=pickle.dumps((model, x, kept)), capture_output=True, check=True
    )
    state, told = pickle.loads(done.stdout)
    assert "was changed in place" in told, "a graph whose values have changed knows it there too"
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (model(x) ** 2).mean().backward()
        optimizer.step()
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(state[name], array, err_msg=name)


def test_a_model_that_remembers_a_graph_brings_it_along() -> None:
    layer, x = nn.Linear(2, 2), minidl.ones(1, 2)
    layer.seen = layer(x).sum()
    other = pickle.loads(pickle.dumps(layer))
    other.seen.backward()
    np.testing.assert_array_equal(other.weight.grad.data, np.ones((2, 2)))
    assert layer.weight.grad is None


def test_what_cannot_travel_is_named() -> None:
    layer = nn.ReLU()
    layer.register_forward_hook(lambda *given: None)
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(layer)


@pytest.mark.parametrize("travel", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))])
def test_a_parameter_stays_one(travel: Any) -> None:
    for wanted in (True, False):
        p = nn.Parameter(minidl.ones(2), requires_grad=wanted, name="scale")
        q = travel(p)
        assert (type(q), q.requires_grad, q.name) == (nn.Parameter, wanted, "scale")
        q.data[0] = 5.0
        assert p.data.tolist() == [1.0, 1.0]


@pytest.mark.torch
def test_a_copied_model_has_weights_and_no_gradients() -> None:
    torch = pytest.importorskip("torch")

    def facts(lib: Any) -> Any:
        class Tied(lib.nn.Module):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.words, self.scores = lib.nn.Embedding(5, 3), lib.nn.Linear(3, 5)
                self.scores.weight = self.words.weight

        net = Tied()
        net.scores(net.words(lib.tensor([1, 2]))).sum().backward()
        other = copy.deepcopy(net)
        return (
            other.words.weight is other.scores.weight,
            other.words.weight is net.words.weight,
            [p.grad is None for p in other.parameters()],
            [name for name, _ in other.named_parameters()],
            [name for name, _ in other.named_parameters(remove_duplicate=False)],
            list(other.state_dict()),
        )

    assert facts(minidl) == facts(torch)
