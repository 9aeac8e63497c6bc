"""A process that writes to a journal until it is killed, and tells on stdout what it was told is durable."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sip.cdr.journal import Journal
from tests.sip.cdr.samples import end, opened, record


def main() -> None:
    """Open and end calls as fast as the journal takes them; one line of stdout for each durable fact."""
    directory, first = Path(sys.argv[1]), int(sys.argv[2])

    def told(fact: str) -> None:
        os.write(1, f"{fact}\n".encode())

    journal = Journal(directory, "node1", lambda call: call(), lambda error: None, segment_bytes_max=40_000)
    told("recovered " + ",".join(state["call_id"] for state in journal.recovered))
    for number in range(first, first + 1_000_000):
        call_id = f"{number:032x}"
        journal.append(opened(call_id, pad="x" * (number % 700)), lambda call_id=call_id: told(f"open {call_id}"))  # type: ignore[misc]
        if number % 3:
            journal.append(end(record(call_id=call_id)), lambda call_id=call_id: told(f"end {call_id}"))  # type: ignore[misc]
        while journal.pending_bytes > 20_000:
            pass


if __name__ == "__main__":
    main()
