"""CPU time and memory of whole process trees, read from /proc."""

from __future__ import annotations

import os
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> tuple[int, float] | None:
    """Return (parent's pid, CPU seconds of the process and its reaped children), or ``None`` if it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(fields[1]), sum(int(ticks) for ticks in fields[11:15]) / TICKS_PER_S


def tree(root: int) -> list[int]:
    """Return the pids of a process and all below it."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))) is not None:
            children.setdefault(stat[0], []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo.extend(children.get(pid, ()))
    return found


def cpu_s(root: int) -> float:
    """Return the CPU seconds, user and system, that the tree below ``root`` has used."""
    return sum(stat[1] for pid in tree(root) if (stat := _stat(pid)) is not None)


def cpu_by_name_s(root: int) -> dict[str, float]:
    """Return CPU seconds by the processes' command, for the table that says who used what."""
    found: dict[str, float] = {}
    for pid in tree(root):
        stat = _stat(pid)
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if stat is not None:
            name = _name(words)
            found[name] = found.get(name, 0.0) + stat[1]
    return found


_NAMES = (
    ("voip.node", "sipnode"),
    ("cdrloader", "cdrloader"),
    ("uvicorn", "web"),
    ("voip beat", "beat"),
    ("voip worker", "worker"),
    ("redis-server", "redis"),
    ("postgres", "postgres"),
    ("voip.platform", "supervisor"),
)
"""What a command line holds, in the order in which it is asked, and what its process is called in the table."""


def _name(words: list[str]) -> str:
    line = " ".join(words)
    for part, name in _NAMES:
        if part in line:
            return name
    return Path(words[0]).name if words and words[0] else "?"
