"""The CPU's convolution against plain loops that follow the definition, and what its kernels stand on."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.kernels.cpu import convolution, im2col, jit, paths
from minidl.kernels.geometry import output_size

Array = np.ndarray[Any, Any]

compiled = pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") == "1", reason="the kernels run as plain Python")


def convolve(x: Array, w: Array, size: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Array:
    """y[n,k,i,…] = Σ x[n, c, i·stride + r·dilation − padding, …] · w[k,c,r,…], one output at a time."""
    k, c, *kernel = w.shape
    y = np.zeros((x.shape[0], k, *size), x.dtype)
    for place in np.ndindex(*y.shape):
        b, q, *out = place
        first = q // (k // groups) * c
        for a, *tap in np.ndindex(c, *kernel):
            at = [i * s + r * d - p for i, s, r, d, p in zip(out, stride, tap, dilation, padding, strict=True)]
            if all(0 <= i < n for i, n in zip(at, x.shape[2:], strict=True)):
                y[place] += x[(b, first + a, *at)] * w[(q, a, *tap)]
    return y


def numbers(rng: Any, least: int, most: int, axes: int) -> tuple[int, ...]:
    return tuple(int(v) for v in rng.integers(least, most + 1, axes))


def cases(axes: int, count: int) -> list[Any]:
    rng = np.random.default_rng(axes)
    drawn: list[Any] = []
    while len(drawn) < count:
        groups, kernel = int(rng.integers(1, 4)), numbers(rng, 1, 3, axes)
        p: dict[str, Any] = {
            "stride": numbers(rng, 1, 3, axes),
            "padding": numbers(rng, 0, 2, axes),
            "dilation": numbers(rng, 1, 2, axes),
            "groups": groups,
        }
        x = (
            int(rng.integers(1, 4)),
            groups * int(rng.integers(1, 3)),
            *numbers(rng, 3, {1: 12, 2: 7, 3: 4}[axes], axes),
        )
        w = (groups * int(rng.integers(1, 3)), x[1] // groups, *kernel)
        size = output_size(x[2:], kernel, p["stride"], p["padding"], p["dilation"])
        if min(size) > 0:
            p["size"] = tuple(n + int(rng.integers(0, 2)) for n in size)  # also windows that begin behind the image
            drawn.append(pytest.param(x, w, p, id=f"{x}-{w}-{'-'.join(map(str, p.values()))}"))
    return drawn


@pytest.mark.parametrize("switched_off", [(), ("direct", "depthwise")], ids=["fast", "plain"])
@pytest.mark.parametrize(("x_shape", "w_shape", "p"), [*cases(1, 24), *cases(2, 24), *cases(3, 16)])
def test_convolution_and_its_transposes(x_shape: Any, w_shape: Any, p: Any, switched_off: Any) -> None:
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal(x_shape), rng.standard_normal(w_shape)
    y = convolve(x, w, **p)
    g = rng.standard_normal(y.shape)
    with paths.without(*switched_off):
        np.testing.assert_allclose(convolution.conv(x, w, **p), y, rtol=1e-12, atol=1e-12)
        dx = convolution.conv_input(g, w, **p | {"size": x_shape[2:]})
        dw = convolution.conv_weight(g, x, **p | {"size": w_shape[2:]})
    assert (dx.shape, dw.shape) == (x_shape, w_shape)
    for moved, back, which in ((rng.standard_normal(x_shape), dx, 0), (rng.standard_normal(w_shape), dw, 1)):
        pushed = convolve(moved, w, **p) if which == 0 else convolve(x, moved, **p)
        np.testing.assert_allclose(np.sum(pushed * g), np.sum(back * moved), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("bytes_of_a_block", [1, 3 * 6 * 18 * 8, 1 << 30])
@pytest.mark.parametrize("parts", [1, 2, 100])
def test_blocks_and_parts_of_any_size_give_the_same(
    bytes_of_a_block: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    x, w, g = (
        rng.standard_normal((3, 2, 2, 5, 6)),
        rng.standard_normal((3, 2, 1, 3, 3)),
        rng.standard_normal((3, 3, 2, 5, 6)),
    )
    p: dict[str, Any] = {"stride": (1, 1, 1), "padding": (0, 1, 1), "dilation": (1, 1, 1), "groups": 1}

    def everything() -> list[Array]:
        return [
            im2col.conv(x, w, (2, 5, 6), **p),
            im2col.conv_input(g, w, (2, 5, 6), **p),
            im2col.conv_weight(g, x, (1, 3, 3), **p),
        ]

    whole = everything()
    monkeypatch.setattr(im2col, "BLOCK_BYTES", bytes_of_a_block)
    monkeypatch.setattr(im2col, "PARTS", parts)
    for a, b in zip(everything(), whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_memory_is_channels_last_behind_the_shape(axes: int) -> None:
    ours = {1: minidl.conv1d, 2: minidl.conv2d, 3: minidl.conv3d}[axes]
    y = ours(minidl.ones(2, 3, *(8,) * axes), minidl.ones(4, 3, *(3,) * axes), padding=1)
    assert y.shape == (2, 4, *(8,) * axes)
    assert np.moveaxis(y.data, 1, -1).flags.c_contiguous


def test_an_infinite_pixel_stays_where_it_is_seen() -> None:
    """Zeros around the image, and pixels without weight, never meet it: 0·∞ would be NaN."""
    F = minidl.nn.functional
    line = minidl.tensor([[[np.inf, 1.0, 2.0, 3.0, 4.0]]])
    assert F.conv1d(line, minidl.ones(1, 1, 2), padding="same").tolist() == [[[np.inf, 3, 5, 7, 4]]]
    assert F.avg_pool1d(line, 2, 1).tolist() == [[[np.inf, 1.5, 2.5, 3.5]]]
    assert F.adaptive_avg_pool1d(line, 3).tolist() == [[[np.inf, 2, 3.5]]]
    assert F.interpolate(line, size=2).tolist() == [[[np.inf, 2]]]


@pytest.mark.parametrize("whole", [minidl.int64, minidl.float16])
def test_other_numbers_are_refused_by_name(whole: Any) -> None:
    with pytest.raises(minidl.MinidlError, match=rf"got {whole}; convert with x\.to"):
        minidl.conv2d(minidl.ones(1, 1, 4, 4, dtype=whole), minidl.ones(1, 1, 3, 3, dtype=whole))


@compiled
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

    with paths.without("direct"):
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
