"""Measure how fast figures come: the first one of a process, one after another, a large graph; beside the peers installed.

    python -m tests.benchmarks.figures

Each row is the median of several turns, in milliseconds, with its quartiles; a row has a limit where the project promises
one. The peers (torchviz, torchview, torchlens) draw the same expression with the `dot` on the path.
"""

from __future__ import annotations

import argparse
import atexit
import importlib.util
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from typing import Any, Final

NODES: Final = 1000

FIRST: Final = """
    import time
    import minidl, viz
    start = time.perf_counter()
    x, y, z = (minidl.scalar(v, name=n) for v, n in [(-2.0, "x"), (5.0, "y"), (-4.0, "z")])
    viz.draw((x + y) * z).svg()
    print(time.perf_counter() - start)
"""


def circuit() -> Any:
    """The neuron that every course draws: twelve operations and inputs."""
    import minidl

    names = {"w_0": 2.0, "x_0": -1.0, "w_1": -3.0, "x_1": -2.0, "w_2": -3.0}
    w0, x0, w1, x1, w2 = (minidl.scalar(value, name=name) for name, value in names.items())
    return minidl.tanh(minidl.exp(minidl.sigmoid(w0 * x0 + w1 * x1 + w2)))


def first() -> Callable[[], float]:
    """A fresh process: after its imports, until the first figure is there."""

    def turn() -> float:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(FIRST)], capture_output=True, check=True, text=True
        )
        return float(done.stdout)

    return turn


def clocked(work: Callable[[], Any]) -> Callable[[], float]:
    """A turn of `work`, after one that is not counted."""
    work()

    def turn() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return turn


def warm(method: str) -> Callable[[], float]:
    """The circuit as a file, the engine running: its DOT is written anew each time."""
    import viz

    root = circuit()
    return clocked(lambda: getattr(viz.draw(root), method)())


def changing() -> Callable[[], float]:
    """The circuit with other numbers each time, as in a training run."""
    import minidl
    import viz

    count = 0

    def work() -> None:
        nonlocal count
        count += 1
        x, w = minidl.scalar(1.0 / count, name="x"), minidl.scalar(count + 0.25, name="w")
        viz.draw(minidl.tanh(x * w)).svg()

    return clocked(work)


def large() -> Callable[[], float]:
    """A graph of 1,000 nodes as a circuit has them, each with two inputs from the layers before, limited as figures are."""
    from viz.drawing.dot import Digraph, cell, table, text
    from viz.drawing.figure import Figure

    graph = Digraph(rankdir="LR", splines="line", outputorder="edgesfirst", nslimit=1, nslimit1=1)
    graph.default("node", shape="plain", fontname="STIXGeneral")
    for i in range(NODES):
        graph.node(f"v{i}", label=table([[cell(text(f"{i / 7:.4g}"), width=60, height=24, fixedsize=True)]]))
        for j in (i - 8, i - 9 - i * 5 % 7) if i >= 16 else ():
            graph.edge(f"v{j}:e", f"v{i}:w")
    figure = Figure(graph.source())
    return clocked(figure.svg)


def peer(name: str) -> Callable[[], float]:
    """The same circuit by another tool, if it is installed."""
    import torch

    values = [torch.tensor(v, requires_grad=True) for v in (2.0, -1.0, -3.0, -2.0, -3.0)]

    class Neuron(torch.nn.Module):  # type: ignore[misc]
        def forward(self, w0: Any, x0: Any, w1: Any, x1: Any, w2: Any) -> Any:
            return torch.tanh(torch.exp(torch.sigmoid(w0 * x0 + w1 * x1 + w2)))

    module = importlib.import_module(name)
    folder = tempfile.mkdtemp()
    file = {"vis_outpath": f"{folder}/graph", "vis_save_only": True, "vis_fileformat": "svg"}
    atexit.register(shutil.rmtree, folder)
    drawn: dict[str, Callable[[], Any]] = {
        "torchviz": lambda: module.make_dot(Neuron()(*values)).pipe(format="svg"),
        "torchview": lambda: module.draw_graph(Neuron(), input_data=values).visual_graph.pipe(format="svg"),
        "torchlens": lambda: module.trace(Neuron(), values).draw(**file),
    }
    return clocked(drawn[name])


PEERS: Final = ("torchviz", "torchview", "torchlens")
ROWS: Final[dict[str, tuple[Callable[[], Callable[[], float]], int, float | None]]] = {
    "first": (first, 7, 500.0),
    "svg": (lambda: warm("svg"), 30, None),
    "changing": (changing, 30, None),
    "tex": (lambda: warm("tex"), 30, None),
    "pdf": (lambda: warm("pdf"), 30, None),
    "png": (lambda: warm("png"), 15, None),
    "large": (large, 5, 2000.0),
    **{name: (lambda name=name: peer(name), 15, None) for name in PEERS},
}
"""What each row measures, in how many turns, and how long it may take at most (milliseconds)."""


def measure(name: str) -> dict[str, float]:
    """Return the median and the quartiles of a row, in milliseconds."""
    make, turns, _ = ROWS[name]
    turn = make()
    low, middle, high = (1e3 * value for value in statistics.quantiles((turn() for _ in range(turns)), n=4))
    return {"ms": middle, "low": low, "high": high}


def main() -> None:
    """Print the rows that were asked for; end with a status other than 0 if one takes longer than it may."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.figures", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"rows to run: {', '.join(ROWS)}; all by default")
    parser.add_argument("--json", metavar="FILE", help="write the rows to FILE as well")
    options = parser.parse_args()
    if unknown := sorted(set(options.names) - set(ROWS)):
        parser.error(f"there is no row {', '.join(unknown)}; choose from {', '.join(ROWS)}")
    from viz.drawing import engine

    info = engine.engine_info()
    print(f"Graphviz {info.version} ({info.kind})")
    print(f"{'row':10} {'ms':>9}  quartiles")
    found, late = {}, []
    for name in options.names or ROWS:
        if name in PEERS and importlib.util.find_spec(name) is None:
            print(f"{name:10} {'—':>9}  not installed")
            continue
        found[name] = row = measure(name)
        limit = ROWS[name][2]
        note = "" if limit is None else f"  (at most {limit:g})"
        print(f"{name:10} {row['ms']:9.1f}  {row['low']:.1f} … {row['high']:.1f}{note}", flush=True)
        late += [name] if limit is not None and row["ms"] > limit else []
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=2)
    if late:
        sys.exit(f"too slow: {', '.join(late)}")


if __name__ == "__main__":
    main()
