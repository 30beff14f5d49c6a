"""Every operation of the catalogue on a device: its results and gradients are the CPU's, or it says that it is not there.

By default the device is the simulator's, and of each operation's samples it gets the first; all of them take a minute, and run
with `pytest -m exhaustive`. `pytest -m cuda` takes a real GPU instead, and says why where there is none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl.graph import Node
from minidl.kernels.cuda.runtime import driver
from minidl.primitives import Operation, Sample, catalogue

_FACTORISATIONS = """
cholesky cond det eigh eigvalsh inv lstsq matrix_norm matrix_power matrix_rank norm pinv qr slogdet solve solve_triangular svd
svdvals
"""
NOT_THERE = {
    *(
        f"minidl.linalg.{name}" for name in _FACTORISATIONS.split()
    ),  # some for some arguments only, as norms of singular values
    *(f"minidl.{name}" for name in ("cholesky", "det", "inverse", "logdet", "pinverse", "slogdet", "svd")),
    "minidl.scatter_reduce",  # products
    "minidl.nn.functional.embedding_bag",
    "minidl.nn.functional.multilabel_margin_loss",
}
"""What is not computed on a device, for at least one of its samples or its gradient. It is to shrink knowingly."""

OTHER_NUMBERS = {"minidl.nn.functional.drop_path"}
"""What draws other random numbers on a device than on the CPU: shapes and dtypes are compared, and no numbers."""


@pytest.fixture(
    params=["first", pytest.param("all", marks=pytest.mark.exhaustive), pytest.param("real", marks=pytest.mark.cuda)]
)
def samples(request: pytest.FixtureRequest) -> slice:
    """Which of an operation's samples to take, on the simulated device or on a real one."""
    if request.param != "real":
        request.getfixturevalue("simulated_gpu")
    elif driver.is_simulated() or driver.why_not() is not None:
        pytest.skip(driver.why_not() or "NUMBA_ENABLE_CUDASIM is set, so there is only the simulator")
    return slice(1) if request.param == "first" else slice(None)


def test_what_is_listed_exists() -> None:
    assert set(catalogue) >= NOT_THERE | OTHER_NUMBERS


@pytest.mark.parametrize("op", catalogue.values(), ids=lambda op: op.path)
def test_the_device_agrees_with_the_cpu(op: Operation, samples: slice) -> None:
    missing = []
    for i, sample in enumerate(op.samples[samples]):
        here = outcome(op, sample, "cpu")
        try:
            there = outcome(op, sample, "cuda:0")
        except NotImplementedError as error:
            missing.append(f"sample {i}: {error}")
            continue
        compare(here, there, op)
    if missing:
        assert op.path in NOT_THERE, missing
        assert all(op.name in told for told in missing)
    elif samples.stop is None:
        assert op.path not in NOT_THERE


def outcome(op: Operation, sample: Sample, device: str) -> list[Any]:
    """The results in float32, and behind them the gradients of the inputs for random gradients of the results."""
    rng = np.random.default_rng(0)
    inputs = [minidl.tensor(as_input(a), requires_grad=a.dtype.kind == "f", device=device) for a in sample.arrays(rng)]
    params = {
        k: minidl.tensor(as_input(v), device=device) if isinstance(v, np.ndarray) else v
        for k, v in sample.params.items()
    }
    minidl.manual_seed(0)
    results = flat(op.call(op.function, inputs, params))
    for result in results:
        assert not isinstance(result, Node) or result.device == device
    differentiable = [r for r in results if isinstance(r, Node) and r.requires_grad]
    leaves = [x for x in inputs if x.requires_grad]
    if not differentiable or not leaves:
        return results
    starts = [minidl.tensor(rng.standard_normal(r.shape).astype(np.float32), device=device) for r in differentiable]
    gradients = minidl.grad(differentiable, leaves, starts, materialize_grads=True)
    for g in gradients:
        assert g.device == device
    return [*results, *gradients]


def as_input(array: Any) -> Any:
    """Floating-point numbers as float32."""
    return array.astype(np.float32) if array.dtype.kind == "f" else array


def flat(result: Any) -> list[Any]:
    """What an operation returns, one or several, as a list."""
    return [r for part in result for r in flat(part)] if isinstance(result, tuple | list) else [result]


def compare(here: list[Any], there: list[Any], op: Operation) -> None:
    """The same kinds, shapes and dtypes, and numbers as near as float32 allows."""
    assert len(here) == len(there)
    for a, b in zip(here, there, strict=True):
        if not isinstance(a, Node):
            assert a == b
            continue
        assert (a.shape, a.dtype) == (b.shape, b.dtype)
        if op.path not in OTHER_NUMBERS:
            tolerance = 2e-5 * op.tolerance
            np.testing.assert_allclose(b.data.numpy(), a.data, rtol=tolerance, atol=tolerance)
