"""`minidl draw`: an expression typed on the command line becomes a textbook figure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ..errors import MissingEngineError, UsageError

if TYPE_CHECKING:
    from viz.drawing.figure import Figure

EXAMPLES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "circuit": ("f = (x + y) * z", ("x=-2", "y=5", "z=-4")),
    "affine": ("z = norm(W @ x + b)**2", ("W=[[1,2],[3,-1]]", "x=[1,-1]", "b=[0.5,-2]")),
    "neuron": ("a = sigmoid(w @ x + b)", ("w=[2,-3]", "x=[-1,-2]", "b=-3")),
    "vanishing": ("", ()),
}
"""What `--example` draws: the expression and the values; `vanishing` is twenty sigmoids, one inside the other."""

_USAGE: Final = "give an expression and its values, such as: minidl draw 'f = (x + y) * z' x=-2 y=5 z=-4"


def draw(
    expression: Annotated[
        str | None, typer.Argument(help="What to draw, such as 'f = (x + y) * z'; steps are separated by ;")
    ] = None,
    values: Annotated[
        list[str] | None, typer.Argument(help="Its values: x=-2 'W=[[1,2],[3,-1]]'", metavar="NAME=VALUE")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where to write: a .svg, .pdf, .png, .tex, .html or .dot file, or a folder that is there.",
        ),
    ] = None,
    deck: Annotated[
        Path | None,
        typer.Option(
            "--deck",
            help="Write both passes step by step: a .pdf, .html or .gif file, or a folder for one picture a step.",
        ),
    ] = None,
    example: Annotated[
        str | None, typer.Option("--example", help=f"Draw an example instead: {', '.join(EXAMPLES)}.")
    ] = None,
    grads: Annotated[bool, typer.Option("--grads/--no-grads", help="Whether to draw gradients.")] = True,
    local: Annotated[
        bool | None,
        typer.Option("--local/--no-local", help="Whether to draw local derivatives; of functions, by default."),
    ] = None,
    level: Annotated[str | None, typer.Option("--level", help="How much one gate holds: operation or scalar.")] = None,
    expand: Annotated[
        list[str] | None,
        typer.Option("--expand", help="A value whose operation is drawn number by number; repeatable."),
    ] = None,
    symbols: Annotated[
        bool, typer.Option("--symbols", help="Write what each value and gradient is: x + y, ∂f/∂q.")
    ] = False,
    predict: Annotated[
        bool, typer.Option("--predict", help="In a deck, ask for each number before it is shown.")
    ] = False,
    quiz: Annotated[
        bool, typer.Option("--quiz", help="Draw nothing; go through both passes here, asked for each number first.")
    ] = False,
    direction: Annotated[str, typer.Option("--direction", help="LR, left to right, or TB, top to bottom.")] = "LR",
    theme: Annotated[str, typer.Option("--theme", help="light, dark, print or colorblind.")] = "light",
) -> None:
    """Draw an expression as a textbook does: values above the wires, gradients below.

    An expression that begins with a minus sign goes after --, as in: minidl draw -o f.svg -- '-x * y' x=1 y=2
    """
    from viz.drawing.figure import SUFFIXES
    from viz.drawing.saving import check_suffix

    if output is not None and not output.is_dir():
        check_suffix(output, SUFFIXES, "figure")
    if predict and deck is None:
        raise UsageError("--predict is for decks: add --deck out.html")
    if quiz and (output is not None or deck is not None):
        raise UsageError("--quiz asks in the terminal and writes nothing: leave out --output and --deck")
    root = _root(expression, values or [], example)
    if (grads or quiz or deck is not None) and root.data.size != 1:
        raise UsageError(
            f"{root.name or 'the result'} has shape {root.shape}, and gradients are those of one number: reduce it, as in "
            "sum(…) or norm(…)**2, or draw it with --no-grads"
        )
    zoom: dict[str, Any] = {"level": level, "expand": expand or [], "direction": direction, "theme": theme}
    if quiz:
        raise typer.Exit(_take_quiz(root, zoom))
    if deck is not None:
        _print_numbers(root, grads)
        _save_deck(root, deck, predict, zoom)
        if output is None:
            return
    figure = _figure(root, example, {"grads": grads, "local": local, "symbols": symbols, **zoom})
    path = output or Path()
    if path.is_dir():
        path = path / f"{_file_name(example or root.name)}.svg"
    if deck is None:
        _print_numbers(root, grads)
    _save(figure, path)


def _root(expression: str | None, values: list[str], example: str | None) -> Any:
    from .expression import parse
    from .values import parse_values

    if example is not None:
        if expression is not None:
            raise UsageError("give either an expression or --example, not both")
        if example not in EXAMPLES:
            raise UsageError(f"there is no example {example!r}; the examples are {', '.join(EXAMPLES)}")
        if example == "vanishing":
            from viz.gradients.thermometer import sigmoid_chain

            return sigmoid_chain(20)
        text, given = EXAMPLES[example]
        expression, values = text, list(given)
    if expression is None:
        raise UsageError(f"{_USAGE}, or --example with one of {', '.join(EXAMPLES)}")
    parsed = parse(expression)
    return parsed.evaluate(parse_values(values, parsed.inputs))


def _figure(root: Any, example: str | None, options: dict[str, Any]) -> Figure:
    import viz

    if example == "vanishing":
        return viz.thermometer(root, theme=options["theme"])
    return viz.draw(root, **options)


def _save_deck(root: Any, path: Path, predict: bool, zoom: dict[str, Any]) -> None:
    import viz

    frames = viz.frames(root, predict=predict, **zoom)
    written = frames.save(path)
    typer.echo(f"wrote {written}: {len(frames)} frames")


def _take_quiz(root: Any, zoom: dict[str, Any]) -> int:
    import viz

    from .quiz import take

    return take(viz.frames(root, predict=True, **zoom))


def _file_name(name: str | None) -> str:
    return re.sub(r"[^\w-]", "_", name or "figure")[:40]


def _save(figure: Figure, path: Path) -> None:
    try:
        written = figure.save(path)
    except MissingEngineError as error:
        written = figure.save(path.with_suffix(".dot"))
        typer.echo(
            f"{error}\nSo the figure's source is written instead; any Graphviz turns it into a picture.", err=True
        )
    typer.echo(f"wrote {written}")


def _print_numbers(root: Any, grads: bool) -> None:
    """Print every value and its gradient, one a line."""
    from rich.console import Console
    from rich.table import Table

    from minidl.autodiff import gradients
    from viz.circuit.naming import choose_names
    from viz.circuit.record import circuit_nodes
    from viz.drawing.notation import array_text, tidy_name

    from ..autodiff.symbols import formula

    nodes = circuit_nodes(root)
    names = {node: tidy_name(name) for node, name in choose_names(nodes).items()}
    found = gradients(root) if grads else {}
    table = Table(box=None, pad_edge=False, header_style="")
    for heading in ("", "value", *(["gradient"] if grads else [])):
        table.add_column(heading, overflow="fold")
    for node in nodes:
        written = formula(node, names)
        made = f" = {written}" if written != names[node] else ""
        numbers = [array_text(node.data), *([array_text(found[node]) if node in found else ""] if grads else [])]
        table.add_row(names[node] + made, *numbers)
    Console(highlight=False, markup=False, emoji=False).print(table)
