"""A lesson's circuit as a figure for a slide: drawn by viz, saved beside the progress."""

from __future__ import annotations

from minidl.errors import MinidlError

from . import progress
from .session import Session


def save(session: Session) -> str:
    """Draw the present step's figure, save it, and return what to tell the learner: where it is, or why it is not."""
    step = session.snapshot.step
    path = progress.folder() / "figures" / f"{session.lesson.name}-{step.name}.svg"
    try:
        import viz

        path.parent.mkdir(parents=True, exist_ok=True)
        viz.draw(session.snapshot.names[step.figure]).save(path)
    except (MinidlError, OSError) as error:
        return f"The figure could not be made: {error}"
    return f"Figure saved: {path}"
