"""The backward pass as a graph, and Hessian-vector products."""

from __future__ import annotations

import numpy as np

import minidl

from ..drawing.figure import Figure
from ..drawing.theme import Theme
from ..mirror.backward import draw_backward
from ..mirror.second import draw_hvp
from .exhibit import Exhibit


def _product(theme: Theme) -> Figure:
    x, y, z = minidl.scalar(-2.0, name="x"), minidl.scalar(5.0, name="y"), minidl.scalar(-4.0, name="z")
    return draw_backward((x + y) * z, theme=theme)


def _affine(theme: Theme) -> Figure:
    weight = minidl.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True, name="W")
    x = minidl.tensor([1.0, -1.0], requires_grad=True, name="x")
    bias = minidl.tensor([0.5, -2.0], requires_grad=True, name="b")
    return draw_backward(minidl.squared_norm(weight @ x + bias).named("z"), theme=theme)


def _neuron(theme: Theme) -> Figure:
    w, x, b = minidl.scalar(2.0, name="w"), minidl.scalar(-1.0, name="x"), minidl.scalar(3.0, name="b")
    return draw_backward(minidl.sigmoid(w * x + b).named("a"), theme=theme)


def _shared(theme: Theme) -> Figure:
    x, y = minidl.scalar(1.0, name="x"), minidl.scalar(2.0, name="y")
    return draw_backward(x * minidl.sin(x * y), theme=theme)


def _sigmoids(theme: Theme) -> Figure:
    x = minidl.scalar(0.5, name="x")
    return draw_backward(x.sigmoid().named("h_1").sigmoid().named("h_2").sigmoid().named("L"), theme=theme)


def _cube(theme: Theme) -> Figure:
    x = minidl.scalar(2.0, name="x")
    return draw_hvp(x**3, {x: 1.0}, theme=theme)


def _square_times(theme: Theme) -> Figure:
    x, y = minidl.scalar(2.0, name="x"), minidl.scalar(3.0, name="y")
    return draw_hvp(x * x * y, {x: 1.0, y: 0.5}, theme=theme)


def _log_sum(theme: Theme) -> Figure:
    x, y = minidl.scalar(1.0, name="x"), minidl.scalar(2.0, name="y")
    return draw_hvp(minidl.log(minidl.exp(x) + minidl.exp(y)), {x: 1.0, y: -1.0}, theme=theme)


def _least_squares(theme: Theme) -> Figure:
    weight = minidl.tensor([[1.0, 2.0], [3.0, -1.0]], name="W")
    x = minidl.tensor([1.0, -1.0], requires_grad=True, name="x")
    return draw_hvp(minidl.squared_norm(weight @ x).named("z"), {x: np.array([1.0, 0.0])}, theme=theme)


EXHIBITS: tuple[Exhibit, ...] = (
    Exhibit("backward-product", "The backward pass of f = (x + y)·z as the mirror of the forward pass", _product),
    Exhibit("backward-affine", "The backward pass of z = ‖Wx + b‖²", _affine),
    Exhibit("backward-neuron", "The backward pass of a = σ(w·x + b)", _neuron),
    Exhibit(
        "backward-shared", "The backward pass of f = x·sin(x·y): where a value forks, gradients are added", _shared
    ),
    Exhibit("backward-sigmoids", "The backward pass through three sigmoids uses their outputs again", _sigmoids),
    Exhibit("hvp-cube", "The second derivative of x³: the change of the backward pass", _cube),
    Exhibit("hvp-product", "The Hessian of x²·y times a vector", _square_times),
    Exhibit("hvp-log-sum", "The Hessian of ln(eˣ + eʸ) times a vector", _log_sum),
    Exhibit("hvp-least-squares", "The Hessian of ‖Wx‖² times a vector is 2WᵀWv", _least_squares),
)
