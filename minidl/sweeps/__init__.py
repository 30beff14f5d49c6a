"""Sweeps: one function on many configurations, on many cores or machines, every result kept. Grids, draws, repetitions.

>>> from minidl import sweeps
>>> configurations = sweeps.repeat(5, sweeps.grid(lr=[0.1, 0.01], model=["lenet", "mlp"]))
>>> len(configurations), configurations[0]
(20, {'lr': 0.1, 'model': 'lenet', 'seed': 0})

`sweeps.sweep(train_once, configurations, folder="runs/sweep")` then runs them; see there.
"""

from .configurations import Configuration, Range, choice, grid, integers, log_uniform, random, repeat, uniform
from .events import Callback, Event, RunDone, SweepEnded, SweepStarted, WorkerDied
from .outcome import Failure, Run
from .progress import show_progress
from .results import Results, Table, load_results
from .running import sweep
from .statistics import Summary, compare, summarize

__all__ = [
    "Callback",
    "Configuration",
    "Event",
    "Failure",
    "Range",
    "Results",
    "Run",
    "RunDone",
    "Summary",
    "SweepEnded",
    "SweepStarted",
    "Table",
    "WorkerDied",
    "choice",
    "compare",
    "grid",
    "integers",
    "load_results",
    "log_uniform",
    "random",
    "repeat",
    "show_progress",
    "summarize",
    "sweep",
    "uniform",
]
