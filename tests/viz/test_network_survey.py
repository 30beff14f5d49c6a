"""The survey of a network: what is counted, and that the network stays as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import GraphError, UsageError
from minidl.models import LeNet5, resnet20, vgg16
from minidl.models.googlenet import BLOCKS
from minidl.nn import functional as F
from minidl.nn.utils import skip_init
from viz.architecture.blocks import compact
from viz.architecture.network import network
from viz.architecture.survey import Survey, survey
from viz.gallery.networks import NaiveInception, alexnet


def field(found: Survey, i: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    row = found.rows[i]
    assert row.field is not None
    return row.field.size, tuple(float(jump) for jump in row.field.jump)


# Counting ------------------------------------------------------------------------------------------------------------------


def test_lenet5_by_hand() -> None:
    found = survey(LeNet5(), (2, 1, 28, 28))
    rows = {row.name: row for row in found.rows}
    assert [row.name for row in found.rows] == [
        "input", "conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "flatten", "fc1", "relu3", "fc2", "relu4", "fc3",
    ]  # fmt: skip
    assert rows["conv2"].shape == (16, 10, 10)
    assert {name: row.parameters for name, row in rows.items() if row.parameters} == {
        "conv1": 156, "conv2": 2416, "fc1": 48120, "fc2": 10164, "fc3": 850,
    }  # fmt: skip
    assert {name: row.multiply_adds for name, row in rows.items() if row.multiply_adds} == {
        "conv1": 6 * 28 * 28 * 25, "conv2": 16 * 10 * 10 * 6 * 25, "fc1": 48000, "fc2": 10080, "fc3": 840,
    }  # fmt: skip
    fields = [rows[name].field for name in ("conv1", "pool1", "conv2", "pool2")]
    assert [(f.size, f.jump) for f in fields if f] == [
        ((5, 5), (1, 1)),
        ((6, 6), (2, 2)),
        ((14, 14), (2, 2)),
        ((16, 16), (4, 4)),
    ]
    assert (found.parameters, found.unread, found.multiply_adds) == (61706, 0, 416520)
    assert (found.rows[1].layer.text, found.rows[1].layer.family) == ("conv 5×5", "conv")


def test_alexnet_and_vgg16_are_those_of_the_papers() -> None:
    found = survey(alexnet(), (1, 3, 227, 227))
    assert [row.parameters for row in found.rows if row.parameters] == [
        34_944, 614_656, 885_120, 1_327_488, 884_992, 37_752_832, 16_781_312, 4_097_000,
    ]  # fmt: skip
    assert found.parameters == 62_378_344
    assert found.field is not None
    assert found.field.size == (195, 195)
    found = survey(skip_init(vgg16), (1, 3, 224, 224))
    assert found.parameters == 138_357_544
    assert found.field is not None
    assert found.field.size == (212, 212)
    blocks = compact(found)
    assert [(block.text, block.repeats) for block in blocks][1:] == [
        ("conv 3×3", 2), ("max pool 2×2", 1), ("conv 3×3", 2), ("max pool 2×2", 1), ("conv 3×3", 3), ("max pool 2×2", 1),
        ("conv 3×3", 3), ("max pool 2×2", 1), ("conv 3×3", 3), ("max pool 2×2", 1), ("linear", 2), ("linear", 1),
    ]  # fmt: skip
    assert sum(block.parameters for block in blocks) == 138_357_544
    assert sum(block.multiply_adds for block in blocks) == found.multiply_adds


def test_inception_3a_and_the_two_blocks_of_residual_networks() -> None:
    found = survey(nn.Inception(*BLOCKS["inception3a"]), (1, 192, 28, 28))
    assert found.multiply_adds == 128_049_152
    assert found.rows[-1].shape == (256, 28, 28)
    assert field(found, -1)[0] == (5, 5)  # the largest of 1, 3, 5 and 3
    assert survey(NaiveInception(192, 64, 128, 32), (1, 192, 28, 28)).multiply_adds == 303_464_448

    def conv(channels: int, wanted: int, side: int) -> nn.Conv2d:
        return nn.Conv2d(channels, wanted, side, padding=side // 2, bias=False)

    basic = nn.Sequential(conv(256, 256, 3), nn.ReLU(), conv(256, 256, 3))
    bottleneck = nn.Sequential(conv(256, 64, 1), nn.ReLU(), conv(64, 64, 3), nn.ReLU(), conv(64, 256, 1))
    assert survey(basic, (1, 256, 4, 4)).parameters == 1_179_648
    assert survey(bottleneck, (1, 256, 4, 4)).parameters == 69_632
    three = survey(nn.Sequential(*(conv(64, 64, 3) for _ in range(3))), (1, 64, 9, 9))
    one = survey(conv(64, 64, 7), (1, 64, 9, 9))
    assert (three.parameters, one.parameters) == (110_592, 200_704)
    assert field(three, -1) == field(one, -1) == ((7, 7), (1.0, 1.0))


def test_fields_of_dilation_of_transposed_convolutions_and_of_other_shapes() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.wide = nn.Conv2d(1, 2, (3, 5), stride=(2, 1), dilation=(1, 2), groups=1)
            self.weight = nn.Parameter(minidl.ones(2, 3, 2, 2))

        def forward(self, x: Any) -> Any:
            x = self.wide(x)
            x = F.conv_transpose2d(x, self.weight, stride=2)
            return F.interpolate(x, scale_factor=2)

    found = survey(Net(), (1, 1, 12, 12))
    assert [row.layer.text for row in found.rows] == ["input", "conv 3×5", "up-conv 2×2", "upsample ×2"]
    assert field(found, 1) == ((3, 9), (2.0, 1.0))
    assert field(found, 2) == (
        (3, 9),
        (1.0, 0.5),
    )  # each output sees one number: the kernel is no wider than the stride
    assert field(found, 3) == ((3, 9), (0.5, 0.25))
    assert found.rows[1].multiply_adds == 2 * 5 * 4 * 15
    assert found.rows[2].multiply_adds == 2 * 5 * 4 * 3 * 4
    grouped = survey(nn.Conv2d(4, 8, 3, groups=2), (1, 4, 5, 5))
    assert grouped.multiply_adds == 8 * 9 * 2 * 9


def test_products_of_values_count_and_see_everything() -> None:
    class Attention(nn.Module):
        def forward(self, x: Any) -> Any:
            return F.softmax(x @ x.transpose(-1, -2), -1) @ minidl.einsum("ntd,nsd->nts", x, x)

    found = survey(Attention(), (2, 3, 4))
    assert [row.multiply_adds for row in found.rows if row.multiply_adds] == [3 * 3 * 4, 3 * 3 * 4, 3 * 3 * 3]
    assert all(row.field is None for row in found.rows)
    flat = survey(nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(16, 2)), (1, 1, 6, 6))
    assert flat.rows[-1].field is not None
    assert flat.rows[-1].field.is_vector
    assert str(flat).splitlines()[5].split()[-1] == "all"


def test_a_global_mean_sees_no_more_than_its_image() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3, stride=2)
            self.fc = nn.Linear(2, 3)

        def forward(self, x: Any) -> Any:
            return self.fc(self.conv(x).mean((2, 3)))

    found = survey(Net(), (1, 1, 20, 20))
    assert found.rows[2].layer.text == "global mean pool"
    assert field(found, 2)[0] == (19, 19)  # 9 numbers, 2 pixels apart, each 3 wide
    assert field(found, 3)[0] == (19, 19)


def test_operations_between_modules_become_rows_and_a_bias_belongs_to_its_product() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = nn.Parameter(minidl.ones(3, 4)), nn.Parameter(minidl.ones(3))
            self.unused = nn.Parameter(minidl.ones(7))
            self.scale, self.shift = nn.Parameter(minidl.ones(3)), nn.Parameter(minidl.ones(3))

        def forward(self, x: Any) -> Any:
            hidden = F.linear(x, self.weight, self.bias) * self.scale.exp() + self.shift
            return F.relu(hidden) + hidden

    found = survey(Net(), (5, 4))
    assert [(row.layer.text, row.parameters) for row in found.rows] == [
        ("input", 0), ("product", 12 + 3 + 3 + 3), ("ReLU", 0), ("+", 0),
    ]  # fmt: skip
    assert found.rows[-1].inputs == (1, 2)
    assert (found.parameters, found.unread) == (28, 7)
    assert "28 parameters (7 of them unused)" in str(found)


def test_the_table_is_aligned() -> None:
    lines = str(survey(resnet20(), (1, 3, 32, 32))).splitlines()
    assert lines[0].split() == ["layer", "kind", "output", "parameters", "multiply-adds", "field", "stride"]
    assert lines[1] == "─" * max(map(len, lines[:-1]))
    ends = {line.index("@") - len(line) for line in lines if "@" in line}
    assert lines[-1].startswith("269 722 parameters · 40 551 040 multiply-adds")
    starts = [line.index("conv 3×3") for line in lines if "conv 3×3" in line]
    assert len(set(starts)) == 1
    assert ends


# The run -------------------------------------------------------------------------------------------------------------------


class Restless(nn.Module):
    """Counts its calls, draws random numbers, and drops out."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 4)
        self.seen = np.zeros(1)
        self.calls: list[int] = []
        self.drop = nn.Dropout(0.5)

    def forward(self, x: Any) -> Any:
        self.seen += 1
        self.calls.append(1)
        return self.drop(self.fc(x)) + minidl.default_generator.numpy.normal()


