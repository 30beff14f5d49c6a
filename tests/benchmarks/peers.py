"""The libraries that minidl is compared with: which are here, under which names, and how each is set up."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import shutil
from collections.abc import Iterable
from typing import Any, Final

from threadpoolctl import threadpool_limits

MODULES: Final = {
    "torch": "torch",
    "channels_last": "torch",
    "torch.compile": "torch",
    "micrograd": "micrograd",
    "autograd": "autograd",
    "tinygrad": "tinygrad",
    "numpy": "numpy",
    "torchviz": "torchviz",
    "torchview": "torchview",
    "torchlens": "torchlens",
}
"""The peers and the package that each needs. `torch` computes in its own layout (NCHW); `numpy` is NumPy by hand."""

DEFAULT: Final = tuple(name for name in MODULES if name != "torch.compile")
"""Who takes part unless told otherwise: `torch.compile` compiles for minutes, so it comes only when it is asked for."""


class MissingPeerError(Exception):
    """A row needs a peer that is not here."""


class Peers:
    """Those who take part.

    Args:
        wanted: names in `MODULES`.
        threads: how many threads each may use.
    """

    def __init__(self, wanted: Iterable[str], threads: int) -> None:
        self.wanted = tuple(wanted)
        self.threads = threads
        self._torch: Any = None

    def has(self, name: str) -> bool:
        """Whether a peer was asked for and is installed; tinygrad needs clang besides."""
        is_here = importlib.util.find_spec(MODULES[name]) is not None
        return name in self.wanted and is_here and (name != "tinygrad" or shutil.which("clang") is not None)

    def need(self, *names: str) -> None:
        """Do nothing if one of the peers takes part.

        Raises:
            MissingPeerError: none does.
        """
        if not any(map(self.has, names)):
            raise MissingPeerError(f"needs {' or '.join(names)}, which is not installed or was not asked for")

    @property
    def torch(self) -> Any:
        """PyTorch, with its threads set."""
        if self._torch is None:
            self._torch = importlib.import_module("torch")
            self._torch.set_num_threads(self.threads)
        return self._torch

    def layouts(self) -> list[str]:
        """PyTorch's ways to run a network that take part."""
        return [name for name in ("torch", "channels_last", "torch.compile") if self.has(name)]

    def versions(self) -> dict[str, str]:
        """The installed versions of those who take part."""
        packages = {MODULES[name] for name in self.wanted if self.has(name)} | {"numpy", "numba"}
        return {name: importlib.metadata.version(name) for name in sorted(packages)}


def set_up(threads: int) -> None:
    """Tell every library how many threads to use; must come before any of them but NumPy is imported."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = str(threads)
    threadpool_limits(threads, user_api="blas")  # NumPy is here already
    os.environ.setdefault("DEV", "CPU")  # tinygrad's device
    os.environ["CPU_COUNT"] = str(threads)
