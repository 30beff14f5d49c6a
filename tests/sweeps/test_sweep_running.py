"""The sweep with executors that are handed in: threads, and some that misbehave."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import minidl
from minidl import sweeps
from minidl.errors import UsageError, WorkerError
from minidl.sweeps import RunDone, SweepEnded, SweepStarted


class AtOnce(Executor):
    """Computes in the caller's own thread before `submit` returns; refuses after `most` calls."""

    def __init__(self, most: int = 1000, refusal: Exception | None = None) -> None:
        self.most, self.refusal, self.calls = most, refusal or RuntimeError("cannot schedule new futures"), 0
        self.was_shut_down = False

    def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.calls == self.most:
            raise self.refusal
        self.calls += 1
        future: Future[Any] = Future()
        try:
            future.set_result(call(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.was_shut_down = True


def quietly(function: Any, configurations: Any, **options: Any) -> sweeps.Results:
    return sweeps.sweep(function, configurations, callbacks=(), **options)


def test_results_stand_in_the_order_of_the_configurations(jobs: ModuleType) -> None:
    seen: list[int] = []

    def note(event: sweeps.Event) -> None:
        if isinstance(event, RunDone):
            seen.append(event.run.index)

    with ThreadPoolExecutor(4) as threads:
        results = sweeps.sweep(jobs.slow_first, sweeps.grid(x=[0, 1, 2, 3]), executor=threads, callbacks=[note])
        assert threads.submit(int).result() == 0  # it was not shut down
    assert [run.values for run in results] == [{"y": x} for x in range(4)]
    assert sorted(seen) == list(range(4)) != seen
    assert seen[-1] == 0
    assert results.complete


def test_a_failure_is_kept_with_its_configuration_and_the_rest_goes_on(jobs: ModuleType, tmp_path: Path) -> None:
    configurations = sweeps.repeat(2, sweeps.grid(x=[1, 2, 3]))
    results = quietly(jobs.fussy, configurations, executor=AtOnce(), folder=tmp_path)
    assert [run.configuration for run in results.failures] == [{"x": 2, "seed": 0}, {"x": 2, "seed": 1}]
    failure = results.failures[0].failure
    assert failure is not None
    assert (failure.type, failure.message) == ("ArithmeticError", "two is not my number")
    assert failure.traceback.startswith("Traceback (most recent call last)")
    assert 'raise ArithmeticError("two is not my number")' in failure.traceback
    assert "outcome.py" not in failure.traceback
    assert results.values("y").tolist() == [1, 1, 3, 3]
    assert str(sweeps.load_results(tmp_path)) == str(results)
    assert sweeps.load_results(tmp_path).failures == results.failures


def test_every_kind_of_error_becomes_a_failure(jobs: ModuleType) -> None:
    def unkind(setting: Mapping[str, Any]) -> Any:
        kind = setting["kind"]
        if kind == "interrupt":
            raise KeyboardInterrupt
        if kind == "exit":
            jobs.leaves(setting)
        return {"list": [1], "text": {"y": "1"}, "clash": {"kind": 1}, "name": {1: 2}, "array": {"y": np.ones(2)}}[kind]

    kinds = ["interrupt", "exit", "list", "text", "clash", "name", "array"]
    results = quietly(unkind, sweeps.grid(kind=kinds), executor=AtOnce())
    assert len(results.failures) == len(kinds)
    said = {run.configuration["kind"]: str(run.failure) for run in results}
    assert said["interrupt"] == "KeyboardInterrupt"
    assert said["exit"] == "SystemExit: 3"
    assert "must return a dictionary of numbers by name; it returned [1]" in said["list"]
    assert "it returned 'y': '1'" in said["text"]
    assert "also a setting's name" in said["clash"]
    assert "plain numbers by name; it returned 1: 2" in said["name"]
    assert "array([1., 1.])" in said["array"]


def test_numbers_come_back_as_pythons_own() -> None:
    def kinds(setting: Mapping[str, Any]) -> dict[str, Any]:
        return {"a": np.float32(0.5), "b": np.int64(3), "c": np.bool_(True), "d": 7, "e": float("nan")}

    values = quietly(kinds, [{}], executor=AtOnce())[0].values
    assert values is not None
    assert [type(value) for value in values.values()] == [float, int, bool, int, float]


def test_the_random_numbers_of_a_run_depend_on_its_seed_alone(jobs: ModuleType) -> None:
    minidl.manual_seed(77)
    before = minidl.get_rng_state()
    configurations = sweeps.repeat(3, sweeps.grid(x=[0, 1]))
    drawn = quietly(jobs.draws, configurations, executor=AtOnce()).values("y")
    assert minidl.get_rng_state() == before
    np.testing.assert_array_equal(drawn[:3], drawn[3:])
    assert len(set(drawn.tolist())) == 3
    minidl.manual_seed(2)
    assert drawn[2] == minidl.rand(1).item()
    unseeded = quietly(jobs.draws, sweeps.grid(x=[5, 6, 7]), executor=AtOnce()).values("y")
    np.testing.assert_array_equal(unseeded, drawn[:3])
    odd = quietly(jobs.draws, [{"seed": -1}, {"seed": "α"}], executor=AtOnce())
    assert odd.complete


def test_the_same_sweep_in_the_same_folder_skips_what_is_done_and_tries_again_what_failed(tmp_path: Path) -> None:
    called: list[int] = []

    def counting(setting: Mapping[str, Any]) -> dict[str, float]:
        called.append(setting["x"])
        if setting["x"] == 2 and len(called) < 4:
            raise ValueError("not yet")
        return {"y": 1 / setting["x"]}

    configurations = sweeps.grid(x=[1, 2, 3])
    first = quietly(counting, configurations, executor=AtOnce(), folder=tmp_path)
    assert len(first.failures) == 1
    events: list[sweeps.Event] = []
    again = sweeps.sweep(counting, configurations, executor=AtOnce(), folder=tmp_path, callbacks=[events.append])
    assert called == [1, 2, 3, 2]
    assert again.complete
    assert [type(event) for event in events] == [SweepStarted, RunDone, SweepEnded]
    assert events[0] == SweepStarted(configurations, 2, tmp_path)
    executor = AtOnce(most=0)
    last = quietly(counting, configurations, executor=executor, folder=tmp_path)
    assert str(last) == str(again)
    with pytest.raises(UsageError, match="holds another sweep"):
        quietly(counting, configurations[:2], executor=executor, folder=tmp_path)


def test_every_result_is_on_disk_before_the_next_run_of_a_slow_executor(tmp_path: Path) -> None:
    counts: list[int] = []

    def counting(setting: Mapping[str, Any]) -> dict[str, float]:
        counts.append(len(sweeps.load_results(tmp_path)))
        return {"y": 0}

    quietly(counting, sweeps.grid(x=range(4)), executor=AtOnce(), folder=tmp_path)
    assert counts == [0, 1, 2, 3]


@pytest.mark.parametrize("refusal", [RuntimeError("cannot schedule new futures"), BrokenExecutor("a process is gone")])
def test_an_executor_that_takes_no_more_work_ends_the_sweep_with_what_is_done_kept(
    tmp_path: Path, jobs: ModuleType, refusal: Exception
) -> None:
    executor = AtOnce(2, refusal)
    ended: list[sweeps.Event] = []
    with pytest.raises(WorkerError) as caught:
        sweeps.sweep(jobs.square, sweeps.grid(x=range(5)), executor=executor, folder=tmp_path, callbacks=[ended.append])
    assert f"takes no more work ({type(refusal).__name__}: {refusal}); 2 of 5 runs are done and kept in" in str(
        caught.value
    )
    assert caught.value.__cause__ is refusal
    assert isinstance(ended[-1], SweepEnded)
    assert not ended[-1].finished
    assert [run.index for run in sweeps.load_results(tmp_path)] == [0, 1]
    assert not executor.was_shut_down
    assert quietly(jobs.square, sweeps.grid(x=range(5)), executor=AtOnce(3), folder=tmp_path).complete


def test_an_executor_that_breaks_down_under_the_runs_loses_those_alone(tmp_path: Path, jobs: ModuleType) -> None:
    class Breaking(AtOnce):
        def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future = super().submit(call, *args, **kwargs)
            if self.calls == 3:
                future = Future()
                future.set_exception(BrokenExecutor("a process is gone"))
            return future

    with pytest.raises(WorkerError, match=r"a process is gone.*2 of 5 runs are done"):
        quietly(jobs.square, sweeps.grid(x=range(5)), executor=Breaking(), folder=tmp_path)
    assert [run.index for run in sweeps.load_results(tmp_path)] == [0, 1]


def test_an_executor_that_is_shut_down_meanwhile_is_no_failure_of_the_runs(tmp_path: Path) -> None:
    class Closing(ThreadPoolExecutor):
        """Shuts itself down with the fifth call, while the first one is running."""

        calls = 0

        def submit(self, call: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future = super().submit(call, *args, **kwargs)
            self.calls += 1
            if self.calls == 5:
                self.shutdown(wait=False, cancel_futures=True)
                closed.set()
            return future

    closed = threading.Event()

    def patient(setting: Mapping[str, Any]) -> dict[str, float]:
        closed.wait()
        return {"y": 1}

    with pytest.raises(WorkerError, match=r"CancelledError.*1 of 5 runs are done"):
        quietly(patient, sweeps.grid(x=range(5)), executor=Closing(1), folder=tmp_path)
    results = sweeps.load_results(tmp_path)
    assert [run.index for run in results] == [0]
    assert not results.failures


@pytest.mark.parametrize(("position", "where"), [(1, "run"), (1, "listener"), (3, "listener")])
def test_ctrl_c_is_heeded_after_what_is_under_way_here(tmp_path: Path, position: int, where: str) -> None:
    def press(at: str, x: int) -> None:
        if (at, x) == (where, position):
            signal.raise_signal(signal.SIGINT)

    def pressing(setting: Mapping[str, Any]) -> dict[str, float]:
        press("run", setting["x"])
        return {"y": 1}

    def listen(event: sweeps.Event) -> None:
        ended.append(event)
        if isinstance(event, RunDone):
            press("listener", event.run.index)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # whoever started the tests may ignore it
    ended: list[sweeps.Event] = []
    kept = position + 1 + (where == "listener" and position < 3)  # one more was under way already
    try:
        with pytest.raises(KeyboardInterrupt, match=r"stopped by Ctrl-C; \d of 4 runs are done and kept in"):
            sweeps.sweep(pressing, sweeps.grid(x=range(4)), executor=AtOnce(), folder=tmp_path, callbacks=[listen])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert isinstance(ended[-1], SweepEnded)
    assert ended[-1].finished == (position == 3)
    assert len(sweeps.load_results(tmp_path)) == kept


def test_a_listener_that_fails_ends_the_sweep_with_what_is_done_kept(tmp_path: Path, jobs: ModuleType) -> None:
    def unhappy(event: sweeps.Event) -> None:
        if isinstance(event, RunDone) and event.run.index == 1:
            raise LookupError("no")

    with pytest.raises(LookupError):
        sweeps.sweep(jobs.square, sweeps.grid(x=range(4)), executor=AtOnce(), folder=tmp_path, callbacks=[unhappy])
    assert len(sweeps.load_results(tmp_path)) == 2
    assert quietly(jobs.square, sweeps.grid(x=range(4)), executor=AtOnce(), folder=tmp_path).complete


def test_what_a_run_gets_is_its_own_copy() -> None:
    def greedy(setting: dict[str, Any]) -> dict[str, float]:
        return {"y": setting.pop("x")}

    results = quietly(greedy, sweeps.grid(x=[1, 2]), executor=AtOnce())
    assert [run.configuration for run in results] == [{"x": 1}, {"x": 2}]


def test_a_bound_argument_is_part_of_what_the_sweep_is(tmp_path: Path) -> None:
    configurations = sweeps.grid(x=[1])
    quietly(partial(power, p=2), configurations, executor=AtOnce(), folder=tmp_path)
    with pytest.raises(UsageError, match=r"it ran .*power\(p=2\), and this one is to run .*power\(p=3\)"):
        quietly(partial(power, p=3), configurations, executor=AtOnce(), folder=tmp_path)


def power(setting: Mapping[str, Any], p: int) -> dict[str, float]:
    return {"y": setting["x"] ** p}


def test_requests_that_make_no_sense_are_refused_before_anything_runs(jobs: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "none"
    with pytest.raises(UsageError, match="no configurations to run"):
        quietly(jobs.square, [], folder=folder)
    with pytest.raises(UsageError, match="an executor brings its own number of workers"):
        quietly(jobs.square, [{"x": 1}], executor=AtOnce(), max_workers=2, folder=folder)
    with pytest.raises(UsageError, match="the setting x is a object"):
        quietly(jobs.square, [{"x": object()}], folder=folder)
    assert not folder.exists()
