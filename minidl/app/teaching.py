"""`minidl slides`, `minidl check` and `minidl lesson`: the lessons for those who teach with them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

lesson = typer.Typer(help="Write a lesson of one's own.", no_args_is_help=True)


def slides(
    name: Annotated[str, typer.Argument(help="A lesson's name, number or file.", metavar="LESSON")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")] = Path("slides"),
    theme: Annotated[str, typer.Option(help="light, dark, print or colorblind.", metavar="NAME")] = "light",
) -> None:
    """Write a lesson's figures, decks and screens, with a Beamer and an HTML skeleton that show them."""
    from tutorials.export.slides import write
    from tutorials.loading import find

    for line in write(find(name), output, theme):
        typer.echo(line)


def check(
    file: Annotated[Path, typer.Argument(help="A learner's file of an exercise.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for a script that grades.")] = False,
) -> None:
    """Run a file of an exercise in a process of its own and say which of its checks pass.

    Exit status 0 when all pass, 1 when one does not.
    """
    from tutorials.learning import workbench
    from tutorials.loading import program_of

    source = workbench.read(file)
    exercise = workbench.exercise_of(source)
    _, _, program = program_of(exercise)
    report = workbench.check(program, source, str(file))
    if as_json:
        found = {"exercise": "/".join(exercise), "right": report.right, **vars(report)}
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        typer.echo(report.in_words())
    raise typer.Exit(0 if report.right else 1)


@lesson.command("new")
def new(
    name: Annotated[str, typer.Argument(help="Its name, a word in small letters.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write it into.")] = Path(),
) -> None:
    """Write a lesson of three steps to start from; `minidl tutorial FILE` plays it."""
    from tutorials.loading import write_new

    path = write_new(name, output)
    typer.echo(f"wrote {path}\nplay it: minidl tutorial {path}")


@lesson.callback()
def _lesson() -> None:
    """Write a lesson of one's own."""
