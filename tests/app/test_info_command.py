"""`minidl info`: what it says where there is no GPU, and where there is a simulated one."""

from __future__ import annotations

import pytest
import typer

from minidl import cuda
from minidl.app.info import info


def said(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(typer.Exit):
        info()
    return " ".join(capsys.readouterr().out.split())


def test_what_is_missing_is_said_to_the_letter(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(cuda, "device_count", lambda: 0)
    monkeypatch.setattr(cuda, "why_not", lambda: 'the CUDA packages are not installed: pip install "minidl[cuda]"')
    assert 'no cuda: the CUDA packages are not installed: pip install "minidl[cuda]"' in said(capsys)


def test_gpus_are_listed_by_name(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(cuda, "device_count", lambda: 2)
    monkeypatch.setattr(cuda, "get_device_name", lambda number: f"model {number}")
    assert "cuda:0 model 0, cuda:1 model 1" in said(capsys)
