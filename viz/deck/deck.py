"""The deck: the steps of a computation, one figure each, and all the forms in which it can be taken to a lecture."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, overload

from minidl.errors import MissingEngineError, UsageError
from minidl.files import write_atomic

from ..drawing.dot import clean
from ..drawing.figure import Figure
from ..drawing.theme import LIGHT, Theme, theme_named
from .judging import Question

SHORTEST_SECONDS: Final = 2.0
SECONDS_A_LETTER: Final = 0.05
LONGEST_SECONDS: Final = 9.0
SECONDS_TO_THINK: Final = 3.0
LONGEST_LABEL: Final = 90
LONGEST_NARRATION: Final = 4000


@dataclass(frozen=True, slots=True)
class Frame:
    """One step of a deck.

    Attributes:
        figure: what is seen.
        step: what the step is called in lists: `q = x + y = 3`.
        narration: what the speaker says, in one to three sentences.
        part: the section that the step belongs to: `forward`, `backward`.
        question: what to ask before the next frame shows it, or None.
        answer: what the next frame then shows.
        quiz: the question with all that is needed to judge an answer, or None where nobody could type one.
    """

    figure: Figure
    step: str
    narration: str = ""
    part: str = "forward"
    question: str | None = None
    answer: str | None = None
    quiz: Question | None = None

    @property
    def label(self) -> str:
        """The step, fit for one line of a list.

        >>> Frame(Figure("digraph {}"), "q =\\n3").label
        'q = 3'
        """
        return clean(self.step, LONGEST_LABEL).strip()

    @property
    def seconds(self) -> float:
        """How long it stays when the deck plays by itself: the time to look, and to read what is said.

        >>> Frame(Figure("digraph {}"), "a", "Twenty letters here.").seconds
        3.0
        """
        reading = SECONDS_A_LETTER * (len(self.narration) + len(self.question or ""))
        return round(min(SHORTEST_SECONDS + reading, LONGEST_SECONDS) + SECONDS_TO_THINK * bool(self.question), 2)


@dataclass(frozen=True, slots=True, eq=False)
class Deck(Sequence[Frame]):
    """The frames of a lecture, in order; a slice of it is a deck too. Nothing is rendered before it is shown or saved.

    Attributes:
        frames: the steps; at least one.
        title: what it shows, in a few words.
        text: what it shows, in full.
        theme: the theme in which the figures were drawn; what is written around them has its colours.

    Raises:
        UsageError: there are no frames.

    >>> a, b = (Frame(Figure(f"digraph {{ {name} }}"), f"step {name}") for name in "ab")
    >>> deck = Deck([a, b], title="two steps")
    >>> len(deck), deck[1].step, deck[:1]
    (2, 'step b', Deck('two steps', 1 frame))
    """

    frames: Sequence[Frame]
    title: str = ""
    text: str = ""
    theme: Theme = LIGHT

    def __post_init__(self) -> None:
        object.__setattr__(self, "frames", tuple(self.frames))
        object.__setattr__(self, "theme", theme_named(self.theme))
        if not self.frames:
            raise UsageError("a deck needs at least one frame")

    def __repr__(self) -> str:
        return f"Deck({clean(self.title)!r}, {len(self)} frame{'s' * (len(self) > 1)})"

    def __len__(self) -> int:
        return len(self.frames)

    def __iter__(self) -> Iterator[Frame]:
        return iter(self.frames)

    @overload
    def __getitem__(self, index: int) -> Frame: ...
    @overload
    def __getitem__(self, index: slice) -> Deck: ...
    def __getitem__(self, index: int | slice) -> Frame | Deck:
        return replace(self, frames=self.frames[index]) if isinstance(index, slice) else self.frames[index]

    def parts(self) -> list[tuple[str, int, int]]:
        """Return the sections in order: their name, their first frame, and the one after their last, counted from 0.

        >>> figure = Figure("digraph {}")
        >>> Deck([Frame(figure, "a"), Frame(figure, "b"), Frame(figure, "c", part="backward")]).parts()
        [('forward', 0, 2), ('backward', 2, 3)]
        """
        starts = [i for i, frame in enumerate(self.frames) if i == 0 or frame.part != self.frames[i - 1].part]
        ends = [*starts[1:], len(self)]
        return [(self.frames[a].part, a, b) for a, b in zip(starts, ends, strict=True)]

    def answer_before(self, index: int) -> str | None:
        """Return the answer that frame `index` reveals: that of the question before it."""
        previous = self.frames[index - 1] if index else None
        return previous.answer if previous and previous.question else None

    def narration(self) -> str:
        """Return what the speaker says, frame by frame, as a text with headings (Markdown).

        >>> print(Deck([Frame(Figure("digraph {}"), "q = 3", "x and y add up.")], title="a sum").narration())
        # a sum
        <BLANKLINE>
        ## forward
        <BLANKLINE>
        **1. q = 3**
        <BLANKLINE>
        x and y add up.
        """
        from .words import narration

        return narration(self)

    def html(self) -> str:
        """Return the player: one HTML page that needs no other file and no network.

        Raises:
            MissingEngineError: there is no Graphviz.
            RenderError: Graphviz cannot draw a frame; the message names it.
        """
        from .player import page

        return page(self)

    def save(self, path: str | os.PathLike[str], *, format: str = "svg") -> Path:
        """Write the deck to `path` in the form that its ending names, and return the path.

        Args:
            path: where to.

                - `deck.pdf`: a page a frame, with bookmarks; beside it `deck-beamer.tex`, which plays it on slides.
                - `deck.html`: the player, which opens in any browser, offline.
                - `deck.gif`: an animation.
                - `folder/` (no ending, or a folder that exists): `frame-01.svg` and so on, and `narration.md`. Frames
                  that an earlier, longer deck left there are removed.

            format: the format of the frames in a folder: any that a figure can be saved in.

        Raises:
            UsageError: the ending or the format is not known.
            MissingEngineError: there is no Graphviz.
            RenderError: Graphviz cannot draw a frame; the message names it.
            OSError: the place cannot be written.

        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Deck([Frame(Figure("digraph { a }"), "a")]).save(folder)
        ...     sorted(file.name for file in path.iterdir())
        ['frame-01.svg', 'narration.md']
        """
        target = Path(path)
        suffix = target.suffix.lower()
        is_folder = os.fspath(path).endswith(("/", os.sep)) or not suffix or target.is_dir()
        if not is_folder and suffix not in (".pdf", ".html", ".gif"):
            raise UsageError(
                f"cannot save a deck as {os.fspath(path)!r}: use .pdf, .html or .gif, or for one file a frame a folder "
                f"such as {os.fspath(target.with_suffix(''))!r} with format='svg', 'png' or 'pdf'"
            )
        try:
            if is_folder:
                from .folder import write_folder

                return write_folder(self, target, format)
            if suffix == ".html":
                return write_atomic(target, self.html())
            if suffix == ".gif":
                from .animation import gif

                return write_atomic(target, gif(self))
            from .beamer import beamer
            from .pdf import pdf

            written = write_atomic(target, pdf(self))
            write_atomic(target.with_name(f"{target.stem}-beamer.tex"), beamer(self, target.name))
        except OSError as error:
            raise OSError(error.errno, f"cannot write the deck: {error.strerror}", str(target)) from error
        return written

    def _repr_mimebundle_(
        self, include: Iterable[str] | None = None, exclude: Iterable[str] | None = None
    ) -> dict[str, Any]:
        """What a notebook shows: the player, or the narration where there is no Graphviz."""
        try:
            page = html.escape(self.html())
        except MissingEngineError as error:
            return {"text/plain": f"{self.narration()}\n(not drawn: {error})"}
        name = html.escape(clean(self.title or "deck"))
        frame = (
            f'<iframe title="{name}" srcdoc="{page}" style="width:100%;height:36rem;border:0" allowfullscreen></iframe>'
        )
        return {"text/html": frame, "text/plain": self.narration()}
