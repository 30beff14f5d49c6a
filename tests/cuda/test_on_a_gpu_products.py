"""What to try first on a real GPU of products, convolutions and layers: see `test_on_a_gpu`.

Results are compared with NumPy's in double precision, on some rows where all would take the CPU too long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import cuda, nn, optim
from minidl.kernels.cpu import convolution as on_cpu
from minidl.kernels.cuda.backend import backend
from minidl.kernels.cuda.convolution import ways
from minidl.kernels.cuda.matmul import precision, products
from minidl.kernels.cuda.runtime import memory
from minidl.kernels.geometry import output_size
from minidl.nn import functional as F
from tests.cuda import gpu
from tests.cuda.gpu import always_the_same, numbers, sent

pytestmark = gpu.MARKS
SIDE, TALL, BATCH, IMAGES = 4096, 64 * 65535 + 130, 66_000, 34
"""Rows for more tiles than fit a grid's second axis; more matrices than fit its third; images of more than 2²⁶ numbers."""


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    precision.set_float32_matmul_precision("highest")
    gpu.clean()


# Products -------------------------------------------------------------------------------------------------------------------

LOOSE = {"highest": 3e-6, "high": 2e-3, "medium": 2e-2}


def compare_product(x: Any, y: Any, found: Any, loose: float) -> None:
    rows = np.unique(np.linspace(0, x.shape[0] - 1, 32).astype(int))
    expected = x[rows].astype(np.float64) @ y.astype(np.float64)
    assert np.abs(found[rows] - expected).max() <= loose * np.sqrt(x.shape[1]) * 10


@pytest.mark.parametrize("way", list(LOOSE))
@pytest.mark.parametrize("layout", ["nn", "nt", "tn", "tt"])
@pytest.mark.parametrize(("m", "n", "k"), [(SIDE, SIDE, SIDE), (1000, 1003, 999), (130, 60, 100_000), (4097, 33, 129)])
def test_products_of_every_size_and_layout(m: int, n: int, k: int, layout: str, way: str) -> None:
    precision.set_float32_matmul_precision(way)
    x, y = (
        numbers(m, k) if layout[0] == "n" else numbers(k, m).T,
        numbers(k, n) if layout[1] == "n" else numbers(n, k).T,
    )
    a, b = memory.to_device(x.T).mT if layout[0] == "t" else memory.to_device(x), None
    b = memory.to_device(y.T).mT if layout[1] == "t" else memory.to_device(y)
    compare_product(x, y, always_the_same(lambda: backend.matmul(a, b)), LOOSE[way])


@pytest.mark.parametrize("way", list(LOOSE))
def test_products_of_views_that_begin_at_odd_places(way: str) -> None:
    precision.set_float32_matmul_precision(way)
    x, y = numbers(513, 1030), numbers(1030, 515)
    a, b = memory.to_device(x)[1:, 3:], memory.to_device(y)[3:, 1:]
    compare_product(x[1:, 3:], y[3:, 1:], backend.matmul(a, b).numpy(), LOOSE[way])


@pytest.mark.parametrize("dtype", ["float64", "float16", "int64", "int32", "uint8"])
def test_products_of_other_dtypes(dtype: str) -> None:
    for m, n, k in ((600, 700, 530), (17, 9, 33)):
        x, y = (3 * numbers(m, k)).astype(dtype), (3 * numbers(k, n)).astype(dtype)
        found = backend.matmul(memory.to_device(x), memory.to_device(y)).numpy()
        if dtype.startswith("float"):
            wide = x.astype(np.float64) @ y.astype(np.float64)
            assert np.allclose(found, wide, rtol=1e-3 if dtype == "float16" else 1e-12, atol=1e-9)
        else:
            assert np.array_equal(found, x @ y)


