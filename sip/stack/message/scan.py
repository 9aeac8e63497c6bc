# cython: annotation_typing=False, boundscheck=False, wraparound=False
"""One pass over a message's head: line ends, names, values. Written for Cython, which ``scan.pxd`` tells the types.

Only what is regular is read here. Of anything odd (a folded row, a control character, a row without colon or with a
name that is no token) nothing is returned, and ``parse`` looks closer and says what is wrong. Interpreted this is slow,
a byte at a time: there ``parse`` splits text instead, and both ways give the same, which a test holds for any bytes.
"""

from __future__ import annotations

from sip.stack.message.names import CANONICAL, canonical_name

IS_FAST = not __file__.endswith(".py")
"""Whether this is machine code."""
_TOKEN = bytes([chr(code).isascii() and (chr(code).isalnum() or chr(code) in "-.!%*_+`'~") for code in range(256)])
"""1 for what a token is made of (RFC 3261 §25.1)."""
_SLOTS = 1024
_SPELT: list[bytes] = [b""] * _SLOTS
_NAMED: list[str] = [""] * _SLOTS
"""Usual spellings and their full names, found by length, first and last character."""


def _fill() -> None:
    for written, name in CANONICAL.items():
        slot = (len(written) * 37 + ord(written[0]) * 7 + ord(written[len(written) - 1])) % _SLOTS
        if not _SPELT[slot] or written == name:
            _SPELT[slot], _NAMED[slot] = written.encode(), name


_fill()


def scan(head: bytes, rows_max: int) -> tuple[str, list[tuple[str, str]], dict[str, str]] | None:
    """Return first line, rows, and the first row of each name, of a head without the empty line that ends it.

    ``None`` when it is odd in any way, or has more than ``rows_max`` rows.
    """
    p, token = head, _TOKEN
    size = len(head)
    line_end = position = end_of_line(head, 0)
    rows: list[tuple[str, str]] = []
    first: dict[str, str] = {}
    while 0 <= position < size:
        start = position = position + 2
        while position < size and token[p[position]]:
            position += 1
        name_end = position
        while position < size and (p[position] == 32 or p[position] == 9):
            position += 1
        if position >= size or p[position] != 58 or name_end == start:
            return None
        position += 1
        while position < size and (p[position] == 32 or p[position] == 9):
            position += 1
        value_start = position
        position = value_end = end_of_line(head, position)
        while value_end > value_start and (p[value_end - 1] == 32 or p[value_end - 1] == 9):
            value_end -= 1
        if position < 0 or len(rows) >= rows_max:
            return None
        name = full_name(head, start, name_end)
        value = head[value_start:value_end].decode("utf-8", "surrogateescape")
        rows.append((name, value))
        if name not in first:
            first[name] = value
    if position < 0 or not rows:
        return None
    return head[:line_end].decode("utf-8", "surrogateescape"), rows, first


def end_of_line(head: bytes, position: int) -> int:
    """Return where the line ends that ``position`` is in: at its CR, or at the head's end; -1 when that is odd."""
    p = head
    size = len(head)
    while True:
        while position < size and p[position] > 13:
            position += 1
        if position >= size:
            return size
        byte = p[position]
        if byte == 13:
            if position + 2 >= size or p[position + 1] != 10 or p[position + 2] == 32 or p[position + 2] == 9:
                return -1
            return position
        if byte == 10 or byte == 0:
            return -1
        position += 1


def full_name(head: bytes, start: int, end: int) -> str:
    """Return the usual spelling of a header's name, which is made of token characters."""
    p = head
    slot = ((end - start) * 37 + p[start] * 7 + p[end - 1]) % _SLOTS
    spelt = _SPELT[slot]
    q = spelt
    if len(spelt) == end - start:
        position = 0
        while start + position < end and q[position] == p[start + position]:
            position += 1
        if start + position == end:
            return _NAMED[slot]
    return canonical_name(head[start:end].decode("ascii"))
