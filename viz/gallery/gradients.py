"""How gradients fade in deep networks and what helps, and how a network changes while it learns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from itertools import pairwise
from typing import Any, Final

import numpy as np

import minidl
from minidl import nn
from minidl.graph import Node
from minidl.nn import functional as F

from ..drawing.figure import Figure
from ..drawing.theme import Theme
from ..film.filmstrip import film_deck, filmstrip
from ..film.snapshot import Snapshot, record
from ..gradients.thermometer import sigmoid_chain, thermometer
from ..passes.draw import draw_passes
from .exhibit import Exhibit

DEPTH: Final = 20
WIDTH: Final = 32
CLASSES: Final = 10
BATCH: Final = 64


class Deep(nn.Module):
    """Twenty layers of one width and a linear one: the same weights, and what is done between them.

    Args:
        activation: what follows each layer.
        variance: the variance of the weights times the number of a layer's inputs: 1 keeps a linear layer's outputs as
            large as its inputs, 2 those of ReLU (He et al. 2015).
        has_norm: whether each layer is normalised over the batch before its activation.
        has_skip: whether each layer's input is added to its output.
    """

    def __init__(
        self, activation: Callable[[Any], Any], variance: float, has_norm: bool = False, has_skip: bool = False
    ) -> None:
        super().__init__()
        rng = np.random.default_rng(0)
        self.activation, self.has_norm, self.has_skip = activation, has_norm, has_skip
        self.hidden = nn.Sequential(*[nn.Linear(WIDTH, WIDTH) for _ in range(DEPTH)])
        self.out = nn.Linear(WIDTH, CLASSES)
        for layer in [*self.hidden, self.out]:
            fan_out, fan_in = layer.weight.shape
            scale = (variance if layer is not self.out else 1.0) / fan_in
            layer.weight.data = (rng.standard_normal((fan_out, fan_in)) * scale**0.5).astype(np.float32)
            layer.bias.data = np.zeros(fan_out, np.float32)

    def forward(self, x: Any) -> Any:
        """`(N, 32)` → `(N, 10)`."""
        for layer in self.hidden:
            before = layer(x)
            if self.has_norm:
                before = F.batch_norm(before, None, None, training=True)
            after = self.activation(before)
            x = x + after if self.has_skip else after
        return self.out(x)


def deep_networks() -> dict[str, tuple[Node, nn.Module]]:
    """Return the losses of 20 layers of sigmoids, and of what has been invented against it, on one batch."""
    rng = np.random.default_rng(1)
    images = minidl.tensor(rng.standard_normal((BATCH, WIDTH)).astype(np.float32))
    labels = minidl.tensor(rng.integers(0, CLASSES, BATCH))
    models = {
        "sigmoid": Deep(F.sigmoid, 1.0),
        "ReLU, He": Deep(F.relu, 2.0),
        "sigmoid + batch norm": Deep(F.sigmoid, 1.0, has_norm=True),
        "tanh + skip": Deep(F.tanh, 1.0, has_skip=True),
    }
    return {name: (F.cross_entropy(model(images), labels), model) for name, model in models.items()}


def vanishing(theme: Theme) -> Figure:
    """Draw the four networks on one scale."""
    return thermometer(deep_networks(), theme=theme, title="Twenty hidden layers: where does the gradient go?")


def dying(theme: Theme) -> Figure:
    """Draw one network whose biases have been pushed so far down that most of its ReLUs never fire."""
    rng = np.random.default_rng(2)
    sizes = [WIDTH, 32, 32, 24, 16, CLASSES]
    layers: list[nn.Module] = []
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        layer = nn.Linear(fan_in, fan_out)
        layer.weight.data = (rng.standard_normal((fan_out, fan_in)) * (2 / fan_in) ** 0.5).astype(np.float32)
        if layer.bias is not None:
            layer.bias.data = np.full(fan_out, -0.4 * i if i < 4 else 0.0, np.float32)
        layers += [layer, nn.ReLU()] if i < len(sizes) - 2 else [layer]
    model = nn.Sequential({f"{type(layer).__name__.lower()}{i // 2 + 1}": layer for i, layer in enumerate(layers)})
    images = minidl.tensor(rng.standard_normal((BATCH, WIDTH)).astype(np.float32))
    loss = F.cross_entropy(model(images), minidl.tensor(rng.integers(0, CLASSES, BATCH)))
    return thermometer(loss, model, theme=theme, title="Dying ReLUs: units that are zero for every example")


def chain(theme: Theme) -> Figure:
    """Draw twenty sigmoids of one number."""
    return thermometer(sigmoid_chain(20), theme=theme)


@cache
def moments() -> tuple[tuple[Snapshot, ...], Sequence[str]]:
    """Train a small LeNet on real digits for 140 steps, and look at it eight times; return also the classes' names."""
    from minidl.training import Config, StepDone, prepare

    session = prepare(Config.make(epochs=4))
    trainer, digits = session.trainer, session.parts.validation
    images, labels = session.inputs(digits.images[:16]), minidl.tensor(digits.labels[:16])
    kept: list[Snapshot] = []

    def look(step: int) -> None:
        trainer.model.eval()
        with minidl.no_grad():
            loss = float(F.cross_entropy(trainer.model(minidl.tensor(images)), labels).item())
        trainer.model.train()
        label = int(digits.labels[0])
        kept.append(record(trainer.model, images, step, loss, label=label, original=digits.images[0]))

    def listen(event: object) -> None:
        if isinstance(event, StepDone) and event.step % 20 == 0:
            look(event.step)
            if event.step == 140:
                trainer.stop()

    look(0)
    trainer.callbacks.append(listen)
    trainer.run()
    return tuple(kept), digits.classes


def strip(theme: Theme) -> Figure:
    """Draw the film strip of a small LeNet."""
    snapshots, classes = moments()
    return filmstrip(snapshots, classes=classes, theme=theme, title="A small LeNet learns to read digits")


def frame(theme: Theme, k: int) -> Figure:
    """Draw one frame of the film."""
    snapshots, classes = moments()
    return film_deck(snapshots, classes=classes, theme=theme, title="A small LeNet learns to read digits")[k].figure


def passes(theme: Theme) -> Figure:
    """Draw both passes through an untrained LeNet on real digits."""
    from minidl.models import LeNet
    from minidl.training import load_parts

    digits = load_parts("digits", seed=0).train.subset(np.arange(32))
    state = minidl.get_rng_state()
    minidl.manual_seed(0)
    model = LeNet()
    minidl.set_rng_state(state)
    loss = F.cross_entropy(model(minidl.tensor(digits.images)), minidl.tensor(digits.labels))
    return draw_passes(loss, model, caption="A small LeNet, before its first step", theme=theme)


EXHIBITS: Final = (
    Exhibit("thermometer-chain", "The gradient through twenty sigmoids", chain),
    Exhibit("thermometer-networks", "Twenty hidden layers: sigmoid, ReLU, batch norm and skip connections", vanishing),
    Exhibit("thermometer-dead", "Dying ReLUs", dying),
    Exhibit("passes-lenet", "Both passes through a small LeNet: what goes forward, what comes back", passes),
    Exhibit("film-strip", "A small LeNet learns to read digits", strip),
    Exhibit("film-frame", "One frame of the film: after 40 steps", partial(frame, k=2)),
)
"""What hangs in this room."""
