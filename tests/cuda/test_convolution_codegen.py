"""What the compiler makes of the convolution's kernels: nothing spilled, wide loads, copies beside the arithmetic."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("numba_cuda")

from minidl.kernels.cuda.compiler.language import Kernel
from minidl.kernels.cuda.convolution import choice as convolution_choice
from minidl.kernels.cuda.convolution import depthwise
from minidl.kernels.cuda.convolution import fast as convolution_fast
from minidl.kernels.cuda.convolution import fast_weight as convolution_fast_weight
from minidl.kernels.cuda.convolution import tensor as convolution_tensor
from minidl.kernels.cuda.convolution.choice import MEDIUM, NARROW, TINY
from minidl.kernels.cuda.matmul.tile import LARGE, SMALL

pytestmark = pytest.mark.codegen

TILES = {"large": LARGE, "medium": MEDIUM, "narrow": NARROW, "small": SMALL, "tiny": TINY}


@pytest.fixture(scope="module")
def inspection() -> Any:
    """The module beside this one that assembles and reads kernels."""
    place = Path(__file__).with_name("inspection.py")
    spec = importlib.util.spec_from_file_location("inspection_of_convolutions", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    if module.tool("ptxas") is None or module.tool("nvdisasm") is None:
        pytest.skip("no ptxas or nvdisasm here")
    return module


def looked_at(inspection: Any, kernel: Kernel, capability: tuple[int, int]) -> Any:
    """The report of a kernel that keeps nothing in local memory and computes in float32 only."""
    report = inspection.inspect(kernel, capability)
    assert (report.stack, report.spilled, report.local, report.doubles) == (0, 0, 0, 0), report
    assert report.shared <= 48 * 1024
    return report


@pytest.mark.parametrize("capability", [(8, 0), (8, 6), (9, 0)])
@pytest.mark.parametrize("name", TILES)
def test_the_fast_ways_multiply(inspection: Any, name: str, capability: tuple[int, int]) -> None:
    tile = TILES[name]
    forward = looked_at(inspection, convolution_fast.sweep_kernel(tile, True), capability)
    weight = looked_at(inspection, convolution_fast_weight.weight_kernel(tile, True, True), capability)
    for report, least in ((forward, 0.65), (weight, 0.7)):
        assert report.wide["LDS.128"] >= tile.depth * (tile.down + tile.across) * 3 // 4
        assert report.instructions["LDGSTS"] > 0
        assert report.instructions["FFMA"] == tile.depth * tile.results
        assert tile is TINY or report.ffma_share > least
        assert not {"LDL", "STL", "DFMA"} & report.loop.keys()
    assert forward.wide["STG.128"] == 4 * tile.down * tile.across


@pytest.mark.parametrize("capability", [(8, 0), (9, 0)])
@pytest.mark.parametrize("name", ["medium", "narrow", "small", "tiny"])
def test_channels_brought_one_by_one_spill_nothing_either(
    inspection: Any, name: str, capability: tuple[int, int]
) -> None:
    tile = TILES[name]
    for kernel in (
        convolution_fast.sweep_kernel(tile, False),
        convolution_fast_weight.weight_kernel(tile, False, True),
        convolution_fast_weight.weight_kernel(tile, False, False),
    ):
        report = looked_at(inspection, kernel, capability)
        assert report.instructions["LDGSTS"] > 0
        assert report.instructions["FFMA"] == tile.depth * tile.results


@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("name", ["medium", "narrow", "small", "tiny"])
def test_older_devices_get_no_instruction_that_they_lack(inspection: Any, name: str, wide: bool) -> None:
    tile = TILES[name]
    kernels = (
        convolution_fast.turing_kernel(tile, wide),
        convolution_fast_weight.turing_kernel(tile, wide, wide),
    )
    for kernel in kernels:
        report = looked_at(inspection, kernel, (7, 5))
        assert "LDGSTS" not in report.instructions
        assert report.instructions["FFMA"] == tile.depth * tile.results


@pytest.mark.parametrize("capability", [(7, 5), (9, 0)])
def test_single_channels_are_read_four_at_once(inspection: Any, capability: tuple[int, int]) -> None:
    report = looked_at(inspection, depthwise.sweep_kernel("float32", 4), capability)
    assert report.wide["LDG.128"] >= 2
    assert report.wide["STG.128"] == 1


@pytest.mark.parametrize("capability", [(8, 0), (9, 0)])
@pytest.mark.parametrize("way", ["tf32", "bfloat16"])
def test_tensor_cores_multiply(inspection: Any, way: str, capability: tuple[int, int]) -> None:
    for tile in convolution_tensor.TILES:
        sums = {"tf32": 8, "bfloat16": 16}[way]
        for kernel in (
            convolution_tensor.sweep_kernel(tile, True, way),
            convolution_tensor.weight_kernel(tile, True, True, way),
        ):
            report = looked_at(inspection, kernel, capability)
            assert report.instructions["HMMA"] == tile.m * tile.n * tile.depth // sums
            assert report.instructions["LDGSTS"] > 0
            assert "FFMA" not in report.instructions


@pytest.mark.parametrize("capability", [(7, 5), (9, 0)])
def test_no_kernel_of_float32_computes_in_doubles(inspection: Any, capability: tuple[int, int]) -> None:
    for kernel in convolution_choice.representatives():
        if "float32" in kernel.name:
            looked_at(inspection, kernel, capability)
