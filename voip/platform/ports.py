"""Which ports are taken, and by whom. Standard library only."""

from __future__ import annotations

import socket
from pathlib import Path


def is_free(host: str, port: int, kind: socket.SocketKind) -> bool:
    """Return whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # As servers do: connections of the last run that are not forgotten yet do not matter.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            if kind == socket.SOCK_STREAM:
                probe.listen(1)
        except OSError:
            return False
    return True


def holder(port: int, kind: socket.SocketKind) -> str:
    """Return "name (pid N)" of who holds a local port, or "another user's process" when we may not know."""
    inodes = _inodes(port, "tcp" if kind == socket.SOCK_STREAM else "udp")
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and _holds(folder, inodes):
            return f"{(folder / 'comm').read_text().strip()} (pid {folder.name})"
    return "another user's process"


def _inodes(port: int, protocol: str) -> set[str]:
    found = set()
    for table in (Path(f"/proc/net/{protocol}"), Path(f"/proc/net/{protocol}6")):
        for line in table.read_text().splitlines()[1:] if table.exists() else ():
            columns = line.split()
            if int(columns[1].rpartition(":")[2], 16) == port:
                found.add(f"socket:[{columns[9]}]")
    return found


def _holds(folder: Path, inodes: set[str]) -> bool:
    try:
        return any(str(descriptor.readlink()) in inodes for descriptor in (folder / "fd").iterdir())
    except OSError:  # It ended, or it is not ours to look into.
        return False
