"""A sweep over MPI's processes, with mpi4py's executor as it is."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from minidl import sweeps

pytestmark = [
    pytest.mark.mpi,
    pytest.mark.skipif(importlib.util.find_spec("mpi4py") is None, reason="mpi4py is not installed"),
]

SCRIPT = """
import os
from mpi4py import MPI
from mpi4py.futures import MPIPoolExecutor
from minidl import sweeps

def job(setting):
    if setting["x"] == 3:
        raise ArithmeticError("three is not my number")
    return {"y": setting["x"] ** 2, "rank": MPI.COMM_WORLD.rank, "pid": os.getpid()}

if __name__ == "__main__":
    with MPIPoolExecutor() as executor:
        results = sweeps.sweep(job, sweeps.grid(x=range(8)), executor=executor, folder="out")
    print(results.values("y").tolist(), os.getpid())
"""


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    mpiexec = shutil.which(
        "mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    )
    if mpiexec is None:
        pytest.skip("there is no mpiexec")
    path = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", "script.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_mpi4pys_executor_runs_a_sweep_unchanged_and_goes_on_with_it(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = run(tmp_path)
    values, _, main = done.stdout.rpartition(" ")
    assert values == str([x * x for x in range(8) if x != 3])
    results = sweeps.load_results(tmp_path / "out")
    assert set(results.values("rank")) == {1, 2}
    assert int(main) not in results.values("pid")
    (failed,) = results.failures
    assert failed.configuration == {"x": 3}
    assert failed.failure is not None
    assert "three is not my number" in failed.failure.traceback
    assert "8 runs, kept in out\n" in done.stderr
    again = run(tmp_path)
    assert again.stdout.startswith(values)
    assert "8 runs, kept in out; 7 done before\n" in again.stderr
