"""Atheris on everything that reads bytes of a peer: coverage leads it where mutations by rule do not come.

``python -m tests.fuzz.parser_target [options of libFuzzer] [corpus folder]``. It ends at the first exception that is
not written down.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import atheris

with atheris.instrument_imports(include=["sip.stack"]):
    from sip.stack.digest import Challenge, Credentials
    from sip.stack.errors import RemoteProtocolError
    from sip.stack.framing import StreamFramer
    from sip.stack.guard.guard import Guard
    from sip.stack.message import parse_message
    from sip.stack.message.name_addr import NameAddr
    from sip.stack.message.uri import Uri
    from sip.stack.message.via import Via

from sip.stack.flow import Flow

FLOW = Flow("UDP", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
VIEWS = ("via", "cseq", "from_", "to", "contacts", "routes", "record_routes", "max_forwards", "expires")


def read(data: bytes) -> None:
    """Read bytes as a datagram, as a stream and, their first line left off, as a header value."""
    with suppress(RemoteProtocolError):
        message = parse_message(data)
        again = parse_message(bytes(message))
        if again.headers != [row for row in again.headers if row]:
            raise AssertionError("a row got lost")
        for view in VIEWS:
            with suppress(RemoteProtocolError):
                getattr(message, view)
    framer = StreamFramer()
    with suppress(RemoteProtocolError):
        half = len(data) // 2
        framer.feed(data[:half])
        framer.feed(data[half:])
    guard = Guard()
    guard.overload.percent = 100
    guard.admit(data, FLOW, 0.0)
    text = data.decode("utf-8", "surrogateescape")
    for value in (Uri, NameAddr, Via, Challenge, Credentials):
        with suppress(ValueError):
            value.parse(text)


if __name__ == "__main__":
    atheris.Setup(sys.argv, read)
    atheris.Fuzz()
