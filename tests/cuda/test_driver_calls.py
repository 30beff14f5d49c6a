"""The real driver's functions, as far as that goes without a GPU: each is there, and takes what it is given.

NVIDIA's bindings convert a call's arguments before they look for the driver library. So a call that would be right fails
here for want of a driver, and a wrong one (another number of arguments, an int in the place of an enum) with another error.
"""

from __future__ import annotations

import ast
import ctypes
import inspect
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from minidl.errors import DeviceError
from minidl.kernels import cuda
from minidl.kernels.cuda.runtime import driver
from minidl.kernels.cuda.simulator import driver as simulated

SOURCES = sorted(Path(cuda.__file__).parent.rglob("*.py"))


def calls() -> list[tuple[str, int, str]]:
    """Each call of a driver function in the package: its name, how many arguments it has, and where it is."""
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or any(isinstance(a, ast.Starred) for a in node.args):
                continue
            name, count = None, len(node.args)
            if isinstance(node.func, ast.Name) and node.func.id == "call" and isinstance(node.args[0], ast.Constant):
                name, count = node.args[0].value, count - 1
            elif (
                isinstance(node.func, ast.Attribute)
                and node.func.attr.startswith("cu")
                and node.func.attr[2:3].isupper()
            ):
                name = node.func.attr
            if name is not None:
                found.append((name, count, f"{path.name}:{node.lineno}"))
    return found


def test_there_are_calls_to_look_at() -> None:
    names = {name for name, _, _ in calls()}
    assert {"cuLaunchKernel", "cuMemAlloc", "cuStreamBeginCapture", "cuGraphInstantiate", "cuGetErrorName"} <= names


@pytest.mark.parametrize("call", calls(), ids=lambda c: f"{c[0]}-{c[2]}")
def test_the_stand_in_has_each_function_with_as_many_arguments(call: tuple[str, int, str]) -> None:
    name, count, place = call
    if name.startswith("cuModule"):
        return  # in simulation kernels are not loaded
    assert len(inspect.signature(getattr(simulated, name)).parameters) == count, place


@pytest.mark.parametrize("call", calls(), ids=lambda c: f"{c[0]}-{c[2]}")
def test_the_bindings_have_each_function_with_as_many_arguments(call: tuple[str, int, str]) -> None:
    real = pytest.importorskip("cuda.bindings.driver")
    name, count, place = call
    assert len(inspect.signature(getattr(real, name)).parameters) == count, place


def own_functions(module: ModuleType) -> dict[str, Any]:
    return {name: f for name, f in vars(module).items() if name.startswith("cu") and inspect.isfunction(f)}


@pytest.mark.parametrize("name", sorted(own_functions(simulated)))
def test_the_stand_in_has_nothing_that_the_bindings_have_not(name: str) -> None:
    real = pytest.importorskip("cuda.bindings.driver")
    theirs = inspect.signature(getattr(real, name)).parameters
    assert len(inspect.signature(own_functions(simulated)[name]).parameters) == len(theirs)


@pytest.mark.parametrize("name", [n for n, v in vars(simulated).items() if n.startswith("CU") and isinstance(v, type)])
def test_enums_have_the_same_members_and_values(name: str) -> None:
    real = pytest.importorskip("cuda.bindings.driver")
    ours, theirs = getattr(simulated, name), getattr(real, name)
    assert {member.name: int(member) for member in ours} == {m.name: int(theirs[m.name]) for m in ours}


def examples() -> dict[str, tuple[Any, ...]]:
    """A call of each kind, with arguments of the types that the package hands over."""
    options = (ctypes.c_void_p * 5)(1, 0, 2, 0, 0)
    return {
        "cuMemAlloc": (512,),
        "cuMemFree": (1 << 40,),
        "cuMemcpyHtoDAsync": (1 << 40, 4096, 4, 0),
        "cuMemcpyDtoHAsync": (4096, 1 << 40, 4, 0),
        "cuMemcpyAsync": (1 << 40, 1 << 40, 4, 7),
        "cuMemsetD8Async": (1 << 40, 0, 4, 7),
        "cuMemHostAlloc": (4, 0),
        "cuMemFreeHost": (4096,),
        "cuDeviceGet": (0,),
        "cuDeviceGetName": (128, 0),
        "cuDeviceTotalMem": (0,),
        "cuDevicePrimaryCtxRetain": (0,),
        "cuCtxSetCurrent": (4096,),
        "cuCtxSynchronize": (),
        "cuStreamCreate": (1,),
        "cuStreamDestroy": (4096,),
        "cuStreamSynchronize": (0,),
        "cuStreamWaitEvent": (4096, 8192, 0),
        "cuEventCreate": (2,),
        "cuEventRecord": (4096, 0),
        "cuEventQuery": (4096,),
        "cuEventElapsedTime": (4096, 8192),
        "cuStreamEndCapture": (4096,),
        "cuGraphInstantiate": (4096, 0),
        "cuGraphLaunch": (4096, 0),
        "cuGraphDestroy": (4096,),
        "cuGraphExecDestroy": (4096,),
        "cuModuleLoadData": (b"text\0",),
        "cuModuleGetFunction": (4096, b"name"),
        "cuLaunchKernel": (4096, 1, 1, 1, 32, 1, 1, 0, 0, 0, ctypes.addressof(options)),
    }


