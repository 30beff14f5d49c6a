"""What processes that train together tell each other. Threads stand for processes here; test_data_parallel has real ones."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import Tensor, nn
from minidl.data import DataLoader, TensorDataset
from minidl.errors import MinidlError, PeerError, ShapeError, UsageError
from minidl.nn import functional as F
from minidl.nn.functional import rrelu
from minidl.training import evaluate
from minidl.training.parallel import Alone, Processes, _own_cores, connect, demand_same, sum_gradients


class ThreadComm:
    """The part of mpi4py's `Comm` that is used, for threads of one process."""

    def __init__(self, rank: int, meeting: threading.Barrier, slots: list[Any]) -> None:
        self.rank, self.meeting, self.slots = rank, meeting, slots

    def Get_rank(self) -> int:
        return self.rank

    def Get_size(self) -> int:
        return len(self.slots)

    def _swap(self, sent: Any) -> list[Any]:
        self.slots[self.rank] = sent.copy()
        self.meeting.wait(20)
        received = list(self.slots)
        self.meeting.wait(20)
        return received

    def Allgather(self, sent: Any, received: Any) -> None:
        parts = self._swap(sent)
        received.reshape(-1)[:] = np.concatenate([part.reshape(-1) for part in parts])

    def Alltoall(self, sent: Any, received: Any) -> None:
        size = len(self.slots)
        received.reshape(-1)[:] = np.concatenate([part.reshape(size, -1)[self.rank] for part in self._swap(sent)])

    def Bcast(self, buffer: Any, root: int) -> None:
        buffer[...] = self._swap(buffer)[root]


