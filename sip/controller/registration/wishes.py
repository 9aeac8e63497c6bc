"""What a REGISTER asks for, contact by contact (RFC 3261 §10.2.1, §20.10), read and judged before anything changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sip.controller.limits import (
    BINDING_S_DEFAULT,
    BINDING_S_MAX,
    BINDING_S_MIN,
    CONTACT_CHARS_MAX,
    REGISTER_CONTACTS_MAX,
)
from sip.controller.registration.denied import Denied
from sip.controller.registration.limits import BRIEF_S_MAX, REG_ID_MAX
from sip.stack.message.message import Request
from sip.stack.message.name_addr import NameAddr
from sip.stack.message.uri import Uri

_MALFORMED_S: Final = 3_600
"""What an ``expires`` that is no number stands for (RFC 3261 §20.10)."""
_UUID: Final = "<urn:uuid:"


@dataclass(frozen=True, slots=True)
class Wish:
    """One contact and what is wanted of it; ``expires_s`` 0 takes it back."""

    uri: Uri
    text: str
    """The URI as it will be called."""
    expires_s: int
    q: str
    instance: str
    """``+sip.instance`` with its angle brackets, "" for none."""
    reg_id: int
    """0 for none, or when it counts for nothing."""


def read_wishes(request: Request) -> list[Wish]:
    """Return the contacts of a REGISTER that is no wildcard.

    Raises:
        Denied: too many, or one of them may not be bound as it is asked (400, 403, 423).
    """
    contacts = request.contacts
    if len(contacts) > REGISTER_CONTACTS_MAX:
        raise Denied(400, "Too Many Contacts")
    default_s = request.expires
    return [_read(contact, default_s) for contact in contacts]


def _read(contact: NameAddr, default_s: int | None) -> Wish:
    uri = contact.uri
    if uri.scheme not in ("sip", "sips"):
        # A number or a mailbox would be a forwarding: whether it may be made, and who pays, is not for a phone to say.
        raise Denied(403, "Contact Scheme Not Served")
    text = str(uri)
    if len(text) > CONTACT_CHARS_MAX:
        raise Denied(400, "Bad Contact")
    expires = q = instance = reg_id = ""
    for name, value in contact.params:
        if value is None:
            continue
        if name == "expires":
            expires = value
        elif name == "q":
            q = value
        elif name == "+sip.instance":
            instance = value
        elif name == "reg-id":
            reg_id = value
    instance = _read_instance(instance) if instance else ""
    return Wish(
        uri,
        text,
        _granted_s(expires, default_s),
        _read_q(q) if q else "",
        instance,
        _read_reg_id(reg_id) if reg_id and instance else 0,
    )


def _granted_s(wish: str, default_s: int | None) -> int:
    """Return the seconds a contact is granted (§10.3 step 7)."""
    if not wish:
        expires_s = BINDING_S_DEFAULT if default_s is None else default_s
    elif wish.isascii() and wish.isdigit() and len(wish) <= 10:
        expires_s = int(wish)
    else:
        expires_s = _MALFORMED_S
    if 0 < expires_s < BINDING_S_MIN and expires_s < BRIEF_S_MAX:
        raise Denied(423, "", (("Min-Expires", str(BINDING_S_MIN)),))
    return min(expires_s, BINDING_S_MAX)


def _read_q(text: str) -> str:
    """Return a ``qvalue`` as given (§25.1: 0 to 1, three decimals at most)."""
    whole, _, decimals = text.partition(".")
    if whole not in ("0", "1") or len(decimals) > 3 or (decimals and not (decimals.isascii() and decimals.isdigit())):
        raise Denied(400, "Bad q-Value")
    if whole == "1" and decimals.strip("0"):
        raise Denied(400, "Bad q-Value")
    return text


def _read_instance(text: str) -> str:
    """Return an instance id so that equal ones are equal text; UUIDs are written in either case (RFC 4122 §3)."""
    instance = text.replace('"', "")
    if len(instance) > CONTACT_CHARS_MAX or "\\" in instance or not instance.isprintable():
        raise Denied(400, "Bad Instance")
    lowered = instance.lower()
    return lowered if lowered.startswith(_UUID) else instance


def _read_reg_id(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        return 0
    number = int(text)
    return number if number <= REG_ID_MAX else 0
