"""The tape on a GPU: a function's launches, captured in a CUDA graph and done again by one call of the driver.

The CPU's tape writes down operations, makes a shorter program of them and runs it without Python's overhead. On a GPU the
driver does that: what a replay saves is launches, which cost more than most kernels of a small network take. So here the
function runs three times: once in the ordinary way, which makes what is made once (gradients, an optimizer's memory); once
more, while its launches are written down with their numbers; and once while they are captured. Only if the last two launched
the same is the graph believed, as two recordings must agree on the CPU.

Around a replay stands what is no launch: arguments are copied to where the graph reads them, gradients are assigned, results
copied, so that they stay what they are. An optimizer's step and random draws come between graphs and run in the ordinary way,
since they differ from step to step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autodiff.trees import leaves, map_leaves, rebuild
from ..errors import GraphError
from ..graph import Node, data_of
from ..graph.mode import state
from ..kernels import DeviceArray
from ..kernels.cuda.runtime.graphs import Graph
from ..kernels.cuda.runtime.streams import written_down
from ..tensor import Tensor
from .listener import Assignment, Listener, copy_into
from .replay import note_written


class DeviceTape:
    """A function's run, captured in a graph.

    Attributes:
        name: what was captured.
        graph: its launches.
        launched: the same, with their numbers.
        replays: how often it was replayed.
    """

    def __init__(self, name: str, nodes: Sequence[Node]) -> None:
        self.name, self.replays = name, 0
        self.launched: list[Any] = []
        self.graph = Graph(next(n._data.memory.device for n in nodes) if nodes else None)
        self.heard = Listener(self.graph)
        self._static = [data_of(n).copy() for n in nodes]
        self._result: Any = None
        self._outputs: list[tuple[str, Any]] = []

    def __repr__(self) -> str:
        return f"<graph of {self.name}, replayed {self.replays} times>"

    def capture(self, function: Callable[[], Any], nodes: Sequence[Node]) -> Any:
        """Run the function while its launches are captured, carry them out, and return what it returns."""
        originals = [n._data for n in nodes]
        for node, static in zip(nodes, self._static, strict=True):
            node._data = static
        state.tape = self.heard
        try:
            with self.graph.capture():
                result = function()
        finally:
            state.tape = None
            for node, original in zip(nodes, originals, strict=True):
                node._data = original
        if any(n in self.heard.written or n in self.heard.assigned for n in nodes):
            self.heard.breaks("it writes to an argument, or gives it a gradient")
        for node in nodes:
            self.heard.tensors.pop(node, None)
        places = {n: i for i, n in enumerate(nodes)}
        self._outputs = [self._output(leaf, places) for leaf in leaves(result)]
        self._result = map_leaves(lambda leaf: None, result)
        return self._made(nodes)

    def _output(self, leaf: Any, places: dict[Node, int]) -> tuple[str, Any]:
        """How a leaf of the result is made again."""
        if isinstance(leaf, Node) and leaf in places:
            return "argument", places[leaf]
        if isinstance(leaf, Node) and leaf not in self.heard.tensors and data_of(leaf).__class__ is DeviceArray:
            return "tensor", leaf._data
        return "itself", leaf

    def _made(self, nodes: Sequence[Node]) -> Any:
        """The results of the last replay, as copies."""
        ways: dict[str, Callable[[Any], Any]] = {
            "argument": lambda place: nodes[place],
            "tensor": lambda array: Tensor(array.copy()),
            "itself": lambda leaf: leaf,
        }
        return rebuild(self._result, [ways[how](what) for how, what in self._outputs])

    def fits(self) -> bool:
        """Whether modules, tensors from outside and gradients are where they were when it was captured."""
        heard = self.heard
        return (
            all(module.training is training for module, training in heard.modules.items())
            and all(n._data is data and n._requires_grad is wanted for n, (data, wanted) in heard.tensors.items())
            and all((node._grad is None) is (data is None) for node, data in heard.gradients.items())
        )

    def replay(self, nodes: Sequence[Node]) -> Any:
        """Do it again on the tensors among a call's arguments, and return what the function would."""
        for static, node in zip(self._static, nodes, strict=True):
            copy_into(static, node._data)
        for part in self.graph.parts:
            if isinstance(part, Assignment):
                part.let_go()
        for node, data in self.heard.gradients.items():
            gradient = node._grad
            if data is not None and gradient is not None and gradient._data is not data:
                copy_into(data, gradient._data)
        with np.errstate(all="ignore"):
            self.graph.replay()
        self.replays += 1
        note_written(list(self.heard.written))
        return self._made(nodes)


KEPT = 8
"""So many tapes are kept for arguments of one kind."""

