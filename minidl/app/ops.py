"""`minidl ops`: the reference of operations, in the terminal, as Markdown, and as figures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from ..primitives import Operation
    from .reference import Page

WIDE = 130
"""Columns from which on the list shows PyTorch's names too."""

NARROW = 70
"""Columns below which the list is no table."""


def ops(
    name: Annotated[
        str | None,
        typer.Argument(help="One operation, such as tanh or linalg.solve; all of them by default.", show_default=False),
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="The whole reference as Markdown.")] = False,
    differences: Annotated[
        bool, typer.Option("--differences", help="Where minidl differs from PyTorch on purpose, and why.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Write it to FILE: one operation's example as a figure (svg, pdf, png, dot), or the "
            "Markdown.", metavar="FILE", show_default=False,
        ),
    ] = None,
) -> None:  # fmt: skip
    """List the operations with formula, derivative and PyTorch equivalent; or show one as a textbook would."""
    from rich.console import Console

    if sum((name is not None, markdown, differences)) > 1:
        raise UsageError("ops: give one of NAME, --markdown and --differences")
    console = Console(highlight=False)
    if markdown:
        _deliver(as_markdown(), output)
    elif differences:
        _differences(console)
    elif name is not None:
        _one(console, name, output)
    elif output is not None:
        raise UsageError("ops: -o needs NAME (a figure of it) or --markdown")
    else:
        _list(console)


def _deliver(text: str, output: Path | None) -> None:
    from ..files import write_atomic

    if output is None:
        typer.echo(text, nl=False)
    else:
        write_atomic(output, text)
        typer.echo(f"wrote {output}")


# The list --------------------------------------------------------------------------------------------------------------


