"""All that decides a run: what is filled in, what is refused before any data are read, and where data are found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from minidl.data import cifar_folder, digits
from minidl.errors import CheckpointError, DataError, UsageError
from minidl.training import CHOICES, SETTINGS, Config, load_parts
from minidl.training.catalogue import OPTIMIZER, PEAKS
from minidl.training.config import CIFAR_RECIPE, FOLDER_RECIPE, IDX_RECIPE, recipe_of
from minidl.training.sources import layout_of, settled, title_of


def test_without_settings_it_is_the_digits_recipe() -> None:
    config = Config.make()
    assert (config.data, config.model, config.epochs, config.batch) == ("digits", "lenet", 30, 32)
    assert (config.optimizer, config.lr, config.schedule, config.seed) == ("sgd", 0.05, "warmup_cosine", 0)
    assert config.augment == "random_warp(shift=0.7, degrees=10, zoom=1.1)"
    assert (config.keep, config.mix, config.label_noise, config.preprocess) == ("last", "none", "none", "standardize")
    with pytest.raises(FrozenInstanceError):
        config.lr = 1.0  # type: ignore[misc]


def test_every_setting_is_told_and_given_back() -> None:
    assert tuple(field.name for field in fields(Config)) == SETTINGS
    config = Config.make(
        optimizer="adamw( weight_decay = 0.1 )",
        augment=["random_crop(8, padding=1)", "one_of([grayscale, random_vertical_flip(0.2)])"],
        freeze=["conv1", "fc.bias"],
        early_stopping=3,
        clip_norm=1,
        balanced=True,
        data="emnist(letters)",
    )
    assert config.optimizer == "adamw(weight_decay=0.1)"
    assert config.augment == "random_crop(8, padding=1) + one_of(['grayscale', random_vertical_flip(0.2)])"
    assert (config.freeze, config.clip_norm, config.keep, config.lr) == ("conv1,fc.bias", 1.0, "best", 0.004)
    assert (config.data, config.model) == ("emnist(split='letters')", "lenet5")
    assert Config.make(**config.settings()) == config
    assert Config.from_saved(config.settings()) == config


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epoch": 3}, "no setting 'epoch'; did you mean 'epochs'"),
        ({"epochs": "3"}, "epochs must be a whole number; got '3'"),
        ({"epochs": True}, "epochs must be a whole number; got True"),
        ({"epochs": 2.0}, "epochs must be a whole number; got 2.0"),
        ({"lr": "fast"}, "lr must be a number; got 'fast'"),
        ({"balanced": 1}, "balanced must be true or false; got 1"),
        ({"model": 5}, "model must be text; got 5"),
        ({"augment": ["random_warp", 3]}, "augment must be text"),
        ({"accumulate": 0}, "accumulate must be at least 1"),
        ({"clip_norm": -1.0}, "clip_norm must be a number from 0"),
        ({"l1": float("nan")}, "l1 must be a number from 0"),
        ({"ema": 1.0}, "below 1, such as 0.999; got 1.0"),
        ({"early_stopping": -1}, "early_stopping must be a number from 0"),
        ({"monitor": "loss"}, "monitor must be one of validation_loss, validation_accuracy; got 'loss'"),
        ({"keep": "first"}, "keep must be one of last, best; got 'first'"),
        ({"optimizer": "adam(lr=0.1)"}, "the learning rate is set apart, as lr"),
        ({"optimizer": "sgd(momentum=-1)"}, "momentum must be at least 0"),
        ({"optimizer": "lbfgs"}, "no optimizer 'lbfgs'"),
        ({"schedule": "step"}, "needs step_size"),
        ({"schedule": "step(0)"}, "at least 1 epoch"),
        ({"schedule": "cosine(warmup=1)"}, "from 0 to below 1; got 1"),
        ({"schedule": "plateau(mode=max)"}, "it follows from the watched value"),
        ({"schedule": "one_cycle", "optimizer": "adagrad"}, "cycle_momentum=False"),
        ({"loss": "cross_entropy(smooth=1)"}, "has no option 'smooth'"),
        ({"loss": "hinge", "mix": "mixup"}, "the loss 'hinge' cannot take; choose one of"),
        ({"mix": "mixup(alpha=0)"}, "alpha must be positive"),
        ({"mix": "mixup(num_classes=3)"}, "no option 'num_classes'"),
        ({"augment": "random_crop"}, "needs size"),
        ({"augment": "random_apply([nothing])"}, "no augmentation 'nothing'"),
        ({"augment": "random_horizontal_flip(p=2)"}, "must be a probability"),
        ({"preprocess": "pca(parts=2)"}, "no option 'parts'"),
        ({"label_noise": "symmetric"}, "needs rate"),
        ({"model": "unet"}, "no model 'unet'"),
        ({"model": "googlenet(aux_logits=true)"}, "no option 'aux_logits': a network is trained"),
        ({"data": "emnist(part=1)"}, "no option 'part'"),
        ({"data": "digits(1)"}, "has no options"),
        ({"data": "nowhere/at/all"}, "no data set 'nowhere/at/all'.*or name a folder: a folder of MNIST"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Config.make(**settings)


def test_a_run_begun_by_another_version_is_refused_in_words() -> None:
    saved = Config.make().settings()
    del saved["loss"], saved["mix"]
    with pytest.raises(CheckpointError, match=r"lacks loss, mix\).* or begin a new run"):
        Config.from_saved(saved)
    with pytest.raises(CheckpointError, match=r"another version.*has speed"):
        Config.from_saved(Config.make().settings() | {"speed": 1})


def test_every_optimizer_has_a_rate_that_suits_it() -> None:
    assert set(PEAKS) == set(OPTIMIZER.names)
    for name in OPTIMIZER.names:
        assert Config.make(optimizer=name).lr == PEAKS[name]


@pytest.mark.parametrize("kind", sorted(CHOICES))
def test_all_that_can_be_chosen_says_what_it_is(kind: str) -> None:
    for name in CHOICES[kind].names:
        about = CHOICES[kind].about(name)
        assert about.endswith((".", ":")) or about[-1].isalnum(), f"{kind} {name}: {about!r}"
        CHOICES[kind].options(name)


# Data -------------------------------------------------------------------------------------------------------------------


def test_the_recipe_follows_from_the_data(idx: Path, cifar: Path, pictures: Path) -> None:
    assert recipe_of("digits").epochs == 30
    assert recipe_of("mnist") is recipe_of("fashion-mnist(download=false)") is recipe_of(str(idx)) is IDX_RECIPE
    assert recipe_of("cifar100") is recipe_of(str(cifar)) is CIFAR_RECIPE
    assert recipe_of(str(pictures)) is recipe_of(f"image_folder('{pictures.as_posix()}')") is FOLDER_RECIPE
    for data in ("digits", "cifar10", str(idx), str(pictures)):
        assert Config.make(data).augment == recipe_of(data).augment


def test_names_and_paths_are_written_by_rule(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(pictures.parent)
    assert settled("fashion-mnist( download=false )") == "fashion_mnist(download=False)"
    assert settled(pictures.name) == str(pictures)
    assert settled("image_folder(pictures, size=8)") == f"image_folder(path={str(pictures)!r}, size=8)"
    assert settled("mnist(root=here)") == f"mnist(root={str(pictures.parent / 'here')!r})"
    assert title_of("pictures") == title_of("image_folder(pictures, size=8)") == "pictures"
    assert title_of("mnist(root=here)") == "mnist"


def test_folders_are_recognised_by_what_is_in_them(idx: Path, cifar: Path, pictures: Path, tmp_path: Path) -> None:
    assert [layout_of(folder) for folder in (idx, cifar, pictures)] == ["idx_folder", "cifar_folder", "image_folder"]
    strange = tmp_path / "strange"
    (strange / "below").mkdir(parents=True)
    with pytest.raises(DataError, match=r"strange holds below; the data must be .*IDX.*binary.*pictures"):
        Config.make(str(strange))
    (strange / "below" / "notes.txt").touch()
    (strange / "readme.md").touch()
    with pytest.raises(DataError, match=r"strange holds below, readme\.md"):
        layout_of(strange)
    with pytest.raises(DataError, match="holds nothing"):
        layout_of(strange_empty(tmp_path))
    with pytest.raises(UsageError, match=r"readme\.md is a file; the data must be"):
        settled(str(strange / "readme.md"))


def strange_empty(folder: Path) -> Path:
    (folder / "empty").mkdir()
    return folder / "empty"


def test_parts_of_a_folder_that_brings_its_test_images(cifar: Path) -> None:
    parts = load_parts(str(cifar), 0)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (54, 6, 20)
    assert np.array_equal(parts.test.data, cifar_folder(cifar, "test").data)


def test_parts_of_a_folder_of_pictures(pictures: Path) -> None:
    parts = load_parts(str(pictures), 0)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (38, 10, 12)
    assert parts.train.classes == ("even", "odd")
    assert parts.train.image_shape == (3, 8, 8)
    assert parts.train.data.dtype == np.uint8
    half = load_parts(f"image_folder('{pictures.as_posix()}', size=4)", 0)
    assert half.train.image_shape == (3, 4, 4)


def test_pictures_of_several_sizes_and_folders_that_do_not_fit(pictures: Path, picture: Callable[..., None]) -> None:
    picture(pictures / "odd" / "zz.png", size=5)
    with pytest.raises(DataError, match=r"differ in size: .* has 8×8 pixels, .*zz\.png 5×5; scale them all: .*size=32"):
        load_parts(str(pictures), 0)
    root = pictures.parent / "both"
    for part, names in (("train", "ab"), ("test", "ac")):
        for name in names:
            for number in range(20):
                picture(root / part / name / f"{number}.png")
    with pytest.raises(DataError, match=r"train and .*test do not fit together"):
        load_parts(str(root), 0)
    (root / "test" / "c").rename(root / "test" / "b")
    parts = load_parts(str(root), 0)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (36, 4, 40)


@pytest.fixture
def picture() -> Callable[..., None]:
    """Writes a grey picture."""
    from PIL import Image

    def write(path: Path, size: int = 8, grey: int = 100) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (size, size), grey).save(path)

    return write


@pytest.fixture
def pictures(tmp_path: Path, picture: Callable[..., None]) -> Path:
    """A folder of sixty pictures in two classes."""
    for number in range(60):
        picture(tmp_path / "pictures" / ("odd" if number % 2 else "even") / f"{number}.png", grey=number)
    return tmp_path / "pictures"


@pytest.fixture
def cifar(tmp_path: Path) -> Path:
    """A folder with a few images in CIFAR-10's binary format."""
    folder = tmp_path / "cifar"
    folder.mkdir()
    for name, count in (("data_batch_1.bin", 60), ("test_batch.bin", 20)):
        records = np.random.default_rng(count).integers(0, 256, (count, 1 + 3072), np.uint8)
        records[:, 0] = np.arange(count) % 2
        (folder / name).write_bytes(records.tobytes())
    return folder


@pytest.fixture
def idx(tmp_path: Path) -> Path:
    """A folder with a file of IDX's name, which suffices to be recognised."""
    folder = tmp_path / "idx"
    folder.mkdir()
    (folder / "train-images-idx3-ubyte.gz").touch()
    return folder


def test_the_digits_are_all_there_once() -> None:
    parts = load_parts("digits", 5)
    seen = [image.tobytes() for part in (parts.train, parts.validation, parts.test) for image in part.images]
    assert sorted(seen) == sorted(image.tobytes() for image in digits().images)
