"""How weights begin: functions that fill a tensor in place and return it.

A layer of n inputs turns a signal of variance v into one of variance n·Var(w)·v, so 1/n keeps the size of a signal that
passes through many linear layers. ReLU halves it (half of the signal's square is lost), so there 2/n does. Over 20 layers
of 512 units the variance ends at about 0.99 of its beginning with 1/n and no activation, at 2⁻²⁰ ≈ 10⁻⁶ of it with 1/n
and ReLU, and at about 1.1 with 2/n and ReLU.

The names are a frequent confusion. What each paper printed, for a layer from n_in to n_out units:

| variance of a weight | who | here | also called |
| --- | --- | --- | --- |
| 1/n_in | LeCun, Bottou, Orr & Müller, 1998 | `lecun_normal_`, `lecun_uniform_` | some libraries' "Xavier" |
| 2/(n_in + n_out) | Xavier Glorot & Bengio, 2010 | `xavier_normal_`, `xavier_uniform_` | `glorot_normal_`, `glorot_uniform_` |
| 2/n_in | Kaiming He et al., 2015 | `kaiming_normal_`, `kaiming_uniform_` | `he_normal_`, `he_uniform_`; "Xavier/2" |

"Xavier" and "Glorot" are the first and the last name of one author, and so are "Kaiming" and "He". Where n_in = n_out the
first two rows agree, which is why 1/n is often called Xavier's; 2/n never is. The uniform versions draw from −√(3·variance)
to √(3·variance). `kaiming_*` defaults to `nonlinearity="leaky_relu"` with slope `a=0`, which is ReLU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from ..errors import DtypeError, ShapeError, UsageError
from ..graph import no_grad
from ..primitives.layers.random import Generator, default_generator
from ..tensor import Tensor

T = TypeVar("T", bound=Tensor)


_is_skipped: ContextVar[bool] = ContextVar("_is_skipped", default=False)


@contextmanager
def skipped() -> Iterator[None]:
    """Let the functions of this module leave tensors as they are, within the block; see `minidl.nn.utils.skip_init`."""
    token = _is_skipped.set(True)
    try:
        yield
    finally:
        _is_skipped.reset(token)


def _fill(tensor: T, values: Callable[[], Any], name: str) -> T:
    """Write what `values` makes into a tensor, unrecorded, and return it."""
    if not isinstance(tensor, Tensor):
        raise DtypeError(f"{name}: expected a tensor to fill, got {type(tensor).__name__}")
    if not _is_skipped.get():
        with no_grad():
            tensor.copy_(Tensor(np.asarray(values(), tensor.dtype)))
    return tensor


def _source(generator: Generator | None) -> np.random.Generator:
    return (generator or default_generator).numpy


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs an output has, and how many outputs an input has (fan-in and fan-out).

    Args:
        tensor: a weight, `(out, in)` or `(out, in, *kernel)`; each element of the kernel counts.

    >>> import minidl
    >>> fans(minidl.zeros(16, 3, 5, 5))
    (75, 400)
    """
    if tensor.ndim < 2:
        raise ShapeError(
            f"fan-in and fan-out are those of a weight with two axes or more, (out, in, …); got {tensor.shape}"
        )
    window = math.prod(tensor.shape[2:])
    return tensor.shape[1] * window, tensor.shape[0] * window


