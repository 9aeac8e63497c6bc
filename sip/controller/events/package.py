"""What an event package is: the one thing to write for a new kind of state (RFC 6665 §5.4).

A package says who may watch what (``locate``) and what a document says (``body``); ``EventCenter.add`` makes it known,
``notifying.resource_changed`` tells that one is in another state. Dialogs, expiry, throttling, loss are not its affair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sip.controller.directory import LineEntry
from sip.controller.events.limits import SUBSCRIPTION_S_MAX

if TYPE_CHECKING:
    from sip.controller.core import Core
    from sip.controller.events.subscription import Subscription


@dataclass(frozen=True, slots=True)
class Terms:
    """The constant part of a package."""

    name: str
    """As in Event and Allow-Events."""
    content_type: str
    """Of the documents; a SUBSCRIBE whose Accept leaves it out is answered 406."""
    interval_s: float
    """Least time between two notifications of one subscription (RFC 6665 §5.4.10); a refresh is answered at once."""
    expires_s_default: int = SUBSCRIPTION_S_MAX
    """Life of a subscription whose SUBSCRIBE names none (RFC 6665 §5.4.4)."""
    expires_s_max: int = SUBSCRIPTION_S_MAX


class EventPackage(Protocol):
    """One kind of state that lines may watch."""

    @property
    def terms(self) -> Terms:
        """Name, media type, times."""
        ...

    def locate(self, core: Core, watcher: LineEntry, user: str) -> str:
        """Return the key of the resource that ``user`` (of the Request-URI) names for ``watcher``.

        Asked again before each notification, so that a right that was taken away ends the subscription.

        Raises:
            RemoteProtocolError: 404 when there is none in the watcher's tenant, 403 when it may not watch it.
        """
        ...

    def body(self, core: Core, subscription: Subscription) -> bytes:
        """Return the document for a subscriber, full where ``subscription.needs_full``; b"" for none.

        What goes into it may be noted in ``subscription.version`` and ``subscription.told``.
        """
        ...

    def watched(self, core: Core, resource: str) -> None:
        """Learn that a resource has its first subscriber."""
        ...

    def unwatched(self, core: Core, resource: str) -> None:
        """Learn that a resource has lost its last subscriber."""
        ...
