"""What `minidl tutorial` does: list, start, resume, play, reset; and which way of showing a lesson to use."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from rich.console import Console

from minidl.errors import DataError, UsageError
from viz.drawing.theme import Theme, theme_named

from .learning import workbench
from .learning.progress import Place, Progress
from .learning.recording import record
from .learning.session import Session
from .lesson import Lesson
from .lessons import LESSONS
from .loading import find
from .terminal.keys import Keys, keyboard
from .terminal.plain import Ask, Plain
from .terminal.room import ROWS
from .terminal.runner import Runner, Save, browse, film
from .terminal.views import Item, Menu, lesson_words
from .text import WIDTH, wrap

INTERRUPTED = 130
"""Exit status after Ctrl-C, as a shell reports it. Leaving with `q` is 0."""


@dataclass
class Terminal:
    """What a lesson is shown on and answered with; tests put their own in its place.

    Attributes:
        console: where the full screen is drawn.
        out: where plain lines go.
        keys: the keyboard.
        ask: how a line of text is asked for.
        shows: whether the output is a terminal.
        types: whether the input is a terminal.
    """

    console: Console = field(default_factory=lambda: Console(highlight=False, file=sys.stdout))
    out: TextIO = field(default_factory=lambda: sys.stdout or open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  (open as long as the command runs)
    keys: Keys = field(default_factory=keyboard)
    ask: Ask = input
    shows: bool = field(default_factory=lambda: _is_terminal(sys.stdout))
    types: bool = field(default_factory=lambda: _is_terminal(sys.stdin) and _is_open(sys.stdout))


def _is_open(stream: TextIO | None) -> bool:
    """Whether there is such a stream at all: a process started with `>&-` has no output."""
    return stream is not None


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def run(
    lesson: str | None = None,
    name: str | None = None,
    *,
    auto: bool = False,
    plain: bool = False,
    answers: Path | None = None,
    html: Path | None = None,
    svg: Path | None = None,
    clean: bool = False,
    theme: str = "light",
    terminal: Terminal | None = None,
) -> int:
    """Carry out `minidl tutorial` and return its exit status.

    Args:
        lesson: a lesson's name or number; `"reset"` to forget the place in `name`; None to list the lessons.
        name: the lesson to reset, or `"all"`.
        auto: play unattended with the right answers (every lesson, where none is named).
        plain: lines of text instead of the full screen.
        answers: a file of answers, one a line, with which to play unattended.
        html: write the lesson to this file, as one page with one's answers, instead of taking it.
        svg: write its screens into this folder, as pictures, instead of taking it.
        clean: write them as if nothing had been answered yet.
        theme: the colours of figures.
        terminal: where to show and ask; the process's own where None.

    Returns:
        0; or 130 after Ctrl-C. The place is kept either way.

    Raises:
        UsageError: no such lesson or theme, or arguments that do not go together.
        DataError: the file of answers is not text.
        OSError: the file of answers cannot be read.
    """
    terminal = terminal or Terminal()
    palette = theme_named(theme)
    if lesson != "reset" and name is not None:
        raise UsageError(
            f"minidl tutorial takes one lesson; {name!r} was given as well. Only `reset NAME` takes two words."
        )
    if lesson == "reset":
        return _reset(name, terminal)
    if html is not None or svg is not None:
        return _export(lesson, html, svg, terminal, palette, clean)
    unattended = auto or answers is not None
    if lesson in (None, "all") and answers is not None:
        raise UsageError("--answers needs the lesson that the answers are for: minidl tutorial LESSON --answers FILE")
    try:
        if unattended:
            for one in LESSONS if lesson in (None, "all") else (find(lesson or ""),):
                _play(one, terminal, plain, _read_answers(answers), palette)
            return 0
        chosen = find(lesson) if lesson is not None else _choose(terminal, plain)
        while chosen is not None:
            chosen = _take(chosen, terminal, plain, palette)
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


# Taking a lesson ----------------------------------------------------------------------------------------------------


def _take(lesson: Lesson, terminal: Terminal, plain: bool, theme: Theme) -> Lesson | None:
    """Take a lesson from the place that was kept; return the next one where the learner goes on to it."""
    if not terminal.types:
        if terminal.shows:
            _say(terminal, "The input is not a terminal, so no keys can be read: playing with the right answers.")
        _play(lesson, terminal, True, None, theme)
        return None
    progress = Progress()
    place = progress.taken_up(lesson)
    if place.finished and place.step == len(lesson.steps) - 1:
        place.step = 0
    if place.step and not plain and not _why_plain(terminal):
        _say(terminal, f"{lesson.title}: running the code up to your place.")
    session = Session(lesson, record(lesson, theme), place)
    reason = _why_plain(terminal)
    goes_on = False
    try:
        if plain or reason:
            if reason and not plain:
                _say(terminal, reason)
            width = terminal.console.width if terminal.shows else WIDTH
            Plain(session, terminal.out, _saver(progress, lesson), width).take(terminal.ask)
        else:
            runner = Runner(session, terminal.console, terminal.keys, _saver(progress, lesson))
            runner.run()
            goes_on = runner.goes_on
    finally:
        for notice in progress.notices:
            _say(terminal, notice)
        _say(terminal, _farewell(session, progress.writable))
    return find(lesson.follows) if goes_on else None


def _why_plain(terminal: Terminal) -> str:
    """Say why the full screen cannot be used here, or ""."""
    if not terminal.shows:
        return "The output is not a terminal, so the lesson goes line by line."
    if os.environ.get("TERM", "").lower() == "dumb":
        return "This terminal cannot move its cursor (TERM=dumb), so the lesson goes line by line."
    size = terminal.console.size
    if size.width < WIDTH or size.height < ROWS:
        return (
            f"This terminal is {size.width}×{size.height}; the full screen needs {WIDTH}×{ROWS}, "
            "so the lesson goes line by line. Widen the window and start again to see the pictures."
        )
    return ""


def _saver(progress: Progress, lesson: Lesson) -> Save:
    """Return a function that saves the place when it has changed since the last call."""
    saved = ""

    def save() -> None:
        nonlocal saved
        now = repr(progress.place(lesson.key).to_json())
        if now != saved:
            saved = now
            progress.save(lesson.key)

    return save


def _farewell(session: Session, kept: bool) -> str:
    lesson, (asked, right, at_once) = session.lesson, session.score()
    if session.place.finished and session.last:
        follows = f"Next: minidl tutorial {lesson.follows}." if lesson.follows else ""
        again = f"To take it afresh: minidl tutorial reset {lesson.name}."
        at_once_in_words = f", {at_once or 'none'} of them at once" if right else ""
        score = f"Of {asked} questions you found {right}{at_once_in_words}."
        return f"{lesson.title}: done. {score} {follows or again}"
    place = f"step {session.index + 1} of {len(session.snapshots)}"
    if session.last:
        place += f" (still open: step {', '.join(map(str, session.unanswered()))})"
    if not kept:
        return f"{lesson.title}: you were at {place}; this time the place is not kept."
    return f"{lesson.title}: your place is kept, {place}. To go on: minidl tutorial {lesson.name}"


def _play(lesson: Lesson, terminal: Terminal, plain: bool, answers: Iterator[str] | None, theme: Theme) -> None:
    """Play a lesson unattended; the learner's own place is neither read nor changed."""
    session = Session(lesson, record(lesson, theme), Place())
    if answers is None and not plain and terminal.types and not _why_plain(terminal):
        film(session, terminal.console)
    else:
        Plain(session, terminal.out, lambda: None).play(answers)


