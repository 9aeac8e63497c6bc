"""What devices have published (RFC 3903), by package and resource. Soft state: a restart forgets it, and the next
refresh is answered 412, whereupon the device publishes anew (§4.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sip.controller.events.limits import PUBLICATIONS_MAX, RESOURCE_PUBLICATIONS_MAX
from sip.controller.timers import Timer

if TYPE_CHECKING:
    from sip.controller.core import Core


class PublishedPackage(Protocol):
    """An event package whose state devices publish."""

    @property
    def publish_type(self) -> str:
        """Media type a PUBLISH must have."""
        ...

    def read(self, body: bytes, number: int) -> str:
        """Return what is kept of a body; ``number`` tells the publications of a resource apart.

        Raises:
            ValueError: it is no document of this type.
        """
        ...

    def published(self, core: Core, resource: str) -> None:
        """Learn that what is published of a resource is other than before."""
        ...


class TrunkPackage(PublishedPackage, Protocol):
    """A published package that trusted trunks may set as well, with PUBLISH or with a NOTIFY nobody asked for."""

    def told_by_trunk(self, core: Core, resource: str, body: bytes) -> None:
        """Take what a trunk says of a resource.

        Raises:
            ValueError: it is no document of this type.
        """
        ...


@dataclass(slots=True, eq=False)
class Publication:
    """One publication, known to its device by the latest entity-tag."""

    package: PublishedPackage
    resource: str
    number: int
    etag: str
    document: str
    timer: Timer | None = None


class PublicationTable:
    """All publications of a node."""

    def __init__(self) -> None:
        self._by_resource: dict[tuple[str, str], list[Publication]] = {}
        self._count = 0
        self._number = 0

    def __len__(self) -> int:
        return self._count

    def next_number(self) -> int:
        """Return a number no publication has."""
        self._number += 1
        return self._number

    def find(self, package: str, resource: str, etag: str) -> Publication | None:
        """Return the publication with this entity-tag, if it is the latest of it."""
        for publication in self._by_resource.get((package, resource), ()):
            if publication.etag == etag:
                return publication
        return None

    def documents(self, package: str, resource: str) -> list[str]:
        """Return what is published of a resource, oldest publication first."""
        return [publication.document for publication in self._by_resource.get((package, resource), ())]

    def has_room(self) -> bool:
        """Tell whether the node can hold one more."""
        return self._count < PUBLICATIONS_MAX

    def add(self, package: str, publication: Publication) -> None:
        """Keep a publication; the oldest of the resource goes when there are too many."""
        there = self._by_resource.setdefault((package, publication.resource), [])
        there.append(publication)
        self._count += 1
        if len(there) > RESOURCE_PUBLICATIONS_MAX:
            self.remove(package, there[0])

    def remove(self, package: str, publication: Publication) -> None:
        """Forget a publication."""
        if publication.timer is not None:
            publication.timer.cancel()
            publication.timer = None
        there = self._by_resource[package, publication.resource]
        there.remove(publication)
        self._count -= 1
        if not there:
            del self._by_resource[package, publication.resource]
