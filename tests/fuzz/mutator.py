"""Mutations that know SIP: what they break is what a parser, a transaction or a dialog relies on.

A mutation takes a message and a pool of others (for tags, branches and Call-IDs of living dialogs) and returns bytes.
The same seed gives the same messages.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

NUMBERS: Final = (
    b"0", b"-1", b"1", b"255", b"65535", b"65536", b"2147483647", b"2147483648", b"4294967295", b"4294967296",
    b"18446744073709551616", b"9" * 300, b"1e9", b"0x10", b" 7 ", b"", b"007", b"1.5", "٣".encode(), b"NaN", b"+5",
)  # fmt: skip
BYTES: Final = (
    b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\xf0\x9f\x93\x9e", b"%00", b"%", b"%zz", b"\x7f",
    b"\x1b[31m", b"\\", b'"', b"<", b">", b";", b",", b":", b"@", b"?", b"=", b"&", b"[", b"]", b"*", b"/", b" ", b"\t",
    b"${jndi:x}", b"' OR 1=1--", b"%n%s", "İ".encode(), "ﬀ".encode(), b"\xe2\x80\xa8",
)  # fmt: skip
BREAKS: Final = (b"\r", b"\n", b"\n\n", b"\r\n\r\n", b"\r\n ", b"\r\n\t", b"\n\r", b"\r\n\x00\r\n", b"\x0b", b"\x0c")
NAMES: Final = (
    b"Via", b"v", b"From", b"f", b"To", b"t", b"Call-ID", b"i", b"CSeq", b"Contact", b"m", b"Route", b"Record-Route",
    b"Content-Length", b"l", b"Content-Type", b"c", b"Max-Forwards", b"Expires", b"Require", b"Proxy-Require",
    b"Supported", b"k", b"Event", b"o", b"Refer-To", b"r", b"Replaces", b"Session-Expires", b"x", b"Min-SE", b"RAck",
    b"RSeq", b"Authorization", b"Proxy-Authorization", b"Path", b"Subscription-State", b"Reason", b"Timestamp",
    b"P-Asserted-Identity", b"Identity", b"Join", b"Target-Dialog", b"SIP-If-Match", b"Accept", b"Content-Encoding",
    b"Min-Expires", b"Referred-By", b"Privacy", b"Security-Verify", b"Flow-Timer", b"X-Own",
)  # fmt: skip
METHODS: Final = (
    b"INVITE", b"ACK", b"BYE", b"CANCEL", b"REGISTER", b"OPTIONS", b"INFO", b"PRACK", b"UPDATE", b"REFER", b"SUBSCRIBE",
    b"NOTIFY", b"PUBLISH", b"MESSAGE", b"FROB", b"invite", b"", b"A" * 300, b"SIP/2.0",
)  # fmt: skip
URIS: Final = (
    b"sip:", b"sip:@", b"sip:%@a", b"sips:1002@[::1]", b"sip:1002@[::1", b"tel:+441632960000;phone-context=+44",
    b"tel:", b"urn:service:sos", b"sip:a:b:c@d", b"sip:a@b@c", b"sip:1002@127.0.0.1:0", b"sip:1002@127.0.0.1:99999",
    b"*", b"<>", b"sip:1002@127.0.0.1;maddr=255.255.255.255", b"sip:1002@239.1.1.1", b"http://x/",
    b"sip:1002@h;lr;lr;lr=on",
    b"sip:1002@h?Route=%3Csip:x%3E&body=%0d%0a", b"sip:" + b"x" * 5000 + b"@h", b"sip:u1@h" + b";p=v" * 600,
    b"mailto:a@b",
    b"sip:+1;ext=5@h;user=phone", b"sip:1002@" + b"a." * 200, b"<sip:1002@h>", b"sip:1002@0.0.0.0",
    b"sip:%31%30%30%32@h",
)  # fmt: skip
_NUMBER: Final = re.compile(rb"\d+")
_TAG: Final = re.compile(rb"tag=[^;>\s]*")
_BRANCH: Final = re.compile(rb"branch=[^;,\s]*")
_URI: Final = re.compile(rb"sips?:[^>;\s]+")

Mutation = Callable[["Mutator", bytes], bytes]


class Mutator:
    """Makes hostile messages. ``pool`` may be added to at any time."""

    def __init__(self, seed: int, pool: Sequence[bytes], pool_max: int = 400) -> None:
        self.chance = random.Random(seed)
        self.pool = list(pool)
        self._pool_max = pool_max

    def learn(self, message: bytes) -> None:
        """Take a message that was seen on the wire among those that mutations start from."""
        if len(self.pool) < self._pool_max:
            self.pool.append(message)
        else:
            self.pool[self.chance.randrange(len(self.pool))] = message

    def make(self) -> bytes:
        """Return one hostile message."""
        return self.mutate(self.chance.choice(self.pool))

    def mutate(self, message: bytes) -> bytes:
        """Return the message after one to four mutations; no longer than a datagram."""
        for _ in range(self.chance.choice((1, 1, 1, 2, 2, 3, 4))):
            message = self.chance.choice(MUTATIONS)(self, message)
        return message[:65_000]

    def split(self, message: bytes) -> list[bytes]:
        """Return the message in pieces, as a stream might bring it."""
        cuts = sorted(self.chance.randrange(len(message) + 1) for _ in range(self.chance.randint(0, 4)))
        edges = [0, *cuts, len(message)]
        return [message[start:end] for start, end in pairwise(edges) if start < end]

    def other(self) -> bytes:
        """Return another message of the pool."""
        return self.chance.choice(self.pool)

    def replace(self, pattern: re.Pattern[bytes], message: bytes, new: bytes) -> bytes:
        """Put ``new`` in place of one match, whichever."""
        found = list(pattern.finditer(message))
        if not found:
            return message
        match = self.chance.choice(found)
        return message[: match.start()] + new + message[match.end() :]


def _rows(message: bytes) -> tuple[list[bytes], bytes]:
    head, _, body = message.partition(b"\r\n\r\n")
    return head.split(b"\r\n"), body


def _join(rows: list[bytes], body: bytes) -> bytes:
    return b"\r\n".join(rows) + b"\r\n\r\n" + body


def _some_row(self: Mutator, rows: list[bytes]) -> int:
    return self.chance.randrange(1, len(rows)) if len(rows) > 1 else 0


def duplicate_row(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    at = _some_row(self, rows)
    rows.insert(_some_row(self, rows), rows[at])
    return _join(rows, body)


def delete_row(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    del rows[_some_row(self, rows)]
    return _join(rows, body)


def swap_rows(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    one, two = _some_row(self, rows), _some_row(self, rows)
    rows[one], rows[two] = rows[two], rows[one]
    return _join(rows, body)


def row_of_another(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    others, _ = _rows(self.other())
    rows.insert(_some_row(self, rows), others[_some_row(self, others)])
    return _join(rows, body)


def rename_row(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    at = _some_row(self, rows)
    _, _, value = rows[at].partition(b":")
    rows[at] = self.chance.choice(NAMES) + self.chance.choice((b":", b": ", b" :", b"\t: ", b"")) + value
    return _join(rows, body)


def new_value(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    at = _some_row(self, rows)
    name = rows[at].partition(b":")[0]
    value = self.chance.choice((*NUMBERS, *BYTES, *URIS, b"<" + self.chance.choice(URIS) + b">;tag=1"))
    rows[at] = name + b": " + value
    return _join(rows, body)


def added_row(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    value = self.chance.choice((*NUMBERS, *URIS, b"timer, 100rel, " * 50, b"a;b=c;d", b'"', b"active;expires=1"))
    rows.insert(_some_row(self, rows), self.chance.choice(NAMES) + b": " + value)
    return _join(rows, body)


def many_rows(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    at = _some_row(self, rows)
    rows[at:at] = [rows[at]] * self.chance.choice((2, 70, 129, 300))
    return _join(rows, body)


def many_values(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    at = _some_row(self, rows)
    _, colon, value = rows[at].partition(b":")
    separator = self.chance.choice((b",", b";", b" ", b", ", b";x="))
    rows[at] += colon + separator.join([value.strip()] * self.chance.choice((2, 130, 600)))
    return _join(rows, body)


def fold_row(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    at = _some_row(self, rows)
    cut = self.chance.randrange(len(rows[at]) + 1)
    rows[at] = rows[at][:cut] + self.chance.choice((b"\r\n ", b"\r\n\t", b"\r\n \r\n ")) + rows[at][cut:]
    return _join(rows, body)


def change_number(self: Mutator, message: bytes) -> bytes:
    return self.replace(_NUMBER, message, self.chance.choice(NUMBERS))


def change_uri(self: Mutator, message: bytes) -> bytes:
    return self.replace(_URI, message, self.chance.choice(URIS))


def put_bytes(self: Mutator, message: bytes) -> bytes:
    at = self.chance.randrange(len(message) + 1)
    return message[:at] + self.chance.choice(BYTES) + message[at + self.chance.choice((0, 0, 1, 4)) :]


def put_break(self: Mutator, message: bytes) -> bytes:
    at = self.chance.randrange(len(message) + 1)
    return message[:at] + self.chance.choice(BREAKS) + message[at:]


def other_line_ends(self: Mutator, message: bytes) -> bytes:
    return message.replace(b"\r\n", self.chance.choice((b"\n", b"\r", b"\r\r\n", b"\n\r")))


def truncate(self: Mutator, message: bytes) -> bytes:
    return message[: self.chance.randrange(len(message) + 1)]


def flip_bits(self: Mutator, message: bytes) -> bytes:
    changed = bytearray(message)
    for _ in range(self.chance.choice((1, 2, 8))):
        if changed:
            changed[self.chance.randrange(len(changed))] ^= 1 << self.chance.randrange(8)
    return bytes(changed)


def tag_of_another(self: Mutator, message: bytes) -> bytes:
    found = _TAG.findall(self.other())
    new = self.chance.choice([*found, b"tag=", b"tag", b"tag=1;tag=2", b'tag="x"', b""])
    return self.replace(_TAG, message, new)


def swap_tags(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    for at, row in enumerate(rows):
        if row.startswith(b"From:"):
            rows[at] = b"To:" + row[5:]
        elif row.startswith(b"To:"):
            rows[at] = b"From:" + row[3:]
    return _join(rows, body)


def branch_of_another(self: Mutator, message: bytes) -> bytes:
    found = _BRANCH.findall(self.other())
    return self.replace(_BRANCH, message, self.chance.choice([*found, b"branch=z9hG4bK", b"branch=", b"branch=1", b""]))


def call_id_of_another(self: Mutator, message: bytes) -> bytes:
    others, _ = _rows(self.other())
    found = [row for row in others if row.lower().startswith((b"call-id:", b"i:"))]
    rows, body = _rows(message)
    for at, row in enumerate(rows):
        if found and row.lower().startswith((b"call-id:", b"i:")):
            rows[at] = found[0]
    return _join(rows, body)


def other_method(self: Mutator, message: bytes) -> bytes:
    """Swap the method in the first line, in CSeq, or in both."""
    old = message.partition(b" ")[0]
    new = self.chance.choice(METHODS)
    which = self.chance.randrange(3)
    if which != 1:
        message = new + message[len(old) :]
    if which != 0 and old:
        message = re.sub(rb"(CSeq: \d+ )\S*", lambda match: match.group(1) + new, message, count=1)
    return message


def other_first_line(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    uri = self.chance.choice(URIS)
    rows[0] = self.chance.choice((
        b"SIP/2.0 200 OK", b"SIP/2.0 099 No", b"SIP/2.0 700 No", b"SIP/2.0 abc", b"SIP/3.0 200 OK", b"SIP/2.0  180 Two",
        b"INVITE " + uri + b" SIP/2.0", b"BYE " + uri + b" SIP/1.0", b"INVITE " + uri, b"INVITE  " + uri + b"  SIP/2.0",
        b"GET / HTTP/1.1", b"\x16\x03\x01\x02\x00\x01", b"", b" INVITE sip:x@h SIP/2.0",
        b"REGISTER " + uri + b" sip/2.0",
    ))  # fmt: skip
    return _join(rows, body)


def other_length(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    rows = [row for row in rows if not row.lower().startswith((b"content-length", b"l:"))]
    for _ in range(self.chance.choice((0, 1, 1, 2))):
        rows.append(self.chance.choice((b"Content-Length: ", b"l:", b"Content-Length :")) + self.chance.choice(NUMBERS))
    return _join(rows, body)


def other_body(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    body = self.chance.choice((body * 3, body[: len(body) // 2], b"\x00" * 2000, b"--b\r\n\r\n--b--", b"v=0\r\n" * 400))
    return _join(rows, body)


def two_messages(self: Mutator, message: bytes) -> bytes:
    return message + self.other()


def long_value(self: Mutator, message: bytes) -> bytes:
    rows, body = _rows(message)
    at = _some_row(self, rows)
    rows[at] += self.chance.choice((b"x", b";a=b", b'"', b"<", b"\xff", b"[")) * self.chance.choice(
        (300, 5_000, 33_000)
    )
    return _join(rows, body)


MUTATIONS: Final[tuple[Mutation, ...]] = (
    duplicate_row, delete_row, swap_rows, row_of_another, rename_row, new_value, added_row, many_rows, many_values,
    fold_row, change_number, change_number, change_uri, put_bytes, put_bytes, put_break, other_line_ends, truncate,
    flip_bits, tag_of_another, swap_tags, branch_of_another, call_id_of_another, other_method, other_method,
    other_first_line, other_length, other_body, two_messages, long_value,
)  # fmt: skip