KINDS = 64
"""So many kinds of arguments are remembered."""


class OnDevice:
    """What `minidl.compile` keeps for the calls of a function that compute on a GPU: by kind of call a tape, or how far it is.

    Attributes:
        tapes: for each kind the tapes, the newest first.
    """

    def __init__(
        self, function: Callable[..., Any], name: str, say: Callable[[str, str], None], check_every: int
    ) -> None:
        self.function, self.name, self._say, self._check_every = function, name, say, check_every
        self._calls = 0
        self.tapes: dict[Any, list[DeviceTape]] = {}
        self._written: dict[Any, tuple[list[Any], tuple[Any, ...]]] = {}
        self._kinds: dict[Any, bool] = {}
        self.plain: set[Any] = set()
        self.latest: DeviceTape | None = None

    def takes(self, key: Any, given: Sequence[Any]) -> bool:
        """Whether calls of this kind compute on a GPU, as far as one can tell."""
        return self._kinds.get(key, True) if not _on_device(given) else True

    def __call__(self, key: Any, given: Sequence[Any], args: Any, kwargs: Any) -> Any:
        """Replay, or come one step nearer to it."""
        nodes = [x for x in given if isinstance(x, Node)]
        here = [
            x
            for x in given
            if isinstance(x, np.ndarray) or (isinstance(x, Node) and x._data.__class__ is not DeviceArray)
        ]
        for tape in self.tapes.get(key, ()):
            if tape.fits():
                self.latest = tape
                self._calls += 1
                if self._check_every and self._calls % self._check_every == 0:
                    return self._check(tape, args, kwargs)
                return tape.replay(nodes)
        if key in self.plain:
            return self.function(*args, **kwargs)
        if key not in self._kinds:
            with written_down() as found:
                result = self.function(*args, **kwargs)
            while len(self._kinds) >= KINDS:
                self.forget(next(iter(self._kinds)))
            self._kinds[key] = bool(found)
            if found and here:
                self._give_up(key, "an argument is on the CPU; bring all of them to the device")
            return result
        if key not in self._written:
            return self._look(key, nodes, args, kwargs)
        return self._capture(key, nodes, args, kwargs)

    def _look(self, key: Any, nodes: Sequence[Node], args: Any, kwargs: Any) -> Any:
        """Run the function and write down what it launches."""
        listener = Listener()
        state.tape = listener
        try:
            with written_down() as found:
                result = self.function(*args, **kwargs)
        finally:
            state.tape = None
        for node in nodes:
            listener.tensors.pop(node, None)
        fetched = "a number is read into Python; return the tensor and read it outside the function"
        why = listener.broken or (fetched if any(entry[0] == "fetch" for entry in found) else None)
        if why is not None:
            self._give_up(key, why)
        self._written[key] = found, listener.conditions
        return result

    def _check(self, tape: DeviceTape, args: Any, kwargs: Any) -> Any:
        """Run the function in the ordinary way, which must launch what the graph does, with the same numbers."""
        state.tape = Listener()
        try:
            with written_down() as found:
                result = self.function(*args, **kwargs)
        finally:
            state.tape = None
        if found != tape.launched:
            raise GraphError(
                f"{self.name}: the replay and the function itself launch different things; it depends on something that the "
                "tape does not see, such as a variable that changes from call to call: make it a tensor or an argument"
            )
        return result

    def _capture(self, key: Any, nodes: Sequence[Node], args: Any, kwargs: Any) -> Any:
        """Run the function once more and capture it; if it launches what it launched before, that is what it does."""
        tape = DeviceTape(self.name, nodes)
        expected, conditions = self._written.pop(key)
        with written_down() as found:
            result = tape.capture(lambda: self.function(*args, **kwargs), nodes)
        tape.launched = found
        if tape.heard.conditions != conditions:  # it was for training then, and is for evaluation now
            self._written[key] = found, tape.heard.conditions
        elif (why := tape.heard.broken) is not None or found != expected:
            self._give_up(key, why or "two calls of the same kind launched different things")
        else:
            self.latest = tape
            self.tapes.setdefault(key, []).insert(0, tape)
            del self.tapes[key][KEPT:]
        return result

    def forget(self, key: Any) -> None:
        """Forget a kind of calls."""
        for kept in (self._kinds, self._written, self.tapes):
            kept.pop(key, None)
        self.plain.discard(key)

    def _give_up(self, key: Any, why: str) -> None:
        self.plain.add(key)
        self._say(f"{self.name} runs in the ordinary way, since it cannot be replayed: {why}", "plain")


def _on_device(given: Sequence[Any]) -> bool:
    return any(isinstance(x, Node) and x._data.__class__ is DeviceArray for x in given)
