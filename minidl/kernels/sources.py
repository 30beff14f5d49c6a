"""Sources of kernels that are written on the way: each goes into a file that is named by its content, and is imported."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
import threading
from pathlib import Path
from types import ModuleType

from ..files import write_atomic
from .cpu.jit import generated_folder

_modules: dict[str, ModuleType] = {}
_loading = threading.Lock()


def loaded(source: str, name: str) -> ModuleType:
    """The module of a source, imported from a file `<name>_<checksum>.py` among the generated kernels.

    Numba asks `sys.modules` for the module when it compiles and when it loads what it has compiled. Where it finds none, as
    after a program that has put back an earlier `sys.modules`, it would cache a kernel that belongs nowhere (`<dynamic>`) and
    that cannot be loaded again.
    """
    digest = hashlib.sha256(source.encode()).hexdigest()[:24]
    with _loading:
        if digest in _modules:
            sys.modules[_modules[digest].__name__] = _modules[digest]
        else:
            spec = importlib.util.spec_from_file_location(f"{name}_{digest}", _file(source, f"{name}_{digest}"))
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module
            spec.loader.exec_module(module)
            _modules[digest] = module
        return _modules[digest]


def _file(source: str, name: str) -> Path:
    path = generated_folder() / f"{name}.py"
    if not (path.exists() and path.read_text(encoding="utf-8") == source):
        write_atomic(path, source)
    return path
