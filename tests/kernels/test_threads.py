"""BLAS on one thread inside a block: from any Python thread, with any library, and numbers back as they were."""

from __future__ import annotations

import os
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController

from minidl.kernels.cpu import blas, threads


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A BLAS library with 3 threads that is no OpenBLAS: the only one there is."""

    def use(count: int) -> None:
        found.count = count
        found.calls.append(count)

    found = SimpleNamespace(count=3, calls=[])
    monkeypatch.setattr(threads, "_libraries", [threads._Library(lambda: found.count, use)])
    return found


def test_the_last_block_to_end_gives_the_threads_back(library: SimpleNamespace) -> None:
    inside, leave = threading.Event(), threading.Event()

    def other() -> None:
        with threads.one_blas_thread():
            inside.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with threads.one_blas_thread():
        thread.start()
        inside.wait(10)
    assert library.count == 1
    leave.set()
    thread.join()
    assert library.calls == [1, 3]


def test_an_error_gives_them_back_too(library: SimpleNamespace) -> None:
    with pytest.raises(KeyError), threads.one_blas_thread():
        raise KeyError
    assert library.calls == [1, 3]


@pytest.mark.parametrize(("size", "calls"), [(8, []), (64, [1, 3])])
def test_small_products_need_not_say_so(library: SimpleNamespace, size: int, calls: list[int]) -> None:
    x = np.ones((size, size))
    np.testing.assert_array_equal(blas.product(x, x), np.full((size, size), size))
    assert library.calls == calls


def test_each_library_is_told_by_its_own_functions() -> None:
    controllers = ThreadpoolController().select(user_api="blas").lib_controllers
    for controller in controllers:
        functions = threads._functions_of(controller)
        before = functions.threads()
        assert before == controller.get_num_threads()
        functions.use(1)
        try:
            assert controller.get_num_threads() == 1
        finally:
            functions.use(before)


def test_what_threadpoolctl_knows_and_we_do_not_is_left_to_it() -> None:
    told: list[int] = []
    other = SimpleNamespace(internal_api="mkl", get_num_threads=lambda: 4, set_num_threads=told.append)
    functions = threads._functions_of(other)
    functions.use(2)
    assert functions.threads() == 4
    assert told == [2]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "1000"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE"}),
        ({"GOMP_SPINCOUNT": "0"}, {"GOMP_SPINCOUNT": "0"}),
    ],
    ids=["nothing", "policy", "count"],
)
def test_how_threads_wait_is_the_users_to_choose(
    chosen: dict[str, str], expected: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(name, "to be put back")
        monkeypatch.delenv(name)
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    threads.sleep_soon()
    assert {
        name: value for name, value in os.environ.items() if name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")
    } == expected
