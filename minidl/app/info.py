"""`minidl info`: what is installed and what it can use here."""

from __future__ import annotations

import os
import platform
from importlib import metadata

import typer

PACKAGES = ("numpy", "scipy", "numba", "graphviz", "pygraphviz", "matplotlib", "rich", "safetensors")


def info() -> None:
    """Print versions, drawing engines, devices and caches."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows():
        table.add_row(name, Text(text))  # no markup: minidl[cuda] is to be read as it stands
    Console(highlight=False).print(table)
    raise typer.Exit(0)


def _rows() -> list[tuple[str, str]]:
    from tutorials.learning.progress import folder
    from viz.drawing.engine import engine_info

    from .._version import __version__
    from ..kernels.cpu.jit import cache_folder, folder_bytes, our_cache_entries

    drawing = engine_info()
    kernels = sum(folder_bytes(folder) for folder in our_cache_entries())
    engine = f"Graphviz {drawing.version} ({drawing.kind}: {drawing.detail})" if drawing.version else drawing.detail
    return [
        ("minidl", __version__),
        ("Python", f"{platform.python_version()} on {platform.platform()}"),
        ("packages", ", ".join(f"{name} {_version(name)}" for name in PACKAGES)),
        ("drawing", engine),
        ("devices", f"cpu ({os.cpu_count()} cores); {_gpus()}"),
        ("kernels", f"{cache_folder()} ({kernels / 1e6:.1f} MB compiled)"),
        ("lessons", f"{folder()} (your place in each)"),
    ]


def _gpus() -> str:
    """The GPUs there are, or why there are none."""
    from .. import cuda

    names = [cuda.get_device_name(number) for number in range(cuda.device_count())]
    return ", ".join(f"cuda:{i} {name}" for i, name in enumerate(names)) or f"no cuda: {cuda.why_not()}"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"