def _export(
    wanted: str | None, html: Path | None, svg: Path | None, terminal: Terminal, theme: Theme, clean: bool
) -> int:
    """Write a lesson as a page and as pictures of its screens, with the learner's answers where there are any."""
    if wanted is None:
        raise UsageError("--html and --svg need the lesson to write: minidl tutorial LESSON --html FILE")
    lesson = find(wanted)
    place = None if clean else Progress().places.get(lesson.key)
    if place is not None and not place.answers:
        place = None
    with_answers = ", with your answers (--clean leaves them out)" if place else ""
    if html is not None:
        from .export import webpage

        _say(
            terminal, f"{webpage.save(lesson, html, theme, place)}: one page, which needs no other file{with_answers}."
        )
    if svg is not None:
        from .export import shots

        _say(terminal, f"{svg}: {len(shots.save(lesson, svg, theme, place))} screens{with_answers}.")
    return 0


def _read_answers(path: Path | None) -> Iterator[str] | None:
    if path is None:
        return None
    try:
        return iter(path.read_text(encoding="utf-8-sig").splitlines())
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not a text file in UTF-8; it should hold one answer a line.") from error


# Listing and resetting ----------------------------------------------------------------------------------------------


def _choose(terminal: Terminal, plain: bool) -> Lesson | None:
    """List the lessons and, where someone can answer, ask which to take."""
    progress = Progress()
    for notice in progress.notices:
        _say(terminal, notice)
    if terminal.types and not plain and not _why_plain(terminal):
        return _choose_on_screen(terminal, progress)
    _say(terminal, "The lessons; minidl tutorial NAME starts one:", "")
    wide = max(len(lesson.title) for lesson in LESSONS)
    for lesson in LESSONS:
        state = _state(lesson, progress)
        line = f"{lesson.number:>3}  {lesson.title:<{wide}}  {state:<15}  {lesson.minutes:>2} min   {lesson.name}"
        if len(line) >= _width(terminal):
            line = f"{lesson.number:>3}  {lesson.title}\n     {state}, {lesson.minutes} min: {lesson.name}"
        _say(terminal, line, f"     {lesson.promise}", "")
    if not (terminal.types and terminal.shows):
        return None
    offered = _offer(progress)
    resumes = progress.place(offered.key).furthest > 0
    verb = "resumes" if resumes else "starts"
    while True:
        with contextlib.suppress(EOFError):
            text = terminal.ask(f"Enter {verb} {offered.title}; a number starts that lesson; q leaves: ").strip()
            if text.lower() in ("q", "quit"):
                return None
            if not text:
                return offered
            try:
                return find(text)
            except UsageError as error:
                _say(terminal, str(error))
                continue
        return None


