"""Datagrams that are nearly, or not at all, SIP."""

from __future__ import annotations

import random

_HEAD = """\
Via: SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{n}
From: <sip:caller@example.net>;tag=323
To: <sip:user@example.com>
Call-ID: rubbish-{n}
CSeq: 1 {method}
Max-Forwards: 70
Contact: <sip:caller@192.0.2.9>
Content-Length: 0

"""
_FIRST_LINES = (
    "INVITE sip:100@trunkline.test SIP/2.0",
    "REGISTER sip:trunkline.test SIP/2.0",
    "BYE sip:100@trunkline.test;a=b SIP/2.0",
    "CANCEL sip:100@trunkline.test SIP/2.0",
    "ACK sip:%00%ff@[::1] SIP/2.0",
    "OPTIONS tel:+1-201-555-0123 SIP/2.0",
    "NONSENSE ??? SIP/7.0",
    "SIP/2.0 200 OK",
    "SIP/2.0 4294967301 better not break the receiver",
)
_CHANGES = (
    ("Content-Length: 0", "Content-Length: -999"),
    ("Content-Length: 0", "Content-Length: 9999999999"),
    ("CSeq: 1", "CSeq: 36893488147419103232"),
    ("Max-Forwards: 70", "Max-Forwards: 0"),
    ("Call-ID", "Call-ID: \x00\nCall-ID"),
    ("<sip:caller@192.0.2.9>", '"unterminated <sip:caller'),
    ("<sip:user@example.com>", "<sip:user@example.com>;tag=1;tag=2, <sip:x@y>"),
    ("Via: SIP/2.0/UDP", "Via: SIP/2.0/UDP ;;;,,,\nVia: SIP/2.0/UDP"),
    ("From: ", "From: " + "x" * 9_000),
    ("", ""),
)


def rubbish(dice: random.Random, number: int) -> bytes:
    """Return a message with one fault, the same with some bytes changed, or mere noise."""
    if number % 3 == 0:
        return dice.randbytes(dice.randrange(1, 1_400))
    first = dice.choice(_FIRST_LINES)
    old, new = dice.choice(_CHANGES)
    head = _HEAD.format(n=number, method=first.partition(" ")[0]).replace(old, new, 1)
    data = bytearray(f"{first}\n{head}".replace("\n", "\r\n").encode())
    for _ in range(dice.randrange(1, 20) if number % 3 == 1 else 0):
        data[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(data)
