"""Does a call cost more when many others are up, and how much memory does one take that is up?

    python -m benchmarks.growth                    # in the form that fits the sources, compiled if there is one

Each number of calls up is a process of its own: those calls are made and stay, their transactions end, and then further
calls are made from INVITE to BYE and timed. Switch and stack only; memory is what Python's allocators gave out.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import tracemalloc

from voip.platform import compiled

CALLS_UP = (10, 100, 1_000, 10_000)
CALLS = 1_000
ROUNDS = 7
WEIGHED = 1_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--in-process", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.in_process:
        compiled.use()
        print(json.dumps(measure(arguments.in_process) if arguments.in_process > 0 else weigh()))
        return
    base = 0.0
    for up in CALLS_UP:
        command = [sys.executable, "-m", "benchmarks.growth", "--in-process", str(up)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        us, form = json.loads(done.stdout)
        base = base or us
        print(f"{up:>6} calls up {us:>8.1f} µs a call {us / base:>6.2f}   {form}", flush=True)
    done = subprocess.run([*command[:-1], "-1"], check=True, stdout=subprocess.PIPE)
    print(f"{json.loads(done.stdout) / 1024:.2f} KiB a call that is up")


def measure(up: int) -> tuple[float, str]:
    """Return the median CPU microseconds a call of several rounds, and the form that ran."""
    from benchmarks.stack_work import Bench

    bench = Bench()
    bench.calls(500)
    bench.open(up)
    gc.collect()
    gc.freeze()
    gc.disable()  # As the node does under load (voip.node.memory).
    rounds = [bench.calls(CALLS) * 1e6 / CALLS for _ in range(ROUNDS)]
    return statistics.median(rounds), compiled.describe()


def weigh() -> float:
    """Return the bytes that are allocated for each call that is up, once its transactions are over."""
    from benchmarks.stack_work import Bench

    bench = Bench()
    bench.calls(200)
    bench.open(0)
    gc.collect()
    tracemalloc.start()
    bench.open(WEIGHED)
    gc.collect()
    return tracemalloc.get_traced_memory()[0] / WEIGHED


if __name__ == "__main__":
    main()
