"""A device's random numbers: Philox gives the known answers, and each number depends on its place alone."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest

import minidl
from minidl.errors import CheckpointError, UsageError
from minidl.kernels.cuda import random
from minidl.primitives.layers import random as generators

KNOWN = [
    ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
]
"""Philox4×32-10: counter, key and words, from the known answers that the authors publish with their Random123 library."""


@pytest.mark.parametrize(("counter", "key", "answer"), KNOWN)
def test_known_answers(counter: str, key: str, answer: str) -> None:
    given = [int(word, 16) for word in f"{counter} {key}".split()]
    assert [f"{word:08x}" for word in random.philox(*given)] == answer.split()


def _expected(seed: int, draw: int, group: int) -> list[int]:
    halves = [part for number in (group, draw, seed) for part in (number & 0xFFFFFFFF, number >> 32)]
    return [int(word) for word in random.philox(*halves)]


@pytest.mark.usefixtures("simulated_gpu")
class TestDraws:
    def test_each_number_comes_from_its_place_and_its_draw(self) -> None:
        source = random.Philox(2**40 + 5, 0)
        source.random((3,))
        for count in (1, 2, 3, 4, 1030):
            drawn = source.random((count,)).numpy()
            for i in {0, count // 2, count - 1}:
                word = _expected(2**40 + 5, source.draws - 1, i // 4)[i % 4]
                assert drawn[i] == np.float32((word >> 8) / 2**24)

    def test_distributions(self) -> None:
        source = random.Philox(1, 0)
        for dtype in (np.float32, np.float64):
            even = source.random((41, 99), dtype).numpy()
            assert even.dtype == dtype
            assert even.shape == (41, 99)
            assert 0 <= even.min() < even.max() < 1
            assert even.mean() == pytest.approx(0.5, abs=0.02)
            assert even.var() == pytest.approx(1 / 12, abs=0.005)
            assert np.abs(np.corrcoef(even.reshape(-1)[:-1], even.reshape(-1)[1:])[0, 1]) < 0.05
            normal = source.standard_normal((4003,), dtype).numpy()
            assert normal.dtype == dtype
            assert normal.mean() == pytest.approx(0, abs=0.06)
            assert normal.std() == pytest.approx(1, abs=0.05)
            assert (normal**4).mean() == pytest.approx(3, abs=0.7)
            assert np.abs(np.corrcoef(normal[:-1], normal[1:])[0, 1]) < 0.06

    def test_what_is_kept(self) -> None:
        source = random.Philox(3, 0)
        for p in (0.0, 0.25, 1.0):
            kept = source.kept((7, 301), p).numpy()
            assert kept.dtype == bool
            assert kept.mean() == pytest.approx(1 - p, abs=0.03 * (p == 0.25))

    def test_whole_numbers_and_orders(self) -> None:
        source = random.Philox(4, 0)
        drawn = source.integers(-3, 4, (1999,)).numpy()
        assert drawn.dtype == np.int64
        assert np.bincount(drawn + 3).tolist() == pytest.approx([1999 / 7] * 7, rel=0.25)
        assert source.integers(-(2**63), 2**63, (5,)).numpy().min() < -(2**60)
        for n in (0, 1, 300):
            order = source.permutation(n).numpy()
            assert sorted(order.tolist()) == list(range(n))
        assert order.tolist() != list(range(300))

    def test_a_seed_starts_all_devices_over(self) -> None:
        minidl.manual_seed(11)
        first = [minidl.rand(5, device=device).cpu().tolist() for device in ("cpu", "cuda", "cuda")]
        minidl.manual_seed(11)
        assert [minidl.rand(5, device=device).cpu().tolist() for device in ("cpu", "cuda", "cuda")] == first
        assert first[0] != first[1] != first[2]
        assert minidl.Generator(11, device="cuda").uniform((5,)).tolist() == first[1]

    def test_a_generator_goes_on_from_its_state(self) -> None:
        generator = minidl.Generator(device="cuda").manual_seed(9)
        assert generator.device == "cuda:0"
        assert generator.initial_seed() == 9
        minidl.randn(3, device="cuda", generator=generator)
        state = json.loads(json.dumps(generator.get_state()))
        other = copy.deepcopy(generator)
        wanted = minidl.randn(3, device="cuda", generator=generator).tolist()
        assert minidl.randn(3, device="cuda", generator=other).tolist() == wanted
        generator.set_state(state)
        assert minidl.randn(3, device="cuda", generator=generator).tolist() == wanted
        for wrong in ({}, minidl.get_rng_state()):
            with pytest.raises(CheckpointError):
                generator.set_state(wrong)

    def test_which_generator_draws(self) -> None:
        here = minidl.rand(4, generator=minidl.Generator(2))
        there = minidl.rand(4, device="cuda", generator=minidl.Generator(2))
        assert there.device == "cuda:0"
        assert there.tolist() == here.tolist()
        generator = minidl.Generator("cuda")
        with pytest.raises(UsageError, match="draws on cuda:0, and the numbers are wanted on cpu"):
            minidl.rand(4, generator=generator)
        with pytest.raises(UsageError, match="this generator draws on cuda:0"):
            _ = generator.numpy

    def test_every_function_draws_on_the_device(self) -> None:
        x = minidl.zeros(3, 2, device="cuda")
        drawn = [
            minidl.rand_like(x), minidl.randn_like(x), minidl.randint(5, (3, 2), device="cuda"), minidl.randint_like(x, 1, 7),
            minidl.randperm(6, device="cuda").reshape(3, 2), minidl.normal(x, 2.0), minidl.bernoulli(x + 0.5),
        ]  # fmt: skip
        for y in drawn:
            assert y.device == "cuda:0"
            assert y.shape == (3, 2)
        assert drawn[2].dtype == drawn[4].dtype == minidl.int64
        assert sorted(drawn[4].reshape(-1).tolist()) == list(range(6))

    def test_dropout_and_its_gradient_share_what_is_kept(self) -> None:
        minidl.manual_seed(5)
        functional = minidl.nn.functional
        x = minidl.ones(9, 7, 2, 3, device="cuda", requires_grad=True)
        for drop in (functional.dropout, functional.dropout2d):
            x.grad = None
            y = drop(x, 0.25)
            y.sum().backward()
            assert x.grad is not None
            assert set(np.unique(y.detach().cpu().numpy()).tolist()) == {0.0, np.float32(1 / 0.75)}
            assert np.array_equal(x.grad.cpu().numpy(), y.detach().cpu().numpy())
        planes = y.detach().cpu().numpy().reshape(63, 6)
        assert (planes == planes[:, :1]).all()
        from_the_cpu = functional.dropout(x, 0.5, generator=minidl.Generator(1)).detach().cpu().numpy()
        assert np.array_equal(
            from_the_cpu, functional.dropout(x.cpu(), 0.5, generator=minidl.Generator(1)).detach().numpy()
        )
        kept = functional.alpha_dropout(x, 0.3, training=True).detach().cpu().numpy()
        assert len(np.unique(kept)) == 2

    def test_generators_of_gpus_start_from_the_default_seed(self) -> None:
        minidl.manual_seed(21)
        generators._of_gpus.clear()
        first = minidl.rand(3, device="cuda").tolist()
        assert first == minidl.Generator(21, device="cuda").uniform((3,)).tolist()

    def test_the_functions_of_the_cuda_module(self) -> None:
        minidl.cuda.manual_seed(31)
        assert minidl.cuda.initial_seed() == 31
        state = minidl.cuda.get_rng_state()
        first = minidl.rand(3, device="cuda").tolist()
        minidl.cuda.set_rng_state(state, "cuda:0")
        assert minidl.rand(3, device="cuda").tolist() == first
        minidl.cuda.seed()
        assert minidl.cuda.initial_seed() != 31
