"""The process that holds the Graphviz engine of pygraphviz. It stands alone: run as a file, it imports nothing of ours.

Graphviz is C code that may crash, leak or stay broken after a failed drawing, and that reports malformed labels on file
descriptor 2 only; in a process of its own, all of that can be seen and thrown away.

A message is a number of fields, each a length (4 bytes, big-endian) and that many bytes.
On starting it sends  (b"ok", version) or (b"missing", reason).
A request is          (layout, format, dpi, dot), a reply (b"ok" or b"failed", result or reason, what stderr said).
"""

from __future__ import annotations

import os
import signal
import struct
import sys
import tempfile
from typing import IO


def read_fields(stream: IO[bytes], count: int) -> list[bytes] | None:
    """Return the next `count` fields, or None at the end of the stream."""
    fields = []
    for _ in range(count):
        header = stream.read(4)
        if len(header) < 4:
            return None
        (length,) = struct.unpack(">I", header)
        content = stream.read(length)
        if len(content) < length:
            return None
        fields.append(content)
    return fields


def write_fields(stream: IO[bytes], *fields: bytes) -> None:
    """Send fields."""
    stream.write(b"".join(struct.pack(">I", len(field)) + field for field in fields))
    stream.flush()


def main() -> None:
    """Serve requests until the other side closes the pipe."""
    # Ctrl-C is for the program that draws; the pipe closes when that ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    with tempfile.TemporaryFile() as errors:
        os.dup2(errors.fileno(), 2)
        os.dup2(errors.fileno(), 1)  # a stray print must not get into the replies
        try:
            import pygraphviz
        except Exception as error:  # a missing shared library shows as ImportError, a damaged wheel as anything
            write_fields(replies, b"missing", f"{type(error).__name__}: {error}".encode())
            return
        write_fields(replies, b"ok", pygraphviz.__graphviz_version__.encode())
        while (request := read_fields(requests, 4)) is not None:
            errors.seek(0)
            errors.truncate()
            layout, form, dpi, dot = (field.decode("utf-8") for field in request)
            status = b"ok"
            try:
                graph = pygraphviz.AGraph(string=dot)
                result = graph.draw(format=form, prog=layout, args=f"-Gdpi={dpi}" if dpi else "") or b""
                graph.close()
            except Exception as error:
                status, result = b"failed", f"{type(error).__name__}: {error}".encode()
            sys.stderr.flush()
            errors.seek(0)
            write_fields(replies, status, result, errors.read())


if __name__ == "__main__":
    main()
