"""Convolutions on a (simulated) GPU: each way against the CPU, on odd shapes and in any order of memory."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from minidl.kernels.cpu import convolution as on_cpu
from minidl.kernels.cuda.array import DeviceArray
from minidl.kernels.cuda.convolution import choice as convolution_choice
from minidl.kernels.cuda.convolution import problem as convolution_problem
from minidl.kernels.cuda.convolution import tensor as convolution_tensor
from minidl.kernels.cuda.convolution import ways as convolution
from minidl.kernels.cuda.matmul import precision
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.geometry import output_size

pytestmark = pytest.mark.usefixtures("simulated_gpu")

Array = np.ndarray[Any, Any]

# images, channels, kernels, image, kernel, stride, padding, dilation, groups, and by how much the result is larger than usual
CASES: dict[str, Any] = {
    "one pixel": (1, 4, 4, (1,), (1,), (1,), (0,), (1,), 1, (0,)),
    "a line, strided": (1, 5, 6, (9,), (3,), (2,), (1,), (1,), 1, (1,)),
    "few channels": (2, 3, 5, (6, 5), (3, 3), (1, 1), (1, 1), (1, 1), 1, (0, 0)),
    "one channel": (1, 1, 6, (4, 5), (5, 5), (1, 1), (2, 2), (1, 1), 1, (0, 0)),
    "more taps than pixels": (2, 4, 8, (2, 3), (3, 2), (1, 1), (1, 2), (1, 1), 1, (0, 0)),
    "strided and dilated, in groups": (2, 8, 4, (5, 6), (3, 2), (2, 1), (1, 0), (1, 2), 2, (0, 1)),
    "pixels that no window meets": (1, 4, 4, (7, 5), (1, 1), (3, 2), (0, 0), (1, 1), 1, (0, 0)),
    "stride and dilation with a common factor": (1, 4, 3, (9, 6), (3, 2), (2, 2), (2, 1), (2, 2), 1, (0, 0)),
    "a volume": (1, 2, 4, (3, 4, 3), (2, 3, 2), (1, 2, 1), (1, 1, 0), (2, 1, 1), 1, (0, 0, 1)),
    "twelve channels": (1, 12, 5, (3, 4), (2, 2), (1, 1), (0, 1), (1, 1), 1, (0, 0)),
    "sixteen channels": (1, 16, 16, (3, 3), (2, 2), (1, 1), (1, 0), (1, 1), 1, (0, 0)),
}
DEPTHWISE: dict[str, Any] = {
    "one kernel a channel": (2, 6, 6, (5, 6), (3, 2), (2, 1), (1, 0), (1, 2), 6, (0, 0)),
    "several": (2, 4, 8, (5, 6), (3, 3), (2, 3), (1, 1), (1, 1), 4, (1, 0)),
    "four at once": (2, 8, 8, (5, 6), (3, 3), (1, 2), (1, 1), (1, 1), 8, (0, 0)),
    "a line": (1, 35, 35, (9,), (3,), (1,), (1,), (1,), 35, (0,)),
}


def operands(case: Any, dtype: Any) -> tuple[Array, Array, Array, dict[str, Any]]:
    """Image, weights, upstream gradient, and the arguments of all three passes but for the size."""
    n, c, k, image, kernel, stride, padding, dilation, groups, more = case
    usual = output_size(image, kernel, stride, padding, dilation)
    out = tuple(a + b for a, b in zip(usual, more, strict=True))
    rng = np.random.default_rng(0)
    shapes = ((n, c, *image), (k, c // groups, *kernel), (n, k, *out))
    x, w, g = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    return x, w, g, {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}


def agrees(case: Any, way: str | None, dtype: Any, expected: str, slack: float = 1) -> None:
    x, w, g, p = operands(case, dtype)
    on = [memory.to_device(a) for a in (x, w, g)]
    found = [
        convolution.conv(on[0], on[1], g.shape[2:], **p, way=way),
        convolution.conv_input(on[2], on[1], x.shape[2:], **p, way=way),
        convolution.conv_weight(on[2], on[0], w.shape[2:], **p, way=way),
    ]
    x, w, g = (a.astype(np.float64) for a in (x, w, g))
    wanted = [
        on_cpu.conv(x, w, g.shape[2:], **p),
        on_cpu.conv_input(g, w, x.shape[2:], **p),
        on_cpu.conv_weight(g, x, w.shape[2:], **p),
    ]
    assert expected in launched()
    near = (2.4e-6 if dtype == "f4" else 8e-15) * slack
    for a, b in zip(found, wanted, strict=True):
        assert (a.shape, a.dtype) == (b.shape, np.dtype(dtype))
        np.testing.assert_allclose(a.numpy(), b, rtol=0, atol=near * max(np.abs(b).max(), 1))


def launched() -> str:
    from minidl.kernels.cuda.simulator import driver

    return " ".join(driver.launches)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_direct_way(case: Any) -> None:
    agrees(case, "direct", "f4", "conv_direct_float32")


@pytest.mark.parametrize(
    "name", ["one pixel", "one channel", "pixels that no window meets", "a volume", "twelve channels"]
)
def test_the_tiled_way(name: str) -> None:
    agrees(CASES[name], "tiled", "f4", "conv_tiled_float32")


@pytest.mark.parametrize(("way", "kernel"), [("direct", "conv_direct_float64"), (None, "conv_tiled_float64")])
def test_float64_is_computed_in_tiles_or_directly(way: Any, kernel: str) -> None:
    agrees(CASES["strided and dilated, in groups"], way, "f8", kernel)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_fast_way(case: Any) -> None:
    agrees(case, None, "f4", "conv_fast_32x32")


@pytest.mark.parametrize("name", ["few channels", "sixteen channels"])
def test_the_fast_way_of_older_devices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution_choice, "copies_beside", lambda device: False)
    agrees(CASES[name], None, "f4", "conv_turing_32x32")


@pytest.mark.parametrize(("tile", "columns"), [("128x32", 20), ("128x64", 36), ("128x128", 68), ("64x64", 68)])
def test_every_tile(tile: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (chosen,) = (one for one in convolution_choice.TILES if f"{one.rows}x{one.columns}" == tile)
    monkeypatch.setattr(convolution_choice, "tile_for", lambda *_: chosen)
    agrees((1, 12, columns, (3, 3), (1, 2), (1, 1), (0, 1), (1, 1), 1, (0, 0)), None, "f4", f"conv_fast_{tile}_wide")


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("how", "numbers", "slack"), [("high", "tf32", 500), ("medium", "bfloat16", 4000)])
def test_tensor_cores_where_rounding_is_allowed(channels: int, how: str, numbers: str, slack: float) -> None:
    case = (1, channels, 8 - channels, (3, 2), (2, 2), (1, 1), (1, 0), (1, 1), 1, (0, 0))
    precision.set_float32_matmul_precision(how)
    try:
        agrees(case, None, "f4", f"conv_{numbers}_128x32", slack)
    finally:
        precision.set_float32_matmul_precision("highest")
    assert f"conv_weight_{numbers}_128x32" in launched()
    x, w, g, p = operands(case, "f4")
    rounded = convolution.conv(memory.to_device(x), memory.to_device(w), g.shape[2:], **p, way=numbers).numpy()
    assert np.abs(rounded - on_cpu.conv(x, w, g.shape[2:], **p)).max() > 1e-5


@pytest.mark.parametrize(("tile", "columns"), [("128x64", 36), ("128x128", 68), ("64x64", 68)])
def test_every_tile_of_tensor_cores(tile: str, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (chosen,) = (one for one in convolution_tensor.TILES if f"{one.rows}x{one.columns}" == tile)
    monkeypatch.setattr(convolution_choice, "warp_tile_for", lambda *_: chosen)
    x, w, g, p = operands((1, 4, columns, (2, 3), (1, 2), (1, 1), (0, 0), (1, 1), 1, (0, 0)), "f4")
    y = convolution.conv(memory.to_device(x), memory.to_device(w), g.shape[2:], **p, way="tf32")
    assert f"conv_tf32_{tile}" in launched()
    np.testing.assert_allclose(y.numpy(), on_cpu.conv(x, w, g.shape[2:], **p), rtol=0, atol=1e-2)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("case", DEPTHWISE.values(), ids=DEPTHWISE)
def test_channels_with_kernels_of_their_own(case: Any, dtype: Any) -> None:
    agrees(case, None, dtype, "depthwise_float32" if dtype == "f4" else "depthwise_float64")


@pytest.mark.parametrize("way", ["direct", "tiled", "fast"])
def test_operands_in_any_order_of_memory(way: str) -> None:
    x, w, g, p = operands(CASES["strided and dilated, in groups"], "f4")
    wanted = [
        on_cpu.conv(x, w, g.shape[2:], **p),
        on_cpu.conv_input(g, w, x.shape[2:], **p),
        on_cpu.conv_weight(g, x, w.shape[2:], **p),
    ]
    for order in ((0, 2, 3, 1), (3, 1, 0, 2)) if way == "direct" else ((3, 1, 0, 2),):
        on_x, on_w, on_g = (laid(a, order) for a in (x, w, g))
        found = [
            convolution.conv(on_x, on_w, g.shape[2:], **p, way=way),
            convolution.conv_input(on_g, on_w, x.shape[2:], **p, way=way),
            convolution.conv_weight(on_g, on_x, w.shape[2:], **p, way=way),
        ]
        for a, b in zip(found, wanted, strict=True):
            np.testing.assert_allclose(a.numpy(), b, rtol=0, atol=5e-6)


def laid(array: Array, order: tuple[int, ...]) -> DeviceArray:
    """The array on the device, its axes in this order in memory, with a number to spare at the end of each line."""
    turned = array.transpose(order)
    room = memory.to_device(np.concatenate([turned, turned[..., :1]], -1))
    strides = [0] * 4
    for axis, step in zip(order, room.strides, strict=True):
        strides[axis] = step
    return room.view_as(array.shape, tuple(strides))


def test_one_number_stands_for_an_image() -> None:
    """A broadcast operand: its strides are 0."""
    one = memory.to_device(np.full((1,), 0.5, "f4")).view_as((2, 3, 4, 4), (0, 0, 0, 0))
    w = memory.to_device(np.ones((2, 3, 3, 3), "f4"))
    for way in ("direct", "fast"):
        y = convolution.conv(one, w, (2, 2), (1, 1), (0, 0), (1, 1), 1, way=way)
        assert y.numpy().tolist() == np.full((2, 2, 2, 2), 13.5).tolist()


def test_memory_is_channels_last_behind_the_shape() -> None:
    x, w, g, p = operands(CASES["few channels"], "f4")
    for way in ("direct", "tiled", "fast"):
        y = convolution.conv(memory.to_device(x), memory.to_device(w), g.shape[2:], **p, way=way)
        _, k, h, v = y.shape
        assert y.strides == (h * v * k * 4, 4, v * k * 4, k * 4)


def test_channels_last_images_are_not_copied() -> None:
    x, w, g, p = operands((1, 16, 4, (4, 4), (1, 1), (1, 1), (0, 0), (1, 1), 1, (0, 0)), "f4")
    convolution.conv(laid_last(x), memory.to_device(w), g.shape[2:], **p)
    assert launched() == "pack_forward_float32 conv_fast_32x32_wide"
    convolution.conv(memory.to_device(x), memory.to_device(w), g.shape[2:], **p)
    assert "transpose" in launched()


def test_images_at_an_odd_address_are_copied() -> None:
    """Four channels are read at once only from a multiple of 16 bytes."""
    x, w, g, p = operands(CASES["sixteen channels"], "f4")
    last = x.transpose(0, 2, 3, 1)
    room = memory.to_device(np.concatenate([[np.nan], last.ravel()]).astype("f4"))
    odd = room.view_as(x.shape, tuple(np.ascontiguousarray(last).transpose(0, 3, 1, 2).strides), offset=4)
    y = convolution.conv(odd, memory.to_device(w), g.shape[2:], **p)
    np.testing.assert_allclose(y.numpy(), on_cpu.conv(x, w, g.shape[2:], **p), rtol=0, atol=1e-5)


def laid_last(x: Array) -> DeviceArray:
    last = memory.to_device(np.ascontiguousarray(x.transpose(0, 2, 3, 1)))
    a, b, c, d = last.strides
    return last.view_as(x.shape, (a, d, b, c))


@pytest.mark.parametrize(("n", "c", "k"), [(0, 3, 2), (2, 0, 2), (2, 3, 0)])
@pytest.mark.parametrize("way", ["direct", None])
def test_nothing_to_add_up_gives_zeros(n: int, c: int, k: int, way: Any) -> None:
    x_shape, w_shape = (n, c, 4, 4), (k, c, 3, 3)
    x, w = memory.to_device(np.ones(x_shape, "f4")), memory.to_device(np.ones(w_shape, "f4"))
    g = memory.to_device(np.ones((x_shape[0], w_shape[0], 2, 2), "f4"))
    p: Any = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1, "way": way}
    for found, shape in (
        (convolution.conv(x, w, (2, 2), **p), (x_shape[0], w_shape[0], 2, 2)),
        (convolution.conv_input(g, w, (4, 4), **p), x_shape),
        (convolution.conv_weight(g, x, (3, 3), **p), w_shape),
    ):
        assert found.shape == shape
        assert not found.numpy().any()


@pytest.mark.parametrize("way", ["tiled", "fast", "depthwise"])
def test_the_gradient_of_the_weights_is_the_same_each_time_and_in_parts(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However the memory lies that the parts are written to, and whatever it held."""
    from minidl.kernels.cuda.convolution import weight as convolution_weight

    rooms: list[Any] = []
    room = convolution_weight.workspace
    monkeypatch.setattr(convolution_weight, "LEAST", 8 if way == "depthwise" else 64)
    monkeypatch.setattr(convolution_weight, "workspace", lambda *args: rooms.append(room(*args)) or rooms[-1])
    usual = (2, 4, 8, (9, 8), (2, 2), (1, 1), (1, 1), (1, 1), 1, (0, 0))
    case = DEPTHWISE["four at once"] if way == "depthwise" else usual
    x, w, g, p = operands(case, "f4")
    on_g, on_x = memory.to_device(g), memory.to_device(x)
    seen, held = set(), []
    for _ in range(2):
        found = convolution.conv_weight(on_g, on_x, w.shape[2:], **p, way=way)
        np.testing.assert_allclose(found.numpy(), on_cpu.conv_weight(g, x, w.shape[2:], **p), rtol=0, atol=2e-5)
        seen.add(hashlib.sha256(found.numpy().tobytes()).hexdigest())
        held.append(memory.to_device(np.full(1000, np.nan, "f4")))
    assert len(seen) == 1
    assert rooms[0].shape[0] > 1