def together(size: int, program: Callable[[Processes], Any]) -> list[Any]:
    """Run a program in `size` processes; what each returns, or the error that it ends with."""
    meeting, slots, results = threading.Barrier(size), [None] * size, [None] * size

    def run(rank: int) -> None:
        try:
            with Processes(ThreadComm(rank, meeting, slots)) as processes:
                results[rank] = program(processes)
        except BaseException as error:
            results[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return results


def results_of(size: int, program: Callable[[Processes], Any]) -> list[Any]:
    results = together(size, program)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


# Sharing and summing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("n", [0, 1, 2, 6, 32, 100])
def test_the_shares_of_a_batch_are_all_of_it_in_order_and_even(size: int, n: int) -> None:
    shares = results_of(size, lambda p: p.share(n))
    rows = [range(n)[share] for share in shares]
    assert [row for part in rows for row in part] == list(range(n))
    assert max(map(len, rows)) - min(map(len, rows)) <= 1


def drawn(rank: int) -> list[np.ndarray[Any, Any]]:
    rng = np.random.default_rng(rank)
    return [
        rng.standard_normal((3, 4)).astype(np.float32),
        rng.standard_normal(1001),
        rng.standard_normal((40, 31)).astype(np.float32).T,
        rng.integers(-9, 9, 5),
        np.zeros((0, 3)),
        np.array(rng.standard_normal()),
        rng.standard_normal((4, 2)).astype(np.float16),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_sums_are_made_in_the_order_of_the_processes(size: int) -> None:
    def program(processes: Processes) -> list[np.ndarray[Any, Any]]:
        arrays = drawn(processes.rank)
        processes.sum_(arrays)
        return arrays

    wanted = drawn(0)
    for rank in range(1, size):
        wanted = [total + part for total, part in zip(wanted, drawn(rank), strict=True)]
    for arrays in results_of(size, program):
        for got, right in zip(arrays, wanted, strict=True):
            assert got.dtype == right.dtype
            np.testing.assert_array_equal(got, right)


@pytest.mark.parametrize("length", [509, 510, 511, 5000])  # 510 float64 fill a packet
def test_a_sum_is_right_however_many_messages_it_takes(length: int) -> None:
    def program(processes: Processes) -> np.ndarray[Any, Any]:
        values = np.arange(length) * 10.0**processes.rank
        processes.sum_([values])
        return values

    for got in results_of(3, program):
        np.testing.assert_array_equal(got, np.arange(length) * 111.0)


def test_any_broadcast_and_barrier() -> None:
    def program(processes: Processes) -> tuple[bool, bool, list[Any]]:
        arrays = [np.full((2, 3), processes.rank, np.float32), np.full(700, processes.rank)]
        processes.broadcast_(arrays, source=2)
        processes.broadcast_([])
        processes.barrier()
        return processes.any(processes.rank == 1), processes.any(False), [array.tolist() for array in arrays]

    assert results_of(3, program) == [(True, False, [[[2.0] * 3] * 2, [2] * 700])] * 3


def test_gradients_are_summed_with_what_was_measured() -> None:
    def program(processes: Processes) -> tuple[Any, Any, dict[str, float]]:
        layer = nn.Linear(3, 2)
        (layer.weight.sum() * (1.0 + processes.rank)).backward()
        sums = {"loss": 0.25 * processes.rank, "accuracy": 1.0}
        sum_gradients(layer, sums, processes)
        return layer.weight.grad.data.tolist(), layer.bias.grad, sums

    for weight, bias, sums in results_of(3, program):
        assert weight == [[6.0] * 3] * 2
        assert bias is None
        assert sums == {"loss": 0.75, "accuracy": 3.0}


@pytest.mark.parametrize("what", ["weights", "order", "nothing"])
def test_processes_that_began_differently_are_refused(what: str) -> None:
    def program(processes: Processes) -> None:
        model = nn.Linear(2, 1, bias=False)
        model.weight.data = np.full((1, 2), processes.rank if what == "weights" else 1, np.float32)
        seed = processes.rank if what == "order" else 1
        data = TensorDataset(Tensor(np.zeros((4, 2), np.float32)), Tensor(np.zeros(4, np.int64)))
        demand_same(model, DataLoader(data, shuffle=True, generator=minidl.Generator(seed)), processes)

    first, *others = together(3, program)
    if what == "nothing":
        assert [first, *others] == [None] * 3
        return
    assert isinstance(first, UsageError)
    assert "process 1 has other weights than process 0, or reads its data in another order" in str(first)
    assert [type(other) for other in others] == [PeerError] * 2  # one tells


@pytest.mark.parametrize("size", [1, 2, 3])
def test_an_evaluation_is_shared_and_all_get_the_whole(size: int) -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.standard_normal((7, 4)).astype(np.float32), rng.integers(4, size=7)
    data = TensorDataset(Tensor(scores), Tensor(labels))
    seen: list[int] = []

    class Counted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(len(x))
            return x

    wanted = evaluate(nn.Identity(), DataLoader(data, batch_size=3))
    for judged in results_of(size, lambda p: evaluate(Counted(), DataLoader(data, batch_size=3), parallel=p)):
        np.testing.assert_array_equal(judged.outputs, scores)
        np.testing.assert_array_equal(judged.labels, labels)
        assert judged.loss == pytest.approx(wanted.loss, rel=1e-6)
    assert sum(seen) == 7


def test_alone_everything_is_ones_own() -> None:
    array = np.ones(3)
    Alone().sum_([array])
    assert array.tolist() == [1, 1, 1]
    assert (Alone().rank, Alone().size, Alone().share(4)) == (0, 1, slice(0, 4))


# Failing ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [3, 5000])
def test_an_error_in_one_process_ends_all_of_them(length: int) -> None:
    def program(processes: Processes) -> None:
        if processes.rank == 1:
            raise ValueError("a hole in the data")
        processes.sum_([np.zeros(length)])

    first, second, third = together(3, program)
    assert isinstance(second, ValueError)
    for other in (first, third):
        assert isinstance(other, PeerError)
        assert str(other) == "process 1 of 3 failed: ValueError: a hole in the data"


def test_an_error_after_the_last_exchange_reaches_the_others_at_the_end() -> None:
    def program(processes: Processes) -> None:
        if processes.rank == 0:
            raise UsageError("é" * 5000)  # longer than a packet

    first, second = together(2, program)
    assert isinstance(first, UsageError)
    assert isinstance(second, PeerError)
    assert str(second).startswith("process 0 of 2 failed: UsageError: ééé")


def test_of_processes_that_fail_alike_one_tells_why() -> None:
    def program(processes: Processes) -> None:
        raise UsageError("there is no such option")

    first, *others = together(3, program)
    assert type(first) is UsageError
    for other in others:
        assert isinstance(other, PeerError)
        assert str(other) == "process 0 of 3 failed in the same way: there is no such option"


def test_different_errors_are_all_told() -> None:
    def program(processes: Processes) -> None:
        raise UsageError(f"wrong in {processes.rank}")

    assert [str(error) for error in together(2, program)] == ["wrong in 0", "wrong in 1"]


@pytest.mark.parametrize("failing", [SystemExit(3), KeyboardInterrupt()])
def test_leaving_together_is_left_as_it_is(failing: BaseException) -> None:
    def program(processes: Processes) -> None:
        raise copy.copy(failing)

    assert [type(error) for error in together(2, program)] == [type(failing)] * 2


def test_processes_out_of_step_are_told_where_each_is() -> None:
    def program(processes: Processes) -> None:
        if processes.rank == 0:
            processes.barrier()
        processes.sum_([np.zeros(1000)])

    first, second = together(2, program)
    assert type(first) is MinidlError  # which tells the user; the other is silent
    assert isinstance(second, PeerError)
    for error in (first, second):
        assert "process 0 is at a barrier of 0 bytes; process 1 is at a sum of 8,000 bytes" in str(error)


def test_ctrl_c_in_one_process_stops_all_at_the_same_exchange() -> None:
    counts = [0, 0]

    def program(processes: Processes) -> None:
        for step in range(10):
            if step == 4 and processes.rank == 1:
                processes._note_interrupt(signal.SIGINT, None)
            processes.sum_([np.zeros(3)])
            counts[processes.rank] += 1

    assert [type(error) for error in together(2, program)] == [KeyboardInterrupt] * 2
    assert counts == [4, 4]


def test_ctrl_c_waits_for_an_exchange_and_the_handler_is_put_back() -> None:
    processes = Processes(ThreadComm(0, threading.Barrier(1), [None]))
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt), processes:  # noqa: PT012  (which line raises is what is tested)
            signal.raise_signal(signal.SIGINT)
            reached = True
            processes.barrier()
        assert reached
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, previous)


