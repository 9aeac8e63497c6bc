"""A phone (or carrier) of the tests: registers, calls, answers; it does at once what a person would do later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sip.stack import digest
from sip.stack.config import EndpointConfig
from sip.stack.dialog import Dialog
from sip.stack.digest import Challenge
from sip.stack.endpoint import Endpoint
from sip.stack.events import (
    AckReceived,
    CancelReceived,
    RequestReceived,
    ResponseReceived,
    TransactionTimedOut,
)
from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response
from sip.stack.transaction.base import ClientTransaction, ServerTransaction
from tests.sip.wire import tokens

REALM = "trunkline.test"
OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=offer\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
ANSWER = b"v=0\r\no=- 2 2 IN IP4 192.0.2.20\r\ns=answer\r\nc=IN IP4 192.0.2.20\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n"
SDP = ("Content-Type", "application/sdp")


@dataclass
class Ringing:
    """A call that came in."""

    tx: ServerTransaction
    request: Request
    tag: str


@dataclass
class Phone:
    """``flow`` leads from the phone to the switch."""

    flow: Flow
    username: str
    password: str
    clock: Callable[[], float]
    is_dead: bool = False
    statuses: list[int] = field(default_factory=list)
    """Of all responses to INVITEs."""
    responses: list[Response] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    acks: list[Request] = field(default_factory=list)
    ringing: list[Ringing] = field(default_factory=list)
    cancelled: int = 0
    timeouts: int = 0
    dialog: Dialog | None = None
    invite: ClientTransaction | None = None
    on_invite: tuple[int, ...] = (180,)
    """What an INVITE is answered with at once; 200 picks up."""
    on_request: int = 200
    on_request_rows: list[tuple[str, str]] = field(default_factory=list)
    """Further rows of that answer."""
    reply_body: bytes = ANSWER
    reply_headers: tuple[tuple[str, str], ...] = ()
    ack_body: bytes = b""
    acknowledges: bool = True
    sends_prack: bool = True
    """As RFC 3262 asks of who takes reliable provisional responses."""
    prack_body: bytes = b""
    earlies: dict[str, Dialog] = field(default_factory=dict)
    """Early dialogs of the call being made, by the other side's tag."""
    pracked: set[tuple[str, str]] = field(default_factory=set)
    """To tag and RSeq of what has been acknowledged."""
    challenge: Challenge | None = None
    """Asked of whoever calls without credentials."""
    redirect_to: tuple[str, ...] = ()
    """Contacts of its 3xx, with ``redirect_rest`` behind each."""
    redirect_rest: tuple[str, ...] = ()
    moves: bool = False
    """It redirects each call to a user part of its own that was not there before."""
    expects_nonce: str = ""
    """Only credentials made with this nonce will do."""

    def __post_init__(self) -> None:
        self.name = self.username or self.flow.local[0]
        port = self.flow.local[1]
        self.token = tokens(f"{self.name}-" if port == 5060 else f"{self.name}-{port}-")
        self.endpoint = Endpoint(EndpointConfig(self.token, server_name=f"ua-of-{self.name}"))
        self._last: Request | None = None
        self._password_tried = False

    @property
    def contact(self) -> tuple[str, str]:
        """The phone's Contact row."""
        return ("Contact", f"<sip:{self.name}@{self.flow.local[0]}:{self.flow.local[1]}>")

    def register(self, expires_s: int = 600, *rows: tuple[str, str]) -> None:
        """Send a REGISTER; a challenge is answered by ``work``."""
        contacts = [row for row in rows if row[0] == "Contact"] or [self.contact]
        rest = [row for row in rows if row[0] != "Contact"]
        self._send(self._request("REGISTER", "sip:trunkline.test", self.username, [*contacts, *rest], b"", expires_s))

    def fetch(self) -> None:
        """Ask for the line's bindings."""
        self._send(self._request("REGISTER", "sip:trunkline.test", self.username, [], b""))

    def call(self, dialled: str, body: bytes = OFFER, *rows: tuple[str, str]) -> None:
        """Send an INVITE to ``dialled``."""
        kept = [SDP] if body else []
        self.dialog = None
        self._send(
            self._request("INVITE", f"sip:{dialled}@trunkline.test", dialled, [self.contact, *kept, *rows], body)
        )

    def _request(
        self, method: str, uri: str, to: str, rows: list[tuple[str, str]], body: bytes, expires_s: int = -1
    ) -> Request:
        headers = [
            ("Max-Forwards", "70"),
            ("From", f'"secret name of {self.name}" <sip:{self.name}@a-side.example>;tag={self.token()}'),
            ("To", f"<sip:{to}@trunkline.test>"),
            ("Call-ID", f"{self.token()}@call-id-of-{self.name}"),
            ("CSeq", f"1 {method}"),
            ("User-Agent", f"ua-of-{self.name}"),
        ]
        given = {name for name, _ in rows}
        headers = [row for row in headers if row[0] not in given]
        if expires_s >= 0:
            headers.append(("Expires", str(expires_s)))
        return Request(method, uri, [*headers, *rows], body)

    def send(self, request: Request) -> ClientTransaction:
        """Send any request as it stands."""
        return self.endpoint.send_request(request, self.flow, self.clock())

    def _send(self, request: Request) -> None:
        self._last, self._password_tried = request, False
        tx = self.send(request)
        if request.method == "INVITE":
            self.invite = tx

    def cancel(self) -> None:
        """Give up the call that is being made."""
        assert self.invite is not None
        self.endpoint.cancel(self.invite, self.clock())

    def pick_up(self, which: int = 0) -> None:
        """Answer a ringing call."""
        self.respond(200, which)

    def respond(self, status: int, which: int = 0, rseq: int = 0, body: bytes | None = None, tag: str = "") -> Response:
        """Answer a ringing call with any status; with ``rseq`` in a reliable way, once."""
        call = self.ringing[which]
        if body is None:
            body = self.reply_body if status in (183, 200) else b""
        contacts = self._redirections() if 300 <= status < 400 else [self.contact]
        rows = [*contacts, *([SDP] if body else []), *self.reply_headers]
        rows += [("Require", "100rel"), ("RSeq", str(rseq))] if rseq else []
        response = self.endpoint.make_response(call.request, status, "", tag or call.tag, rows, body)
        is_new = self.dialog is None or self.dialog.call_id != call.request.call_id
        if (status == 200 or rseq) and not call.request.to_tag and is_new:
            self.dialog = Dialog.as_server(call.request, response, self.flow)
        self.endpoint.respond(call.tx, response, self.clock())
        return response

    def _redirections(self) -> list[tuple[str, str]]:
        uris = (f"sip:x{len(self.ringing)}@{self.flow.local[0]}",) if self.moves else self.redirect_to
        rest = self.redirect_rest or ("",) * len(uris)
        return [("Contact", f"<{uri}>{params}") for uri, params in zip(uris, rest, strict=True)]

    def hang_up(self, *rows: tuple[str, str]) -> None:
        """Send BYE in the phone's dialog."""
        self.in_dialog("BYE", b"", *rows)

    def in_dialog(self, method: str, body: bytes = b"", *rows: tuple[str, str]) -> None:
        """Send a request in the phone's dialog."""
        assert self.dialog is not None
        kept = [SDP] if body else []
        tx = self.send(self.dialog.request(method, [*kept, *rows], body))
        if method == "INVITE":
            self.invite = tx

    def work(self) -> None:
        """Deal with everything the endpoint tells."""
        event = self.endpoint.next_event()
        while event is not None:
            if isinstance(event, RequestReceived):
                self._requested(event)
            elif isinstance(event, ResponseReceived):
                self._answered(event)
            elif isinstance(event, AckReceived):
                self.acks.append(event.request)
            elif isinstance(event, CancelReceived):
                self.cancelled += 1
                request = event.tx.request
                self.endpoint.respond(event.tx, self.endpoint.make_response(request, 487), self.clock())
            elif isinstance(event, TransactionTimedOut):
                self.timeouts += 1
            event = self.endpoint.next_event()

    def _requested(self, event: RequestReceived) -> None:
        request = event.request
        self.requests.append(request)
        credentials = request.get("Proxy-Authorization")
        if self.challenge is not None and (credentials is None or self.expects_nonce not in credentials):
            rows = [("Proxy-Authenticate", str(self.challenge))]
            response = self.endpoint.make_response(request, 407, headers=rows)
            self.endpoint.respond(event.tx, response, self.clock())
        elif request.method == "INVITE":
            self.ringing.append(Ringing(event.tx, request, request.to_tag or self.token()))
            if self.dialog is not None and request.to_tag:
                self.dialog.receive(request)
            for status in self.on_invite:
                self.respond(status, -1)
        else:
            body = self.reply_body if request.method in ("UPDATE", "PRACK") and request.body else b""
            rows = [*([SDP] if body else []), *self.reply_headers, *self.on_request_rows]
            response = self.endpoint.make_response(request, self.on_request, headers=rows, body=body)
            self.endpoint.respond(event.tx, response, self.clock())

    def _answered(self, event: ResponseReceived) -> None:
        response, request = event.response, event.tx.request
        self.responses.append(response)
        if request.method == "INVITE":
            self.statuses.append(response.status)
        if response.status in (401, 407) and not self._password_tried and self.password:
            self._password_tried = True
            self._authenticate(response)
        elif request.method == "INVITE" and 100 < response.status < 200:
            self._progress(request, response)
        elif request.method == "INVITE" and 200 <= response.status < 300:
            if self.dialog is None or self.dialog.remote_tag != response.to_tag:
                found = self.earlies.pop(response.to_tag, None)
                self.dialog = found or Dialog.as_client(request, response, self.flow)
            if self.acknowledges:
                rows = [SDP] if self.ack_body else []
                self.endpoint.send_ack(self.dialog.request("ACK", rows, self.ack_body), self.flow, self.clock())

    def _progress(self, request: Request, response: Response) -> None:
        """Open the early dialog, and acknowledge what came reliably for the first time."""
        if request.to_tag or response.get("Require") != "100rel":
            return
        tag, rseq = response.to_tag, response.get("RSeq") or ""
        early = self.earlies.get(tag)
        if early is None:
            early = self.earlies[tag] = Dialog.as_client(request, response, self.flow)
        if self.sends_prack and (tag, rseq) not in self.pracked:
            self.pracked.add((tag, rseq))
            self.prack(tag, rseq, request.cseq.number)

    def prack(self, tag: str, rseq: str, cseq_number: int) -> None:
        """Acknowledge a reliable provisional response."""
        rows = [("RAck", f"{rseq} {cseq_number} INVITE"), *([SDP] if self.prack_body else [])]
        self.send(self.earlies[tag].request("PRACK", rows, self.prack_body))

    def _authenticate(self, response: Response) -> None:
        request = self._last
        assert request is not None
        name = "WWW-Authenticate" if response.status == 401 else "Proxy-Authenticate"
        challenge = Challenge.parse(response.get(name) or "")
        ha1 = digest.make_ha1(digest.base_algorithm(challenge.algorithm), self.username, REALM, self.password)
        made = digest.answer(challenge, request.method, request.uri, self.username, ha1, self.token())
        again = Request(request.method, request.uri, request.headers, request.body)
        again.set("CSeq", f"{request.cseq.number + 1} {request.method}")
        again.add("Authorization" if response.status == 401 else "Proxy-Authorization", str(made))
        self._last = again
        tx = self.send(again)
        if request.method == "INVITE":
            self.invite = tx
