"""A diagram as a picture, in one of two ways: placed by Graphviz, or in the rows of its formula.

A picture can show many scenes of one diagram. The room for whatever appears in any of them is there in all of them, so
that nothing moves from one to the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .by_dot import ByDot
from .by_rows import ByRows, places
from .diagram import Diagram
from .sides import Sides
from .survey import Look, Scene, Survey

__all__ = ["Look", "Picture", "Scene"]

_END: Final = Scene()
"""What is seen in the end: everything."""


class Picture:
    """A diagram with room for everything that any scene shows.

    Args:
        diagram: what is drawn. One that was unfolded, with frames around the parts of operations, is set in the rows of
            its formula where it runs from left to right; every other is placed by Graphviz.
        look: how.
        sides: by the key of a wire, all that may stand at it.
        caption: the largest caption of any scene, in points: width and height.
    """

    def __init__(
        self, diagram: Diagram, look: Look, sides: Mapping[str, Sides], caption: tuple[int, int] = (0, 0)
    ) -> None:
        self._survey = Survey(diagram, look, sides, caption)
        self._places = places(self._survey)

    def dot(self, scene: Scene = _END) -> str:
        """Return the picture at one moment in Graphviz's language."""
        if self._places is None:
            return ByDot(self._survey, scene).source()
        return ByRows(self._survey, scene, self._places).source()
