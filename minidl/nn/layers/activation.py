"""Activations that grow without bound on one side: the rectifier and what was made of it."""

from __future__ import annotations

from typing import Any

from ...tensor import Tensor
from .. import functional as F
from .layer import InPlace, Layer


class ReLU(InPlace):
    """max(0, x).

    Source: Nair & Hinton, 2010, "Rectified linear units improve restricted Boltzmann machines".

    >>> import minidl
    >>> ReLU()(minidl.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.relu(input)


class ReLU6(InPlace):
    """min(max(0, x), 6).

    Source: Krizhevsky, 2010, "Convolutional deep belief networks on CIFAR-10".

    >>> import minidl
    >>> ReLU6()(minidl.tensor([-1.0, 2.0, 8.0]))
    tensor([0., 2., 6.])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.relu6(input)


class LeakyReLU(InPlace):
    """max(0, x) + a·min(0, x).

    Args:
        negative_slope: a.
        inplace: makes no difference.

    Source: Maas, Hannun & Ng, 2013, "Rectifier nonlinearities improve neural network acoustic models".

    >>> import minidl
    >>> LeakyReLU(0.1)(minidl.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.leaky_relu(input, self.negative_slope)


class RReLU(InPlace):
    """A leaky ReLU whose slope is drawn anew for each element while training, and their mean afterwards.

    Args:
        lower: the smallest slope.
        upper: the largest slope.
        inplace: makes no difference.

    Source: Xu, Wang, Chen & Li, 2015, "Empirical evaluation of rectified activations in convolution network".

    >>> import minidl
    >>> RReLU(0.1, 0.3).eval()(minidl.tensor([-1.0, 2.0]))
    tensor([-0.2000,  2.0000])
    """

    shown = ("lower", "upper")

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower = lower
        self.upper = upper

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.rrelu(input, self.lower, self.upper, self.training)


class ELU(InPlace):
    """x for x > 0, α(eˣ − 1) below.

    Args:
        alpha: α.
        inplace: makes no difference.

    Source: Clevert, Unterthiner & Hochreiter, 2016, "Fast and accurate deep network learning by exponential linear units".

    >>> import minidl
    >>> ELU()(minidl.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.elu(input, self.alpha)


class CELU(ELU):
    """max(0, x) + min(0, α(e^(x/α) − 1)), whose derivative is continuous for every α; see `ELU` for the arguments.

    Source: Barron, 2017, "Continuously differentiable exponential linear units".

    >>> import minidl
    >>> CELU(0.5)(minidl.tensor([-1.0, 2.0]))
    tensor([-0.4323,  2.0000])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.celu(input, self.alpha)


class SELU(InPlace):
    """λ(max(0, x) + min(0, α(eˣ − 1))), whose α and λ keep mean 0 and variance 1 through many layers.

    Source: Klambauer et al., 2017, "Self-normalizing neural networks".

    >>> import minidl
    >>> SELU()(minidl.tensor([-1.0, 2.0]))
    tensor([-1.1113,  2.1014])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.selu(input)


class GELU(Layer):
    """x Φ(x), Φ being the normal distribution's function.

    Args:
        approximate: "none", or "tanh" for the approximation of the paper.

    Source: Hendrycks & Gimpel, 2016, "Gaussian error linear units".

    >>> import minidl
    >>> GELU()(minidl.tensor([-1.0, 2.0]))
    tensor([-0.1587,  1.9545])
    """

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """Which of the two."""
        return f"approximate={self.approximate!r}"


class SiLU(InPlace):
    """x σ(x), also called swish.

    Source: Elfwing, Uchibe & Doya, 2018, "Sigmoid-weighted linear units for neural network function approximation in
    reinforcement learning".

    >>> import minidl
    >>> SiLU()(minidl.tensor([-1.0, 2.0]))
    tensor([-0.2689,  1.7616])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.silu(input)


class Mish(InPlace):
    """x tanh(ln(1 + eˣ)).

    Source: Misra, 2020, "Mish: a self regularized non-monotonic activation function".

    >>> import minidl
    >>> Mish()(minidl.tensor([-1.0, 2.0]))
    tensor([-0.3034,  1.9440])
    """

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.mish(input)


class Softplus(Layer):
    """ln(1 + e^(βx))/β, a smooth ReLU.

    Args:
        beta: β.
        threshold: from which βx on it is x itself.

    Source: Dugas, Bengio, Bélisle, Nadeau & Garcia, 2001, "Incorporating second-order functional knowledge for better option
    pricing".

    >>> import minidl
    >>> Softplus()(minidl.tensor([0.0, 30.0]))
    tensor([ 0.6931, 30.0000])
    """

    shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.softplus(input, self.beta, self.threshold)


class Threshold(InPlace):
    """x where it exceeds `threshold`, `value` elsewhere.

    Args:
        threshold: what x must exceed.
        value: what stands elsewhere.
        inplace: makes no difference.

    >>> import minidl
    >>> Threshold(0.1, 20.0)(minidl.tensor([-3.0, 0.5]))
    tensor([20.0000,  0.5000])
    """

    shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold = threshold
        self.value = value

    def forward(self, input: Tensor) -> Any:
        """Any shape; the same shape."""
        return F.threshold(input, self.threshold, self.value)
