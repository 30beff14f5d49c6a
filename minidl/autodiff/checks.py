"""What a sweep checks on its way, so that no number is silently wrong."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import GraphError
from ..graph import Node, data_of, describe
from ..graph.anomaly import checksum
from ..graph.history import changed_error, check_kept
from ..kernels.device import fetched

Value = Any


def check_usable(node: Node) -> None:
    """Refuse a node whose recorded values are gone or no longer what they were.

    Raises:
        GraphError: saying which, and what to do.
    """
    check_kept(node)
    if node.primitive is not None and node.changed > node.order and not _is_kept(node):
        raise changed_error(node, node)
    for x in node.inputs:
        if isinstance(x, Node) and x.changed > node.order and not _is_kept(x):
            raise changed_error(x, node)


def _is_kept(node: Node) -> bool:
    return node._changes is not None and node._changes.kept


def check_readable(node: Node) -> None:
    """The same for the backward pass, to which only the values count that a rule reads.

    Raises:
        GraphError: saying which value is gone, where it was changed, and what to do.
    """
    if not node.inputs:
        check_kept(node)
    if node.extras is not None and node.extras.checksums is not None:
        _check_sums(node)
    late = [k for k, x in enumerate(node.inputs) if isinstance(x, Node) and x._changes and x.changed > node.order]
    if node._changes and node.changed > node.order:
        late.append(-1)
    if not late:
        return
    primitive = node.primitive
    assert primitive is not None
    for i, x in enumerate(node.inputs):
        if isinstance(x, Node) and x._requires_grad:
            for k in primitive.reads(i, len(node.inputs)).intersection(late):
                raise changed_error(node if k == -1 else node.inputs[k], node)


def _check_sums(node: Node) -> None:
    assert node.extras is not None
    assert node.primitive is not None
    assert node.extras.checksums is not None
    read: set[int] = set()
    for i, x in enumerate(node.inputs):
        if isinstance(x, Node) and x._requires_grad:
            read |= node.primitive.reads(i, len(node.inputs))
    for k, x in enumerate(node.inputs):
        if k in read and checksum(data_of(x)) != node.extras.checksums[k]:
            what = describe(x) if isinstance(x, Node) else f"input {k}"
            raise GraphError(
                f"{what} was changed in place after {describe(node)} was computed from it{_line(node)}: its numbers are no "
                "longer those of then. It was written to through .data[i] or .numpy(), which is not noticed without "
                "detect_anomaly(); write into a copy instead"
            )


def check_sent(node: Node, i: int, sent: Value, upstream: Value) -> None:
    """Refuse a contribution that holds a NaN or an infinity.

    Raises:
        GraphError: naming the operation, the input, the shapes, the line that computed it, and the usual cause.
    """
    array = np.asarray(fetched(data_of(sent)))
    if array.dtype.kind not in "fc" or np.isfinite(array).all():
        return
    assert node.primitive is not None
    x = node.inputs[i]
    what = "NaN" if np.isnan(array).any() else "an infinity"
    wrong = int((~np.isfinite(array)).sum())
    share = f", in {wrong} of {array.size} elements" if array.size > 1 else ""
    shapes = ", ".join(str(getattr(v, "shape", ())) for v in node.inputs)
    if not np.isfinite(np.asarray(fetched(data_of(upstream)))).all():
        cause = (
            "The gradient that it received was not finite to begin with: look at what the backward pass started from"
        )
    elif not all(np.isfinite(np.asarray(fetched(data_of(v)))).all() for v in node.inputs if _is_float(v)):
        cause = "One of its inputs was not finite already: look at the forward pass before it"
    else:
        cause = _CAUSES.get(node.primitive.name, "A value lies where its derivative is infinite or overflows")
    raise GraphError(
        f"the backward of {node.primitive.name} sends {what} to {describe(x)}{share}; its inputs have the shapes {shapes}"
        f"{_line(node)}. {cause}"
    )


def _is_float(value: Value) -> bool:
    return getattr(data_of(value), "dtype", np.dtype(float)).kind in "fc"


def _line(node: Node) -> str:
    place = node.extras.place if node.extras is not None else None
    if place is None:
        return ", computed outside detect_anomaly() (run the forward pass inside it too, to see the line)"
    return f", computed at {place}" + (f": {place.text}" if place.text else "")


_CAUSES = {
    "sqrt": "The derivative of √x is infinite at 0: add a small number inside, √(x + 1e−12)",
    "rsqrt": "1/√x is infinite at 0: add a small number inside",
    "log": "log x has no finite derivative at 0: use log_softmax, log1p or logsigmoid, or add a small number inside",
    "div": "Something is divided by 0, or by a number so small that the quotient overflows: add a small number below",
    "reciprocal": "1/x is infinite at 0: add a small number below",
    "pow": "A power below 1 has an infinite derivative at 0, and a negative base none for an exponent that is no whole number",
    "exp": "eˣ overflows for large x: subtract the maximum first, or use softmax, logsumexp or expm1",
    "norm": "A norm has no derivative where all is 0",
    "asin": "The derivative of asin is infinite at ±1",
    "acos": "The derivative of acos is infinite at ±1",
}
