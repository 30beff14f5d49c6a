"""Figures of kernels: what they say is what the traced kernel did, worked out here by other means."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from minidl.errors import UsageError
from viz.deck.deck import Deck
from viz.drawing.figure import Figure
from viz.drawing.theme import LIGHT
from viz.gpu import convolution, decks, matmul
from viz.gpu.cells import Cells
from viz.gpu.hardware import BANDWIDTH, PEAK, attainable
from viz.gpu.kernels import SUBJECTS, kernel_figure
from viz.gpu.levels import levels
from viz.gpu.moments import BRING, MULTIPLY, WRITE, Cost, Moment, moments, uses
from viz.gpu.requests import bank_requests, coalescing_requests
from viz.gpu.stage import broken

TELLINGS = {
    "naive": matmul.naive,
    "tiled": matmul.tiled,
    "fast": matmul.fast,
    "convolution": convolution.telling,
}


@cache
def telling(name: str) -> decks.Telling:
    return TELLINGS[name]()


@cache
def found(name: str) -> list[Moment]:
    told = telling(name)
    return moments(told.trace, {board.array for board in told.boards}, told.block, told.parts)


@cache
def deck(name: str) -> Deck:
    made = kernel_figure(name)
    assert isinstance(made, Deck)
    return made


def touched(moment: Moment, array: str, action: str = "read") -> set[tuple[int, int]]:
    """Which thread touches which element."""
    return {(a.number, e) for a in moment.of(array, action) for e in a.elements}


# Moments ------------------------------------------------------------------------------------------------------------


def test_in_turn_k_of_the_naive_product_thread_r_c_reads_A_r_k_and_B_k_c() -> None:
    turns = [m for m in found("naive") if m.kind == BRING]
    assert len(turns) == 8
    for k, moment in enumerate(turns):
        assert touched(moment, "x") == {(8 * r + c, 8 * r + k) for r in range(4) for c in range(8)}
        assert touched(moment, "y") == {(8 * r + c, 8 * k + c) for r in range(4) for c in range(8)}
        # A warp's threads read two numbers each: four rows of A, which are a sector each, and one row of B.
        assert moment.cost == Cost(read=64, sectors=5)


def test_the_tiled_product_brings_a_tile_of_each_factor_and_multiplies_it() -> None:
    kinds = [m.kind for m in found("tiled")]
    assert kinds == [BRING, *[MULTIPLY] * 4, BRING, *[MULTIPLY] * 4, WRITE]
    for step, moment in enumerate(m for m in found("tiled") if m.kind == BRING):
        assert touched(moment, "x") == {(4 * r + c, 8 * r + 4 * step + c) for r in range(4) for c in range(4)}
        assert touched(moment, "y") == {(4 * r + c, 8 * (4 * step + r) + c) for r in range(4) for c in range(4)}
        assert moment.cost.read == 32
        assert moment.cost.sectors == 8
    for moment in (m for m in found("tiled") if m.kind == MULTIPLY):
        assert (moment.cost.read, moment.cost.shared, moment.cost.conflicts) == (0, 32, 0)


def test_the_fast_product_fetches_the_next_tile_in_the_step_that_multiplies_one() -> None:
    steps = {kind: {m.step for m in found("fast") if m.kind == kind} for kind in (BRING, MULTIPLY)}
    assert steps == {BRING: {0, 1}, MULTIPLY: {1, 2}}
    for moment in found("fast"):
        widths = {a.width for a in moment.accesses}
        assert widths == {4}
        assert moment.cost.conflicts == 0
    assert "next tile is on its way" in deck("fast")[3].narration
    assert "global memory rests" in deck("fast")[5].narration


def test_a_result_is_written_once_by_the_thread_whose_number_it_has() -> None:
    (moment,) = (m for m in found("tiled") if m.kind == WRITE)
    assert touched(moment, "out", "write") == {(4 * r + c, 8 * r + c) for r in range(4) for c in range(4)}


def test_how_often_a_number_is_read_depends_on_the_tile() -> None:
    for name, times in (("naive", 8), ("tiled", 2), ("fast", 1)):
        for array in ("x", "y"):
            assert set(uses(telling(name).trace, array).values()) == {times}
            assert f"read {times} time" in deck(name)[-1].narration


def test_a_pixel_is_read_once_for_each_window_that_it_is_in() -> None:
    counted = uses(telling("convolution").trace, "x")
    side = [min(i, 3) - max(0, i - 4) + 1 for i in range(8)]
    assert counted == {8 * i + j: side[i] * side[j] for i in range(8) for j in range(8)}


# Decks --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TELLINGS)
def test_nothing_jumps(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The matrices, the legend and the table stand in the same places in every frame, on pages of one size."""
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "bundled")
    seen = set()
    for frame in (deck(name)[0], deck(name)[1], deck(name)[2], deck(name)[-1]):
        geometry = frame.figure.geometry()
        boards = frozenset(
            (b.left, b.bottom, b.right, b.top) for n, b in geometry.nodes.items() if n.startswith("cells")
        )
        seen.add((geometry.page, boards))
    assert len(seen) == 1
    assert len(next(iter(seen))[1]) == len(telling(name).boards)


