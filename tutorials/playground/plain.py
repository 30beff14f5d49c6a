"""The playground without a terminal: so many epochs, and what came of them, in lines."""

from __future__ import annotations

from collections.abc import Iterator

from tutorials.text import number

from .session import Session
from .settings import INPUTS, POINTS

LINES = 10
"""At most so many epochs are told of, besides the first."""


def summary(session: Session, epochs: int) -> Iterator[str]:
    """Train for so many epochs, and tell of it line by line while it happens."""
    settings, cut = session.settings, session.network.cut
    hidden = [f"{units} units of {settings.activation}" for units in settings.layers]
    penalty = "no penalty" if settings.penalty == "none" else f"{settings.penalty} of strength {settings.strength:g}"
    inputs = ", ".join(INPUTS[name] for name in settings.inputs)
    yield f"Data: {settings.data}, noise {settings.noise} %, {cut} points to learn from, {POINTS - cut} that test."
    yield f"Network: inputs {inputs}; {'; '.join([*hidden, 'one output'])}; seed {settings.seed}."
    yield f"Training: rate {settings.rate:g}, batches of {settings.batch}, {penalty}."
    yield ""
    yield "  epoch   train loss  right    test loss  right"
    told = {round(k * epochs / LINES) for k in range(LINES + 1)}
    while True:
        if session.epoch in told or session.is_lost:
            yield _line(session)
        if session.epoch >= epochs or session.is_lost:
            break
        session.train()
    if session.is_lost:
        yield "The loss is no longer a number; a smaller rate may help."
    yield ""
    yield from _weights(session)
    yield ""
    yield f"The same again: {session.command()}"


def _line(session: Session) -> str:
    (train, test), (right, test_right) = session.history[-1], session.network.right()
    return f"{session.epoch:7}   {train:10.4f}  {right:5.1%}   {test:10.4f}  {test_right:5.1%}"


def _weights(session: Session) -> Iterator[str]:
    """The weights of the first layer, in words."""
    names = [INPUTS[name] for name in session.settings.inputs]
    first = session.network.layers()[0]
    yield "Weights of the first layer:" if session.settings.layers else "Weights of the output:"
    for k, unit in enumerate(first.tolist(), 1):
        told = ", ".join(f"{name} {number(round(weight, 3))}" for name, weight in zip(names, unit, strict=True))
        yield f"  unit {k}: {told}"
