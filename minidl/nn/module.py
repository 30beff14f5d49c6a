"""Module: a layer, or a network of layers, that owns its parameters."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Self

import numpy as np

from ..autodiff.hooks import Handle
from ..errors import DtypeError, UsageError
from ..graph import Node
from ..graph.mode import state as mode_state
from ..kernels import dtypes
from ..kernels.device import brought_to, device_of, gpu_number, is_device
from ..tensor import Tensor
from .hooks import Hooks, Watch, as_hook, as_pre_hook, register
from .owner import Owner, join
from .printing import described
from .state import Mismatch, load_into


class Module(Owner):
    """Base of all layers. Assign parameters and other modules to attributes, and define `forward`.

    >>> import minidl
    >>> from minidl import nn
    >>> class Half(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.scale = nn.Parameter(minidl.tensor(0.5))
    ...     def forward(self, x):
    ...         return self.scale * x
    >>> Half()(minidl.tensor([2.0, 4.0]))
    tensor([1., 2.], from=mul)
    >>> Half()
    Half()  # scale (): 1 parameter
    """

    training: bool
    added_later: ClassVar[tuple[str, ...]] = ()
    """Names that the states of older versions lack, which is no error."""
    _pre_hooks: Hooks
    _hooks: Hooks
    _backward_pre_hooks: Hooks
    _backward_hooks: Hooks

    def __init__(self) -> None:
        super().__init__()
        object.__setattr__(self, "training", True)
        for name in ("_pre_hooks", "_hooks", "_backward_pre_hooks", "_backward_hooks"):
            object.__setattr__(self, name, OrderedDict())

    # Running ------------------------------------------------------------------------------------------------------------

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; each module defines it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`, and the hooks around it, marking the nodes it makes with this module's path."""
        if not mode_state.plain and mode_state.tape is not None:
            mode_state.tape.visit(self)
        outer, own = mode_state.scope, self._own_name
        mode_state.scope = f"{outer}.{own}" if outer and own else own or outer
        try:
            if self._pre_hooks or self._hooks or self._backward_hooks or self._backward_pre_hooks:
                return self._run_with_hooks(args, kwargs)
            return self.forward(*args, **kwargs)
        finally:
            mode_state.scope = outer

    def _run_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook in tuple(self._pre_hooks.values()):
            args, kwargs = hook(self, args, kwargs)
        watch = None
        if self._backward_hooks or self._backward_pre_hooks:
            watch = Watch(self, self._backward_pre_hooks.values(), self._backward_hooks.values())
            args = watch.enter(args)
        output = self.forward(*args, **kwargs)
        for hook in tuple(self._hooks.values()):
            replaced = hook(self, args, kwargs, output)
            output = output if replaced is None else replaced
        return output if watch is None else watch.leave(output)

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Have `hook(module, args)` run before every `forward`; the arguments that it returns, if any, replace the given.

        Args:
            hook: the function; with `with_kwargs` it is called as `hook(module, args, kwargs)` and returns both or None.
            prepend: whether it comes before the hooks that are there.
            with_kwargs: whether it sees the arguments that were given by name.

        >>> import minidl
        >>> from minidl import nn
        >>> layer = nn.ReLU()
        >>> with layer.register_forward_pre_hook(lambda module, args: (args[0] + 1,)):
        ...     layer(minidl.tensor([1.0]))
        tensor([2.])
        """
        return register(self._pre_hooks, as_pre_hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> Handle:
        """Have `hook(module, args, output)` run after every `forward`; what it returns, if not None, replaces the output.

        Args:
            hook: the function; with `with_kwargs` it is called as `hook(module, args, kwargs, output)`.
            prepend: whether it comes before the hooks that are there.
            with_kwargs: whether it sees the arguments that were given by name.

        >>> import minidl
        >>> from minidl import nn
        >>> shapes, layer = [], nn.Linear(3, 2)
        >>> handle = layer.register_forward_hook(lambda module, args, output: shapes.append(output.shape))
        >>> _ = layer(minidl.ones(5, 3))
        >>> handle.remove()
        >>> shapes
        [(5, 2)]
        """
        return register(self._hooks, as_hook(hook, with_kwargs), prepend)

    def register_full_backward_pre_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Have `hook(module, grad_output)` run in every backward pass before it goes through this module.

        Args:
            hook: the function; `grad_output` is a tuple of the gradients of the outputs, None where there is none. What it
                returns, if not None, replaces them.
            prepend: whether it comes before the hooks that are there.

        >>> import minidl
        >>> from minidl import nn
        >>> layer, x = nn.ReLU(), minidl.tensor([1.0, 2.0], requires_grad=True)
        >>> with layer.register_full_backward_pre_hook(lambda module, grad_output: (grad_output[0] * 10,)):
        ...     layer(x).sum().backward()
        >>> x.grad
        tensor([10., 10.])
        """
        return register(self._backward_pre_hooks, hook, prepend)

    def register_full_backward_hook(self, hook: Callable[..., Any], prepend: bool = False) -> Handle:
        """Have `hook(module, grad_input, grad_output)` run in every backward pass after it has gone through this module.

        Args:
            hook: the function; `grad_input` is a tuple of the gradients of the positional arguments, `grad_output` one of
                those of the outputs, both with None where there is none. What it returns, if not None, replaces
                `grad_input`.
            prepend: whether it comes before the hooks that are there.

        >>> import minidl
        >>> from minidl import nn
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
        >>> seen = []
        >>> _ = net[1].register_full_backward_hook(lambda module, into, out: seen.append((into[0].shape, out[0].shape)))
        >>> net(minidl.ones(5, 4)).sum().backward()
        >>> seen
        [((5, 3), (5, 2))]
        """
        return register(self._backward_hooks, hook, prepend)

    # State --------------------------------------------------------------------------------------------------------------

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call a function on every module, those inside a module before it."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch to training behaviour (dropout drops), here and below."""
        if not isinstance(mode, bool):
            raise UsageError(f"train: mode must be True or False, got {mode!r}")
        object.__setattr__(self, "training", mode)
        for child in self.children():
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Switch to inference behaviour, here and below."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Freeze (False) or unfreeze all parameters."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        for parameter in self.parameters():
            parameter.grad = None if set_to_none or parameter.grad is None else Tensor(np.zeros_like(parameter.data))

    def to(self, *target: Any, dtype: Any = None, device: Any = None, non_blocking: bool = False) -> Self:
        """Bring all parameters, their gradients and buffers to another device or dtype, in place; whole numbers stay whole.

        Args:
            target: a dtype, a device, both, or a tensor to be like.
            dtype: the dtype by name.
            device: the device by name, "cpu" or "cuda".
            non_blocking: accepted as in PyTorch.

        Raises:
            DeviceError: a GPU that is not there.
            DtypeError: a dtype that is not floating-point.

        >>> import minidl
        >>> from minidl import nn
        >>> nn.Linear(3, 2).to(minidl.float64).weight.dtype
        dtype('float64')
        """
        for given in target:
            if isinstance(given, Node):
                dtype, device = given.dtype, given.device
            elif is_device(given) or (isinstance(given, int) and not isinstance(given, bool)):
                device = given
            elif given is not None and not isinstance(given, bool):
                dtype = given
        there = None if device is None else device_of(device, "to")
        wanted = None if dtype is None else dtypes.as_dtype(dtype, "to")
        if wanted is not None and wanted.kind != "f":
            raise DtypeError(f"to: a module's numbers must stay floating-point; {wanted} is not")

        def moved(array: Any) -> Any:
            if wanted is not None and array.dtype.kind == "f" and array.dtype != wanted:
                array = array.astype(wanted)
            return array if there is None else brought_to(array, there)

        with np.errstate(over="ignore"):  # what is too large for the dtype becomes an infinity, as in any operation
            for tensor in (*self.parameters(), *self.buffers()):
                array = moved(tensor.data)
                if array is not tensor.data:
                    gradient, tensor.grad = tensor.grad, None
                    tensor.data = array
                    tensor.grad = None if gradient is None else Tensor(moved(gradient.data))
        return self

    def float(self) -> Self:
        """Convert to float32."""
        return self.to(dtypes.float32)

    def double(self) -> Self:
        """Convert to float64."""
        return self.to(dtypes.float64)

    def half(self) -> Self:
        """Convert to float16."""
        return self.to(dtypes.float16)

    def cpu(self) -> Self:
        """Bring it to the CPU."""
        return self.to(device="cpu")

    def cuda(self, device: int | str | None = None) -> Self:
        """Bring it to a GPU, the one in use unless another is named.

        Raises:
            DeviceError: there is none; the message says why, and what to do.
        """
        return self.to(device=f"cuda:{gpu_number(device)}")

    def _state(self, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
        """Each persistent tensor with its path; a shared one under each of them."""
        for path, module in self.named_modules(prefix=prefix, remove_duplicate=False):
            kept = {name: buffer for name, buffer in module._buffers.items() if name not in module._transient}
            for name, value in (module._parameters | kept).items():
                if value is not None:
                    yield join(path, name), value

    def state_dict(self, *, prefix: str = "") -> dict[str, Tensor]:
        """Return every parameter and every persistent buffer by path, as tensors without history that share their memory.

        Training changes them too; to keep a state, clone its tensors.
        """
        return {name: tensor.detach() for name, tensor in self._state(prefix.removesuffix("."))}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False) -> Mismatch:
        """Copy arrays into the parameters and buffers; nothing changes unless all of them fit.

        Args:
            state_dict: arrays or tensors, minidl's or PyTorch's, by path.
            strict: whether every path must match.
            assign: whether the arrays themselves become the parameters' and buffers' memory, with their own dtypes,
                rather than being copied and converted.

        Returns:
            The names that are missing from `state_dict` and those that are unknown here.

        Raises:
            StateError: names are missing or unknown, or arrays have other shapes than what they are to fill.
            DtypeError: `state_dict` is no mapping, or holds something else than numbers.
        """
        later = {
            join(path, name)
            for path, module in self.named_modules(remove_duplicate=False)
            for name in module.added_later
        }
        return load_into(dict(self._state()), state_dict, strict, assign, later)

    # Printing -----------------------------------------------------------------------------------------------------------

    def extra_repr(self) -> str:
        """What stands in the parentheses of the printed layer."""
        return ""

    def __repr__(self) -> str:
        return described(self)
