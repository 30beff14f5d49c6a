"""The node: a plain record of one computed value and of how it was computed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..errors import DeviceError, DtypeError, GraphError, ShapeError
from ..kernels import ARRAYS, DeviceArray
from ..kernels.device import where_is
from .mode import state
from .place import Place, user_place

if TYPE_CHECKING:
    from .primitive import Primitive

clock: Any = iter(range(1, sys.maxsize))
"""Ticks once for every node made and every value changed in place, so either can be compared with the other."""


def _counts_from_the_start() -> bool:
    """Whether a range's iterator is put forward by a position, as in Python 3.11, or by a distance, as since 3.12."""
    probe: Any = iter(range(9))
    next(probe)
    probe.__setstate__(1)
    return next(probe) == 1


_IS_ABSOLUTE = _counts_from_the_start()


def catch_up(tick: int) -> None:
    """Let the clock go on behind a tick that came from another process, so that what happens from now on is later.

    A range's iterator is as fast as a counter, and can be put forward.
    """
    now = next(clock)
    if tick >= now:
        clock.__setstate__(tick if _IS_ABSOLUTE else tick - now)


def restore(thing: Any, state: Any) -> None:
    """Give an object that is copied or comes from another process its attributes, as `copyreg` describes them."""
    own, slots = state if isinstance(state, tuple) else (state, None)
    for name, value in {**(own or {}), **(slots or {})}.items():
        setattr(thing, name, value)


class Changes:
    """What all nodes that share memory know together: when and where it was last changed in place.

    Attributes:
        tick: the clock's time of the last change; 0 for never.
        place: the user's line that made it.
        kept: whether the value from before is still there, to be drawn.
        recorded: whether the record still computes the value from before.
    """

    __slots__ = ("kept", "place", "recorded", "tick")

    latest: ClassVar[int] = 0
    """The tick of the last change of anything: what was computed since then can be used without looking closer."""

    def __init__(self, tick: int = 0, place: Place | None = None, kept: bool = False, recorded: bool = False) -> None:
        self.tick = tick
        if tick:
            Changes.note(tick)
        self.place = place
        self.kept = kept
        self.recorded = recorded

    @staticmethod
    def note(tick: int) -> None:
        """Let `latest` be no earlier than this tick."""
        with _noting:
            Changes.latest = max(tick, Changes.latest)

    def __setstate__(self, state: Any) -> None:
        restore(self, state)
        catch_up(self.tick)
        Changes.note(self.tick)


_noting = threading.Lock()


class Extras:
    """What only few nodes have, so that the others need not carry it.

    Attributes:
        retains_grad: whether backward keeps this intermediate value's gradient.
        hooks: called with its complete gradient, which they may replace.
        after: called with a leaf once its `.grad` is up to date.
        place: the user's line that computed it, under `detect_anomaly`.
        checksums: of the inputs' data at that time, under `detect_anomaly`.
        view: for a view that is not recorded, the primitive, its parameters, and the node whose memory it shows.
        earlier: the node that holds the record from before an in-place operation.
        dropped: whether its values are recomputed when read (`checkpoint`).
    """

    retains_grad: bool = False
    hooks: dict[int, Callable[[Any], Any]] | None = None
    after: dict[int, Callable[[Any], None]] | None = None
    place: Place | None = None
    checksums: tuple[int | None, ...] | None = None
    view: tuple[Primitive, dict[str, Any], Node] | None = None
    earlier: Node | None = None
    dropped: bool = False


