"""`minidl tutorial`: the lessons, in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def tutorial(
    lesson: Annotated[
        str | None,
        typer.Argument(
            help="A lesson's name or number; `reset` to begin one afresh; `all` with --auto; nothing to list them.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[str | None, typer.Argument(help="The lesson to reset, or all.", show_default=False)] = None,
    auto: Annotated[
        bool, typer.Option("--auto", help="Play unattended with the right answers; every lesson, where none is named.")
    ] = False,
    plain: Annotated[
        bool,
        typer.Option("--plain", help="Lines of text: no colour, no boxes, no cursor movement. For screen readers."),
    ] = False,
    answers: Annotated[
        Path | None,
        typer.Option(
            "--answers",
            help="Play unattended with the answers in FILE, one a line.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", help="Write the lesson as one HTML page, with your answers.", metavar="FILE", show_default=False
        ),
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option(
            "--svg", help="Write its screens as pictures, as you saw them.", metavar="FOLDER", show_default=False
        ),
    ] = None,
    clean: Annotated[bool, typer.Option("--clean", help="With --html and --svg: without your answers.")] = False,
    theme: Annotated[
        str, typer.Option(help="Of the figures: light, dark, print or colorblind.", metavar="NAME")
    ] = "light",
) -> None:
    """Take a lesson in the terminal: predict, run, understand. Your place is kept.

    Without a terminal the lesson goes line by line, and by itself. Playing with --auto or --answers does not touch your
    own progress. Exit status 0 after the end or `q`, 130 after Ctrl-C; the place is kept after each.
    """
    from tutorials.command import run

    raise typer.Exit(
        run(
            lesson, name, auto=auto, plain=plain, answers=answers, html=html, svg=svg, clean=clean, theme=theme,
        )
    )  # fmt: skip
