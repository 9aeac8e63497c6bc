"""Which worker of a node a message belongs to, read off the tokens that the node itself once gave.

A node may run as several processes on one address; the kernel gives a message to any of them. Each token a worker makes
begins with its mark, so that whatever comes back names its owner: a response by the branch in its topmost Via, a
request within a dialog (and the ACK of a failure) by the tag in To, one that replaces a dialog by the tag in Replaces,
one with credentials by the nonce, whose counts its maker keeps. What is about watching (SUBSCRIBE, PUBLISH, a stray
NOTIFY) goes to the first worker. What carries nothing of ours belongs to whoever got it; only a CANCEL, which has
nothing but the branch of the other side, is asked for around the workers.

Only these places are read; the message is parsed by its owner. A message that is malformed may be taken for somebody
else's: whoever gets it parses it and answers as to any other.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Final

from sip.stack.limits import HEAD_BYTES_MAX, WORKERS_MAX
from sip.stack.message.name_addr import NameAddr
from sip.stack.message.via import Via

TOKEN_HEX_CHARS: Final = 20
"""What follows the mark in a token: 80 unguessable bits."""

_MARKS: Final = "ghijklmnopqrstuvwxyz"
_WORKER_OF: Final[dict[int, int]] = {
    **{ord(digit): 0 for digit in "0123456789abcdef"},
    **{ord(letter): number + 1 for number, letter in enumerate(_MARKS)},
}
assert len(_MARKS) + 1 == WORKERS_MAX

_COOKIE: Final = b"z9hG4bK"
_NONCE_CHARS: Final = 40
_BLANKS: Final = (b" ", b"\t")
_C: Final = (b"c", b"C")


NOTIFIER: Final = 0
"""The worker that holds all subscriptions and publications: one place must know who watches what."""

_WATCHING: Final = (b"SUBSCRIBE ", b"PUBLISH ", b"NOTIFY ")


def mark_of(worker: int) -> str:
    """Return what the tokens of a worker begin with.

    Nothing for the first, whose tokens are hexadecimal: a node that ran as one process before owns its old dialogs.
    """
    return _MARKS[worker - 1] if worker else ""


def owner_of(data: bytes) -> int | None:
    """Return the worker whose token a message carries back, ``None`` when it carries none."""
    if data[:2] == b"\r\n":
        data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n", 0, HEAD_BYTES_MAX)
    head = data[:end] if end >= 0 else data[:HEAD_BYTES_MAX]
    if head[:8].upper() == b"SIP/2.0 ":
        return _of_branch(_top_via(head))
    tag = _to_tag(head)
    if tag:
        return _of_tag(tag)
    if head.startswith(_WATCHING):
        return NOTIFIER
    # Looked for at once in all spellings: most requests have neither, and a walk over their rows would be dear.
    lower = head.lower()
    if b"\nreplaces" in lower:
        row = _row(head, b"Replaces", b"replaces")
        if row is not None:
            return _of_tag(_replaced_tag(row))
    return _of_credentials(head) if b"uthorization" in lower else None


def _of_branch(via: bytes) -> int | None:
    start = via.find(b";branch=" + _COOKIE)
    if start >= 0:
        start += 15
        return _WORKER_OF.get(via[start]) if start < len(via) else None
    try:
        branch = Via.parse(via.partition(b",")[0].decode("utf-8", "surrogateescape").strip()).branch
    except ValueError:
        return None
    if branch[:7] != "z9hG4bK" or len(branch) < 8:
        return None
    return _WORKER_OF.get(ord(branch[7]))


def _of_tag(tag: bytes) -> int | None:
    """Return the maker of a tag; one of another length than ours is a stranger's, say that of a proxied dialog."""
    if not tag:
        return None
    worker = _WORKER_OF.get(tag[0])
    if worker is None or len(tag) != TOKEN_HEX_CHARS + (worker > 0):
        return None
    return worker


def _of_credentials(head: bytes) -> int | None:
    for name in (b"Authorization", b"Proxy-Authorization"):
        row = _row(head, name, name)
        if row is not None:
            nonce = _nonce(row)
            if len(nonce) == _NONCE_CHARS:
                return maker_of_nonce(nonce)
    return None


def _nonce(row: bytes) -> bytes:
    """Return the nonce of credentials written as usual; unusual ones are challenged anew by whoever gets them."""
    start = row.find(b'nonce="')
    while start > 0 and row[start - 1 : start] in _C:  # That was ``cnonce``.
        start = row.find(b'nonce="', start + 7)
    return row[start + 7 :].partition(b'"')[0] if start >= 0 else b""


