"""All subscriptions of a node, found by dialog, by resource and by line."""

from __future__ import annotations

from collections import Counter

from sip.controller.events.limits import LINE_SUBSCRIPTIONS_MAX, RESOURCE_SUBSCRIPTIONS_MAX, SUBSCRIPTIONS_MAX
from sip.controller.events.package import EventPackage
from sip.controller.events.publications import PublishedPackage, TrunkPackage
from sip.controller.events.subscription import Subscription
from sip.stack.message.event import Event

DialogKey = tuple[str, str, str]


class EventCenter:
    """Which packages there are, and who watches what."""

    def __init__(self) -> None:
        self.packages: dict[str, EventPackage] = {}
        self.published: dict[str, PublishedPackage] = {}
        """Packages that take PUBLISH."""
        self.from_trunks: dict[str, TrunkPackage] = {}
        """Of these, the ones that trusted trunks may set."""
        self._by_dialog: dict[DialogKey, list[Subscription]] = {}
        self._by_resource: dict[tuple[str, str], dict[Subscription, None]] = {}
        self._by_line: Counter[int] = Counter()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, package: EventPackage) -> None:
        """Make a package known; one of the same name is replaced."""
        self.packages[package.terms.name] = package

    @property
    def allow_events(self) -> tuple[str, str]:
        """The Allow-Events row (RFC 6665 §8.2.2)."""
        return ("Allow-Events", ", ".join(sorted(self.packages)))

    @property
    def allow_published(self) -> tuple[str, str]:
        """The Allow-Events row of an answer to PUBLISH."""
        return ("Allow-Events", ", ".join(sorted(self.published)))

    def find(self, key: DialogKey, event: Event) -> Subscription | None:
        """Return the subscription of this dialog and Event.

        A REFER's may be named without its id while it is the only one (RFC 3515 §2.4.6).
        """
        there = self._by_dialog.get(key, [])
        for subscription in there:
            if subscription.event.key == event.key:
                return subscription
        if event.name == "refer" and not event.id:
            same = [subscription for subscription in there if subscription.event.name == "refer"]
            return same[0] if len(same) == 1 else None
        return None

    def watchers(self, package: str, resource: str) -> list[Subscription]:
        """Return who watches a resource, oldest first."""
        return list(self._by_resource.get((package, resource), ()))

    def is_watched(self, package: str, resource: str) -> bool:
        """Tell whether anybody watches a resource."""
        return (package, resource) in self._by_resource

    def all(self) -> list[Subscription]:
        """Return every subscription that is not over."""
        return [subscription for there in self._by_dialog.values() for subscription in there]

    def has_room(self) -> bool:
        """Tell whether the node can hold one more subscription."""
        return self._count < SUBSCRIPTIONS_MAX

    def line_has_room(self, line_id: int) -> bool:
        """Tell whether a line may have one more subscription."""
        return self._by_line[line_id] < LINE_SUBSCRIPTIONS_MAX

    def resource_has_room(self, package: str, resource: str) -> bool:
        """Tell whether a resource may have one more subscriber."""
        return len(self._by_resource.get((package, resource), ())) < RESOURCE_SUBSCRIPTIONS_MAX

    def keep(self, subscription: Subscription) -> bool:
        """Take a new subscription; returns whether it is the first of its resource."""
        self._by_dialog.setdefault(subscription.dialog.key, []).append(subscription)
        place = (subscription.package.terms.name, subscription.resource)
        is_first = place not in self._by_resource
        self._by_resource.setdefault(place, {})[subscription] = None
        if subscription.line_id is not None:
            self._by_line[subscription.line_id] += 1
        self._count += 1
        return is_first

    def drop(self, subscription: Subscription) -> bool:
        """Forget a subscription; returns whether it was the last of its resource. Once is enough, twice is harmless."""
        there = self._by_dialog.get(subscription.dialog.key, [])
        if subscription not in there:
            return False
        there.remove(subscription)
        if not there:
            del self._by_dialog[subscription.dialog.key]
        if subscription.line_id is not None:
            self._by_line[subscription.line_id] -= 1
            if self._by_line[subscription.line_id] <= 0:
                del self._by_line[subscription.line_id]
        self._count -= 1
        place = (subscription.package.terms.name, subscription.resource)
        watchers = self._by_resource[place]
        del watchers[subscription]
        if watchers:
            return False
        del self._by_resource[place]
        return True
