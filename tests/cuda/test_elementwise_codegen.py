"""What the compiler makes of elementwise kernels: 128-bit loads and stores, no float64, no divisions to find elements."""

from __future__ import annotations

import re

import numpy as np
import pytest

pytest.importorskip("numba_cuda")

from minidl.kernels.cuda.compiler import compiling
from minidl.kernels.cuda.elementwise.formulas import FORMULAS, dtypes_of
from minidl.kernels.cuda.elementwise.generated import Form, Operand, kernel_of

pytestmark = pytest.mark.codegen

CAPABILITIES = [(7, 5), (9, 0)]
SWISH = ("multiply", ("add", ("multiply", 0, 1), 2), ("sigmoid", ("add", ("multiply", 0, 1), 2)))
SLOW = {"sin", "cos", "tan", "sinc"}
"""Of angles beyond 105,615 the library reduces the angle by a table in local memory and a product in float64."""


def operand(steps: str, dtype: str = "float32") -> Operand:
    return Operand(np.dtype(dtype), steps)


def compiled(form: Form, capability: tuple[int, int] = (9, 0)) -> str:
    return compiling.compiled(kernel_of(form)[0], capability)


def loads(ptx: str) -> list[str]:
    return re.findall(r"\b(ld\.global\S*)", ptx)


def test_a_fused_chain_reads_and_writes_16_bytes_at_once() -> None:
    form = Form((SWISH,), (operand("1"), operand("1"), float), (operand("1"),), True)
    for capability in CAPABILITIES:
        ptx = compiled(form, capability)
        assert loads(ptx).count("ld.global.v4.f32") == 2
        assert ptx.count("st.global.v4.f32") == 1
        assert ".f64" not in ptx
        assert ".local" not in ptx


def test_a_chain_rounds_its_products() -> None:
    ptx = compiled(Form((("add", ("multiply", 0, 1), 2),), (operand("1"),) * 3, (operand("1"),), True))
    assert "mul.rn.f32" in ptx
    assert "fma" not in ptx


def test_a_bias_is_read_with_its_rows_and_without_a_division() -> None:
    form = Form((("maximum", ("add", 0, 1), 2),), (operand("n1"), operand("01"), int), (operand("n1"),), True)
    ptx = compiled(form)
    assert loads(ptx) == ["ld.global.v4.f32"] * 2
    assert not re.search(r"\b(div|rem)\.[us]", ptx)
    assert ".f64" not in ptx


def test_any_strides_are_found_without_a_division() -> None:
    ptx = compiled(Form((("add", 0, 1),), (operand("nnn"), operand("0n1")), (operand("nn1"),), False))
    assert loads(ptx) == ["ld.global.f32"] * 2
    assert not re.search(r"\b(div|rem)\.[us]", ptx)
    assert not re.search(r"mul\.lo\.s64", ptx)


def test_masks_are_read_four_at_once() -> None:
    form = Form((("where", 0, 1, 2),), (operand("1", "bool"), operand("1"), float), (operand("1"),), True)
    ptx = compiled(form)
    assert sorted(loads(ptx))[-2:] == ["ld.global.v4.f32", "ld.global.v4.u8"]


@pytest.mark.parametrize(
    "name", ["divide", "pow", "sqrt", "tanh", "gelu_slope", "logaddexp", "floor_divide", "isclose", *sorted(SLOW)]
)
def test_float32_functions_stay_float32(name: str) -> None:
    (text,) = [text for kinds, text in FORMULAS[name].items() if "f" in kinds]
    count = len(set(re.findall(r"\{(\d)\}", text)))
    _, result = dtypes_of(name, (np.dtype("float32"),) * count)
    ptx = compiled(Form(((name, *range(count)),), (operand("1"),) * count, (operand("1", result.name),), True))
    assert (".f64" in ptx or ".local" in ptx) == (name in SLOW)
