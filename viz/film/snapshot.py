"""A moment of a network's training, copied: what its kernels are, and what it makes of one image."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from minidl.errors import DataError, ShapeError, UsageError

from ..drawing.thumbnail import MOST_CELLS
from ..gradients.units import Part, split

MOST_TILES: Final = 8
"""Of each layer, at most this many kernels and as many feature maps are kept."""

MOST_LAYERS: Final = 3
"""The first layers, those whose kernels and maps can be looked at as pictures, are kept."""

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class LayerView:
    """A layer at one moment.

    Attributes:
        name: the module's path.
        kernels: `(n, height, width)`: the first kernels of a convolution (of their first input channel), or the weights
            of a dense layer's first units, as images where the layer sees the image itself, else as one matrix; None
            where that matrix has more than 16 rows or columns.
        maps: `(n, height, width)`: what comes out of the layer's activation for the image.
        kernel_count: how many kernels the layer has, shown or not.
        map_count: how many maps.
    """

    name: str
    kernels: Array | None
    maps: Array
    kernel_count: int
    map_count: int


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """A moment of training.

    Attributes:
        step: the number of training steps done.
        loss: the loss then.
        image: `(C, H, W)`: the image that is looked at.
        layers: the layers' kernels and maps.
        probabilities: `(classes,)`: what the network says about the image.
        label: the image's class, if it is known.
    """

    step: int
    loss: float
    image: Array
    layers: tuple[LayerView, ...]
    probabilities: Array
    label: int | None = None

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return it as named arrays, to be kept in a file; `from_arrays` reads them again."""
        label = -1 if self.label is None else self.label
        arrays: dict[str, NDArray[Any]] = {
            "step": np.array([self.step, label], np.int64), "loss": np.array([self.loss], np.float64),
            "image": self.image, "probabilities": self.probabilities,
        }  # fmt: skip
        for i, layer in enumerate(self.layers):
            if layer.kernels is not None:
                arrays[f"{i}.kernels"] = layer.kernels
            arrays[f"{i}.maps.{layer.name}"] = layer.maps
            arrays[f"{i}.counts"] = np.array([layer.kernel_count, layer.map_count], np.int64)
        return {name: np.ascontiguousarray(array) for name, array in arrays.items()}

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Snapshot:
        """Read a snapshot from what `arrays` returned.

        Raises:
            DataError: something is missing.
        """
        try:
            layers = []
            for key in sorted((k for k in arrays if ".maps." in k), key=lambda k: int(k.partition(".")[0])):
                i, _, name = key.split(".", 2)
                counts = [int(count) for count in arrays[f"{i}.counts"]]
                layers.append(LayerView(name, arrays.get(f"{i}.kernels"), arrays[key], counts[0], counts[1]))
            step, label = (int(number) for number in arrays["step"])
            return Snapshot(
                step, float(arrays["loss"][0]), arrays["image"], tuple(layers), arrays["probabilities"],
                None if label < 0 else label,
            )  # fmt: skip
        except (KeyError, ValueError, IndexError) as error:
            raise DataError(f"this is no snapshot of a training: {error}") from error


def record(
    model: Any, images: Any, step: int, loss: float, *, label: int | None = None, original: Any = None
) -> Snapshot:
    """Copy what a film strip shows of a network at one moment of its training. Nothing about the training changes.

    Args:
        model: gives scores `(N, classes)` for images; it is run once, in evaluation mode.
        images: `(N, C, H, W)` or `(N, features)`; the first is the one that is looked at: always give the same.
        step: how many training steps have been done.
        loss: the loss now.
        label: the first image's class.
        original: the first image as a person sees it, where the network sees it standardised; of the same shape.

    Raises:
        UsageError: there is no image.
        ShapeError: the model does not give scores for classes.
        GraphError: the model has no layer with a weight.

    >>> import minidl
    >>> from minidl import nn
    >>> model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 3))
    >>> moment = record(model, minidl.ones(1, 1, 4, 4), step=0, loss=1.1)
    >>> moment.layers[0].kernels.shape, moment.layers[0].maps.shape, moment.probabilities.shape
    ((2, 3, 3), (2, 2, 2), (3,))
    """
    from minidl import tensor
    from minidl.graph import Node
    from minidl.kernels.device import fetched

    data = np.asarray(fetched(images.data if isinstance(images, Node) else images))
    if data.ndim < 2 or len(data) == 0:
        raise UsageError(f"record needs a batch of images, of which the first is shown; got shape {data.shape}")
    was_training = model.training
    model.eval()
    try:
        there = next((parameter.device for parameter in model.parameters()), None)
        scores = model(tensor(data[:1], device=there))
    finally:
        model.train(was_training)
    if scores.ndim != 2:
        raise ShapeError(f"record: the model must give scores (N, classes); it gave {scores.shape}")
    image = np.asarray(data[0] if original is None else original, np.float32)
    if image.shape != data.shape[1:]:
        raise ShapeError(f"record: the original has shape {image.shape}, but the network sees {data.shape[1:]}")
    image = image.reshape((1,) * (3 - image.ndim) + image.shape)
    parts = split(scores, model)
    layers = tuple(_view(part, image) for part in parts[: min(MOST_LAYERS, len(parts) - 1)])
    return Snapshot(step, float(loss), image.copy(), layers, _softmax(fetched(scores.data[0])), label)


def _softmax(scores: NDArray[Any]) -> Array:
    with np.errstate(all="ignore"):
        powers = np.exp(scores.astype(np.float64) - scores.max())
        return (powers / powers.sum()).astype(np.float32)


def _view(part: Part, image: Array) -> LayerView:
    from minidl.kernels.device import fetched

    weight = np.asarray(fetched(part.weight.data), np.float32)
    activation = part.activation if part.activation is not None else part.output
    maps = np.asarray(fetched(activation.data), np.float32)[0]
    kernels = _kernels(weight, image)
    if maps.ndim != 3:
        maps = _grid(maps.reshape(-1))[np.newaxis]
    shown = None if kernels is None else kernels[:MOST_TILES].copy()
    return LayerView(part.name, shown, maps[:MOST_TILES].copy(), 0 if kernels is None else len(kernels), len(maps))


def _kernels(weight: Array, image: Array) -> Array | None:
    if weight.ndim == 4:
        return weight[:, 0]
    if weight.ndim == 2 and weight.shape[1] == image.size and min(image.shape[1:]) > 1:
        return weight.reshape(-1, *image.shape)[:, 0]
    return weight[np.newaxis] if weight.ndim == 2 and max(weight.shape) <= MOST_CELLS else None


def _grid(vector: Array) -> Array:
    """A layer's units in rows, read like text: as wide as divides their number."""
    columns = max((k for k in range(1, MOST_CELLS + 1) if len(vector) % k == 0), default=1)
    if len(vector) <= MOST_CELLS or columns < math.isqrt(len(vector)) / 2:
        return vector[np.newaxis]
    return vector.reshape(-1, columns)