def test_the_network_stays_as_it_was() -> None:
    model = Restless()
    bias: Any = model.fc.bias
    model.fc.weight.requires_grad = False
    model(minidl.ones(1, 4)).sum().backward()
    values, gradient = {k: v.data.copy() for k, v in model.state_dict().items()}, bias.grad
    image = minidl.ones(2, 4)
    state = minidl.get_rng_state()
    network(model, image, level="full")
    assert minidl.get_rng_state() == state
    assert model.training and model.drop.training  # noqa: PT018
    assert "forward" not in vars(model)
    assert (model.seen[0], len(model.calls)) == (1.0, 1)
    assert bias.grad is gradient
    assert model.fc.weight.grad is None
    assert not model.fc.weight.requires_grad
    assert not image.requires_grad
    assert all(np.array_equal(values[k], v) for k, v in model.state_dict().items())


def test_a_frozen_network_and_dropout_at_rest_are_drawn() -> None:
    model = Restless().requires_grad_(False).eval()
    with minidl.no_grad():
        found = survey(model, (1, 4))
    assert [(row.name, row.layer.text) for row in found.rows] == [
        ("input", "input"), ("fc", "linear"), ("drop", "dropout 0.5"), ("+", "+"),
    ]  # fmt: skip
    assert found.parameters == 20