def test_parts_cover_all_pixels_once() -> None:
    from minidl.kernels.cuda.convolution.weight import parts_of

    for pixels in (1, 7, 100, 32768, 1_000_003):
        for blocks in (1, 9, 600):
            number, share = parts_of(pixels, blocks, 2, 8, 64)
            assert share % 8 == 0
            assert (number - 1) * share < pixels <= number * share


def test_tiles_are_as_wide_as_the_result_and_as_many_as_multiprocessors() -> None:
    chosen = {
        (1 << 20, 512): convolution_choice.LARGE,
        (1 << 20, 64): convolution_choice.MEDIUM,
        (128 * 70, 64): convolution_choice.SMALL,
        (1 << 20, 16): convolution_choice.NARROW,
        (2048, 64): convolution_choice.TINY,
        (8192, 32): convolution_choice.TINY,
    }
    for (rows, columns), tile in chosen.items():
        assert convolution_choice.tile_for(rows, columns, 1) is tile
    assert convolution_choice.tile_for(1 << 20, 512, 1, largest=False) is convolution_choice.MEDIUM


def test_infinite_pixels_stay_where_they_are_seen() -> None:
    x, w, g, p = operands(CASES["sixteen channels"], "f4")
    x[0, 3, 1, 1], x[0, 5, 2, 0] = np.inf, np.nan
    wanted = on_cpu.conv(x, w, g.shape[2:], **p)
    for way in ("direct", "tiled", "fast"):
        found = convolution.conv(memory.to_device(x), memory.to_device(w), g.shape[2:], **p, way=way).numpy()
        np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
        np.testing.assert_array_equal(np.isinf(found), np.isinf(wanted))


