"""Where minidl does something else than PyTorch, and why. There is no other intended difference; the tests hold each of these.

`minidl ops --differences` prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """One permitted difference.

    Attributes:
        name: a short name, by which the tests know it.
        here: what minidl does.
        there: what PyTorch does.
        reason: why.
    """

    name: str
    here: str
    there: str
    reason: str


DIFFERENCES: tuple[Difference, ...] = (
    Difference(
        "data is an array",
        "x.data is the NumPy array",
        "x.data is a tensor without history",
        "the numbers themselves are what a reader wants to see; x.detach() is the tensor",
    ),
    Difference(
        "the graph survives backward",
        "backward() and grad() keep the graph unless retain_graph=False",
        "they free it unless retain_graph=True",
        "drawing and stepping through a graph after backward() is what minidl is for",
    ),
    Difference(
        "scalars",
        "minidl.scalar(2.0) is a double that gives way to any tensor's dtype, as a plain number does",
        "there is no such thing",
        "a circuit's numbers should be exact to print and should not change a network's dtype",
    ),
    Difference(
        "no gradient from nothing",
        "an upstream gradient of 0 sends 0 through an elementwise operation, also where its slope is infinite or undefined",
        "0·∞ and 0·NaN are NaN",
        "a branch that was not taken must not leak: where(x > 0, sqrt(x), 0) has a gradient of 0 at x = 0",
    ),
)
"""Every permitted difference."""
