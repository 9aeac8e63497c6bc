"""One supervisor a state folder: a locked file that names its process. Standard library only."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class AlreadyRunning(Exception):
    """Another process holds the lock."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"the platform runs already (pid {pid}); stop it with `make stop`")
        self.pid = pid


def take(path: Path) -> int:
    """Lock the file for as long as this process lives and return its descriptor.

    Raises:
        AlreadyRunning: somebody else has it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = _read(descriptor)
        os.close(descriptor)
        raise AlreadyRunning(pid) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def holder(path: Path) -> int:
    """Return the process id of who holds the lock, 0 when nobody does."""
    if not path.exists():
        return 0
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor)
    finally:
        os.close(descriptor)
    return 0


def _read(descriptor: int) -> int:
    return int(os.pread(descriptor, 20, 0) or b"0")
