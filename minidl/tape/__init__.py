"""The tape: one run of a function, recorded as a flat program that replays without Python's overhead.

    step = minidl.compile(step)   # then call it as before
    print(step.tape)              # the program: one line an operation

How it works, file by file:

- `recorder` listens while the function runs in the ordinary way. The engine asks `state.tape` where something happens to an
  array; arrays are known by identity. `watched` is the array that code working beside the graph with NumPy is handed then,
  `effects` has draws and writes.
- `program` is what comes out: slots for arrays, instructions that fill them. `hearing` finds out which of the backend's
  functions an instruction is, if it is one; `derivatives` writes down a derivative rule that is a kernel of its own.
- `passes` makes it shorter: needless copies go, views of parameters are taken once, results take turns in a few buffers or
  take an input's memory. `fusion` and `chain` make one kernel of a chain of elementwise operations, which the operations'
  own forward rules write (`expression`).
- `replay` turns each instruction into one small function; `binding` binds those to their arrays, which are the same at each
  replay, and once more where they are not. Gradients are written into the same memory, too, unless somebody keeps them
  (`leases`). `tape` runs it all.
- `compiled` keeps a tape for each kind of arguments and each mode, and decides when to record again (`agreement`).
- `device` does it on a GPU, whose launches it captures in CUDA graphs; `listener` notes what is no launch meanwhile.
- `scalars` takes a whole graph of scalars as one instruction: `scalar_tape`, a compiled loop.
- `listing` prints it.

Two recordings must agree before a tape is believed. What differs although nothing that the tape knows of has changed was
computed out of its sight, and the function then runs in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, overload

from ..errors import UsageError

if TYPE_CHECKING:
    from .compiled import Compiled, CompileWarning
    from .tape import Tape

__all__ = ["CompileWarning", "Compiled", "Tape", "compile"]

_HOMES = {"Compiled": "compiled", "CompileWarning": "compiled", "Tape": "tape"}


def __getattr__(name: str) -> Any:
    """The classes, which load when they are first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)


@overload
def compile(function: Callable[..., Any], *, check_every: int = 0) -> Compiled: ...
@overload
def compile(function: None = None, *, check_every: int = 0) -> Callable[[Callable[..., Any]], Compiled]: ...
def compile(function: Any = None, *, check_every: int = 0) -> Any:
    """Record a function's run as a flat program, and replay that from then on, without Python's overhead and a graph.

    The first two calls run the function in the ordinary way and write down what it does with tensors: operations, backward
    passes, random draws, writes into memory, gradients, the steps of optimizers. From the third call on the tape is replayed.
    It computes the same numbers, to rounding.

    Each kind of arguments (shapes, dtypes, memory layout, other values), training and evaluation, and recording on or off
    have a tape of their own. A number that the function reads into Python (`item`, `float`, `if x > 0`) is checked at each
    replay; when it is another one, all that the replay has done is taken back and the function is recorded again, which is
    said once. So return the loss as a tensor, and read it outside.

    A replay writes its results into memory of its own, gradients too; those of the last call stay what they are if somebody
    keeps them. An optimizer that searches, such as `LBFGS`, is not replayed: compile its closure.

    On a GPU the launches of a call are captured in a CUDA graph, from the third call on, and done again by one call of the
    driver; optimizers' steps and random draws come between graphs. All tensors among the arguments must be on the GPU, and a
    number that is read into Python keeps the function in the ordinary way.

    What the tape cannot see is other Python state: a counter, a list that the function appends to, a variable that it reads.
    The function's own lines do not run in a replay. A number that changes from the first call to the second is noticed, and
    the function then runs in the ordinary way for good; `check_every` finds the rest.

    Args:
        function: takes and returns tensors, arrays and other values, also in tuples, lists and dictionaries; may be a module,
            or be left out to decorate with options. Results come without their history: call `backward()` inside.
        check_every: every so many replays the function also runs in the ordinary way, from the same state, and the two must
            agree, on a GPU in what they launch; 0 for never.

    Raises:
        UsageError: no function, or no number of calls.
        GraphError: (of a call) the replay and the function disagree.

    >>> import minidl
    >>> w = minidl.tensor([1.0, 2.0], requires_grad=True)
    >>> @minidl.compile
    ... def step(x):
    ...     w.grad = None
    ...     loss = (w * x).square().sum()
    ...     loss.backward()
    ...     with minidl.no_grad():
    ...         w.sub_(0.1 * w.grad)
    ...     return loss
    >>> [round(step(minidl.tensor([1.0, 0.5])).item(), 3) for _ in range(4)]
    [2.0, 1.543, 1.224, 0.997]
    >>> step.tape
    <tape of step: 11 instructions, replayed 2 times>
    """
    from .compiled import Compiled  # whose modules take a tenth of the time of `import minidl`

    if function is None:
        return lambda f: Compiled(f, check_every)
    if not callable(function):
        raise UsageError(f"compile: takes a function, got {type(function).__name__}")
    if isinstance(check_every, bool) or not isinstance(check_every, int) or check_every < 0:
        raise UsageError(f"compile: check_every must be a whole number of calls, or 0 for never; got {check_every!r}")
    return Compiled(function, check_every)
