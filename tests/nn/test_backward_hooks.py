"""Hooks that see the gradients passing through a module, against PyTorch's."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import nn
from minidl.errors import UsageError


def numbers(value: Any) -> Any:
    """Gradients as arrays, whoever made them."""
    if value is None or isinstance(value, tuple):
        return value if value is None else tuple(numbers(v) for v in value)
    return np.asarray(value.data if isinstance(value, minidl.Tensor) else value.detach())


def same(ours: Any, theirs: Any) -> None:
    if isinstance(theirs, tuple | list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
    elif isinstance(theirs, np.ndarray):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    else:
        assert ours == theirs


def two_in_two_out(lib: Any) -> list[Any]:
    """Several arguments and results, and among both something that is no tensor."""

    class Net(lib.nn.Module):  # type: ignore[misc]
        def forward(self, x: Any, label: str, y: Any, z: Any) -> Any:
            return x * y, (x + z).sum(), label

    net, seen = Net(), []
    net.register_full_backward_hook(lambda m, into, out: seen.append((numbers(into), numbers(out))))
    x, y, z = (lib.tensor(np.arange(1.0, 4.0) * k, requires_grad=True) for k in (1, 2, 3))
    first, second, _ = net(x, "label", y, z)
    ((first * lib.tensor([1.0, 10.0, 100.0])).sum() + 5.0 * second).backward()
    return [seen, numbers(x.grad), numbers(y.grad), first.shape == (3,), second.shape == ()]


def used_elsewhere(lib: Any) -> list[Any]:
    """The hook sees what went through the module alone."""
    layer, seen = lib.nn.Tanh(), []
    layer.register_full_backward_hook(lambda m, into, out: seen.append((numbers(into), numbers(out))))
    x = lib.tensor([0.5, -1.0], requires_grad=True)
    (layer(x) * x + 3.0 * x).sum().backward()
    return [seen, numbers(x.grad)]


def called_twice(lib: Any) -> list[Any]:
    layer, seen = lib.nn.Sigmoid(), []
    layer.register_full_backward_hook(lambda m, into, out: seen.append((numbers(into), numbers(out))))
    x = lib.tensor([0.5, -1.0], requires_grad=True)
    layer(layer(x)).sum().backward()
    return [seen, numbers(x.grad)]


def replaced(lib: Any) -> list[Any]:
    """Before the module and after it; a later hook sees what an earlier one returned."""
    net, seen = lib.nn.Sequential(lib.nn.Tanh(), lib.nn.Sigmoid()), []
    net[1].register_full_backward_pre_hook(lambda m, out: (out[0] * 2,))
    net[1].register_full_backward_pre_hook(lambda m, out: (out[0] + 1,), prepend=True)
    net[1].register_full_backward_hook(lambda m, into, out: seen.append((numbers(into), numbers(out))))
    net[1].register_full_backward_hook(lambda m, into, out: (into[0] * 10,), prepend=True)
    x = lib.tensor([0.5, -1.0], requires_grad=True)
    net(x).sum().backward()
    return [seen, numbers(x.grad)]


def nothing_to_learn_before(lib: Any) -> list[Any]:
    """No input wants a gradient, the module's own weights do."""
    layer, seen = lib.nn.Linear(2, 1).double(), []
    layer.register_full_backward_hook(lambda m, into, out: seen.append((numbers(into), numbers(out))))
    layer(lib.tensor([[1.0, 2.0]], dtype=lib.float64)).sum().backward()
    return [seen, numbers(layer.weight.grad)]


def without_recording(lib: Any) -> list[Any]:
    layer, seen = lib.nn.Tanh(), []
    layer.register_full_backward_hook(lambda *given: seen.append(given))
    layer.register_full_backward_pre_hook(lambda *given: seen.append(given))
    with lib.no_grad():
        out = layer(lib.tensor([1.0], requires_grad=True))
    return [seen, numbers(out), out.requires_grad]


def twice_differentiated(lib: Any) -> list[Any]:
    layer = lib.nn.Tanh()
    layer.register_full_backward_hook(lambda m, into, out: (into[0] * 3,))
    x = lib.tensor([0.5, -1.0], requires_grad=True)
    grad = lib.grad if lib is minidl else lib.autograd.grad
    (first,) = grad(layer(x).sum(), x, create_graph=True)
    (second,) = grad(first.sum(), x)
    return [numbers(first), numbers(second)]


