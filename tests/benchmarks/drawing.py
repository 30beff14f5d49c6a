"""Row: drawing a graph of a thousand nodes as SVG, beside the tools that draw PyTorch's graphs."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .harness import Bench, Remark, Result, Work

OPERATIONS: Final = 998
DEEPEST: Final = 20_000
"""How deep Python may recurse meanwhile: torchviz does so for each node, and Python's own limit is a thousand."""


def graph(x: Any, y: Any) -> Any:
    """A mesh of a thousand nodes: sums of what was computed last and three steps before, and tanh of each."""
    recent = [x, y, x]
    for k in range(OPERATIONS):
        recent.append(recent[-1].tanh() if k % 2 else recent[-1] + recent[-3])
    return recent[-1]


def drawing(bench: Bench) -> Iterator[Result | Remark]:
    """A circuit of 1,000 nodes as SVG: each tool draws the graph of the same expression in its own way."""
    import minidl
    import viz

    sys.setrecursionlimit(max(DEEPEST, sys.getrecursionlimit()))

    x, y = minidl.scalar(0.5, name="x"), minidl.scalar(0.25, name="y")
    root = graph(x, y)
    ours = {"minidl": lambda: viz.draw(root, level="operation").svg()}
    for name in ("torchviz", "torchview", "torchlens"):
        if not bench.peers.has(name):
            yield Remark("drawing", f"{name} is not installed or was not asked for")
            continue
        with tempfile.TemporaryDirectory() as folder:
            yield from bench.contest("drawing", "1,000 nodes as SVG", ours, {name: _peer(bench, name, folder)}, calls=0)


def _peer(bench: Bench, name: str, folder: str) -> Work:
    torch, module = bench.peers.torch, importlib.import_module(name)
    values = [torch.tensor(v, requires_grad=True) for v in (0.5, 0.25)]

    class Mesh(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, x: Any, y: Any) -> Any:
            return graph(x, y)

    file = {"vis_outpath": str(Path(folder) / "graph"), "vis_save_only": True, "vis_fileformat": "svg"}
    drawn: dict[str, Work] = {
        "torchviz": lambda: module.make_dot(Mesh()(*values)).pipe(format="svg"),
        "torchview": lambda: module.draw_graph(
            Mesh(), input_data=values, hide_module_functions=False
        ).visual_graph.pipe(format="svg"),
        "torchlens": lambda: module.trace(Mesh(), values).draw(**file),
    }
    return drawn[name]


ROWS: Final = {"drawing": drawing}
