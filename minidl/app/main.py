"""The `minidl` command: its subcommands, and what becomes of an error."""

from __future__ import annotations

import importlib.util
import io
import sys
from pathlib import Path
from typing import NoReturn

import typer

from .._version import __version__
from ..errors import MinidlError, PeerError, UsageError
from .cache import cache
from .derive import derive
from .draw import draw
from .gallery import gallery
from .info import info
from .kernel import kernel
from .ops import ops
from .playground import playground
from .teaching import check, lesson, slides
from .train import train
from .tutorial import tutorial

INTERRUPTED = 130

app = typer.Typer(
    name="minidl",
    help="The textbook you can run: draw what a computation does, step through it, train it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(train)
app.command()(draw)
app.command()(derive)
app.command()(kernel)
app.command()(gallery)
app.command()(tutorial)
app.command()(playground)
app.command()(slides)
app.command()(check)
app.add_typer(lesson, name="lesson")
app.command()(ops)
app.command()(info)
app.command()(cache)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"minidl {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_version, is_eager=True),
) -> None:
    refuse_shadows()


def refuse_shadows() -> None:
    """Check that `viz` and `tutorials` are ours and not files of the same name that Python finds first.

    Raises:
        UsageError: naming the file in the way.
    """
    home = Path(__file__).resolve().parent.parent.parent
    for name in ("viz", "tutorials"):
        spec = importlib.util.find_spec(name)
        if spec is None:
            raise UsageError(f"minidl's package {name!r} is not installed; install minidl again")
        found = Path(spec.origin or next(iter(spec.submodule_search_locations or [""]))).resolve()
        if home not in found.parents:
            raise UsageError(
                f"{found} hides minidl's own package {name!r}; rename it, or run minidl from another folder"
            )


def main() -> NoReturn:
    """Run the command and exit: 0 done, 1 a problem, 2 a request that cannot be carried out, 130 Ctrl-C.

    A problem that minidl foresees gets one message and no traceback.
    """
    for stream in (sys.stdout, sys.stderr):  # figures and narration need more letters than some consoles' own encoding
        if isinstance(stream, io.TextIOWrapper) and stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(encoding="utf-8", errors="replace")
    try:
        app()
    except PeerError:
        sys.exit(0)  # the process that failed says why, and its status is what mpiexec returns
    except MinidlError as error:
        _say(str(error))
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except OSError as error:
        _say(f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
        sys.exit(1)
    except KeyboardInterrupt:
        _say("stopped")
        sys.exit(INTERRUPTED)
    sys.exit(0)


def _say(message: str) -> None:
    print(f"minidl: {message}", file=sys.stderr)