@pytest.mark.parametrize("name", TELLINGS)
def test_each_frame_says_what_happens_in_a_sentence(name: str) -> None:
    for frame in deck(name):
        assert frame.narration.endswith(".")
        assert len(broken(frame.narration, 844, 16)) <= 2
        assert frame.figure.text == frame.narration


@pytest.mark.slow
@pytest.mark.parametrize("name", TELLINGS)
def test_no_frame_has_a_fault(
    name: str, faults: Callable[[Figure], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "bundled")
    for frame in deck(name):
        assert faults(frame.figure) == [], frame.label


def test_a_lit_cell_has_the_number_of_the_thread_that_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIDL_GRAPHVIZ", "bundled")
    frame, told = deck("tiled")[1], telling("tiled")
    cells = next(board.cells for board in told.boards if board.array == "x")
    geometry = frame.figure.geometry()
    runs = [run for part in geometry.parts for line in part.lines for run in line.runs]
    for r in range(4):
        for c in range(4):
            x, y = cells.center((r, c))
            here = [
                run.text for run in runs if abs((run.left + run.right) / 2 - x) < 4 and abs(run.baseline + 4 - y) < 4
            ]
            assert here == [str(4 * r + c)]


# Requests, levels, hardware -----------------------------------------------------------------------------------------


def test_a_column_of_a_matrix_takes_a_sector_a_lane() -> None:
    row, column = coalescing_requests()
    assert list(row.places) == list(range(32))
    assert list(column.places) == list(range(0, 1024, 32))
    assert row.verdict.startswith("4 sectors: 128 bytes")
    assert column.verdict.startswith("32 sectors: 1024 bytes")


def test_one_number_of_padding_spreads_a_column_over_all_banks() -> None:
    plain, padded = bank_requests()
    assert {place % 32 for place in plain.places} == {0}
    assert {place % 32 for place in padded.places} == set(range(32))
    assert plain.verdict == "32 turns: 1 of 32 banks is asked"
    assert padded.verdict == "1 turn: 32 of 32 banks are asked"


def test_a_wider_tile_reads_less() -> None:
    naive, tiled, fast = levels()
    # A tile of T × T results reads 2 T numbers for every T² products.
    assert (naive.reads, tiled.reads, fast.reads) == (2, 2 / 16, 2 / 128)
    assert tiled.fetched == 4 * tiled.reads
    assert fast.fetched == 4 * fast.reads
    # 8 × 8 results a thread: 16 numbers a product's sum, four at once, for 64 products.
    assert (naive.loads, tiled.loads, fast.loads) == (0, 2, 4 / 64)
    assert fast.lost == 0
    assert [one.intensity for one in (tiled, fast)] == [4, 32]
    assert all(f"{one.reads:.3g} numbers" in one.words for one in levels())


def test_the_roof_has_its_ridge_where_memory_meets_arithmetic() -> None:
    ridge = PEAK / BANDWIDTH
    assert attainable(ridge) == pytest.approx(PEAK)
    assert attainable(ridge / 4) == pytest.approx(PEAK / 4)
    assert attainable(4 * ridge) == PEAK


def test_cells_count_rows_downwards() -> None:
    cells = Cells(2, 3, left=10, top=50, width=4, height=6)
    assert (cells.right, cells.bottom, cells.middle) == (22, 38, (16, 44))
    assert cells.center((1, 2)) == (20, 41)


def test_what_there_is_not_is_named() -> None:
    with pytest.raises(UsageError, match=r"no kernel figure 'winograd'; there are naive, tiled, fast"):
        kernel_figure("winograd")


@pytest.mark.parametrize("name", [name for name, subject in SUBJECTS.items() if not subject.is_deck])
def test_each_figure_has_its_title_and_its_words(name: str) -> None:
    figure = kernel_figure(name, theme="dark")
    assert isinstance(figure, Figure)
    assert figure.title == SUBJECTS[name].title
    assert figure.text.endswith(".")
    assert LIGHT.paper not in figure.dot
