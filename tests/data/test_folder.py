"""Folders of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from minidl.data import DataLoader, ImageFolder
from minidl.data.folder import load_image
from minidl.errors import DataError, ShapeError, UsageError

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, size, colour in (
        ("dog/a.png", (4, 6), "red"),
        ("cat/deep/b.PNG", (8, 4), "#ffffff"),
        ("cat/c.png", (4, 4), 0),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L" if colour == 0 else "RGB", size, colour).save(path)
    (tmp_path / "cat" / "notes.txt").write_text("no picture")
    return tmp_path


def test_folders_are_classes_and_pictures_are_red_green_blue(root: Path) -> None:
    data = ImageFolder(root)
    assert data.classes == ["cat", "dog"]
    assert data.class_to_idx == {"cat": 0, "dog": 1}
    assert data.targets == [0, 0, 1]
    assert data.imgs is data.samples
    assert [Path(path).name for path, _ in data.samples] == ["c.png", "b.PNG", "a.png"]
    image, label = data[2]
    assert (image.shape, label) == ((3, 6, 4), 1)  # Pillow's sizes are width by height
    assert image.dtype == np.float32
    assert image.data[:, 0, 0].tolist() == [1, 0, 0]


def test_one_size_for_all_makes_a_batch(root: Path) -> None:
    (images, labels), *_ = DataLoader(ImageFolder(root, size=5), batch_size=3)
    assert images.shape == (3, 3, 5, 5)
    assert labels.tolist() == [0, 0, 1]
    assert ImageFolder(root, size=(2, 7))[0][0].shape == (3, 2, 7)
    with pytest.raises(ShapeError, match="stack"):
        list(DataLoader(ImageFolder(root), batch_size=3))


def test_a_picture_is_cut_in_the_middle_not_squeezed(tmp_path: Path) -> None:
    stripes = np.zeros((4, 8, 3), np.uint8)
    stripes[:, 2:6] = 255
    Image.fromarray(stripes).save(tmp_path / "stripes.png")
    assert load_image(tmp_path / "stripes.png", (4, 4)).min() == 1


def test_transforms_and_readers_of_ones_own(root: Path) -> None:
    data = ImageFolder(root, lambda path: f"<{path}>", lambda label: -label, loader=lambda path: Path(path).name)
    assert data[2] == ("<a.png>", -1)
    assert len(ImageFolder(root, is_valid_file=lambda path: not path.endswith("b.PNG"))) == 3
    with pytest.raises(UsageError, match="leave out size"):
        ImageFolder(root, loader=str, size=3)


def test_what_is_missing_is_named(root: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        ImageFolder(root / "nowhere")
    with pytest.raises(DataError, match="has no folders in it"):
        ImageFolder(root / "dog")
    (root / "eel").mkdir()
    with pytest.raises(DataError, match=r"eel has no pictures.*\.png"):
        ImageFolder(root)
    for content in (b"", b"\x89PNG\r\n\x1a\nbroken"):
        (root / "dog" / "a.png").write_bytes(content)
        with pytest.raises(DataError, match=r"a\.png cannot be read as a picture"):
            load_image(root / "dog" / "a.png")
