"""What the compiler made of a kernel: PTX by Numba, machine code by ptxas, read with nvdisasm. No GPU is needed.

python -m tests.cuda.inspection            # the table of all kernels, printed
python -m tests.cuda.inspection --write    # written into minidl/kernels/cuda/README.md
python -m tests.cuda.inspection NAME …     # what there is to say about some kernels, with their hottest loops
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from minidl.files import write_atomic
from minidl.kernels.cpu.jit import cache_folder
from minidl.kernels.cuda import catalogue
from minidl.kernels.cuda.compiler import compiling
from minidl.kernels.cuda.compiler.language import Kernel
from minidl.kernels.cuda.compiler.occupancy import LIMITS, occupancy

Capability = tuple[int, int]
README = Path(catalogue.__file__).parent / "README.md"


@functools.cache
def tool(name: str) -> str | None:
    """A program of NVIDIA's, from the package `nvidia-cuda-nvcc` or `nvidia-cuda-nvdisasm`, or on the path."""
    spec = importlib.util.find_spec("nvidia")
    for folder in spec.submodule_search_locations or () if spec else ():
        for found in Path(folder).glob(f"*/bin/{name}*"):
            if found.stem == name:
                return str(found)
    return shutil.which(name)


@dataclass(frozen=True)
class Report:
    """What a kernel became on an architecture.

    Attributes:
        name: the kernel's.
        capability: the architecture's compute capability.
        registers: of a thread.
        shared: bytes of shared memory of a block.
        stack: bytes of a thread's stack, which lies in slow local memory.
        spilled: bytes that are written to local memory for want of registers, and read from it.
        occupancy: the part of a multiprocessor's threads that can be there at once.
        instructions: how often each instruction occurs, by its name without modifiers.
        wide: how often each instruction of 128 bits occurs, such as "LDS.128".
        loop: how often each occurs in the hottest loop: the innermost one with the most multiplications or, without any, the
            longest.
        doubles: how many instructions of the PTX compute in double precision.
    """

    name: str
    capability: Capability
    registers: int
    shared: int
    stack: int
    spilled: int
    occupancy: float
    instructions: dict[str, int]
    wide: dict[str, int]
    loop: dict[str, int]
    doubles: int

    @property
    def ffma_share(self) -> float:
        """The part of the hottest loop's instructions that are single-precision multiply-adds."""
        return self.loop.get("FFMA", 0) / max(sum(self.loop.values()), 1)

    @property
    def local(self) -> int:
        """How many instructions go to local memory."""
        return self.instructions.get("LDL", 0) + self.instructions.get("STL", 0)


Reports = dict[tuple[str, Capability], Report]


@functools.cache
def batches() -> list[tuple[str, ...]]:
    """The catalogue's kernels in batches for the same architectures: starting an assembler takes longer than its work."""
    groups: dict[tuple[Capability, ...], list[str]] = {}
    for kernel in catalogue.kernels():
        groups.setdefault(tuple(catalogue.architectures(kernel)), []).append(kernel.name)
    return [tuple(names[i : i + SIZE]) for names in groups.values() for i in range(0, len(names), SIZE)]


SIZE = 12
"""How many kernels a batch has."""


@functools.cache
def inspect_batch(names: tuple[str, ...]) -> Reports:
    """Compile and assemble some kernels of the catalogue for their architectures, and read what came out."""
    return _inspected([catalogue.by_name()[name] for name in names])


def inspect(kernel: Kernel, capability: Capability) -> Report:
    """Compile, assemble and read a kernel; one of the catalogue with its batch."""
    for names in batches():
        if kernel.name in names and catalogue.by_name()[kernel.name] is kernel:
            return inspect_batch(names)[kernel.name, capability]
    return _inspected([kernel], [capability])[kernel.name, capability]


def _inspected(kernels: list[Kernel], capabilities: list[Capability] | None = None) -> Reports:
    """The reports of kernels; what was read once is kept beside their PTX."""
    wanted = catalogue.architectures(kernels[0]) if capabilities is None else capabilities
    texts = [compiling.ptx(kernel, wanted[-1]).rstrip(b"\0").decode() for kernel in kernels]
    checksum = hashlib.sha256(repr((texts, wanted, Path(__file__).read_text(encoding="utf-8"))).encode()).hexdigest()[
        :16
    ]
    kept = cache_folder() / "cuda" / "inspected" / f"{checksum}.json"
    if kept.exists():
        told = [Report(**{**one, "capability": tuple(one["capability"])}) for one in json.loads(kept.read_text())]
        return {(one.name, one.capability): one for one in told}
    found: Reports = {}
    for capability in wanted:
        told_of, code_of = assembled(merged(texts), capability)
        for kernel, text in zip(kernels, texts, strict=True):
            found[kernel.name, capability] = _report(
                kernel, capability, text, told_of[kernel.name], code_of[kernel.name]
            )
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(kept, json.dumps([asdict(one) for one in found.values()]).encode())
    return found


def merged(texts: list[str]) -> str:
    """One PTX file of several kernels'; what they name alike, each gets a name of its own."""
    parts = []
    for i, text in enumerate(texts):
        head, body = re.split(r"(?<=\.address_size 64\n)", text, maxsplit=1)
        body = re.sub(r"^\.common .*NumbaEnv.*;$", "", body, flags=re.MULTILINE)  # which nothing reads
        parts += [head if i == 0 else "", re.sub(r"\b_cudapy_([sl]mem\w*)", rf"_{i}_\1", body)]
    return "".join(parts)


