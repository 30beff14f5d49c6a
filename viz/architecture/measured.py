"""Which part of a network's time each of its layers took, from a profile of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from minidl.errors import UsageError
from minidl.profiler.table import milliseconds

from .survey import Row, Survey

if TYPE_CHECKING:
    from minidl.profiler import Profile


def with_shares(survey: Survey, profile: Profile) -> tuple[Survey, str]:
    """Return the survey with each layer's share of the time that its layers took, and a sentence about it.

    A module that is called several times has its time divided evenly between its calls.

    Raises:
        UsageError: the profile has no operation of this network.
    """
    keys = [_key(row) for row in survey.rows]
    counts = Counter(keys)
    seconds = [_seconds(row, profile) / counts[key] for row, key in zip(survey.rows, keys, strict=True)]
    total = sum(seconds)
    if not total:
        raise UsageError(
            f"network: the profile has no operation of {survey.model}'s layers; call this model itself in the profiled block"
        )
    rows = tuple(replace(row, share=time / total) for row, time in zip(survey.rows, seconds, strict=True))
    share = 100 * total / profile.seconds
    said = (
        f"{milliseconds(total)} ms in these layers, {share:.0f} % of the time that was measured; deeper colour: longer"
    )
    return replace(survey, rows=rows), said


def _key(row: Row) -> tuple[str, tuple[str, ...]]:
    return row.module, row.operations


def _seconds(row: Row, profile: Profile) -> float:
    """What a row's module, or its operations in the module around them, took in all."""
    if not row.inputs:
        return 0.0
    return sum(
        measured.seconds
        for measured in profile.rows
        if measured.module == row.module and (not row.operations or measured.operation[0] in row.operations)
    )
