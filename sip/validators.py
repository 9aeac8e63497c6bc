"""Rules for single values of the network's models."""

from __future__ import annotations

import ipaddress
import re

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from e164 import E164

username_validator = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._-]{1,63}\Z",
    "Two to 64 letters, digits, dots, hyphens or underscores; they need no escaping in a SIP URI.",
)
extension_validator = RegexValidator(r"\A[0-9]{2,8}\Z", "Two to eight digits.")
prefix_validator = RegexValidator(r"\A[0-9]{0,15}\Z", "Up to 15 digits without the plus; empty for every number.")
zone_validator = RegexValidator(r"\A[a-z][a-z0-9-]{0,31}\Z", "A zone's name: small letters, digits, hyphens.")


def validate_e164(value: str) -> None:
    """Refuse what is not an E.164 number with its plus."""
    try:
        E164(value)
    except ValueError:
        raise ValidationError(f"{value!r} is not an E.164 number: a plus, then 6 to 15 digits.") from None


_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
HOST_LENGTH_MAX = 253
"""RFC 1035 §2.3.4."""


def validate_host(value: str) -> None:
    """Refuse what is neither an IP address nor a host name of at least two labels (RFC 1123 §2.1)."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        labels = value.split(".")
        is_name = len(labels) >= 2 and all(map(_LABEL.fullmatch, labels)) and not labels[-1].isdigit()
        if not is_name or len(value) > HOST_LENGTH_MAX:
            raise ValidationError(f"{value!r} is neither an IP address nor a host name.") from None


def validate_domain(value: str) -> None:
    """Refuse what is no domain name of at least two labels."""
    validate_host(value)
    if is_address(value):
        raise ValidationError(f"{value!r} is an address, not a domain.")


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def validate_source(value: str) -> None:
    """Refuse what is neither an IP address nor ``address:port`` (IPv4)."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        address, _, port = value.rpartition(":")
        if _is_ipv4(address) and port.isascii() and port.isdigit() and 0 < int(port) < 65_536:
            return
        raise ValidationError(f"{value!r} is neither an IP address nor address:port.") from None


def _is_ipv4(text: str) -> bool:
    try:
        ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return True
