"""Circuits at every zoom, their decks and their derivations."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import numpy as np

import minidl
from minidl import nn

from ..circuit.draw import draw
from ..deck.deck import Deck
from ..deck.frames import frames
from ..derivation.derivation import Derivation
from ..derivation.derive import derive
from ..drawing.figure import Figure
from ..drawing.theme import Theme
from .exhibit import Exhibit


def circuit() -> Any:
    """Return f = (x + y) z, the smallest circuit that has a chain rule in it (lecture note 003)."""
    x, y, z = (minidl.scalar(value, name=name) for value, name in [(-2.0, "x"), (5.0, "y"), (-4.0, "z")])
    return ((x + y) * z).named("f")


def affine() -> Any:
    """Return z = ‖Wx + b‖² (lecture note 003)."""
    W, x, b = (
        minidl.tensor(data, dtype=minidl.float64, requires_grad=True, name=name)
        for data, name in [([[1.0, 2.0], [3.0, -1.0]], "W"), ([1.0, -1.0], "x"), ([0.5, -2.0], "b")]
    )
    u = (W @ x).named("u")
    return minidl.squared_norm((u + b).named("v")).named("z")


def neuron() -> Any:
    """Return a = σ(w·x + b)."""
    w, x = (
        minidl.tensor(data, dtype=minidl.float64, requires_grad=True, name=name)
        for data, name in [([2.0, -3.0], "w"), ([-1.0, -2.0], "x")]
    )
    return minidl.sigmoid(w @ x + minidl.scalar(-3.0, name="b")).named("a")


def reuse() -> Any:
    """Return f = qx + sin q with q = x + y: two values that are used twice."""
    x, y = minidl.scalar(2.0, name="x"), minidl.scalar(-1.0, name="y")
    q = (x + y).named("q")
    return (q * x + minidl.sin(q)).named("f")


def softmax() -> Any:
    """Return p = softmax(s) of three scores."""
    scores = minidl.tensor([1.0, 2.0, -1.0], dtype=minidl.float64, requires_grad=True, name="s")
    return minidl.nn.functional.softmax(scores, -1).named("p")


def convolved_pixel() -> Any:
    """Return one pixel of the convolution of a 3×3 image with a 2×2 kernel."""
    image, kernel = (
        minidl.tensor(data, dtype=minidl.float64, requires_grad=True, name=name)
        for data, name in [(np.arange(9.0).reshape(1, 1, 3, 3), "X"), (np.array([[[[-1.0, 0.0], [1.0, 2.0]]]]), "K")]
    )
    return minidl.nn.functional.conv2d(image, kernel).named("Y")[0, 0, 0, 0].named("y")


class _Block(nn.Module):
    """x + W₂ relu(W₁ x + b₁) + b₂."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Linear(width, width)
        self.relu = nn.ReLU()
        self.outer = nn.Linear(width, width)

    def forward(self, x: Any) -> Any:
        return x + self.outer(self.relu(self.inner(x)))