def _report(kernel: Kernel, capability: Capability, text: str, told: str, code: str) -> Report:
    registers = int(_number(r"Used (\d+) registers", told))
    shared = int(_number(r"(\d+) bytes smem", told))
    spilled = int(_number(r"(\d+) bytes spill stores", told)) + int(_number(r"(\d+) bytes spill loads", told))
    lines = _instructions(code)
    names = [name for _, name, _ in lines if name is not None]
    return Report(
        kernel.name,
        capability,
        registers,
        shared,
        int(_number(r"(\d+) bytes stack frame", told)),
        spilled,
        occupancy(capability, kernel.threads, registers, shared),
        dict(Counter(name.split(".")[0] for name in names)),
        dict(Counter(f"{name.split('.')[0]}.128" for name in names if ".128" in name)),
        dict(Counter(_hottest(lines))),
        len(re.findall(r"^\s*(?:@\S+\s+)?(?:add|sub|mul|fma|div|sqrt|cvt)\S*\.f64", text, re.MULTILINE)),
    )


def assembled(ptx: str, capability: Capability) -> tuple[dict[str, str], dict[str, str]]:
    """What ptxas says of each kernel of a PTX text, and nvdisasm's listing of its machine code."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "kernels.ptx", Path(folder) / "kernels.cubin"
        source.write_text(ptx)
        arch = f"sm_{capability[0]}{capability[1]}"
        command = [str(tool("ptxas")), f"-arch={arch}", "-v", "-o", str(target), str(source)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"ptxas for {arch}: {done.stderr}"
        listing = subprocess.run([str(tool("nvdisasm")), "-c", str(target)], capture_output=True, text=True, check=True)
    told = re.split(r"Compiling entry function '(\w+)' for", done.stderr)
    code = re.split(r"-+ \.text\.(\w+) +-+", listing.stdout)
    return dict(zip(told[1::2], told[2::2], strict=True)), dict(zip(code[1::2], code[2::2], strict=True))


def _number(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found[1] if found else "0"


def _instructions(code: str) -> list[tuple[str, str | None, str]]:
    """The lines of a listing: labels as (label, None, ""), instructions as ("", name, operands)."""
    found: list[tuple[str, str | None, str]] = []
    for line in code.splitlines():
        if label := re.match(r"(\.L_\w+):", line):
            found.append((label[1], None, ""))
        elif step := re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\w+\s+)?([A-Z][\w.]*)(.*?);", line):
            found.append(("", step[1], step[2]))
    return found


def _hottest(lines: list[tuple[str, str | None, str]]) -> list[str]:
    """The instructions of the innermost loop with the most multiplications; a jump backwards ends a loop."""
    places = {label: i for i, (label, name, _) in enumerate(lines) if name is None}
    loops = []
    for end, (_, name, operands) in enumerate(lines):
        if name is not None and name.startswith("BRA") and (to := re.search(r"\.L_\w+", operands)):
            start = places.get(to[0], end)
            if start < end and any(n is not None and not n.startswith("BRA") for _, n, _ in lines[start:end]):
                loops.append((start, end))
    inner = [
        one for one in loops if not any(one != other and one[0] <= other[0] and other[1] <= one[1] for other in loops)
    ]
    bodies = [[n.split(".")[0] for _, n, _ in lines[a : b + 1] if n is not None] for a, b in inner]
    products = ("FFMA", "HMMA", "IMMA", "DFMA")
    return max(bodies, key=lambda body: (sum(map(body.count, products)), len(body)), default=[])


def all_reports(processes: int = 2) -> Reports:
    """All reports, made side by side."""
    with ProcessPoolExecutor(processes) as pool:
        return {pair: report for some in pool.map(inspect_batch, batches()) for pair, report in some.items()}


def table(reports: Reports) -> str:
    """Registers, bytes of shared memory and occupancy of each kernel on each architecture, as Markdown."""
    heads = [f"sm_{a}{b}" for a, b in LIMITS]
    rows = [f"| kernel | threads | {' | '.join(heads)} |", f"| --- | --- |{' --- |' * len(heads)}"]
    for kernel in catalogue.kernels():
        cells = []
        for capability in LIMITS:
            report = reports.get((kernel.name, capability))
            shown = "" if report is None else f"{report.registers} · {report.shared} · {report.occupancy:.0%}"
            cells.append(shown)
        rows.append(f"| {kernel.name} | {kernel.threads} | {' | '.join(cells)} |")
    return "\n".join(rows)


def modules() -> str:
    """Each module with the first paragraph of its docstring, as Markdown, package by package."""
    rows = []
    for path in sorted(
        README.parent.rglob("*.py"), key=lambda path: (path.parent, path.name != "__init__.py", path.name)
    ):
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        first = " ".join(text.split("\n\n")[0].split())
        if path.name != "__init__.py":
            rows.append(f"- `{path.name}`: {first}")
        elif path.parent != README.parent:
            rows.append(f"\n**`{path.parent.name}/`** {first}\n")
    return "\n".join(rows)


def section(text: str, name: str, content: str) -> str:
    """A text with another content between the marks of a section."""
    begin, end = f"<!-- the {name} -->", f"<!-- end of the {name} -->"
    return f"{text.split(begin)[0]}{begin}\n\n{content}\n\n{end}{text.split(end)[1]}"


def readme(reports: Reports) -> str:
    """The README with a fresh list of modules and a fresh table."""
    return section(section(README.read_text(encoding="utf-8"), "modules", modules()), "table", table(reports))


def main(names: list[str]) -> None:
    """Print or write the table, or describe some kernels."""
    for name in names:
        if not name.startswith("-"):
            kernel = catalogue.by_name()[name]
            for capability in catalogue.architectures(kernel):
                print(inspect(kernel, capability))
    if not names:
        print(table(all_reports()))
    if "--write" in names:
        README.write_text(readme(all_reports()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
