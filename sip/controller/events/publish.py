"""PUBLISH (RFC 3903 §6): a device says how its user is, a mailbox how full it is."""

from __future__ import annotations

from sip.controller.addressing import show_peer
from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.events.limits import (
    FULL_RETRY_AFTER_S,
    PUBLICATION_S_DEFAULT,
    PUBLICATION_S_MAX,
    PUBLICATION_S_MIN,
    PUBLISH_BYTES_MAX,
)
from sip.controller.events.people import colleague, line_of_number
from sip.controller.events.publications import Publication, PublishedPackage
from sip.controller.events.subscribe import read_event, target_user
from sip.controller.outbound.watching import trunk_of
from sip.stack.errors import RemoteProtocolError
from sip.stack.flow import Flow
from sip.stack.message.grammar import is_token
from sip.stack.message.message import Request
from sip.stack.transaction.base import ServerTransaction


def receive_publish(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Take a publication, or change nothing at all.

    Raises:
        RemoteProtocolError: 400, 403, 404, 412; nothing has changed.
    """
    event = read_event(request)
    package = core.events.published.get(event.name) if event is not None else None
    if event is None or package is None:
        core.reply(tx, request, 489, headers=[core.events.allow_published])
        return
    line = _publisher(core, tx, request, flow, event.name)
    if line is None:
        return
    known = _matched(core, request, event.name, line.username)
    expires_s = _expires_s(core, tx, request)
    if expires_s is None or not _is_readable(core, tx, request, package, known):
        return
    if known is None and not core.publications.has_room():
        core.reply(tx, request, 503, headers=[("Retry-After", str(FULL_RETRY_AFTER_S))])
        return
    etag = core.config.token()
    _apply(core, request, event.name, package, line.username, known, etag, expires_s)
    core.reply(tx, request, 200, headers=[("SIP-ETag", etag), ("Expires", str(expires_s))])


def _publisher(core: Core, tx: ServerTransaction, request: Request, flow: Flow, package: str) -> LineEntry | None:
    """Return the line that is published about, by itself or (a mailbox) by a trusted trunk; answers others.

    Raises:
        RemoteProtocolError: 403 for a colleague's state, 404 for anybody else's.
    """
    user = target_user(request)
    trunk = trunk_of(core, flow)
    is_trusted = trunk is not None and trunk.is_active and package in core.events.from_trunks
    if trunk is not None and is_trusted and request.get("Authorization") is None:
        found = line_of_number(core, trunk, user, show_peer(flow))
        if found is None:
            raise RemoteProtocolError("Not Found", 404)
        return found
    line = core.auth.check(core, tx, request, 401)
    if line is None:
        return None
    if not line.is_active:
        core.reply(tx, request, 403)
        return None
    if colleague(core, line, user).id != line.id:
        core.reply(tx, request, 403)
        return None
    return line


def _matched(core: Core, request: Request, package: str, username: str) -> Publication | None:
    """Return the publication that SIP-If-Match names, ``None`` for a new one (§6 step 3)."""
    rows = request.get_all("SIP-If-Match")
    if not rows:
        return None
    if len(rows) > 1 or not is_token(rows[0].strip()):
        raise RemoteProtocolError("One Entity-Tag Expected")
    known = core.publications.find(package, username, rows[0].strip())
    if known is None:
        raise RemoteProtocolError("Conditional Request Failed", 412)
    return known


def _expires_s(core: Core, tx: ServerTransaction, request: Request) -> int | None:
    """Return the life a publication is granted; ``None`` when a wish too short was answered 423 (§6 step 4)."""
    wish_s = request.expires
    expires_s = PUBLICATION_S_DEFAULT if wish_s is None else min(wish_s, PUBLICATION_S_MAX)
    if 0 < expires_s < PUBLICATION_S_MIN:
        core.reply(tx, request, 423, headers=[("Min-Expires", str(PUBLICATION_S_MIN))])
        return None
    return expires_s


def _is_readable(
    core: Core, tx: ServerTransaction, request: Request, package: PublishedPackage, known: Publication | None
) -> bool:
    """Tell whether the body is of the package's type and length (§6 step 5); answers one that is not."""
    if not request.body:
        if known is None:
            raise RemoteProtocolError("Body Expected")
        return True
    if len(request.body) > PUBLISH_BYTES_MAX:
        core.reply(tx, request, 413)
        return False
    if (request.get("Content-Encoding") or "identity").strip().lower() != "identity":
        core.reply(tx, request, 415, headers=[("Accept-Encoding", "identity")])
        return False
    content_type = (request.get("Content-Type") or "").partition(";")[0].strip().lower()
    if content_type != package.publish_type:
        core.reply(tx, request, 415, headers=[("Accept", package.publish_type)])
        return False
    return True


def _apply(
    core: Core, request: Request, name: str, package: PublishedPackage, username: str,
    known: Publication | None, etag: str, expires_s: int,
) -> None:  # fmt: skip
    number = known.number if known is not None else core.publications.next_number()
    document = known.document if known is not None else ""
    if request.body:
        try:
            document = package.read(request.body, number)
        except ValueError as error:
            raise RemoteProtocolError(str(error)[:80]) from error
    if known is not None and expires_s == 0:
        core.publications.remove(name, known)
        package.published(core, username)
        return
    if expires_s == 0:
        return
    is_news = known is None or known.document != document
    if known is None:
        known = Publication(package, username, number, etag, document)
        core.publications.add(name, known)
    known.etag, known.document = etag, document
    _arm(core, name, known, expires_s)
    if is_news:
        package.published(core, username)


def _arm(core: Core, name: str, publication: Publication, expires_s: int) -> None:
    if publication.timer is not None:
        publication.timer.cancel()
    publication.timer = core.after(float(expires_s), lambda: _expired(core, name, publication))


def _expired(core: Core, name: str, publication: Publication) -> None:
    publication.timer = None
    core.publications.remove(name, publication)
    publication.package.published(core, publication.resource)


def receive_unsolicited(core: Core, tx: ServerTransaction, request: Request, flow: Flow) -> None:
    """Take a NOTIFY nobody subscribed to: a carrier that keeps our users' mailboxes sends its counts so.

    Only a trusted trunk's, of a package that takes state from trunks; every other is 481 (RFC 6665 §4.1.3).
    """
    event = read_event(request)
    trunk = trunk_of(core, flow)
    package = core.events.from_trunks.get(event.name) if event is not None else None
    if package is None or trunk is None or not trunk.is_active:
        core.reply(tx, request, 481)
        return
    line = line_of_number(core, trunk, target_user(request), show_peer(flow))
    if line is None:
        core.reply(tx, request, 404)
        return
    if not _is_readable(core, tx, request, package, None):
        return
    try:
        package.told_by_trunk(core, line.username, request.body)
    except ValueError as error:
        raise RemoteProtocolError(str(error)[:80]) from error
    core.reply(tx, request, 200)
