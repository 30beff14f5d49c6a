"""The table of registers, shared memory and occupancy. This file comes late, when the other tests have compiled everything."""

from __future__ import annotations

import sys

import pytest

from tests.cuda import inspection


@pytest.mark.codegen
@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="the table is Python 3.11's: another's bytecode differs a little"
)
def test_the_table_in_the_readme_is_up_to_date() -> None:
    pytest.importorskip("numba_cuda")
    if inspection.tool("ptxas") is None or inspection.tool("nvdisasm") is None:
        pytest.skip("ptxas and nvdisasm come with nvidia-cuda-nvcc and nvidia-cuda-nvdisasm")
    reports = {
        pair: report for names in inspection.batches() for pair, report in inspection.inspect_batch(names).items()
    }
    assert inspection.README.read_text(encoding="utf-8") == inspection.readme(reports), (
        "write it anew: python -m tests.cuda.inspection --write"
    )
