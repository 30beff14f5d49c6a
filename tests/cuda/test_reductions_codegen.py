"""What the compiler makes of reductions and their like, beyond what `test_code_generation.py` asks of every kernel."""

from __future__ import annotations

import re

import pytest

from minidl.kernels.cuda.compiler import compiling
from minidl.kernels.cuda.compiler.language import Kernel
from minidl.kernels.cuda.layers import (
    losses,
    normalization,
    normalization_rows,
    normalization_sums,
    normalization_write,
    probabilities,
)
from minidl.kernels.cuda.reductions import kernels as reductions_kernels
from minidl.kernels.cuda.reductions import sorting, states
from tests.cuda import inspection

pytest.importorskip("numba_cuda")
pytestmark = [
    pytest.mark.codegen,
    pytest.mark.skipif(
        inspection.tool("ptxas") is None or inspection.tool("nvdisasm") is None,
        reason="ptxas and nvdisasm come with nvidia-cuda-nvcc and nvidia-cuda-nvdisasm",
    ),
]

CAPABILITIES = [(7, 5), (9, 0)]


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_rows_are_added_with_four_wide_reads_in_flight(capability: tuple[int, int]) -> None:
    kernel = reductions_kernels.rows_kernel(states.total("float32"), True, False, 256, 4)
    report = inspection.inspect(kernel, capability)
    assert report.loop["LDG"] == 4
    assert report.loop["FADD"] == 16
    assert report.wide["LDG.128"] >= 5  # the loop's, and one for what is left over


@pytest.mark.parametrize(
    "kernel",
    [
        reductions_kernels.columns_kernel(states.total("float32"), True, True, 32),
        normalization_sums.planes_kernel("moments", "float32"),
        losses.labelled_kernel("float32", "int64", "float32", 1),
        sorting.pick_kernel("int32", "int64"),
        normalization_write.scale_kernel("float32", 4, 0),
    ],
    ids=lambda kernel: kernel.name,
)
def test_no_index_is_divided_in_64_bits(kernel: Kernel) -> None:
    divisions = re.findall(r"\b(?:div|rem)\.([su]\d+)", compiling.ptx(kernel, (9, 0)).decode())
    assert divisions
    assert set(divisions) == {"u32"}


def test_only_a_batchs_statistics_are_put_together_in_float64() -> None:
    made = [
        *normalization.representatives(),
        *normalization_sums.representatives(),
        *normalization_rows.representatives(),
    ]
    double = {one.name for one in made if ".f64" in compiling.ptx(one, (9, 0)).decode()}
    assert double == {"batch_statistics_float32", "batch_pull_float32", "batch_given_float32_float64"}


def test_softmax_divides_once_a_line() -> None:
    held: Kernel = probabilities.held_kernel("float32", "float32", 32, 16, False)
    assert len(re.findall(r"\b(?:div|rcp)\.\S*f32", compiling.ptx(held, (9, 0)).decode())) == 1


def test_channels_are_written_four_at_once() -> None:
    for step in (0, 1):
        wide = inspection.inspect(normalization_write.scale_kernel("float32", 4, step), (9, 0)).wide
        assert wide["LDG.128"] >= 1
        assert wide["STG.128"] == 1
