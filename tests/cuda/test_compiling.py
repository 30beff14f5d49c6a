"""What compiled kernels are kept by: everything that they depend on, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from minidl.errors import DeviceError
from minidl.kernels.cuda.compiler import compiling
from minidl.kernels.cuda.compiler.intrinsics import Intrinsic, wait_for_all_but
from minidl.kernels.cuda.compiler.language import Kernel, cuda, device, float32, kernel, math


def description(body: Any) -> str:
    parts: list[Any] = []
    compiling.describe(body.function if isinstance(body, Kernel) else body, parts, [])
    return repr(parts)


def scaling(factor: Any, more: Any = None) -> FunctionType:
    def body(a: Any) -> None:
        a[cuda.threadIdx.x] = a[0] * factor if more is None else more(a[0])

    return body


def adding(value: int) -> Any:
    @device
    def add(x: Any) -> Any:
        return x + value

    return add


def calling(function: Any) -> Any:
    @device
    def call(x: Any) -> Any:
        return function(x)

    return call


def instruction(text: str) -> Intrinsic:
    def twin(x: Any) -> Any:
        return x

    def emit(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.asm(text)

    return Intrinsic(twin, lambda types, x: types.float32(x), emit)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (scaling(2), scaling(3)),
        (scaling(2), scaling(2.0)),
        (scaling(float32), scaling(np.float64)),
        (scaling(np.dtype("f4")), scaling(np.dtype("f8"))),
        (scaling(np.float32(1)), scaling(np.float32(2))),
        (scaling((1, 2)), scaling((1, 3))),
        (scaling(1, adding(1)), scaling(1, adding(2))),
        (scaling(1, calling(adding(1))), scaling(1, calling(adding(2)))),
        (scaling(1, instruction("a")), scaling(1, instruction("b"))),
        (scaling(1, wait_for_all_but(0)), scaling(1, wait_for_all_but(1))),
        (scaling(1, math.exp), scaling(1, math.log)),
        (scaling(True), scaling(1)),
    ],
)
def test_what_a_kernel_closes_over_tells_kernels_apart(one: FunctionType, other: FunctionType) -> None:
    assert description(one) == description(one)
    assert description(one) != description(other)


def test_the_same_text_is_described_in_the_same_way() -> None:
    assert description(scaling(1, calling(adding(4)))) == description(scaling(1, calling(adding(4))))
    assert " at 0x" not in description(scaling(1, wait_for_all_but(0)))
    assert " at 0x" not in description(scaling(1, math.exp))


def test_what_cannot_be_told_apart_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot tell whether it has changed"):
        description(scaling(object()))


def test_a_function_that_calls_itself_is_described_once() -> None:
    def down(n: int) -> int:
        return down(n - 1) if n else 0

    assert "again" in description(down)


@kernel("float32[::1], float32", name="checked", threads=64)
def checked(a: Any, factor: float) -> None:
    a[cuda.threadIdx.x] *= factor


CHECKSUM = """
import numba, sys
from minidl.kernels.cuda.compiler import compiling
from minidl.kernels.cuda.places.copies import __name__ as package
from minidl.kernels.cuda.compiler.intrinsics import load4, store4
from minidl.kernels.cuda.compiler.language import cuda, float32, kernel, math
@kernel("float32[::1]", threads=64)
def one(a):
    x, y, z, w = load4(a, 0)
    store4(a, 0, math.exp(x), y, z, w)
print(compiling.checksum(one, (9, 0)))
"""


@pytest.mark.codegen
def test_a_checksum_is_the_same_in_every_process() -> None:
    pytest.importorskip("numba_cuda")
    found = {
        subprocess.run(
            [sys.executable, "-c", CHECKSUM], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


@pytest.mark.codegen
def test_options_and_architectures_have_checksums_of_their_own() -> None:
    pytest.importorskip("numba_cuda")
    body = checked.function
    variants = [
        Kernel(body, "float32[::1], float32", "checked", 64),
        Kernel(body, "float64[::1], float32", "checked", 64),
        Kernel(body, "float32[::1], float32", "checked", 128),
        Kernel(body, "float32[::1], float32", "checked", 64, 2),
        Kernel(body, "float32[::1], float32", "checked", 64, fast_math=True),
    ]
    sums = [compiling.checksum(one, capability) for one in variants for capability in ((7, 5), (9, 0))]
    assert len(set(sums)) == 10


@pytest.mark.codegen
def test_what_was_compiled_is_kept_and_a_folder_that_cannot_be_written_to_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numba_cuda")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    text = compiling.ptx(checked, (8, 0))
    (kept,) = (tmp_path / "cuda").iterdir()
    kept.write_bytes(b"from the cache\0")
    assert compiling.ptx(checked, (8, 0)) == b"from the cache\0"
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(blocked))
    assert b".entry checked(" in compiling.ptx(checked, (8, 0))
    assert b".target sm_75" in text  # the oldest that has its instructions
    assert b".entry checked(" in text
    assert b".maxntid 64" in text


@pytest.mark.codegen
def test_fast_mathematics_reach_the_functions_that_a_kernel_calls() -> None:
    pytest.importorskip("numba_cuda")

    @device
    def ratio(x: Any, y: Any) -> Any:
        return x / y

    def body(a: Any) -> None:
        a[0] = ratio(a[1], a[2])

    exact = compiling.compiled(Kernel(body, "float32[::1]", "exact"), (9, 0))
    fast = compiling.compiled(Kernel(body, "float32[::1]", "fast", fast_math=True), (9, 0))
    assert "div.rn.f32" in exact
    assert "div.rn.f32" not in fast


@pytest.mark.codegen
def test_several_threads_compile_for_several_architectures() -> None:
    pytest.importorskip("numba_cuda")
    found: dict[tuple[int, int], str] = {}

    @device
    def twice(x: Any) -> Any:
        return x + x

    def body(a: Any) -> None:
        a[0] = twice(a[1])

    def work(capability: tuple[int, int]) -> None:
        found[capability] = compiling.compiled(Kernel(body, "float32[::1]", "twice"), capability)

    threads = [threading.Thread(target=work, args=(c,)) for c in ((7, 5), (8, 6), (9, 0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {c: f".target sm_{c[0]}{c[1]}" in text for c, text in found.items()} == dict.fromkeys(found, True)
    assert len(found) == 3


@pytest.mark.codegen
def test_a_kernel_that_does_not_compile_says_which() -> None:
    pytest.importorskip("numba_cuda")

    def body(a: Any) -> None:
        a[0] = a.nothing_like_that

    with pytest.raises(DeviceError, match="hopeless does not compile"):
        compiling.compiled(Kernel(body, "float32[::1]", "hopeless"), (9, 0))


def test_without_the_compiler_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    compiling._numba.cache_clear()
    monkeypatch.setitem(sys.modules, "numba", None)
    with pytest.raises(DeviceError, match=r'kernels cannot be compiled .*pip install "minidl\[cuda\]"'):
        compiling._numba()
    compiling._numba.cache_clear()
