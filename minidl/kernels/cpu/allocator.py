"""Memory for NumPy's large arrays, kept when one is freed and handed out again: native functions for `buffers`.

A block that is freed goes to the list of its size; sizes come in classes, eight to each power of two, so that at most an eighth
of a block is not used. A list runs through the blocks themselves: the first word of each holds the address of the next.

All are called with Python's lock held, as NumPy calls them, so they need no lock of their own. The context that NumPy hands
to each is the address of a table of 64-bit words: what is counted, then the heads of the lists.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from .buffers import CACHED, HEADS, HITS, LIMIT, LIVE, LOWEST, MISSES, PEAK, SLACK, WORDS
from .jit import kernel, native

_word: Any = types.uintp
_whole: Any = types.intp
_nothing: Any = types.void
_aligned_alloc: Any = types.ExternalFunction("aligned_alloc", _word(_word, _word))
_calloc: Any = types.ExternalFunction("calloc", _word(_word, _word))
_malloc: Any = types.ExternalFunction("malloc", _word(_word))
_realloc: Any = types.ExternalFunction("realloc", _word(_word, _word))
_free: Any = types.ExternalFunction("free", _nothing(_word))
_memset: Any = types.ExternalFunction("memset", _word(_word, types.intc, _word))
_size: Any = types.ExternalFunction("malloc_usable_size", _word(_word))
_ALIGNED = 64
_LARGE = (1 << LOWEST) + 4096
"""A block that holds more is one of ours: the smallest class has twice this margin, and the system rounds up by less."""


def _loading(context: Any, address: Any) -> Any:
    """The word at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(builder.inttoptr(args[0], cgutils.intp_t.as_pointer()))

    return _whole(_word), generate


def _storing(context: Any, address: Any, value: Any) -> Any:
    """Write a word to an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.store(args[1], builder.inttoptr(args[0], cgutils.intp_t.as_pointer()))
        return context.get_dummy_value()

    return _nothing(_word, types.intp), generate


_load: Any = intrinsic(_loading)
_store: Any = intrinsic(_storing)


@kernel()
def get(table: Any, k: Any) -> Any:
    """Word `k` of the table."""
    return _load(_word(table + 8 * k))


@kernel()
def put(table: Any, k: Any, value: Any) -> None:
    """Set word `k` of the table."""
    _store(_word(table + 8 * k), _whole(value))


@kernel()
def capacity(which: Any) -> Any:
    """The bytes of a block of class `which`: 2ᵉ + k·2ᵉ⁻³ for k = 1 … 8."""
    e = LOWEST + which // 8
    return (_whole(1) << e) + (which % 8 + 1) * (_whole(1) << (e - 3))


@kernel()
def class_of(size: Any) -> Any:
    """The first class that holds `size` bytes, more than 2^LOWEST."""
    e = LOWEST
    while (_whole(1) << (e + 1)) < size:
        e += 1
    step = _whole(1) << (e - 3)
    return (e - LOWEST) * 8 + (size - (_whole(1) << e) + step - 1) // step - 1


@kernel()
def take(table: Any, which: Any) -> Any:
    """The first block of a list, or 0."""
    block = get(table, HEADS + which)
    if block:
        put(table, HEADS + which, _load(_word(block)))
        put(table, CACHED, get(table, CACHED) - _whole(_size(_word(block))))
    return block


@kernel()
def release(table: Any, most: Any) -> None:
    """Give blocks back to the system, the largest first, until no more than `most` bytes are kept."""
    which = WORDS - HEADS - 1
    while which >= 0 and get(table, CACHED) > most:
        block = take(table, which)
        if block:
            _free(_word(block))
        else:
            which -= 1


@kernel()
def lend(table: Any, block: Any) -> None:
    """Count a block as being used."""
    live = get(table, LIVE) + _whole(_size(_word(block)))
    put(table, LIVE, live)
    put(table, PEAK, max(live, get(table, PEAK)))


@kernel()
def make_room(table: Any, size: Any) -> None:
    """Before a new block: keep so little that all together is hardly more than what was ever used at once."""
    put(table, MISSES, get(table, MISSES) + 1)
    live = get(table, LIVE) + size
    release(table, max(max(get(table, PEAK), live) + SLACK - live, 0))


@native(_word(_word, _word))
def allocate(table: Any, size: Any) -> Any:
    """`malloc`."""
    if size <= 1 << LOWEST:
        return _malloc(size)
    which = class_of(_whole(size))
    block = take(table, which)
    if block:
        put(table, HITS, get(table, HITS) + 1)
    else:
        make_room(table, capacity(which))
        block = _whole(_aligned_alloc(_ALIGNED, _word(capacity(which))))
    if block:
        lend(table, block)
    return _word(block)


@native(_word(_word, _word, _word))
def allocate_zeros(table: Any, count: Any, each: Any) -> Any:
    """`calloc`."""
    size = count * each
    if size <= 1 << LOWEST:
        return _calloc(count, each)
    block = take(table, class_of(_whole(size)))
    if block:
        put(table, HITS, get(table, HITS) + 1)
        _memset(_word(block), 0, size)
    else:
        whole = capacity(class_of(_whole(size)))
        make_room(table, whole)
        block = _whole(_calloc(1, _word(whole)))
    if block:
        lend(table, block)
    return _word(block)


@native(_word(_word, _word, _word))
def resize(table: Any, block: Any, size: Any) -> Any:
    """`realloc`."""
    before = _whole(_size(block)) if block else 0
    if _whole(size) > max(before, _LARGE):
        make_room(table, _whole(size) - before)
    after = _realloc(block, size)
    if after:
        if before > _LARGE:
            put(table, LIVE, get(table, LIVE) - before)
        if _whole(_size(after)) > _LARGE:
            lend(table, _whole(after))
    return after


@native(_nothing(_word, _word, _word))
def take_back(table: Any, block: Any, size: Any) -> None:
    """`free`: large blocks are kept."""
    if not block:
        return
    held = _whole(_size(block))
    if held <= _LARGE:
        _free(block)
        return
    put(table, LIVE, get(table, LIVE) - held)
    which = class_of(held)
    if capacity(which) > held:
        which -= 1
    if which < 0 or which >= WORDS - HEADS or get(table, CACHED) + held > get(table, LIMIT):
        _free(block)
        return
    _store(_word(block), get(table, HEADS + which))
    put(table, HEADS + which, _whole(block))
    put(table, CACHED, get(table, CACHED) + held)


@native(_nothing(_word, _word))
def keep_at_most(table: Any, most: Any) -> None:
    """`release`, for Python to call."""
    release(table, _whole(most))