def _list(console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    from .reference import pages

    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    wide = console.width >= WIDE
    table.add_column("operation", no_wrap=wide, max_width=None if wide else 20, overflow="fold")
    table.add_column("formula", overflow="fold")
    table.add_column("derivative", overflow="fold")
    if console.width < NARROW:
        _short_list(console)
        return
    if wide:
        table.add_column("PyTorch", overflow="fold")
    family = None
    every = pages()
    for page in every:
        if page.family != family:
            family = page.family
            if table.row_count:
                table.add_row()
            table.add_row(Text(family.replace("_", " "), style="bold"))
        row = [_listed(page, every), page.formula, "\n".join(page.derivatives) or _short_kind(page)]
        table.add_row(*(Text(cell) for cell in (*row, *([page.torch] if wide else []))))
    console.print(table)
    console.print(f"\n{len(every)} operations; minidl ops NAME shows one.", style="dim")


def _short_list(console: Console) -> None:
    """The list for a narrow terminal: everything under the name."""
    from rich.padding import Padding
    from rich.text import Text

    from .reference import pages

    every = pages()
    for page in every:
        console.print(Text(_listed(page, every), style="bold"))
        for line in filter(None, (page.formula, *page.derivatives)):
            console.print(Padding(Text(line), (0, 0, 0, 2), expand=False))


def _listed(page: Page, every: list[Page]) -> str:
    """The name; with its place where another operation, in `minidl` or earlier in the list, has it."""
    namesakes = [p.places[0] for p in every if p.name == page.name]
    main = f"minidl.{page.name}"
    first = main if main in namesakes else namesakes[0]
    return page.name if page.places[0] == first else page.places[0].removeprefix("minidl.")


def _short_kind(page: Page) -> str:
    return "—" if page.kind.startswith("constant") else page.kind if page.parts else page.kind.partition(":")[0]


# One operation ---------------------------------------------------------------------------------------------------------


def _one(console: Console, name: str, output: Path | None) -> None:
    from .reference import find, page

    found = find(name)
    if not found:
        raise UsageError(f"there is no operation {name!r}{_nearest(name)}; `minidl ops` lists all")
    if output is not None:
        _draw(found[0], output)
        return
    for k, op in enumerate(found):
        if k:
            console.print()
        _print_page(console, op, page(op))


def _nearest(name: str) -> str:
    import difflib

    from ..primitives import catalogue

    near = difflib.get_close_matches(name.rpartition(".")[2], {op.name for op in catalogue.values()}, 3)
    return f"; did you mean {' or '.join(near)}?" if near else ""


def _print_page(console: Console, op: Operation, page: Page) -> None:
    from rich.padding import Padding
    from rich.text import Text

    def say(text: str, style: str = "", indent: int = 0) -> None:
        console.print(Padding(Text(text, style=style), (0, 0, 0, indent), expand=False))

    say(f"{page.places[0].rpartition('.')[0]}.{page.signature}" if "." in page.places[0] else page.signature, "bold")
    say(page.summary)
    console.print()
    for line in filter(None, (page.formula, *page.derivatives)):
        say(line, indent=4)
    if any(re.search(r"\bg\b|g[ᵢⱼₖₙ₁₂[]", line) for line in page.derivatives):
        say(f"with g = ∂L/∂{page.output}, the gradient that arrives", "dim", indent=4)
    console.print()
    rows = [
        ("kind", page.kind),
        ("also", ", ".join(page.places[1:])),
        ("aliases", ", ".join(op.aliases)),
        ("PyTorch", page.torch or "has none"),
        ("its rule", "\n".join(page.rule)),
        ("at a kink", page.subgradient),
        ("shapes", "\n".join(page.shapes[:4])),
    ]
    _facts(console, rows)
    shown = _drawing(op, console.width) or _example(op)
    if shown and max(map(len, shown)) <= console.width:
        console.print()
        for line in shown:
            console.print(Text(line), no_wrap=True, overflow="ellipsis")


def _facts(console: Console, rows: Iterable[tuple[str, str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for label, text in rows:
        if text:
            table.add_row(label, Text(text))
    console.print(table)


LARGEST = 12
"""Elements of an array that the terminal still draws."""

MOST = 6
"""Operations of a graph that the terminal still draws."""

PRINTED = 24
"""Elements of an array that the terminal still prints."""


def _drawing(op: Operation, width: int) -> list[str]:
    """The example as a picture in text: values above the wires, gradients below; none where it would not fit."""
    from tutorials.drawing.picture import draw
    from tutorials.lesson import Circuit

    from ..autodiff import order
    from .examples import example

    made = example(op)
    root = _root(made)
    if made is None or root is None:
        return []
    nodes = order(root)
    if sum(not n.is_leaf for n in nodes) > MOST or any(not _flat(n.data, LARGEST) for n in nodes):
        return []
    drawn = draw(Circuit("out", values=("*",), gradients=("*",)), {"out": root}, answered=True, upstream=made.upstream)
    lines = ["".join(span.text for span in line).rstrip() for line in drawn.lines]
    return lines if max(map(len, lines)) <= width else []


def _flat(data: Any, most: int) -> bool:
    """Whether an array can be written as a number, a row or a matrix: further axes have length 1."""
    return bool(0 < data.size <= most and all(n == 1 for n in data.shape[:-2]))


def _example(op: Operation) -> list[str]:
    """The example as what goes in and what comes out, for what cannot be drawn."""
    from .examples import example, output, results

    made = example(op)
    parts = [x for x in results(made.value) if x.data.size] if made is not None else []
    if made is None or any(x.data.size > PRINTED for x in (*made.inputs, *parts)):
        return []
    margin = max([10, *(len(x.name or "") + 3 for x in made.inputs)])
    given = ", ".join(f"{k}={_literal(v)}" for k, v in made.params.items())
    lines = [line for x in made.inputs for line in _named(x.name or "x", x, margin)]
    if not parts:
        return [*lines, f"{'gives':>{margin}} {made.value}" + (f" with {given}" if given else "")]
    if given:
        lines.append(f"{'with':>{margin}} {given}")
    taken = {x.name for x in made.inputs}
    for part in parts:
        lines += _named(f"→ {part.name if part.name and part.name not in taken else output(op)}", part, margin)
    return lines


def _literal(value: Any) -> str:
    return str(value.tolist()) if hasattr(value, "tolist") else repr(value)


def _named(name: str, x: Any, margin: int) -> list[str]:
    """`x = [1 2 3]`, or a matrix over several lines."""
    from tutorials.text import matrix

    rows = matrix(x.data)
    if not _flat(x.data, PRINTED):
        rows[-1] += f"  of shape {x.shape}"
    return [f"{name if k == 0 else '':>{margin}} {'=' if k == 0 else ' '} {row}" for k, row in enumerate(rows)]


def _root(made: Any) -> Any:
    """The first output of an example that has a graph; None where there is none."""
    from .examples import results

    roots = [r for r in results(made.value) if r.requires_grad and not r.is_leaf] if made is not None else []
    return roots[0] if roots else None


def _draw(op: Operation, output: Path) -> None:
    import viz

    from .examples import example

    root = _root(example(op))
    if root is None:
        raise UsageError(f"{op.path} records no graph: there is nothing to draw")
    figure = viz.draw(root, grads=root.data.size == 1, title=op.path)
    figure.save(output)
    typer.echo(f"wrote {output}")


# Differences and Markdown ----------------------------------------------------------------------------------------------


def _differences(console: Console) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from ..differences import DIFFERENCES

    for k, d in enumerate(DIFFERENCES):
        console.print(Text(f"{'' if k == 0 else chr(10)}{d.name}", style="bold"))
        for label, text in (("minidl", d.here), ("PyTorch", d.there), ("why", d.reason)):
            console.print(Padding(Text(f"{label}: {text}"), (0, 0, 0, 2), expand=False))


def as_markdown() -> str:
    """The whole reference, family by family, and the table of differences."""
    from ..differences import DIFFERENCES
    from .reference import pages

    lines = [
        "# minidl's operations",
        "",
        "Made by `minidl ops --markdown -o minidl/primitives/README.md` from the operations' own definitions; the "
        "derivatives are printed by the rules that compute them, or told beside the definition where a textbook reads "
        "better. g is the gradient that arrives at the output, [condition] is 1 where it holds and 0 elsewhere.",
    ]
    family = None
    for page in pages():
        if page.family != family:
            family = page.family
            title = family.replace("_", " ")
            lines += ["", f"## {title[0].upper()}{title[1:]}", "", "| operation | formula | derivative | PyTorch |"]
            lines += ["| --- | --- | --- | --- |"]
        derivative = "<br>".join(map(_cell, page.derivatives)) or _cell(_short_kind(page))
        torch = f"`{page.torch}`" if page.torch else "—"
        lines.append(f"| `{page.places[0]}` | {_cell(page.formula)} | {derivative} | {torch} |")
    lines += ["", "## Differences from PyTorch", "", "| | minidl | PyTorch | why |", "| --- | --- | --- | --- |"]
    lines += [f"| {d.name} | {_cell(d.here)} | {_cell(d.there)} | {_cell(d.reason)} |" for d in DIFFERENCES]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    escaped = text.replace("|", "\\|").replace("*", "\\*").replace("_", "\\_")
    return " ".join(escaped.split())
