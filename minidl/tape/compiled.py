"""`minidl.compile`: a function that is recorded once and replayed from then on."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Sequence
from functools import update_wrapper
from types import MethodType
from typing import Any

import numpy as np

from ..autodiff.trees import leaves, rebuild, structure
from ..errors import GraphError, UsageError
from ..graph import Node
from ..graph.mode import state
from ..kernels import DeviceArray, dtypes
from ..kernels.cuda import array as device
from ..tensor import Tensor
from .agreement import difference, disagreement
from .device import DeviceTape, OnDevice
from .program import Slot
from .recorder import Recorder
from .replay import StaleError
from .tape import Tape

KEPT = 8
"""So many tapes are kept for arguments of one kind: for training and for evaluation, with and without gradients."""

KINDS = 64
"""So many kinds of arguments are remembered: a function that is given another number each time does not fill the memory."""


class CompileWarning(UserWarning):
    """A compiled function was recorded again, or cannot be replayed."""


class Compiled:
    """What `minidl.compile` returns. It is called like the function that it holds.

    Attributes:
        function: the function itself.
        check_every: at every such replay the function also runs in the ordinary way, and the two must agree; 0 for never.
        recordings: how often it was recorded.
    """

    def __init__(self, function: Callable[..., Any], check_every: int = 0) -> None:
        self.function = function
        self.check_every = check_every
        self.recordings = 0
        self._name = getattr(function, "__qualname__", type(function).__name__).rpartition(".")[2]
        self._tapes: dict[Any, list[Tape]] = {}
        self._plain: dict[Any, str] = {}
        self._said: set[str] = set()
        self._calls = 0
        self._latest: Tape | None = None
        self._lock = threading.RLock()
        self._on_device = OnDevice(function, self._name, self._say, check_every)
        update_wrapper(self, function, updated=())

    def __reduce__(self) -> Any:
        """A copy holds the same function, or a copied model's method, and records anew."""
        return type(self), (self.function, self.check_every)

    def __get__(self, owner: Any, kind: type | None = None) -> Any:
        """As a class's attribute it is a method."""
        return self if owner is None else MethodType(self, owner)

    @property
    def tape(self) -> Tape | DeviceTape:
        """The tape of the latest call.

        Raises:
            UsageError: there was no call yet.
        """
        latest = self._on_device.latest or self._latest
        if latest is None:
            raise UsageError(f"{self._name} has no tape yet: call it once")
        return latest

    @property
    def tapes(self) -> list[Tape | DeviceTape]:
        """All tapes that are kept, one for each kind of arguments and each mode."""
        return [tape for kept in (self._tapes, self._on_device.tapes) for found in kept.values() for tape in found]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Replay, or record if nothing fits."""
        if state.tape is not None or state.anomaly:
            return self.function(*args, **kwargs)
        given = leaves((args, kwargs))
        arrays = [a for a in given if isinstance(a, Node | np.ndarray)]
        key = structure((args, kwargs)), _key(given)
        if device.met and self._on_device.takes(key, given):
            with self._lock:
                return _detached(self._on_device(key, given, args, kwargs))
        if key in self._plain:
            return _detached(self.function(*args, **kwargs))
        with self._lock:
            candidates = self._tapes.get(key, [])
            for tape in candidates:
                if tape.fits():
                    if tape.confirmed:
                        try:
                            return self._replay(tape, arrays, args, kwargs)
                        except StaleError as failed:
                            self._explain(failed)
                            candidates.remove(tape)
                            break
                    return self._record(key, args, kwargs, arrays, tape)
            return self._record(key, args, kwargs, arrays)

    def _replay(self, tape: Tape, arrays: Sequence[Any], args: Any, kwargs: Any) -> Any:
        self._calls += 1
        self._latest = tape
        if not self.check_every or self._calls % self.check_every:
            return tape.replay(arrays)
        restore = tape.save(arrays)
        result = tape.replay(arrays)
        mine = tape.state_after(result)
        restore()
        other = _detached(self.function(*args, **kwargs))
        if (where := disagreement(mine, tape.state_after(other))) is not None:
            raise GraphError(
                f"{self._name}: the replay and the function itself disagree in {where}; it depends on something that the tape "
                "does not see, such as a variable that changes from call to call: make it a tensor or an argument"
            )
        return other

    def _record(self, key: Any, args: Any, kwargs: Any, arrays: Sequence[Any], earlier: Tape | None = None) -> Any:
        """Run the function in the ordinary way and write down what it does.

        The first tape is not used yet: only what the second call does again in the same way is believed. What differs
        although nothing that the tape knows of has changed was computed out of its sight.
        """
        self.recordings += 1
        recorder = Recorder()
        slots = [_entered(recorder, a) for a in arrays]
        seen = [recorder.watched(a, s) if isinstance(a, np.ndarray) else a for a, s in zip(arrays, slots, strict=True)]
        replaced = dict(zip(map(id, arrays), seen, strict=True))
        new_args, new_kwargs = rebuild((args, kwargs), [replaced.get(id(a), a) for a in leaves((args, kwargs))])
        state.tape = recorder
        try:
            result = self.function(*new_args, **new_kwargs)
            state.tape = None
            tape = Tape(self._name, recorder, arrays, slots, result)
        finally:
            state.tape = None
            recorder.close()
        self._latest = tape
        for kinds in (self._tapes, self._plain):
            while len(kinds) >= KINDS and key not in kinds:
                del kinds[next(iter(kinds))]
        found = self._tapes.setdefault(key, [])
        why = tape.broken
        if why is None and earlier is not None:
            found.remove(earlier)
            differs = difference(earlier, tape)
            why = None if differs is None else f"two calls of the same kind did different things: {differs}"
            if why is None:
                tape.confirm()
        if why is not None:
            self._plain[key] = why
            self._say(f"{self._name} runs in the ordinary way, since it cannot be replayed: {why}", once="plain")
        else:
            found.insert(0, tape)
            del found[KEPT:]
        return _detached(result)

    def _explain(self, failed: StaleError) -> None:
        instruction, found = failed.instruction, failed.found
        at = f" at {instruction.place}" if instruction.place is not None else ""
        if instruction.role == "guard":
            what = f"a number that it reads into Python{at} was {instruction.expected!r:.30} and is {found!r:.30}"
        else:
            what = f"the shape of {instruction.name} depends on the data"
        self._say(
            f"{self._name} is recorded again: {what}; return the tensor and read it outside the function", once="guard"
        )

    def _say(self, message: str, once: str) -> None:
        if once not in self._said:
            self._said.add(once)
            warnings.warn(message, CompileWarning, stacklevel=4)


def _entered(recorder: Recorder, given: Any) -> Slot:
    array = given._data if isinstance(given, Node) else given
    known = recorder.known(array)
    if isinstance(given, Node):
        recorder.given.add(given)
    if isinstance(given, Node) and given._requires_grad and given.primitive is not None:
        recorder.breaks("an argument has a history from outside the function; give its detach()")
    return known or recorder.new_slot("argument", array, given if isinstance(given, Node) else None)


class _Itself:
    """An argument that cannot be compared by its value, and so is the same only if it is the same object."""

    def __init__(self, argument: Any) -> None:
        self.argument = argument

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.argument is other.argument

    def __hash__(self) -> int:
        return id(self.argument)


def _key(given: Sequence[Any]) -> Any:
    """What must be the same for a tape to be of use: dtypes and layout of tensors and arrays, all other arguments, modes."""
    described: list[Any] = [state.recording, dtypes.get_default_dtype()]
    seen: dict[int, int] = {}
    for leaf in given:
        if isinstance(leaf, Node | np.ndarray):
            a = leaf._data if isinstance(leaf, Node) else leaf
            described.append(a.__class__ is DeviceArray)
            node = leaf if isinstance(leaf, Node) else None
            roles = None if node is None else (node._requires_grad, node.primitive is None, node._grad is None)
            described.append((a.shape, a.dtype, a.strides, roles, seen.setdefault(id(a), len(seen))))
        elif isinstance(leaf, float):
            described.append((type(leaf), leaf.hex()))  # 0.0 and −0.0 are equal, but not the same
        else:
            described.append((type(leaf), leaf if _is_hashable(leaf) else _Itself(leaf)))
    return tuple(described)


def _is_hashable(x: Any) -> bool:
    try:
        hash(x)
    except TypeError:
        return False
    return True


def _without_history(x: Node) -> Tensor:
    return Tensor(x._data if x._data.__class__ is DeviceArray else np.asarray(x._data))


def _detached(result: Any) -> Any:
    """The same results without their history, which a replay does not have either."""
    made = [
        _without_history(x) if isinstance(x, Node) and x.primitive is not None and x._requires_grad else x
        for x in leaves(result)
    ]
    return rebuild(result, made)
