"""Sending batches through a pipe: large arrays go beside the message, as they are, and are read where they will stay."""

from __future__ import annotations

import io
import os
import sys
from multiprocessing.connection import Connection
from multiprocessing.reduction import ForkingPickler
from typing import Any

import numpy as np

_LARGE = 1 << 12
"""From how many bytes on an array is worth a piece of its own."""


def send(connection: Connection, message: Any) -> None:
    """Send a message to `receive`.

    Raises:
        OSError: the pipe is closed.
        Exception: whatever says that the message cannot be pickled; nothing has been sent then.

    >>> import multiprocessing
    >>> near, far = multiprocessing.Pipe()
    >>> send(near, ("ones", np.ones(3)))
    >>> receive(far)
    ('ones', array([1., 1., 1.]))
    """
    pieces: list[memoryview] = []

    def is_small(buffer: Any) -> bool:
        raw = buffer.raw()
        if raw.nbytes < _LARGE:
            return True
        pieces.append(raw)
        return False

    head = io.BytesIO()
    into: Any = ForkingPickler  # as `Connection.send` does it; the type checker's file leaves out the last arguments
    into(head, 5, True, is_small).dump(message)
    connection.send((head.getvalue(), [piece.nbytes for piece in pieces]))
    for piece in pieces:
        if sys.platform == "win32":
            connection.send_bytes(piece)
        else:
            rest = piece
            while rest.nbytes:
                rest = rest[os.write(connection.fileno(), rest) :]


def receive(connection: Connection) -> Any:
    """Return the next message that was sent by `send`; its arrays can be written to.

    Raises:
        EOFError: the other end was closed.
        OSError: this end was.
    """
    head, sizes = connection.recv()
    pieces = []
    for size in sizes:
        piece = np.empty(size, np.uint8)
        rest = memoryview(piece.data)
        if sys.platform == "win32":
            connection.recv_bytes_into(rest)
        else:
            # `Connection.recv_bytes` would make room for all that is left before each of the many reads.
            while rest.nbytes:
                count = os.readv(connection.fileno(), [rest])
                if count == 0:
                    raise EOFError
                rest = rest[count:]
        pieces.append(piece)
    return ForkingPickler.loads(head, buffers=pieces)
