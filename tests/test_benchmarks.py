"""The benchmark's harness: what it refuses, what it reports, and that every row can be asked for. Nothing here is timed."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl

FOLDER = Path(__file__).parent / "benchmarks"
_spec = importlib.util.spec_from_file_location(
    "benchmarks", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
)
assert _spec is not None
assert _spec.loader is not None
sys.modules["benchmarks"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["benchmarks"])
harness, idle, peers, steps, engine, layers, networks, table, command = (
    importlib.import_module(f"benchmarks.{name}")
    for name in ("harness", "idle", "peers", "steps", "engine", "layers", "networks", "table", "__main__")
)

NOBODY = peers.Peers((), 1)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A bench that takes as few turns as there can be."""
    monkeypatch.setattr(harness, "TURNS", 5)
    monkeypatch.setattr(harness, "LEAST", 0.0)
    monkeypatch.setattr(idle, "wait", lambda limit: None)
    return harness.Bench(NOBODY, 1, 0.0)


def test_works_that_disagree_are_refused() -> None:
    same = {"a": lambda: [1.0, np.ones(3)], "b": lambda: (np.float32(1), minidl.ones(3))}
    harness.check_agreement(same)
    with pytest.raises(AssertionError, match="b and a differ"):
        harness.check_agreement({"a": lambda: 1.0, "b": lambda: 1.1})
    with pytest.raises(AssertionError, match="2 and 1 arrays"):
        harness.check_agreement({"a": lambda: [1.0, 2.0], "b": lambda: 1.0})


def test_later_calls_must_agree_too() -> None:
    drifting = iter([1.0, 1.0, 2.0])
    with pytest.raises(AssertionError, match="call 3"):
        harness.check_agreement({"a": lambda: 1.0, "b": lambda: next(drifting)}, calls=3)


def test_contenders_take_turns() -> None:
    order: list[str] = []

    def work(name: str) -> None:
        if order[-1:] != [name]:
            order.append(name)

    times = harness.take_turns({name: functools.partial(work, name) for name in "abc"}, budget=0.0)
    assert {name: len(found) for name, found in times.items()} == dict.fromkeys("abc", 5)
    assert order == [
        *"abcabc",
        *"abc",
        *"ba",
        *"bc",
        *"ba",
        *"bc",
    ]  # a first call, a first measurement, five turns to and fro


