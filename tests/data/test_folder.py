"""Folders of pictures."""

from __future__ import annotations

import contextlib
import warnings
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
    with pytest.raises(ShapeError, match="size"):
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
    with pytest.raises(UsageError, match="must be positive"):
        ImageFolder(root, size=0)


def test_what_a_picture_holds_is_told_by_its_kind(tmp_path: Path) -> None:
    def read(name: str) -> np.ndarray:
        return load_image(tmp_path / name)

    deep = np.array([[0, 128 << 8], [255 << 8, 65535]], np.uint16)
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert (read("deep.png")[1] * 255).round().tolist() == [[0, 128], [255, 255]]
    Image.fromarray(np.array([[0, 255]], np.uint8)).convert("1").save(tmp_path / "bits.png")
    assert read("bits.png")[2].tolist() == [[0, 1]]
    Image.fromarray(np.ones((2, 2), np.float32)).save(tmp_path / "float.tiff")
    with pytest.raises(DataError, match=r"mode F.*no known range"):
        read("float.tiff")
    lying = Image.fromarray(np.arange(6, dtype=np.uint8).reshape(2, 3))
    lying.getexif()[0x0112] = 6  # Orientation: the top of the scene is at the right of the file
    lying.save(tmp_path / "camera.png", exif=lying.getexif())
    assert (read("camera.png")[0] * 255).round().tolist() == [[3, 0], [4, 1], [5, 2]]


def test_a_broken_picture_is_a_data_error_however_it_is_broken(tmp_path: Path) -> None:
    path = tmp_path / "a.bmp"
    Image.new("P", (9, 9)).save(path)
    content = path.read_bytes()
    for place in range(54):
        path.write_bytes(content[:place] + b"\xf7" + content[place + 1 :])
        with warnings.catch_warnings(), contextlib.suppress(DataError):
            warnings.simplefilter("ignore")
            load_image(path)


def test_hidden_files_are_passed_over_and_links_are_followed(root: Path, tmp_path: Path) -> None:
    for name in (".git/a.png", "cat/.thumbnails/a.png", "cat/._c.png"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(b"no picture")
    assert (ImageFolder(root).classes, len(ImageFolder(root))) == (["cat", "dog"], 3)
    try:
        (root / "cat" / "more").symlink_to(root / "dog", target_is_directory=True)
        (root / "cat" / "round").symlink_to(root / "cat", target_is_directory=True)
    except OSError:
        pytest.skip("this system makes no links")
    names = [Path(path).relative_to(root).as_posix() for path, _ in ImageFolder(root).samples]
    assert names == ["cat/c.png", "cat/deep/b.PNG", "cat/more/a.png", "dog/a.png"]


def test_names_in_any_script_and_empty_classes_if_they_are_allowed(root: Path) -> None:
    (root / "犬 ö").mkdir()
    data = ImageFolder(root, allow_empty=True)
    assert data.classes == ["cat", "dog", "犬 ö"]
    assert data.targets == [0, 0, 1]
    assert repr(data).endswith(": 3 pictures, 3 classes)")
    Image.new("RGB", (2, 2)).save(root / "犬 ö" / "ß.png")
    assert ImageFolder(root)[3][1] == 2


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
