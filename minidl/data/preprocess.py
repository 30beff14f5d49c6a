"""Preprocessing that is measured on the training part and then done to every part alike: centre, decorrelate, whiten.

All of them are fitted once, on training images, and applied to all images as they were fitted: what is measured on
validation or test images would tell the network something about them. `Standardize`, in `transforms`, is the fourth.

| | the lecture's name | what is subtracted | then |
|---|---|---|---|
| `MeanImage` | mean image (AlexNet) | the mean of each pixel, C · H · W numbers | |
| `ChannelMean` | per-channel mean (VGG) | C numbers | |
| `Standardize` | and standard deviation (ResNet) | C numbers | divided by C others |
| `PCA` | decorrelation | the mean image | turned so that the covariance is diagonal |
| `ZCA` | whitening | the mean image | turned, scaled, turned back: the covariance is I |
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import CheckpointError, DataError, ShapeError, UsageError
from .transforms import Images, Standardize, check_training_images

Floats = NDArray[np.float64]


def principal_axes(rows: NDArray[np.floating]) -> tuple[Floats, Floats, Floats]:
    """Return mean, variances and directions of a cloud of points: the eigenvectors of its covariance XᵀX / N.

    Args:
        rows: `(N, D)`, one point a row.

    Returns:
        The mean `(D,)`, the variances `(D,)` from the largest down, and the directions `(D, D)`, one a row, of length 1
        and at right angles; each with its largest entry positive, since a direction and its opposite are equally good.

    >>> mean, variances, axes = principal_axes(np.array([[0.0, 0.0], [2.0, 2.0]]))
    >>> mean.tolist(), variances.round(6).tolist(), axes[0].round(6).tolist()
    ([1.0, 1.0], [2.0, 0.0], [0.707107, 0.707107])
    """
    mean = rows.mean(axis=0, dtype=np.float64)
    centred = rows - mean
    variances, directions = np.linalg.eigh(centred.T @ centred / len(rows))
    axes = directions.T[::-1]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1, keepdims=True), axis=1)
    return mean, np.maximum(variances[::-1], 0), axes * np.sign(largest)


class Preprocessing:
    """What the classes below share: their state is their fields, as plain arrays."""

    def state_dict(self) -> dict[str, Any]:
        """Return its kind and its numbers, to be saved and given to `preprocessing_from`."""
        return state_of(self)

    def _check(self, images: Images, expected: tuple[int, ...]) -> None:
        if images.shape[1:] != expected:
            raise ShapeError(f"{type(self).__name__} was fitted to images of {expected}; got {images.shape[1:]}")


@dataclass(frozen=True, eq=False)
class MeanImage(Preprocessing):
    """Subtract the mean of the training images, pixel by pixel.

    Attributes:
        mean: `(C, H, W)`.

    >>> images = np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1)
    >>> MeanImage.fit(images)(images).ravel().tolist()
    [-0.5, 0.5]
    """

    mean: Images

    @classmethod
    def fit(cls, images: Images) -> Self:
        """Measure the mean of each pixel over the training images `(N, C, H, W)`."""
        check_training_images(images)
        return cls(images.mean(axis=0, dtype=np.float64).astype(np.float32))

    def __call__(self, images: Images, rng: np.random.Generator | None = None) -> Images:
        """Return `images − mean`."""
        self._check(images, self.mean.shape)
        return images - self.mean

    def inverse(self, images: Images) -> Images:
        """Return `images + mean`."""
        self._check(images, self.mean.shape)
        return images + self.mean


@dataclass(frozen=True, eq=False)
class ChannelMean(Preprocessing):
    """Subtract from each channel its mean over the training images.

    Attributes:
        mean: `(C,)`.

    >>> images = np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1)
    >>> ChannelMean.fit(images).inverse(ChannelMean.fit(images)(images)).ravel().tolist()
    [0.0, 1.0]
    """

    mean: Images

    @classmethod
    def fit(cls, images: Images) -> Self:
        """Measure the mean of each channel over the training images `(N, C, H, W)`."""
        check_training_images(images)
        return cls(images.mean(axis=(0, 2, 3), dtype=np.float64).astype(np.float32))

    def __call__(self, images: Images, rng: np.random.Generator | None = None) -> Images:
        """Return `images − mean`."""
        return images - self._column(images)

    def inverse(self, images: Images) -> Images:
        """Return `images + mean`."""
        return images + self._column(images)

    def _column(self, images: Images) -> Images:
        if images.shape[1] != len(self.mean):
            raise ShapeError(f"ChannelMean was fitted to {len(self.mean)} channels; got {images.shape[1]}")
        return self.mean[:, np.newaxis, np.newaxis]


@dataclass(frozen=True, eq=False)
class PCA(Preprocessing):
    """Describe each image by its coordinates along the directions in which the training images vary most.

    y = P (x − mean), with the K principal directions as the rows of P; with `whiten`, each coordinate divided by
    √(variance + ε), which makes the covariance of the training images I.

    Attributes:
        mean: `(C, H, W)`.
        axes: `(K, C·H·W)`, the directions.
        variances: `(K,)`, from the largest down.
        scale: `(K,)`, what each coordinate is divided by.

    >>> images = np.random.default_rng(0).random((50, 1, 2, 2)).astype(np.float32)
    >>> coordinates = PCA.fit(images, whiten=True, epsilon=0)(images)
    >>> np.cov(coordinates.T, bias=True).round(3).tolist() == np.eye(4).tolist()
    True
    """

    mean: Images
    axes: NDArray[np.float32]
    variances: NDArray[np.float32]
    scale: NDArray[np.float32]

    @classmethod
    def fit(
        cls, images: Images, components: int | float | None = None, *, whiten: bool = False, epsilon: float = 1e-5
    ) -> Self:
        """Find the directions of the training images `(N, C, H, W)`; the time grows with the cube of C·H·W.

        Args:
            images: the training images.
            components: how many directions to keep; or, below 1, the share of the variance that they must explain;
                all of them if None.
            whiten: whether to divide each coordinate by its standard deviation.
            epsilon: added to the variance then, so that directions of hardly any variance are not blown up to noise.

        Raises:
            UsageError: there are not so many directions.
            DataError: there are no images, or they do not vary although a share of the variance, or whitening without ε, is
                asked for.
        """
        check_training_images(images)
        shape, rows = images.shape[1:], images.reshape(len(images), -1)
        mean, variances, axes = principal_axes(rows)
        keep = _how_many(components, variances)
        variances, axes = variances[:keep], axes[:keep]
        scale = _deviation(variances, epsilon) if whiten else np.ones(keep)
        single = (np.asarray(a, np.float32) for a in (mean.reshape(shape), axes, variances, scale))
        return cls(*single)

    def __call__(self, images: Images, rng: np.random.Generator | None = None) -> NDArray[np.float32]:
        """Return the coordinates `(N, K)` of images `(N, C, H, W)`."""
        self._check(images, self.mean.shape)
        coordinates = (images - self.mean).reshape(len(images), -1) @ self.axes.T / self.scale
        return coordinates.astype(np.float32, copy=False)

    def inverse(self, coordinates: NDArray[np.float32]) -> Images:
        """Return the images `(N, C, H, W)` with the coordinates `(N, K)`: what K directions can say of them."""
        if coordinates.shape[1:] != self.scale.shape:
            raise ShapeError(f"PCA has {len(self.scale)} directions; got coordinates {coordinates.shape}")
        images = (coordinates * self.scale @ self.axes).reshape(-1, *self.mean.shape) + self.mean
        return images.astype(np.float32, copy=False)

    @property
    def explained(self) -> NDArray[np.float32]:
        """The share that each kept direction has of the variance of all kept ones, `(K,)`; 0 where nothing varies."""
        total = self.variances.sum()
        return self.variances / total if total > 0 else self.variances


@dataclass(frozen=True, eq=False)
class ZCA(Preprocessing):
    """Whiten images and leave them images: of all linear maps that make the covariance I, the one that changes least.

    W = Pᵀ (Λ + ε)^(−½) P with the principal directions P and variances Λ: turn, scale, turn back. Edges remain, what
    can be foretold from the neighbours goes.

    Attributes:
        mean: `(C, H, W)`.
        matrix: W, `(C·H·W, C·H·W)`, symmetric.
        backward: its inverse.

    Source: A. Bell, T. Sejnowski, "The 'independent components' of natural scenes are edge filters", Vision Research 37
    (1997); A. Krizhevsky, "Learning multiple layers of features from tiny images" (2009), appendix A.

    >>> images = np.random.default_rng(0).random((50, 1, 2, 2)).astype(np.float32)
    >>> white = ZCA.fit(images, epsilon=0)(images).reshape(50, 4)
    >>> np.cov(white.T, bias=True).round(3).tolist() == np.eye(4).tolist()
    True
    """

    mean: Images
    matrix: NDArray[np.float32]
    backward: NDArray[np.float32]

    @classmethod
    def fit(cls, images: Images, *, epsilon: float = 1e-5) -> Self:
        """Find the matrix for the training images `(N, C, H, W)`; the time grows with the cube of C·H·W.

        Args:
            images: the training images.
            epsilon: added to each variance, so that directions of hardly any variance are not blown up to noise.

        Raises:
            DataError: ε is 0 and there is a direction in which the images do not vary.
        """
        check_training_images(images)
        mean, variances, axes = principal_axes(images.reshape(len(images), -1))
        deviation = _deviation(variances, epsilon)
        forward, backward = axes.T / deviation @ axes, axes.T * deviation @ axes
        single = (np.asarray(a, np.float32) for a in (mean.reshape(images.shape[1:]), forward, backward))
        return cls(*single)

    def __call__(self, images: Images, rng: np.random.Generator | None = None) -> Images:
        """Return the whitened images."""
        self._check(images, self.mean.shape)
        white = ((images - self.mean).reshape(len(images), -1) @ self.matrix).reshape(images.shape)
        return white.astype(np.float32, copy=False)

    def inverse(self, images: Images) -> Images:
        """Return the images that whiten to `images`."""
        self._check(images, self.mean.shape)
        coloured = (images.reshape(len(images), -1) @ self.backward).reshape(images.shape) + self.mean
        return coloured.astype(np.float32, copy=False)


def _how_many(components: int | float | None, variances: Floats) -> int:
    if components is None:
        return len(variances)
    if isinstance(components, float) and 0 < components < 1:
        if not variances[0] > 0:
            raise DataError("the training images are all the same: there is no variance to explain a share of")
        share = np.cumsum(variances) / variances.sum()
        return int(np.searchsorted(share, components)) + 1
    if components != int(components) or not 1 <= components <= len(variances):
        raise UsageError(
            f"components must be from 1 to {len(variances)}, the number of values an image has, or a share of the "
            f"variance between 0 and 1; got {components}"
        )
    return int(components)


def _deviation(variances: Floats, epsilon: float) -> Floats:
    if epsilon < 0:
        raise UsageError(f"epsilon must not be negative; got {epsilon}")
    still = int((variances <= 1e-12 * variances[0]).sum())
    if epsilon == 0 and still:
        raise DataError(
            f"the training images do not vary in {still} of {len(variances)} directions (pixels that are always the same, "
            "or fewer images than pixels), so nothing can make their variance 1; give epsilon, such as 1e-5"
        )
    return np.sqrt(variances + epsilon)


KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in (MeanImage, ChannelMean, Standardize, PCA, ZCA)}
"""Every kind of preprocessing by the name under which its state is saved."""


def state_of(preprocessing: Any) -> dict[str, Any]:
    """Return the state of any preprocessing of `KINDS`: its kind, and its numbers by name."""
    numbers = {field.name: getattr(preprocessing, field.name) for field in fields(preprocessing)}
    return {"kind": type(preprocessing).__name__, **numbers}


def preprocessing_from(state: Mapping[str, Any]) -> Any:
    """Return the preprocessing whose `state_dict` is given.

    Raises:
        CheckpointError: it is the state of something else.

    >>> images = np.array([0.0, 1.0], np.float32).reshape(2, 1, 1, 1)
    >>> preprocessing_from(MeanImage.fit(images).state_dict())(images).ravel().tolist()
    [-0.5, 0.5]
    """
    numbers = dict(state)
    kind = KINDS.get(numbers.pop("kind", ""))
    if kind is None or set(numbers) != {field.name for field in fields(kind)}:
        raise CheckpointError(
            f"not the state of a preprocessing ({', '.join(KINDS)}): it has {', '.join(state) or 'nothing'}"
        )
    return kind(**numbers)
