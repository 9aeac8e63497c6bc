"""What the person at the terminal sees: one line a step with its time. Standard library only."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

TAIL_LINES = 30
"""Of a failed command: enough for a traceback."""
_PULSE_S = 5.0
_COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36, "grey": 90}


class StepFailed(Exception):
    """A step of the set-up failed; the message says what the person can do."""


def coloured(text: str, colour: str) -> str:
    """Return the text in a colour where the terminal shows colours (https://no-color.org)."""
    if os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"\033[{_COLOURS[colour]}m{text}\033[0m"


def say(text: str = "") -> None:
    """Print a line now, also into a pipe."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print what is done and how long it took; a long one tells every few seconds that it goes on."""
    began = time.monotonic()
    over = threading.Event()
    pulse = threading.Thread(target=_tell_progress, args=(title, began, over), daemon=True)
    pulse.start()
    try:
        yield
    except BaseException:
        over.set()
        say(f"{coloured('failed', 'red')} {title}")
        raise
    over.set()
    pulse.join()
    say(f"{coloured('    ok', 'green')} {title} {coloured(f'{time.monotonic() - began:.1f} s', 'grey')}")


def run_logged(command: Sequence[str | Path], log: Path, env: Mapping[str, str] | None = None) -> None:
    """Run a command whose output matters only when it fails.

    Raises:
        StepFailed: with the end of the output and the log's name.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        begin = output.tell()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, check=False)
    if done.returncode != 0:
        raise StepFailed(f"{' '.join(map(str, command))}\nended with {done.returncode}; in {log}:\n{_tail(log, begin)}")


def _tail(log: Path, begin: int) -> str:
    with log.open("rb") as written:
        written.seek(begin)
        return "\n".join(written.read().decode(errors="replace").splitlines()[-TAIL_LINES:])


def _tell_progress(title: str, began: float, over: threading.Event) -> None:
    while not over.wait(_PULSE_S):
        say(coloured(f"   ... {title} {time.monotonic() - began:.0f} s", "grey"))
