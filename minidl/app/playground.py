"""`minidl playground`: a small network learns in the terminal while one turns its dials."""

from __future__ import annotations

from typing import Annotated

import typer


def _setting(help: str, metavar: str) -> typer.models.OptionInfo:
    return typer.Option(help=help, metavar=metavar, show_default=False)


def playground(
    data: Annotated[str | None, _setting("circle (as usual), xor, gauss or spiral.", "NAME")] = None,
    inputs: Annotated[
        str | None,
        _setting("Of x1, x2, x1x1, x2x2, x1x2, sinx1, sinx2, with commas; as usual x1,x2.", "NAMES"),
    ] = None,
    layers: Annotated[str | None, _setting("Units of the hidden layers, as usual 4,2; or none.", "WIDTHS")] = None,
    activation: Annotated[str | None, _setting("tanh (as usual), relu, sigmoid or linear.", "NAME")] = None,
    rate: Annotated[str | None, _setting("The learning rate, as usual 0.03.", "NUMBER")] = None,
    penalty: Annotated[str | None, _setting("On the weights: none (as usual), l1 or l2.", "NAME")] = None,
    strength: Annotated[str | None, _setting("Of the penalty, as usual 0.001.", "NUMBER")] = None,
    noise: Annotated[str | None, _setting("In the data, from 0 (as usual) to 50.", "PERCENT")] = None,
    batch: Annotated[str | None, _setting("Points a step, as usual 10.", "NUMBER")] = None,
    train: Annotated[
        str | None, _setting("Of the 500 points, those learnt from; as usual 50. The rest test.", "PERCENT")
    ] = None,
    seed: Annotated[str | None, _setting("Of points, first weights and order, as usual 0.", "NUMBER")] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            help="Train for so many, then pause; without a terminal, end there (as usual at 100).", metavar="N"
        ),
    ] = None,
    change: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting that changes during training: EPOCH:NAME=VALUE; rate, penalty, strength, batch. Repeatable.",
            metavar="CHANGE",
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Lines of text: no colour, no cursor movement. For screen readers.")
    ] = False,
) -> None:
    """Watch a small network learn to divide the plane, and turn its dials meanwhile. Press ? for the keys.

    Without a terminal it trains and prints a summary. Either way it ends with the command line that leads to the same
    network again, number by number. Exit status 0, or 130 after Ctrl-C.

    The lectures' own: minidl playground --data spiral --inputs x1,x2,x1x1,x2x2,x1x2 --layers 4,2
    """
    from tutorials.playground.command import run

    typed = {
        "data": data, "inputs": inputs, "layers": layers, "activation": activation, "rate": rate, "penalty": penalty,
        "strength": strength, "noise": noise, "batch": batch, "train": train, "seed": seed,
    }  # fmt: skip
    words = {name: word for name, word in typed.items() if word is not None}
    raise typer.Exit(run(words, change or (), epochs, plain=plain))