def test_products_of_very_many_rows_and_of_very_many_matrices() -> None:
    x, y = numbers(TALL, 16), numbers(16, 8)
    compare_product(x, y, backend.matmul(memory.to_device(x), memory.to_device(y)).numpy(), LOOSE["highest"])
    wide = backend.matmul(
        memory.to_device(x[: TALL // 4 + 9].astype(np.float64)), memory.to_device(y.astype(np.float64))
    )
    assert np.allclose(wide.numpy()[-3:], x[: TALL // 4 + 9][-3:].astype(np.float64) @ y)
    x, y = numbers(BATCH, 9, 20), numbers(BATCH, 20, 7, seed=1)
    found = backend.matmul(memory.to_device(x), memory.to_device(y)).numpy()
    assert np.allclose(found[-500:], x[-500:] @ y[-500:], atol=1e-4)


# Convolutions -----------------------------------------------------------------------------------------------------------------

CASES = {
    "first layer": (4, 3, 20, (33, 30), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    "wide": (3, 64, 96, (19, 23), (3, 3), (1, 1), (1, 1), (1, 1), 1),
    "strided": (3, 32, 36, (21, 20), (3, 2), (2, 3), (1, 0), (1, 1), 1),
    "dilated, in groups": (2, 24, 12, (17, 15), (3, 3), (1, 2), (2, 1), (2, 1), 2),
    "narrow": (9, 16, 5, (31, 31), (5, 5), (1, 1), (2, 2), (1, 1), 1),
    "each channel": (2, 36, 36, (20, 17), (3, 3), (2, 1), (1, 1), (1, 1), 36),
}


@pytest.mark.parametrize("way", ["direct", "tiled", "fast", "tf32", "bfloat16", "depthwise"])
@pytest.mark.parametrize("case", list(CASES))
def test_convolutions_and_their_gradients(case: str, way: str) -> None:
    n, c, k, image, kernel, stride, padding, dilation, groups = CASES[case]
    if (way == "depthwise") != (groups == c):
        pytest.skip("depthwise is for channels with kernels of their own")
    size = output_size(image, kernel, stride, padding, dilation)
    x, w, g = numbers(n, c, *image), numbers(k, c // groups, *kernel), numbers(n, k, *size)
    options = (stride, padding, dilation, groups)
    a, b, d = (memory.to_device(v) for v in (x, w, g))
    x, w, g = (v.astype(np.float64) for v in (x, w, g))
    loose = {"tf32": 3e-3, "bfloat16": 3e-2}.get(way, 2e-6)
    for found, expected in (
        (always_the_same(lambda: ways.conv(a, b, size, *options, way=way)), on_cpu.conv(x, w, size, *options)),
        (
            always_the_same(lambda: ways.conv_input(d, b, image, *options, way=way)),
            on_cpu.conv_input(g, w, image, *options),
        ),
        (
            always_the_same(lambda: ways.conv_weight(d, a, kernel, *options, way=way)),
            on_cpu.conv_weight(g, x, kernel, *options),
        ),
    ):
        assert np.abs(found - expected).max() <= loose * 10 * np.abs(expected).std()


def test_a_convolution_of_images_as_large_as_a_networks_first() -> None:
    x, w = sent(IMAGES, 64, 224, 224), sent(64, 64, 3, 3, seed=1)
    options = ((224, 224), (1, 1), (1, 1), (1, 1), 1)
    apart = backend.subtract(ways.conv(x, w, *options, way="fast"), ways.conv(x, w, *options, way="direct"))
    assert float(backend.max(backend.abs(apart), axis=(0, 1, 2, 3)).numpy()) < 1e-3
    last, weights = x[-1:].numpy().astype(np.float64), w.numpy().astype(np.float64)
    found = ways.conv(x, w, *options, way="fast")[-1:].numpy()
    assert np.abs(found - on_cpu.conv(last, weights, *options)).max() < 1e-3


# Layers -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(70_000, 10), (300, 1000), (5, 50_000), (7, 33, 19, 21)])
def test_layers_agree_with_the_cpu(shape: tuple[int, ...]) -> None:
    x = numbers(*shape)
    labels = np.random.default_rng(0).integers(0, shape[1], (shape[0], *shape[2:]))

    def outcome(device: str, dtype: Any) -> list[Any]:
        given = minidl.tensor(x, dtype=dtype, device=device, requires_grad=True)
        weight = minidl.ones(shape[1], dtype=dtype, device=device)
        found = [F.softmax(given, dim=1), F.log_softmax(given, dim=1), F.gelu(given)]
        found.append(F.batch_norm(given, None, None, weight, weight, training=True))
        found.append(F.layer_norm(given, shape[1:], *(None, None)))
        found.append(F.cross_entropy(given, minidl.tensor(labels, device=device)))
        if len(shape) == 4:
            found.append(F.max_pool2d(given, 3, stride=2))
        sum((out * out).mean() for out in found).backward()
        assert given.grad is not None
        return [v.detach().cpu().numpy() for v in (*found, given.grad)]

    for there, here in zip(outcome("cuda", minidl.float32), outcome("cpu", minidl.float64), strict=True):
        assert np.allclose(there, here, rtol=1e-4, atol=1e-5 * max(np.abs(here).max(), 1e-3))


def batches() -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    return [
        (
            minidl.tensor(rng.standard_normal((32, 3, 20, 20)), dtype=minidl.float32, device="cuda"),
            minidl.tensor(rng.integers(0, 10, 32), device="cuda"),
        )
        for _ in range(8)
    ]


def trained(compiled: bool) -> list[float]:
    minidl.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(16 * 81, 10),
    ).to("cuda")
    rule = optim.Adam(model.parameters(), lr=1e-3)

    def step(x: Any, y: Any) -> Any:
        rule.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        rule.step()
        return loss.detach()

    run = minidl.compile(step) if compiled else step
    return [run(x, y).item() for x, y in batches()]


def test_a_network_is_trained_to_the_same_bits_each_time_and_by_a_graph() -> None:
    first = trained(False)
    assert first[-1] < first[0]
    assert trained(False) == first
    assert trained(True) == first


def test_products_beyond_32_bits_are_computed() -> None:
    if cuda.mem_get_info()[0] < 16 << 30:
        pytest.skip("needs 16 GiB of free memory")
    long = (1 << 31) // 256 + 1000  # a factor of more than 2³¹ numbers, which lies across
    x = memory.empty((long, 256), np.float32)
    memory.fill_zeros(x)
    ones = memory.to_device(np.ones((1, 256), np.float32))
    memory.copy_bytes(x[-1:], ones)
    found = products.matmul(x.T, x[:, :2])
    assert found.numpy().tolist() == [[1.0, 1.0]] * 256
