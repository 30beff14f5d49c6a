"""`minidl kernel`: what a GPU kernel does, as slides or a figure, from a run in the simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def kernel(
    name: Annotated[
        str | None, typer.Argument(help="What to draw; without a name, all there is to draw is listed.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where to write. Slides: .pdf, .html, .gif or a folder; a figure: .svg, .pdf, .png, .tex, .html.",
        ),
    ] = None,
    theme: Annotated[str, typer.Option("--theme", help="light, dark, print or colorblind.")] = "light",
) -> None:
    """Draw how a GPU kernel works: which thread touches which memory, step by step. No GPU is needed."""
    from viz.deck.deck import Deck
    from viz.gpu.kernels import SUBJECTS, kernel_figure

    if name is None:
        width = max(map(len, SUBJECTS))
        for known, subject in SUBJECTS.items():
            typer.echo(f"{known:{width}}  {'slides' if subject.is_deck else 'figure'}  {subject.title}")
        return
    made = kernel_figure(name, theme=theme)
    if isinstance(made, Deck):
        for frame in made:
            typer.echo(f"{frame.label}: {frame.narration}")
        written = made.save(output or Path(f"{name}.html"))
        typer.echo(f"wrote {written}: {len(made)} frames")
        return
    typer.echo(made.text)
    typer.echo(f"wrote {made.save(output or Path(f'{name}.svg'))}")
