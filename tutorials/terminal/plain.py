"""Taking a lesson line by line, without cursor movement, colour or boxes: for screen readers, pipes and CI."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TextIO

from ..learning.answers import LETTERS
from ..learning.recording import Page
from ..learning.session import Session
from ..learning.trying import Trial
from ..text import MEASURE, WIDTH, unmarked, wrap
from . import figures
from .runner import Save
from .views import card_lines, steps_menu

Ask = Callable[[str], str]
"""Shows a prompt and returns the line that was typed; raises EOFError when there is no more."""

DRAWN = set("─│┌┐└┘┬┴┤├┼")
"""What makes a line of a step's words a drawing, which nobody wants read out; the words beside it must do without it."""

HELP = (
    "Enter: on.  p: back.  ?: hint.  r: the code so far, by line.  e 3 x = 1: try line 3 as x = 1.  "
    "f: save the figure, if any.  o: open it.  g 5: go to step 5.  / word: search.  q: quit."
)


class Plain:
    """A lesson as lines of text.

    Attributes:
        session: the learner's place in the lesson.
        unattended: whether it plays by itself, and writes no file for a learner.
    """

    def __init__(self, session: Session, out: TextIO, save: Save, width: int = WIDTH) -> None:
        self.session = session
        self.out = out
        self.save = save
        self.unattended = False
        self.measure = min(MEASURE, max(width - 1, 20))

    def say(self, *lines: str) -> None:
        """Write sentences, broken where they are too long for the terminal, without the marks of emphasis."""
        for line in lines:
            for piece in wrap(unmarked(line), self.measure):
                print(piece, file=self.out)
        self.out.flush()

    # A learner at the keyboard --------------------------------------------------------------------------------------

    def take(self, ask: Ask) -> None:
        """Take the lesson with a person who types lines.

        Raises:
            KeyboardInterrupt: Ctrl-C; the place is saved first.
        """
        self.say(HELP)
        try:
            self.tell_step()
            while self._listen(ask):
                self.save()
        except EOFError:
            self.say("")
        finally:
            self.save()

    def _listen(self, ask: Ask) -> bool:
        """Take one line and do what it says; return whether to go on."""
        session = self.session
        asking = session.open
        text = ask(self._prompt()).strip()
        word, _, rest = text.partition(" ")
        word = word.lower()
        if word in ("q", "quit"):
            return False
        if word in ("p", "back"):
            session.back()
            self.tell_step()
        elif word in ("g", "go") and rest.isdecimal():
            session.go(int(rest) - 1)
            self.tell_step()
        elif word in ("?", "hint"):
            session.hint()
            self.say(session.message if asking else "No answer is open here.")
        elif self._beside(word, rest):
            pass
        elif asking and session.file and not text:
            session.check()
            self.tell_outcome()
        elif asking and session.file:
            session.skip()
            self.tell_outcome()
        elif asking:
            session.submit(text)
            self.tell_outcome()
        elif text:
            self.say(HELP)
        elif session.last:
            self.say("", *card_lines(session))
            return False
        else:
            session.next()
            self.tell_step()
        return True

    def _prompt(self) -> str:
        session = self.session
        if session.open and session.file:
            return "Enter checks your file, s skips it: "
        return "Answer: " if session.open else "Enter to finish: " if session.last else "Enter to go on: "

    def _beside(self, word: str, rest: str) -> bool:
        """Do what leaves the step as it is; return whether the word asks for such a thing."""
        session = self.session
        if word in ("r", "code"):
            self.tell_code()
        elif word == "e" and rest.partition(" ")[0].isdecimal() and not session.snapshot.options[4:]:
            number, _, code = rest.partition(" ")
            self.tell_trial(int(number), code)
        elif word == "/" or word[:1] == "/":
            menu = steps_menu(session)
            menu.searching, menu.typed = True, f"{word[1:]} {rest}".strip()
            self.say(*(f"step {item.number}: {session.lesson.steps[item.number - 1].name}" for item in menu.found))
        elif word in ("f", "o", "figure") and session.figure is not None:
            self.say(figures.save(session))
            if word == "o":
                self.say(figures.open_file(figures.path_of(session)))
        else:
            return False
        return True

    # Unattended -----------------------------------------------------------------------------------------------------

    def play(self, answers: Iterator[str] | None = None) -> None:
        """Play the lesson from its first step, with the given answers, or the right ones where none are given.

        Once the given answers have run out, the rest is shown as to a learner who skips.
        """
        session, self.unattended = self.session, True
        self.tell_step()
        while True:
            if session.open:
                text = session.snapshot.correct if answers is None else next(answers, "")
                self.say(f"Answer: {'a file' if session.file and text else text}".rstrip())
                session.submit(text)
                self.tell_outcome()
                continue
            wrong = figures.tried(session) if session.figure is not None else ""
            self.say(*filter(None, [wrong]))
            if session.last:
                return
            session.go(session.index + 1)
            self.tell_step()

    # What is told ---------------------------------------------------------------------------------------------------

    def tell_step(self) -> None:
        """Tell the present step: its place, its code, its picture in words, its sentences, its question."""
        session, before = self.session, self.session.snapshot.before
        self.say("", f"{session.lesson.title}. Step {session.index + 1} of {len(session.snapshots)}.", "")
        self._tell_code(before.code, before.output)
        self.say(*(line for line in before.text if not DRAWN & set(line)))
        self._tell_picture(before, "The circuit:")
        if session.snapshot.step.question is None:
            return
        self.say(*session.snapshot.ask)
        if session.file and session.open and not self.unattended:
            session.prepare()
            self.say("Your file:")
            print(f"    {session.file}", file=self.out)
        self.say(*(f"  {LETTERS[k]}: {text}" for k, text in enumerate(session.snapshot.options)))
        if not session.open:
            self.tell_outcome()

    def tell_outcome(self) -> None:
        """Tell what an answer led to and, when it settled the question, what follows."""
        session = self.session
        self.say(session.message)
        if session.open:
            return
        page = session.page
        self._tell_code(page.code, page.output)
        self.say(*page.text)
        if page.spoken != session.snapshot.before.spoken:
            self._tell_picture(page, "The circuit now:")

    def _tell_picture(self, page: Page, circuit: str) -> None:
        if page.drawing:
            self.say(circuit, *(f"  {sentence}" for sentence in page.drawing.spoken))
        if page.art:
            self.say(f"The picture: {page.art.say}")

    def tell_code(self) -> None:
        """Tell all the code that has run, up to this step, line by line."""
        trial = Trial(self.session.lesson, self.session.index, not self.session.open, self.session.snapshots.theme)
        self.say("Code:" if trial.lines else "No code has run yet.")
        for number, line in enumerate(trial.lines, 1):
            print(f"    {number:>3}  {line.text}", file=self.out)

    def tell_trial(self, number: int, code: str) -> None:
        """Run the code with one line changed and tell what the step shows then; the lesson stays as it is."""
        trial = Trial(self.session.lesson, self.session.index, not self.session.open, self.session.snapshots.theme)
        if not 1 <= number <= len(trial.lines):
            self.say(f"The code has {len(trial.lines)} lines; r tells them.")
            return
        given = trial.lines[number - 1].text
        trial.lines[number - 1].text = given[: len(given) - len(given.lstrip())] + code
        self.say(f"Trying line {number} as:")
        print(f"    {trial.lines[number - 1].text.strip()}", file=self.out)
        tried = trial.run()
        if tried.page is None:
            where = f"Line {tried.line + 1}: " if tried.line >= 0 else ""
            self.say(f"{where}{tried.error}", "The lesson's own line stays.")
            return
        self._tell_code((), tried.page.output)
        self.say(*tried.page.text)
        self._tell_picture(tried.page, "The circuit then:")

    def _tell_code(self, code: tuple[str, ...], output: tuple[str, ...]) -> None:
        if code:
            self.say("Code:")
            for line in code:
                print(f"    {line}", file=self.out)
        if output:
            self.say("It prints:")
            for line in output:
                print(f"    {line}", file=self.out)
