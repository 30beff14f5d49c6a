"""What the compiler makes of products of matrices: nothing spilled, mostly multiply-adds, wide loads and copies."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba_cuda")

from minidl.kernels.cuda.matmul import tensor_cores
from minidl.kernels.cuda.matmul.fast import LAYOUTS, fast_kernel, turing_kernel
from minidl.kernels.cuda.matmul.tensor_cores import tensor_kernel
from minidl.kernels.cuda.matmul.tile import LARGE, SMALL, Tile

pytestmark = pytest.mark.codegen


@pytest.fixture(scope="module")
def inspection() -> Any:
    """The module beside this one that assembles and reads kernels."""
    place = Path(__file__).with_name("inspection.py")
    spec = importlib.util.spec_from_file_location("inspection_of_products", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    if module.tool("ptxas") is None or module.tool("nvdisasm") is None:
        pytest.skip("no ptxas or nvdisasm here")
    return module


@pytest.mark.parametrize(("one", "least"), [(LARGE, 0.82), (SMALL, 0.74)])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("capability", [(8, 0), (8, 6), (9, 0)])
def test_the_loop_multiplies_and_adds(
    inspection: Any, capability: tuple[int, int], layout: tuple[bool, bool], one: Tile, least: float
) -> None:
    report = inspection.inspect(fast_kernel(one, *layout, True), capability)
    if (one, layout[0], capability) == (LARGE, True, (8, 0)):  # one or two addresses, read once in 590 instructions
        assert report.spilled <= 32
    else:
        assert report.local == report.spilled == 0
    assert report.doubles == 0
    assert report.registers <= 128
    assert report.ffma_share >= least
    assert report.loop["FFMA"] == one.depth * one.results
    assert report.wide["LDS.128"] >= one.depth * (one.down + one.across)
    assert report.wide["LDGSTS.128"] > 0


@pytest.mark.parametrize("layout", LAYOUTS)
def test_turing_reads_and_writes_wide(inspection: Any, layout: tuple[bool, bool]) -> None:
    report = inspection.inspect(turing_kernel(LARGE, *layout, True), (7, 5))
    assert report.local == report.spilled == 0
    assert report.ffma_share >= 0.7
    assert report.wide["LDG.128"] > 0
    assert report.wide["STS.128"] > 0


@pytest.mark.parametrize("precision", ["high", "medium"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_tensor_cores_are_used(inspection: Any, layout: tuple[bool, bool], precision: str) -> None:
    one = tensor_cores.LARGE
    report = inspection.inspect(tensor_kernel(one, *layout, True, precision), (9, 0))
    assert report.local == report.spilled == 0
    assert report.loop["HMMA"] == one.m * one.n * (2 if precision == "high" else 1)
    assert report.wide["LDGSTS.128"] > 0
    assert report.shared <= 48 * 1024