@pytest.mark.parametrize(
    "given",
    [
        (1, 1, 28, 28),
        [1, 1, 28, 28],
        np.zeros((1, 1, 28, 28)),
        minidl.zeros(1, 1, 28, 28),
        np.zeros((1, 1, 28, 28), int),
    ],
)
def test_the_input_may_be_a_shape_an_array_or_a_tensor(given: Any) -> None:
    assert survey(LeNet5(), given).multiply_adds == 416520


def test_whole_numbers_choose_rows_of_an_embedding() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.fc = nn.Parameter(minidl.ones(50, 6)), nn.Linear(6, 2)

        def forward(self, words: Any) -> Any:
            return self.fc(F.embedding(words, self.table))

    found = survey(Net(), np.array([[1, 2, 3]]))
    assert [(row.layer.text, row.shape, row.parameters) for row in found.rows] == [
        ("input", (3,), 0), ("embedding", (3, 6), 300), ("linear", (3, 2), 14),
    ]  # fmt: skip
    assert [block.text for block in compact(found)] == ["input", "embedding", "linear"]


def test_a_shared_module_has_a_row_for_each_call_and_its_parameters_once() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(4, 4)
            self.again = self.fc

        def forward(self, x: Any) -> Any:
            return self.again(self.fc(x))

    found = survey(Twice(), (1, 4))
    assert [(row.name, row.parameters, row.multiply_adds) for row in found.rows] == [
        ("input", 0, 0), ("fc", 20, 16), ("fc", 0, 16),
    ]  # fmt: skip
    assert (found.parameters, found.unread) == (20, 0)
    (_, block) = compact(found)
    assert (block.repeats, block.parameters, block.multiply_adds) == (2, 20, 32)


class Gives(nn.Module):
    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, x: Any) -> Any:
        return self.answer(x)


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(GraphError, match="Gives returns a tuple, not a tensor; draw a module that returns one"):
        network(Gives(lambda x: (x, x)), (1, 2))
    with pytest.raises(GraphError, match="does not depend on its input"):
        network(Gives(lambda x: minidl.ones(3)), (1, 2))
    with pytest.raises(GraphError, match="does not depend on its input"):
        network(Gives(lambda x: x), (1, 2))
    with pytest.raises(UsageError, match=r"minidl\.nn\.Module; this is a function"):
        network(lambda x: x, (1, 2))
    for wrong, message in (("x", "must be a tensor, an array or a shape"), ((0, 2), "at least one"), ((), "a shape")):
        with pytest.raises(UsageError, match=message):
            network(nn.Linear(2, 2), wrong)
    for name, value in (("level", "fine"), ("direction", "UP"), ("show", ("colour",)), ("theme", "pink")):
        with pytest.raises(UsageError, match=str(value if isinstance(value, str) else value[0])):
            network(nn.Linear(2, 2), (1, 2), **{name: value})  # type: ignore[arg-type]
    with pytest.raises(minidl.MinidlError):  # what the network itself refuses
        network(nn.Linear(3, 2), (1, 2))
    state = minidl.get_rng_state()
    assert minidl.get_rng_state() == state
