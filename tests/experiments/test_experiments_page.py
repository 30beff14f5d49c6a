"""The experiments' table agrees with their results, and the results with what the claims say."""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from . import __main__ as command
from . import harness, table
from .course import EXPERIMENTS
from .harness import Claim, claim, not_reproduced

QUICK = "linear-collapse"


@pytest.fixture
def found() -> table.Results:
    """Results of one experiment."""
    measured = {QUICK: {"largest difference ÷ largest output": [1e-7, 3e-7, 2e-7]}}
    about = {"processor": "Some processor", "cores": 4, "python": "3.11.7", "numpy": "2.1.0", "minidl": "0.1"}
    return table.Results("2026-11-02", "python -m tests.experiments", about, [1, 2, 3], measured)


def test_the_page_has_the_newest_numbers() -> None:
    page = (table.FOLDER / "README.md").read_text(encoding="utf-8")
    assert table.written(page, table.load(table.newest())) == page, "python -m tests.experiments --markdown"


def test_every_experiment_was_measured_with_five_seeds_or_more() -> None:
    newest = table.load(table.newest())
    assert set(newest.measured) == set(EXPERIMENTS)
    assert len(newest.seeds) >= 5
    assert newest.seeds[0] >= 100, "seeds below 100 are for trying out"
    for name, quantities in newest.measured.items():
        for quantity, values in quantities.items():
            assert len(values) == len(newest.seeds), (name, quantity)
            assert all(map(math.isfinite, values)), (name, quantity)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_results_are_what_the_claims_say(name: str) -> None:
    one, measured = EXPERIMENTS[name], table.load(table.newest()).measured[name]
    assert one.claims
    assert one.title.endswith((".", "?"))
    assert one.design
    assert one.source
    assert len({said.quantity for said in one.claims}) == len(one.claims)
    for said in one.claims:
        assert said.holds(measured[said.quantity]) == said.reproduced, said


def test_a_claim_is_about_the_median() -> None:
    said = claim("accuracy", above=0.9)
    assert said.holds([0.1, 0.9, 1.0])
    assert not said.holds([0.89, 0.89, 1.0])
    assert claim("steps", above=95, below=95).holds([95.0])
    assert not claim("steps", below=94).holds([95.0])
    assert said.reproduced
    assert not not_reproduced("accuracy", "for a reason", above=0.9).reproduced


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (Claim("", 0.9), "≥ 0.9"),
        (Claim("", below=1e-5), "≤ 1.0e−05"),
        (Claim("", 95, 95), "= 95"),
        (Claim("", 0.5, 2), "0.5 … 2"),
    ],
)
def test_a_claim_reads_as_a_relation(said: Claim, text: str) -> None:
    assert str(said) == text


def test_seeds_are_repeated_and_kept_in_order() -> None:
    with ThreadPoolExecutor(1) as here:
        twice = [harness.run([QUICK], 2, 5, executor=here) for _ in range(2)]
        (one,) = harness.run([QUICK], 1, 6, executor=here)[QUICK].values()
    ((quantity, values),) = twice[0][QUICK].items()
    assert twice[0] == twice[1]
    assert values[1:] == one
    assert values[0] != values[1]
    assert EXPERIMENTS[QUICK].claims[0].quantity == quantity


def test_a_run_that_fails_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(seed: int) -> harness.Measured:
        raise ValueError("of a kind")

    monkeypatch.setitem(EXPERIMENTS, "broken", dataclasses.replace(EXPERIMENTS[QUICK], measure=broken))
    with ThreadPoolExecutor(1) as here, pytest.raises(RuntimeError, match=r"broken.*of a kind"):
        harness.run(["broken"], 1, executor=here)


def test_a_table_tells_the_claim_the_median_and_the_spread(found: table.Results) -> None:
    text = table.section(found)
    assert text.startswith(
        "Measured on 2 November 2026 with `python -m tests.experiments`, seeds 1 to 3, on a 4-core Some"
    )
    row = "| largest difference ÷ largest output | ≤ 1.0e−05 | 2.0e−07 | 1.0e−07 – 3.0e−07 | reproduced |"
    assert row in text
    assert "1 experiments make 1 claims, of which 1 came out. Not reproduced: none." in text
    found.measured[QUICK]["largest difference ÷ largest output"][:2] = [1.0, 1.0]
    assert "| 1 | 2.0e−07 – 1 | **not reproduced** |" in table.section(found)


def test_what_did_not_run_again_stays_in_the_file(found: table.Results, tmp_path: Path) -> None:
    path = tmp_path / "results" / "2026-11-02.json"
    table.save(path, found)
    assert table.load(path) == found
    table.save(path, dataclasses.replace(found, measured={"spiral": {"a": [1.0, 2.0, 3.0]}}))
    assert set(table.load(path).measured) == {QUICK, "spiral"}
    table.save(path, dataclasses.replace(found, seeds=[7, 8, 9]))
    assert set(table.load(path).measured) == {QUICK}
    with pytest.raises(ValueError, match="not JSON compliant"):
        table.save(path, dataclasses.replace(found, measured={"spiral": {"a": [math.inf]}}))
    assert json.loads(path.read_text(encoding="utf-8"))["seeds"] == [7, 8, 9]


def test_the_table_is_put_between_the_marks(found: table.Results) -> None:
    page = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"
    written = table.written(page, found)
    assert written.startswith(f"before\n{table.BEGIN}\n\nMeasured on")
    assert written.endswith(f"|\n\n{table.END}\nafter\n")
    assert table.written(written, found) == written
    with pytest.raises(ValueError, match="there is no"):
        table.written("a page", found)


def test_the_command_writes_what_it_printed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(names: list[str], seeds: int, first: int, **others: Any) -> Any:
        return {name: {"largest difference ÷ largest output": [1e-7] * seeds} for name in names}

    monkeypatch.setattr(command, "run", run)
    path = tmp_path / "found.json"
    command.main([QUICK, "--seeds", "2", "--first", "7", "--json", str(path)])
    assert "reproduced" in capsys.readouterr().out
    written = table.load(path)
    assert (written.seeds, list(written.measured)) == ([7, 8], [QUICK])
    assert written.command.startswith("python -m tests.experiments --seeds 2 --first 7 --json")
    page = tmp_path / "page.md"
    page.write_text(f"{table.BEGIN}\n{table.END}\n", encoding="utf-8")
    command.main(["--markdown", str(page)])
    assert page.read_text(encoding="utf-8").count("### ") == len(EXPERIMENTS)
    with pytest.raises(SystemExit):
        command.parse(["valey"])
    assert "choose from" in capsys.readouterr().err


def test_experiments_do_not_run_unless_asked_for(repository: Path) -> None:
    options = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["pytest"][
        "ini_options"
    ]
    assert "not experiment" in options["addopts"]
    assert any(mark.startswith("experiment:") for mark in options["markers"])
