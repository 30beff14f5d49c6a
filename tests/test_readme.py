"""What README.md and CONTRIBUTING.md show is true."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import minidl
from minidl.graph import Notation
from minidl.primitives import Elementwise, catalogue, registry
from minidl.primitives.kinds import sample
from tutorials.learning.recording import record
from tutorials.lesson import Lesson


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL)


def test_the_python_in_the_readme_runs(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    *found, _ = blocks(repository / "README.md", "python")
    assert len(found) == 3
    for block in found:
        exec(compile(block, "README.md", "exec"), {})
    said = re.findall(r"print\(.*\)  # (.*)", "".join(found))
    assert said
    assert capsys.readouterr().out.split() == " ".join(said).split()
    assert all((tmp_path / f"circuit.{suffix}").stat().st_size > 400 for suffix in ("svg", "html", "tex"))


def test_the_step_of_a_lesson_in_the_readme_plays(repository: Path) -> None:
    names: dict[str, Any] = {}
    exec(compile(blocks(repository / "README.md", "python")[-1], "README.md", "exec"), names)
    lesson = Lesson(91, "steep", "Steep", "See.", 1, 1, (names["step"],))
    (played,) = record(lesson)
    assert played.correct == "0.25"
    assert played.after.text == ("0.25, and nowhere steeper.",)
    assert played.judge("0.5").say.startswith("That is its height there.")


def test_every_figure_and_link_of_the_readme_exists(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    named = [*re.findall(r'src="([^"]+)"', text), *re.findall(r"\]\(([^)#]+)\)", text)]
    assert len(named) >= 6
    assert [name for name in named if not (repository / name).exists()] == []


def test_the_readme_has_two_set_up_commands(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    assert len(re.findall(r"^python3 -m venv", text, re.MULTILINE)) == 2


def test_the_operation_of_the_contributors_page_is_complete(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    spec = importlib.util.spec_from_file_location("checks", repository / "tests" / "engine" / "derivatives.py")
    assert spec is not None
    assert spec.loader is not None
    checks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checks)
    (definition,) = blocks(repository / "CONTRIBUTING.md", "python")
    names: dict[str, Any] = {"Elementwise": Elementwise, "Notation": Notation, "sample": sample}
    names["__name__"] = "minidl.primitives.example"
    try:
        exec(compile(definition, "CONTRIBUTING.md", "exec"), names)
        gaussian = names["gaussian"]
        for check in checks.CHECKS:
            for case in gaussian.samples:
                check(gaussian, case)
        assert minidl.autodiff.local_derivatives(gaussian, out="y") == ["∂y/∂x = −2x·y"]
        assert catalogue["minidl.gaussian"].function is gaussian
        assert not hasattr(minidl, "gaussian"), "an example of an operation that is still to be written"
    finally:
        registry.pop("gaussian", None)
        catalogue.pop("minidl.gaussian", None)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_no_path_of_one_machine_is_committed(repository: Path) -> None:
    import subprocess

    listed = subprocess.run(["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    words = ["/wo" + "rk/", "/ro" + "ot/", "../sha" + "red"]
    wrong = []
    for name in listed.stdout.splitlines():
        path = repository / name
        if path.suffix in {".py", ".md", ".toml", ".html", ".svg", ".txt"} and path.exists():
            text = path.read_text(encoding="utf-8")
            wrong += [f"{name}: {word}" for word in words if word in text]
    assert not wrong
