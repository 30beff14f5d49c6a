"""A step's figure, as it goes on a slide: drawn by viz, saved beside the progress, opened on request."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from minidl.errors import MinidlError
from viz.drawing.theme import LIGHT, Theme, theme_named

from ..drawing.art import coloured, drawn
from ..learning import progress
from ..learning.session import Session


def path_of(session: Session) -> Path:
    """Where the present step's figure is saved."""
    return progress.folder() / "figures" / f"{session.lesson.name}-{session.snapshot.step.name}.svg"


def write(value: Any, path: Path, theme: Theme = LIGHT) -> Path:
    """Write what shows a value to a file of any kind that a figure can have.

    Raises:
        MinidlError: it cannot be drawn.
        OSError: it cannot be written.
    """
    figure_of(value, theme).save(path)
    return path


def figure_of(value: Any, theme: Theme = LIGHT) -> Any:
    """What shows a value on a page: a figure or a plot of `viz`. A theme is for what is not drawn yet."""
    return plotted(value, theme) if isinstance(value, np.ndarray) else drawn(value, theme)


def plotted(array: Any, theme: Theme = LIGHT) -> Any:
    """An array as a plot: a curve over its places, a matrix or an image as one."""
    from viz import plots

    palette = theme_named(theme)

    def draw() -> Any:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(5, 3.2))
        axes = figure.subplots()
        if array.ndim == 1:
            axes.plot(array, color=palette.local, linewidth=2)
            axes.axhline(0, linewidth=0.5, color=palette.dim)
        else:
            axes.imshow(coloured(array, palette), interpolation="none")
            axes.set_axis_off()
        return figure

    return plots.Plot(draw, "Numbers of a lesson", f"An array of shape {array.shape}.", palette)


def save(session: Session) -> str:
    """Draw the present step's figure, save it, and return what to tell the learner: where it is, or why it is not."""
    try:
        return f"Figure saved: {write(session.figure, path_of(session), session.snapshots.theme)}"
    except (MinidlError, OSError, ImportError) as error:
        return f"The figure could not be made: {error}"


def tried(session: Session) -> str:
    """Draw the present step's figure, but write no file; return what is wrong with it, or ""."""
    try:
        figure_of(session.figure, session.snapshots.theme).svg()
    except (MinidlError, ImportError) as error:
        return f"The figure could not be made: {error}"
    return ""


def open_file(path: Path) -> str:
    """Open a file with the system's own program for it; return what to tell the learner."""
    if sys.platform == "win32":
        os.startfile(path)
        return f"Opened: {path}"
    command = "open" if sys.platform == "darwin" else "xdg-open"
    if command == "xdg-open" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return f"There is no desktop to open it on. The file is {path}"
    try:
        subprocess.Popen([command, str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except OSError as error:
        return f"It could not be opened ({error.strerror}). The file is {path}"
    return f"Opened: {path}"
