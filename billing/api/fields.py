"""Money in JSON: decimal text such as "0.0125", never a float."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from billing.money import format_nanos, parse_nanos

TEXT_CHARS_MAX = 32
"""Longer than any amount there is."""


@extend_schema_field({"type": "string", "format": "decimal", "example": "0.0125"})
class MoneyField(serializers.Field[int, Any, str, int]):
    """Nano-units inside, a decimal of up to nine places as text outside."""

    default_error_messages = {"invalid": 'A decimal as text, of at most nine places, such as "0.0125".'}

    def to_representation(self, value: int) -> str:
        """Return the text."""
        return format_nanos(value)

    def to_internal_value(self, data: Any) -> int:
        """Return nano-units. A whole number may come as one; a JSON float has lost its digits already."""
        if isinstance(data, bool) or not isinstance(data, str | int) or len(str(data)) > TEXT_CHARS_MAX:
            self.fail("invalid")
        try:
            return parse_nanos(str(data))
        except ValueError:
            self.fail("invalid")


def money(name: str, **options: Any) -> MoneyField:
    """Return a read-only field over ``<name>_nanos``."""
    return MoneyField(source=f"{name}_nanos", read_only=True, **options)