def test_nothing_is_exchanged_outside_the_block() -> None:
    processes = Processes(ThreadComm(0, threading.Barrier(1), [None]))
    with pytest.raises(UsageError, match="inside `with connect"):
        processes.barrier()
    with processes:
        processes.barrier()
    with pytest.raises(UsageError, match="inside `with connect"):
        processes.sum_([np.zeros(1)])


def test_a_copied_model_belongs_to_the_same_processes() -> None:
    processes = Processes(ThreadComm(0, threading.Barrier(1), [None]))
    assert copy.deepcopy(nn.SyncBatchNorm(2, process_group=processes)).process_group is processes
    assert repr(processes) == "<process 0 of 1>"


def test_without_mpi_the_way_to_install_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(UsageError, match=r'pip install "minidl\[mpi\]"'):
        connect()


# Cores and chance ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("users", "expected"), [(1, 12), (2, 6), (5, 2), (12, 1), (40, 1)])
def test_the_cores_of_a_machine_are_divided(users: int, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    class Machine:
        def Allreduce(self, own: Any, sums: Any) -> None:
            sums[...] = own * users

    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(2, 14)), raising=False)
    assert _own_cores(Machine()) == expected


def threads(**environment: str) -> dict[str, Any]:
    """How many threads there are after a limit of 1, in a fresh process."""
    code = """if True:
        import json, os
        import minidl
        from minidl.kernels.cpu.threads import limit_threads, one_blas_thread
        from threadpoolctl import threadpool_info
        limit_threads(1)
        import scipy.linalg  # which brings a BLAS of its own
        from minidl.kernels.cpu import windows
        with one_blas_thread():
            pass
        import numba
        print(json.dumps([numba.get_num_threads(), [x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"]]))
    """
    known = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=known | environment
    )
    kernels, blas = json.loads(done.stdout)
    return {"kernels": kernels, "blas": set(blas)}


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has one thread anyway")
def test_a_limit_of_threads_holds_unless_the_user_chose() -> None:
    assert threads() == {"kernels": 1, "blas": {1}}
    assert threads(OMP_NUM_THREADS="2", NUMBA_NUM_THREADS="2") == {"kernels": 2, "blas": {2}}
    # a number that a process set for itself, and this one inherited, is nobody's choice
    assert threads(NUMBA_NUM_THREADS="2", MINIDL_NUMBA_NUM_THREADS="2")["kernels"] == 1


def test_dropout_of_a_share_is_that_of_the_whole_batch() -> None:
    x = minidl.ones(6, 4)

    def drawn(*rows: Tensor) -> list[Any]:
        parts = [rrelu(-F.drop_path(F.dropout(part)), training=True) for part in rows]
        return [part.data for part in parts]

    minidl.manual_seed(1)
    (whole,) = drawn(x)
    after = minidl.rand(1).item()
    for own in (slice(0, 2), slice(2, 6), slice(6, 6)):
        minidl.manual_seed(1)
        with minidl.default_generator.rows_of_a_batch(own, 6):
            (part,) = drawn(x[own])
        np.testing.assert_array_equal(part, whole[own])
        assert minidl.rand(1).item() == after  # all generators stay in step


