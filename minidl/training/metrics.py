"""Numbers that say how well a network does, and how sure one can be of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import Tensor, no_grad
from ..errors import ShapeError, UsageError
from ..graph import data_of
from ..kernels import DeviceArray
from ..kernels.device import fetched
from .parallel import Alone, Communicator

if TYPE_CHECKING:
    from ..data import DataLoader
    from ..nn import Module


Values = NDArray[Any] | Tensor | Sequence[Any]
"""Numbers as metrics take them: an array, a tensor, in a graph or not, or a list."""


def plain(values: Values) -> NDArray[Any]:
    """Return the numbers as an array.

    >>> plain([1, 0])
    array([1, 0])
    """
    return np.asarray(fetched(data_of(values)))


def top_k_correct(scores: Values, labels: Values, k: int = 1) -> NDArray[np.bool_]:
    """Tell for each image whether its label is among the `k` classes with the highest scores.

    Args:
        scores: `(N, K)`, logits or probabilities.
        labels: `(N,)`, the right classes.
        k: how many guesses an image has.

    Returns:
        `(N,)`, whether one of the guesses is right. Of equal scores the class that comes first is guessed first; a row that
        holds NaN guesses nothing, so it is wrong.

    Raises:
        ShapeError: scores and labels do not fit together.
        UsageError: `k` is not from 1 to the number of classes.

    >>> scores = np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])
    >>> top_k_correct(scores, np.array([2, 0])), top_k_correct(scores, np.array([2, 0]), k=2)
    (array([False,  True]), array([ True,  True]))
    """
    scores, labels = plain(scores), plain(labels)
    if scores.ndim != 2 or labels.shape != scores.shape[:1]:
        raise ShapeError(f"scores must be (N, K) and labels (N,); got {scores.shape} and {labels.shape}")
    if not 1 <= k <= scores.shape[1]:
        raise UsageError(f"k must be from 1 to {scores.shape[1]}, the number of classes; got {k}")
    right: NDArray[np.bool_] = (ranking(scores)[:, :k] == labels[:, np.newaxis]).any(axis=1)
    return right & ~np.isnan(scores).any(axis=1)


def ranking(scores: NDArray[Any]) -> NDArray[np.intp]:
    """Return the classes of each row of scores `(N, K)` from the highest to the lowest, the first of equals first.

    >>> ranking(np.array([[1, 3, 3, 2]], np.uint8)).tolist()
    [[1, 2, 3, 0]]
    """
    # Not of −scores, which for unsigned numbers is another order.
    backwards = np.argsort(scores[:, ::-1], axis=1, kind="stable")[:, ::-1]
    order: NDArray[np.intp] = scores.shape[1] - 1 - backwards
    return order


def clopper_pearson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact confidence interval of a probability that was seen to succeed `successes` of `trials` times.

    Args:
        successes: how often it succeeded.
        trials: how often it was tried.
        confidence: how often such an interval holds the truth, at least.

    Returns:
        The lower and the upper end: the Beta(s, n − s + 1) quantile at α/2 and the Beta(s + 1, n − s) quantile at
        1 − α/2, with α = 1 − confidence.

    Raises:
        UsageError: the counts or the confidence make no sense.

    Source: C. Clopper, E. Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934).

    >>> low, high = clopper_pearson(8, 10)
    >>> f"[{low:.5f}, {high:.5f}]"
    '[0.44390, 0.97479]'
    """
    if not (0 <= successes <= trials and trials > 0 and 0 < confidence < 1):
        raise UsageError(f"no interval for {successes} successes in {trials} trials at confidence {confidence}")
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, trials - successes + 1, tail))
    high = 1.0 if successes == trials else float(betaincinv(successes + 1, trials - successes, 1 - tail))
    return low, high


