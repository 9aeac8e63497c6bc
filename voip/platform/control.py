"""`make stop` and `make reset`. Standard library only."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

from voip.platform import lock, places
from voip.platform.console import coloured, say
from voip.platform.deathwatch import is_running

STOP_ALL_S_MAX = 60
"""Seven processes, one after the other, each with its own patience."""
SERVER_HOME = "/var/lib/trunkline"


def main(command: str) -> int:
    """Stop the platform, for ``reset`` also delete its state; the result is the exit status."""
    if command == "reset" and not _is_confirmed():
        return 2
    if not stop():
        return 1
    if command == "reset":
        _delete_state()
    return 0


def stop() -> bool:
    """Stop the running platform and return whether none is left."""
    pid = lock.holder(places.lock_file())
    if not pid:
        say("nothing runs")
        return True
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_ALL_S_MAX
    while is_running(pid):
        if time.monotonic() > deadline:
            say(coloured(f"still running after {STOP_ALL_S_MAX} s; end it with: kill -9 {pid}", "red"))
            return False
        time.sleep(0.1)
    say("stopped")
    return True


def _is_confirmed() -> bool:
    if os.environ.get("CONFIRM") == "yes":
        return True
    question = f"This deletes {places.var_folder()}: database, call records, secrets. Type yes: "
    if sys.stdin.isatty() and input(question).strip() == "yes":
        return True
    say("nothing was deleted; without a terminal: make reset CONFIRM=yes")
    return False


def _delete_state() -> None:
    data = places.var_folder() / "pg"
    if data.is_symlink() and str(data.resolve()).startswith(SERVER_HOME + "/"):
        shutil.rmtree(data.resolve(), ignore_errors=True)
    if places.var_folder().exists():
        shutil.rmtree(places.var_folder())
    say(f"deleted {places.var_folder()}")
