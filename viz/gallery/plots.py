"""The plots: training, landscapes, activations, filters, mistakes, layers. Every number comes from running the engine."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

import minidl
from minidl import manual_seed, nn, no_grad, optim, tensor
from minidl.data.toys import CURVES, truth_table
from minidl.nn import functional as F
from minidl.training import WarmupCosine

from .. import plots
from ..drawing.theme import Theme
from ..plots import Plot
from .exhibit import Exhibit
from .plot_data import Array, bank, classifier, deep, parts, photograph, train, trained


def _early_stopping(theme: Theme) -> Plot:
    images, labels, *_ = parts()
    model = classifier(128)
    flipped = np.where(np.random.default_rng(1).random(len(labels)) < 0.25, (labels + 1) % 10, labels)
    history = train(model, optim.Adam(model.parameters(), lr=0.004), images, flipped, 36)
    return plots.curves(history, patience=8, theme=theme)


def _runs(theme: Theme) -> Plot:
    images, labels, *_ = parts()
    makers: dict[str, Callable[[Any], optim.Optimizer]] = {
        "SGD": lambda p: optim.SGD(p, lr=0.1),
        "momentum 0.9": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
        "Adam": lambda p: optim.Adam(p, lr=0.01),
    }
    histories = {}
    for name, make in makers.items():
        model = classifier()
        histories[name] = train(model, make(model.parameters()), images, labels, 20)
    return plots.curves(histories, theme=theme)


def _spirals(theme: Theme) -> Plot:
    draw = np.random.default_rng(0)
    y = np.arange(160) % 2
    turn = 0.4 + 5.2 * np.sqrt(draw.random(160))
    x = 0.5 * np.stack([turn * np.cos(turn + math.pi * y), turn * np.sin(turn + math.pi * y)], axis=1)
    x += 0.11 * draw.normal(size=x.shape)
    manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 2))
    optimizer = optim.Adam(model.parameters(), lr=0.03)
    points, answers = tensor(x.astype(np.float32)), tensor(y)
    for _ in range(110):
        optimizer.zero_grad()
        F.cross_entropy(model(points), answers).backward()
        optimizer.step()
    return plots.decision_boundary(
        model, x, y, ["first arm", "second arm"], title="2–16–16–2 network, tanh, 110 steps of Adam", theme=theme
    )


def _gates(theme: Theme) -> Plot:
    """One neuron on AND and on XOR, and the three that do XOR."""

    def neuron(x: Any, weights: Any, bias: Any) -> Any:
        return x @ np.array(weights) + np.array(bias)

    def three(x: Any) -> Any:
        either_not_both = minidl.heaviside(neuron(x, [[1.0, -1.0], [1.0, -1.0]], [-0.5, 1.5]))
        return neuron(either_not_both, [1.0, 1.0], -1.5)

    cases = {
        "AND": (lambda x: neuron(x, [1.0, 1.0], -1.5), *truth_table("and")),
        "XOR": (lambda x: neuron(x, [1.0, 1.0], -0.5), *truth_table("xor")),
        "XOR, two layers": (three, *truth_table("xor")),
    }
    return plots.boundaries(cases, ["no", "yes"], theme=theme)


def _pieces(theme: Theme) -> Plot:
    """Sums of ReLUs that meet a curve at evenly spread places, and run straight between and beyond them."""
    curve = CURVES["sine"]

    def network(knots: Array) -> Callable[[Any], Any]:
        heights = np.diff(np.diff(curve(knots)) / np.diff(knots), prepend=0.0)
        return lambda x: float(curve(knots[0])) + F.relu(x - knots[:-1]) @ heights

    knots = {f"{n} units": np.linspace(-1, 1, n + 1) for n in (3, 6, 20)}
    return plots.fits(
        {title: network(k) for title, k in knots.items()}, target=curve, bends={t: k[:-1] for t, k in knots.items()},
        x_range=(-1.4, 1.4), fitted_on=(-1, 1), theme=theme,
    )  # fmt: skip


def _valley(x: Any, y: Any) -> Any:
    return x * x / 2 + 8 * y * y


def _race(theme: Theme) -> Plot:
    makers: dict[str, Callable[[list[Any]], optim.Optimizer]] = {
        "SGD": lambda p: optim.SGD(p, lr=0.115),
        "momentum": lambda p: optim.SGD(p, lr=0.02, momentum=0.8),
        "Adam": lambda p: optim.Adam(p, lr=0.3, betas=(0.8, 0.99)),
    }
    paths = {name: plots.descend(_valley, (-4.0, 1.2), make, 40) for name, make in makers.items()}
    title = "Forty steps down ½x² + 8y²"
    return plots.contours(_valley, paths, title=title, axes_names=("x", "y"), theme=theme)


def _activations(theme: Theme) -> Plot:
    return plots.activation(["sigmoid", "tanh", "relu", "leaky_relu", "gelu", "softplus"], theme=theme)


def _sigmoid(theme: Theme) -> Plot:
    return plots.activation("sigmoid", x_range=(-8, 8), theme=theme)


def _tent(x: Any) -> Any:
    """The tent map as a network of three ReLUs (Telgarsky, 2016)."""
    relu = F.relu
    return relu(2 * relu(x) - 4 * relu(x - 0.5))


def _iterates(theme: Theme) -> Plot:
    return plots.iterates(_tent, (1, 2, 3, 4), theme=theme)


def _gabor_bank(theme: Theme) -> Plot:
    return plots.kernels(bank(), "Gabor bank: six directions, 0.12 and 0.25 cycles a pixel", theme=theme)


def _gabor_maps(theme: Theme) -> Plot:
    image = photograph().mean(axis=0)[::2, ::2]
    answers = F.relu(F.conv2d(tensor(image[np.newaxis, np.newaxis]), tensor(bank()), padding=4))
    maps = np.asarray(answers.data[0, :6])
    strong = float(np.quantile(maps, 0.995))
    return plots.feature_maps(maps, "Answers of the coarse filters", image=image, limit=strong, theme=theme)


def _crops(theme: Theme) -> Plot:
    side, far = 144, 288 - 144
    corners = [(0, 0), (0, far), (far, 0), (far, far), (far // 2, far // 2)]
    return plots.crops(photograph(), [(y, x, side, side) for y, x in corners], theme=theme)


def _kernels(theme: Theme) -> Plot:
    manual_seed(1)
    images, labels, *_ = parts()
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    train(model, optim.Adam(model.parameters(), lr=0.01), images, labels, 6)
    return plots.kernels(model.state_dict()["0.weight"], "conv1 after six epochs", theme=theme)


def _feature_maps(theme: Theme) -> Plot:
    manual_seed(1)
    images, labels, others, _ = parts()
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 10))
    train(model, optim.Adam(model.parameters(), lr=0.01), images, labels, 6)
    with no_grad():
        maps = F.relu(model[0](tensor(others[3:4])))
    return plots.feature_maps(maps, "ReLU after conv1", image=others[3], theme=theme)


def _confusion(theme: Theme) -> Plot:
    _, chances = trained()
    return plots.confusion_matrix(
        parts()[3], chances.argmax(axis=1), title="Digits, trained on 160 images", theme=theme
    )


def _guesses(theme: Theme) -> Plot:
    _, chances = trained()
    _, _, images, labels = parts()
    right = np.flatnonzero(chances.argmax(axis=1) == labels)[:10]
    wrong = np.flatnonzero(chances.argmax(axis=1) != labels)[:6]
    chosen = np.sort(np.concatenate([right, wrong]))
    return plots.gallery(images[chosen], labels[chosen], probabilities=chances[chosen], theme=theme)


def _mistakes(theme: Theme) -> Plot:
    _, chances = trained()
    _, _, images, labels = parts()
    return plots.guesses(images, labels, chances, theme=theme)


def _saturated(theme: Theme) -> Plot:
    activations, _ = deep(F.tanh, 2.5)
    title = "Activations of eight tanh layers, weights too large"
    return plots.histograms(activations, limits=(-1, 1), title=title, theme=theme)


def _vanishing(theme: Theme) -> Plot:
    _, gradients = deep(F.sigmoid, 1.0)
    title = "Gradients ∂L/∂h through eight sigmoid layers"
    return plots.histograms(gradients, log=True, title=title, theme=theme)


def _beginnings(theme: Theme) -> Plot:
    """A signal on its way through twenty ReLU layers whose weights are drawn too small, right and too large."""
    width = 256
    networks: dict[str, dict[str, Any]] = {}
    for name, std in {"std = 0.01": 0.01, "std = √(2/n)": math.sqrt(2 / width), "std = 0.2": 0.2}.items():
        manual_seed(0)
        x = minidl.randn(64, width)
        networks[name] = {"input": x}
        for depth in range(1, 21):
            weight = nn.init.normal_(minidl.zeros(width, width), std=std)
            x = F.relu(x @ weight)
            if depth % 5 == 0:
                networks[name][f"layer {depth}"] = x
    return plots.spreads(networks, title="Three ways to begin", theme=theme)


def _shared_statistics(theme: Theme) -> Plot:
    """Nudges of one number, and what of the output of four normalisations moves."""
    draw, at = np.random.default_rng(0), (1, 1, 1, 1)
    images = draw.normal(size=(3, 4, 3, 3))
    nudged = images.copy()
    nudged[at] += 1
    layers = {
        "batch norm": nn.BatchNorm2d(4),
        "layer norm": nn.LayerNorm(images.shape[1:]),
        "instance norm": nn.InstanceNorm2d(4),
        "group norm": nn.GroupNorm(2, 4),
    }
    felt = {name: abs((norm(tensor(nudged)) - norm(tensor(images))).data) > 1e-6 for name, norm in layers.items()}
    return plots.sharing(felt, at, theme=theme)


def _sizes(theme: Theme) -> Plot:
    images, labels, *_ = parts()
    manual_seed(2)
    model = nn.Sequential()
    widths = (64, 48, 48, 48, 48, 10)
    for k, (fan_in, fan_out) in enumerate(pairwise(widths)):
        setattr(model, f"fc{k + 1}", nn.Linear(fan_in, fan_out))
    x = tensor(images.reshape(len(images), -1))
    linear = list(model.children())
    for layer in linear[:-1]:
        x = F.sigmoid(layer(x))
    optimizer = optim.SGD(model.parameters(), lr=0.5)
    before = {name: np.array(value) for name, value in model.state_dict().items()}
    F.cross_entropy(linear[-1](x), tensor(labels)).backward()
    optimizer.step()
    sizes = plots.layer_sizes(model, before)
    return plots.bars(sizes, marks={list(sizes)[-1]: 1e-3}, theme=theme)


def _rates(theme: Theme) -> Plot:
    images, labels, *_ = parts()
    rates = np.geomspace(1e-4, 10, 11)
    makers: dict[str, Callable[[Any, float], optim.Optimizer]] = {
        "SGD": lambda p, lr: optim.SGD(p, lr=lr),
        "momentum": lambda p, lr: optim.SGD(p, lr=lr, momentum=0.9),
        "Adam": lambda p, lr: optim.Adam(p, lr=lr),
    }
    losses: dict[str, list[float]] = {name: [] for name in makers}
    for name, make in makers.items():
        for rate in rates:
            model = classifier(32)
            end = train(model, make(model.parameters(), float(rate)), images, labels, 3)[-1]["train_loss"]
            losses[name].append(end if end < 10 else math.inf)  # far above the ln 10 of knowing nothing
    return plots.learning_rates(rates, losses, title="Digits, three epochs", loss_name="training loss", theme=theme)


def _loss_curves(theme: Theme) -> Plot:
    """The valley of the optimizer race, at three rates below and above the edge 2/16; the loss and the rate."""
    steps, losses, used = 60, {}, {}
    rates: dict[str, Callable[[int], float]] = {
        "too low": lambda t: 0.004, "too high": lambda t: 0.128, "falling": lambda t: 0.12 * 0.1 ** (t // 30)
    }  # fmt: skip
    for name, rate in rates.items():
        x, y = (minidl.scalar(value) for value in (-4.0, 1.2))
        optimizer, found = optim.SGD([x, y], lr=1.0), []
        for t in range(steps):
            optimizer.param_groups[0]["lr"] = rate(t)
            optimizer.zero_grad()
            loss = _valley(x, y)
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        losses[name], used[name] = found, [rate(t) for t in range(steps)]
    return plots.loss_curves(losses, used, title="Sixty steps down ½x² + 8y²", theme=theme)


def _schedules(theme: Theme) -> Plot:
    return plots.schedules(
        {"constant": lambda t: 0.05, "÷ 10 every 100": lambda t: 0.1 * 0.1 ** (t // 100),
         "warm-up, cosine": WarmupCosine(0.1, 300)},
        300, theme=theme,
    )  # fmt: skip


def _test_sets(theme: Theme) -> Plot:
    """Models judged on digits as they were written and on digits turned by ten degrees and shifted by 0.4 pixels."""
    from scipy.ndimage import rotate, shift

    images, labels, others, answers = parts()
    moved = shift(rotate(others, 10, axes=(3, 2), reshape=False, order=1), (0, 0, 0.4, 0.4), order=1)
    names, first, second = [], [], []
    for hidden in (4, 6, 8, 16, 64):
        model = classifier(hidden)
        train(model, optim.Adam(model.parameters(), lr=0.01), images, labels, 12)
        with no_grad():
            scores = [model(tensor(x.astype(np.float32))).data.argmax(axis=1) for x in (others, moved)]
        names.append(f"{hidden} units")
        first.append(float((scores[0] == answers).mean()))
        second.append(float((scores[1] == answers).mean()))
    return plots.scatter(
        first, second, names, theme=theme,
        axes_names=("accuracy on digits as written, in %", "accuracy turned and shifted, in %"),
    )  # fmt: skip


def _double_descent(theme: Theme) -> Plot:
    """Least squares on random ReLU features; the shortest of all solutions where there are many."""
    draw = np.random.default_rng(2)
    examples, features = 40, 12

    def target(x: Array) -> Array:
        return np.asarray(np.sin(2 * x[:, 0]) + 0.5 * x[:, 1])

    x, others = draw.normal(size=(examples, features)), draw.normal(size=(400, features))
    y, answers = target(x) + 0.3 * draw.normal(size=examples), target(others)
    sizes = [4, 8, 12, 16, 20, 24, 28, 32, 36, 38, 40, 42, 44, 48, 56, 70, 90, 120, 200, 400, 800]
    train, test = [], []
    for size in sizes:
        errors = []
        for _ in range(6):
            w = tensor(draw.normal(size=(features, size)) / math.sqrt(features))
            hidden, unseen = F.relu(tensor(x) @ w), F.relu(tensor(others) @ w)
            weights = minidl.linalg.pinv(hidden) @ tensor(y)
            errors.append(
                [float(((h @ weights).data - t).__pow__(2).mean()) for h, t in ((hidden, y), (unseen, answers))]
            )
        means = np.median(errors, axis=0)
        train.append(means[0])
        test.append(means[1])
    return plots.double_descent(
        sizes, train, test, examples, axes_names=("random features", "squared error"), theme=theme
    )


def _whitening(theme: Theme) -> Plot:
    draw = np.random.default_rng(0)
    data = tensor(draw.normal(size=(250, 2)) @ np.array([[1.5, 0.9], [0.0, 0.5]]) + [1.2, 0.9])
    centred = data - data.mean(0)
    values, vectors = minidl.linalg.eigh(centred.T @ centred / 250)
    turned, lengths = minidl.flip(centred @ vectors, (1,)), minidl.flip(values, (0,))  # the longest axis first
    steps = {"data": data, "− mean": centred, "turned (PCA)": turned, "whitened": turned / minidl.sqrt(lengths)}
    return plots.clouds(steps, theme=theme)


_MAKERS: dict[str, tuple[str, Callable[[Theme], Plot]]] = {
    "curves-early-stopping": ("Training curves with early stopping", _early_stopping),
    "curves-several-runs": ("Training curves of three optimizers", _runs),
    "decision-boundary": ("Decision boundary of a small network", _spirals),
    "decision-boundaries": ("One neuron on AND and XOR, and two layers", _gates),
    "fits": ("ReLU networks that follow a curve, piece by piece", _pieces),
    "optimizer-race": ("Three optimizers in one valley", _race),
    "activations": ("Activation functions and their derivatives", _activations),
    "activation-sigmoid": ("The sigmoid and its derivative", _sigmoid),
    "iterates": ("A network of tent maps: depth makes pieces", _iterates),
    "kernels": ("Kernels of a convolution", _kernels),
    "feature-maps": ("Feature maps of a digit", _feature_maps),
    "gabor-bank": ("A bank of Gabor filters", _gabor_bank),
    "gabor-answers": ("What Gabor filters answer to a photograph", _gabor_maps),
    "crops": ("Five crops of a photograph", _crops),
    "confusion-matrix": ("Confusion matrix of the digits", _confusion),
    "images-and-guesses": ("Digits with a network's guesses", _guesses),
    "mistakes": ("Misclassified digits with the likeliest classes", _mistakes),
    "histograms-activations": ("Saturated activations, layer by layer", _saturated),
    "histograms-gradients": ("Vanishing gradients, layer by layer", _vanishing),
    "spreads": ("A signal in twenty layers, three ways to begin", _beginnings),
    "shared-statistics": ("Which numbers share their statistics", _shared_statistics),
    "bars-weights-gradients": ("Weights, gradients and steps, layer by layer", _sizes),
    "learning-rates": ("Loss against learning rate", _rates),
    "schedules": ("Learning rate schedules", _schedules),
    "loss-curves": ("Losses of three runs over their learning rates", _loss_curves),
    "two-test-sets": ("Original and new test set", _test_sets),
    "double-descent": ("Double descent", _double_descent),
    "whitening": ("Whitening, step by step", _whitening),
}

EXHIBITS: tuple[Exhibit, ...] = tuple(Exhibit(f"plot-{name}", title, make) for name, (title, make) in _MAKERS.items())
"""Every kind of plot once, with what a course would show."""
