"""A learner's file: written once, edited in their own editor, checked by running it in a process of its own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from minidl.errors import DataError, UsageError
from minidl.files import write_atomic

from ..lesson import Lesson, Program, Step
from . import progress

SECONDS = 10
"""How long a file may run."""
GRACE = 20
"""How much longer its process may take to start and to answer."""
HEADER = re.compile(r"#\s*minidl exercise:\s*(\S+)/(\S+)")
LONGEST = 200_000


@dataclass(frozen=True)
class Report:
    """What came of a file.

    Attributes:
        passed: how many checks passed before the first that did not.
        checks: how many there are.
        say: what is wrong, or "".
        line: the line of the file that it comes from, from 1; 0 where there is none.
        code: what stands there.
        printed: what the file printed.
    """

    passed: int
    checks: int
    say: str
    line: int
    code: str
    printed: str

    @property
    def right(self) -> bool:
        """Whether every check passed."""
        return not self.say and self.passed == self.checks

    def in_words(self) -> str:
        """Say it to the person who wrote the file."""
        if self.right:
            return f"Your file does what was asked: all {self.checks} checks passed."
        where = [f"Line {self.line}:  {self.code}"] if self.line else []
        return "\n".join([*where, self.say, f"({self.passed} of {self.checks} checks passed)"])


def path_of(lesson: Lesson, step: Step) -> Path:
    """Where a learner's file of a step is."""
    return progress.folder() / "exercises" / f"{lesson.name}-{step.name}.py"


def source_of(lesson: Lesson, step: Step, body: str) -> str:
    """A whole file: what it is for, and the code."""
    assert isinstance(step.question, Program)
    task = [f"# {line}".rstrip() for line in step.question.ask]
    head = [
        f"# minidl exercise: {lesson.name}/{step.name}",
        *task,
        "# Save it, then check it: minidl check THIS_FILE",
        "",
    ]
    return "\n".join([*head, body.strip("\n"), ""])


def prepare(lesson: Lesson, step: Step) -> Path:
    """Write the file to begin with, unless it is there already, and return where it is.

    Raises:
        OSError: it cannot be written.
    """
    assert isinstance(step.question, Program)
    path = path_of(lesson, step)
    if not path.exists():
        write_atomic(path, source_of(lesson, step, step.question.file))
    return path


def set_aside(lesson: Lesson) -> list[Path]:
    """Begin the files of a lesson afresh; return where those are kept that their learner had changed.

    Raises:
        OSError: one cannot be moved.
    """
    kept = []
    for step in lesson.steps:
        if not isinstance(step.question, Program) or not (path := path_of(lesson, step)).is_file():
            continue
        if path.read_bytes() == source_of(lesson, step, step.question.file).encode():
            path.unlink()
        else:
            kept.append(path.replace(path.with_suffix(".old.py")))
    return kept


def read(path: Path) -> str:
    """Read a learner's file.

    Raises:
        OSError: it cannot be read.
        DataError: it is no text, or far too long.
    """
    try:
        source = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file in UTF-8.") from error
    if len(source) > LONGEST:
        raise DataError(f"{path} has more than {LONGEST:,} letters; an exercise takes a few lines.")
    return source


def check(program: Program, source: str, path: str = "exercise.py", seconds: float = SECONDS) -> Report:
    """Run a file and its checks in a process of its own, for at most `seconds`."""
    job = {"given": program.given, "source": source, "path": path, "seconds": seconds}
    job["checks"] = [
        {**asdict(c), "mistakes": [[m.value, m.say] for m in c.mistakes]} for c in program.checks
    ]  # fmt: skip
    home = str(Path(__file__).resolve().parents[2])
    paths = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1", "PYTHONIOENCODING": "utf-8"}
    count = len(program.checks)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tutorials.learning.checking"],
            input=json.dumps(job).encode(),
            capture_output=True,
            timeout=seconds + GRACE,
            env=environment,
            check=False,
        )
        told = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        return Report(0, count, f"still running after {seconds} seconds: is there a loop without an end?", 0, "", "")
    except ValueError:
        return Report(0, count, "the file ended its process before it could be checked.", 0, "", "")
    return Report(told["passed"], count, told["say"], told["line"], told["code"], told["printed"])


def exercise_of(source: str) -> tuple[str, str]:
    """Return the names of the lesson and of the step that a file belongs to, from its first line.

    Raises:
        UsageError: it says none.
    """
    found = HEADER.search(source[:500])
    if found is None:
        raise UsageError(
            "the file does not say which exercise it is; its first line should be '# minidl exercise: LESSON/STEP'"
        )
    return found[1], found[2]
