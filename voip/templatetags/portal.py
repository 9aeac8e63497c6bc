"""Filters and tags of the portal's templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import template
from django.urls import reverse

from billing.money import format_money, format_nanos
from e164 import E164, format_international
from sip.models import Call, CallAttempt
from tenants.choices import Role
from tenants.roles import can
from voip.portal import words
from voip.portal.access import NAVIGATION

register = template.Library()


@register.filter
def money(nanos: int | None, currency: str) -> str:
    """Show an amount rounded to the currency's own decimals."""
    return "–" if nanos is None else format_money(nanos, currency)


@register.filter
def fine_money(nanos: int | None, currency: str) -> str:
    """Show an amount with four decimals: call prices are fractions of a cent."""
    return "–" if nanos is None else format_money(nanos, currency, 4)


@register.filter
def nanos(amount: int) -> str:
    """Show all decimals that count."""
    return format_nanos(amount)


@register.filter
def duration(seconds: float | None) -> str:
    """Show seconds as ``m:ss``, from an hour on as ``h:mm:ss``."""
    if seconds is None:
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


@register.filter
def phone(number: str) -> str:
    """Show an E.164 number grouped as people read it; anything else as it is."""
    try:
        return format_international(E164(number))
    except ValueError:
        return number


@register.filter
def outcome(item: Call | CallAttempt) -> str:
    """Say what became of a call or an attempt."""
    return words.outcome(item) if isinstance(item, Call) else words.attempt_outcome(item)


@register.filter
def lookup(mapping: Mapping[Any, Any], key: Any) -> Any:
    """Return the value of a key that is itself a variable."""
    return mapping.get(key)


@register.simple_tag(takes_context=True)
def navigation(context: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the menu of the logged-in user, with the page one is on marked."""
    request = context["request"]
    role = Role(request.user.role)
    items = []
    for item in NAVIGATION:
        if not can(role, item.app, "view"):
            continue
        url = reverse(item.url_name)
        current = request.path == url or (url != "/" and request.path.startswith(url))
        items.append({"title": item.title, "url": url, "icon": item.icon, "current": current})
    return items
