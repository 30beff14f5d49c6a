"""Hooks: functions that an optimizer calls around each step, and around saving and loading its state."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..autodiff.hooks import Handle
from ..errors import UsageError

Hook = Callable[..., Any]

KINDS = ("step_pre", "step_post", "state_dict_pre", "state_dict_post", "load_state_dict_pre", "load_state_dict_post")


class Hooked:
    """What an optimizer needs to have hooks. Each `register_…` returns a handle whose `remove()` undoes it."""

    def __init__(self) -> None:
        self._hooks: dict[str, dict[int, Hook]] = {kind: {} for kind in KINDS}
        self._in_step = False
        self.has_stepped = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = _with_hooks(cls.__dict__["step"])  # type: ignore[attr-defined]

    def register_step_pre_hook(self, hook: Hook) -> Handle:
        """Have `hook(optimizer, args, kwargs)` run before every step.

        Args:
            hook: may return other `(args, kwargs)` for the step, the first of `args` being the optimizer.

        >>> import minidl
        >>> x = minidl.tensor(1.0, requires_grad=True)
        >>> optimizer = minidl.optim.SGD([x], lr=0.5)
        >>> with optimizer.register_step_pre_hook(lambda *_: print("before", x.item())):
        ...     (x * x).backward()
        ...     optimizer.step()
        before 1.0
        """
        return self._register("step_pre", hook)

    def register_step_post_hook(self, hook: Hook) -> Handle:
        """Have `hook(optimizer, args, kwargs)` run after every step."""
        return self._register("step_post", hook)

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Have `hook(optimizer)` run before `state_dict()`.

        Args:
            hook: the function.
            prepend: whether it comes before the hooks that are there.
        """
        return self._register("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Have `hook(optimizer, state_dict)` run after `state_dict()`; what it returns, if not None, replaces the state.

        Args:
            hook: the function.
            prepend: whether it comes before the hooks that are there.
        """
        return self._register("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Have `hook(optimizer, state_dict)` run before `load_state_dict`; what it returns, if not None, is loaded instead.

        Args:
            hook: the function; the dictionary it is given is a copy of the outer one.
            prepend: whether it comes before the hooks that are there.
        """
        return self._register("load_state_dict_pre", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> Handle:
        """Have `hook(optimizer)` run after `load_state_dict`.

        Args:
            hook: the function.
            prepend: whether it comes before the hooks that are there.
        """
        return self._register("load_state_dict_post", hook, prepend)

    def _register(self, kind: str, hook: Hook, prepend: bool = False) -> Handle:
        if not callable(hook):
            raise UsageError(f"a hook must be a function, got {type(hook).__name__}")
        hooks = self._hooks[kind]
        others = dict(hooks) if prepend else {}
        handle = Handle(hooks, hook)
        for key, other in others.items():
            del hooks[key]
            hooks[key] = other
        return handle

    def _call(self, kind: str, *args: Any) -> Any:
        """Call the hooks of a kind, in order; what one returns, if not None, takes the last argument's place."""
        for hook in tuple(self._hooks[kind].values()):
            answer = hook(self, *args)
            if answer is not None and args:
                args = (*args[:-1], answer)
        return args[-1] if args else None


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """A class's `step`, between its hooks; where one class's calls another's, they run once."""

    @wraps(step)
    def hooked(self: Hooked, *args: Any, **kwargs: Any) -> Any:
        if self._in_step:
            return step(self, *args, **kwargs)
        given = (self, *args)
        for hook in tuple(self._hooks["step_pre"].values()):
            answer = hook(self, given, kwargs)
            if answer is None:
                continue
            if not isinstance(answer, tuple) or len(answer) != 2:
                raise UsageError(f"a hook before a step must return None or (args, kwargs), got {answer!r:.60}")
            given, kwargs = answer
        self._in_step = True
        try:
            result = step(*given, **kwargs)
        finally:
            self._in_step = False
        self.has_stepped = True
        for hook in tuple(self._hooks["step_post"].values()):
            hook(self, given, kwargs)
        return result

    return hooked
