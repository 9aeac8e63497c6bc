"""Every bound of requests on their way out, each with its reason."""

from __future__ import annotations

from typing import Final

HOPS_TRIED_MAX: Final = 6
"""Hops tried for one request: each silent one costs seconds of somebody's patience."""

HOPS_KEPT_MAX: Final = 10_000
"""Failed hops remembered: over it those whose time is over are forgotten, then the oldest."""

PENALTY_S: Final = 30.0
"""A hop that was silent or refused the connection is tried last for so long: not every call pays for finding out."""

RETRY_AFTER_S_MAX: Final = 300.0
"""The longest Retry-After that is honoured: a carrier that says "next week" is asked again in five minutes."""
