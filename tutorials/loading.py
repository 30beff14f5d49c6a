"""Finding a lesson: one of the course, or one that stands in a file of its own while it is being written."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path

from minidl.errors import DataError, UsageError
from minidl.files import write_atomic

from .lesson import Lesson, Program, Step
from .lessons import find as find_in_course


def find(wanted: str) -> Lesson:
    """Return the lesson of that name, number, title or file.

    Raises:
        UsageError: there is none.
        DataError: the file holds none, or does not run.
    """
    return from_file(Path(wanted)) if wanted.endswith(".py") else find_in_course(wanted)


def from_file(path: Path) -> Lesson:
    """Run a file that makes a lesson, as `import` would, and return the lesson.

    Raises:
        UsageError: there is no such file.
        DataError: it does not run, or does not make exactly one lesson.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path}; `minidl lesson new NAME` writes one to start from")
    spec = importlib.util.spec_from_file_location(f"minidl_lesson_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
        where = f"line {lines[-1]}: " if lines else f"line {error.lineno}: " if isinstance(error, SyntaxError) else ""
        raise DataError(f"{path} does not run: {where}{type(error).__name__}: {error}") from error
    finally:
        del sys.modules[spec.name]
    found = [value for value in vars(module).values() if isinstance(value, Lesson)]
    if len(found) != 1:
        raise DataError(f"{path} should make one Lesson; it makes {len(found)}")
    return found[0]


def program_of(exercise: tuple[str, str]) -> tuple[Lesson, Step, Program]:
    """Return an exercise by the names of its lesson and step.

    Raises:
        UsageError: there is none.
    """
    lesson = find(exercise[0])
    for step in lesson.steps:
        if step.name == exercise[1] and isinstance(step.question, Program):
            return lesson, step, step.question
    known = ", ".join(step.name for step in lesson.steps if isinstance(step.question, Program)) or "none"
    raise UsageError(f"lesson {lesson.name} has no exercise {exercise[1]!r}; it has {known}")


def write_new(name: str, folder: Path) -> Path:
    """Write a lesson to start from, and return its path.

    Raises:
        UsageError: the name is no name for a lesson, or a file is there already.
        OSError: it cannot be written.
    """
    word = name.replace("-", "_")
    if not (word.isidentifier() and word.isascii() and word == word.lower()):
        raise UsageError(f"a lesson's name is a word in small letters, such as `momentum`; got {name!r}")
    path = folder / f"{word}.py"
    if path.exists():
        raise UsageError(f"{path} is there already; choose another name, or delete it")
    template = (Path(__file__).parent / "template.py").read_text(encoding="utf-8")
    title = name.replace("-", " ").replace("_", " ")
    template = template.replace('name="template"', f'name="{name}"').replace("Template", title.capitalize())
    return write_atomic(path, template.replace("TEMPLATE", word.upper()))