def test_a_turn_is_timed_by_its_fastest_call(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    lengths = iter([5.0, 1.0, 2.0])

    def work() -> None:
        now[0] += next(lengths)

    monkeypatch.setattr(harness.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(harness.time, "process_time", lambda: 2 * now[0])
    assert harness.clock(work, least=0.0, calls=3) == harness.Turn(fastest=1.0, usual=2.0, cores=2.0)


def test_short_calls_are_timed_together() -> None:
    done: list[int] = []
    turn = harness.clock(lambda: done.append(1), least=0.0, calls=2, together=50)
    assert len(done) == 100
    assert turn.fastest <= turn.usual


def test_what_runs_before_a_call_does_not_count(quick: Any) -> None:
    order: list[str] = []
    harness.clock(lambda: order.append("work"), lambda: order.append("before"), least=0.0)
    assert order == ["before", "work"]


def test_a_contest_compares_each_way_with_each_peer(quick: Any) -> None:
    one = {"minidl": lambda: 1.0, "minidl compiled": lambda: 1.0}
    two = {"torch": lambda: 1.0, "numpy": lambda: 1.0}
    found = list(quick.contest("row", "what", one, two, goals={"minidl": {"torch": 0.0}}))
    assert [(r.ours, r.peer) for r in found] == [(a, b) for a in one for b in two]
    assert all(r.low <= r.high and r.mine > 0 and r.theirs > 0 for r in found)
    assert all(r.ratio == pytest.approx(r.mine / r.theirs) for r in found)
    assert [r.goal for r in found] == [0.0, None, None, None]
    (alone,) = quick.contest("row", "what", {"minidl": lambda: 1.0}, {})
    assert (alone.peer, alone.ratio) == ("", None)
    quick.only = "numpy"
    (only,) = quick.contest("row", "what", one, two)
    assert (only.ours, only.peer) == ("numpy", "")


def test_compare_gives_the_medians_and_the_ratio(quick: Any) -> None:
    row = harness.compare(lambda: 1, lambda: 2)
    assert set(row) == {"minidl_ms", "peer_ms", "ratio", "low", "high"}


def test_lines_say_whether_the_machine_was_idle_and_the_aim_met() -> None:
    result = harness.Result("op", "8 numbers", "minidl", "torch", 0.002, 0.004, 0.5, 0.45, 0.55, others=0.3, goal=0.5)
    said = command.line(result)
    assert said.endswith("others 30%  NOT IDLE")  # and nobody knows whether the aim is met
    quiet = dataclasses.replace(result, ratio=0.6, others=0.02, cores=1.04, their_cores=1.96)
    assert command.line(quiet).endswith("cores 1.0 and 2.0  others 2%  aim ≤ 0.5: MISSED")
    assert command.line(dataclasses.replace(quiet, ratio=0.5)).endswith("aim ≤ 0.5: met")
    assert command.line(dataclasses.replace(quiet, noise=0.5)).endswith("NOT IDLE")
    assert command.line(dataclasses.replace(quiet, others=0.9, unit="MiB")).endswith("aim ≤ 0.5: MISSED")


def test_lines_say_who_was_held_up_in_the_contest() -> None:
    result = harness.Result("mlp", "", "minidl", "torch", 2.0, 3.0, 0.67, alone=1.9, their_alone=1.0)
    assert command.line(result).endswith("alone 1.90 ms and 1.00 ms (torch was held up)")


def test_a_row_without_its_peer_or_that_fails_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(bench: Any) -> Any:
        raise ValueError("of a kind\nwith more lines")
        yield

    monkeypatch.setitem(command.ROWS, "broken", broken)
    bench = harness.Bench(NOBODY, 1, 0.0)
    (failed,) = command.measure(bench, "broken")
    assert command.line(failed) == "broken        — failed: ValueError: of a kind"
    (absent,) = command.measure(bench, "moons")
    assert "micrograd" in absent.text


def test_every_row_says_what_it_measures_and_unknown_ones_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert all(row.__doc__ for row in command.ROWS.values())
    options = command.parse(["op", "mlp", "--peers", "torch, numpy", "--threads", "1"])
    assert (options.names, options.peers, options.threads) == (["op", "mlp"], ["torch", "numpy"], 1)
    for wrong in (["opp"], ["op", "--peers", "theano"]):
        with pytest.raises(SystemExit):
            command.parse(wrong)
        assert "choose from" in capsys.readouterr().err


def test_others_share_is_a_share_or_unknown() -> None:
    share = idle.Others().share()
    assert share is None or 0.0 <= share <= 1.0


def test_numpys_mlp_and_minidls_take_the_same_steps() -> None:
    images, labels = steps.batch((1, 28, 28), 4)
    ways, model = steps.minidl_ways(networks.NETWORKS["mlp"], images, labels)
    by_hand = steps.numpy_mlp_step([p.data for p in model.parameters()], images, labels)
    assert list(ways) == ["minidl", steps.COMPILED]
    harness.check_agreement({**ways, "numpy": by_hand}, calls=4)


@pytest.mark.torch
@pytest.mark.parametrize("name", networks.NETWORKS)
def test_pytorchs_networks_take_the_same_steps(name: str) -> None:
    torch = pytest.importorskip("torch")
    network = networks.NETWORKS[name]
    images, labels = steps.batch(network.image, 2)
    minidl.manual_seed(0)
    ours, works = network.ours(), {}
    for layout in ("torch", "channels_last"):
        theirs = network.theirs(torch.nn)
        networks.share_weights(ours, theirs)
        works[layout] = steps.torch_step(torch, theirs, images, labels, layout)
    harness.check_agreement({"minidl": steps.minidl_step(ours, images, labels), **works}, calls=3, rtol=1e-3)


@pytest.mark.torch
def test_networks_of_other_shapes_share_no_weights() -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(ValueError, match="differ"):
        networks.share_weights(networks.mlp(minidl.nn, (4, 3, 2)), networks.mlp(torch.nn, (4, 5, 2)))


def test_the_layouts_of_layers_hold_the_same_numbers() -> None:
    array = np.arange(24.0).reshape(1, 2, 3, 4)
    moved = layers.channels_last(array)
    assert np.array_equal(moved, array)
    assert moved.strides[1] == moved.itemsize
    assert minidl.tensor(moved).data.strides == moved.strides


def test_adam_by_hand_is_minidls() -> None:
    start, slope = np.random.default_rng(0).standard_normal((2, 5)).astype("f")
    p = minidl.tensor(start.copy(), requires_grad=True)
    p.grad = minidl.tensor(slope)
    optimizer = minidl.optim.Adam([p])

    def ours() -> Any:
        optimizer.step()
        return p

    harness.check_agreement({"minidl": ours, "numpy": layers._adam_by_hand(start.copy(), slope)}, calls=3)


def test_the_moons_of_minidl_have_finite_gradients() -> None:
    values = engine.moons_minidl([[0.5, -0.25], [1.0, 0.5]], [1.0, -1.0])()
    assert len(values) == 1 + 337
    assert np.isfinite([float(v) for v in values]).all()


def run(**others: Any) -> Any:
    """A run with one network's step, define-by-run and compiled, beside both layouts."""
    result = harness.Result("mlp", "batch 64", "minidl", "torch", 1.0, 2.0, 0.5, 0.4, 0.6, others=0.034)
    results = [
        dataclasses.replace(result, ours=way, peer=peer, ratio=ratio, alone=3.0, their_alone=alone)
        for way, ratio in (("minidl", 1.234), (steps.COMPILED, 0.00234))
        for peer, alone in (("torch", 2.0), ("channels_last", 1.5), ("numpy", 0.5))
    ]
    about = {"processor": "Some processor", "cores": 4, "threads": 2, "python": "3.11.7", "torch": "2.13.0+cpu"}
    return table.Run("2026-11-02", about, [*results, harness.Remark("moons", "needs micrograd")], **others)


def test_a_run_reads_as_a_table() -> None:
    assert table.section(run()).split("\n") == [
        "Measured on 2 November 2026 on a 4-core Some processor of which others used at most 3%, two threads, float32, "
        "Python 3.11.7, PyTorch",
        "2.13.0 (CPU).",
        "",
        "|  | beside | define-by-run | `minidl.compile` | each in its own process |",
        "| --- | --- | --- | --- | --- |",
        "| MLP 784-256-128-10, batch 64 | PyTorch; channels_last | 1.23; 1.23 | 0.0023; 0.0023 | 2.00; 2.00 |",
    ]


def test_rows_measured_again_replace_those_of_the_same_machine(tmp_path: Path) -> None:
    path, first = tmp_path / "results" / "2026-11-02.json", run()
    table.save(path, first)
    assert table.load(path) == first
    again = [harness.Remark("mlp", "failed"), harness.Remark("vit", "failed")]
    table.save(path, dataclasses.replace(first, results=again))
    assert [(r.row, type(r).__name__) for r in table.load(path).results] == [
        ("moons", "Remark"),
        ("mlp", "Remark"),
        ("vit", "Remark"),
    ]
    elsewhere = dataclasses.replace(first, machine={**first.machine, "cores": 64})
    table.save(path, elsewhere)
    assert table.load(path) == elsewhere


def test_the_table_is_put_between_the_marks_of_a_page() -> None:
    page = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    written = table.written(page, run())
    assert written.startswith(f"before\n{table.BEGIN}\n\nMeasured on")
    assert written.endswith(f"|\n\n{table.END}\nafter\n")
    assert table.written(written, run()) == written
    with pytest.raises(ValueError, match="there is no"):
        table.written("a page", run())


def test_the_readme_has_the_newest_numbers(repository: Path) -> None:
    page = (repository / "README.md").read_text(encoding="utf-8")
    assert table.written(page, table.load(table.newest())) == page, "python -m tests.benchmarks --markdown README.md"
