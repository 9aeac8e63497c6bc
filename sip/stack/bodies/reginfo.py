"""reginfo+xml (RFC 3680 §5): the contacts of a line and what became of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sip.stack.bodies.xml import escape

CONTENT_TYPE: Final = "application/reginfo+xml"
_NAMESPACE: Final = "urn:ietf:params:xml:ns:reginfo"


@dataclass(frozen=True, slots=True)
class ContactInfo:
    """One contact."""

    id: str
    """The same for the same binding in every document."""
    uri: str
    event: str
    """``registered``, ``created``, ``refreshed`` with an active one; ``expired``, ``unregistered``, ``deactivated``,
    ``rejected``, ``probation`` with one that is gone."""
    is_active: bool
    expires_s: int | None = None
    duration_s: int | None = None
    """How long it has been bound."""
    q: str = ""
    call_id: str = ""
    cseq: int = 0
    params: tuple[tuple[str, str], ...] = ()
    """Contact parameters RFC 3261 does not know, as ``+sip.instance``."""

    def __str__(self) -> str:
        """Return its element."""
        given = [("id", self.id), ("state", "active" if self.is_active else "terminated"), ("event", self.event)]
        if self.duration_s is not None:
            given.append(("duration-registered", str(self.duration_s)))
        if self.expires_s is not None:
            given.append(("expires", str(self.expires_s)))
        if self.q:
            given.append(("q", self.q))
        if self.call_id:
            given += [("callid", self.call_id), ("cseq", str(self.cseq))]
        attributes = "".join([f' {name}="{escape(value)}"' for name, value in given])
        unknown = "".join(
            [f'<unknown-param name="{escape(name)}">{escape(value)}</unknown-param>' for name, value in self.params]
        )
        return f"<contact{attributes}><uri>{escape(self.uri)}</uri>{unknown}</contact>"


def compose(aor: str, id_: str, state: str, version: int, is_full: bool, contacts: list[str]) -> bytes:
    """Return the document of one line; ``state`` of its registration is ``init``, ``active`` or ``terminated``."""
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<reginfo xmlns="{_NAMESPACE}" version="{version}" '
        f'state="{"full" if is_full else "partial"}">'
        f'<registration aor="{escape(aor)}" id="{escape(id_)}" state="{state}">'
    )
    return f"{head}{''.join(contacts)}</registration></reginfo>\n".encode("utf-8", "replace")
