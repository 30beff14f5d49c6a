"""What losses and normalisations ask of their arguments, and how losses are averaged."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import DeviceError, DtypeError, GraphError, ShapeError, UsageError
from ...graph import Node, array_of, beside, is_grad_enabled
from ...kernels import DeviceArray
from ...kernels.device import where_is
from ...primitives.kinds import Shape, Value, shape_of
from ...primitives.mismatch import explain_broadcast, marked_apart
from ...primitives.reductions.reduction import mean, sum

REDUCTIONS = ("mean", "sum", "none")


def check_reduction(name: str, reduction: str, allowed: tuple[str, ...] = REDUCTIONS) -> None:
    """Refuse an unknown reduction.

    Raises:
        UsageError: not one of `allowed`.
    """
    if reduction not in allowed:
        *first, last = map(repr, allowed)
        raise UsageError(f"{name}: reduction must be {', '.join(first)} or {last}, got {reduction!r}")


def reduced(losses: Value, reduction: str) -> Value:
    """Average the losses, add them up, or leave them as they are; the mean of none is NaN, as in PyTorch."""
    if reduction == "none":
        return losses
    return mean(losses) if reduction == "mean" else sum(losses)


def check_same_shape(name: str, input: Value, target: Value, other: str = "target") -> None:
    """Refuse what would have to be broadcast.

    Raises:
        ShapeError: the shapes differ.
    """
    if shape_of(input) != shape_of(target):
        first, second = marked_apart(shape_of(input), shape_of(target))
        raise ShapeError(
            f"{name}: input {first} and {other} {second} differ; "
            "broadcasting them would average the wrong pairs: reshape one to the other's shape"
        )


def check_broadcast(name: str, **values: Value) -> None:
    """Refuse shapes that do not broadcast, in the name of the operation that was called.

    Raises:
        ShapeError: the shapes do not fit each other.
    """
    problem = explain_broadcast(*map(shape_of, values.values()))
    if problem:
        raise ShapeError(f"{name}: {' and '.join(values)}: {problem.format(*values)}")


def check_fits(name: str, argument: str, value: Value | None, shape: Shape, whose: str = "the input's shape") -> None:
    """Refuse a factor or mask that does not broadcast to `shape`, or would make the result larger.

    Raises:
        ShapeError: it does not fit.
    """
    if value is None:
        return
    own = shape_of(value)
    if len(own) > len(shape) or not all(m in (1, n) for m, n in zip(own[::-1], shape[::-1], strict=False)):
        given, wanted = marked_apart(own, shape, fitting=True)
        raise ShapeError(f"{name}: {argument} {given} does not broadcast to {whose} {wanted}")


def check_share(name: str, **values: float) -> None:
    """Refuse what is no probability or share.

    Raises:
        UsageError: not a number in 0 … 1.
    """
    for argument, value in values.items():
        if not (isinstance(value, int | float | np.number) and 0.0 <= value <= 1.0):
            raise UsageError(f"{name}: {argument} must lie in 0 … 1, got {value!r}")


def check_float(name: str, **values: Value) -> None:
    """Refuse whole numbers where fractions must come out.

    Raises:
        DtypeError: integers or truth values.
    """
    for argument, value in values.items():
        dtype = getattr(value, "dtype", None)
        if dtype is not None and dtype.kind not in "fc":
            raise DtypeError(
                f"{name}: {argument} must hold floating-point numbers, got {dtype}; "
                f"convert with {argument}.to(minidl.float32)"
            )


def check_shape(name: str, argument: str, value: Value | None, wanted: Shape, meaning: str) -> None:
    """Refuse an argument whose shape follows from the others'.

    Raises:
        ShapeError: it has another one.
    """
    if value is not None and shape_of(value) != wanted:
        raise ShapeError(
            f"{name}: {argument} must be {wanted}, {meaning}; got {marked_apart(shape_of(value), wanted)[0]}"
        )


def check_device(name: str, **given: Value | None) -> None:
    """Make sure that tensors with axes which meet beside the graph are on one device; NumPy arrays are constants.

    Raises:
        DeviceError: they are not.
    """
    there = {
        argument: where_is(value._data) for argument, value in given.items() if isinstance(value, Node) and value.shape
    }
    if len(set(there.values())) > 1:
        told = ", ".join(f"{argument} on {device}" for argument, device in there.items())
        raise DeviceError(f"{name}: tensors on several devices: {told}; bring them together with .to(…)")


def check_class_weight(name: str, weight: Value | None, classes: int) -> None:
    """Refuse a weight of classes that does not fit, or that waits for a gradient which these losses do not have.

    Raises:
        ShapeError: not one number a class.
        GraphError: it requires a gradient.
    """
    check_shape(name, "weight", weight, (classes,), "one number a class")
    if isinstance(weight, Node) and weight.requires_grad and is_grad_enabled():
        raise GraphError(f"{name}: the weight of the classes is a constant, without a gradient; pass weight.detach()")


def class_numbers(name: str, target: Value, shape: Shape, classes: int, ignore_index: int | None = None) -> Any:
    """Return the target's class numbers as an array of `shape`.

    Raises:
        DtypeError: no whole numbers.
        ShapeError: another shape.
        UsageError: a class number outside 0 … C − 1 that is not `ignore_index`. On a GPU, which would have to be waited for,
            it makes the loss NaN instead.
    """
    given = array_of(target)
    if given.dtype.kind not in "iu":
        raise DtypeError(
            f"{name}: the target must be class numbers, got {given.dtype}; convert with target.to(minidl.int64)"
        )
    if given.shape != shape:
        raise ShapeError(
            f"{name}: the target must be {shape}, a class number for each of the input's examples; "
            f"got {marked_apart(given.shape, shape)[0]}"
        )
    labels = given.astype(np.int64)
    if labels.__class__ is not DeviceArray and not beside(_are_classes, labels, classes):
        wrong = labels[((labels < 0) | (labels >= classes)) & (labels != ignore_index)]
        if wrong.size:
            raise UsageError(f"{name}: class {wrong[0]} is outside 0 … {classes - 1}")
    return labels


def _are_classes(labels: Any, classes: int) -> bool:
    """Whether all lie in 0 … C − 1; without their sign, numbers below 0 are the largest."""
    return not labels.size or bool(labels.view(np.uint64).max() < classes)