def _choose_on_screen(terminal: Terminal, progress: Progress) -> Lesson | None:
    chosen: list[Lesson] = []

    def choose(item: Item) -> bool:
        chosen.append(next(lesson for lesson in LESSONS if lesson.number == item.number))
        return False

    items = [Item(x.number, _line(x, progress), x.promise, lesson_words(x)) for x in LESSONS]
    done = sum(progress.places.get(x.key, Place()).finished for x in LESSONS)
    title = f"minidl: the lessons, {done} of {len(LESSONS)} done"
    menu = Menu(title, items, choose, LESSONS.index(_offer(progress)))
    browse(menu, terminal.console, terminal.keys)
    return chosen[0] if chosen else None


def _line(lesson: Lesson, progress: Progress) -> str:
    """A lesson in one line: its number, its title, how far one is, how long it takes."""
    place = progress.places.get(lesson.key, Place())
    reached = 5 if place.finished else 5 * place.furthest // len(lesson.steps)
    dots = "●" * reached + "○" * (5 - reached)
    return f"{lesson.number:>3}  {lesson.title:<32}{dots}  {_state(lesson, progress):<15}{lesson.minutes:>3} min"


def _state(lesson: Lesson, progress: Progress) -> str:
    place = progress.places.get(lesson.key)
    if place is None:
        return "new version" if progress.versions(lesson.name) else "not begun"
    return "done" if place.finished else f"step {place.step + 1} of {len(lesson.steps)}"


def _offer(progress: Progress) -> Lesson:
    """The lesson to go on with: one that was begun, else the first that is not done."""
    begun = [x for x in LESSONS if x.key in progress.places and not progress.places[x.key].finished]
    fresh = [x for x in LESSONS if x.key not in progress.places]
    return (begun or fresh or list(LESSONS))[0]


def _reset(name: str | None, terminal: Terminal) -> int:
    if name is None:
        raise UsageError("reset needs a lesson, or all of them: minidl tutorial reset NAME, minidl tutorial reset all")
    progress = Progress()
    if name.strip().lower() == "all":
        return _reset_all(progress, terminal)
    lesson = find(name)
    known = progress.reset(lesson.name)
    for notice in progress.notices:
        _say(terminal, notice)
    if known and not progress.writable:
        return 1
    files = workbench.set_aside(lesson)
    begun = known or files
    _say(terminal, f"{lesson.title} starts afresh." if begun else f"{lesson.title} was not begun; nothing to reset.")
    _say_paths(terminal, "Your file is kept as:", files)
    return 0


def _reset_all(progress: Progress, terminal: Terminal) -> int:
    kept = progress.reset_all()
    for notice in progress.notices:
        _say(terminal, notice)
    if not progress.writable:
        return 1
    if kept is None:
        _say(terminal, "No lesson was begun; nothing to reset.")
        return 0
    _say(terminal, "All lessons start afresh.")
    _say_paths(terminal, "Your places and answers are kept as:", [kept])
    _say_paths(
        terminal, "Your files are kept as:", [path for lesson in LESSONS for path in workbench.set_aside(lesson)]
    )
    return 0


def _say_paths(terminal: Terminal, words: str, paths: list[Path]) -> None:
    """Say where files are, each on a line of its own, which is never broken."""
    if paths:
        print(words, *(f"  {path}" for path in paths), sep="\n", file=terminal.out)


def _width(terminal: Terminal) -> int:
    return min(WIDTH, terminal.console.width) if terminal.shows else WIDTH


def _say(terminal: Terminal, *lines: str) -> None:
    for line in lines:
        print(*wrap(line, max(_width(terminal) - 1, 20)), sep="\n", file=terminal.out)
