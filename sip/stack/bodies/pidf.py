"""PIDF, the presence document (RFC 3863), as published by devices and as composed for watchers."""

from __future__ import annotations

import re
from typing import Final

from sip.stack.bodies.xml import Element, dump, escape, parse

CONTENT_TYPE: Final = "application/pidf+xml"
PIDF: Final = "urn:ietf:params:xml:ns:pidf"

_PREFIXES: Final = {
    PIDF: "",
    "urn:ietf:params:xml:ns:pidf:data-model": "dm",
    "urn:ietf:params:xml:ns:pidf:rpid": "rpid",
    "urn:ietf:params:xml:ns:pidf:caps": "caps",
    "urn:ietf:params:xml:ns:pidf:cipid": "c",
}
"""As the documents of these namespaces write them: there are phones that look for the prefix."""

_NAME: Final = re.compile(r"[A-Za-z_][\w.\-]{0,127}", re.ASCII)
_WITH_ID: Final = frozenset({"tuple", "person", "device"})
"""Elements whose id must be unique in a document (RFC 3863 §4.1.2, 4479 §3.5)."""


def read(body: bytes, number: int) -> str:
    """Return what a publication says, as elements ready to stand in ``compose``; ids get ``number`` before them.

    Raises:
        ValueError: it is no PIDF document.
    """
    root = parse(body)
    if root.name != (PIDF, "presence"):
        raise ValueError(f"PIDF: root is {root.name[1]!r}")
    if not root.attribute("entity"):
        raise ValueError("PIDF: presence without entity")
    ids: set[str] = set()
    for child in root.children:
        if child.name == (PIDF, "tuple"):
            _check_tuple(child)
        if child.name[1] in _WITH_ID:
            _make_unique(child, ids, number)
    return "".join([dump(child, _PREFIXES) for child in root.children])


def _check_tuple(element: Element) -> None:
    """Hold a tuple to RFC 3863 §4.1.2 to §4.1.6.

    Raises:
        ValueError: it has no status, two of what stands once, or a basic status that is neither open nor closed.
    """
    if len(element.find_all((PIDF, "status"))) != 1:
        raise ValueError("PIDF: a tuple has one status")
    for name in ("contact", "timestamp"):
        if len(element.find_all((PIDF, name))) > 1:
            raise ValueError(f"PIDF: a tuple has one {name}")
    basics = element.find_all((PIDF, "status"))[0].find_all((PIDF, "basic"))
    if len(basics) > 1 or any(basic.text.strip() not in ("open", "closed") for basic in basics):
        raise ValueError("PIDF: basic is open or closed")


def _make_unique(element: Element, ids: set[str], number: int) -> None:
    name = element.attribute("id")
    if not _NAME.fullmatch(name) or name in ids:
        raise ValueError(f"PIDF: bad or repeated id {name!r}")
    ids.add(name)
    element.attributes["", "id"] = f"p{number}-{name}"


def registration_tuple(contact: str, is_open: bool) -> str:
    """Return the tuple that says whether a line is registered."""
    basic = "open" if is_open else "closed"
    return (
        f'<tuple xmlns="{PIDF}" id="registration"><status><basic>{basic}</basic></status>'
        f"<contact>{escape(contact)}</contact></tuple>"
    )


def compose(entity: str, parts: list[str]) -> bytes:
    """Return the document about ``entity`` made of what ``read`` and ``registration_tuple`` gave."""
    head = f'<?xml version="1.0" encoding="UTF-8"?>\n<presence xmlns="{PIDF}" entity="{escape(entity)}">'
    return f"{head}{''.join(parts)}</presence>\n".encode("utf-8", "replace")
