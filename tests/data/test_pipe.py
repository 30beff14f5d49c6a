"""Messages through a pipe: as they were, whatever their size, and an end that is noticed."""

from __future__ import annotations

import multiprocessing
import threading

import numpy as np
import pytest

import minidl
from minidl.data.pipe import receive, send


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 3)),
        np.arange(5),
        np.arange(2_000_000, dtype=np.float32).reshape(4, -1),
        np.asfortranarray(np.arange(20_000.0).reshape(100, 200)),
        np.arange(40_000)[::2],
        np.array(["a", "bc"] * 4000),
    ],
    ids=["empty", "small", "large", "columns first", "strided", "strings"],
)
def test_arrays_arrive_as_they_were_and_can_be_written_to(array: np.ndarray) -> None:
    near, far = multiprocessing.Pipe()
    sender = threading.Thread(target=send, args=(near, {"array": array, "note": 1}))
    sender.start()
    message = receive(far)
    sender.join()
    assert message["note"] == 1
    assert message["array"].dtype == array.dtype
    assert np.array_equal(message["array"], array)
    assert message["array"].flags.writeable
    near.close()
    far.close()


def test_messages_follow_each_other_and_tensors_are_messages() -> None:
    near, far = multiprocessing.Pipe()
    batches = [[minidl.tensor(np.full((64, 99), k, np.float32)), k] for k in range(20)]
    sender = threading.Thread(target=lambda: [send(near, batch) for batch in batches])
    sender.start()
    for sent in batches:
        tensor, number = receive(far)
        assert number == sent[1]
        assert np.array_equal(tensor.data, sent[0].data)
    sender.join()
    near.close()
    far.close()


def test_what_cannot_be_sent_leaves_the_pipe_as_it_was_and_its_end_is_noticed() -> None:
    near, far = multiprocessing.Pipe()
    with pytest.raises((AttributeError, TypeError, ValueError), match=r"pickle|lambda"):
        send(near, (np.zeros(10_000), lambda: 0))
    assert not far.poll()
    send(near, "next")
    assert receive(far) == "next"
    near.send((b"", [10_000]))  # a worker that was ended in the middle of an array
    near.close()
    with pytest.raises((EOFError, OSError)):
        receive(far)
    far.close()
