"""Every bound and waiting time of subscriptions, publications and their documents, each with its reason."""

from __future__ import annotations

from typing import Final

SUBSCRIPTIONS_MAX: Final = 50_000
"""Subscriptions a node holds; at about 2 KiB each 100 MB. Over it: 503."""

LINE_SUBSCRIPTIONS_MAX: Final = 200
"""Subscriptions of one line: the largest attendant console has some 160 keys. Over it: 403 for that line."""

RESOURCE_SUBSCRIPTIONS_MAX: Final = 500
"""Subscriptions to one state: each change costs as many NOTIFYs, so one busy line must not cost thousands."""

SUBSCRIPTION_S_MIN: Final = 60
"""Shorter wishes are answered 423 (RFC 6665 §4.2.1.1): a refresh costs as much as five notifications."""

SUBSCRIPTION_S_MAX: Final = 3_600
"""Longer wishes are lowered to this: what a phone that is gone costs ends within the hour."""

REFER_S_MAX: Final = 180
"""Life of the subscription that a REFER makes: a ring and a half, after which the transfer has an end or never will."""

RETRY_AFTER_S_MAX: Final = 600
"""A subscriber that asks for more quiet than this gets this: its subscription would be over before."""

FULL_RETRY_AFTER_S: Final = 60
"""Told to whom a subscription is refused because the node is full."""

NOTIFY_BODY_BYTES_MAX: Final = 60_000
"""A NOTIFY must fit into a datagram (65,535 bytes) with its headers; a longer document is left out of it."""
