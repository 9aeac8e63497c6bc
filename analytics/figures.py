"""Figures as text for people."""

from __future__ import annotations

from analytics.kpis import KPIS

NO_DATA = "–"
SEIZURES_FEW = 20
"""Under so many seizures a ratio says little: one call more moves an answer rate by five points. Shown pale."""
CHANGE_PERCENT_MAX = 999
"""Beyond ten times as much, a percentage says only that there was next to nothing before."""


def figure_text(key: str, value: float | None) -> str:
    """Return a figure with its unit; a dash where there is no data."""
    if value is None:
        return NO_DATA
    unit = KPIS[key].unit
    if unit == "%":
        return f"{value:.1f} %"
    if unit == "s":
        return f"{value:.2f} s" if value < 10 else duration_text(value)
    if unit == "min":
        return f"{value:,.0f} min" if value >= 10 else f"{value:.1f} min"
    return f"{value:,.0f}"


def duration_text(seconds: float) -> str:
    """Return seconds as ``m:ss``, from an hour on as ``h:mm:ss``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d} min"


def change_text(now: float | None, before: float | None, unit: str) -> str:
    """Return how a figure moved against the window before, "" where either has no data.

    Shares (``%``) move in points, everything else in per cent of what it was.
    """
    if now is None or before is None:
        return ""
    if unit == "%":
        return f"{now - before:+.1f} points"
    if not before:
        return ""
    percent = 100 * (now - before) / before
    return f"{percent:+.0f} %" if percent <= CHANGE_PERCENT_MAX else f"over +{CHANGE_PERCENT_MAX} %"