# Batch normalisation ------------------------------------------------------------------------------------------------

SHAPES = [(7, 3), (5, 3, 4), (6, 3, 2, 5), (2, 3, 2, 1, 2), (1, 3, 4, 4)]


def run_layer(layer: nn.Module, rows: Any, upstream: Any) -> dict[str, Any]:
    """What a training step and an evaluation leave behind."""
    x = Tensor(rows, requires_grad=True)
    y = layer(x)
    (y * Tensor(upstream)).sum().backward()
    found = {"y": y.data, "x.grad": x.grad.data} | {f"{k}.grad": p.grad.data for k, p in layer.named_parameters()}
    found |= {name: np.array(buffer.data) for name, buffer in layer.named_buffers()}
    return found | {"judged": layer.eval()(Tensor(rows)).data}


def split_and_joined(make: Callable[[Any], nn.Module], shape: tuple[int, ...], dtype: Any, size: int) -> dict[str, Any]:
    """The same for a batch of which each process has a share, put together again."""
    x, g = batch(shape, dtype)

    def program(processes: Processes) -> dict[str, Any]:
        own = processes.share(len(x))
        return run_layer(make(processes), x[own], g[own])

    found = results_of(size, program)
    joined = {key: np.concatenate([part[key] for part in found]) for key in ("y", "x.grad", "judged")}
    joined |= {key: sum(part[key] for part in found) for key in found[0] if key in ("weight.grad", "bias.grad")}
    for key in found[0].keys() - joined.keys():
        for part in found:
            np.testing.assert_array_equal(part[key], found[0][key])  # the same bits in all
        joined[key] = found[0][key]
    return joined


def batch(shape: tuple[int, ...], dtype: Any) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return (3 + 2 * rng.standard_normal(shape)).astype(dtype), rng.standard_normal(shape).astype(dtype)


def synchronized(processes: Any, **options: Any) -> nn.Module:
    layer = nn.SyncBatchNorm(3, process_group=processes, **options)
    for k, parameter in enumerate(layer.parameters()):
        parameter.data = np.arange(1.0, 4.0, dtype=parameter.dtype) - k
    return layer


@pytest.mark.torch
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(
    "options",
    [{}, {"affine": False}, {"momentum": None}, {"track_running_stats": False}, {"eps": 0.1, "momentum": 0.7}],
    ids=str,
)
def test_synchronized_batch_norm_is_pytorchs_of_the_whole_batch(
    size: int, shape: tuple[int, ...], options: dict[str, Any]
) -> None:
    torch = pytest.importorskip("torch")
    kind = {2: "BatchNorm1d", 3: "BatchNorm1d", 4: "BatchNorm2d", 5: "BatchNorm3d"}[len(shape)]
    reference = getattr(torch.nn, kind)(3, dtype=torch.float64, **options)
    with torch.no_grad():
        for k, parameter in enumerate(reference.parameters()):
            parameter[:] = torch.arange(1.0, 4.0) - k
    rows, upstream = batch(shape, np.float64)
    x = torch.tensor(rows, requires_grad=True)
    y = reference(x)
    (y * torch.tensor(upstream)).sum().backward()
    wanted = {"y": y.detach(), "x.grad": x.grad} | {f"{k}.grad": p.grad for k, p in reference.named_parameters()}
    wanted |= {name: buffer.clone() for name, buffer in reference.named_buffers()}
    got = split_and_joined(lambda p: synchronized(p, dtype=np.float64, **options), shape, np.float64, size)
    if options.get("track_running_stats", True):  # otherwise each process judges by its own rows, as in PyTorch
        wanted["judged"] = reference.eval()(x).detach()
    else:
        del got["judged"]
    assert got.keys() == wanted.keys()
    for key, value in wanted.items():
        np.testing.assert_allclose(got[key], value.numpy(), rtol=1e-10, atol=1e-12, err_msg=key)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_synchronized_batch_norm_in_single_precision(shape: tuple[int, ...]) -> None:
    wanted = run_layer(synchronized(None), *batch(shape, np.float32))
    got = split_and_joined(synchronized, shape, np.float32, 2)
    assert got.keys() == wanted.keys()
    for key, value in wanted.items():
        assert got[key].dtype == value.dtype
        np.testing.assert_allclose(got[key], value, rtol=2e-5, atol=2e-5, err_msg=key)


