from __future__ import annotations

import math

import pytest

from minidl.training import WarmupCosine


def test_the_rate_rises_in_a_line_to_its_peak_and_falls_along_half_a_cosine() -> None:
    schedule = WarmupCosine(peak=0.4, steps=200, warmup=0.25)
    rates = [schedule(step) for step in range(200)]
    assert rates[:50] == pytest.approx([0.4 * (step + 1) / 50 for step in range(50)])
    assert rates[50:] == pytest.approx([0.2 * (1 + math.cos(math.pi * step / 150)) for step in range(150)])
    assert max(rates) == 0.4
    assert 0 < rates[-1] < 1e-4


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_a_very_short_run_has_a_rate_above_zero_at_every_step(steps: int) -> None:
    schedule = WarmupCosine(peak=1.0, steps=steps)
    assert all(0 < schedule(step) <= 1 for step in range(steps))
