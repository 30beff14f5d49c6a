"""What can be taken away: the command line in lines, and the plane as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np

from minidl.errors import MinidlError

from .session import Session

LINE: Final = 70


def shell_lines(session: Session) -> list[str]:
    """The session's command line in lines that a shell takes as one.

    >>> from .settings import Settings
    >>> print(*shell_lines(Session(Settings(data="xor", activation="relu", inputs=("x1x2",), rate=0.1))), sep="\\n")
    minidl playground --data xor --inputs x1x2 --layers 4,2 \\
      --activation relu --rate 0.1 --epochs 0
    """
    lines = ["minidl playground"]
    for option in session.options():
        if len(lines[-1]) + 1 + len(option) <= LINE - 2:
            lines[-1] += f" {option}"
        else:
            lines[-1] += " \\"
            lines.append(f"  {option}")
    return lines


def picture(session: Session, shown: str = "training") -> str:
    """Save the plane as an SVG in the present folder, and return what to say: where it is, or why it is not.

    Args:
        session: the experiment.
        shown: whose points: `training` or `test`; with `no` points it is drawn with all of them.
    """
    network = session.network
    part = {"training": slice(network.cut), "test": slice(network.cut, None)}.get(shown, slice(None))

    def model(places: Any) -> Any:
        return 2 * network.scores(np.asarray(places.data))  # (1 + tanh s)/2 = σ(2s)

    try:
        from viz.plots import decision_boundary

        chain = " → ".join(map(str, (len(session.settings.inputs), *session.settings.layers, 1)))
        plot = decision_boundary(
            model,
            network.points[part],
            (network.labels[part] > 0).astype(int),
            ["−1", "1"],
            title=f"{session.settings.data}, {chain}, epoch {session.epoch}",
        )
        return f"Saved: {plot.save(_free(f'playground-{session.settings.data}-{session.epoch}'))}"
    except (MinidlError, OSError) as error:
        return f"The picture could not be saved: {error}"


def _free(name: str) -> Path:
    """A name that no file has yet: `name.svg`, `name-2.svg`, …"""
    path, k = Path(f"{name}.svg"), 1
    while path.exists():
        k += 1
        path = Path(f"{name}-{k}.svg")
    return path