def maker_of_nonce(nonce: bytes) -> int | None:
    """Return the worker that says it made a nonce: five bits of its number, which the signature covers."""
    try:
        piece = binascii.a2b_base64(nonce[8:12].replace(b"-", b"+").replace(b"_", b"/"))
    except ValueError:
        return None
    return piece[2] >> 3 if len(piece) == 3 else None


def _top_via(head: bytes) -> bytes:
    """Return the first Via row's value: nearly always the first row of all."""
    start = head.find(b"\n") + 1
    if start > 0 and head[start : start + 4] == b"Via:":
        return _value(head, start + 4)
    row = _scan(head, b"via", b"v")
    return row if row is not None else b""


def _to_tag(head: bytes) -> bytes:
    row = _row(head, b"To", b"t")
    if row is None:
        return b""
    rest = row.rpartition(b">")[2]
    if b'"' in rest:
        return _parsed_tag(row)
    start = rest.find(b";tag=")
    if start >= 0:
        return rest[start + 5 :].partition(b";")[0].strip(b" \t")
    if b"tag" in rest.lower():
        return _parsed_tag(row)
    return b""


def _parsed_tag(row: bytes) -> bytes:
    """Return the tag of a To value in an unusual form."""
    try:
        params = NameAddr.parse(row.decode("utf-8", "surrogateescape")).params
    except ValueError:
        return b""
    for name, value in params:
        if name.lower() == "tag":
            return (value or "").encode("utf-8", "surrogateescape")
    return b""


def _replaced_tag(row: bytes) -> bytes:
    """Return our own tag of the dialog that is replaced: ``to-tag`` (RFC 3891 §3)."""
    for param in row.split(b";")[1:]:
        name, _, value = param.partition(b"=")
        if name.strip(b" \t").lower() == b"to-tag":
            return value.strip(b" \t")
    return b""


def _row(head: bytes, name: bytes, compact: bytes) -> bytes | None:
    """Return a header's first value: written as usual, or else by any spelling."""
    start = head.find(b"\n" + name + b":")
    if start >= 0:
        return _value(head, start + len(name) + 2)
    return _scan(head, name.lower(), compact)


def _scan(head: bytes, name: bytes, compact: bytes) -> bytes | None:
    start = head.find(b"\n") + 1
    while start > 0:
        colon = head.find(b":", start, start + 40)
        if colon >= 0:
            found = head[start:colon].rstrip(b" \t").lower()
            if found in (name, compact):
                return _value(head, colon + 1)
        start = head.find(b"\n", start) + 1
    return None


def _value(head: bytes, start: int) -> bytes:
    """Return a row's value from ``start`` on, unfolded (RFC 3261 §7.3.1)."""
    end = head.find(b"\r\n", start)
    while end >= 0 and head[end + 2 : end + 3] in _BLANKS:
        end = head.find(b"\r\n", end + 2)
    value = head[start:end] if end >= 0 else head[start:]
    if b"\n" in value:
        value = value.replace(b"\r\n", b"")
    return value.strip(b" \t")


class Sorter:
    """Tells one worker which messages are its own."""

    __slots__ = ("_knows", "worker", "workers")

    def __init__(self, worker: int, workers: int, knows: Callable[[bytes], bool]) -> None:
        """``knows`` tells whether this worker has the INVITE that a CANCEL or ACK means by its branch."""
        if not 0 <= worker < workers <= WORKERS_MAX:
            raise ValueError(f"worker {worker} of {workers}: at most {WORKERS_MAX}")
        self.worker = worker
        self.workers = workers
        self._knows = knows

    def sort(self, data: bytes) -> int:
        """Return the worker that shall have a message which came from the network."""
        owner = owner_of(data)
        if owner is None or owner >= self.workers:
            return self.sort_asked(data, 1)
        # The ACK of a failure that we only passed on carries the tag of somebody else; the branch is surer.
        if owner != self.worker and data[:4] == b"ACK " and self._knows(data):
            return self.worker
        return owner

    def sort_asked(self, data: bytes, asked: int) -> int:
        """Return who is to have a message that names nobody, ``asked`` workers, this one included, having seen it.

        The last one asked keeps it, and answers that there is no such transaction.
        """
        if data[:7] != b"CANCEL " or asked >= self.workers or self._knows(data):
            return self.worker
        return (self.worker + 1) % self.workers