def without_driver(real: Any) -> bool:
    try:
        real.cuInit(0)
    except RuntimeError:
        return True
    return False


@pytest.mark.parametrize("name", sorted(examples()))
def test_the_bindings_take_the_types_that_they_are_given(name: str) -> None:
    real = pytest.importorskip("cuda.bindings.driver")
    if not without_driver(real):
        pytest.skip("there is a driver, and these calls are not to reach it")
    with pytest.raises(RuntimeError, match=r"libcuda|driver|nvcuda"):
        getattr(real, name)(*examples()[name])


def test_enums_are_handed_over_where_the_bindings_want_them() -> None:
    real = pytest.importorskip("cuda.bindings.driver")
    if not without_driver(real):
        pytest.skip("there is a driver, and these calls are not to reach it")
    mode, attribute = real.CUstreamCaptureMode, real.CUdevice_attribute
    with pytest.raises(RuntimeError):
        real.cuStreamBeginCapture(4096, mode.CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)
    with pytest.raises(RuntimeError):
        real.cuThreadExchangeStreamCaptureMode(mode.CU_STREAM_CAPTURE_MODE_RELAXED)
    with pytest.raises(RuntimeError):
        real.cuDeviceGetAttribute(attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0)
    with pytest.raises((TypeError, AttributeError)):
        real.cuStreamBeginCapture(4096, 1)  # what the test above would let pass


# What is said where no GPU can be used --------------------------------------------------------------------------------------


@pytest.fixture
def forgetful() -> Any:
    driver.forget()
    yield
    driver.forget()


class Fake(SimpleNamespace):
    """A driver that answers as told."""

    def __init__(self, **answers: Any) -> None:
        whole = {"cuInit": (0,), "cuDriverGetVersion": (0, 13000), "cuDeviceGetCount": (0, 1)} | answers
        functions = {name: (lambda *args, answer=answer: answer) for name, answer in whole.items()}
        super().__init__(
            **functions, cuGetErrorName=lambda s: (0, b"CUDA_ERROR_X"), cuGetErrorString=lambda s: (0, b"x")
        )


def found_with(monkeypatch: pytest.MonkeyPatch, fake: Any) -> str | None:
    bindings = ModuleType("cuda.bindings")
    bindings.driver = fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cuda", ModuleType("cuda"))
    monkeypatch.setitem(sys.modules, "cuda.bindings", bindings)
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    return driver.why_not()


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"cuInit": (100,)}, "the NVIDIA driver does not start (CUDA_ERROR_X)"),
        ({"cuDriverGetVersion": (0, 12080)}, "knows CUDA 12.8, and 13.0 is needed: install driver 580 or newer"),
        ({"cuDeviceGetCount": (0, 0)}, "the NVIDIA driver finds no GPU"),
        ({}, None),
    ],
)
def test_why_a_gpu_cannot_be_used(monkeypatch: pytest.MonkeyPatch, answers: Any, why: str | None) -> None:
    told = found_with(monkeypatch, Fake(**answers))
    assert told is None if why is None else why in str(told)
    assert driver.device_count() == (1 if why is None else 0)


@pytest.mark.usefixtures("forgetful")
def test_without_a_driver_library_the_message_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(flags: int) -> Any:
        raise RuntimeError("Failed to dlopen libcuda.so.1")

    fake = Fake()
    fake.cuInit = missing
    told = str(found_with(monkeypatch, fake))
    assert "this machine has no NVIDIA driver (Failed to dlopen libcuda.so.1)" in told
    assert "NUMBA_ENABLE_CUDASIM=1" in told
    with pytest.raises(DeviceError, match='device="cuda" cannot be used: this machine has no NVIDIA driver'):
        driver.api()


@pytest.mark.usefixtures("forgetful")
def test_without_the_packages_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    monkeypatch.delenv("NUMBA_ENABLE_CUDASIM", raising=False)
    assert 'pip install "minidl[cuda]"' in str(driver.why_not())


@pytest.mark.usefixtures("forgetful")
def test_a_call_that_fails_names_the_function_and_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    found_with(monkeypatch, Fake(cuMemAlloc=(2, 0)))
    with pytest.raises(DeviceError, match="cuMemAlloc: CUDA_ERROR_X, x"):
        driver.call("cuMemAlloc", 512)


def test_importing_it_all_loads_neither_numba_nor_the_cuda_packages() -> None:
    text = (
        "import sys, minidl, minidl.kernels.cuda, minidl.kernels.cuda.array\n"
        "print([m for m in ('numba', 'cuda.bindings', 'numba_cuda', 'greenlet') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.usefixtures("simulated_gpu")
def test_a_second_gpu_that_is_not_there() -> None:
    with pytest.raises(DeviceError, match="there is no cuda:1; this machine has 1"):
        driver.enter(1)
