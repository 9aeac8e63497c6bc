"""Digest: who a request comes from (RFC 3261 §22). Our own credentials are made in ``outbound.login``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sip.controller import strangers
from sip.controller.directory import LineEntry
from sip.controller.limits import NONCE_S
from sip.controller.ports import SwitchConfig
from sip.stack import digest
from sip.stack.digest import Challenge, Credentials
from sip.stack.message.message import Request
from sip.stack.nonces import NonceFactory, NonceVerdict
from sip.stack.transaction.base import ServerTransaction

if TYPE_CHECKING:
    from sip.controller.core import Core

_ASKS: Final = {401: "WWW-Authenticate", 407: "Proxy-Authenticate"}
_GIVES: Final = {401: "Authorization", 407: "Proxy-Authorization"}


class Authenticator:
    """Challenges and checks. Nonces run on the wall clock and the shared secret, so that they outlive the process."""

    def __init__(self, config: SwitchConfig) -> None:
        self._realm = config.realm
        self._algorithms = config.digest_algorithms
        self._qop = config.digest_qop
        self._nonces = NonceFactory(config.secret, NONCE_S, maker=config.worker)

    def has_credentials(self, request: Request) -> bool:
        """Tell whether the request carries an answer to a challenge of ours, right or wrong."""
        return self._credentials(request, 407) is not None

    def check(self, core: Core, tx: ServerTransaction, request: Request, status: int) -> LineEntry | None:
        """Return the line that proved its password; else answer the request (``status``, or 403) and return ``None``.

        An unknown username and a wrong password are answered alike. Whether the line is active is the caller's to ask.
        """
        credentials = self._credentials(request, status)
        if credentials is None:
            self._challenge(core, tx, request, status, False)
            return None
        line = core.directory.line_by_username(credentials.username)
        secret = line.ha1(digest.base_algorithm(credentials.algorithm)) if line is not None else ""
        if digest.verify(credentials, request.method, secret, request.body):
            verdict = self._nonces.check(credentials.nonce, credentials.count, core.wall, self._realm)
            if verdict is NonceVerdict.FRESH:
                strangers.prove(core, tx)
                return line
        else:
            verdict = self._nonces.is_ours(credentials.nonce, core.wall, self._realm)
            if verdict is NonceVerdict.FRESH:
                strangers.note_failure(core, tx.source, credentials.username)
                core.reply(tx, request, 403)
                return None
        self._challenge(core, tx, request, status, verdict is NonceVerdict.STALE)
        return None

    def _credentials(self, request: Request, status: int) -> Credentials | None:
        for text in request.get_all(_GIVES[status]):
            try:
                credentials = Credentials.parse(text)
            except ValueError:
                continue
            if credentials.realm == self._realm:
                return credentials
        return None

    def _challenge(self, core: Core, tx: ServerTransaction, request: Request, status: int, stale: bool) -> None:
        nonce = self._nonces.make(core.wall, self._realm)
        rows = [
            (_ASKS[status], str(Challenge(self._realm, nonce, algorithm, self._qop, stale=stale)))
            for algorithm in self._algorithms
        ]
        strangers.note_challenge(core, tx, request)
        core.reply(tx, request, status, headers=rows)
