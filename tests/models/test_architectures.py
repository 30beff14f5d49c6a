"""The networks of the literature: exact numbers of parameters, shapes, receptive fields, options, first weights."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn, tensor
from minidl.errors import ShapeError, UsageError
from minidl.models import MODELS, AlexNet2012, GoogLeNetOutputs, build, googlenet_loss, vgg16
from minidl.nn.utils import skip_init

PARAMETERS = {
    "alexnet": 61_100_840,
    "alexnet2012": 60_965_224,
    "googlenet": 6_624_904,
    "googlenet2014": 6_998_552,
    "lenet5": 61_706,
    "resnet8": 75_290,
    "resnet14": 172_506,
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "resnet1202": 19_421_274,
    "resnet18": 11_689_512,
    "resnet34": 21_797_672,
    "resnet50": 25_557_032,
    "resnet101": 44_549_160,
    "resnet152": 60_192_808,
    "vgg11": 132_863_336,
    "vgg13": 133_047_848,
    "vgg16": 138_357_544,
    "vgg19": 143_667_240,
    "vit_b_16": 86_567_656,
    "vit_b_32": 88_224_232,
    "vit_l_16": 304_326_632,
    "vit_h_14": 632_045_800,
    "vit_tiny": 460_906,
    # two convolutions at 16, at 32 and at 64 channels, two at 32 of 96, two at 16 of 48, and 1×1: (9·in + 1)·out each
    "unet": 160 + 2_320 + 4_640 + 9_248 + 18_496 + 36_928 + 27_680 + 9_248 + 6_928 + 2_320 + 34,
}


def size(model: nn.Module) -> int:
    return sum(parameter.data.size for parameter in model.parameters())


@pytest.mark.parametrize("name", PARAMETERS)
def test_it_has_as_many_parameters_as_the_literature_says(name: str) -> None:
    assert size(skip_init(MODELS[name])) == PARAMETERS[name]


def test_every_registered_model_is_counted_and_says_what_it_is() -> None:
    assert set(MODELS) == {*PARAMETERS, "lenet", "mlp"}
    for name, make in MODELS.items():
        options = list(inspect.signature(make).parameters)
        assert options[:2] == ["image_shape", "classes"], name
        first = (make.__doc__ or "").splitlines()[0]
        assert len(first) > 30, name
        assert first.endswith((".", ":")), name
        wanted = f"{PARAMETERS.get(name, 0):,}"
        if name.startswith(("resnet", "vgg", "vit_b", "vit_l", "vit_h", "alexnet")) and name != "alexnet2012":
            assert wanted in first, name


def test_alexnet_layer_by_layer() -> None:
    by_layer = [
        sum(p.data.size for p in layer.parameters())
        for layer in skip_init(AlexNet2012, groups=1).modules()
        if isinstance(layer, nn.Conv2d | nn.Linear)
    ]
    assert by_layer == [34_944, 614_656, 885_120, 1_327_488, 884_992, 37_752_832, 16_781_312, 4_097_000]


def test_googlenets_auxiliary_heads() -> None:
    assert size(skip_init(MODELS["googlenet2014"], aux_logits=True)) == 13_378_280
    model = skip_init(MODELS["googlenet2014"], (3, 32, 32), 7, aux_logits=True)
    images = minidl.zeros(2, 3, 32, 32)
    outputs = model(images)
    assert isinstance(outputs, GoogLeNetOutputs)
    assert [scores.shape for scores in outputs] == [(2, 7)] * 3
    loss = googlenet_loss(outputs, tensor([0, 1]))
    np.testing.assert_allclose(loss.item(), 1.6 * np.log(7), rtol=1e-6)
    assert model.eval()(images).shape == (2, 7)


SMALL: dict[str, tuple[str, tuple[int, int, int], dict[str, Any]]] = {
    "alexnet": ("alexnet", (3, 64, 64), {"width": 1 / 16}),
    "alexnet2012": ("alexnet2012", (3, 227, 227), {"width": 1 / 16}),
    "vgg11": ("vgg11", (3, 32, 32), {"width": 1 / 16}),
    "vgg16 normed": ("vgg16", (3, 32, 40), {"width": 1 / 16, "norm": "batch"}),
    "googlenet": ("googlenet", (3, 32, 32), {}),
    "googlenet2014": ("googlenet2014", (1, 32, 32), {}),
    "resnet8": ("resnet8", (3, 32, 32), {}),
    "resnet20 projected": ("resnet20", (3, 32, 32), {"shortcut": "project", "norm": "group", "width": 8}),
    "resnet20 plain": ("resnet20", (1, 28, 28), {"shortcut": "none", "norm": "none"}),
    "resnet18": ("resnet18", (3, 40, 32), {"width": 8}),
    "resnet50": ("resnet50", (3, 64, 64), {"width": 8, "norm": "instance"}),
    "vit_tiny": ("vit_tiny", (3, 32, 32), {"depth": 2}),
    "vit_tiny digits": ("vit_tiny", (1, 8, 8), {"patch": 2, "dim": 32, "depth": 2}),
}


@pytest.mark.parametrize("case", SMALL)
def test_scores_of_each_image_by_itself_and_gradients_for_every_parameter(case: str) -> None:
    name, image_shape, options = SMALL[case]
    minidl.manual_seed(0)
    model = build(name, image_shape, 7, **options)
    head = list(model.parameters())[-2]  # a transformer's begins with zeros, and would pass no gradient on
    nn.init.normal_(head, std=0.1)
    images = np.random.default_rng(0).normal(size=(2, *image_shape)).astype(np.float32)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    model(tensor(images))  # batch normalisation now knows the images' statistics
    scores = model.eval()(tensor(images))
    assert scores.shape == (2, 7)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(model(tensor(images[1:])).data, scores.data[1:], rtol=1e-3, atol=1e-4)
    assert not np.array_equal(scores.data[0], scores.data[1])
    (scores * tensor(np.random.default_rng(1).normal(size=(2, 7)).astype(np.float32))).sum().backward()
    without = [key for key, parameter in model.named_parameters() if parameter.grad is None]
    assert without == []


def test_the_sides_in_a_residual_network_are_those_of_the_paper() -> None:
    net = skip_init(MODELS["resnet50"], width=4).eval()
    x, sides = minidl.zeros(1, 3, 224, 224), []
    for stage in (net.conv1, net.maxpool, net.layer1, net.layer2, net.layer3, net.layer4):
        x = stage(x)
        sides.append(x.shape[2])
    assert sides == [112, 56, 56, 28, 14, 7]
    assert net.fc(x.mean((2, 3))).shape == (1, 1000)


@pytest.mark.parametrize(("model", "field"), [(AlexNet2012, 195), (vgg16, 212)])
def test_what_a_pixel_of_the_last_pooling_sees(model: Any, field: int) -> None:
    seen, step = 1, 1
    for layer in skip_init(model).features:
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            kernel, stride = (np.ravel(size)[0] for size in (layer.kernel_size, layer.stride))
            seen += int(kernel - 1) * step
            step *= int(stride)
    assert seen == field


def test_a_vision_transformer_for_photographs_has_197_tokens() -> None:
    assert skip_init(MODELS["vit_b_16"]).encoder.pos_embedding.shape == (1, 197, 768)


def test_a_shortcut_of_zeros_adds_nothing_and_keeps_every_second_pixel() -> None:
    block = MODELS["resnet8"]().layer2[0]
    x = minidl.rand(1, 16, 6, 6)
    passed = block.downsample(x).data
    np.testing.assert_array_equal(passed[:, :16], x.data[:, :, ::2, ::2])
    assert not passed[:, 16:].any()
    assert passed.shape == (1, 32, 3, 3)


@pytest.mark.parametrize("name", ["resnet8", "resnet18", "resnet50"])
def test_with_zero_gammas_the_blocks_begin_as_their_shortcuts(name: str) -> None:
    net = build(name, (3, 32, 32), 10, width=8, zero_init_residual=True).eval()
    block = net.layer1[-1]
    channels = 8 * type(block).expansion
    x = minidl.rand(2, channels, 5, 5)  # no negative numbers, which the last ReLU would take
    if channels == block.conv1.weight.shape[1]:
        np.testing.assert_array_equal(block(x).data, x.data)
    assert (block.bn1.weight.data == 1).all()


def test_weights_begin_as_he_says() -> None:
    minidl.manual_seed(0)
    weight = MODELS["resnet20"]().layer3[1].conv1.weight.data
    np.testing.assert_allclose(weight.var(), 2 / (64 * 9), rtol=0.02)
    conv, linear = (
        build("alexnet2012", (3, 227, 227), 10, width=1 / 8).get_submodule(n) for n in ("features.4", "classifier.1")
    )
    for layer in (conv, linear):
        np.testing.assert_allclose(layer.weight.data.std(), 0.01, rtol=0.05)
        assert (layer.bias.data == 1).all()


def test_stochastic_depth_grows_from_block_to_block_and_rests_in_evaluation() -> None:
    net = build("resnet20", (3, 8, 8), 10, drop_path=0.9, width=4)
    shares = [block.drop_path.p for stage in (net.layer1, net.layer2, net.layer3) for block in stage]
    np.testing.assert_allclose(shares, np.arange(1, 10) / 10)
    images = minidl.rand(4, 3, 8, 8)
    assert not np.array_equal(net(images).data, net(images).data)
    net.eval()
    np.testing.assert_array_equal(net(images).data, net(images).data)
    vit = build("vit_tiny", (1, 8, 8), 10, depth=3, drop_path=0.3)
    np.testing.assert_allclose([block.drop_path.p for block in vit.encoder.layers], [0.1, 0.2, 0.3])
    assert not [m for m in build("resnet20", (3, 8, 8), 10).modules() if isinstance(m, nn.DropPath)]


def test_dropout_and_width_are_passed_on() -> None:
    assert build("resnet8", (3, 32, 32), 10, dropout=0.2).dropout.p == 0.2
    assert build("vgg11", (3, 32, 32), 10, dropout=0.1, width=1 / 32).classifier[2].p == 0.1
    assert build("resnet18", (3, 32, 32), 10, width=4).fc.weight.shape == (10, 32)
    assert {m.p for m in build("vit_tiny", (3, 32, 32), 10, dropout=0.3).modules() if isinstance(m, nn.Dropout)} == {
        0.3
    }


def test_a_u_net_answers_for_every_pixel_and_can_change_an_image() -> None:
    net = build("unet", (1, 24, 16), 3, depth=3, width=4, norm="batch")
    assert net(minidl.rand(2, 1, 24, 16)).shape == (2, 3, 24, 16)
    residual = build("unet", (2, 8, 8), 2, width=4, residual=True)
    nn.init.zeros_(residual.head.weight)
    nn.init.zeros_(residual.head.bias)
    images = minidl.rand(1, 2, 8, 8)
    np.testing.assert_array_equal(residual(images).data, images.data)


@pytest.mark.parametrize(
    ("error", "words", "name", "image_shape", "options"),
    [
        (ShapeError, "at least 63×63; these are 32×32", "alexnet", (3, 32, 32), {}),
        (ShapeError, "227×227 images; these are 224×224. Use alexnet", "alexnet2012", (3, 224, 224), {}),
        (ShapeError, "vgg needs images of at least 32×32", "vgg11", (3, 31, 32), {}),
        (ShapeError, "googlenet needs images of at least 15×15", "googlenet", (3, 8, 8), {}),
        (ShapeError, "multiples of 4; got 30×32", "unet", (1, 30, 32), {}),
        (ShapeError, "1 channels to an output of 10", "unet", (1, 32, 32), {"residual": True}),
        (UsageError, "at least once; got depth=0", "unet", (1, 32, 32), {"depth": 0}),
        (ShapeError, "30×32 cannot be cut into patches of 4×4", "vit_tiny", (1, 30, 32), {}),
        (UsageError, "at least one block; got depth=0", "vit_tiny", (1, 32, 32), {"depth": 0}),
        (
            UsageError,
            "no normalisation 'layer'; choose one of batch, group",
            "resnet20",
            (3, 32, 32),
            {"norm": "layer"},
        ),
        (
            UsageError,
            "no shortcut 'long'; choose one of pad, project, none",
            "resnet8",
            (3, 32, 32),
            {"shortcut": "long"},
        ),
        (UsageError, "needs a normalisation", "resnet18", (3, 32, 32), {"norm": "none", "zero_init_residual": True}),
        (UsageError, "takes a shortcut", "resnet8", (3, 32, 32), {"shortcut": "none", "drop_path": 0.1}),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(
    error: type[Exception], words: str, name: str, image_shape: tuple[int, int, int], options: dict[str, Any]
) -> None:
    with pytest.raises(error, match=words):
        skip_init(build, name, image_shape, 10, **options)


def test_a_depth_that_is_no_residual_network_is_refused() -> None:
    for depth in (2, 18, 21):
        with pytest.raises(UsageError, match="6n \\+ 2 layers, 8, 14, 20, …; got"):
            minidl.models.CifarResNet(depth)


def test_skip_init_draws_nothing() -> None:
    state = minidl.get_rng_state()
    model = skip_init(nn.Linear, 3, 2)
    assert not model.weight.data.any()
    assert nn.Linear(3, 2).weight.data.any()  # afterwards weights are drawn again
    minidl.set_rng_state(state)
    first = nn.Linear(3, 2).weight.data
    minidl.set_rng_state(state)
    skip_init(nn.Linear, 3, 2)
    np.testing.assert_array_equal(nn.Linear(3, 2).weight.data, first)


def test_a_perceptron_has_the_hidden_layers_it_is_asked_for() -> None:
    model = build("mlp", (1, 8, 8), 10, hidden=(20, 30, 40), dropout=0.5)
    shapes = [parameter.shape for name, parameter in model.named_parameters() if name.endswith("weight")]
    assert shapes == [(20, 64), (30, 20), (40, 30), (10, 40)]
    assert [m.p for m in model.modules() if isinstance(m, nn.Dropout)] == [0.5] * 3
    assert size(build("mlp", (1, 8, 8), 10, hidden=())) == 650
    with pytest.raises(UsageError, match=r"at least one unit; got \(20, 0\)"):
        build("mlp", (1, 8, 8), 10, hidden=(20, 0))


TORCHVISION = {
    "alexnet": (16, {"features.0.weight": (64, 3, 11, 11), "features.10.bias": (256,), "classifier.1.weight": (4096, 9216),
                     "classifier.4.weight": (4096, 4096), "classifier.6.bias": (1000,)}),
    "vgg16": (32, {"features.0.weight": (64, 3, 3, 3), "features.28.bias": (512,), "classifier.0.weight": (4096, 25088),
                   "classifier.3.weight": (4096, 4096), "classifier.6.weight": (1000, 4096)}),
    "resnet18": (122, {"conv1.weight": (64, 3, 7, 7), "bn1.running_var": (64,), "layer1.1.bn2.num_batches_tracked": (),
                       "layer2.0.downsample.0.weight": (128, 64, 1, 1), "layer2.0.downsample.1.weight": (128,),
                       "layer4.1.conv2.weight": (512, 512, 3, 3), "fc.weight": (1000, 512)}),
    "resnet50": (320, {"layer1.0.conv3.weight": (256, 64, 1, 1), "layer1.0.downsample.0.weight": (256, 64, 1, 1),
                       "layer3.5.bn3.bias": (1024,), "fc.bias": (1000,)}),
    "googlenet": (344, {"conv1.conv.weight": (64, 3, 7, 7), "conv3.bn.running_mean": (192,),
                        "inception3a.branch1.conv.weight": (64, 192, 1, 1), "inception3a.branch2.1.bn.weight": (128,),
                        "inception4e.branch3.1.conv.weight": (128, 32, 3, 3), "inception5b.branch4.1.conv.weight":
                        (128, 832, 1, 1), "fc.weight": (1000, 1024)}),
    "vit_b_16": (152, {"class_token": (1, 1, 768), "conv_proj.weight": (768, 3, 16, 16),
                       "encoder.pos_embedding": (1, 197, 768), "encoder.layers.encoder_layer_0.ln_1.weight": (768,),
                       "encoder.layers.encoder_layer_11.self_attention.in_proj_weight": (2304, 768),
                       "encoder.layers.encoder_layer_3.self_attention.out_proj.bias": (768,),
                       "encoder.layers.encoder_layer_0.mlp.0.weight": (3072, 768),
                       "encoder.layers.encoder_layer_0.mlp.3.weight": (768, 3072), "encoder.ln.bias": (768,),
                       "heads.head.weight": (1000, 768)}),
}  # fmt: skip
"""The number of entries in torchvision's state dicts, and some of their names and shapes."""


@pytest.mark.parametrize("name", TORCHVISION)
def test_weights_have_torchvisions_names(name: str) -> None:
    count, some = TORCHVISION[name]
    state = skip_init(MODELS[name]).state_dict()
    assert {key: tuple(np.shape(state[key])) for key in some} == some
    assert len(state) == count


@pytest.mark.parametrize("kind", [nn.BasicBlock, nn.Bottleneck])
def test_the_options_of_a_residual_block(kind: Any) -> None:
    wide = 4 * kind.expansion
    x = minidl.rand(3, wide, 5, 5)
    always_skipped = kind(wide, 4, drop_path=1.0)
    np.testing.assert_array_equal(always_skipped(x).data, x.data)
    assert not np.array_equal(always_skipped.eval()(x).data, x.data)
    names = {name for name, _ in kind(8, 4, 2, norm=nn.Identity).named_parameters()}
    assert {"conv1.bias", "downsample.0.bias"} <= names
    assert not [name for name in names if name.startswith("bn")]
    own = kind(wide, 4, shortcut=nn.ReLU())
    nn.init.zeros_((own.bn3 if kind is nn.Bottleneck else own.bn2).weight)
    np.testing.assert_array_equal(own(-x).data, np.zeros_like(x.data))
