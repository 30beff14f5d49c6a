"""Decks of kernels: a traced run, frame by frame, with a caption that is counted from the trace."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from minidl.kernels.cuda.simulator.trace import Trace

from ..deck.deck import Deck, Frame
from ..drawing.figure import Figure
from ..drawing.notation import grouped
from ..drawing.theme import Theme
from .moments import BRING, MULTIPLY, NOTHING, WRITE, Cost, Moment, moments, total, uses
from .stage import Board, Stage, View, draw_view

PART: Final = {BRING: "bring", MULTIPLY: "multiply", WRITE: "write"}


@dataclass(frozen=True, slots=True)
class Telling:
    """A traced kernel, and how it is told.

    Attributes:
        trace: the run.
        title: the heading.
        boards: its arrays on the slide; the factors first, then the result, then those in shared memory.
        factors: the kernel's names of the two factors.
        block: the block that is shown.
        parts: in how many frames the loop over the products of a step is shown.
        follow: the numbers of the threads that are outlined, and what the legend calls them.
        opening: what the first caption says besides who computes what.
    """

    trace: Trace
    title: str
    boards: Sequence[Board]
    factors: tuple[str, str]
    block: tuple[int, int, int]
    parts: int
    follow: tuple[Collection[int], str]
    opening: str = ""


def tell(telling: Telling, theme: Theme) -> Deck:
    """Make the deck: where things are, what happens moment by moment, and how often each number was read."""
    trace, boards = telling.trace, telling.boards
    result = next(board for board in boards if board.is_result)
    owners = {
        element: a.number
        for a in trace.of(array=result.array, action="write", block=telling.block)
        for element in a.elements
    }
    has_shared = any(info.space == "shared" for info in trace.arrays.values())
    stage = Stage(telling.title, boards, _blocks(trace, result.array), owners, telling.follow, has_shared, theme)
    found = moments(trace, {board.array for board in boards}, telling.block, telling.parts)
    names = {board.array: board.name for board in boards}
    views = [View("the threads of a block", f"{_who(telling, owners)} {telling.opening}".strip())]
    cost = NOTHING
    for k, moment in enumerate(found):
        cost = cost.plus(moment.cost)
        heading = f"{k + 1} of {len(found)}: {_HEADING[moment.kind]}"
        views.append(View(heading, _caption(telling, moment, names), moment, found[:k], None, cost))
    views.append(_ending(telling, names, total(found)))
    frames = []
    for view in views:
        figure = Figure(
            draw_view(stage, view),
            title=f"{telling.title}: {view.heading}",
            text=view.caption,
            steps=(view.caption,),
            layout="neato",
        )
        frames.append(Frame(figure, view.heading, view.caption, part=PART[view.now.kind] if view.now else "the whole"))
    words = " ".join(view.caption for view in views)
    return Deck(frames, title=telling.title, text=words, theme=theme)


def _blocks(trace: Trace, result: str) -> dict[tuple[int, int, int], tuple[int, int]]:
    """The first and the last element of the result that each block writes."""
    found: dict[tuple[int, int, int], tuple[int, int]] = {}
    for a in trace.of(array=result, action="write"):
        low, high = found.get(a.block, (a.first, a.first))
        found[a.block] = min(low, a.first), max(high, a.first + a.width - 1)
    return found


_HEADING: Final = {BRING: "read global memory", MULTIPLY: "multiply", WRITE: "write the results"}


def _who(telling: Telling, owners: Mapping[int, int]) -> str:
    """Who computes what."""
    grid, block = telling.trace.grid, telling.trace.block
    blocks, threads = grid.x * grid.y * grid.z, block.x * block.y * block.z
    name = next(board.name for board in telling.boards if board.is_result)
    each = len(owners) // threads
    share = "one number" if each == 1 else f"{each} numbers"
    if blocks == 1:
        return f"One block of {threads} threads computes {name}; each thread has {share} of it."
    shape = f"{grid.y}×{grid.x}" if grid.y > 1 else grid.x
    return f"{shape} blocks of {threads} threads compute {name}, each thread {share}; the first block is shown."


def _caption(telling: Telling, moment: Moment, names: dict[str, str]) -> str:
    """One sentence on what happens, with numbers from the trace."""
    threads = len({a.number for a in moment.accesses})
    warps = len({a.warp for a in moment.accesses})
    who = f"{threads} threads" + (f" in {warps} warps" if warps > 1 else "")
    cost = moment.cost
    if moment.kind == WRITE:
        written = sum(a.width for a in moment.accesses)
        return f"Each of the {who} writes its results to {names[moment.accesses[0].array]}: {grouped(written)} numbers, once."
    if moment.kind == MULTIPLY:
        each = _each(cost.shared, threads)
        trouble = (
            "without a bank conflict"
            if not cost.conflicts
            else f"{_times(cost.conflicts, 'turn')} lost to bank conflicts,"
        )
        meanwhile = "the next tile is on its way" if _fetches(telling, moment) else "global memory rests"
        return f"The {who} read {each} from shared memory {trouble} and multiply; {meanwhile}."
    different = {name: len({e for a in moment.of(name, "read") for e in a.elements}) for name in telling.factors}
    count = sum(different.values())
    fetched = f"{_times(cost.sectors, 'sector')} of 32 bytes"
    often = "each once" if cost.read == count else f"in {grouped(cost.read)} reads"
    if telling.trace.steps[moment.accesses[0].block] == 1:
        reads = f"{grouped(cost.read)} reads of only {count} different numbers"
        return f"The {who} read {_each(cost.read, threads)}: {reads}, from {fetched}."
    after = " while the next frames multiply." if _multiplies(telling, moment) else "."
    return f"The {who} bring {grouped(count)} numbers to shared memory, {often}: {fetched} are fetched{after}"


def _multiplies(telling: Telling, moment: Moment) -> bool:
    """Whether the block reads shared memory before it waits again."""
    return bool(telling.trace.of(space="shared", action="read", step=moment.step, block=telling.block))


def _fetches(telling: Telling, moment: Moment) -> bool:
    """Whether the block reads global memory before it waits again."""
    return bool(telling.trace.of(space="global", action="read", step=moment.step, block=telling.block))


def _each(numbers: int, threads: int) -> str:
    return f"{_times(numbers // threads, 'number')} each" if numbers % threads == 0 else f"{grouped(numbers)} numbers"


def _times(count: int, word: str) -> str:
    return f"{grouped(count)} {word}{'s' * (count != 1)}"


def _ending(telling: Telling, names: dict[str, str], cost: Cost) -> View:
    """The last frame: how often each number of the factors was read, in the whole grid."""
    counts = {name: uses(telling.trace, name) for name in telling.factors}
    said = " and ".join(
        f"each number of {names[name]} {_range(list(counted.values()))}" for name, counted in counts.items()
    )
    return View("how often each was read", f"In the whole grid {said} from global memory.", None, (), counts, cost)


def _range(counted: Sequence[int]) -> str:
    low, high = min(counted), max(counted)
    return f"was read {_times(high, 'time')}" if low == high else f"was read {low} to {high} times"
