"""`minidl train --profile`: where the time and the memory of some steps of a run went."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from ..files import write_atomic
from ..profiler import Profile
from ..training import Event, Session, StepDone
from .train_run import say

if TYPE_CHECKING:
    from rich.console import Console

WARM: Final = 5
"""Steps that go before: in the first ones kernels are loaded, or compiled, and memory is asked for."""

STEPS: Final = 20
"""So many steps are measured, or as many as the epoch has left: what comes between epochs is no step."""


class StepProfile:
    """A callback that measures some steps of a run, once it is warm. Its numbers stay the same.

    Args:
        session: the run.

    Attributes:
        profile: what was measured; None before.
        steps: how many steps that were.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.profile: Profile | None = None
        self.steps = 0
        self._done = 0
        self._running: Profile | None = None

    def __call__(self, event: Event) -> None:
        """Count the steps; begin and end between two of them."""
        if not isinstance(event, StepDone) or self.profile is not None:
            return
        self._done += 1
        is_last = event.step % self.session.trainer.steps_per_epoch == 0
        if self._running is not None:
            self.steps += 1
            if self.steps == STEPS or is_last:
                self._end()
        elif self._done >= WARM and not is_last:
            self._running = Profile().__enter__()

    def __enter__(self) -> Self:
        """Measure inside a `with` block, which ends the measuring however it is left."""
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def _end(self) -> None:
        if self._running is not None:
            self._running.__exit__()
            if self.steps:
                self.profile = self._running
            self._running = None

    def show(self, console: Console) -> None:
        """Print the tables: by phase, by module and by operation; what measuring took stands below them."""
        if self.profile is None:
            say(console, f"--profile measured nothing: after {WARM} steps to warm up, no epoch had two steps left")
            return
        say(console, f"where the time of {self.steps} step{'s' * (self.steps > 1)} went, after {WARM} to warm up:")
        if console.is_terminal:
            console.print(self.profile)
        else:
            say(console, f"\n{self.profile}\n")

    def write(self, folder: Path) -> None:
        """Write the tables as text."""
        if self.profile is not None:
            write_atomic(folder / "profile.txt", f"{self.profile}\n")

    def pictures(self) -> dict[str, Callable[[], Any]]:
        """What draws each picture, by the name of its file: the flame, and the network coloured by time."""
        if self.profile is None:
            return {}
        return {"profile-flame": partial(self._flame, self.profile), "profile-network": self._network}

    def _flame(self, profile: Profile) -> Any:
        from viz import flame

        return flame(profile, title=f"Where the time of {self.steps} training steps went")

    def _network(self) -> Any:
        from viz import network

        probe = self.session.parts.validation.subset(range(1))
        return network(self.session.trainer.model, self.session.inputs(probe.images), profile=self.profile)
