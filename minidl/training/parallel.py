"""Training with several processes that share each batch, over MPI: `mpiexec -n 2 minidl train --data-parallel`.

Every process holds the whole model and reads the same batches, computes with its share of each batch's rows, and then all
add up their gradients, so that all take the same step: the one that a single process would have taken with the whole batch,
but for rounding. For that, sums are made in the order of the processes' numbers, each part of them by one process that
sends it to all: the same bits everywhere and, for one number of processes, in every run. (In single precision a rounding
may in the end let some ReLU or max pooling decide otherwise than with one process; from then on the trainings drift apart.)

What is shared and what is not:

* Batches are loaded, augmented and mixed whole by every process, which then takes its rows: that alone keeps the order and
  the chance of one process. Where loading is slow, give each process workers of its own. Validation is shared likewise.
* Batch normalisation sees only a process's own rows unless the model is given to `nn.SyncBatchNorm.convert_sync_batchnorm`,
  as `minidl train --data-parallel` does. Left as it is, each process uses its own rows' statistics, as PyTorch's
  DistributedDataParallel does: fewer exchanges, but another training, whose running statistics are those of process 0.
* What `F.dropout` and its kin draw from the default generator is drawn for the whole batch by every process, which then
  takes its rows. A network that draws in other ways has other noise than with one process; it is the same in all of them.
* The loss must be a plain mean over the examples: then the processes' means, weighted by how many examples each has, are
  that of the whole batch. Class weights make it another.

Before each exchange every process tells all others how it is, so that none waits for one that will not come: an error in
one ends all of them, with its message, and Ctrl-C stops all at the same place.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import MinidlError, PeerError, UsageError
from ..kernels.cpu.threads import limit_threads
from ..kernels.device import require_cpu
from ..nn import Module
from ..primitives.layers.all_reduce import Alone, Communicator

if TYPE_CHECKING:
    from ..data import DataLoader

__all__ = ["Alone", "Communicator", "Processes", "connect", "demand_same", "sum_gradients"]

PACKET = 4096
"""Bytes that a process tells all others at the start of an exchange; data that fit in need no second message."""

HEAD = 16
"""Bytes of a packet that say what it is: two whole numbers, the kind and the number of bytes to be exchanged."""

SUM, BROADCAST, BARRIER, END, INTERRUPTED, FAILED = range(6)
NAMES = ("a sum", "a broadcast", "a barrier", "its end", "an interrupt", "a failure")

Bytes = NDArray[np.uint8]


class Processes:
    """The processes that `mpiexec` started, as one of them sees it; for a `with` block, at whose end all meet.

    Args:
        comm: the MPI communicator: what mpi4py calls `Comm`.

    Attributes:
        rank: this process's number, from 0.
        size: how many there are.
    """

    def __init__(self, comm: Any) -> None:
        self.rank: int = comm.Get_rank()
        self.size: int = comm.Get_size()
        self._comm = comm
        self._open = self._interrupted = False
        self._previous: Any = None

    def __repr__(self) -> str:
        return f"<process {self.rank} of {self.size}>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Processes:
        """Itself: a copied model belongs to the same processes."""
        return self

    # Together -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Begin; from here on, Ctrl-C waits for the next exchange, so that no process leaves while others wait for it."""
        in_main = threading.current_thread() is threading.main_thread()
        if in_main and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._previous = signal.signal(signal.SIGINT, self._note_interrupt)
        self._open = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Meet the others, or tell them why not."""
        try:
            if self._open and error is None:
                self._meet(END)
            elif self._open:
                self._fail(error)
        finally:
            self._open = False
            if self._previous is not None:
                signal.signal(signal.SIGINT, self._previous)
                self._previous = None

    def _note_interrupt(self, number: int, frame: FrameType | None) -> None:
        self._interrupted = True

    def _fail(self, error: BaseException | None) -> None:
        """Tell the others; where several fail alike, the one with the lowest number tells the user."""
        message = f"{type(error).__name__}: {error}".encode()[: PACKET - HEAD]
        packets = self._gather(FAILED, np.frombuffer(message, np.uint8))
        self._open = False
        first = next(r for r, packet in enumerate(packets) if _head(packet)[0] == FAILED)
        if first != self.rank and isinstance(error, MinidlError) and (packets[first] == packets[self.rank]).all():
            raise PeerError(f"process {first} of {self.size} failed in the same way: {error}") from error

    # Exchanges ----------------------------------------------------------------------------------------------------

    def share(self, n: int) -> slice:
        """Return this process's rows of a batch of `n`: n/size of them, rounded up or down, none where n is too small."""
        return slice(self.rank * n // self.size, (self.rank + 1) * n // self.size)

    def sum_(self, arrays: Sequence[NDArray[Any]]) -> None:
        """Replace each array by its sum over all processes, the same bits on all.

        Arrays of one dtype go together. Small ones go to everyone, and everyone adds them up. Of larger ones, process r adds
        up the r-th part and sends it to everyone: as much is sent as in MPI's own Allreduce, in about the same time, but the
        order of addition does not depend on the MPI, the network or the length.

        Args:
            arrays: the same shapes and dtypes in every process.

        Raises:
            PeerError: another process failed.
            MinidlError: the processes are not in step.
        """
        for dtype in dict.fromkeys(array.dtype for array in arrays):
            bucket = [array for array in arrays if array.dtype == dtype]
            _spread(self._sum(np.concatenate([array.ravel() for array in bucket])), bucket)

    def _sum(self, flat: NDArray[Any]) -> NDArray[Any]:
        if flat.nbytes <= PACKET - HEAD:
            packets = self._meet(SUM, flat)
            return _in_order([packet[HEAD : HEAD + flat.nbytes].view(flat.dtype) for packet in packets])
        part = -(-len(flat) // self.size)
        sent = np.zeros((self.size, part), flat.dtype)
        sent.reshape(-1)[: len(flat)] = flat
        received = np.empty_like(sent)
        self._meet(SUM, flat)
        self._comm.Alltoall(_bytes(sent), _bytes(received))
        self._comm.Allgather(_bytes(_in_order(received)), _bytes(sent))
        return sent.reshape(-1)[: len(flat)]

    def broadcast_(self, arrays: Sequence[NDArray[Any]], source: int = 0) -> None:
        """Replace each array by that of process `source`.

        Raises:
            PeerError: another process failed.
            MinidlError: the processes are not in step.
        """
        flat = np.concatenate([_bytes(array) for array in arrays]) if arrays else np.zeros(0, np.uint8)
        self._meet(BROADCAST, flat)
        self._comm.Bcast(flat, root=source)
        _spread(flat, arrays)

    def any(self, flag: bool) -> bool:
        """Return whether `flag` is true in one process at least; the same answer in all."""
        flags = np.array([flag], np.int64)
        self.sum_([flags])
        return bool(flags[0])

    def barrier(self) -> None:
        """Wait until every process has come here.

        Raises:
            PeerError: another process failed.
            MinidlError: the processes are not in step.
        """
        self._meet(BARRIER)

    def _meet(self, kind: int, flat: NDArray[Any] | None = None) -> Bytes:
        """Tell all others that an exchange begins, hear the same from them, and return their packets, `(size, PACKET)`."""
        if not self._open:
            raise UsageError(
                "processes exchange something only inside `with connect() as processes:`, so that an error in one of "
                "them reaches the others"
            )
        content = np.zeros(0, np.uint8) if flat is None else _bytes(flat)
        kind = INTERRUPTED if self._interrupted else kind
        packets = self._gather(kind, content)
        heads = [_head(packet) for packet in packets]
        if len(set(heads)) == 1 and kind != INTERRUPTED:
            return packets
        self._open = False  # everyone has heard the same, so that everyone leaves now
        if any(kind == FAILED for kind, _ in heads):
            first = next(r for r, (kind, _) in enumerate(heads) if kind == FAILED)
            raise PeerError(f"process {first} of {self.size} failed: {_text(packets[first])}")
        if any(kind == INTERRUPTED for kind, _ in heads):
            raise KeyboardInterrupt
        places = "; ".join(f"process {r} is at {NAMES[kind]} of {size:,} bytes" for r, (kind, size) in enumerate(heads))
        raise (PeerError if self.rank else MinidlError)(
            f"the processes are not in step: {places}. They must run the same program with the same options, and take the "
            "same decisions"
        )

    def _gather(self, kind: int, content: Bytes) -> Bytes:
        packet = np.zeros(PACKET, np.uint8)
        packet[:HEAD] = np.array([kind, len(content)], np.int64).view(np.uint8)
        if len(content) <= PACKET - HEAD:
            packet[HEAD : HEAD + len(content)] = content
        packets = np.empty((self.size, PACKET), np.uint8)
        self._comm.Allgather(packet, packets)
        return packets


def sum_gradients(model: Module, sums: dict[str, float], parallel: Communicator) -> None:
    """Add up, over all processes, a model's gradients and the values in `sums`, in place; alone, there is nothing to do."""
    if parallel.size == 1:
        return
    require_cpu("training on several processes", *(parameter.data for parameter in model.parameters()))
    values = np.array([*sums.values()], np.float64)
    parallel.sum_([values, *(parameter.grad.data for parameter in model.parameters() if parameter.grad is not None)])
    sums.update(zip(sums, values.tolist(), strict=True))


def demand_same(model: Module, loader: DataLoader, parallel: Communicator) -> None:
    """Make sure that all processes have the same weights and will read the same batches.

    Raises:
        UsageError: they do not; every process says so.
    """
    if parallel.size == 1:
        return
    digest = zlib.crc32(repr(loader.state_dict()).encode())
    for parameter in model.parameters():
        digest = zlib.crc32(_bytes(parameter.data).data, digest)
    digests = np.zeros(parallel.size, np.int64)
    digests[parallel.rank] = digest
    parallel.sum_([digests])
    if other := np.flatnonzero(digests != digests[0]).tolist():
        raise UsageError(
            f"process {other[0]} has other weights than process 0, or reads its data in another order: seed all processes "
            "alike before the model and the loader are made (minidl.manual_seed), have them load the same checkpoint, and "
            "change weights in all of them or in none"
        )


def connect() -> Processes:
    """Join the processes that `mpiexec` started, and divide each machine's cores among those on it.

    A process takes its part of the cores as the number of threads for BLAS and for compiled kernels, unless
    `OMP_NUM_THREADS`, `OPENBLAS_NUM_THREADS`, `MKL_NUM_THREADS` or `NUMBA_NUM_THREADS` say how many there are to be.

    Returns:
        The processes, for a `with` block.

    Raises:
        UsageError: MPI is not installed, or there is only this process.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise UsageError(
            f'training with several processes needs MPI ({error}); install it with: pip install "minidl[mpi]"'
        ) from error
    if MPI.COMM_WORLD.Get_size() == 1:
        beside = Path(sys.executable).parent / "mpiexec"
        raise UsageError(
            "training with several processes needs more than one: start it as `mpiexec -n 2 minidl train --data-parallel`; "
            "if you did, that mpiexec belongs to another MPI than the one that this Python uses"
            + (f", which is started by {beside}" if beside.exists() else "")
        )
    comm = MPI.COMM_WORLD.Dup()  # so that nothing another library sends is mistaken for ours
    limit_threads(_own_cores(comm.Split_type(MPI.COMM_TYPE_SHARED)))
    return Processes(comm)


def _own_cores(machine: Any) -> int:
    """How many cores are left for this process if those that may use a core share it evenly; at least one.

    Args:
        machine: the communicator of the processes on this machine.
    """
    own = list(os.sched_getaffinity(0)) if sys.platform == "linux" else list(range(os.cpu_count() or 1))
    users, sums = np.zeros((2, 4096), np.int64)
    users[own] = 1
    machine.Allreduce(users, sums)
    return max(1, int((1 / sums[own]).sum() + 1e-6))


def _bytes(array: NDArray[Any]) -> Bytes:
    """The array's memory, which MPI need know nothing about."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _spread(flat: NDArray[Any], arrays: Sequence[NDArray[Any]]) -> None:
    """Fill the arrays in turn with what lies in `flat`, numbers or their bytes."""
    memory, at = flat.view(np.uint8), 0
    for array in arrays:
        array[...] = memory[at : at + array.nbytes].view(array.dtype).reshape(array.shape)
        at += array.nbytes


def _in_order(parts: Sequence[NDArray[Any]] | NDArray[Any]) -> NDArray[Any]:
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def _head(packet: Bytes) -> tuple[int, int]:
    kind, size = packet[:HEAD].view(np.int64).tolist()
    return kind, size


def _text(packet: Bytes) -> str:
    return packet[HEAD : HEAD + _head(packet)[1]].tobytes().decode(errors="replace")