def gradient_norms(model: Module) -> dict[str, float]:
    """Return the length of the gradient of each layer: the root of the sum of squares over all its parameters.

    Returns:
        One entry a module that has parameters of its own, in the model's order, under the module's path; a model that
        is itself a layer has the path "".
    """
    squares: dict[str, Any] = {}
    for name, parameter in model.named_parameters():
        layer = name.rpartition(".")[0]
        total = squares.get(layer, 0.0)
        if parameter.grad is not None:
            flat = parameter.grad.data.ravel().astype(np.float64)  # so that squares neither overflow nor vanish
            total = total + np.dot(flat, flat)
        squares[layer] = total
    there = [total for total in squares.values() if isinstance(total, DeviceArray)]
    known = iter(fetched(np.stack(there)) if there else ())  # all at once: each look at a GPU waits for it
    totals = [next(known) if isinstance(total, DeviceArray) else total for total in squares.values()]
    return {layer: float(np.sqrt(total)) for layer, total in zip(squares, totals, strict=True)}


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What a model said about each example of a data set.

    Attributes:
        loss: the mean loss.
        outputs: `(N, …)`, what the model gave: for a classifier its scores `(N, K)`.
        labels: `(N, …)`, the right answers: for a classifier the classes `(N,)`.
    """

    loss: float
    outputs: NDArray[Any]
    labels: NDArray[Any]

    @property
    def probabilities(self) -> NDArray[Any]:
        """The softmax of a classifier's scores, `(N, K)`."""
        shifted = np.exp(self.outputs - self.outputs.max(axis=1, keepdims=True))
        shares: NDArray[Any] = shifted / shifted.sum(axis=1, keepdims=True)
        return shares

    @property
    def correct(self) -> int:
        """The number of images whose most probable class is the right one."""
        return int(top_k_correct(self.outputs, self.labels).sum())

    @property
    def accuracy(self) -> float:
        """The share of images whose most probable class is the right one."""
        return self.correct / len(self.labels)

    def top_k_accuracy(self, k: int) -> float:
        """Return the share of images whose class is among the `k` most probable ones."""
        return float(top_k_correct(self.outputs, self.labels, k).mean())


def evaluate(
    model: Module,
    loader: DataLoader,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    parallel: Communicator | None = None,
) -> Evaluation:
    """Show a model a whole data set, in evaluation mode and without recording, and leave its mode as it was.

    Args:
        model: gives outputs `(N, …)` for inputs `(N, …)`.
        loader: hands out inputs and right answers.
        loss: from outputs and right answers to their mean loss; cross-entropy if None.
        parallel: the processes that share each batch, and all get the whole result; this one alone if None.

    >>> import minidl
    >>> from minidl import nn
    >>> from minidl.data import DataLoader, TensorDataset
    >>> scores = minidl.tensor([[3.0, 0.0], [0.0, 1.0], [2.0, 0.0]])
    >>> judged = evaluate(nn.Identity(), DataLoader(TensorDataset(scores, minidl.tensor([0, 1, 1])), batch_size=2))
    >>> judged.correct, round(judged.loss, 4)
    (2, 0.8296)
    """
    from ..nn import functional as F
    from ..nn.utils import device_of

    loss = F.cross_entropy if loss is None else loss
    parallel = parallel or Alone()
    was_training, there = model.training, device_of(model)
    model.eval()
    outputs, labels, total = [], [], np.zeros(1)
    try:
        with no_grad():
            for inputs, answers in loader:
                inputs, targets = inputs.to(there), answers.to(there)  # noqa: PLW2901
                own = parallel.share(len(targets))
                said = model(inputs if own == slice(0, len(targets)) else inputs[own])
                if own.stop > own.start:
                    total += float(loss(said, targets[own]).item()) * len(said)
                rows = fetched(said.data)
                if parallel.size > 1:  # the others' rows are zeros here, so that a sum puts all together
                    rows = np.zeros((len(targets), *said.shape[1:]), said.dtype)
                    rows[own] = fetched(said.data)
                outputs.append(rows)
                labels.append(fetched(answers.data))
    finally:
        model.train(was_training)
    everything, right = np.concatenate(outputs), np.concatenate(labels)
    parallel.sum_([total, everything])
    return Evaluation(float(total[0]) / len(right), everything, right)