class Node:
    """One computed value and the recipe that made it.

    There is nothing hidden: no closure, no reference to a later node. A graph therefore goes away with its last output.

    Attributes:
        data: the array (a NumPy array, or a `numpy.float64` for a scalar of `minidl.scalar`).
        grad: the accumulated gradient of a leaf, or None.
        requires_grad: whether gradients flow to this value.
        primitive: the operation that made it; None for a leaf.
        inputs: what the operation was given, in order, duplicates kept; a constant stands here as the plain number or array.
        params: the operation's other arguments, such as `dim`.
        saved: what the operation kept for its derivative, such as the positions of the maxima.
        name: the name a person gave it, or None.
        scope: the path of the module that it was made in, or "".
        order: the tick of the clock at which it was made; inputs always precede outputs.
        extras: what only few nodes have, such as hooks; None for the others.
    """

    __slots__ = (
        "__weakref__",
        "_changes",
        "_data",
        "_grad",
        "_requires_grad",
        "extras",
        "inputs",
        "name",
        "order",
        "params",
        "primitive",
        "saved",
        "scope",
    )

    _data: Any
    _grad: Node | None
    _requires_grad: bool
    primitive: Primitive | None
    inputs: tuple[Any, ...]
    params: dict[str, Any]
    saved: Any
    name: str | None
    scope: str
    order: int
    extras: Extras | None
    _changes: Changes | None

    result_class: ClassVar[type[Node]]
    """The class of an operation's result when this class is among its inputs."""

    def __init__(self, data: Any, requires_grad: bool = False, name: str | None = None) -> None:
        if requires_grad and data.dtype.kind != "f":
            hint = "there are no complex gradients here" if data.dtype.kind == "c" else "write 2.0 for 2"
            raise DtypeError(f"only floating-point tensors can require gradients, not {data.dtype}; {hint}")
        self._data = data
        self._requires_grad = requires_grad
        self.params = NO_PARAMS
        self.name = name
        self.scope = ""
        self.order = next(clock)
        self.inputs = ()
        self.primitive = self.saved = self.extras = self._grad = self._changes = None

    def __setstate__(self, state: Any) -> None:
        restore(self, state)
        catch_up(self.order)
        Changes.note(self.order)

    def __getattr__(self, name: str) -> Any:
        """Only reached for what is not there: the values that `checkpoint` dropped are computed again."""
        if name in ("_data", "saved") and (extras := getattr(self, "extras", None)) is not None and extras.dropped:
            from .history import recompute  # only needed by those who drop something

            recompute(self)
            return getattr(self, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    @property
    def grad(self) -> Any:
        """The accumulated gradient of a leaf, or None."""
        if not state.plain and state.tape is not None:
            state.tape.gradient_read(self)
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None and value is not self._grad:
            if not isinstance(value, Node):
                raise DtypeError(f"x.grad must be a tensor or None, got {type(value).__name__}")
            if value.shape != self.shape:
                raise ShapeError(f"x.grad must have the tensor's shape {self.shape}, got {value.shape}")
            if value.dtype != self.dtype:
                raise DtypeError(f"x.grad must have the tensor's dtype {self.dtype}, got {value.dtype}")
            if where_is(value._data) is not where_is(self._data):
                here, there = where_is(self._data), where_is(value._data)
                raise DeviceError(f"x.grad must be where the tensor is, on {here}; got one on {there}")
            if value is self:
                raise GraphError("a tensor cannot be its own gradient; assign a copy: x.grad = x.clone()")
        if not state.plain and state.tape is not None:
            state.tape.gradient_set(self, value)
        self._grad = value

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to this value; it can be set on leaves."""
        return self._requires_grad

    @requires_grad.setter
    def requires_grad(self, wanted: bool) -> None:
        if not self.is_leaf:
            raise GraphError(
                "only leaves can be told whether to require gradients, not a recorded result; use detach() to cut the "
                "graph here"
            )
        if wanted and self.dtype.kind != "f":
            raise DtypeError(
                f"only real floating-point tensors can require gradients, not {self.dtype}; convert with "
                "x.to(minidl.float32) first"
            )
        self._requires_grad = bool(wanted)

    @property
    def freed(self) -> bool:
        """Whether an earlier backward(retain_graph=False) freed what it needs for its derivative."""
        return self.primitive is not None and not self.inputs

    @property
    def retains_grad(self) -> bool:
        """Whether backward keeps the gradient of this intermediate value."""
        return self.extras is not None and self.extras.retains_grad

    def own_extras(self) -> Extras:
        """Its extras, made if there are none yet."""
        if self.extras is None:
            self.extras = Extras()
        return self.extras

    @property
    def data(self) -> Any:
        """The array itself. Assigning to it, or `x.data -= …`, is noticed; writing into it (`x.data[i] = …`) is not."""
        return self._data if state.plain or state.tape is None else state.tape.watch(self)

    @data.setter
    def data(self, value: Any) -> None:
        if not isinstance(value, (*ARRAYS, np.generic)):
            try:
                value, dtype = data_of(value), self._data.dtype
                value = value.astype(dtype) if value.__class__ is DeviceArray else np.asarray(value, dtype)
            except (TypeError, ValueError) as error:
                raise DtypeError(f"x.data must be an array or numbers, got {value!r:.60}") from error
        self._data = value if state.plain or state.tape is None else state.tape.replaced(self, value)
        self.note_change()

    def note_change(self) -> None:
        """Note that its memory has another content from now on, and the user's line that wrote it."""
        note_changes((self,))

    @property
    def changed(self) -> int:
        """The tick at which its data, or data it shares memory with, were last replaced or changed in place; 0 for never."""
        return 0 if self._changes is None else self._changes.tick

    def shares_memory_with(self, other: Node) -> None:
        """Note that a change of either is a change of both."""
        if other._changes is None:
            other._changes = Changes()
        self._changes = other._changes

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes; `()` for a scalar."""
        return self._data.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def dtype(self) -> Any:
        """The NumPy dtype of the data, such as `minidl.float32`."""
        return self._data.dtype

    @property
    def is_leaf(self) -> bool:
        """Whether it was made by a person rather than by a recorded operation."""
        return self.primitive is None


Node.result_class = Node
NO_PARAMS: dict[str, Any] = {}


def note_changes(nodes: Sequence[Node]) -> None:
    """Note that nodes' memory has another content from now on, and the user's line that wrote all of it."""
    tick, place = next(clock), user_place()
    for node in nodes:
        if node._changes is None:
            node._changes = Changes()
        node._changes.tick, node._changes.place = tick, place
        if node.extras is not None:
            node.extras.dropped = False  # what was written cannot be recomputed
    Changes.note(tick)


def data_of(x: Any) -> Any:
    """Return a node's array, or `x` itself when it is no node."""
    return x._data if isinstance(x, Node) else x


def array_of(x: Any) -> Any:
    """Return the array of a node, an array, a number or a list, to be worked on with NumPy beside the graph.

    What is done with it is seen by a tape that records (`minidl.compile`), as what is done with `data_of` is not.
    """
    if state.tape is not None:
        return state.tape.watch(x)
    array = data_of(x)
    return array if array.__class__ is DeviceArray else np.asarray(array)


def beside(function: Callable[..., Any], *args: Any) -> Any:
    """Call a function that works on arrays beside the graph; a tape that records takes it as one instruction."""
    return function(*args) if state.tape is None else state.tape.numpy_call(function.__name__, function, args, {})
