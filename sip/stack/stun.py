"""STUN binding requests on a SIP port: what phones behind NAT keep their flow open with (RFC 8489, RFC 5626 §8).

The server without credentials: a request in, a response or silence out. Over UDP only (RFC 5626 §4.4.2); the response
is never larger than ``AMPLIFICATION_MAX`` times the request, counted with the headers of IP and UDP.
"""

from __future__ import annotations

import ipaddress
import zlib
from typing import Final

MAGIC_COOKIE: Final = b"\x21\x12\xa4\x42"
HEADER_BYTES: Final = 20
AMPLIFICATION_MAX: Final = 1.5
"""Whoever forges a source must gain nothing worth having."""
PACKET_HEADER_BYTES: Final = 28
"""Of IPv4 and UDP: the least that came with a request and goes with its response."""

BINDING_REQUEST: Final = 0x0001
BINDING_SUCCESS: Final = 0x0101
BINDING_ERROR: Final = 0x0111

ERROR_CODE: Final = 0x0009
UNKNOWN_ATTRIBUTES: Final = 0x000A
XOR_MAPPED_ADDRESS: Final = 0x0020
FINGERPRINT: Final = 0x8028

_KNOWN: Final = frozenset({0x0001, 0x0006, 0x0008, 0x0009, 0x000A, 0x0014, 0x0015, 0x001C, 0x001D, 0x001E, 0x0020})
"""Comprehension-required attributes of RFC 8489 §18.3: known, and in a binding request without credentials ignored."""
_OPTIONAL: Final = 0x8000
_FINGERPRINT_BYTES: Final = 8
_FINGERPRINT_XOR: Final = 0x5354554E
_UNKNOWN_ATTRIBUTE: Final = b"\x00\x00\x04\x14"
"""Error 420: class 4, number 20."""


def is_stun(data: bytes) -> bool:
    """Tell whether a datagram is STUN and no SIP: two zero bits, the magic cookie, a length that fits (RFC 8489 §6.3).

    No SIP message begins with an octet below 64.
    """
    if len(data) < HEADER_BYTES or data[0] & 0xC0 or data[4:8] != MAGIC_COOKIE:
        return False
    length = int.from_bytes(data[2:4], "big")
    return length % 4 == 0 and len(data) == HEADER_BYTES + length


def answer(data: bytes, source: tuple[str, int]) -> bytes | None:
    """Return the response to what came from ``source``; ``None`` for anything but a whole binding request.

    An unknown attribute that must be understood earns 420 with its type (RFC 8489 §6.3.1). FINGERPRINT is checked
    where there is one, and given where it was.
    """
    if not is_stun(data) or int.from_bytes(data[0:2], "big") != BINDING_REQUEST:
        return None
    attributes = _attributes(data)
    if attributes is None:
        return None
    is_signed = bool(attributes) and attributes[-1][0] == FINGERPRINT
    if is_signed and attributes[-1][1] != fingerprint(data[:-_FINGERPRINT_BYTES]):
        return None
    transaction = data[8:HEADER_BYTES]
    unknown = dict.fromkeys([kind for kind, _ in attributes if kind < _OPTIONAL and kind not in _KNOWN])
    if unknown:
        types = b"".join([kind.to_bytes(2, "big") for kind in unknown])
        body = _attribute(ERROR_CODE, _UNKNOWN_ATTRIBUTE) + _attribute(UNKNOWN_ATTRIBUTES, types)
        response = message(BINDING_ERROR, transaction, body, is_signed)
    else:
        body = _attribute(XOR_MAPPED_ADDRESS, xor_address(source, transaction))
        response = message(BINDING_SUCCESS, transaction, body, is_signed)
    allowed_bytes = AMPLIFICATION_MAX * (len(data) + PACKET_HEADER_BYTES) - PACKET_HEADER_BYTES
    return response if len(response) <= allowed_bytes else None


def message(kind: int, transaction: bytes, attributes: bytes = b"", is_signed: bool = False) -> bytes:
    """Return a STUN message; ``is_signed`` adds FINGERPRINT, over a length that counts it (RFC 8489 §14.7)."""
    length = len(attributes) + (_FINGERPRINT_BYTES if is_signed else 0)
    unsigned = kind.to_bytes(2, "big") + length.to_bytes(2, "big") + MAGIC_COOKIE + transaction + attributes
    return unsigned + _attribute(FINGERPRINT, fingerprint(unsigned)) if is_signed else unsigned


def fingerprint(data: bytes) -> bytes:
    """Return the value of FINGERPRINT for all that stands before it."""
    return (zlib.crc32(data) ^ _FINGERPRINT_XOR).to_bytes(4, "big")


def xor_address(address: tuple[str, int], transaction: bytes) -> bytes:
    """Return the value of XOR-MAPPED-ADDRESS (RFC 8489 §14.2)."""
    host = ipaddress.ip_address(address[0].partition("%")[0])
    family = b"\x00\x01" if host.version == 4 else b"\x00\x02"
    port = address[1] ^ int.from_bytes(MAGIC_COOKIE[:2], "big")
    mask = (MAGIC_COOKIE + transaction)[: len(host.packed)]
    return family + port.to_bytes(2, "big") + bytes([a ^ b for a, b in zip(host.packed, mask, strict=True)])


def _attribute(kind: int, value: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(value).to_bytes(2, "big") + value + bytes(-len(value) % 4)


def _attributes(data: bytes) -> list[tuple[int, bytes]] | None:
    """Return type and value of each attribute, ``None`` when one does not fit; FINGERPRINT must be the last."""
    found: list[tuple[int, bytes]] = []
    at = HEADER_BYTES
    while at < len(data):
        if found and found[-1][0] == FINGERPRINT:
            return None
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        end = at + 4 + length
        if end > len(data):
            return None
        found.append((int.from_bytes(data[at : at + 2], "big"), data[at + 4 : end]))
        at = end + -length % 4
    return found