def after_forward_hooks(lib: Any) -> list[Any]:
    """A forward hook's answer is the output that is watched, and a pre-hook's answer the input."""
    layer, seen = lib.nn.Tanh(), []
    layer.register_forward_pre_hook(lambda m, args: (args[0] * 2,))
    layer.register_forward_hook(lambda m, args, out: out * 5)
    layer.register_full_backward_hook(lambda m, into, out: seen.append((numbers(into), numbers(out))))
    x = lib.tensor([0.5, -1.0], requires_grad=True)
    layer(x).sum().backward()
    return [seen, numbers(x.grad)]


def taken_away(lib: Any) -> list[Any]:
    layer, seen = lib.nn.Tanh(), []
    with layer.register_full_backward_hook(lambda *given: seen.append(1)):
        layer(lib.tensor([1.0], requires_grad=True)).sum().backward()
    layer(lib.tensor([1.0], requires_grad=True)).sum().backward()
    return seen


SCENES = (
    *(two_in_two_out, used_elsewhere, called_twice, replaced, nothing_to_learn_before, without_recording),
    *(twice_differentiated, after_forward_hooks, taken_away),
)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_a_hook_sees_what_pytorchs_sees(scene: Any) -> None:
    torch = pytest.importorskip("torch")
    minidl.manual_seed(0)
    same(scene(minidl), scene(torch))


def test_what_wants_no_gradient_has_none() -> None:
    layer, seen = nn.Bilinear(2, 2, 1), []
    layer.register_full_backward_hook(lambda m, into, out: seen.append([g is None for g in into]))
    layer(minidl.ones(3, 2), minidl.ones(3, 2, requires_grad=True)).sum().backward()
    assert seen == [[True, False]]


def test_inputs_of_two_dtypes_keep_them() -> None:
    net = nn.Bilinear(2, 2, 1)
    seen: list[Any] = []
    net.register_full_backward_hook(lambda m, into, out: seen.extend(g.dtype for g in into))
    x = minidl.ones(3, 2, requires_grad=True)
    y = minidl.ones(3, 2, dtype=minidl.float64, requires_grad=True)
    net(x, y).sum().backward()
    assert seen == [x.dtype, y.dtype] == [x.grad.dtype, y.grad.dtype]


@pytest.mark.parametrize("answer", [(), (None,), (1, 2)])
def test_an_answer_of_another_form_is_refused(answer: Any) -> None:
    for kind in ("register_full_backward_hook", "register_full_backward_pre_hook"):
        layer, x = nn.Tanh(), minidl.ones(2, requires_grad=True)
        getattr(layer, kind)(lambda *given: answer)
        with pytest.raises(
            UsageError, match=r"hook of Tanh must return None or a grad_.*\(a tensor \(2,\)\); it returned"
        ):
            layer(x).sum().backward()


def test_an_output_that_cannot_be_watched_is_refused() -> None:
    class Named(nn.Module):
        def forward(self, x: Any) -> Any:
            return {"result": x * 2}

    net = Named()
    net.register_full_backward_hook(print)
    with pytest.raises(UsageError, match=r"Named has a backward hook, which needs a tensor or a tuple.*not a dict"):
        net(minidl.ones(1, requires_grad=True))


def test_a_pre_hook_with_half_an_answer_is_refused() -> None:
    layer = nn.ReLU()
    layer.register_forward_pre_hook(lambda module, args, kwargs: args, with_kwargs=True)
    with pytest.raises(UsageError, match=r"both kinds, \(args, kwargs\); it returned \(tensor"):
        layer(minidl.ones(1))


def test_hooks_are_copied_and_travel() -> None:
    layer = nn.Tanh()
    layer.register_full_backward_hook(_tripled)
    layer.register_forward_hook(_plus_one)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        x = minidl.zeros(1, requires_grad=True)
        out = other(x)
        out.backward(minidl.ones(1))
        assert (out.item(), x.grad.item()) == (1.0, 3.0)
        handle = other.register_forward_hook(_plus_one)
        assert other(x).item() == 2.0, "the new hook has a place of its own"
        handle.remove()
        assert other(x).item() == 1.0


def _tripled(module: Any, into: Any, out: Any) -> Any:
    return (into[0] * 3,)


def _plus_one(module: Any, args: Any, output: Any) -> Any:
    return output + 1
