"""What is asked of the DNS and what it answers, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

Question = tuple[str, str]
"""Kind (``NAPTR``, ``SRV``, ``A``, ``AAAA``) and name, in lower case, without the final dot."""


@dataclass(frozen=True, slots=True)
class Naptr:
    """One NAPTR record (RFC 3403 §4.1)."""

    order: int
    preference: int
    flags: str
    service: str
    regexp: str
    replacement: str
    """A name without its final dot; "" for none."""


@dataclass(frozen=True, slots=True)
class Srv:
    """One SRV record (RFC 2782)."""

    priority: int
    weight: int
    port: int
    target: str
    """A name without its final dot; "" when the service is decidedly not there."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a question; the field of its kind is filled, all are empty when there is nothing."""

    naptrs: tuple[Naptr, ...] = ()
    srvs: tuple[Srv, ...] = ()
    addresses: tuple[str, ...] = ()
    failed: bool = False
    """No server answered: it is not known whether there is something."""


NOTHING: Final = Answer()
FAILED: Final = Answer(failed=True)


@dataclass(frozen=True, slots=True)
class Hop:
    """One server to try: where a request goes, and over what (RFC 3263 §4)."""

    transport: str
    """``UDP``, ``TCP`` …, as it stands in Via."""
    remote: tuple[str, int]
    """IP address and port."""
    domain: str = ""
    """The name that was looked up: what the server's certificate must carry; "" for an address."""


def fold_name(name: str) -> str:
    """Return a name as questions carry it."""
    return name.rstrip(".").lower()