class _Network(nn.Module):
    """Three alike blocks, and the loss."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(_Block(8) for _ in range(3)))
        self.loss = nn.CrossEntropyLoss()

    def forward(self, x: Any, target: Any) -> Any:
        return self.loss(self.blocks(x), target)


def network_loss() -> Any:
    """Return the loss of a small residual network on two examples; the default generator is left as it was."""
    state = minidl.get_rng_state()
    try:
        minidl.manual_seed(0)
        model = _Network()
    finally:
        minidl.set_rng_state(state)
    examples = np.random.default_rng(0).normal(size=(2, 8)).round(1).astype(np.float32)
    return model(minidl.tensor(examples, name="X"), minidl.tensor([0, 1])).named("L")


def hidden_units() -> Any:
    """Return the norm of a layer of which some units are dead."""
    W = minidl.tensor(
        np.random.default_rng(3).normal(size=(8, 3)).round(1), dtype=minidl.float64, requires_grad=True, name="W"
    )
    x = minidl.tensor([1.0, -2.0, 0.5], dtype=minidl.float64, requires_grad=True, name="x")
    return minidl.squared_norm(minidl.relu((W @ x).named("u")).named("h")).named("L")


def _figure(make: Any, options: dict[str, Any], theme: Theme) -> Figure:
    return draw(make(), theme=theme, **options)


def _deck(make: Any, options: dict[str, Any], theme: Theme) -> Deck:
    return frames(make(), theme=theme, **options)


def _frame(make: Any, number: int, options: dict[str, Any], theme: Theme) -> Figure:
    return frames(make(), theme=theme, **options)[number].figure


def _derivation(make: Any, _: Theme) -> Derivation:
    return derive(make())


EXHIBITS: Final = (
    Exhibit("circuit", "Both passes of f = (x + y)z", partial(_figure, circuit, {})),
    Exhibit("circuit-local", "With every local derivative", partial(_figure, circuit, {"local": True})),
    Exhibit("circuit-symbols", "What each value and gradient is", partial(_figure, circuit, {"symbols": True})),
    Exhibit("circuit-symbols-only", "In symbols alone", partial(_figure, circuit, {"symbols": "only"})),
    Exhibit("circuit-down", "From top to bottom", partial(_figure, circuit, {"direction": "TB"})),
    Exhibit("affine", "Matrices on the wires: z = ‖Wx + b‖²", partial(_figure, affine, {})),
    Exhibit(
        "affine-labelled",
        "With formulas, shapes and types",
        partial(_figure, affine, {"symbols": True, "shapes": True}),
    ),
    Exhibit("affine-down", "From top to bottom", partial(_figure, affine, {"direction": "TB"})),
    Exhibit("affine-unfolded", "Wx unfolds into its products and sums", partial(_figure, affine, {"expand": ["u"]})),
    Exhibit("affine-scalars", "Every operation number by number", partial(_figure, affine, {"level": "scalar"})),
    Exhibit("neuron", "One neuron", partial(_figure, neuron, {})),
    Exhibit("neuron-scalars", "The same neuron number by number", partial(_figure, neuron, {"level": "scalar"})),
    Exhibit(
        "softmax-scalars", "Softmax number by number", partial(_figure, softmax, {"level": "scalar", "grads": False})
    ),
    Exhibit(
        "convolution-scalars", "One pixel of a convolution", partial(_figure, convolved_pixel, {"level": "scalar"})
    ),
    Exhibit("reuse", "Values that are used twice", partial(_figure, reuse, {})),
    Exhibit("reuse-heat", "The size of each gradient as width and colour", partial(_figure, reuse, {"heat": True})),
    Exhibit("units", "Heat maps, and a badge for dead units", partial(_figure, hidden_units, {})),
    Exhibit("modules", "A network as its modules", partial(_figure, network_loss, {"level": "module"})),
    Exhibit(
        "modules-opened",
        "One module opened: three alike blocks",
        partial(_figure, network_loss, {"level": "module", "expand": ["blocks"]}),
    ),
    Exhibit("frame-forward", "A frame of the forward pass", partial(_frame, circuit, 1, {})),
    Exhibit("frame-chain-rule", "A frame of the backward pass", partial(_frame, circuit, 4, {})),
    Exhibit("frame-matrix", "The chain rule of a matrix product", partial(_frame, affine, 8, {})),
    Exhibit("frame-arrives", "A second contribution arrives", partial(_frame, reuse, 9, {})),
    Exhibit("frame-adds-up", "Contributions add up", partial(_frame, reuse, 10, {})),
    Exhibit("frame-predict", "Predict, then reveal", partial(_frame, circuit, 6, {"predict": True})),
    Exhibit("deck-circuit", "The deck of f = (x + y)z", partial(_deck, circuit, {})),
    Exhibit("deck-predict", "The same, asking first", partial(_deck, circuit, {"predict": True})),
    Exhibit("deck-affine", "The deck of z = ‖Wx + b‖²", partial(_deck, affine, {})),
    Exhibit("deck-reuse", "The deck of accumulation", partial(_deck, reuse, {})),
    Exhibit("derivation-circuit", "The chain rule of f = (x + y)z", partial(_derivation, circuit)),
    Exhibit("derivation-affine", "∂z/∂W = 2(Wx + b)xᵀ, line by line", partial(_derivation, affine)),
)
