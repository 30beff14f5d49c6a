"""Training with several processes gives what one process gives with the same batches."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

JOB = Path(__file__).with_name("parallel_job.py")
CASES = ["accumulate", "average", "mixup", "dropout", "stopping"]

pytestmark = pytest.mark.mpi


def mpiexec() -> str:
    """The program that starts the processes: the one that came with this Python, or else the system's."""
    pytest.importorskip("mpi4py")
    found = shutil.which(
        "mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    )
    if found is None:
        pytest.skip("there is no mpiexec here")
    return found


def start(count: int, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments in so many processes; warnings are errors."""
    prefix = [mpiexec(), "-n", str(count)] if count > 1 else []
    command = [*prefix, sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, **options)


def train(count: int, folder: Path, *jobs: str) -> None:
    done = start(count, str(JOB), str(folder), "together" if count > 1 else "alone", *jobs)
    assert done.returncode == 0, done.stderr


def compare(folder: Path, job: str, reference: str, count: int) -> None:
    """Check that a job came to the same in every process, and to what one process came to."""
    with np.load(folder / f"{reference}-1-0.npz") as wanted, np.load(folder / f"{job}-{count}-0.npz") as first:
        assert first.files == wanted.files
        tolerance = 1e-12 if "float64" in job else 5e-6
        for key in wanted.files:
            scale = np.abs(wanted[key]).max()
            np.testing.assert_allclose(first[key], wanted[key], 0, tolerance * scale, err_msg=f"{job} {count}: {key}")
        for rank in range(1, count):
            with np.load(folder / f"{job}-{count}-{rank}.npz") as other:
                for key in wanted.files:
                    np.testing.assert_array_equal(other[key], first[key], err_msg=f"{job} {rank}: {key}")


def test_two_processes_come_to_what_one_comes_to(tmp_path: Path) -> None:
    jobs = [*(f"{name}-float64" for name in CASES), "lenet-float32", "resnet-float32"]
    train(1, tmp_path, *jobs, "halted-float64")
    train(2, tmp_path, *jobs, "halted-float64", "resumed-float64")
    train(1, tmp_path, "resumed-float64")
    for job in jobs:
        compare(tmp_path, job, job, 2)
    for count in (1, 2):
        for begun in (1, 2):
            compare(tmp_path, f"resumed-float64-from-{begun}", "dropout-float64", count)


@pytest.mark.slow
def test_three_processes_come_to_what_one_comes_to(tmp_path: Path) -> None:
    jobs = ["resnet-float64", "dropout-float64"]
    train(1, tmp_path, *jobs)
    train(3, tmp_path, *jobs)
    for job in jobs:
        compare(tmp_path, job, job, 3)


@pytest.mark.slow
def test_the_command_shares_its_batches(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    options = ("--model", "resnet8(width=4)", "--epochs", "1", "--examples", "100", "--no-pictures", "--plain")
    one = start(1, "-m", "minidl", "train", *options, "--out", "one", cwd=tmp_path)
    two = start(2, "-m", "minidl", "train", "--data-parallel", *options, "--out", "two", cwd=tmp_path)
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    assert "2 processes share each batch" in two.stdout
    assert two.stdout.count("epoch 1/1") == 1  # one process speaks
    wanted, got = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert wanted.keys() == got.keys()
    for key, value in wanted.items():
        np.testing.assert_allclose(got[key], value, 0, 2e-5 * np.abs(value).max(), err_msg=key)
    again = start(2, "-m", "minidl", "train", "--data-parallel", "--resume", "two", cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "this run is finished" in again.stdout


def test_the_command_fails_once_and_in_words(tmp_path: Path) -> None:
    full = tmp_path / "full"
    full.mkdir()
    (full / "letter.txt").write_text("dear", encoding="utf-8")
    failed = start(2, "-m", "minidl", "train", "--data-parallel", "--out", "full", "--epochs", "1", cwd=tmp_path)
    assert failed.returncode == 2
    assert failed.stderr.count("full is not empty") == 1


def test_the_command_says_how_to_start_several_processes(tmp_path: Path) -> None:
    mpiexec()
    failed = start(1, "-m", "minidl", "train", "--data-parallel", cwd=tmp_path)
    assert failed.returncode == 2
    assert "mpiexec -n 2 minidl train --data-parallel" in failed.stderr
