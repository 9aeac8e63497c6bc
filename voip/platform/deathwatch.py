"""Linux's ways of leaving no process behind: parent-death signals and adoption of orphans. Standard library only."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
# Loaded at import: a library must not be loaded between fork and exec.
_LIBC = ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, value: int) -> None:
    if _LIBC.prctl(option, value, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"prctl({option}): {os.strerror(number)}")


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent dies (prctl(2), PR_SET_CHILD_SUBREAPER)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(death_signal: signal.Signals) -> None:
    """Ask the kernel to send ``death_signal`` to this process when the thread that started it ends."""
    _prctl(_PR_SET_PDEATHSIG, death_signal)


def before_exec(death_signal: signal.Signals) -> Callable[[], None]:
    """Return what a child runs between fork and exec, so that it cannot outlive the calling process.

    To be called in the parent. The signal is asked for after a change of user, which would clear it (prctl(2)).
    """
    parent = os.getpid()

    def ask() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # The parent died before the signal was asked for.
            os._exit(1)

    return ask


def children_of(pid: int) -> list[int]:
    """Return the living and the dead but not yet collected children of a process, from ``/proc``."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and _parent_of(folder) == pid:
            found.append(int(folder.name))
    return found


def descendants_of(pid: int) -> list[int]:
    """Return all processes below this one, nearest first."""
    found = children_of(pid)
    for child in found:
        found.extend(children_of(child))
    return found


def is_running(pid: int) -> bool:
    """Return whether the process lives; a zombie does not."""
    try:
        return _state_and_parent(Path(f"/proc/{pid}"))[0] not in {"Z", "X"}
    except OSError:
        return False


def _parent_of(folder: Path) -> int:
    try:
        return _state_and_parent(folder)[1]
    except OSError:  # It ended while we looked.
        return -1


def _state_and_parent(folder: Path) -> tuple[str, int]:
    # The name, in brackets, may hold spaces and brackets itself (proc(5)).
    state, parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
    return state, int(parent)
