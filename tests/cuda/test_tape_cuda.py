"""`minidl.compile` on a GPU: a step's launches captured in a graph, with the same numbers as step by step."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, optim
from minidl.errors import GraphError
from minidl.kernels.cuda.simulator import driver as simulated
from minidl.nn import functional as F
from minidl.tape import CompileWarning

pytestmark = pytest.mark.usefixtures("simulated_gpu")


def batches(count: int, *shape: int, seed: int = 0) -> list[Any]:
    source = np.random.default_rng(seed)
    return [minidl.tensor(source.standard_normal(shape), dtype=minidl.float32, device="cuda") for _ in range(count)]


def fetched(x: Any) -> Any:
    return x.detach().cpu().numpy()


def both_ways(make: Callable[[], Callable[..., Any]], calls: list[tuple[Any, ...]]) -> tuple[list[Any], list[Any], Any]:
    """What a step gives in each call, in the ordinary way and compiled, each from the same start."""
    plain, compiled = make(), minidl.compile(make())
    expected = [fetched(plain(*args)) for args in calls]
    return expected, [fetched(compiled(*args)) for args in calls], compiled


def test_a_replay_is_one_call_of_the_driver_and_computes_anew() -> None:
    w = batches(1, 3, 4, seed=1)[0]
    step = minidl.compile(lambda x: ((x @ w).exp() * 2).sum())
    xs = batches(5, 2, 3)
    got = []
    for x in xs:
        got.append(step(x))
    with minidl.no_grad():
        expected = [((x @ w).exp() * 2).sum() for x in xs]
    assert np.allclose([g.item() for g in got], [e.item() for e in expected], rtol=1e-6)
    assert step.tape.replays == 2
    assert repr(step.tape) == "<graph of <lambda>, replayed 2 times>"


def test_gradients_are_assigned_and_those_that_somebody_holds_stay() -> None:
    w = minidl.tensor([1.0, 2.0, 3.0], dtype=minidl.float32, device="cuda", requires_grad=True)

    @minidl.compile
    def step(x: Any) -> Any:
        w.grad = None
        loss = (w * x).square().sum()
        loss.backward()
        return loss

    held = []
    xs = batches(6, 3)
    for x in xs:
        step(x)
        held.append(w.grad)
    expected = [2 * fetched(w) * fetched(x) ** 2 for x in xs]
    assert step.tape.replays == 3
    assert np.allclose([fetched(g) for g in held], expected, rtol=1e-6)


def test_gradients_add_up_where_nobody_clears_them() -> None:
    w = minidl.tensor([1.0, 2.0, 3.0], dtype=minidl.float32, device="cuda", requires_grad=True)

    @minidl.compile
    def step(x: Any) -> Any:
        (w * x).sum().backward()

    xs = batches(7, 3)
    total = np.zeros(3, np.float32)
    for i, x in enumerate(xs):
        step(x)
        total += fetched(x)
        assert np.allclose(fetched(w.grad), total, rtol=1e-5, atol=1e-6), i
    w.grad = None
    step(xs[0])
    assert np.allclose(fetched(w.grad), fetched(xs[0]))
    assert step.tape.replays >= 3


@pytest.mark.parametrize("name", ["SGD", "momentum", "Adam"])
def test_optimizers_step_between_graphs(name: str) -> None:
    def make() -> Callable[..., Any]:
        minidl.manual_seed(3)
        layer = nn.Linear(3, 2).to("cuda")
        options: dict[str, Any] = {"momentum": 0.9} if name == "momentum" else {}
        optimizer = getattr(optim, "SGD" if name == "momentum" else name)(layer.parameters(), lr=0.1, **options)

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = F.mse_loss(layer(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return step

    expected, got, step = both_ways(make, list(zip(batches(7, 4, 3), batches(7, 4, 2, seed=9), strict=True)))
    assert np.allclose(got, expected, rtol=1e-5)
    assert step.tape.replays == 4


def test_dropout_draws_anew_at_each_replay() -> None:
    def make() -> Callable[..., Any]:
        minidl.manual_seed(7)
        return lambda x: F.dropout(x, 0.5).sum()

    expected, got, step = both_ways(make, [(x,) for x in batches(1, 40) * 6])
    assert step.tape.replays == 3
    del expected  # the two ways draw from one generator, one after the other
    assert len({float(g) for g in got}) > 3


def test_running_statistics_move_with_each_replay_and_evaluation_is_a_tape_of_its_own() -> None:
    layers = []

    def make() -> Callable[..., Any]:
        layer = nn.BatchNorm1d(3).to("cuda")
        layers.append(layer)

        def step(x: Any, training: bool) -> Any:
            layer.train(training)
            return layer(x).square().mean()

        return step

    xs = batches(10, 6, 3)
    calls = [(x, True) for x in xs[:5]] + [(x, False) for x in xs[5:9]] + [(xs[9], True)]
    expected, got, step = both_ways(make, calls)
    assert np.allclose(got, expected, rtol=1e-5)
    assert len(step.tapes) == 2
    for name, buffer in layers[0].state_dict().items():
        assert np.allclose(fetched(buffer), fetched(layers[1].state_dict()[name]), rtol=1e-5), name


def test_a_module_that_changes_its_mode_is_captured_anew() -> None:
    layer = nn.BatchNorm1d(3).to("cuda")
    step = minidl.compile(lambda x: layer(x).sum())
    x = batches(1, 6, 3)[0]
    for training in (True, True, False, False, True, True, True, False, False, False):
        layer.train(training)
        step(x)
    assert len(step.tapes) == 2


def test_results_stay_what_they_are() -> None:
    step = minidl.compile(lambda x: (x * 2, x, "a word"))
    xs = batches(5, 4)
    results = [step(x) for x in xs]
    for x, (doubled, itself, word) in zip(xs, results, strict=True):
        assert np.array_equal(fetched(doubled), 2 * fetched(x))
        assert itself is x
        assert word == "a word"


def refused(function: Callable[..., Any], calls: list[tuple[Any, ...]], why: str) -> list[Any]:
    step = minidl.compile(function)
    with pytest.warns(CompileWarning, match=why):
        got = [step(*args) for args in calls]
    assert step.tapes == []
    return got


def test_what_cannot_be_replayed_runs_in_the_ordinary_way() -> None:
    xs = batches(5, 4)
    count = [0]

    def counting(x: Any) -> Any:
        count[0] += 1
        return x * float(count[0])

    got = refused(counting, [(x,) for x in xs], "two calls of the same kind launched different things")
    assert np.allclose(fetched(got[4]), 5 * fetched(xs[4]))

    def looking(x: Any) -> Any:
        return x if x.sum().item() > 0 else -x

    got = refused(looking, [(x,) for x in xs], "a number is read into Python")
    assert all(fetched(g).sum() >= 0 for g in got)

    def on_both(x: Any, y: Any) -> Any:
        return x * y.to("cuda")

    ys = [minidl.tensor(np.full(4, i), dtype=minidl.float32) for i in range(5)]
    got = refused(on_both, list(zip(xs, ys, strict=True)), "an argument is on the CPU")
    assert np.allclose(fetched(got[3]), 3 * fetched(xs[3]))


def test_a_function_on_the_cpu_is_recorded_as_ever() -> None:
    batches(1, 2)  # there is a GPU in the program
    step = minidl.compile(lambda x: x.exp().sum())
    for _ in range(5):
        step(minidl.tensor([1.0, 2.0]))
    assert type(step.tape).__name__ == "Tape"
    assert step.tape.replays == 2


def test_a_parameter_that_is_given_another_array_is_captured_anew() -> None:
    w = batches(1, 3)[0]
    step = minidl.compile(lambda x: (w * x).sum())
    x = batches(1, 3, seed=5)[0]
    for _ in range(4):
        step(x)
    w.data = batches(1, 3, seed=6)[0].data
    for _ in range(4):
        assert np.isclose(step(x).item(), (fetched(w) * fetched(x)).sum(), rtol=1e-5)


def test_lenet_learns_the_same_compiled() -> None:
    def make() -> Callable[..., Any]:
        minidl.manual_seed(1)
        model = nn.Sequential(
            nn.Conv2d(1, 2, 3),
            nn.Tanh(),
            nn.MaxPool2d(2),
            nn.Conv2d(2, 3, 3),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(3, 4),
        ).to("cuda")
        optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return step

    labels = [minidl.tensor(np.array([0, 3, 1]), device="cuda"), minidl.tensor(np.array([2, 2, 0]), device="cuda")]
    calls = list(zip(batches(6, 3, 1, 8, 8), labels * 3, strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("error", CompileWarning)
        expected, got, step = both_ways(make, calls)
    assert np.allclose(got, expected, rtol=1e-5)
    assert step.tape.replays == 3
    simulated.launches.clear()


def test_a_variable_that_changes_later_is_found_by_checking() -> None:
    factor = [2.0]

    def function(x: Any) -> Any:
        return x * factor[0]

    step = minidl.compile(function, check_every=2)
    xs = batches(9, 4)
    for x in xs[:7]:
        assert np.allclose(fetched(step(x)), 2 * fetched(x))
    factor[0] = 3.0
    assert np.allclose(fetched(step(xs[7])), 2 * fetched(xs[7]))  # a replay, which cannot know
    with pytest.raises(GraphError, match="launch different things"):
        step(xs[8])
