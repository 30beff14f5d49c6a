"""The profile: what it counts, where it puts it down, and that nothing is computed otherwise while it looks on."""

from __future__ import annotations

import gc
import io
import time
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.data import DataLoader, TensorDataset
from minidl.errors import MinidlError, UsageError
from minidl.graph import Notation, Primitive
from minidl.graph.mode import state
from minidl.profiler import Profile
from minidl.profiler.memory import Memory
from minidl.profiler.profile import BETWEEN


class Net(nn.Module):
    """Two layers, one inside another module, and a function between them."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU())
        self.head = nn.Linear(2, 3)

    def forward(self, x: Any) -> Any:
        return self.head(self.body(x).mean((2, 3)))


def step(model: nn.Module, optimizer: Any, x: Any, y: Any) -> float:
    optimizer.zero_grad()
    loss = minidl.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
    return float(loss.item())


def trained(steps: int, profiled: bool) -> tuple[list[float], Profile]:
    minidl.manual_seed(1)
    model = Net()
    optimizer = minidl.optim.SGD(model.parameters(), lr=0.1)
    rng = np.random.default_rng(0)
    images, labels = rng.standard_normal((8, 1, 5, 5)).astype("f"), rng.integers(0, 3, 8)
    loader = DataLoader(TensorDataset(images, labels), batch_size=4)
    p = Profile()
    if profiled:
        p.__enter__()
    losses = [step(model, optimizer, *batch) for _ in range(steps) for batch in loader]
    if profiled:
        p.__exit__(None, None, None)
    return losses, p


def seconds(p: Profile, **wanted: Any) -> float:
    return sum(row.seconds for row in p.rows if all(getattr(row, name) == value for name, value in wanted.items()))


def test_each_operation_stands_in_its_module_and_phase() -> None:
    _, p = trained(1, profiled=True)
    calls = {(row.phase, row.module, row.operation[-1]): row.calls for row in p.rows if len(row.operation) == 1}
    assert calls["forward", "body.0", "conv2d"] == 2
    assert calls["forward", "body.1", "relu"] == 2
    assert calls["forward", "", "mean"] == 2
    assert {("backward", module) for module in ("body.0", "body.1", "head", "")} <= {key[:2] for key in calls}
    nested = {row.operation for row in p.rows if len(row.operation) > 1 and row.module == "body.0"}
    assert ("conv2d", "conv2d_weight") in nested


def test_the_phases_share_the_whole_time() -> None:
    _, p = trained(2, profiled=True)
    assert set(p.phases) == {"forward", "backward", "optimizer", "loading"}
    assert sum(p.phases.values()) == pytest.approx(p.seconds)
    for phase, whole in p.phases.items():
        assert seconds(p, phase=phase) <= whole
    assert {row.phase for row in p.rows} == {"forward", "backward", "loading"}


def test_results_are_the_same_and_nobody_looks_on_afterwards() -> None:
    assert trained(3, profiled=True)[0] == trained(3, profiled=False)[0]
    assert state.profiler is None
    assert state.plain


def test_a_slow_operation_and_a_slow_rule_are_seen() -> None:
    def slow(xp: Any, x: Any) -> Any:
        time.sleep(0.02)
        return x + 0

    class Slow(Primitive):
        kind = "general"

        def vjp(self, g: Any, out: Any, inputs: Any, saved: Any, params: Any, needs: Any) -> list[Any]:
            time.sleep(0.04)
            return [minidl.exp(g) * 0 + g]

    primitive = Slow("slow", slow, Notation("s", "s({0})"), arguments=("input",))
    x = minidl.ones(4, requires_grad=True)
    with minidl.profile() as p:
        primitive(x).sum().backward()
    assert seconds(p, operation=("slow",), phase="forward") >= 0.02
    assert seconds(p, operation=("slow",), phase="backward") >= 0.04
    assert 0 < seconds(p, operation=("slow", "exp")) < 0.02
    assert p.within("") == pytest.approx(sum(row.seconds for row in p.rows))


def test_an_error_inside_ends_the_profile_and_leaves_no_trace() -> None:
    p = minidl.profile()
    with pytest.raises(MinidlError), p:
        minidl.ones(2, 3) @ minidl.ones(2, 3)
    assert state.profiler is None
    assert p.seconds > 0
    minidl.ones(2).exp()
    assert "exp" not in [row.operation[-1] for row in p.rows]


def test_bytes_and_the_peak_follow_what_is_alive() -> None:
    x = minidl.ones(1000, dtype=minidl.float64)
    with minidl.profile() as p:
        a = x * 2
        for _ in range(5):
            b = a * 3  # the one before goes as this one comes
        c = a.reshape(10, 100)  # shows memory that is there
        del b
    (mul,) = [row for row in p.rows if row.operation == ("mul",)]
    assert mul.allocated == 6 * 8000
    assert p.peak == 3 * 8000
    assert sum(row.allocated for row in p.rows if row.operation == ("reshape",)) == 0
    assert c.shape == (10, 100)


def test_memory_counts_each_array_until_it_goes() -> None:
    memory = Memory()
    arrays = [np.zeros(size) for size in (10, 20)]
    assert memory.follow(tuple(arrays)) == 240
    assert memory.follow(3.0) == 0
    gc.disable()
    try:
        del arrays[0]
        assert memory.live == 160
        memory.follow(np.zeros(5))
    finally:
        gc.enable()
    assert (memory.live, memory.peak) == (160, 240)


def test_tables_add_up() -> None:
    _, p = trained(1, profiled=True)
    for by in ("operation", "phase"):
        table = p.table(by=by)
        whole = [column.heading for column in table.columns].index("ms")
        assert sum(line[whole] for line in table.lines) == pytest.approx(p.seconds)
    operations = p.table()
    assert operations.names[-1] == BETWEEN
    times = [line[2] for line in operations.lines[:-1]]
    assert times == sorted(times, reverse=True)
    modules = {line[0].strip(): line for line in p.table(by="module").lines}
    assert modules["body"][2] == pytest.approx(p.within("body"))
    assert modules["body"][2] == pytest.approx(modules["0"][2] + modules["1"][2])
    with pytest.raises(UsageError, match="layer"):
        p.table(by="layer")  # type: ignore[arg-type]


def test_print_is_plain_and_rich_shows_the_same() -> None:
    from rich.console import Console

    _, p = trained(1, profiled=True)
    said = str(p)
    assert "\x1b" not in said
    assert said.count("Measuring took about") == 1
    assert said.splitlines()[-1].startswith(f"{p.table('phase').footer[:6]}")
    page = io.StringIO()
    Console(file=page, width=120, color_system=None).print(p)
    for name in ("conv2d_weight", "body", "optimizer", BETWEEN):
        assert name in said
        assert name in page.getvalue()


def test_no_number_is_cut_short_in_80_columns() -> None:
    from rich.console import Console

    _, p = trained(1, profiled=True)
    page = io.StringIO()
    Console(file=page, width=80, color_system=None).print(p)
    assert "…" not in page.getvalue()


def test_its_own_overhead_is_stated_and_small_beside_real_work() -> None:
    x = minidl.ones(300, 300, requires_grad=True)
    with minidl.profile() as p:
        for _ in range(5):
            (x @ x).sum().backward()
    assert 0 < p.overhead < p.seconds
    assert "Measuring took about" in p.table().footer


def test_profiles_do_not_nest_and_are_used_once() -> None:
    with minidl.profile() as p:
        with pytest.raises(UsageError, match="already"), minidl.profile():
            pass
        assert state.profiler is p
    with pytest.raises(UsageError, match="finished"), p:
        pass
    assert state.profiler is None


def test_second_order_gradients_are_profiled_too() -> None:
    x = minidl.tensor([1.0, 2.0], requires_grad=True)
    with minidl.profile() as p:
        (first,) = minidl.grad((x * x).sum(), [x], create_graph=True)
        (second,) = minidl.grad((first * first).sum(), [x])
    assert second.tolist() == [8.0, 16.0]
    nested = {(row.phase, row.operation) for row in p.rows if len(row.operation) > 1}
    assert ("backward", ("mul", "mul")) in nested


def test_a_compiled_step_is_profiled_instruction_by_instruction() -> None:
    model = Net()
    optimizer = minidl.optim.SGD(model.parameters(), lr=0.1)
    x, y = minidl.ones(2, 1, 5, 5), minidl.tensor([0, 1])

    @minidl.compile
    def compiled(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = minidl.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    losses = [compiled(x, y).item() for _ in range(3)]
    with minidl.profile() as p:
        losses += [compiled(x, y).item() for _ in range(2)]
    assert losses == sorted(losses, reverse=True)
    assert state.profiler is None
    replayed = [row for row in p.rows if row.phase == "replay"]
    assert ("body.0", ("conv2d",), 2) in {(row.module, row.operation, row.calls) for row in replayed}
    assert any("SGD" in row.operation[0] for row in replayed)
    assert p.phases["replay"] >= sum(row.seconds for row in replayed)


def test_scalars_are_profiled() -> None:
    a, b = minidl.scalar(2.0), minidl.scalar(3.0)
    with minidl.profile() as p:
        (a * b + a).backward()
    assert a.grad == 4.0
    calls = {(row.phase, row.operation): row.calls for row in p.rows}
    assert calls == {(phase, (name,)): 1 for phase in ("forward", "backward") for name in ("mul", "add")}
