"""What the compiler makes of reductions and what is like them: wide reads in flight together, registers, no float64."""

from __future__ import annotations

import re

import pytest

from minidl.kernels.cuda import (
    compiling,
    counting,
    losses,
    normalization,
    normalization_rows,
    normalization_sums,
    normalization_write,
    probabilities,
    reductions_kernels,
    reductions_lesson,
    scans,
    sorting,
)
from minidl.kernels.cuda import reductions_states as states
from minidl.kernels.cuda.language import Kernel
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
MODULES = (
    counting, losses, normalization, normalization_rows, normalization_sums, normalization_write, probabilities,
    reductions_kernels, scans, sorting,
)  # fmt: skip
LESSON = [reductions_lesson.naive, reductions_lesson.tree, reductions_lesson.shuffles]
KERNELS = {one.name: one for module in MODULES for one in (*module.representatives(), *LESSON)}
STATISTICS = ("batch_statistics_float32", "batch_pull_float32", "batch_given_float32_float64")
"""The small kernels that put a batch's statistics together, in float64."""


@pytest.mark.parametrize("capability", CAPABILITIES)
@pytest.mark.parametrize("name", KERNELS)
def test_registers_hold_everything_and_single_precision_stays_single(name: str, capability: tuple[int, int]) -> None:
    report = inspection.inspect(KERNELS[name], capability)
    assert report.spilled == report.stack == report.local == 0
    assert report.registers <= 96
    text = compiling.ptx(KERNELS[name], capability).decode()
    assert (".f64" in text) == (name in STATISTICS or "float64" in name)


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_rows_are_added_with_four_wide_reads_in_flight(capability: tuple[int, int]) -> None:
    kernel = reductions_kernels.rows_kernel(states.total("float32"), True, False, 256, 4)
    report = inspection.inspect(kernel, capability)
    assert report.loop["LDG"] == 4
    assert report.loop["FADD"] == 16
    assert report.wide["LDG.128"] >= 5  # the loop's, and one for what is left over


def test_no_index_is_divided_in_64_bits() -> None:
    for kernel in KERNELS.values():
        text = compiling.ptx(kernel, (9, 0)).decode()
        assert not re.search(r"\b(div|rem)\.[su]64", text), kernel.name


def test_softmax_divides_once_a_line() -> None:
    held: Kernel = probabilities.held_kernel("float32", "float32", 32, 16, False)
    assert len(re.findall(r"\b(?:div|rcp)\.\S*f32", compiling.ptx(held, (9, 0)).decode())) == 1


def test_channels_are_written_four_at_once() -> None:
    for step in (0, 1):
        wide = inspection.inspect(normalization_write.scale_kernel("float32", 4, step), (9, 0)).wide
        assert wide["LDG.128"] >= 1
        assert wide["STG.128"] == 1
