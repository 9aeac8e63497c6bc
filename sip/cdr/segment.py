"""One segment being written: created whole with its checkpoint, appended to, synced. Blocking file calls only."""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from sip.cdr.frames import encode
from sip.cdr.spool import SegmentHeader, SpoolError, dump_payload, segment_path, sync_directory

DIRECTORY_MODE = 0o700
"""Records tell who called whom: nobody but the platform's user reads them."""
FILE_MODE = 0o600

_sync = getattr(os, "fdatasync", os.fsync)


class Segment:
    """An open segment file of one writer."""

    def __init__(self, number: int, descriptor: int, size: int) -> None:
        self.number = number
        self.appended_bytes = 0
        """Durable bytes after the checkpoint."""
        self._descriptor = descriptor
        self._size = size
        self.usable = True

    @classmethod
    def create(cls, directory: Path, number: int, node: str, checkpoint: Iterable[bytes]) -> Self:
        """Make segment ``number`` appear whole, with its header and ``checkpoint`` payloads durable, or not at all.

        Raises:
            OSError: the disk refused; nothing is left behind.
        """
        states = list(checkpoint)
        header = SegmentHeader(id=uuid.uuid4().hex, node=node, open=len(states))
        data = b"".join(encode(payload) for payload in (dump_payload(header.to_json()), *states))
        path = segment_path(directory, number)
        draft = path.with_suffix(".draft")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
        try:
            write_all(descriptor, data, 0)
            _sync(descriptor)
            draft.rename(path)
            sync_directory(directory)
        except OSError:
            os.close(descriptor)
            draft.unlink(missing_ok=True)
            raise
        return cls(number, descriptor, len(data))

    def append(self, data: bytes) -> None:
        """Write ``data`` at the end and make it durable.

        Raises:
            OSError: it is not durable. While ``usable``, the same data may be tried again here; else elsewhere.
        """
        try:
            write_all(self._descriptor, data, self._size)
        except OSError:
            self._cut()
            raise
        try:
            _sync(self._descriptor)
        except OSError:
            # The kernel may have dropped the pages and would call the next sync a success (fsync(2)).
            self.usable = False
            self._cut()
            raise
        self._size += len(data)
        self.appended_bytes += len(data)

    def _cut(self) -> None:
        """Cut what was written and is not durable, so that a reader meets no half frame."""
        try:
            os.ftruncate(self._descriptor, self._size)
        except OSError:
            self.usable = False

    def close(self) -> None:
        """Close the file; what was appended is durable already."""
        with contextlib.suppress(OSError):
            os.close(self._descriptor)


def write_all(descriptor: int, data: bytes, position: int) -> None:
    """Write every byte: a disk that fills up takes a part and says so only at the next write."""
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, position)
        view = view[written:]
        position += written


def lock_directory(directory: Path) -> int:
    """Create the node's folder if need be and hold it for this process; returns the descriptor that holds the lock.

    Raises:
        SpoolError: another process writes here.
    """
    created = not directory.exists()
    directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
    if created:
        sync_directory(directory.parent)
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise SpoolError(f"another process writes to {directory}: two nodes must not share a name") from None
    return descriptor


def cut_torn_tail(path: Path, size: int) -> None:
    """Cut a segment to ``size`` durable bytes, where the last whole frame ends."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
