"""Rules for single values of the app's models."""

from __future__ import annotations

from django.core.exceptions import ValidationError

from fraud.limits import PREFIX_DIGITS_MAX, PREFIXES_MAX


def validate_prefixes(value: object) -> None:
    """Refuse anything but a list of one to fifteen digits each, without repetition."""
    if not isinstance(value, list) or len(value) > PREFIXES_MAX:
        raise ValidationError(f"A list of at most {PREFIXES_MAX} prefixes.")
    for item in value:
        digits = isinstance(item, str) and item.isascii() and item.isdigit()
        if not digits or len(item) > PREFIX_DIGITS_MAX:
            raise ValidationError(f"{item!r} is not a prefix: up to {PREFIX_DIGITS_MAX} digits, without +.")
    if len(set(value)) < len(value):
        raise ValidationError("A prefix is there twice.")
