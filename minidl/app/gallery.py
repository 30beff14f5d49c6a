"""`minidl gallery`: one example of every kind of figure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from ..errors import UsageError

_FORMATS: Final = ("svg", "png", "pdf")


def gallery(
    names: Annotated[list[str] | None, typer.Argument(help="Which exhibits; all of them by default.")] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")] = Path("gallery"),
    theme: Annotated[str, typer.Option("--theme", help="light, dark, print or colorblind.")] = "light",
    format: Annotated[
        str, typer.Option("--format", help="What to write beside each SVG: png, or pdf, for slides.")
    ] = "svg",
    listing: Annotated[bool, typer.Option("--list", help="Only list the exhibits.")] = False,
) -> None:
    """Render an example of every kind of figure into a folder, with a page that shows them all."""
    from rich.console import Console
    from rich.progress import track

    from viz.drawing.theme import theme_named
    from viz.gallery import exhibits
    from viz.gallery.wall import hang, write_page

    if format not in _FORMATS:
        raise UsageError(f"there is no format {format!r}; the formats are {', '.join(_FORMATS)}")
    palette = theme_named(theme)
    shown = exhibits()
    if names:
        known = {exhibit.name for exhibit in shown}
        for name in names:
            if name not in known:
                raise UsageError(f"there is no exhibit {name!r}; `minidl gallery --list` names them all")
        shown = [exhibit for exhibit in shown if exhibit.name in names]
    if listing:
        width = max(len(exhibit.name) for exhibit in shown)
        for exhibit in shown:
            typer.echo(f"{exhibit.name:{width}}  {exhibit.title}")
        return
    console = Console(stderr=True)
    work = track(shown, "drawing", console=console, transient=True, disable=not console.is_terminal)
    pieces = [hang(exhibit, output, palette, format) for exhibit in work]
    typer.echo(f"wrote {write_page(pieces, output, palette)}: {len(pieces)} exhibit{'s' * (len(pieces) > 1)}")
