"""`minidl train --list`: everything that can be chosen, as tables and as lines."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from minidl.app.train_list import HEADINGS, show_choices
from minidl.training import CHOICES


def listed(kind: str | None, *, terminal: bool, width: int = 80) -> str:
    to = Console(file=io.StringIO(), force_terminal=terminal, width=width, color_system=None)
    show_choices(to, kind)
    assert isinstance(to.file, io.StringIO)
    return to.file.getvalue()


def test_the_list_has_everything_a_line_each_in_a_pipe() -> None:
    assert list(HEADINGS) == list(CHOICES)
    lines = [line.split(" | ") for line in listed(None, terminal=False).splitlines()]
    assert [(kind, name) for kind, name, _, _ in lines] == [(kind, n) for kind in CHOICES for n in CHOICES[kind].names]
    options = {(kind, name): given for kind, name, given, _ in lines}
    assert options["optimizer", "adamw"] == "betas=(0.9, 0.999), eps=1e-08, weight_decay=0.01, amsgrad=False; lr 0.004"
    assert options["schedule", "step"] == "step_size, gamma=0.1, warmup=0; counts epochs"
    assert options["model", "lenet"] == ""


@pytest.mark.parametrize("width", [50, 80, 200])
def test_the_list_fits_a_terminal(width: int) -> None:
    for kind in (None, "label-noise", "augment"):
        text = listed(kind, terminal=True, width=width)
        assert max(map(cell_len, text.splitlines())) <= width
    assert "symmetric" in listed("label_noise", terminal=True)
    assert "adamw " not in listed("label_noise", terminal=True)
