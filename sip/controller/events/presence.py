"""Package ``presence`` (RFC 3856): how a colleague is, from what devices publish and whether they are registered."""

from __future__ import annotations

from typing import Final

from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.events import notifying
from sip.controller.events.limits import SUBSCRIPTION_S_MAX
from sip.controller.events.package import Terms
from sip.controller.events.people import colleague
from sip.controller.events.subscription import Subscription
from sip.controller.location import Binding, Reason
from sip.stack.bodies import pidf

NAME: Final = "presence"
_INTERVAL_S: Final = 5.0
"""RFC 3856 §6.10."""


class PresencePackage:
    """Composition (RFC 3903 §6, RFC 3856 §6.11): every publication's tuples and persons stand side by side.

    The registration speaks only where nobody publishes: a user whose device says "closed" must not be shown open
    because the device is registered.
    """

    def __init__(self) -> None:
        self.terms = Terms(NAME, pidf.CONTENT_TYPE, _INTERVAL_S, SUBSCRIPTION_S_MAX)
        self.publish_type = pidf.CONTENT_TYPE

    def locate(self, core: Core, watcher: LineEntry, user: str) -> str:
        """Return the username of a colleague."""
        return colleague(core, watcher, user).username

    def body(self, core: Core, subscription: Subscription) -> bytes:
        """Return the whole document: there is no partial PIDF here (RFC 5262 is not offered)."""
        username = subscription.resource
        entity = f"sip:{username}@{core.config.realm}"
        parts = core.publications.documents(NAME, username)
        if not parts:
            parts = [pidf.registration_tuple(entity, bool(core.locations.bindings(username, core.wall)))]
        return pidf.compose(entity, parts)

    def watched(self, core: Core, resource: str) -> None:
        """Do nothing: the state is there whoever looks."""

    def unwatched(self, core: Core, resource: str) -> None:
        """Do nothing."""

    def read(self, body: bytes, number: int) -> str:
        """Return the elements of a PIDF document.

        Raises:
            ValueError: it is none.
        """
        return pidf.read(body, number)

    def published(self, core: Core, resource: str) -> None:
        """Tell the watchers."""
        notifying.resource_changed(core, NAME, resource)

    def moved(
        self, core: Core, username: str, before: tuple[Binding, ...], after: tuple[Binding, ...], reason: Reason
    ) -> None:
        """Learn that a line's contacts changed; only the first that comes and the last that goes are news."""
        if bool(before) != bool(after) and core.events.is_watched(NAME, username):
            notifying.resource_changed(core, NAME, username)
