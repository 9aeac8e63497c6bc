"""Answers of the guard: made from the bytes of a request alone, kept by nobody."""

from __future__ import annotations

import re
from typing import Final

from sip.stack.amplification import AMPLIFICATION_MAX
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.guard.limits import RETRY_AFTER_S_MIN, RETRY_AFTER_SPREAD_S, SEARCHED_BYTES_MAX
from sip.stack.limits import HEAD_BYTES_MAX
from sip.stack.matching import reply_flow, stamp_source
from sip.stack.message.parse import recover_head
from sip.stack.transaction.responses import make_response

SHED_TAG: Final = b"tag=shed."
"""How To tags of these answers begin: the ACK of one is known by it and passed over."""

_TO_TAG: Final = re.compile(rb"\n(?:to|t)[ \t]*:[^\n]*;[ \t]*tag[ \t]*=", re.IGNORECASE)
_OFFERS_FEEDBACK: Final = re.compile(rb"\n(?:via|v)[ \t]*:[^\n]*;[ \t]*oc[ \t]*[;,\r]", re.IGNORECASE)


def is_in_dialog(data: bytes) -> bool:
    """Tell whether To has a tag, from the bytes of a request."""
    return _TO_TAG.search(data, 0, SEARCHED_BYTES_MAX) is not None


def offers_feedback(data: bytes) -> bool:
    """Tell whether the sender keeps requests back when it is asked to (RFC 7339 §5.1), from the bytes of a request."""
    return _OFFERS_FEEDBACK.search(data, 0, SEARCHED_BYTES_MAX) is not None


def refusal(data: bytes, flow: Flow, number: int, says_when: bool) -> tuple[Flow, bytes] | None:
    """Return where to send what for a request that is shed: a 503; ``None`` when it cannot be answered.

    ``number`` counts refusals and spreads what is told: ``says_when`` adds Retry-After. A carrier is told none: by it,
    RFC 3261 §21.5.4 has a proxy leave us alone altogether (so RFC 7339 §5.10.2).
    """
    head, _, _ = data[:HEAD_BYTES_MAX].partition(b"\r\n\r\n")
    wait_s = RETRY_AFTER_S_MIN + number % (RETRY_AFTER_SPREAD_S + 1) if says_when else 0
    response = _from_rows(head, flow, number, wait_s)
    reply_to = flow
    if not response:
        try:
            reply_to, response = _by_reading(head, flow, number, wait_s)
        except RemoteProtocolError:
            return None
    if not flow.reliable and len(response) > AMPLIFICATION_MAX * len(data):
        return None
    return reply_to, response


def _by_reading(head: bytes, flow: Flow, number: int, wait_s: int) -> tuple[Flow, bytes]:
    """Return where the 503 goes, and the 503, made as any other response is.

    Raises:
        RemoteProtocolError: the request cannot be answered.
    """
    request = recover_head(head)
    if request is None:
        raise RemoteProtocolError("no request")
    reply_to = reply_flow(request, flow)
    stamp_source(request, flow)
    rows = [("Retry-After", str(wait_s))] if wait_s else []
    return reply_to, bytes(make_response(request, 503, "", f"shed.{number:x}", rows))


def _from_rows(head: bytes, flow: Flow, number: int, wait_s: int) -> bytes:
    """Return the 503 made by copying rows, "" for a request that is not plain enough for it.

    Plain is what phones and carriers send: no folded rows, a first Via of one value with an empty ``rport``. It takes a
    quarter of the time of reading and writing the request, and this is done when there is least time.
    """
    rows = [b"SIP/2.0 503 Service Unavailable"]
    seen = 0
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        place = _COPIED.get(name)
        if place is None:
            if not colon or name[:1] in b" \t":
                return b""
            continue
        if b"\n" in line or b"\r" in line or b"\0" in line:
            return b""
        if place == _VIA and not seen & _VIA:
            stamped = value.replace(b";rport", f";rport={flow.remote[1]};received={flow.remote[0]}".encode(), 1)
            if len(stamped) == len(value) or b";rport=" in value or b"," in value or b"received" in value:
                return b""
            rows.append(name + b":" + stamped)
        elif seen & place and place != _VIA:
            return b""
        elif place == _TO and b"tag=" not in value:
            rows.append(line + b";" + SHED_TAG + b"%x" % number)
        else:
            rows.append(line)
        seen |= place
    if seen != _ALL:
        return b""
    if wait_s:
        rows.append(b"Retry-After: %d" % wait_s)
    rows.append(b"Content-Length: 0\r\n\r\n")
    return b"\r\n".join(rows)


_VIA: Final = 1
_TO: Final = 4
_ALL: Final = 31
_COPIED: Final[dict[bytes, int]] = {
    b"Via": _VIA,
    b"v": _VIA,
    b"From": 2,
    b"f": 2,
    b"To": _TO,
    b"t": _TO,
    b"Call-ID": 8,
    b"i": 8,
    b"CSeq": 16,
}
"""What a response copies (RFC 3261 §8.2.6.2), by the spellings that are common, each with a bit of its own."""
