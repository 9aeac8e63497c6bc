"""What the stack and the switch cost a call by themselves: in one process, without sockets, disk, database or peers.

    python -m benchmarks.stack                     # both forms, if the sources are compiled
    python -m benchmarks.stack --form compiled --only switch,parse

The messages are those of ``benchmarks/scenarios``. A clock is moved on by 5 ms a call, so that as many transactions
wait for their timers as at 200 calls a second. Only what the node does is timed; the other parties are strings.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable

from voip.platform import compiled

WARM = 500
ROUNDS = 5


def main() -> None:
    """Measure and print, each form in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2_000, help="a round")
    parser.add_argument("--form", choices=("both", "compiled", "interpreted"), default="both")
    parser.add_argument("--only", default="parse,stack,register,bare,switch")
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.in_process:
        compiled.use()
        print(json.dumps(measure(arguments.only.split(","), arguments.calls)))
        return
    forms = {"compiled": "always", "interpreted": "never"}
    if arguments.form != "both":
        forms = {arguments.form: forms[arguments.form]}
    elif not compiled.folder().is_dir():
        print("nothing compiled fits these sources: interpreted only (make compile)")
        forms.pop("compiled")
    for form, setting in forms.items():
        command = [sys.executable, "-m", "benchmarks.stack", "--in-process"]
        command += ["--calls", str(arguments.calls), "--only", arguments.only]
        environment = os.environ | {compiled.SETTING: setting}
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE)
        for name, (median, least, most) in json.loads(done.stdout).items():
            print(f"{form:<12} {name:<34} {median:>9.2f} µs   [{least:.2f} {most:.2f}]", flush=True)


def measure(names: list[str], calls: int) -> dict[str, tuple[float, float, float]]:
    """Return median, least and most microseconds of each measure."""
    from benchmarks import stack_work

    found: dict[str, tuple[float, float, float]] = {}
    for name in names:
        title, make = stack_work.MEASURES[name]
        work = make()
        work(WARM)
        gc.collect()
        gc.freeze()
        gc.disable()  # As the node does under load (voip.node.memory).
        rounds = [timed_us(work, calls) for _ in range(ROUNDS)]
        gc.enable()
        found[title] = (statistics.median(rounds), min(rounds), max(rounds))
    return found


def timed_us(work: Callable[[int], float], count: int) -> float:
    """Return CPU microseconds a piece of work."""
    return work(count) * 1e6 / count


if __name__ == "__main__":
    main()
