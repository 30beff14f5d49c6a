"""The CPU's convolution and pooling against plain loops that follow the definition."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.kernels.cpu import convolution, jit

Array = np.ndarray[Any, Any]


def convolve(x: Array, w: Array, stride: Any, padding: Any, dilation: Any, groups: int) -> Array:
    """y[n,k,i,j] = Σ x[n, c, i·stride + r·dilation − padding, …] · w[k,c,r,s], one output at a time."""
    n, _, h, width = x.shape
    k, c, r, s = w.shape
    oh, ow = convolution.output_size((h, width), (r, s), stride, padding, dilation)
    y = np.zeros((n, k, oh, ow), x.dtype)
    for b, q, i, j in itertools.product(range(n), range(k), range(oh), range(ow)):
        first = q // (k // groups) * c
        for a, e, f in itertools.product(range(c), range(r), range(s)):
            top, left = i * stride[0] + e * dilation[0] - padding[0], j * stride[1] + f * dilation[1] - padding[1]
            if 0 <= top < h and 0 <= left < width:
                y[b, q, i, j] += x[b, first + a, top, left] * w[q, a, e, f]
    return y


def cases() -> list[Any]:
    rng = np.random.default_rng(0)
    drawn = []
    while len(drawn) < 24:
        groups, kernel = int(rng.integers(1, 4)), tuple(int(v) for v in rng.integers(1, 4, 2))
        p = {
            "stride": tuple(int(v) for v in rng.integers(1, 4, 2)),
            "padding": tuple(int(v) for v in rng.integers(0, 3, 2)),
            "dilation": tuple(int(v) for v in rng.integers(1, 3, 2)),
            "groups": groups,
        }
        x = (int(rng.integers(1, 4)), groups * int(rng.integers(1, 3)), *(int(v) for v in rng.integers(3, 8, 2)))
        w = (groups * int(rng.integers(1, 3)), x[1] // groups, *kernel)
        if min(convolution.output_size(x[2:], kernel, p["stride"], p["padding"], p["dilation"])) > 0:
            drawn.append(pytest.param(x, w, p, id=f"{x}-{w}-{'-'.join(map(str, p.values()))}"))
    return drawn


@pytest.mark.parametrize(("x_shape", "w_shape", "p"), cases())
def test_convolution_and_its_transposes(x_shape: Any, w_shape: Any, p: Any) -> None:
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal(x_shape), rng.standard_normal(w_shape)
    y = convolve(x, w, **p)
    np.testing.assert_allclose(convolution.conv2d(x, w, **p), y, rtol=1e-12, atol=1e-12)
    g = rng.standard_normal(y.shape)
    dx = convolution.conv2d_input(g, w, x_shape[2:], **p)
    dw = convolution.conv2d_weight(g, x, w_shape[2:], **p)
    assert (dx.shape, dw.shape) == (x_shape, w_shape)
    for moved, back, which in ((rng.standard_normal(x_shape), dx, 0), (rng.standard_normal(w_shape), dw, 1)):
        pushed = convolve(moved, w, **p) if which == 0 else convolve(x, moved, **p)
        np.testing.assert_allclose(np.sum(pushed * g), np.sum(back * moved), rtol=1e-10)


def test_blocks_and_parts_of_any_size_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(2)
    x, w = rng.standard_normal((7, 2, 6, 6)), rng.standard_normal((3, 2, 3, 3))
    p: dict[str, Any] = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    whole = convolution.conv2d(x, w, **p), convolution.conv2d_weight(x[:, :1] * np.ones((1, 3, 1, 1)), x, (3, 3), **p)
    monkeypatch.setattr(convolution, "BLOCK_BYTES", 3 * 6 * 6 * 18 * 8)
    monkeypatch.setattr(convolution, "PARTS", 2)
    np.testing.assert_allclose(convolution.conv2d(x, w, **p), whole[0], rtol=1e-13)
    np.testing.assert_allclose(
        convolution.conv2d_weight(x[:, :1] * np.ones((1, 3, 1, 1)), x, (3, 3), **p), whole[1], rtol=1e-12
    )


def test_memory_is_channels_last_behind_the_shape() -> None:
    y = minidl.conv2d(minidl.ones(2, 3, 8, 8), minidl.ones(4, 3, 3, 3), padding=1)
    assert y.shape == (2, 4, 8, 8)
    assert y.data.transpose(0, 2, 3, 1).flags.c_contiguous


def test_facts_of_the_lectures() -> None:
    kernel = minidl.tensor([[[[1.0, 2.0, 3.0]]]])
    signal = minidl.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])
    assert minidl.conv2d(signal, kernel, stride=(1, 2), padding=(0, 1)).tolist() == [[[[8.0, 20.0]]]]


def test_nan_reaches_the_maximum() -> None:
    image = np.array([[[[1.0, np.nan], [3.0, 2.0]]]])
    assert np.isnan(minidl.max_pool2d(minidl.tensor(image), 2).item())


def test_negative_images_are_not_pooled_with_their_padding() -> None:
    assert minidl.max_pool2d(minidl.full((1, 1, 2, 2), -5.0), 3, 1, 1).data.max() == -5


def test_compiling_is_announced_and_cached(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    said: list[str] = []

    def build() -> Any:
        @jit.kernel()
        def add_one(x: Any) -> None:
            for i in range(x.size):
                x[i] += 1

        return add_one

    numbers = np.zeros(3)
    with jit.on_compile(said.append):
        build()(numbers)
        build()(numbers)  # a second process would find it on disk just so
    assert numbers.tolist() == [2, 2, 2]
    assert said == ["add_one"]


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file"))

    @jit.kernel()
    def add_two(x: Any) -> None:
        for i in range(x.size):
            x[i] += 2

    numbers = np.zeros(2)
    add_two(numbers)
    assert numbers.tolist() == [2, 2]
    assert jit.our_cache_entries() == []


def test_the_cpu_has_every_operation_of_a_backend() -> None:
    from minidl.kernels.backend import Backend
    from minidl.kernels.cpu import backend

    wanted = [name for name in vars(Backend) if not name.startswith("_")]
    assert len(wanted) > 40
    assert [name for name in wanted if not callable(getattr(backend, name, None))] == []


def test_clearing_the_cache_leaves_other_peoples_files(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    here = str(Path(jit.__file__).parent)
    ours = tmp_path / f"cpu_{hashlib.sha1(here.encode()).hexdigest()}"
    for folder in (ours, tmp_path / "cpu_of_another_program"):
        folder.mkdir()
        (folder / "kernel.nbc").write_bytes(b"12345")
    assert jit.our_cache_entries() == [ours]
    assert jit.clear_cache() == 5
    assert [p.name for p in tmp_path.iterdir()] == ["cpu_of_another_program"]


def test_blas_gets_its_threads_back() -> None:
    from threadpoolctl import ThreadpoolController

    from minidl.kernels.cpu import threads

    minidl.conv2d(minidl.ones(1, 1, 4, 4), minidl.ones(1, 1, 3, 3))  # loads SciPy's BLAS beside NumPy's

    def counts() -> list[int]:
        return [library.get_num_threads() for library in ThreadpoolController().select(user_api="blas").lib_controllers]

    with ThreadpoolController().limit(limits=2, user_api="blas"):
        threads.look_again()
        assert set(counts()) == {2}
        with threads.one_blas_thread():
            with threads.one_blas_thread():
                assert set(counts()) == {1}
            assert set(counts()) == {1}
        assert set(counts()) == {2}
    threads.look_again()


def test_whole_numbers_are_refused_by_name() -> None:
    with pytest.raises(minidl.MinidlError, match=r"got int64; convert with x\.to"):
        minidl.conv2d(minidl.ones(1, 1, 4, 4, dtype=minidl.int64), minidl.ones(1, 1, 3, 3, dtype=minidl.int64))
