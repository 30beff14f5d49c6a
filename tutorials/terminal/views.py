"""The views beside the lesson's steps: the code so far, a figure in full size, a list to choose from, the card at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from rich.cells import cell_len
from rich.text import Text

from ..drawing.art import Art
from ..learning.session import Session
from ..lesson import Lesson, Step
from ..text import unmarked, wrap
from . import figures
from .room import Room
from .screen import STYLES, art_rows, key_line, page, program_rows, styled


class View(Protocol):
    """Something that fills the screen until it is left."""

    def rows(self, room: Room) -> list[Text]:
        """Lay it out."""

    def press(self, key: str) -> bool:
        """Do what a key asks for; return whether to stay."""


def title_row(left: str, right: str, room: Room) -> Text:
    """The first row of a view."""
    row = Text(f" {left}", STYLES["title"])
    row.append(" " * max(1, room.width - cell_len(left) - cell_len(right) - 2) + right, STYLES["quiet"])
    return row


@dataclass
class CodeView:
    """All the code that has run, up to the present step, page by page; the last page first."""

    session: Session
    page: int | None = None
    pages: int = 1

    def rows(self, room: Room) -> list[Text]:
        """Lay it out."""
        room_for = room.height - 4
        lines = code_rows(self.session)
        pages = [lines[k : k + room_for] for k in range(0, len(lines), room_for)] or [[styled("No code has run yet.")]]
        self.pages = len(pages)
        self.page = self.pages - 1 if self.page is None else min(max(self.page, 0), self.pages - 1)
        head = title_row(
            f"The code that has run, up to step {self.session.index + 1}", f"page {self.page + 1} of {self.pages}", room
        )
        return page(head, pages[self.page], key_line("→ next page   ← back   any other key returns"), room)

    def press(self, key: str) -> bool:
        """Turn the page, or leave."""
        assert self.page is not None
        if key in ("right", "down", " ") and self.page < self.pages - 1:
            self.page += 1
        elif key in ("left", "up") and self.page > 0:
            self.page -= 1
        else:
            return False
        return True


def code_rows(session: Session) -> list[Text]:
    """The lesson's code up to this step, in full; of this step no more than what has been shown."""
    rows: list[Text] = []
    for number, snapshot in enumerate(session.snapshots[: session.index + 1], 1):
        shown = session.page if number - 1 == session.index else snapshot.after
        parts = [snapshot.before, shown] if shown is not snapshot.before else [shown]
        lines = [line for part in parts for line in program_rows(part.code, part.output)]
        if lines:
            rows += [styled(f"# step {number}", "quiet"), *lines]
    return rows


@dataclass
class FigureView:
    """The step's figure in all the room there is, with where it is saved; `o` opens it."""

    session: Session
    said: str = ""

    def rows(self, room: Room) -> list[Text]:
        """Lay it out."""
        if not self.said:
            self.said = figures.save(self.session)
        told = [styled(line) for line in wrap(self.said)]
        shown = self.session.page.art
        say = shown.say if shown else ""
        words = [styled(line) for line in wrap(say)] if say else []
        art = shown or Art(self.session.figure, self.said, room.height)
        drawn = art_rows(art, room, room.height - 5 - len(told) - len(words))
        head = title_row(f"{self.session.lesson.number} · {self.session.lesson.title}: figure", "", room)
        gap = [Text()] if words else []
        return page(head, [*drawn, *gap, *words, Text(), *told], key_line("o open it   any other key returns"), room)

    def press(self, key: str) -> bool:
        """Open it, or leave."""
        if key == "o":
            self.said = figures.open_file(figures.path_of(self.session))
        return key == "o"


@dataclass(frozen=True)
class Item:
    """One thing to choose: its number, the line that shows it, the line that tells more, what is searched."""

    number: int
    line: str
    more: str
    words: str


