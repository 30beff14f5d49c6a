"""`minidl train --list`: what can be chosen by name, with the options of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..training import CHOICES
from ..training.catalogue import PEAKS
from ..training.choices import Registry, nearest
from ..training.schedule import interval_of

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

HEADINGS = {
    "data": "Data sets (--data); or the path of a folder",
    "model": "Models (--model)",
    "optimizer": "Optimizers (--optimizer)",
    "schedule": "Schedules of the learning rate (--schedule)",
    "loss": "Losses (--loss)",
    "augment": "Augmentations (--augment), several joined by +",
    "mix": "Mixing of images and labels (--mix)",
    "preprocess": "Preprocessing (--preprocess)",
    "label_noise": "Wrong labels (--label-noise)",
}


def show_choices(console: Console, kind: str | None) -> None:
    """Print what can be chosen: tables for people, and a line each for a pipe.

    Args:
        console: where to.
        kind: of which kind; all kinds if None.

    Raises:
        UsageError: there is no such kind.
    """
    wanted = kind.replace("-", "_") if kind else None
    if wanted is not None and wanted not in CHOICES:
        raise UsageError(
            f"there is nothing to list under {kind!r}{nearest(wanted, CHOICES) or ';'} choose {', '.join(CHOICES)}"
        )
    for name, registry in CHOICES.items():
        if wanted in (None, name):
            if console.is_terminal:
                console.print(_table(name, registry))
            else:
                for line in _lines(name, registry):
                    console.print(line, markup=False, highlight=False, soft_wrap=True)
    if console.is_terminal:
        console.print(
            'Options are written in parentheses: --optimizer "adamw(weight_decay=0.1)", '
            '--augment "random_crop(32, padding=4) + random_horizontal_flip"',
            markup=False,
            highlight=False,
        )


def _lines(kind: str, registry: Registry[Any]) -> list[str]:
    return [" | ".join([kind, name, _options(kind, registry, name), registry.about(name)]) for name in registry.names]


def _table(kind: str, registry: Registry[Any]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=HEADINGS[kind], title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    table.show_header = False
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name in registry.names:
        words = Text(registry.about(name))
        if options := _options(kind, registry, name):
            words.append(f"\n{options}", style="dim")
        table.add_row(Text(name, style="bold"), words)
    return table


def _options(kind: str, registry: Registry[Any], name: str) -> str:
    options = ", ".join(map(str, registry.options(name)))
    if kind == "optimizer":
        return f"{options}; lr {PEAKS[name]:g}"
    if kind == "schedule":
        counts = f"counts {interval_of(name)}s"
        return f"{options}; {counts}" if options else counts
    return options