@pytest.mark.parametrize("dtype", ["i4", "f2"])
def test_other_numbers_are_refused_by_name(dtype: Any) -> None:
    from minidl.errors import DtypeError

    x, w = memory.to_device(np.ones((1, 1, 4, 4), dtype)), memory.to_device(np.ones((1, 1, 3, 3), dtype))
    with pytest.raises(DtypeError, match=r"convert with x\.to"):
        convolution.conv(x, w, (2, 2), (1, 1), (0, 0), (1, 1), 1)


def test_arrays_too_large_for_the_kernels_are_refused_by_name() -> None:
    from minidl.errors import NotOnDeviceError

    with pytest.raises(NotOnDeviceError, match="2³¹"):
        convolution_problem.problem_of(1 << 12, (8, 8, 3, 3), (256, 256), (256, 256), (1, 1), (1, 1), (1, 1), 1)


def test_the_second_order() -> None:
    """The transposes are convolutions' own derivatives: ⟨conv(x, w), g⟩ = ⟨x, conv_input(g, w)⟩ = ⟨w, conv_weight(g, x)⟩."""
    x, w, g, p = operands(CASES["strided and dilated, in groups"], "f4")
    on_x, on_w, on_g = (memory.to_device(a) for a in (x, w, g))
    back = convolution.conv_input(on_g, on_w, x.shape[2:], **p)
    again = convolution.conv(back, on_w, g.shape[2:], **p)
    wanted = on_cpu.conv(on_cpu.conv_input(g, w, x.shape[2:], **p), w, g.shape[2:], **p)
    np.testing.assert_allclose(again.numpy(), wanted, rtol=0, atol=2e-5)
    slopes = convolution.conv_weight(again, back, w.shape[2:], **p)
    once = convolution.conv(on_x, slopes, g.shape[2:], **p).numpy()
    meant = convolution.conv_weight(on_g, on_x, w.shape[2:], **p).numpy()
    np.testing.assert_allclose(np.sum(once * g), np.sum(meant * slopes.numpy()), rtol=1e-4)


@pytest.mark.usefixtures("strict_gpu")
@pytest.mark.parametrize(("way", "slack"), [("tiled", 1), ("fast", 1), ("tf32", 500)])
def test_no_threads_race(way: str, slack: float) -> None:
    agrees((1, 4, 4, (3, 3), (2, 2), (2, 1), (1, 0), (1, 1), 1, (0, 0)), way, "f4", f"conv_{way}", slack)
