"""`make run`: a guard process that outlives the supervisor by a moment, and the supervisor with all services.

The guard is the last parent of everything below it. When the supervisor is killed without a chance to stop its
services, the guard inherits and ends them; when the guard is killed, the supervisor is told and stops in order.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from voip.platform import places
from voip.platform.console import coloured, say
from voip.platform.deathwatch import adopt_orphans, before_exec, die_with_parent
from voip.platform.limits import STOP_S_MAX


def main(arguments: list[str]) -> int:
    """Do what `make run`, `make manage` or `make bench` ask for; the result is the exit status."""
    if arguments[0] == "run":
        return guard([sys.executable, "-m", "voip.platform.platform_main"])
    if arguments[0] == "manage":
        return _manage(arguments[1:])
    if arguments[0] == "bench":
        return subprocess.run([sys.executable, "-m", "benchmarks.run", *arguments[1:]], check=False).returncode
    say(f"unknown command: {arguments[0]}")
    return 2


def guard(command: list[str]) -> int:
    """Run the supervisor, pass on what it is told to do, and leave no process behind after it."""
    if os.environ.get("MAKELEVEL"):
        die_with_parent(signal.SIGTERM)  # `make` itself may be killed.
    adopt_orphans()
    supervisor = subprocess.Popen(command, preexec_fn=before_exec(signal.SIGTERM))  # noqa: PLW1509 - only libc
    if os.getpgrp() != os.getpid():
        os.setpgid(0, 0)  # Whoever kills the whole group of `make` kills the supervisor, but not its guard.
    # The terminal's Ctrl-C reaches the supervisor by itself.
    signal.signal(signal.SIGINT, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # nohup
            signal.signal(number, lambda *_: supervisor.send_signal(signal.SIGTERM))
    status = supervisor.wait()
    if status < 0:
        say(coloured(f"the supervisor was killed by signal {-status}; ending its processes", "red"))
    from voip.platform.supervisor import end_children

    end_children(STOP_S_MAX)
    return status if status >= 0 else 1


def _manage(arguments: list[str]) -> int:
    from voip.platform import environment

    installation = environment.load()
    command = [sys.executable, str(places.ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=installation.environment(), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
