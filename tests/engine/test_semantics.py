"""What the engine promises: values, accumulation, errors that say what to do, and no surprise on the way."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import minidl
from minidl.autodiff import backward_events, backward_steps, forward_steps, gradients, local_derivative, order
from minidl.errors import DtypeError, GraphError, ShapeError, UsageError


def circuit() -> tuple[Any, ...]:
    x, y, z = (minidl.scalar(v, name=n) for v, n in ((-2.0, "x"), (5.0, "y"), (-4.0, "z")))
    return x, y, z, ((x + y).named("q") * z).named("f")


def affine() -> tuple[Any, ...]:
    w = minidl.tensor([[1.0, 2.0], [3.0, -1.0]], requires_grad=True, name="W")
    x = minidl.tensor([1.0, -1.0], requires_grad=True, name="x")
    b = minidl.tensor([0.5, -2.0], requires_grad=True, name="b")
    return w, x, b, minidl.squared_norm(w @ x + b)


class TestFacts:
    def test_the_circuit(self) -> None:
        x, y, z, f = circuit()
        f.backward()
        assert (f.item(), x.grad.item(), y.grad.item(), z.grad.item()) == (-12, -4, -4, 3)

    def test_the_affine_norm(self) -> None:
        w, x, b, z = affine()
        z.backward()
        assert z.item() == 4.25
        assert w.grad.tolist() == [[-1, 1], [4, -4]]
        assert x.grad.tolist() == [11, -6]
        assert b.grad.tolist() == [-1, 4]

    def test_the_affine_norm_written_out(self) -> None:
        w, x, b, _ = affine()
        z = ((w @ x + b) ** 2).sum()
        assert z.item() == 4.25
        z.backward()
        assert w.grad.tolist() == [[-1, 1], [4, -4]]

    def test_activations(self) -> None:
        for f, at, slope in (
            (minidl.sigmoid, 0.0, 0.25),
            (minidl.sigmoid, 6.0, 0.0024665),
            (minidl.tanh, 6.0, 2.458e-5),
        ):
            x = minidl.scalar(at)
            f(x).backward()
            assert x.grad.item() == pytest.approx(slope, rel=2e-4)

    def test_losses(self) -> None:
        scores = minidl.tensor([3.2, 5.1, -1.7], dtype=minidl.float64)
        np.testing.assert_allclose(minidl.softmax(scores, 0).data, [0.12998, 0.86905, 0.00097], atol=5e-6)
        assert minidl.cross_entropy(scores, minidl.tensor(0)).item() == pytest.approx(2.04036, abs=5e-6)
        assert minidl.cross_entropy(minidl.zeros(3, 10), minidl.tensor([0, 4, 9])).item() == pytest.approx(
            2.302585, abs=1e-6
        )

    def test_pooling(self) -> None:
        image = minidl.tensor([[[[1.0, 3, 2, 9], [6, 0, 4, 1], [1, 3, 4, 2], [0, 3, 1, 2]]]])
        assert minidl.max_pool2d(image, 2).data[0, 0].tolist() == [[6, 9], [3, 4]]

    @pytest.mark.parametrize("f", [minidl.sigmoid, minidl.tanh, minidl.relu])
    def test_stable_far_out(self, f: Any) -> None:
        x = minidl.tensor([-1000.0, 1000.0], requires_grad=True)
        y = f(x)
        y.backward(minidl.ones(2))
        assert np.isfinite(y.data).all()
        assert np.isfinite(x.grad.data).all()


class TestBackward:
    def test_gradients_accumulate_and_the_graph_survives(self) -> None:
        x, *_, f = circuit()
        f.backward()
        f.backward()
        assert x.grad.item() == -8

    def test_only_leaves_get_gradients_unless_asked(self) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        y, z = x * 2, x * 3
        z.retain_grad()
        (y * z).sum().backward()
        assert y.grad is None
        assert z.grad.tolist() == [2, 4]

    def test_an_input_used_twice_gets_both_contributions(self) -> None:
        x = minidl.scalar(3.0)
        ((x + x) * x).backward()
        assert x.grad.item() == 12

    def test_freed_values_are_an_error_not_a_number(self) -> None:
        x = minidl.scalar(3.0)
        y = x * x
        y.backward(retain_graph=False)
        assert x.grad.item() == 6
        with pytest.raises(GraphError, match="freed by an earlier"):
            y.backward()
        with pytest.raises(GraphError, match="freed"):
            gradients(y * 2.0)

    def test_a_changed_value_is_an_error_that_names_it(self) -> None:
        w = minidl.tensor([1.0, 2.0], requires_grad=True, name="w")
        loss = (w * w).sum()
        w.data -= 0.1
        with pytest.raises(GraphError, match=r"w \(2,\) was changed in place.*before step"):
            loss.backward()

    def test_an_optimizers_step_counts_as_a_change(self) -> None:
        w = minidl.tensor([1.0, 2.0], requires_grad=True)
        optimizer = minidl.optim.SGD([w], lr=0.1)
        loss = (w * w).sum()
        loss.backward()
        optimizer.step()
        with pytest.raises(GraphError, match="before step"):
            gradients(loss)

    @pytest.mark.parametrize(
        ("compute", "read"),
        [
            (lambda w, x: w + x, False),
            (lambda w, x: w * x, False),
            (lambda w, x: w @ x, False),
            (lambda w, x: w.reshape(1, 2) * 2.0, False),
            (lambda w, x: w * w, True),
            (lambda w, x: minidl.sin(w), True),
            (lambda w, x: minidl.exp(w), False),
            (lambda w, x: minidl.softmax(w, 0), False),
            (lambda w, x: minidl.log(w), True),
        ],
    )
    def test_only_a_change_that_a_rule_would_read_is_an_error(self, compute: Any, read: bool) -> None:
        w = minidl.tensor([1.0, 2.0], requires_grad=True, name="w")
        out = compute(w, minidl.tensor([3.0, 5.0])).sum()
        before = minidl.grad(out, w)[0].tolist()
        w.data -= 0.1
        if read:
            with pytest.raises(GraphError, match="changed in place"):
                out.backward()
        else:
            assert minidl.grad(out, w)[0].tolist() == before
        with pytest.raises(GraphError, match="changed in place"):
            forward_steps(out)

    def test_a_changed_result_is_an_error_where_its_rule_reads_it(self) -> None:
        w = minidl.tensor([1.0, 2.0], requires_grad=True)
        y = minidl.exp(w)
        z = y + 1.0
        y.data *= 2.0
        with pytest.raises(GraphError, match="a result of exp"):
            z.sum().backward()

    def test_no_cotangent_for_a_vector(self) -> None:
        with pytest.raises(GraphError, match=r"\(2,\) needs a starting gradient"):
            minidl.tensor([1.0, 2.0], requires_grad=True).backward()

    def test_a_cotangent_of_another_shape(self) -> None:
        with pytest.raises(ShapeError, match=r"\(3,\), but the tensor has \(2,\)"):
            minidl.tensor([1.0, 2.0], requires_grad=True).backward(minidl.ones(3))

    def test_nothing_to_differentiate(self) -> None:
        with pytest.raises(GraphError, match="requires_grad=True"):
            (minidl.tensor(2.0) * 3).backward()
        with minidl.no_grad(), pytest.raises(GraphError, match="no_grad"):
            (minidl.scalar(2.0) * 3).backward()

    def test_gradient_shape_dtype_and_ownership(self) -> None:
        x = minidl.tensor(np.ones((2, 1), np.float32), requires_grad=True)
        y = minidl.tensor(np.ones(3), requires_grad=True)
        (x * y).sum().backward()
        assert (x.grad.shape, x.grad.dtype) == ((2, 1), np.float32)
        assert (y.grad.shape, y.grad.dtype) == ((3,), np.float64)
        a, b = (minidl.tensor([1.0], requires_grad=True) for _ in range(2))
        (a + b).backward()
        a.grad.data[0] = 7
        assert b.grad.item() == 1, "two gradients share one array"

    def test_only_the_named_inputs(self) -> None:
        x, y, _, f = circuit()
        f.backward(inputs=[x])
        assert x.grad is not None
        assert y.grad is None

    def test_create_graph(self) -> None:
        x = minidl.scalar(2.0)
        (x**3).backward(create_graph=True)
        first = x.grad
        x.grad = None
        first.backward()
        assert x.grad.item() == pytest.approx(12)


class TestGrad:
    def test_of_any_node_and_without_touching_grad(self) -> None:
        x, _, _, f = circuit()
        q = next(n for n in order(f) if n.name == "q")
        dq, dx = minidl.grad(f, [q, x])
        assert (dq.item(), dx.item()) == (-4, -4)
        assert x.grad is None

    def test_third_derivative(self) -> None:
        x = minidl.scalar(0.3)
        y = minidl.tanh(x)
        for _ in range(3):
            (y,) = minidl.grad(y, x, create_graph=True)
        t = np.tanh(0.3)
        assert y.item() == pytest.approx(-2 * (1 - t * t) * (1 - 3 * t * t), rel=1e-12)

    def test_unused(self) -> None:
        x, y = minidl.scalar(1.0), minidl.scalar(2.0, name="y")
        with pytest.raises(GraphError, match="does not depend on y"):
            minidl.grad(x * x, [x, y])
        assert minidl.grad(x * x, [x, y], allow_unused=True)[1] is None

    def test_unused_as_zeros(self) -> None:
        x, y = minidl.scalar(1.0), minidl.tensor([2.0, 3.0], requires_grad=True)
        dx, dy = minidl.grad(x * x, [x, y], materialize_grads=True)
        assert (dx.item(), dy.tolist(), dy.dtype) == (2, [0, 0], np.float32)
        with pytest.raises(UsageError, match="allow_unused cannot be False"):
            minidl.grad(x * x, [x, y], materialize_grads=True, allow_unused=False)

    @pytest.mark.parametrize(
        ("call", "error", "text"),
        [
            (lambda x: minidl.grad(x * x, x, is_grads_batched=True), UsageError, "is_grads_batched.*jacobian"),
            (lambda x: minidl.grad(x * x, x.detach()), GraphError, "does not require a gradient; create it with"),
            (lambda x: minidl.grad(x * x, [minidl.tensor(3)]), GraphError, "holds int64.*convert it"),
            (lambda x: minidl.grad(x * x, ["x"]), DtypeError, "inputs must be tensors, got str"),
            (lambda x: minidl.grad(x * x, x, [None, None]), GraphError, "1 outputs need as many grad_outputs, got 2"),
            (lambda x: (x > 1).backward(), GraphError, "holds bool: only floating-point"),
            (lambda x: x.backward(minidl.tensor(1j)), DtypeError, "of float32 cannot be complex64"),
            (lambda x: x.backward("x"), DtypeError, "must be a tensor of shape .*, got 'x'"),
            (lambda x: x.backward(inputs=[]), GraphError, "inputs is empty"),
            (lambda x: x.backward(inputs=[x.detach()]), GraphError, "backward: .* does not require a gradient"),
        ],
    )
    def test_requests_that_make_no_sense(self, call: Any, error: type[Exception], text: str) -> None:
        with pytest.raises(error, match=text):
            call(minidl.tensor(2.0, requires_grad=True))

    def test_several_outputs_add_up(self) -> None:
        x = minidl.scalar(3.0)
        (dx,) = minidl.grad([x * x, 5 * x], x)
        assert dx.item() == 11

    def test_sixteen_doublings_stay_linear(self) -> None:
        x = minidl.scalar(1.0)
        y = x
        for _ in range(16):
            y = y + y
        assert sum(1 for _ in backward_events(y)) == 17
        assert gradients(y)[x] == 2**16


class TestRequiresGrad:
    def test_on_leaves_of_floating_point_numbers_only(self) -> None:
        x = minidl.tensor([1.0, 2.0])
        x.requires_grad = True
        assert (x * 2).requires_grad
        with pytest.raises(GraphError, match=r"only leaves.*detach"):
            (x * 2).requires_grad = False
        assert (x * 2).requires_grad_().requires_grad
        with pytest.raises(GraphError, match=r"only leaves.*detach"):
            (x * 2).requires_grad_(False)
        n = minidl.tensor([1, 2])
        with pytest.raises(DtypeError, match="int64; convert"):
            n.requires_grad = True
        with pytest.raises(DtypeError, match="int64; convert"):
            n.requires_grad_()
        assert not n.requires_grad
        n.requires_grad = False


class TestGradients:
    def test_have_their_tensors_shape_and_dtype(self) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        x.grad = minidl.ones(2)
        (x * 2).sum().backward()
        assert x.grad.tolist() == [3, 3]
        for wrong, error, text in (
            (minidl.ones(3), ShapeError, r"shape \(2,\), got \(3,\)"),
            (minidl.ones(2, dtype=minidl.float64), DtypeError, "dtype float32, got float64"),
            (np.ones(2), DtypeError, "a tensor or None, got ndarray"),
            (x, GraphError, "its own gradient"),
        ):
            with pytest.raises(error, match=text):
                x.grad = wrong
        assert x.grad.tolist() == [3, 3]


class TestForeignArrays:
    class Elsewhere:
        """An array of another library."""

        dtype = np.dtype(np.float32)
        shape = (2,)

    def test_are_named(self) -> None:
        for f in (lambda a: minidl.ones(2) * a, lambda a: minidl.exp(a), lambda a: minidl.ones(2) + a):
            with pytest.raises(
                DtypeError, match=r"got a .*Elsewhere, an array of another library or device.*minidl.tensor"
            ):
                f(self.Elsewhere())

    @pytest.mark.torch
    def test_of_pytorch(self) -> None:
        torch = pytest.importorskip("torch")
        with pytest.raises(DtypeError, match=r"mul: got a torch.Tensor"):
            minidl.mul(minidl.ones(2), torch.ones(2))


class TestRecording:
    def test_off_in_this_thread_only(self) -> None:
        seen = []
        with minidl.no_grad():
            thread = threading.Thread(target=lambda: seen.append(minidl.is_grad_enabled()))
            thread.start()
            thread.join()
            assert not minidl.is_grad_enabled()
        assert seen == [True]

    def test_the_record(self) -> None:
        x, _, z, f = circuit()
        assert f.primitive.name == "mul"
        assert f.inputs[1] is z
        y = x * 3
        assert y.inputs == (x, 3)
        assert (x + x).inputs[0] is (x + x).inputs[1] is x

    def test_constants_keep_no_history(self) -> None:
        y = minidl.tensor(2.0) * 3
        assert y.is_leaf
        assert y.inputs == ()

    def test_numpy_arrays_on_the_left(self) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        for y in (np.array([1.0, 1.0], np.float32) * x, np.float32(2) * x, np.eye(2, dtype=np.float32) @ x):
            assert isinstance(y, minidl.Tensor)


@contextmanager
def no_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


class TestRobust:
    def test_a_long_chain_forward_backward_and_freed(self) -> None:
        x = minidl.scalar(1.0)
        y = x
        for _ in range(200_000):
            y = y * 1.0
        y.backward()
        assert x.grad.item() == 1.0
        del y

    @pytest.mark.slow
    def test_a_million_nodes(self) -> None:
        x = minidl.tensor([1.0], requires_grad=True)
        y = x
        for _ in range(1_000_000):
            y = y + 1.0
        y.backward()
        assert x.grad.item() == 1.0
        y.backward(retain_graph=False)
        del y

    @pytest.mark.slow
    def test_ten_thousand_steps_without_the_collector_leave_nothing_behind(self) -> None:
        model = minidl.nn.Sequential(minidl.nn.Linear(4, 8), minidl.nn.ReLU(), minidl.nn.Linear(8, 3))
        optimizer = minidl.optim.Adam(model.parameters(), lr=1e-3)
        x, labels = minidl.randn(5, 4), minidl.tensor([0, 1, 2, 0, 1])
        history = minidl.zeros(10)
        held = []

        def step(i: int) -> None:
            optimizer.zero_grad()
            loss = minidl.cross_entropy(model(x), labels)
            loss.backward()
            optimizer.step()
            history[i % 10] = loss.detach()

        with no_collector():
            for i in range(10_000):
                step(i)
                if i in (1_000, 9_999):
                    held.append(len(gc.get_objects()))
            assert gc.collect() == 0
        assert abs(held[1] - held[0]) < 50

    def test_a_graph_goes_with_its_output_without_the_collector(self) -> None:
        with no_collector():
            x = minidl.tensor([1.0, 2.0], requires_grad=True)
            y = x * 2
            z = (y * y).sum()
            z.backward()
            alive = weakref.ref(y)
            del y, z
            assert alive() is None

    def test_equal_leaves_stay_apart(self) -> None:
        a, b = minidl.scalar(2.0), minidl.scalar(2.0)
        (a * b + a).backward()
        assert (a.grad.item(), b.grad.item()) == (3, 2)

    def test_scalars_have_infinities_instead_of_exceptions(self) -> None:
        assert (minidl.scalar(1.0) / minidl.scalar(0.0)).item() == float("inf")
        assert minidl.exp(minidl.scalar(1000.0)).item() == float("inf")
        assert np.isnan(minidl.log(minidl.scalar(-1.0)).item())

    def test_a_scalar_takes_its_partners_dtype(self) -> None:
        assert (minidl.scalar(2.0) * minidl.ones(2)).dtype == np.float32
        assert (minidl.scalar(2.0) * minidl.tensor(1.0)).dtype == np.float32


class TestSteps:
    def test_forward_and_backward_in_words(self) -> None:
        *_, f = circuit()
        assert [s.text for s in forward_steps(f)][-2:] == ["q = x + y = 3", "f = q·z = −12"]
        assert [s.text for s in backward_steps(f)] == [
            "∂f/∂f = 1",
            "× sends 1 · (−4) = −4 back to q",
            "× sends 1 · 3 = 3 back to z",
            "+ sends −4 · 1 = −4 back to x",
            "+ sends −4 · 1 = −4 back to y",
        ]

    def test_fan_out_is_a_step_of_its_own(self) -> None:
        x = minidl.scalar(3.0, name="x")
        texts = [s.text for s in backward_steps((x * x).named("y"))]
        assert texts[-1] == "at x it adds up: 3 + 3 = 6"

    def test_local_derivatives(self) -> None:
        _, _, z, f = circuit()
        assert local_derivative(f, 0) == z.item()
        w, *_, out = affine()
        assert local_derivative(out, 0).tolist() == [-1, 4]
        assert local_derivative(next(n for n in order(out) if n.primitive and n.primitive.name == "matmul"), 0) is None
        assert w.grad is None


class TestInPlace:
    def test_the_hand_written_update_changes_the_leaf(self) -> None:
        w = minidl.tensor([1.0, 2.0], requires_grad=True)
        for _ in range(2):
            w.grad = None
            (w * w).sum().backward()
            with minidl.no_grad():
                before = w
                w -= 0.25 * w.grad
                assert w is before
        assert w.tolist() == [0.25, 0.5]
        w.data -= w.grad
        assert w.tolist() == [-0.75, -1.5]
        assert w.requires_grad

    def test_not_on_a_leaf_while_recording(self) -> None:
        w = minidl.tensor([1.0], requires_grad=True)
        with pytest.raises(GraphError, match="no_grad"):
            w -= 1.0

    def test_a_recorded_value_goes_on_as_a_new_one(self) -> None:
        x = minidl.tensor([3.0], requires_grad=True)
        y = x * x
        y *= 2.0
        y.sum().backward()
        assert x.grad.item() == 12

    def test_nothing_that_does_not_fit(self) -> None:
        x = minidl.ones(2)
        with pytest.raises(ShapeError, match=r"\(3, 2\), which does not fit into \(2,\)"):
            x += minidl.ones(3, 2)
        n = minidl.tensor([1, 2])
        with pytest.raises(DtypeError, match="float32, which does not fit into int64"):
            n += 0.5

    @pytest.mark.parametrize("view", [lambda x: x.reshape(2, 1), lambda x: x.T, lambda x: x[:1], lambda x: x.detach()])
    def test_a_change_of_shared_memory_is_noticed(self, view: Any) -> None:
        x = minidl.tensor([1.0, 2.0], requires_grad=True)
        w = minidl.tensor([[5.0], [6.0]], requires_grad=True)
        v = view(x)
        y = (v * w).sum()
        x.data *= 10.0
        with pytest.raises(GraphError, match="changed in place"):
            y.backward()

    def test_a_changed_index_does_not_change_the_record(self) -> None:
        x, i = minidl.tensor([1.0, 2.0], requires_grad=True), minidl.tensor([0])
        y = x[i].sum()
        i.data += 1
        y.backward()
        assert x.grad.tolist() == [1, 0]


class TestReviewed:
    """Each of these once went wrong."""

    def test_pooling_windows_that_hold_no_pixel(self) -> None:
        x = minidl.rand(3, 4, 1, 2, requires_grad=True)
        y = minidl.max_pool2d(x, 2, 3, 1, 2, True)
        y.backward(minidl.ones(*y.shape))
        assert np.isneginf(y.data).any()
        assert np.isfinite(x.grad.data).all()
        with pytest.raises(ShapeError, match="5×5 window is larger"):
            minidl.max_pool2d(minidl.ones(1, 1, 4, 4), 3, dilation=2)

    def test_sigmoid_is_exact_far_left(self) -> None:
        x = minidl.tensor([-20.0, -80.0], requires_grad=True)
        np.testing.assert_allclose(minidl.sigmoid(x).data, [2.0611537e-09, 1.8048514e-35], rtol=1e-5)
        minidl.log(minidl.sigmoid(x)).sum().backward()
        np.testing.assert_allclose(x.grad.data, [1, 1], rtol=1e-5)

    def test_events_leave_the_reader_its_own_mode(self) -> None:
        y = minidl.scalar(2.0) * 3.0
        events = backward_events(y)
        next(events)
        assert minidl.is_grad_enabled()
        events.close()
        assert minidl.is_grad_enabled()

    def test_a_decorated_function_in_two_threads(self) -> None:
        inside, go = threading.Event(), threading.Event()

        @minidl.no_grad()
        def work(first: bool) -> None:
            inside.set()
            if first:
                go.wait(5)

        after = []

        def run() -> None:
            work(True)
            after.append(minidl.is_grad_enabled())

        thread = threading.Thread(target=run)
        thread.start()
        inside.wait(5)
        work(False)
        go.set()
        thread.join()
        assert after == [True]
        assert minidl.is_grad_enabled()

    def test_set_grad_enabled_acts_at_once(self) -> None:
        minidl.set_grad_enabled(False)
        off = minidl.is_grad_enabled()
        minidl.set_grad_enabled(True)
        assert not off

    def test_division_by_a_plain_zero(self) -> None:
        x = minidl.tensor([1.0], requires_grad=True)
        (x / 0).backward()
        assert np.isinf(x.grad.item())

    def test_outputs_that_share_nodes_and_free_them(self) -> None:
        x = minidl.scalar(1.0)
        h = x * 1.0
        (dx,) = minidl.grad([h * h, h * 3], x, retain_graph=False)
        assert dx.item() == 5

    def test_backward_to_a_named_intermediate(self) -> None:
        x = minidl.scalar(2.0)
        y = x * x
        (y * y).backward(inputs=y)
        assert y.grad.item() == 8
        assert x.grad is None

    def test_all_targets_ignored(self) -> None:
        x = minidl.ones(2, 3, requires_grad=True)
        loss = minidl.cross_entropy(x, minidl.tensor([-100, -100]))
        loss.backward()
        assert np.isnan(loss.item())
        assert not x.grad.data.any()

    def test_integers_want_no_gradient(self) -> None:
        with pytest.raises(DtypeError, match="only floating-point"):
            minidl.nn.Parameter(np.array([1, 2]))

    @pytest.mark.parametrize(
        "index",
        [
            (0, slice(None), [0, 1]),
            (0, None, [1, 2]),
            (slice(None), [1, 0], 2),
            (..., [0, 1], 1),
            (1, [0, 2, 2], [3, 0, 1]),
        ],
    )
    def test_integers_apart_from_arrays(self, index: Any) -> None:
        torch = pytest.importorskip("torch")
        data = np.arange(24.0).reshape(2, 3, 4)
        x, t = minidl.tensor(data, requires_grad=True), torch.tensor(data, requires_grad=True)
        y, s = x[index], t[index]
        assert y.tolist() == s.tolist()
        g = np.random.default_rng(0).standard_normal(y.shape)
        y.backward(minidl.tensor(g))
        s.backward(torch.tensor(g))
        np.testing.assert_array_equal(x.grad.data, t.grad.numpy())

    def test_powers_at_zero(self) -> None:
        x = minidl.tensor([0.0], requires_grad=True)
        (d,) = minidl.grad((x ** minidl.tensor([0.0])).sum(), x)
        assert d.item() == 0
        (d,) = minidl.grad((x ** minidl.tensor([1.0])).sum(), x, create_graph=True)
        assert d.item() == 1
        assert minidl.grad(d.sum(), x)[0].item() == 0

    def test_nan_is_the_largest_and_takes_the_gradient(self) -> None:
        x = minidl.tensor([1.0, np.nan, 3.0], requires_grad=True)
        minidl.amax(x).backward()
        assert x.grad.tolist() == [0, 1, 0]

    def test_a_long_batch_is_summed_without_losing_digits(self) -> None:
        b = minidl.zeros(8, requires_grad=True)
        g = np.random.default_rng(0).random((500_000, 8), np.float32)
        (minidl.zeros(500_000, 8) + b).backward(minidl.tensor(g))
        np.testing.assert_allclose(b.grad.data, g.sum(0, dtype=np.float64), rtol=1e-5)

    def test_no_warning_for_infinities(self) -> None:
        x = minidl.tensor([np.inf, 1e38])
        assert np.isnan((x - x).data[0])
        assert np.isinf((x * x).data).all()
        assert np.isnan(minidl.softmax(x, 0).data).any()

    def test_keywords_and_numpy_integers(self) -> None:
        x = minidl.ones(2, 3)
        assert minidl.add(input=x, other=x).tolist() == minidl.add(x, other=x).tolist() == [[2.0] * 3] * 2
        assert minidl.relu(input=x).shape == (2, 3)
        assert x.reshape(np.int64(-1)).shape == (6,)
        assert x.sum(dim=np.int64(1)).shape == (2,)
        assert minidl.zeros(np.int64(2)).shape == (2,)
        assert x.max(1).values.tolist() == [1, 1]
        assert x.max(1).indices.tolist() == [0, 0]

    def test_arrays_and_tensors(self) -> None:
        x = minidl.tensor([1.0, 2.0])
        assert np.asarray(x).tolist() == [1, 2]
        assert isinstance(np.exp(x), minidl.Tensor)
        with pytest.raises(TypeError):
            np.spacing(x)
        with pytest.raises(DtypeError, match="got list"):
            minidl.sum([1.0, 2.0])

    def test_gradcheck_of_one_input_given_twice(self) -> None:
        x = minidl.tensor([1.0, 2.0], dtype=minidl.float64, requires_grad=True)
        assert minidl.gradcheck(lambda a, b: a * b, [x, x])


class TestErrors:
    @pytest.mark.parametrize(
        ("call", "kind", "text"),
        [
            (
                lambda: minidl.ones(3, 4) @ minidl.ones(3, 4),
                ShapeError,
                r"inner sizes 4 and 3 differ; did you mean x @ y.T",
            ),
            (lambda: minidl.ones(3, 4) @ minidl.ones(3), ShapeError, r"did you mean x.T @ y"),
            (lambda: minidl.ones(3, 4) @ minidl.tensor(2.0), ShapeError, r"use \* for numbers"),
            (lambda: minidl.ones(3, 4) + minidl.ones(3), ShapeError, r"\(3, →4←\) and \(→3←,\) do not broadcast"),
            (lambda: minidl.ones(2, 3).reshape(4, 2), ShapeError, r"\(2, 3\) holds 6 elements, \(4, 2\) needs 8"),
            (lambda: minidl.ones(2, 3).reshape(-1, 4), ShapeError, r"cannot fill"),
            (lambda: minidl.ones(2, 3).sum(dim=2), UsageError, r"dim=2 is out of range"),
            (lambda: minidl.ones(2, 3).sum(dim=(0, -2)), UsageError, r"names an axis twice"),
            (lambda: minidl.ones(2, 3)[5], UsageError, r"index 5 is out of range for axis 0 with size 2"),
            (lambda: minidl.ones(2, 3).permute(0, 0), UsageError, r"names an axis twice"),
            (lambda: minidl.cat([minidl.ones(2, 3), minidl.ones(3, 2)]), ShapeError, r"must agree in every axis but 0"),
            (lambda: minidl.stack([minidl.ones(2), minidl.ones(3)]), ShapeError, r"all shapes must be equal"),
            (
                lambda: minidl.conv2d(minidl.ones(1, 3, 8, 8), minidl.ones(4, 1, 3, 3)),
                ShapeError,
                r"has 3 channels.*expects 1",
            ),
            (
                lambda: minidl.conv2d(minidl.ones(1, 1, 2, 2), minidl.ones(1, 1, 3, 3)),
                ShapeError,
                r"larger than the 2×2",
            ),
            (
                lambda: minidl.conv2d(minidl.ones(1, 1, 4, 4), minidl.ones(1, 1, 3, 3), minidl.ones(2)),
                ShapeError,
                r"must be \(1,\)",
            ),
            (
                lambda: minidl.conv2d(minidl.ones(1, 1, 4, 4), minidl.ones(1, 1, 3, 3), stride=0),
                UsageError,
                r"at least 1",
            ),
            (lambda: minidl.max_pool2d(minidl.ones(1, 1, 4, 4), 2, padding=2), UsageError, r"at most half"),
            (
                lambda: minidl.cross_entropy(minidl.ones(2, 3), minidl.tensor([0, 3])),
                UsageError,
                r"class 3 is outside 0 … 2",
            ),
            (lambda: minidl.cross_entropy(minidl.ones(2, 3), minidl.tensor([0])), ShapeError, r"must be \(2,\)"),
            (lambda: minidl.nn.functional.mse_loss(minidl.ones(2, 1), minidl.ones(2)), ShapeError, r"wrong pairs"),
            (lambda: minidl.tensor([1, 2], requires_grad=True), DtypeError, r"write 2.0 for 2"),
            (lambda: minidl.tensor([[1, 2], [3]]), DtypeError, r"rows of equal length"),
            (lambda: minidl.tensor("x"), DtypeError, r"numbers"),
            (lambda: minidl.mean(minidl.tensor([1, 2])), DtypeError, r"convert with x.to"),
            (lambda: minidl.ones(2) + "a", DtypeError, r"got str"),
            (lambda: minidl.dropout(minidl.ones(2), 1.5), UsageError, r"0 … 1"),
            (lambda: bool(minidl.ones(2)), UsageError, r"neither true nor false"),
            (lambda: minidl.ones(2).item(), UsageError, r"one element"),
            (lambda: minidl.set_default_dtype(int), DtypeError, r"floating-point"),
        ],
    )
    def test_says_what_is_wrong(self, call: Any, kind: type[Exception], text: str) -> None:
        with pytest.raises(kind, match=text):
            call()

    def test_names_are_told(self) -> None:
        with pytest.raises(ShapeError, match=r"did you mean W\.T @ x\? \(given W \(2, 3\), x \(2,\)\)"):
            _ = minidl.ones(2, 3).named("W") @ minidl.ones(2).named("x")


class TestGradcheck:
    def test_a_wrong_rule_is_named(self) -> None:
        def f(x: Any, y: Any) -> Any:
            return x * y.detach() + 0.0 * y

        x = minidl.tensor([1.0, 2.0], dtype=minidl.float64, requires_grad=True, name="x")
        y = minidl.tensor([3.0, 4.0], dtype=minidl.float64, requires_grad=True, name="y")
        with pytest.raises(
            AssertionError, match=r"input 1 \(y\), element \[\d\]: backward says .* ratio .*2 of 2 elements"
        ):
            minidl.gradcheck(f, [x, y])
        assert not minidl.gradcheck(f, [x, y], raise_exception=False)

    def test_a_right_one_passes(self) -> None:
        x = minidl.tensor(np.random.default_rng(0).standard_normal((3, 4)), requires_grad=True)
        assert minidl.gradcheck(lambda v: minidl.softmax(v, 1) * v, x)

    def test_float32_is_refused(self) -> None:
        with pytest.raises(DtypeError, match="float64"):
            minidl.gradcheck(minidl.exp, minidl.tensor([1.0], requires_grad=True))

    def test_nothing_to_check(self) -> None:
        with pytest.raises(GraphError, match="requires a gradient"):
            minidl.gradcheck(minidl.exp, minidl.tensor([1.0]))


def test_printing_follows_pytorch() -> None:
    assert repr(minidl.tensor([0.5, -1.0])) == "tensor([ 0.5000, -1.0000])"
    assert repr(minidl.tensor([[1.0], [2.0]])) == "tensor([[1.],\n        [2.]])"
    assert repr(minidl.tensor(3)) == "tensor(3)"
    assert repr(minidl.tensor([1.0], dtype=minidl.float64)) == "tensor([1.], dtype=minidl.float64)"
    assert repr(minidl.zeros(0)) == "tensor([])"
    assert repr(minidl.tensor([True, False])) == "tensor([ True, False])"


def test_a_name_in_the_wrong_place_is_pointed_at() -> None:
    with pytest.raises(AttributeError, match=r"did you mean minidl.nn.functional.softplus"):
        minidl.softplus  # noqa: B018  (reading it is what is tested)
    assert not hasattr(minidl, "nothing_of_the_kind")
