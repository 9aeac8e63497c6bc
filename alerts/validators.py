"""Rules for single values of the app's models."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError

KINDS_MAX = 50
"""More than there are: somebody who wants all leaves the list empty."""
_WANTED = re.compile(r"[a-z_]{1,30}\.([a-z_]{1,30}|\*)", re.ASCII)


def validate_kinds(value: object) -> None:
    """Refuse anything but a list of kinds (``fraud.case_opened``) and families of them (``fraud.*``)."""
    if not isinstance(value, list) or len(value) > KINDS_MAX:
        raise ValidationError(f"A list of at most {KINDS_MAX} kinds.")
    for item in value:
        if not isinstance(item, str) or not _WANTED.fullmatch(item):
            raise ValidationError(f"{item!r} is no kind: write fraud.case_opened, or fraud.* for a whole family.")
