"""A small real SIP phone over UDP, without audio: registers, calls, answers and hangs up.

It shows a first run that calls work, and lets one machine play phones and carriers in tests and load. Not a softphone.
"""

from __future__ import annotations

import secrets
import select
import socket
import time
from collections.abc import Callable

from sip.stack.config import EndpointConfig
from sip.stack.dialog import Dialog
from sip.stack.digest import Challenge, answer, base_algorithm, make_ha1
from sip.stack.endpoint import Endpoint
from sip.stack.events import AckReceived, Event, RequestReceived, ResponseReceived, TransactionTimedOut, TransportFailed
from sip.stack.flow import Flow
from sip.stack.message.message import Request, Response
from sip.stack.transaction.base import ClientTransaction, ServerTransaction

REPLY_S_MAX = 10.0
"""A platform on the same machine that takes longer than this does not work."""
DATAGRAM_BYTES_MAX = 65_535


class PhoneError(Exception):
    """The other side said no, or nothing; the text says what."""


class Phone:
    """One UDP socket, one account (or none: a carrier), at most one call. All methods block until they are done."""

    def __init__(
        self,
        server: tuple[str, int],
        realm: str,
        username: str,
        password: str = "",
        address: tuple[str, int] | None = None,
    ) -> None:
        self.username = username
        self._server, self._realm, self._password = server, realm, password
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(address or (server[0], 0))
        self.address: tuple[str, int] = self._socket.getsockname()
        self._flow = Flow("UDP", self.address, server)
        self._endpoint = Endpoint(
            EndpointConfig(token=lambda: secrets.token_hex(8), server_name="Trunkline demo phone")
        )
        self._cseq = 0
        self._finals: dict[int, Response | None] = {}
        self.dialog: Dialog | None = None
        self.ringing: ServerTransaction | None = None
        self.provisionals: list[int] = []
        self.is_ended = False

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()

    def register(self, expires_s: int = 300) -> None:
        """Register, or with 0 take the registration back.

        Raises:
            PhoneError: it was refused or nothing came.
        """
        headers = [("Contact", self._contact()), ("Expires", str(expires_s))]
        response = self._ask("REGISTER", f"sip:{self._realm}", self.username, headers, b"")[1]
        if response.status != 200:
            raise PhoneError(f"REGISTER of {self.username}: {response.status} {response.reason}")

    def call(self, number: str, while_waiting: Callable[[], None] = lambda: None) -> None:
        """Call a number and return when it is answered; ``while_waiting`` runs meanwhile (pump the callee there).

        Raises:
            PhoneError: refused, or no answer in time; the text has the status.
        """
        body = _sdp(self.address[0])
        headers = [("Contact", self._contact()), ("Content-Type", "application/sdp")]
        tx, response = self._ask("INVITE", f"sip:{number}@{self._realm}", number, headers, body, while_waiting)
        if response.status != 200:
            raise PhoneError(f"INVITE {number}: {response.status} {response.reason}")
        self.dialog = Dialog.as_client(tx.request, response, self._flow)
        self._endpoint.send_ack(self.dialog.request("ACK"), self._flow, time.monotonic())
        self._transmit()

    def answer(self) -> None:
        """Answer the call that rings (``ringing``)."""
        if self.ringing is None:
            raise PhoneError("nothing rings")
        headers = [("Contact", self._contact()), ("Content-Type", "application/sdp")]
        response = self._endpoint.make_response(
            self.ringing.request, 200, to_tag=secrets.token_hex(6), headers=headers, body=_sdp(self.address[0])
        )
        self._endpoint.respond(self.ringing, response, time.monotonic())
        self.dialog = Dialog.as_server(self.ringing.request, response, self._flow)
        self.ringing = None
        self._transmit()

    def hang_up(self, while_waiting: Callable[[], None] = lambda: None) -> None:
        """End the call that is up.

        Raises:
            PhoneError: there is none, or the BYE was not answered 200.
        """
        if self.dialog is None:
            raise PhoneError("no call is up")
        tx = self._endpoint.send_request(self.dialog.request("BYE"), self._flow, time.monotonic())
        response = self._final(tx, while_waiting)
        self.dialog = None
        if response.status != 200:
            raise PhoneError(f"BYE: {response.status} {response.reason}")

    def pump(self, wait_s: float = 0.0) -> None:
        """Take what has come within ``wait_s``, do what is due, send what is to be sent."""
        if select.select([self._socket], [], [], wait_s)[0]:
            data, source = self._socket.recvfrom(DATAGRAM_BYTES_MAX)
            flow = Flow("UDP", self.address, (source[0], source[1]))
            self._endpoint.receive_datagram(data, flow, time.monotonic())
        self._endpoint.handle_timer(time.monotonic())
        while (event := self._endpoint.next_event()) is not None:
            self._take(event)
        self._transmit()

    def pump_until(self, condition: Callable[[], bool], what: str, wait_s: float = REPLY_S_MAX) -> None:
        """Pump until ``condition`` holds.

        Raises:
            PhoneError: it did not in time; the text names ``what`` was waited for.
        """
        deadline = time.monotonic() + wait_s
        while not condition():
            if time.monotonic() > deadline:
                raise PhoneError(f"{self.username} waited {wait_s:g} s for {what}")
            self.pump(0.02)

    def _ask(
        self,
        method: str,
        uri: str,
        to_user: str,
        headers: list[tuple[str, str]],
        body: bytes,
        while_waiting: Callable[[], None] = lambda: None,
    ) -> tuple[ClientTransaction, Response]:
        """Send a request outside of a dialog, answer a challenge once, and return the final response."""
        call_id, tag = secrets.token_hex(12), secrets.token_hex(6)
        credentials: list[tuple[str, str]] = []
        while True:
            self._cseq += 1
            rows = [
                ("Max-Forwards", "70"),
                ("From", f"<sip:{self.username}@{self._realm}>;tag={tag}"),
                ("To", f"<sip:{to_user}@{self._realm}>"),
                ("Call-ID", call_id),
                ("CSeq", f"{self._cseq} {method}"),
                *headers,
                *credentials,
            ]
            tx = self._endpoint.send_request(Request(method, uri, rows, body), self._flow, time.monotonic())
            response = self._final(tx, while_waiting)
            if response.status not in {401, 407} or credentials:
                return tx, response
            credentials = [self._credentials(response, method, uri)]

    def _credentials(self, response: Response, method: str, uri: str) -> tuple[str, str]:
        asked, given = (
            ("WWW-Authenticate", "Authorization")
            if response.status == 401
            else ("Proxy-Authenticate", "Proxy-Authorization")
        )
        challenge = Challenge.parse(response.get(asked) or "")
        ha1 = make_ha1(base_algorithm(challenge.algorithm), self.username, challenge.realm, self._password)
        return given, str(answer(challenge, method, uri, self.username, ha1, secrets.token_hex(8)))

    def _final(self, tx: ClientTransaction, while_waiting: Callable[[], None]) -> Response:
        self._finals[id(tx)] = None
        self._transmit()

        def done() -> bool:
            while_waiting()
            return self._finals[id(tx)] is not None

        self.pump_until(done, f"an answer to {tx.method}")
        response = self._finals.pop(id(tx))
        if response is None:
            raise PhoneError(f"no answer to {tx.method}")
        return response

    def _take(self, event: Event) -> None:
        match event:
            case ResponseReceived(tx, response) if response.status < 200:
                self.provisionals.append(response.status)
            case ResponseReceived(tx, response) if id(tx) in self._finals:
                self._finals[id(tx)] = response
            case ResponseReceived(tx, response) if tx.method == "INVITE" and self.dialog is not None:
                self._endpoint.send_ack(self.dialog.request("ACK"), self._flow, time.monotonic())
            case RequestReceived(tx, request):
                self._serve(tx, request)
            case TransactionTimedOut(tx) | TransportFailed(tx) if id(tx) in self._finals:
                raise PhoneError("the platform does not answer")
            case AckReceived() | _:
                pass

    def _serve(self, tx: ServerTransaction, request: Request) -> None:
        now = time.monotonic()
        if request.method == "INVITE" and self.dialog is None and self.ringing is None:
            self._endpoint.respond(tx, self._endpoint.make_response(request, 180), now)
            self.ringing = tx
        elif request.method == "BYE" and self.dialog is not None:
            self._endpoint.respond(tx, self._endpoint.make_response(request, 200), now)
            self.dialog, self.is_ended = None, True
        else:
            status = {"INVITE": 486, "OPTIONS": 200, "BYE": 481}.get(request.method, 405)
            self._endpoint.respond(tx, self._endpoint.make_response(request, status), now)

    def _contact(self) -> str:
        return f"<sip:{self.username}@{self.address[0]}:{self.address[1]}>"

    def _transmit(self) -> None:
        for flow, data in self._endpoint.messages_to_send():
            self._socket.sendto(data, flow.remote)


def _sdp(address: str) -> bytes:
    lines = ("v=0", f"o=- 1 1 IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0", "m=audio 40000 RTP/AVP 0 8")
    return "".join(f"{line}\r\n" for line in lines).encode()