_GAINS: dict[str, Callable[[float], float]] = {
    "linear": lambda slope: 1.0,
    "sigmoid": lambda slope: 1.0,
    "tanh": lambda slope: 5.0 / 3.0,
    "relu": lambda slope: math.sqrt(2.0),
    "leaky_relu": lambda slope: math.sqrt(2.0 / (1.0 + slope**2)),
    "selu": lambda slope: 3.0 / 4.0,
}
_GAINS |= {f"conv{kind}{axes}d": _GAINS["linear"] for kind in ("", "_transpose") for axes in (1, 2, 3)}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by how much weights must be larger because an activation makes its signal smaller.

    Args:
        nonlinearity: linear, conv1d …, sigmoid, tanh, relu, leaky_relu or selu. (For a self-normalising network of SELUs
            take "linear".)
        param: the slope of a leaky ReLU; 0.01 if None.

    >>> calculate_gain("relu")
    1.4142135623730951
    """
    if nonlinearity not in _GAINS:
        raise UsageError(f"calculate_gain: no nonlinearity {nonlinearity!r}; there are {', '.join(_GAINS)}")
    if param is not None and (isinstance(param, bool) or not isinstance(param, int | float)):
        raise UsageError(f"calculate_gain: param, the slope, must be a number, got {param!r}")
    return _GAINS[nonlinearity](0.01 if param is None else param)


def constant_(tensor: T, val: float) -> T:
    """Fill with one number.

    >>> import minidl
    >>> constant_(minidl.zeros(2), 0.1)
    tensor([0.1000, 0.1000])
    """
    return _fill(tensor, lambda: np.full(tensor.shape, val), "constant_")


def zeros_(tensor: T) -> T:
    """Fill with zeros. Weights of zeros never learn to differ; for biases it is the usual beginning."""
    return constant_(tensor, 0.0)


def ones_(tensor: T) -> T:
    """Fill with ones."""
    return constant_(tensor, 1.0)


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, generator: Generator | None = None) -> T:
    """Draw evenly from `a` to `b`."""
    return _fill(tensor, lambda: _source(generator).uniform(a, b, tensor.shape), "uniform_")


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None) -> T:
    """Draw from the normal distribution with this mean and standard deviation."""
    if std < 0:
        raise UsageError(f"normal_: the standard deviation cannot be negative, got {std}")
    return _fill(tensor, lambda: _source(generator).normal(mean, std, tensor.shape), "normal_")


def trunc_normal_(
    tensor: T,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> T:
    """Draw from the normal distribution, but only from `a` to `b` (which do not scale with `std`).

    Each number is Φ⁻¹ of one drawn evenly from Φ((a − mean)/std) to Φ((b − mean)/std).

    >>> import minidl
    >>> bool(trunc_normal_(minidl.zeros(1000), std=5.0).data.max() <= 2)
    True
    """
    if std <= 0 or a >= b:
        raise UsageError(f"trunc_normal_: needs std > 0 and a < b, got std={std}, a={a} and b={b}")
    from scipy.special import ndtr, ndtri  # not needed by `import minidl`

    def drawn() -> Any:
        shares = _source(generator).uniform(ndtr((a - mean) / std), ndtr((b - mean) / std), tensor.shape)
        return np.clip(mean + std * ndtri(shares), a, b)

    return _fill(tensor, drawn, "trunc_normal_")


def eye_(tensor: T) -> T:
    """Make a matrix the identity: a linear layer that hands on what it gets, as far as there are outputs.

    >>> import minidl
    >>> eye_(minidl.zeros(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.ndim != 2:
        raise ShapeError(f"eye_: needs a matrix, got {tensor.shape}")
    return _fill(tensor, lambda: np.eye(tensor.shape[0], tensor.shape[1]), "eye_")


def dirac_(tensor: T, groups: int = 1) -> T:
    """Make a convolution's weight `(out, in / groups, *kernel)` hand on its channels: a 1 in the middle of each kernel.

    >>> import minidl
    >>> dirac_(minidl.zeros(1, 1, 3))
    tensor([[[0., 1., 0.]]])
    """
    if not 3 <= tensor.ndim <= 5:
        raise ShapeError(f"dirac_: needs a convolution's weight, (out, in, *kernel), got {tensor.shape}")
    if groups < 1 or tensor.shape[0] % groups:
        raise ShapeError(f"dirac_: {tensor.shape[0]} output channels cannot be divided into {groups} groups")
    values, each = np.zeros(tensor.shape), tensor.shape[0] // groups
    middle: tuple[Any, ...] = tuple(n // 2 for n in tensor.shape[2:])
    for channel in range(min(each, tensor.shape[1])):
        values[(slice(channel, None, each), channel, *middle)] = 1.0
    return _fill(tensor, lambda: values, "dirac_")


def orthogonal_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Make the rows, or the columns where there are fewer, orthogonal to each other and of length `gain`.

    Axes after the first count as one. Q of the QR decomposition of normally distributed numbers, its columns' signs being
    those of R's diagonal, is evenly distributed over all orthogonal matrices.

    Source: Saxe, McClelland & Ganguli, 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear neural
    networks"; Mezzadri, 2007, "How to generate random matrices from the classical compact groups".

    >>> import minidl
    >>> w = orthogonal_(minidl.zeros(3, 3, dtype=minidl.float64))
    >>> minidl.allclose(w @ w.T, minidl.eye(3, dtype=minidl.float64))
    True
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: needs two axes or more, got {tensor.shape}")
    if not tensor.numel():
        return tensor
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    q, r = np.linalg.qr(_source(generator).normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))
    return _fill(tensor, lambda: gain * (q.T if rows < columns else q).reshape(tensor.shape), "orthogonal_")


def sparse_(tensor: T, sparsity: float, std: float = 0.01, generator: Generator | None = None) -> T:
    """Draw normally, and make a share of each column 0, rounded up: each input feeds only some of the units.

    Source: Martens, 2010, "Deep learning via Hessian-free optimization".

    >>> import minidl
    >>> int((sparse_(minidl.zeros(5, 3), sparsity=0.5).data == 0).sum())
    9
    """
    if tensor.ndim != 2:
        raise ShapeError(f"sparse_: needs a matrix, got {tensor.shape}")
    rows, columns = tensor.shape

    def drawn() -> Any:
        source = _source(generator)
        values = source.normal(0.0, std, tensor.shape)
        zeros = math.ceil(sparsity * rows)
        for column in range(columns):
            values[source.permutation(rows)[:zeros], column] = 0.0
        return values

    return _fill(tensor, drawn, "sparse_")


def _draw_uniform(tensor: T, std: float, generator: Generator | None) -> T:
    """Evenly between ±√3·std, which has that standard deviation."""
    bound = math.sqrt(3.0) * std
    return uniform_(tensor, -bound, bound, generator)


def _xavier(tensor: Tensor, gain: float) -> float:
    return gain * math.sqrt(2.0 / max(1, sum(fans(tensor))))


def _kaiming(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise UsageError(f"kaiming: mode must be fan_in or fan_out, got {mode!r}")
    fan = fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(max(1, fan))


def xavier_uniform_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Draw evenly, with variance gain²·2/(fan_in + fan_out).

    Source: Glorot & Bengio, 2010, "Understanding the difficulty of training deep feedforward neural networks", eq. 16.

    >>> import minidl
    >>> bool(abs(xavier_uniform_(minidl.zeros(3, 3)).data).max() <= 1)
    True
    """
    return _draw_uniform(tensor, _xavier(tensor, gain), generator)


def xavier_normal_(tensor: T, gain: float = 1.0, generator: Generator | None = None) -> T:
    """Draw normally, with variance gain²·2/(fan_in + fan_out); see `xavier_uniform_`."""
    return normal_(tensor, 0.0, _xavier(tensor, gain), generator)


def kaiming_uniform_(
    tensor: T,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> T:
    """Draw evenly, with variance gain²/fan: 2/fan_in as it stands, which keeps the size of a signal through ReLUs.

    Args:
        tensor: the weight.
        a: the slope of a leaky ReLU, where `nonlinearity` is one.
        mode: "fan_in" keeps the size of the signal, "fan_out" that of the gradient.
        nonlinearity: what follows the layer; see `calculate_gain`.
        generator: the source of random numbers; the default one if None.

    Source: He, Zhang, Ren & Sun, 2015, "Delving deep into rectifiers", eq. 10 and 14.

    >>> import minidl
    >>> bool(abs(kaiming_uniform_(minidl.zeros(2, 6)).data).max() <= 1)
    True
    """
    return _draw_uniform(tensor, _kaiming(tensor, a, mode, nonlinearity), generator)


def kaiming_normal_(
    tensor: T,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> T:
    """Draw normally, with variance gain²/fan; see `kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming(tensor, a, mode, nonlinearity), generator)


def lecun_uniform_(tensor: T, generator: Generator | None = None) -> T:
    """Draw evenly, with variance 1/fan_in.

    Source: LeCun, Bottou, Orr & Müller, 1998, "Efficient BackProp", eq. 16.

    >>> import minidl
    >>> bool(abs(lecun_uniform_(minidl.zeros(2, 3)).data).max() <= 1)
    True
    """
    return _draw_uniform(tensor, _kaiming(tensor, 0.0, "fan_in", "linear"), generator)


def lecun_normal_(tensor: T, generator: Generator | None = None) -> T:
    """Draw normally, with variance 1/fan_in; see `lecun_uniform_`."""
    return normal_(tensor, 0.0, _kaiming(tensor, 0.0, "fan_in", "linear"), generator)


glorot_uniform_, glorot_normal_ = xavier_uniform_, xavier_normal_
he_uniform_, he_normal_ = kaiming_uniform_, kaiming_normal_
