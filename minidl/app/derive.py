"""`minidl derive`: an expression typed on the command line is differentiated as a textbook does it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import UsageError

_USAGE = "minidl derive 'z = norm(W @ x + b)**2' W=[[1,2],[3,-1]] x=[1,-1] b=[0.5,-2]"


def derive(
    expression: Annotated[
        str, typer.Argument(help="What to differentiate, such as 'f = (x + y) * z'; steps are separated by ;")
    ],
    values: Annotated[
        list[str] | None, typer.Argument(help="Its values: x=-2 'W=[[1,2],[3,-1]]'", metavar="NAME=VALUE")
    ] = None,
    wrt: Annotated[
        list[str] | None, typer.Option("--wrt", help="Derive for this value only; repeatable. All inputs by default.")
    ] = None,
    latex: Annotated[bool, typer.Option("--latex", help="Print LaTeX instead of text.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write a .tex, .txt or .md file instead of printing.")
    ] = None,
) -> None:
    """Print the chain rule for each input, line by line: symbols first, then the numbers.

    An expression that begins with a minus sign goes after --, as in: minidl derive -- '-x * y' x=1 y=2
    """
    import viz

    from .expression import parse
    from .values import parse_values

    parsed = parse(expression)
    root = parsed.evaluate(parse_values(values or [], parsed.inputs))
    if root.data.size != 1:
        raise UsageError(
            f"{root.name or 'the result'} has shape {root.shape}, and a derivation is that of one number: reduce it, as in "
            f"sum(…) or norm(…)**2: {_USAGE}"
        )
    derivation = viz.derive(root, wrt=wrt or None)
    if output is not None:
        typer.echo(f"wrote {derivation.save(output)}")
    else:
        typer.echo(derivation.latex() if latex else str(derivation))