@dataclass
class Menu:
    """A list to choose from: by its number, by moving, by searching.

    Attributes:
        title: what it lists.
        items: what there is.
        choose: what to do with the chosen item; returns whether the menu stays.
        selected: the index of the marked item among those found.
        typed: a number, or what is searched.
        searching: whether letters are searched; before `/` they are not.
        clamps: whether a number beyond the last stands for the last.
        said: why a number led nowhere.
    """

    title: str
    items: list[Item]
    choose: Callable[[Item], bool]
    selected: int = 0
    typed: str = ""
    searching: bool = False
    clamps: bool = False
    said: str = ""

    @property
    def found(self) -> list[Item]:
        """The items that what is typed does not exclude."""
        if not self.searching:
            return self.items
        return [item for item in self.items if self.typed.lower() in item.words.lower()]

    def rows(self, room: Room) -> list[Text]:
        """Lay it out: as many items as fit, about the marked one, and what the marked one promises."""
        found = self.found
        self.selected = min(self.selected, max(len(found) - 1, 0))
        count = room.height - 9
        roomy = 2 * len(self.items) <= count and any(item.more for item in self.items)
        if roomy:
            count //= 2
        more = [styled(line) for line in wrap(found[self.selected].more)][:2] if found and not roomy else []
        first = min(max(0, self.selected - count // 2), max(0, len(found) - count))
        body = []
        for k, item in enumerate(found[first : first + count], first):
            mark = "▸" if k == self.selected else " "
            body.append(Text(f" {mark} {item.line}", STYLES["strong"] if k == self.selected else ""))
            if roomy:
                body.append(Text(f"     {item.more}", STYLES["quiet"]))
        if not found:
            body.append(styled(f"Nothing here speaks of “{self.typed}”. Backspace takes letters away."))
        body += [Text()] * (room.height - 9 - len(body)) + [Text(), *more, *[Text()] * (2 - len(more))]
        prompt = Text(" / " if self.searching else " › ", STYLES["prompt"])
        prompt.append(f"{self.typed}_")
        if not self.typed:
            prompt.append(
                f"   {'letters' if self.searching else self.said or 'a number, or / to search'}", STYLES["quiet"]
            )
        counted = f"{len(found)} of {len(self.items)}" if len(found) != len(self.items) else str(len(found))
        keys = key_line("↑ ↓ mark   Enter: the marked one, or the number   Esc or q back")
        return page(title_row(self.title, counted, room), [*body, prompt, Text()], keys, room)

    def press(self, key: str) -> bool:
        """Mark, type, choose or leave."""
        if key in ("up", "down"):
            self.selected = max(0, self.selected + (1 if key == "down" else -1))
        elif key == "backspace":
            self.typed = self.typed[:-1]
        elif key == "enter":
            return self._enter()
        elif key in ("left", "escape") or (key == "q" and not self.searching):
            return False
        elif key == "/" and not self.searching:
            self.searching, self.typed = True, ""
        elif self.searching and len(key) == 1 and key.isprintable():
            self.typed, self.selected = self.typed + key, 0
        elif len(key) == 1 and key.isdecimal():
            self.typed = (self.typed + key)[-2:]
        return True

    def _enter(self) -> bool:
        if self.typed and not self.searching:
            number, self.typed = int(self.typed), ""
            wanted = [item for item in self.items if item.number == number]
            if self.clamps and number > self.items[-1].number:
                wanted = self.items[-1:]
            if not wanted:
                self.said = f"there is no {number} here"
            return self.choose(wanted[0]) if wanted else True
        found = self.found
        return self.choose(found[self.selected]) if found else True


def steps_menu(session: Session) -> Menu:
    """The lesson's steps, to go to one."""
    items = []
    for number, step in enumerate(session.lesson.steps, 1):
        dot = "●" if number - 1 <= session.place.furthest else "○"
        items.append(
            Item(number, f"{dot} {number:>2}  {step.name.replace('-', ' ')}", _first_words(step), _words(step))
        )

    def go(item: Item) -> bool:
        session.go(item.number - 1)
        return False

    title = f"{session.lesson.number} · {session.lesson.title}: go to which step?"
    return Menu(title, items, go, session.index, clamps=True)


def _first_words(step: Step) -> str:
    """How a step begins, where that holds no number that has yet to be computed."""
    plain = [line for line in step.say if "{" not in line and line.strip()]
    return unmarked(plain[0]) if plain else ""


def _words(step: Step) -> str:
    asked = step.question.ask if step.question else ()
    return " ".join([step.name, *step.say, *step.reveal, *asked, step.code, step.then])


def lesson_words(lesson: Lesson) -> str:
    """All that a lesson says, for searching."""
    return " ".join([lesson.name, lesson.title, lesson.promise, *map(_words, lesson.steps)])


@dataclass
class Card:
    """The end of a lesson: what was asked, what was found, where it was hard, what to read."""

    session: Session
    go: Callable[[str], None] = field(default=lambda key: None)

    def rows(self, room: Room) -> list[Text]:
        """Lay it out."""
        lesson = self.session.lesson
        stumbles = len(self.session.stumbles())
        while len(lines := card_lines(self.session, stumbles)) > room.height - 3 and stumbles:
            stumbles -= 1
        body = [styled(line) if line else Text() for line in lines]
        state = "some questions are still open" if self.session.unanswered() else "done"
        keys = "n next lesson   " if lesson.follows else ""
        keys += "← back   any other key leaves (the place is kept)"
        return page(title_row(f"{lesson.number} · {lesson.title}: {state}", "", room), body, key_line(keys), room)

    def press(self, key: str) -> bool:
        """Leave, one way or another."""
        self.go(key)
        return False


def card_lines(session: Session, most: int | None = None) -> list[str]:
    """What the card says, with at most so many of the steps that were hard."""
    lesson = session.lesson
    lines = [lesson.promise, "", *score_lines(session, most)]
    if lesson.read:
        lines += ["", "To read on:", *(f"  {line}" for line in lesson.read)]
    if lesson.follows:
        lines += ["", f"Next: minidl tutorial {lesson.follows}"]
    return [piece for line in lines for piece in (wrap(line) if line else [""])]


def score_lines(session: Session, most: int | None = None) -> list[str]:
    """What became of the questions, with at most so many of those that were hard."""
    asked, right, at_once = session.score()
    lines = [f"asked          {asked}", f"found          {right}", f"right at once  {at_once}"]
    if session.unanswered():
        lines.append(f"still open     step {', '.join(map(str, session.unanswered()))}")
    stumbles = session.stumbles()
    if stumbles and most == 0:
        lines.append(f"hard at first  {len(stumbles)}")
    elif stumbles:
        lines += ["", "Where it was hard, to look at again:"]
        lines += [f"  step {number:>2}  {name.replace('-', ' ')}: {why}" for number, name, why in stumbles[:most]]
        if left := len(stumbles[most:] if most is not None else ()):
            lines.append(f"  and {left} more")
    return lines
