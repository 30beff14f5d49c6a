"""Shared memory serves 32 banks at once: what a warp reads or writes together must lie in different ones.

A load of 128 bits is served for half a warp or a quarter at a time; where lanes ask for the same place, that counts once.
"""

from __future__ import annotations

from collections import defaultdict

import pytest

from minidl.kernels.cuda.matmul import tensor_cores, tile
from minidl.kernels.cuda.matmul.staging import Share, first_piece
from minidl.kernels.cuda.matmul.tensor_cores import FragmentPanel
from minidl.kernels.cuda.matmul.tile import Panel, Tile, corner_of

TILES = [tile.LARGE, tile.SMALL]


def wavefronts(starts: list[int], width: int) -> int:
    """How often the banks must be asked for pieces of `width` numbers that lanes read at `starts`."""
    places: defaultdict[int, set[int]] = defaultdict(set)
    for start in starts:
        for place in range(start, start + width):
            places[place % 32].add(place)
    return max(len(different) for different in places.values())


def halves(starts: list[int]) -> list[list[int]]:
    return [starts[:16], starts[16:]]


def quarters(starts: list[int]) -> list[list[int]]:
    return [starts[i : i + 8] for i in range(0, 32, 8)]


def test_the_rule_counts() -> None:
    assert wavefronts([0, 4, 8, 0], 4) == 1
    assert wavefronts([0, 32], 4) == 2
    assert wavefronts(list(range(0, 32 * 32, 32)), 1) == 32


@pytest.mark.parametrize("one", TILES)
@pytest.mark.parametrize("along", [False, True])
def test_a_warp_reads_rows_and_columns_in_two_wavefronts(one: Tile, along: bool) -> None:
    row_of, column_of = corner_of(one)
    left, right = one.left(along).place, one.right.place
    for warp in range(one.threads // 32):
        lanes = range(32 * warp, 32 * warp + 32)
        for i in range(4 if along else 1):
            rows = [left(row_of(lane) + i, 0) for lane in lanes]
            assert [wavefronts(half, 4) for half in halves(rows)] == [1, 1]
            assert all(rows[k] == rows[k ^ 2] for k in range(32)), (
                "pairs of lanes share, so that a half is served at once"
            )
        columns = [right(column_of(lane), 0) for lane in lanes]
        assert [wavefronts(half, 4) for half in halves(columns)] == [1, 1]
        assert all(columns[k] == columns[k ^ 1] for k in range(32))


@pytest.mark.parametrize("one", TILES)
def test_the_threads_of_a_tile_have_each_result_once(one: Tile) -> None:
    row_of, column_of = corner_of(one)
    found = [
        (row_of(t) + d * 16 + i, column_of(t) + e * 32 + j)
        for t in range(one.threads)
        for d in range(one.down)
        for e in range(one.across)
        for i in range(4)
        for j in range(4)
    ]
    assert len(found) == len(set(found)) == one.rows * one.columns
    assert {r for r, _ in found} == set(range(one.rows))
    assert {c for _, c in found} == set(range(one.columns))


SHARES = [
    Share(panel, along, aligned, one.threads)
    for one in TILES
    for panel, along in (
        (one.left(True), True),
        (one.left(False), False),
        (one.right, False),
        (one.right, True),
    )
    for aligned in (True, False)
] + [
    Share(FragmentPanel(one.rows, along), along, aligned, one.threads)
    for one in (tensor_cores.LARGE, tensor_cores.SMALL)
    for along in (False, True)
    for aligned in (True, False)
]


@pytest.mark.parametrize("share", SHARES, ids=str)
def test_pieces_fill_a_panel_and_are_written_without_conflicts(share: Share) -> None:
    line_of, sum_of = first_piece(share)
    place, onward = share.panel.place, share.onward
    starts = [place(line_of(t), sum_of(t)) for t in range(share.threads)]
    written = []
    for c in range(share.count):
        this = [onward(at, c) for at in starts]
        for t, at in enumerate(this):
            further = c * share.stride
            assert at == place(
                line_of(t) + (further if share.along else 0), sum_of(t) + (0 if share.along else further)
            )
        for warp in range(0, share.threads, 32):
            lanes = this[warp : warp + 32]
            together = quarters(lanes) if share.wide else [lanes]
            assert all(wavefronts(part, share.piece) == 1 for part in together)
        written += [at + i for at in this for i in range(share.piece)]
    assert len(written) == len(set(written)) == share.panel.lines * share.panel.depth
    assert min(written) >= 0
    assert max(written) < share.panel.size


@pytest.mark.parametrize("along", [False, True])
def test_fragments_are_read_without_conflicts(along: bool) -> None:
    panel = FragmentPanel(128, along)
    for line in range(0, 128, 8):
        lanes = [(line + lane // 4, lane % 4 * 4) for lane in range(32)]
        if along:
            assert all(wavefronts(part, 4) == 1 for part in quarters([panel.place(i, k) for i, k in lanes]))
        else:
            assert all(wavefronts([panel.place(i, k + j) for i, k in lanes], 1) == 1 for j in range(4))


def test_without_padding_and_exchange_there_would_be_conflicts() -> None:
    row_of, _ = corner_of(tile.LARGE)
    plain = [row_of(lane) * tile.LARGE.depth for lane in range(32)]
    assert max(wavefronts(half, 4) for half in halves(plain)) == 2
    assert wavefronts([k * 128 + lane // 4 for lane in range(32) for k in [lane % 4 * 4]], 1) == 4
    assert Panel(128, 8, True).size == 128 * 9
