"""Figures on pages: each with its definition, and a dash where there is no data."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics.figures import figure_text
from analytics.kpis import KPIS
from billing.money import format_money

register = template.Library()


@register.simple_tag
def kpi(key: str) -> SafeString:
    """Show a figure's label; pointing at it, or tapping it, shows what it means."""
    known = KPIS[key]
    return format_html(
        '<span class="an-def" tabindex="0" data-definition="{}">{}</span>', known.definition, known.label
    )


@register.filter
def figure(value: float | None, key: str) -> str:
    """Show a figure in its unit."""
    return figure_text(key, value)


@register.filter
def amount(nanos: int | None, currency: str) -> str:
    """Show money."""
    return "–" if nanos is None else format_money(nanos, currency)
