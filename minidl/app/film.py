"""The film strip of a run: a few moments of the training, kept while it goes on and drawn next to each other at the end."""

from __future__ import annotations

from pathlib import Path

from .. import no_grad, tensor
from ..errors import MissingEngineError
from ..files import write_atomic
from ..nn import functional as F
from ..training import Session

MOMENTS = 8
"""How many moments a strip has at most."""


def moments(epochs: int) -> list[int]:
    """Return after which epochs of a run its network is looked at: 0, the last, and more of the early ones.

    >>> moments(30), moments(3)
    ([0, 2, 5, 8, 13, 18, 24, 30], [0, 1, 2, 3])
    """
    return sorted({round(epochs * (i / (MOMENTS - 1)) ** 1.5) for i in range(MOMENTS)})


def keep_moment(figures: Path, session: Session, epoch: int, probe: int) -> None:
    """Write what a strip shows of this moment to a file, so that a run which is resumed has it too.

    Args:
        figures: the run's folder of figures.
        session: the run.
        epoch: how many epochs are done.
        probe: the loss is that of so many validation images; the first of them is the one that is looked at.
    """
    if epoch not in moments(session.config.epochs):
        return
    from safetensors.numpy import save

    from viz.film.snapshot import record

    model, validation = session.trainer.model, session.parts.validation
    shown = validation.subset(range(min(probe, len(validation))))
    images, labels = session.inputs(shown.images), shown.labels
    was_training = model.training
    model.eval()  # nothing random, so training goes on as if no picture had been taken
    try:
        with no_grad():
            loss = float(F.cross_entropy(model(tensor(images)), tensor(labels)).item())
    finally:
        model.train(was_training)
    moment = record(model, images, epoch, loss, label=int(labels[0]), original=shown.images[0])
    figures.mkdir(exist_ok=True)
    write_atomic(figures / f"film-{epoch:03d}.safetensors", save(moment.arrays()))


def draw_strip(figures: Path, session: Session) -> None:
    """Draw the moments that have been kept; without Graphviz, write the drawing as DOT.

    Raises:
        MissingEngineError: there is no Graphviz.
    """
    from safetensors.numpy import load_file

    from viz.film.filmstrip import filmstrip
    from viz.film.snapshot import Snapshot

    kept = [path for path in sorted(figures.glob("film-*.safetensors")) if path.stem[5:].isdecimal()]
    if not kept:
        return
    snapshots = [Snapshot.from_arrays(load_file(path)) for path in kept[-MOMENTS:]]
    classes = session.parts.validation.classes
    figure = filmstrip(snapshots, classes=classes, title=f"{session.config.model} learns", unit="epoch")
    try:
        figure.save(figures / "filmstrip.svg")
    except MissingEngineError:
        write_atomic(figures / "filmstrip.dot", figure.dot)
        raise
