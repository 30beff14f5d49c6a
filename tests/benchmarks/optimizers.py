"""Measure one step of an optimizer beside PyTorch's, on one parameter of a million numbers and on many small ones.

Run as `python -m tests.benchmarks.optimizers`. Each row takes minidl in turns with one of PyTorch's implementations, after
checking that both compute the same; "plain" is minidl with `fused=False`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

from .harness import compare

SIZES: dict[str, list[tuple[int, ...]]] = {
    "1M": [(1000, 1000)],
    "lenet": [(6, 1, 5, 5), (6,), (16, 6, 5, 5), (16,), (120, 400), (120,), (84, 120), (84,), (10, 84), (10,)],
}
KINDS: dict[str, dict[str, Any]] = {
    "SGD": {"lr": 1e-3, "momentum": 0.9},
    "Adam": {"weight_decay": 1e-4},
    "AdamW": {},
    "Adagrad": {},
}
WAYS: dict[str, dict[str, Any]] = {"default": {}, "foreach": {"foreach": True}, "fused": {"fused": True}}


def pair(
    kind: str, sizes: str, own: dict[str, Any], way: dict[str, Any]
) -> tuple[Callable[[], Any], Callable[[], Any]]:
    import numpy as np
    import torch

    import minidl

    rng = np.random.default_rng(0)
    values = [rng.standard_normal(shape).astype("f") for shape in SIZES[sizes]]
    slopes = [rng.standard_normal(shape).astype("f") for shape in SIZES[sizes]]
    p = [minidl.tensor(v.copy(), requires_grad=True) for v in values]
    q = [torch.tensor(v.copy(), requires_grad=True) for v in values]
    for x, y, slope in zip(p, q, slopes, strict=True):
        x.grad, y.grad = minidl.tensor(slope), torch.tensor(slope)
    a = getattr(minidl.optim, kind)(p, **KINDS[kind], **own)
    b = getattr(torch.optim, kind)(q, **KINDS[kind], **way)
    for _ in range(3):
        a.step()
        b.step()
    for x, y in zip(p, q, strict=True):
        np.testing.assert_allclose(x.data, y.detach().numpy(), rtol=1e-5, atol=1e-6)
    return a.step, b.step


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.optimizers", description=__doc__)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    threads = parser.parse_args().threads
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = str(threads)
    import torch

    torch.set_num_threads(threads)
    print(f"{threads} threads; torch {torch.__version__}")
    print(f"{'':8} {'sizes':6} {'minidl':6} {'peer':8} {'minidl ms':>10} {'peer ms':>10} {'ratio':>7}  quartiles")
    for kind in KINDS:
        for sizes in SIZES:
            for own, way in [*((None, way) for way in WAYS), (False, "default")]:
                row = compare(*pair(kind, sizes, {"fused": own}, WAYS[way]))
                times = f"{row['minidl_ms']:10.3f} {row['peer_ms']:10.3f} {row['ratio']:7.2f}"
                name = "plain" if own is False else ""
                print(f"{kind:8} {sizes:6} {name:6} {way:8} {times}  {row['low']:.2f} … {row['high']:.2f}", flush=True)


if __name__ == "__main__":
    main()
