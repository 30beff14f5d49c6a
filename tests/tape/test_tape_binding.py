"""What a replay is bound to: arrays that stay, arrays that change from call to call, and gradients that somebody keeps."""

from __future__ import annotations

import concurrent.futures
import tracemalloc
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import models, nn, optim
from minidl.kernels.cpu.paths import without
from minidl.tape.binding import Binding
from minidl.tape.hearing import hearing, known_arrays, one_call
from minidl.tape.leases import Lease


def network() -> nn.Module:
    minidl.manual_seed(0)
    return models.LeNet((1, 8, 8), 5)


def stepping(model: nn.Module, compiled: bool = True) -> Any:
    rule = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(x: Any, y: Any) -> Any:
        rule.zero_grad()
        loss = minidl.cross_entropy(model(x), y)
        loss.backward()
        rule.step()
        return loss

    return minidl.compile(step) if compiled else step


def batch(seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    images = random.standard_normal((4, 1, 8, 8)).astype(np.float32)
    return minidl.tensor(images), minidl.tensor(random.integers(0, 5, 4))


@pytest.fixture
def binds(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many registers had changed, at each time that something was bound anew."""
    counts: list[int] = []
    bind = Binding.bind

    def counting(self: Binding, changed: Any) -> None:
        changed = list(changed)
        counts.append(len(changed))
        bind(self, changed)

    monkeypatch.setattr(Binding, "bind", counting)
    return counts


def test_the_same_arrays_are_bound_once(binds: list[int]) -> None:
    step, (x, y) = stepping(network()), batch()
    for _ in range(6):
        step(x, y)
    assert len(binds) == 1


def test_other_arguments_are_bound_anew_and_nothing_else(binds: list[int]) -> None:
    model, twin = network(), network()
    step, plain = stepping(model), stepping(twin, compiled=False)
    for seed in range(6):
        found, expected = step(*batch(seed)), plain(*batch(seed))
        np.testing.assert_allclose(found.data, expected.data, rtol=1e-5)
    assert binds[1:] == [2] * 3
    for a, b in zip(model.parameters(), twin.parameters(), strict=True):
        np.testing.assert_allclose(a.data, b.data, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(a.grad.data, b.grad.data, rtol=1e-4, atol=1e-6)


def test_a_parameter_that_is_given_another_array_is_bound_anew(binds: list[int]) -> None:
    model, (x, _) = network(), batch()
    scores = minidl.compile(lambda x: model(x))
    with minidl.no_grad():
        for _ in range(3):
            scores(x)
        before = len(binds)
        for p in model.parameters():
            p.data = p.data * 2
        np.testing.assert_allclose(scores(x).data, model(x).data, rtol=1e-5)
        assert len(binds) == before + 1
        scores(x)
        assert len(binds) == before + 1


def kept_in_three_ways(p: Any) -> list[Any]:
    return [p.grad, p.grad.data, p.grad.data.reshape(-1)[:1], p.grad.detach()]


@pytest.mark.parametrize("way", range(4), ids=["the tensor", "its array", "a view", "another tensor"])
def test_a_gradient_that_somebody_keeps_stays_what_it_is(way: int) -> None:
    model = network()
    step, (x, y) = stepping(model), batch()
    for _ in range(4):
        step(x, y)
    kept = [kept_in_three_ways(p)[way] for p in model.parameters()]
    before = [np.array(getattr(k, "data", k) if isinstance(k, minidl.Tensor) else k) for k in kept]
    for _ in range(2):
        step(x, y)
    for k, b, p in zip(kept, before, model.parameters(), strict=True):
        np.testing.assert_array_equal(k.data if isinstance(k, minidl.Tensor) else k, b)
        assert p.grad is not None
        assert not np.array_equal(p.grad.data.reshape(-1)[: b.size], b.reshape(-1))


def test_gradients_that_nobody_keeps_are_written_over(binds: list[int]) -> None:
    model = network()
    step, (x, y) = stepping(model), batch()
    for _ in range(3):
        step(x, y)
    weight = next(p for p in model.parameters() if p.ndim == 4)
    place = weight.grad.data.ctypes.data
    for _ in range(3):
        step(x, y)
        assert weight.grad.data.ctypes.data == place
    assert len(binds) == 1
    assert {type(lease) for lease in step.tape.leases.values()} == {Lease}


def test_gradients_that_are_added_up_are_not_written_over() -> None:
    """The one from before is an input of the replay."""
    found = []
    for compiled in (True, False):
        model = network()
        x, y = batch()

        def add_up(x: Any, y: Any, model: nn.Module = model) -> None:
            minidl.cross_entropy(model(x), y).backward()

        add_up(x, y)
        run: Any = minidl.compile(add_up) if compiled else add_up
        for _ in range(5):
            run(x, y)
        if compiled:
            assert not run.tape.leases
        found.append([p.grad.data for p in model.parameters()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_a_replay_that_is_taken_back_leaves_the_gradients_of_the_last_one() -> None:
    """What is computed before a guard is not written over: the function may do something else then."""
    w = minidl.tensor(np.full(3, 2.0), requires_grad=True)

    @minidl.compile
    def step(x: Any) -> None:
        loss = (w * x).square().sum()
        if loss.item() > 100:
            return
        w.grad = None
        loss.backward()
        if x.sum().item() < 0:
            w.grad = None

    x = minidl.tensor(np.ones(3))
    for _ in range(4):
        step(x)
    before = np.array(w.grad.data)
    with pytest.warns(minidl.tape.CompileWarning, match="recorded again"):
        step(minidl.tensor(np.full(3, 100.0)))
    np.testing.assert_array_equal(w.grad.data, before)


@pytest.mark.parametrize("path", ["planning", "fusion", "direct", "pooling", "softmax", "rectifier", "products"])
def test_a_path_can_be_switched_off_on_a_tape(path: str) -> None:
    found = []
    for compiled in (True, False):
        model = network()
        with without(path):
            step = stepping(model, compiled)
            for seed in range(5):
                step(*batch(seed))
        found.append([p.data for p in model.parameters()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_replay_makes_no_memory_for_what_is_large() -> None:
    minidl.manual_seed(0)
    layers = (
        nn.Conv2d(3, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(1024, 5),
    )
    model = nn.Sequential(*layers)
    step = stepping(model)
    x, y = minidl.randn(16, 3, 16, 16), minidl.tensor(np.arange(16) % 5)
    for _ in range(5):
        step(x, y)
    tracemalloc.start()
    try:
        step(x, y)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        step(x, y)
        most = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert most < 16 * 16 * 16 * 16 * 4 / 2  # half of the first layer's result


def test_an_instruction_that_is_one_call_is_heard() -> None:
    x, y = np.ones((3, 4)), np.ones((4, 5))
    with hearing() as heard:
        product = minidl.matmul(x, y)
    slots = [object.__new__(minidl.tape.program.Slot) for _ in range(3)]
    known = known_arrays(([x, y], slots[:2])) | {id(product): slots[2]}
    call = one_call(heard, known, slots[2:])
    assert call is not None
    assert (call.name, call.args, call.outs) == ("matmul", tuple(slots[:2]), tuple(slots[2:]))
    heard.calls.append(heard.calls[0])
    assert one_call(heard, known, slots[2:]) is None
    del heard.calls[1]
    assert one_call(heard, {k: v for k, v in known.items() if k != id(y)}, slots[2:]) is None


def test_a_result_that_is_returned_while_what_it_saves_is_not() -> None:
    """The maxima leave the replay and are memory of their own; their positions have a place."""

    def pooled(x: Any) -> Any:
        y = minidl.nn.functional.max_pool2d(x, 2)
        y.square().sum().backward()
        return y

    run, returned = minidl.compile(pooled), []
    for seed in range(5):
        x, same = (minidl.tensor(numbers(seed), requires_grad=True) for _ in range(2))
        expected = pooled(same)
        returned.append((run(x), expected))
        np.testing.assert_array_equal(x.grad.data, same.grad.data)  # type: ignore[union-attr]
    for found, expected in returned:
        np.testing.assert_array_equal(found.data, expected.data)


def numbers(seed: int) -> Any:
    return np.random.default_rng(seed).standard_normal((2, 3, 4, 6))


def test_only_the_thread_that_records_is_heard() -> None:
    """A rule may wait for another thread, which may record too."""
    with hearing() as heard:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(listening).result(timeout=60)
        minidl.exp(np.ones(3))
        with hearing() as inner:
            minidl.exp(np.ones(3))
    assert [name for name, *_ in heard.calls] == ["exp", "exp"]
    assert [name for name, *_ in inner.calls] == ["exp"]


def listening() -> None:
    with hearing() as heard:
        minidl.matmul(np.ones((2, 2)), np.ones((2, 2)))
    assert [name for name, *_ in heard.calls] == ["matmul"]


def test_a_broadcast_of_one_number_is_not_written_to() -> None:
    """NumPy lets nobody write to it, though it shows all of its memory."""
    run = minidl.compile(lambda x: (x.sum().reshape((1,)).expand(1, 1) * 2.0).exp())
    for k in range(4):
        assert run(minidl.full((3,), float(k))).item() == pytest.approx(np.exp(6 * k))


def test_a_view_at_an_index_that_is_computed_is_taken_at_each_replay() -> None:
    run = minidl.compile(lambda x, knots, values: nn.functional.piecewise_linear(x, knots, values))
    knots, values = minidl.tensor([0.0, 1.0, 2.0, 3.0]), minidl.tensor([0.0, 1.0, 4.0, 9.0])
    for x, expected in ((0.5, 0.5), (1.5, 2.5), (2.5, 6.5), (0.25, 0.25), (2.0, 4.0)):
        assert run(minidl.tensor(x), knots, values).item() == expected
    assert run.tape.replays == 3
