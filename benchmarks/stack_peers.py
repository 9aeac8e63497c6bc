"""Caller and callee as strings: what sipp says in ``benchmarks/scenarios``, at next to no cost."""

from __future__ import annotations

import hashlib

from sip.stack.flow import Flow

SERVER = ("127.0.0.2", 5060)
CALLER = ("127.0.0.4", 5070)
CALLEE = ("127.0.0.3", 5080)
REALM = "bench.test"
FROM_CALLER = Flow("UDP", SERVER, CALLER)
FROM_CALLEE = Flow("UDP", SERVER, CALLEE)

_SDP = (
    "v=0\r\no=- 53655765 2353687637 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio 6000 RTP/AVP 8 0 18 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:18 G729/8000\r\n"
    "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
)
OFFER = _SDP.format(host=CALLER[0])
ANSWER = _SDP.format(host=CALLEE[0])
_ALLOW = "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO\r\nSupported: timer, 100rel\r\n"


def rows_of(data: bytes) -> dict[str, str]:
    """Return the first row of each name."""
    head = data.partition(b"\r\n\r\n")[0].decode()
    rows: dict[str, str] = {}
    for line in head.split("\r\n")[1:]:
        name, _, value = line.partition(": ")
        rows.setdefault(name, value)
    return rows


def credentials(challenge: str, user: str, password: str, method: str, uri: str) -> str:
    """Return the value that answers a challenge with qop ``auth``."""
    nonce = challenge.partition('nonce="')[2].partition('"')[0]
    ha1 = hashlib.md5(f"{user}:{REALM}:{password}".encode()).hexdigest()
    ha2 = hashlib.md5(f"{method}:{uri}".encode()).hexdigest()
    response = hashlib.md5(f"{ha1}:{nonce}:00000001:0a4f113b:auth:{ha2}".encode()).hexdigest()
    return (
        f'Digest username="{user}",realm="{REALM}",cnonce="0a4f113b",nc=00000001,qop=auth,uri="{uri}",'
        f'nonce="{nonce}",response="{response}",algorithm=MD5'
    )


class Caller:
    """One call's calling side; ``start`` makes the INVITE, ``answer`` says what follows from a message."""

    def __init__(self, number: int, user: str, dialled: str = "+12125550199") -> None:
        self.number = number
        self.user = user
        self.uri = f"sip:{dialled}@{SERVER[0]}:{SERVER[1]}"
        self.call_id = f"{number}-4711@{CALLER[0]}"
        self.stays = False
        """Do not hang up."""
        self._cseq = 0
        self._branches = 0
        self._from = f'"Bench Caller" <sip:{user}@{SERVER[0]}>;tag=4711c{number}'
        self._invite = ""

    def _head(self, method: str, uri: str, to: str, cseq: int, more: str = "") -> str:
        self._branches += 1
        return (
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {CALLER[0]}:{CALLER[1]};branch=z9hG4bK-4711-{self.number}-{self._branches};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {self._from}\r\nTo: {to}\r\nCall-ID: {self.call_id}\r\n"
            f"CSeq: {cseq} {method}\r\nContact: <sip:{self.user}@{CALLER[0]}:{CALLER[1]}>\r\n{more}"
        )

    def invite(self, more: str = "") -> bytes:
        """Return the INVITE."""
        self._cseq += 1
        more += f"User-Agent: bench-uac/1.0\r\n{_ALLOW}Content-Type: application/sdp\r\n"
        head = self._head("INVITE", self.uri, f"<{self.uri}>", self._cseq, more)
        self._invite = head
        return f"{head}Content-Length: {len(OFFER)}\r\n\r\n{OFFER}".encode()

    def register(self, more: str = "") -> bytes:
        """Return a REGISTER."""
        self._cseq += 1
        address = f"<sip:{self.user}@{REALM}>"
        head = self._head("REGISTER", f"sip:{REALM}", address, self._cseq, f"Expires: 600\r\n{more}")
        return f"{head}Content-Length: 0\r\n\r\n".encode()

    def answer(self, data: bytes) -> list[bytes]:
        """Return what is sent for a response."""
        status = int(data[8:11])
        if status < 200:
            return []
        rows = rows_of(data)
        if rows["CSeq"].endswith("REGISTER"):
            if status != 401:
                return []
            value = credentials(rows["WWW-Authenticate"], self.user, f"pw-{self.user}", "REGISTER", f"sip:{REALM}")
            return [self.register(f"Authorization: {value}\r\n")]
        if not rows["CSeq"].endswith("INVITE"):
            return []
        if status == 407:
            via = self._invite.split("\r\n")[1]
            ack = (
                f"ACK {self.uri} SIP/2.0\r\n{via}\r\nMax-Forwards: 70\r\nFrom: {self._from}\r\nTo: {rows['To']}\r\n"
                f"Call-ID: {self.call_id}\r\nCSeq: {self._cseq} ACK\r\nContent-Length: 0\r\n\r\n"
            )
            value = credentials(rows["Proxy-Authenticate"], self.user, f"pw-{self.user}", "INVITE", self.uri)
            return [ack.encode(), self.invite(f"Proxy-Authorization: {value}\r\n")]
        target = rows["Contact"].strip("<>")
        ack = self._head("ACK", target, rows["To"], self._cseq) + "Content-Length: 0\r\n\r\n"
        if self.stays:
            return [ack.encode()]
        bye = self._head("BYE", target, rows["To"], self._cseq + 1) + "Content-Length: 0\r\n\r\n"
        return [ack.encode(), bye.encode()]


class Callee:
    """All calls' called side."""

    def __init__(self) -> None:
        self._calls = 0
        self.byes = 0
        """Calls that were made to their end."""

    def answer(self, data: bytes) -> list[bytes]:
        """Return what is sent for a request."""
        method = data[: data.index(b" ")]
        if method == b"ACK":
            return []
        rows = rows_of(data)
        copied = "".join([f"{name}: {rows[name]}\r\n" for name in ("Via", "From", "Call-ID", "CSeq")])
        if method == b"BYE":
            self.byes += 1
            return [f"SIP/2.0 200 OK\r\n{copied}To: {rows['To']}\r\nContent-Length: 0\r\n\r\n".encode()]
        self._calls += 1
        contact = f"Contact: <sip:{CALLEE[0]}:{CALLEE[1]};transport=UDP>\r\n"
        to = f"To: {rows['To']};tag=4712s{self._calls}\r\n"
        trying = f"SIP/2.0 100 Trying\r\n{copied}To: {rows['To']}\r\nContent-Length: 0\r\n\r\n"
        ringing = f"SIP/2.0 180 Ringing\r\n{copied}{to}{contact}Content-Length: 0\r\n\r\n"
        answered = (
            f"SIP/2.0 200 OK\r\n{copied}{to}{contact}Server: bench-uas/1.0\r\n"
            "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\nContent-Type: application/sdp\r\n"
            f"Content-Length: {len(ANSWER)}\r\n\r\n{ANSWER}"
        )
        return [trying.encode(), ringing.encode(), answered.encode()]
