"""The mutation run itself: that it finds every rule, breaks it as it says, mends it again, and tells who survives.

The run is `python -m tests.mutation`; here it breaks a few rules only.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import minidl
from minidl.primitives import registry

FOLDER = Path(__file__).parent.parent / "mutation"
_spec = importlib.util.spec_from_file_location(
    "mutation", FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
)
assert _spec is not None
assert _spec.loader is not None
sys.modules["mutation"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules["mutation"])
battery, campaign, equivalents, mutants, run, targets = (
    importlib.import_module(f"mutation.{name}")
    for name in ("battery", "campaign", "equivalents", "mutants", "run", "targets")
)


def texts(source: str) -> list[str]:
    (statement,) = ast.parse(source).body
    function = statement.value if isinstance(statement, ast.Expr) else statement
    return [e.text for e in mutants.edits(function)]


def target(name: str) -> Any:
    return next(t for t in RULES if t.name == name)


RULES = targets.rules()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("lambda x: x", ["x → -x"]),
        ("lambda x: x + 1", ["x + 1 → -(x + 1)", "x + 1 → x - 1", "x + 1 → x", "x + 1 → 1", "1 → 2"]),
        ("lambda x: x / y", ["x / y → -(x / y)", "x / y → x * y", "x / y → x", "x / y → 1 / y"]),
        ("lambda x: -x", ["-x → x"]),
        ("lambda x: f(x, y)", ["f(x, y) → -f(x, y)", "f(x, y) → f(y, x)", "f(x, y) → x"]),
        ("lambda x: f(x, dim=0)", ["f(x, dim=0) → -f(x, dim=0)", "f(x, dim=0) → x", "f(x, dim=0) → f(x)", "0 → 1"]),
        ("lambda x: greater(x, 0)", [
            "greater(x, 0) → -greater(x, 0)", "greater(x, 0) → greater_equal(x, 0)", "greater(x, 0) → less(x, 0)",
            "greater(x, 0) → greater(0, x)", "greater(x, 0) → x", "0 → 1",
        ]),
        ("lambda x: (x, y)", ["x → -x", "y → -y"]),
    ],
)  # fmt: skip
def test_the_ways_to_break_an_expression(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


def test_the_ways_to_break_statements() -> None:
    found = texts("def f(x, n):\n    'Doc.'\n    if n < 0:\n        raise ValueError(n - 1)\n    x += n\n    return x")
    assert found == ["drop x += n", "x += n → x -= n", "x += n → x = n", "x → -x"]


def test_branches_are_taken_always_and_never() -> None:
    assert texts("def f(x):\n    if x == 0:\n        return x\n    return y")[:3] == [
        "if x == 0 → True", "if x == 0 → False", "x == 0 → x != 0",
    ]  # fmt: skip


def test_every_rule_is_found() -> None:
    found = {id(f) for t in RULES if isinstance(t, targets.Target) for f in t.functions}
    constants = {(t.owner.name, t.position) for t in RULES if isinstance(t, targets.Constant)}
    for primitive in registry.values():
        for slot in targets.SLOTS:
            rules = getattr(primitive, slot, None)
            for i, rule in enumerate(rules if isinstance(rules, tuple) else [rules]):
                if callable(rule):
                    assert id(getattr(rule, "func", rule)) in found, (primitive.name, slot)
                elif rule is not None:
                    assert (primitive.name, i) in constants


def test_every_kernel_is_found() -> None:
    names = {t.name for t in targets.kernels()}
    files = {p.stem: p for p in (FOLDER.parent.parent / "minidl" / "kernels" / "cpu").rglob("*.py")}
    assert files.keys() >= targets.NOT_YET
    source = "".join(p.read_text(encoding="utf-8") for name, p in files.items() if name not in targets.NOT_YET)
    assert len(names) == source.count("\n@kernel(") > 5


def test_names_are_unique() -> None:
    names = [m.id for t in RULES for m in targets.mutants_of(t)]
    assert len(names) > 1000
    assert len(set(names)) == len(names)


def test_a_mutant_is_at_large_inside_its_block_only() -> None:
    mutant = next(m for m in targets.mutants_of(target("exponential: log.partials[0]")) if "1 / x → 1 * x" in m.id)
    x = minidl.tensor([4.0], requires_grad=True)
    with mutant.at_large():
        assert minidl.grad(minidl.log(x).sum(), [x])[0].tolist() == [4.0]
    assert minidl.grad(minidl.log(x).sum(), [x])[0].tolist() == [0.25]


def test_a_constant_partial_is_broken_and_mended() -> None:
    mutant = next(m for m in targets.mutants_of(target("arithmetic: sub.partials[1]")) if m.what == 1)
    with mutant.at_large():
        assert registry["sub"].partials == (1, 1)  # type: ignore[attr-defined]
    assert registry["sub"].partials == (1, -1)  # type: ignore[attr-defined]


def test_a_function_with_free_variables_keeps_them() -> None:
    def make(scale: int) -> Any:
        return lambda x: scale * x

    rule = make(3)
    node = targets.node_of(rule.__code__)
    broken = targets.Target("here", "rules", [rule], node)
    for mutant in targets.mutants_of(broken):
        if mutant.text == "scale * x → x":
            with mutant.at_large():
                assert rule(5) == 5
    assert rule(5) == 15


def samples_of(name: str) -> list[Any]:
    return [e for e in battery.records_of_primitives() if e.subject.name == name]


def test_no_mutant_of_tanh_survives() -> None:
    entries = samples_of("tanh")
    fates = [run.confront(m, entries) for m in targets.mutants_of(target("activation: tanh.partials[0]"))]
    assert len(fates) > 5
    assert all(f.killer for f in fates)


def test_without_samples_every_mutant_survives_and_the_run_fails(capsys: pytest.CaptureFixture[str]) -> None:
    fates = [run.confront(m, []) for m in targets.mutants_of(target("activation: tanh.partials[0]"))]
    assert not any(f.killer for f in fates)
    assert campaign.report(fates, [], []) == 1
    assert "tanh.partials[0]" in capsys.readouterr().out


def test_a_planted_survivor_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """A rule with a term that its samples cannot see: 0 in all of them."""

    def rule(y: float, x: float) -> float:
        return 2 * x + (x - 1) * (x - 2)

    planted = targets.Target("planted.rule", "rules", [rule], targets.node_of(rule.__code__))

    def check() -> None:
        assert [rule(0, x) for x in (1, 2)] == [2, 4]

    entry = battery.Entry("planted", [("test", check)], code={rule.__code__})
    fates = [run.confront(m, [entry]) for m in targets.mutants_of(planted)]
    alive = [f.id for f in fates if not f.killer]
    assert "planted.rule: 2 * x + (x - 1) * (x - 2) → 2 * x - (x - 1) * (x - 2)" in alive
    assert "planted.rule: 2 * x + (x - 1) * (x - 2) → (x - 1) * (x - 2)" not in alive
    assert campaign.report(fates, [], []) == 1
    assert "planted.rule" in capsys.readouterr().out


def test_the_list_of_equivalents_must_be_right(monkeypatch: pytest.MonkeyPatch) -> None:
    dead, alive = run.Fate("a: 1 → 2", "some test", 3), run.Fate("b: 1 → 2", "", 3)
    assert campaign.report([dead], [], []) == 0
    assert campaign.report([alive], [], []) == 1
    monkeypatch.setitem(campaign.EQUIVALENTS, "b: 1 → 2", "because")
    assert campaign.report([dead, alive], [], []) == 0
    assert campaign.report([dead], ["b: 1 → 2"], []) == 1
    assert campaign.report([dead], [], ["a test that fails anyway"]) == 0
    monkeypatch.setitem(campaign.EQUIVALENTS, "a: 1 → 2", "because")
    assert campaign.report([dead], [], []) == 1


def test_a_sample_is_the_same_each_time_and_leaves_equivalents_out(monkeypatch: pytest.MonkeyPatch) -> None:
    every = [m for t in RULES for m in targets.mutants_of(t)]
    first, second = (campaign.choose(every, [], 20, seed=3) for _ in range(2))
    assert first == second
    assert len(first) == 20
    assert campaign.choose(every, [], 20, seed=4) != first
    monkeypatch.setitem(campaign.EQUIVALENTS, first[0].id, "because")
    assert first[0] not in campaign.choose(every, [], len(every) - 1, seed=3)


def test_every_listed_equivalent_is_a_mutant_and_has_a_reason() -> None:
    every = {m.id for part in targets.PARTS.values() for t in part() for m in targets.mutants_of(t)}
    assert [name for name in equivalents.EQUIVALENTS if name not in every] == []
    assert all(len(reason) > 15 for reason in equivalents.EQUIVALENTS.values())


def test_what_hangs_is_interrupted() -> None:
    start = time.perf_counter()
    assert battery.fails(lambda: time.sleep(30), 0.05).startswith("HangsError")
    assert time.perf_counter() - start < 5
