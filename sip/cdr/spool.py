"""The spool's folder and its segments: names, headers, reading; for the journal that writes and the loader that reads.

``<spool>/<node>/00000001.journal`` holds frames of JSON payloads. The first is the segment's header
``{"t":"segment","version":1,"id":…,"node":…,"open":n}``; the next ``n`` are the checkpoint, one ``open`` for each call
that was up when the segment began. Then ``open`` (a call was answered) and ``end`` (its record) in the order they came.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sip.cdr.frames import Frame, Gap, decode
from sip.cdr.limits import SEGMENTS_MAX

SUFFIX = ".journal"
# Payloads are trees that we build ourselves: looking for circles in them is a quarter of the price.
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
VERSION = 1


class SpoolError(Exception):
    """A spool cannot be used: its folder is held by another node, or its segments are used up."""


@dataclass(frozen=True, slots=True)
class SegmentHeader:
    """What a segment says of itself; ``id`` tells two segments of one name apart when a spool was wiped."""

    id: str
    node: str
    open: int
    version: int = VERSION

    def to_json(self) -> dict[str, Any]:
        """Return the header's payload."""
        return {"t": "segment", "version": self.version, "id": self.id, "node": self.node, "open": self.open}

    @classmethod
    def from_payload(cls, payload: bytes) -> SegmentHeader | None:
        """Return the header in a payload, ``None`` when it is another payload."""
        data = parse_payload(payload)
        if data is None or data.get("t") != "segment":
            return None
        opened = data.get("open")
        return cls(
            id=str(data.get("id", "")), node=str(data.get("node", "")), open=opened if isinstance(opened, int) else 0
        )


def parse_payload(payload: bytes) -> dict[str, Any] | None:
    """Return the JSON object in a payload, ``None`` when there is none."""
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def dump_payload(payload: dict[str, Any]) -> bytes:
    """Return a payload's bytes: ASCII JSON, so that lone surrogates of a peer's broken UTF-8 survive as escapes."""
    return _encode(payload).encode("ascii")


def segment_path(directory: Path, number: int) -> Path:
    """Return the path of segment ``number``.

    Raises:
        SpoolError: there is no such number.
    """
    if not 1 <= number <= SEGMENTS_MAX:
        raise SpoolError(f"no segment number {number}")
    return directory / f"{number:08d}{SUFFIX}"


def list_segments(directory: Path) -> list[int]:
    """Return the numbers of the segments there are, oldest first; a folder that is not there has none."""
    try:
        names = [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(stem) for stem in map(_stem, names) if stem)


def _stem(name: str) -> str:
    stem = name.removesuffix(SUFFIX)
    return stem if stem != name and stem.isascii() and stem.isdigit() and len(stem) == 8 else ""


def sync_directory(directory: Path) -> None:
    """Make a created, renamed or deleted name durable (fsync(2): syncing a file does not sync its entry)."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def valid_bytes(data: bytes) -> int:
    """Return where the last whole frame of ``data`` ends: what follows was being written when the writer died."""
    end = 0
    for item in decode(data):
        if isinstance(item, Frame):
            end = item.end
    return end


def recover(directory: Path) -> dict[str, dict[str, Any]]:
    """Return the states of the calls that were open when the spool was last written, by call id, oldest first.

    The newest segment begins with a checkpoint, so it is enough; only when that checkpoint is not whole are all
    older ones read before it. Reads only: the journal cuts the torn tail.
    """
    opened: dict[str, dict[str, Any]] = {}
    for number in _segments_to_read(directory):
        _apply(segment_path(directory, number).read_bytes(), opened)
    return opened


def ended_calls(directory: Path) -> frozenset[str]:
    """Return the ids of the calls whose record is in the spool, loaded or not.

    A segment that the loader deletes meanwhile is loaded: its calls need nobody's care any more.
    """
    found: set[str] = set()
    for number in list_segments(directory):
        try:
            data = segment_path(directory, number).read_bytes()
        except FileNotFoundError:
            continue
        ends = (_END.match(item.payload) for item in decode(data) if isinstance(item, Frame))
        found.update(end[1].decode("ascii") for end in ends if end)
    return frozenset(found)


# How the journal writes a record. Not by parsing: a full segment has 30,000, and a node that starts is in a hurry.
_END = re.compile(rb'\{"t":"end","record":\{"call_id":"([!#-\[\]-~]+)"')


def _segments_to_read(directory: Path) -> list[int]:
    numbers = list_segments(directory)
    if not numbers or _has_checkpoint(segment_path(directory, numbers[-1]).read_bytes()):
        return numbers[-1:]
    return numbers


def _has_checkpoint(data: bytes) -> bool:
    """Tell whether the header and every state it announces are readable."""
    missing = -1
    for item in decode(data):
        if isinstance(item, Gap):
            return False
        if missing < 0:
            header = SegmentHeader.from_payload(item.payload)
            if header is None:
                return False
            missing = header.open
        else:
            missing -= 1
        if missing == 0:
            return True
    return False


def _apply(data: bytes, opened: dict[str, dict[str, Any]]) -> None:
    """Carry ``opened`` over the frames of a segment."""
    for item in decode(data):
        payload = parse_payload(item.payload) if isinstance(item, Frame) else None
        if payload is None:
            continue
        if payload.get("t") == "open" and isinstance(payload.get("state"), dict):
            opened[str(payload.get("call_id"))] = payload["state"]
        elif payload.get("t") == "end" and isinstance(payload.get("record"), dict):
            opened.pop(str(payload["record"].get("call_id")), None)
