"""`pytest -m experiment`: every claim, with the seeds of the table, in minutes. Some are claims that do not come out."""

from __future__ import annotations

import statistics
from concurrent.futures import ThreadPoolExecutor

import pytest

from .course import EXPERIMENTS
from .harness import run


@pytest.mark.experiment
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_what_is_claimed_is_so(name: str) -> None:
    with ThreadPoolExecutor(1) as here:
        measured = run([name], executor=here)[name]
    for claim in EXPERIMENTS[name].claims:
        values = measured[claim.quantity]
        told = f"{claim.quantity} {claim}: the median is {statistics.median(values)} of {values}"
        assert claim.holds(values) == claim.reproduced, told
