"""Package ``message-summary`` (RFC 3842): the lamp of a phone that says messages wait."""

from __future__ import annotations

from typing import Final

from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.events import notifying
from sip.controller.events.limits import SUBSCRIPTION_S_MAX
from sip.controller.events.package import Terms
from sip.controller.events.people import colleague
from sip.controller.events.subscription import Subscription
from sip.stack.bodies import message_summary
from sip.stack.bodies.message_summary import Summary

NAME: Final = "message-summary"
_INTERVAL_S: Final = 1.0
"""RFC 3842 §3.10."""


class MessageSummaryPackage:
    """A line's mailbox: what ``core.mailboxes`` knows and what is published, added up."""

    def __init__(self) -> None:
        self.terms = Terms(NAME, message_summary.CONTENT_TYPE, _INTERVAL_S, SUBSCRIPTION_S_MAX)
        self.publish_type = message_summary.CONTENT_TYPE

    def locate(self, core: Core, watcher: LineEntry, user: str) -> str:
        """Return the username of a colleague: a group's mailbox has a lamp on many desks."""
        return colleague(core, watcher, user).username

    def body(self, core: Core, subscription: Subscription) -> bytes:
        """Return the summary; a mailbox nobody knows of is empty."""
        username = subscription.resource
        total = core.mailboxes.get(username) or Summary(False)
        for document in core.publications.documents(NAME, username):
            total = total.plus(Summary.parse(document.encode()))
        return total.compose(f"sip:{username}@{core.config.realm}")

    def watched(self, core: Core, resource: str) -> None:
        """Do nothing: the state is there whoever looks."""

    def unwatched(self, core: Core, resource: str) -> None:
        """Do nothing."""

    def read(self, body: bytes, number: int) -> str:
        """Return the summary without what is about single messages.

        Raises:
            ValueError: it is no summary.
        """
        return Summary.parse(body).compose("").decode()

    def published(self, core: Core, resource: str) -> None:
        """Tell the watchers."""
        notifying.resource_changed(core, NAME, resource)

    def told_by_trunk(self, core: Core, resource: str, body: bytes) -> None:
        """Take the counts a carrier keeps.

        Raises:
            ValueError: it is no summary.
        """
        core.mailboxes.set(resource, Summary.parse(body))
