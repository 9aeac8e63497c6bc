"""Frames of the spool: 4-byte length, 4-byte CRC-32 (both big-endian), payload. Pure bytes in and out."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Literal, NamedTuple

from sip.cdr.limits import FRAME_BYTES_MAX

HEADER = struct.Struct(">II")
HEADER_BYTES = HEADER.size

Fault = Literal["torn", "damaged"]
"""``torn``: the data ends inside a frame. ``damaged``: these bytes are no frame, and a good one or the end follows."""


class FrameTooLong(ValueError):
    """A payload is over ``FRAME_BYTES_MAX`` (or empty): our own mistake, never the disk's."""


class Frame(NamedTuple):
    """A whole frame found at ``start``; the next one begins at ``end``."""

    start: int
    end: int
    payload: bytes


class Gap(NamedTuple):
    """Bytes from ``start`` to ``end`` that hold no readable frame."""

    start: int
    end: int
    fault: Fault


def encode(payload: bytes) -> bytes:
    """Return the frame of a payload.

    Raises:
        FrameTooLong: the payload is empty or over ``FRAME_BYTES_MAX``.
    """
    if not 0 < len(payload) <= FRAME_BYTES_MAX:
        raise FrameTooLong(f"payload of {len(payload)} bytes, allowed are 1 to {FRAME_BYTES_MAX}")
    return HEADER.pack(len(payload), zlib.crc32(payload)) + payload


def decode(data: bytes, start: int = 0) -> Iterator[Frame | Gap]:
    """Yield the frames of ``data`` in order, and a gap for each stretch that is none.

    After damage the next readable frame is searched, so that one bad sector costs only the records in it.
    A gap of fault ``torn`` can only be the last thing yielded: a writer may still be completing it.
    """
    position = start
    while position < len(data):
        frame = _frame_at(data, position)
        if frame is None:
            gap = _gap_at(data, position)
            yield gap
            position = gap.end
        else:
            yield frame
            position = frame.end


def _frame_at(data: bytes, position: int) -> Frame | None:
    body = position + HEADER_BYTES
    if body > len(data):
        return None
    length, checksum = HEADER.unpack_from(data, position)
    end = body + length
    if not 0 < length <= FRAME_BYTES_MAX or end > len(data):
        return None
    payload = data[body:end]
    return Frame(position, end, payload) if zlib.crc32(payload) == checksum else None


def _gap_at(data: bytes, position: int) -> Gap:
    """Tell what the unreadable bytes at ``position`` are: an unfinished frame, or damage up to the next good frame."""
    following = _next_frame(data, position + 1)
    if following is not None:
        return Gap(position, following, "damaged")
    return Gap(position, len(data), "torn" if _may_grow(data, position) else "damaged")


def _may_grow(data: bytes, position: int) -> bool:
    """Tell whether more bytes at the end could make a frame of these."""
    if len(data) - position < HEADER_BYTES:
        return True
    length: int = HEADER.unpack_from(data, position)[0]
    return 0 < length <= FRAME_BYTES_MAX and position + HEADER_BYTES + length > len(data)


def _next_frame(data: bytes, position: int) -> int | None:
    """Find the next readable frame: payloads are JSON objects, so only places eight bytes before a ``{`` are tried."""
    brace = data.find(b"{", position + HEADER_BYTES)
    while brace != -1:
        if _frame_at(data, brace - HEADER_BYTES) is not None:
            return brace - HEADER_BYTES
        brace = data.find(b"{", brace + 1)
    return None
