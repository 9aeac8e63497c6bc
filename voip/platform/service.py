"""What the supervisor is told about one process."""

from __future__ import annotations

import enum
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from voip.platform.account import Account
from voip.platform.limits import START_S_MAX, STOP_S_MAX
from voip.platform.probes import Probe


class State(enum.StrEnum):
    """Where a process is in its life."""

    WAITING = "waiting"
    """For the processes it needs."""
    STARTING = "starting"
    READY = "ready"
    UNRESPONSIVE = "unresponsive"
    """It runs, but does not answer."""
    BACKING_OFF = "backing off"
    """It died and is started again in a moment."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Service:
    """One process: how it is started, asked and stopped."""

    name: str
    command: Sequence[str]
    probe: Probe | None = None
    ready_line: str = ""
    """Instead of a probe: what the process writes when it is ready."""
    not_told: str = ""
    """A regular expression of warnings that are of no use on the console."""
    after: tuple[str, ...] = ()
    """Names of the processes that must be ready before it is started for the first time."""
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    start_s_max: float = START_S_MAX
    stop_s_max: float = STOP_S_MAX
