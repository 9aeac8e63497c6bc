"""Our own credentials where a carrier asks for them (RFC 3261 §22.2, RFC 7616 §3.6, RFC 8760 §2.4).

Only the realm that is configured on the trunk is answered: a challenge that a callee sends through the carrier, or that
another carrier sends, never gets a hash made with the trunk's secret.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sip.controller.directory import TrunkEntry
from sip.controller.outbound.limits import CHALLENGES_MAX, NONCE_USES_MAX
from sip.stack import digest
from sip.stack.digest import Challenge
from sip.stack.message.message import Headers, Request, Response

_ASKS: Final = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}
_GIVES: Final = {401: "Authorization", 407: "Proxy-Authorization"}

ANSWERS_MAX: Final = 2
"""Answers to one request: the first, and one more to the new nonce of a carrier that calls the old one stale."""


class TrunkLogin:
    """What a carrier asked of us within one dialog: its nonce serves further requests until it is stale."""

    __slots__ = ("challenge", "count", "invite_row", "status")

    def __init__(self) -> None:
        self.challenge: Challenge | None = None
        self.status = 0
        """401 or 407, as it was asked."""
        self.count = 0
        """How often the nonce has been used."""
        self.invite_row: tuple[str, str] | None = None
        """Credentials of the latest INVITE; the ACK of its 2xx carries the same (RFC 3261 §13.2.2.4)."""


def answer(
    login: TrunkLogin, trunk: TrunkEntry, request: Request, response: Response, answers: int, cnonce: Callable[[], str]
) -> tuple[str, str] | None:
    """Return the credentials row that a 401 or 407 asks for, ``None`` when the trunk has none to give.

    ``answers`` says how often a challenge to this request was answered before. A second time only a stale nonce is
    reason enough (RFC 7616 §3.3): any other repeated challenge says that our secret is wrong.
    """
    challenge = _choose(trunk, response) if answers < ANSWERS_MAX else None
    if challenge is None or (answers and not challenge.stale):
        return None
    login.challenge, login.status, login.count = challenge, response.status, 0
    return _make(login, trunk, request, cnonce)


def preempt(
    login: TrunkLogin, trunk: TrunkEntry, request: Request, cnonce: Callable[[], str]
) -> tuple[str, str] | None:
    """Return credentials for the next request of a dialog, made with the nonce that is known (RFC 3261 §22.2)."""
    challenge = login.challenge
    # Without qop there is no count: a nonce used twice would look like a replay.
    if challenge is None or not challenge.qop or login.count >= NONCE_USES_MAX or challenge.realm != trunk.realm:
        return None
    return _make(login, trunk, request, cnonce)


def ack_rows(login: TrunkLogin | None) -> Headers:
    """Return the rows that the ACK of our latest INVITE's 2xx carries."""
    return [] if login is None or login.invite_row is None else [login.invite_row]


def has_credentials(rows: Headers) -> bool:
    """Tell whether credentials are among these rows."""
    return any(name in ("Authorization", "Proxy-Authorization") for name, _ in rows)


def _choose(trunk: TrunkEntry, response: Response) -> Challenge | None:
    """Return the first challenge of the trunk's realm that we have a secret for: the order is the server's choice."""
    if not trunk.username or not trunk.realm:
        return None
    for text in response.get_all(_ASKS[response.status])[:CHALLENGES_MAX]:
        try:
            challenge = Challenge.parse(text)
        except ValueError:
            continue
        if challenge.realm == trunk.realm and trunk.ha1(digest.base_algorithm(challenge.algorithm)):
            return challenge
    return None


def _make(login: TrunkLogin, trunk: TrunkEntry, request: Request, cnonce: Callable[[], str]) -> tuple[str, str] | None:
    challenge = login.challenge
    if challenge is None:
        return None
    ha1 = trunk.ha1(digest.base_algorithm(challenge.algorithm))
    try:
        made = digest.answer(
            challenge, request.method, request.uri, trunk.username, ha1, cnonce(), login.count + 1, request.body
        )
    except ValueError:
        return None
    login.count += 1
    row = (_GIVES[login.status], str(made))
    if request.method == "INVITE":
        login.invite_row = row
    return row
