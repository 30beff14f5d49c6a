"""The place one has reached in each lesson and the answers given: one readable JSON file that is never lost."""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from minidl.files import write_atomic

from ..lesson import Lesson

FORMAT = 1


@dataclass
class Answer:
    """What was answered at one step.

    Attributes:
        given: every answer given, in order.
        settled: whether the step's answer has been revealed.
        right: whether the learner found it, and did not have it shown.
        hints: how many hints were asked for.
    """

    given: list[str] = field(default_factory=list)
    settled: bool = False
    right: bool = False
    hints: int = 0

    @property
    def at_once(self) -> bool:
        """Whether the first answer was right, without a hint."""
        return self.right and len(self.given) == 1 and self.hints == 0


@dataclass
class Place:
    """Where one is in a lesson.

    Attributes:
        step: the index of the step shown last, from 0.
        furthest: the index of the furthest step shown.
        finished: whether the last step was reached with no question left open.
        answers: the answers, under the names of their steps.
    """

    step: int = 0
    furthest: int = 0
    finished: bool = False
    answers: dict[str, Answer] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "step": self.step,
            "furthest": self.furthest,
            "finished": self.finished,
            "answers": {name: vars(answer) for name, answer in self.answers.items()},
        }

    def take_in(self, other: Place) -> None:
        """Take over what was answered in another window, but not where one is there."""
        for name, answer in other.answers.items():
            mine = self.answers.get(name)
            if mine is None or (answer.settled and not mine.settled):
                self.answers[name] = answer
        self.furthest = max(self.furthest, other.furthest)
        self.finished = self.finished or other.finished

    @classmethod
    def from_json(cls, data: Any) -> Place:
        """Rebuild it from plain data.

        Raises:
            ValueError: the data are not what `to_json` writes.
        """
        try:
            place = cls(_whole(data["step"]), _whole(data["furthest"]), bool(data["finished"]))
            for name, a in data["answers"].items():
                given = [str(text) for text in a["given"]]
                place.answers[str(name)] = Answer(given, bool(a["settled"]), bool(a["right"]), _whole(a["hints"]))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a place in a lesson: {data!r:.80}") from error
        return place


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"not a count: {value!r:.80}")
    return value


def folder() -> Path:
    """Return the folder for progress and figures: `MINIDL_STATE` where it is set, else the system's usual place."""
    chosen = os.environ.get("MINIDL_STATE")
    if chosen:
        return Path(chosen)
    import platformdirs

    return Path(platformdirs.user_state_dir("minidl", appauthor=False))


class Progress:
    """The progress file.

    Attributes:
        path: where it is.
        places: the places, under the lessons' keys (name and version).
        notices: what a person should be told about the file, oldest first.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or folder() / "progress.json"
        self.notices: list[str] = []
        self.writable = True
        self._raw: dict[str, Any] = {}
        self.places = self._read()

    def place(self, key: str) -> Place:
        """Return the place in a lesson, a new one where there is none."""
        return self.places.setdefault(key, Place())

    def taken_up(self, lesson: Lesson) -> Place:
        """Return the place in a lesson; where only an earlier version was taken, with the answers that still fit."""
        if lesson.key not in self.places and self.versions(lesson.name):
            older = self.places[self.versions(lesson.name)[-1]]
            names = [step.name for step in lesson.steps]
            place = self.place(lesson.key)
            place.answers = {name: answer for name, answer in older.answers.items() if name in names}
            place.furthest = max((names.index(name) for name in place.answers), default=0)
        return self.place(lesson.key)

    def versions(self, name: str) -> list[str]:
        """Return the keys under which places in any version of a lesson are kept, the oldest first."""

        def version(key: str) -> int:
            number = key.partition("@")[2]
            return int(number) if number.isdecimal() else -1

        return sorted((key for key in self.places if key.partition("@")[0] == name), key=version)

    def save(self, key: str) -> None:
        """Write one lesson's place; what another window has saved meanwhile, for other lessons and this one, is kept."""
        self._merge(key, self.places.get(key))

    def reset_all(self) -> Path | None:
        """Forget every lesson; return where the file is kept as it was, or None where there was nothing."""
        if not self.places or not self.writable:
            return None
        self._read()
        aside = self.path.with_name(f"{self.path.stem}-before-reset.json")
        try:
            write_atomic(aside, self.path.read_text(encoding="utf-8"))
        except OSError as error:
            self.writable = False
            self.notices.append(f"Nothing has been reset: {aside}: {error.strerror or error}.")
            return None
        self.places.clear()
        self._raw["lessons"] = {}
        self._write({})
        return aside

    def reset(self, name: str) -> bool:
        """Forget one lesson's places, of every version; return whether there was one."""
        known = self.versions(name)
        for key in known:
            del self.places[key]
            self._merge(key, None)
        return bool(known)

    def _merge(self, key: str, place: Place | None) -> None:
        if not self.writable:
            return
        on_disk = self._read()
        there = on_disk.pop(key, None)
        if place is not None:
            on_disk[key] = place
            if there is not None:
                place.take_in(there)
        self._write(on_disk, key)

    def _write(self, places: dict[str, Place], changed: str = "") -> None:
        """Write the file; what is in it besides the changed lesson stays as it was, known to this minidl or not."""
        given = self._raw.get("lessons", {})
        lessons = {name: places[name].to_json() for name in sorted(places)}
        lessons |= {name: given[name] for name in places if name in given and name != changed}
        data = {**self._raw, "format": FORMAT, "lessons": lessons}
        text = json.dumps(data, indent=2, ensure_ascii=False) + "\n"
        try:
            write_atomic(self.path, text)
        except OSError as error:
            # A lesson goes on without a place to save to; one notice is enough.
            self.writable = False
            self.notices.append(f"Your place cannot be kept: {self.path}: {error.strerror or error}.")

    def _read(self) -> dict[str, Place]:
        self._raw = {}
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.writable = False
            self.notices.append(f"Your progress cannot be read: {self.path}: {error.strerror or error}.")
            return {}
        except (ValueError, RecursionError):
            self._set_aside("is damaged")
            return {}
        if isinstance(data, dict) and isinstance(data.get("format"), int) and data["format"] > FORMAT:
            self.writable = False
            self.notices.append(
                f"{self.path} was written by a newer minidl; it is left as it is, and nothing is saved."
            )
            return {}
        lessons = data.get("lessons") if isinstance(data, dict) else None
        if not isinstance(lessons, dict):
            self._set_aside("is not a progress file")
            return {}
        self._raw = data
        places: dict[str, Place] = {}
        damaged = []
        for name, entry in lessons.items():
            try:
                places[name] = Place.from_json(entry)
            except ValueError:
                damaged.append(name)
        if damaged:
            self._set_aside(f"is damaged at {', '.join(damaged)}")
            self._write(places)
        return places

    def _set_aside(self, what: str) -> None:
        """Move a file that cannot be used out of the way, never over an earlier one."""
        aside = self.path.with_name(self.path.name + ".bad")
        count = 1
        while aside.exists():
            count += 1
            aside = self.path.with_name(f"{self.path.name}.bad{count}")
        with contextlib.suppress(OSError):
            os.replace(self.path, aside)
        self.notices.append(f"{self.path} {what}; it was moved to {aside.name}, and the rest goes on without it.")
