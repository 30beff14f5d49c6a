"""Ensembles and bagging (A60)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import UsageError
from minidl.nn import functional as F
from minidl.training.ensemble import Ensemble, bagging, bootstrap, out_of_bag


def test_probabilities_are_averaged_and_come_back_as_scores() -> None:
    members = [nn.Linear(4, 3) for _ in range(3)]
    x = minidl.randn(5, 4)
    both = Ensemble(members)
    mean = np.mean([F.softmax(m(x), dim=1).data for m in members], axis=0)
    np.testing.assert_allclose(F.softmax(both(x), dim=1).data, mean, rtol=1e-5)
    labels = minidl.tensor([0, 1, 2, 0, 1])
    own = [F.cross_entropy(m(x), labels).item() for m in members]
    assert F.cross_entropy(both(x), labels).item() < np.mean(own)


def test_certain_members_give_no_infinity() -> None:
    class Sure(nn.Module):
        def __init__(self, k: int) -> None:
            super().__init__()
            self.k = k

        def forward(self, x: Any) -> Any:
            return minidl.tensor([[1e4 if j == self.k else 0.0 for j in range(3)]])

    scores = Ensemble([Sure(0), Sure(0), Sure(1)])(None)
    np.testing.assert_allclose(F.softmax(scores, dim=1).data, [[2 / 3, 1 / 3, 0]], atol=1e-6)
    assert np.isfinite(scores.data).all()


def test_outputs_are_averaged_for_regression_and_gradients_flow() -> None:
    members = [nn.Linear(2, 1) for _ in range(2)]
    both = Ensemble(members, average="outputs")
    x = minidl.randn(3, 2)
    np.testing.assert_allclose(both(x).data, (members[0](x).data + members[1](x).data) / 2, rtol=1e-6)
    both(x).sum().backward()
    assert all(p.grad is not None for p in both.parameters())
    assert list(both.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]
    assert len(both) == 2


def test_a_bootstrap_sample_is_seeded_and_leaves_out_about_a_third() -> None:
    sample = bootstrap(20_000, minidl.Generator(3))
    np.testing.assert_array_equal(sample, bootstrap(20_000, minidl.Generator(3)))
    assert (sample != bootstrap(20_000, minidl.Generator(4))).any()
    assert sample.shape == (20_000,)
    assert (np.diff(sample) >= 0).all()
    rest = out_of_bag(sample, 20_000)
    assert len(rest) / 20_000 == pytest.approx(np.exp(-1), abs=0.01)
    assert set(rest).isdisjoint(sample)
    assert len(set(rest) | set(sample)) == 20_000
    minidl.manual_seed(1)
    first = bootstrap(50)
    minidl.manual_seed(1)
    np.testing.assert_array_equal(first, bootstrap(50))


def test_bagging_trains_each_member_on_its_own_sample() -> None:
    given = []

    def fit(sample: Any) -> nn.Module:
        given.append(sample)
        return nn.Linear(2, 1)

    ensemble, samples = bagging(fit, examples=30, models=3, generator=minidl.Generator(0), average="outputs")
    assert len(ensemble) == len(given) == 3
    assert all((a == b).all() for a, b in zip(samples, given, strict=True))
    assert any((samples[0] != s).any() for s in samples[1:])
    again = bagging(fit, examples=30, models=3, generator=minidl.Generator(0))[1]
    assert all((a == b).all() for a, b in zip(samples, again, strict=True))


def test_bagging_lowers_the_error_of_a_jumpy_model() -> None:
    """The nearest neighbour follows the noise of its example; the mean over samples follows it less."""
    rng = np.random.default_rng(0)
    x, test = rng.uniform(0, 6, size=60), np.linspace(0, 6, 200)
    y = np.sin(x) + 0.5 * rng.normal(size=60)

    class Nearest(nn.Module):
        def __init__(self, sample: Any) -> None:
            super().__init__()
            self.sample = sample

        def forward(self, points: Any) -> Any:
            return minidl.tensor(y[self.sample][np.abs(points[:, None] - x[self.sample]).argmin(1)])

    ensemble, _ = bagging(Nearest, 60, 30, minidl.Generator(1), average="outputs")
    errors = [float(((model(test).data - np.sin(test)) ** 2).mean()) for model in (*ensemble.children(), ensemble)]
    assert errors[-1] < 0.6 * np.mean(errors[:-1])
    assert errors[-1] < min(errors[:-1])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Ensemble([]), "got no models"),
        (lambda: Ensemble([nn.ReLU()], average="vote"), "average must be"),
        (lambda: bootstrap(0), "at least one example"),
        (lambda: bagging(lambda s: nn.ReLU(), 3, 0), "at least one model"),
        (lambda: out_of_bag(np.array([0, 3]), 3), "from 0 to 2; got 0 to 3"),
        (lambda: out_of_bag(np.array([-1, 1]), 3), "from 0 to 2; got -1 to 1"),
    ],
)
def test_what_makes_no_sense_is_refused(call: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
