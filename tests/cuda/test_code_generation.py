"""Every kernel × the architectures: compiled, assembled and looked at, as far as one can without a GPU."""

from __future__ import annotations

import ast
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from minidl.kernels.cuda import catalogue
from minidl.kernels.cuda.compiler import compiling
from minidl.kernels.cuda.compiler.language import Kernel, cuda, float32, kernel
from minidl.kernels.cuda.compiler.occupancy import LIMITS, blocks_at_once, occupancy
from tests.cuda import inspection

DOUBLE = ("float64", "complex")
"""Kernels whose signature has one of these compute in double precision because they were asked to."""


@pytest.fixture
def compiler() -> None:
    """Numba's compiler and NVIDIA's assembler; without them there is nothing to look at."""
    pytest.importorskip("numba_cuda")
    if inspection.tool("ptxas") is None or inspection.tool("nvdisasm") is None:
        pytest.skip("ptxas and nvdisasm come with nvidia-cuda-nvcc and nvidia-cuda-nvdisasm")


@pytest.mark.codegen
@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("names", inspection.batches(), ids=lambda names: names[0])
def test_what_the_compiler_made(names: tuple[str, ...]) -> None:
    """No registers are spilled, nothing lies in local memory, and single precision stays single: for every architecture."""
    found = [
        f"{name} on sm_{a}{b}: {what}"
        for (name, (a, b)), r in inspection.inspect_batch(names).items()
        for what in faults(r)
    ]
    assert found == []


def faults(report: inspection.Report) -> Iterator[str]:
    """What is wrong with a kernel's code."""
    one = catalogue.by_name()[report.name]
    allowed = catalogue.TIGHT.get((report.name, report.capability), 0)
    if report.spilled > allowed:
        yield f"{report.spilled} bytes of registers are spilled"
    if not allowed and (report.local or report.stack):
        yield f"{report.local} instructions on {report.stack} bytes of local memory"
    if not report.occupancy or report.registers * one.threads > 65536:
        yield "not even one block fits"
    if report.doubles and not any(word in one.signature for word in DOUBLE) and one.name not in catalogue.IN_DOUBLE:
        yield f"{report.doubles} instructions in double precision"
    for instruction in catalogue.promised(one):
        if not report.wide.get(instruction, 0):
            yield f"no {instruction}: {report.wide}"
    if one.blocks > blocks_at_once(report.capability, one.threads, report.registers, 0) and report.capability != (8, 6):
        yield f"registers leave room for fewer than {one.blocks} blocks"


# Launches -----------------------------------------------------------------------------------------------------------------

_SIZES = {"8": 1, "16": 2, "32": 4, "64": 8}


def ptx_parameters(text: str) -> list[tuple[int, int]]:
    """The offset and the size of each parameter of the entry."""
    entry = re.search(r"\.entry\s+\w+\((.*?)\)", text, re.DOTALL)
    assert entry is not None
    found, offset = [], 0
    for bits in re.findall(r"\.param\s+\.[usfb](\d+)", entry[1]):
        size = _SIZES[bits]
        offset = -(-offset // size) * size
        found.append((offset, size))
        offset += size
    return found


def packed_parameters(one: Kernel) -> list[tuple[int, int]]:
    """The same, as a launch packs them."""
    codes = one.packing.format[1:]
    return [
        (struct.calcsize("@" + codes[: i + 1]) - struct.calcsize("@" + code), struct.calcsize("@" + code))
        for i, code in enumerate(codes)
    ]


@pytest.mark.codegen
@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("name", list(catalogue.by_name()))
def test_a_launch_packs_what_the_machine_code_reads(name: str) -> None:
    one = catalogue.by_name()[name]
    text = compiling.ptx(one, compiling.needs(one)).decode()
    assert packed_parameters(one) == ptx_parameters(text)
    assert text.endswith("\0")
    assert f".entry {name}(" in text


# The catalogue ------------------------------------------------------------------------------------------------------------


def defined() -> Iterator[tuple[Path, str, int, int]]:
    """Each function in the package's text that is decorated as a kernel: file, name, first and last line."""
    for path in sorted(Path(catalogue.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for decorator in node.decorator_list:
                    if isinstance(decorator, ast.Call) and getattr(decorator.func, "id", "") == "kernel":
                        yield path, node.name, decorator.lineno, node.body[0].lineno


def test_no_kernel_escapes_the_catalogue() -> None:
    listed = {
        (Path(k.function.__code__.co_filename).name, k.function.__code__.co_firstlineno) for k in catalogue.kernels()
    }
    missing = [
        f"{path.name}:{first} {name}"
        for path, name, first, last in defined()
        if not any((path.name, line) in listed for line in range(first, last + 1))
    ]
    assert not missing, f"name a representative of each in its module's representatives(): {missing}"


def test_names_are_fit_for_ptx() -> None:
    assert [name for name in catalogue.by_name() if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) is None] == []


def test_the_list_of_modules_in_the_readme_is_up_to_date() -> None:
    text = inspection.README.read_text(encoding="utf-8")
    assert text == inspection.section(text, "modules", inspection.modules()), (
        "write it anew: python -m tests.cuda.inspection --write"
    )


# The tests' own instruments ------------------------------------------------------------------------------------------------


@pytest.mark.codegen
@pytest.mark.usefixtures("compiler")
def test_what_is_looked_for_is_found() -> None:
    @kernel("float32[::1], int32", name="careless", threads=1024, blocks=2)
    def careless(a, n):  # type: ignore[no-untyped-def]
        mine = cuda.local.array(64, float32)
        for i in range(64):
            mine[i] = a[i] * 1.1
        total = float32(0)
        for i in range(n):
            total += mine[i % 64]
        a[cuda.threadIdx.x] = total

    report = inspection.inspect(careless, (9, 0))
    assert report.stack >= 256
    assert report.local > 0
    assert report.doubles > 0
    assert report.wide.get("LDS.128", 0) == 0


def test_a_share_of_the_hottest_loop_is_that_of_the_innermost_one() -> None:
    lines: list[tuple[str, str | None, str]] = [
        (".L_a", None, ""), ("", "IADD3", ""), (".L_b", None, ""), ("", "FFMA", ""), ("", "FFMA.FTZ", ""), ("", "LDS.128", ""),
        ("", "BRA", " `(.L_b)"), ("", "MOV", ""), ("", "BRA", " `(.L_a)"), (".L_c", None, ""), ("", "BRA", " `(.L_c)"),
    ]  # fmt: skip
    assert inspection._hottest(lines) == ["FFMA", "FFMA", "LDS", "BRA"]


@pytest.mark.parametrize(
    ("capability", "threads", "registers", "shared", "blocks"),
    [
        ((9, 0), 256, 255, 0, 1),  # 8 warps of 8192 registers
        ((9, 0), 256, 128, 49152, 2),
        ((9, 0), 256, 32, 49152, 4),  # 228 KiB less 1 KiB a block
        ((7, 5), 256, 64, 32768, 2),
        ((7, 5), 1024, 64, 0, 1),
        ((8, 6), 256, 40, 0, 6),  # 1536 threads
        ((8, 0), 32, 16, 0, 32),
    ],
)
def test_occupancy_is_that_of_nvidias_calculator(
    capability: tuple[int, int], threads: int, registers: int, shared: int, blocks: int
) -> None:
    assert blocks_at_once(capability, threads, registers, shared) == blocks
    assert occupancy(capability, threads, registers, shared) == blocks * threads / LIMITS[capability].threads
