"""`minidl cache`: what minidl keeps on disk to be faster next time."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import UsageError


def cache(
    action: Annotated[str, typer.Argument(help="`show` or `clear`.")] = "show",
) -> None:
    """Show the compiled kernels' folder, or clear it; they compile again when next needed."""
    from ..kernels.cpu.jit import cache_folder, clear_cache, folder_bytes, our_cache_entries

    if action == "show":
        size = sum(folder_bytes(folder) for folder in our_cache_entries())
        print(f"{cache_folder()}: {size / 1e6:.1f} MB of compiled kernels")
    elif action == "clear":
        print(f"{cache_folder()}: freed {clear_cache() / 1e6:.1f} MB of compiled kernels")
    else:
        raise UsageError(f"cache {action!r}: say show or clear")
