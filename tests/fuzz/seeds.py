"""Messages that mutations start from: one of each method and kind of response, as phones and carriers send them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SDP: Final = (
    b"v=0\r\no=- 3 4 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\n"
    b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=sendrecv\r\n"
)

_DIGEST: Final = (
    'Digest username="u1", realm="trunkline.test", nonce="Q2xlYXIgYXMgbXVk", uri="sip:trunkline.test", '
    'response="6629fae49393a05397450978507c4ef1", algorithm=MD5, qop=auth, nc=00000001, cnonce="0a4f113b"'
)

_EXTRA: Final[dict[str, tuple[str, ...]]] = {
    "INVITE": (
        "Contact: <sip:u1@192.0.2.7:5062;transport=udp>",
        "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, PRACK, UPDATE",
        "Supported: replaces, timer, 100rel, outbound, path, gruu",
        "Session-Expires: 1800;refresher=uac",
        "Min-SE: 90",
        f"Proxy-Authorization: {_DIGEST}",
        "Content-Type: application/sdp",
    ),
    "ACK": (),
    "BYE": ('Reason: Q.850;cause=16;text="Normal call clearing"',),
    "CANCEL": ('Reason: SIP;cause=200;text="Call completed elsewhere"',),
    "REGISTER": (
        'Contact: <sip:u1@192.0.2.7:5062>;expires=600;q=0.5;+sip.instance="<urn:uuid:0-1>";reg-id=1',
        f"Authorization: {_DIGEST}",
        "Expires: 600",
        "Path: <sip:edge.example.com;lr;ob>",
    ),
    "OPTIONS": ("Accept: application/sdp",),
    "INFO": ("Info-Package: dtmf", "Content-Type: application/dtmf-relay"),
    "PRACK": ("RAck: 776656 1 INVITE",),
    "UPDATE": ("Contact: <sip:u1@192.0.2.7:5062>", "Session-Expires: 1800", "Content-Type: application/sdp"),
    "REFER": ("Contact: <sip:u1@192.0.2.7>", "Refer-To: <sip:1003@trunkline.test?Replaces=a%40b%3Bto-tag%3D1>"),
    "SUBSCRIBE": ("Contact: <sip:u1@192.0.2.7>", "Event: dialog;id=1", "Expires: 3600", f"Authorization: {_DIGEST}"),
    "NOTIFY": ("Contact: <sip:u1@192.0.2.7>", "Event: refer;id=93", "Subscription-State: active;expires=60"),
    "PUBLISH": ("Event: presence", "SIP-If-Match: dx200xyz", "Expires: 3600", "Content-Type: application/pidf+xml"),
    "MESSAGE": ("Content-Type: text/plain",),
    "FROB": ("Require: nothing-that-works",),
}

_BODIES: Final[dict[str, bytes]] = {
    "INVITE": SDP,
    "UPDATE": SDP,
    "INFO": b"Signal=5\r\nDuration=160\r\n",
    "MESSAGE": "Grüße aus Köln".encode(),
    "PUBLISH": b'<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="pres:u1@a"/>',
}

METHODS: Final = tuple(_EXTRA)
STATUSES: Final = (100, 180, 183, 200, 202, 301, 401, 404, 407, 408, 481, 486, 487, 491, 500, 503, 603)


def request(method: str, host: str = "127.0.0.1", port: int = 5060, transport: str = "UDP", number: int = 0) -> bytes:
    """Return a whole request of this method; ``number`` makes its Call-ID and branch its own."""
    in_dialog = method in ("ACK", "BYE", "INFO", "PRACK", "UPDATE", "NOTIFY", "REFER")
    body = _BODIES.get(method, b"")
    rows = [
        f"{method} sip:1002@{host}:{port} SIP/2.0",
        f"Via: SIP/2.0/{transport} 192.0.2.7:5062;branch=z9hG4bKseed{method}{number};rport",
        "Max-Forwards: 70",
        f'From: "Fuzz, e.r." <sip:u1@trunkline.test>;tag=f{number}',
        f"To: <sip:1002@trunkline.test>{f';tag=t{number}' if in_dialog else ''}",
        f"Call-ID: seed-{method}-{number}@192.0.2.7",
        f"CSeq: {1 + number % 1000} {method}",
        "User-Agent: fuzz/1.0",
        *_EXTRA[method],
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(rows).encode() + b"\r\n\r\n" + body


def response(status: int, method: str = "INVITE", number: int = 0) -> bytes:
    """Return a response nobody asked for."""
    rows = [
        f"SIP/2.0 {status} Whatever",
        f"Via: SIP/2.0/UDP 127.0.0.31:5060;branch=z9hG4bKresp{number};rport=5060;received=127.0.0.31",
        "From: <sip:1001@trunkline.test>;tag=rf",
        "To: <sip:1002@trunkline.test>;tag=rt",
        f"Call-ID: resp-{number}@127.0.0.31",
        f"CSeq: 1 {method}",
        "Contact: <sip:u2@192.0.2.8>",
        'WWW-Authenticate: Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth,auth-int"',
        "Retry-After: 5",
        "Content-Length: 0",
    ]
    return "\r\n".join(rows).encode() + b"\r\n\r\n"


def all_seeds() -> list[bytes]:
    """Return one of each."""
    return [*(request(method) for method in METHODS), *(response(status) for status in STATUSES)]


def write_corpus(folder: Path) -> None:
    """Put one of each message into a folder, where it has none yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, message in enumerate(all_seeds()):
        path = folder / f"seed-{number:02}"
        if not path.exists():
            path.write_bytes(message)