def test_a_large_mean_leaves_the_variance_right() -> None:
    def program(processes: Processes) -> Any:
        layer = nn.SyncBatchNorm(1, process_group=processes, affine=False)
        return layer(Tensor(np.array([[1e4 + processes.rank]], np.float32))).data

    np.testing.assert_allclose(np.concatenate(results_of(2, program)), [[-1], [1]], rtol=1e-3)


def test_its_second_derivative_is_that_of_the_whole_batch() -> None:
    from minidl import grad

    rows, upstream = batch((4, 3), np.float64)

    def twice(layer: nn.Module, x: Any, g: Any) -> Any:
        x = Tensor(x, requires_grad=True)
        (first,) = grad((layer(x) ** 2 * Tensor(g)).sum(), [x], create_graph=True)
        return grad((first**2).sum(), [x])[0].data

    def program(processes: Processes) -> Any:
        own = processes.share(4)
        return twice(synchronized(processes, dtype=np.float64), rows[own], upstream[own])

    wanted = twice(synchronized(None, dtype=np.float64), rows, upstream)
    np.testing.assert_allclose(np.concatenate(results_of(2, program)), wanted, rtol=1e-9, atol=1e-12)


def test_a_single_value_a_channel_in_all_processes_is_refused() -> None:
    def program(processes: Processes) -> None:
        nn.SyncBatchNorm(3, process_group=processes)(Tensor(np.zeros((1 - processes.rank, 3), np.float32)))

    errors = together(2, program)
    assert [type(error) for error in errors] == [ShapeError, ShapeError]
    assert "in all processes together" in str(errors[0])


def test_what_does_not_fit_is_refused() -> None:
    group: Any = type("Two", (), {"rank": 0, "size": 2})()
    with pytest.raises(ShapeError, match=r"wants input \(N, C, …\)"):
        nn.SyncBatchNorm(3, process_group=group)(Tensor(np.zeros(3, np.float32)))
    with pytest.raises(ShapeError, match=r"must be \(4,\)"):
        nn.SyncBatchNorm(3, process_group=group)(Tensor(np.zeros((2, 4), np.float32)))
    with pytest.raises(UsageError, match="eps must be positive"):
        nn.SyncBatchNorm(3, eps=0.0, process_group=group)(Tensor(np.zeros((2, 3), np.float32)))


def test_a_model_is_converted_with_its_parameters_and_statistics() -> None:
    shared = nn.BatchNorm1d(3, momentum=None, eps=0.1, bias=False)
    model = nn.Sequential(nn.Linear(2, 3), shared, nn.Sequential(shared, nn.BatchNorm1d(3, affine=False)))
    model(Tensor(np.random.default_rng(0).standard_normal((4, 2)).astype(np.float32)))
    before, parameters = model.state_dict(), list(model.parameters())
    shared.eval()
    group = Alone()
    assert nn.SyncBatchNorm.convert_sync_batchnorm(model, group) is model
    new: Any = model[1]
    assert isinstance(new, nn.SyncBatchNorm)
    assert new is model[2][0]
    assert (new.momentum, new.eps, new.bias, new.training, new.process_group) == (None, 0.1, None, False, group)
    assert isinstance(model[2][1], nn.SyncBatchNorm)
    assert all(a is b for a, b in zip(model.parameters(), parameters, strict=True))
    assert model.state_dict().keys() == before.keys()
    for name, value in model.state_dict().items():
        assert np.shares_memory(value.data, before[name].data)


def test_a_single_layer_is_converted_too() -> None:
    layer = nn.BatchNorm2d(3, track_running_stats=False)
    new = nn.SyncBatchNorm.convert_sync_batchnorm(layer)
    assert isinstance(new, nn.SyncBatchNorm)
    assert new.running_mean is None
    assert new.weight is layer.weight


@pytest.mark.torch
def test_it_has_pytorchs_arguments() -> None:
    import inspect

    torch = pytest.importorskip("torch")
    theirs, ours = (inspect.signature(kind).parameters for kind in (torch.nn.SyncBatchNorm, nn.SyncBatchNorm))
    assert [(p.name, p.default) for p in ours.values()][: len(theirs)] == [(p.name, p.default) for p in theirs.values()]
    assert list(inspect.signature(nn.SyncBatchNorm.convert_sync_batchnorm).parameters) == ["module", "process_group"]
