"""Every bound and waiting time of subscriptions, publications and their documents, each with its reason."""

from __future__ import annotations

from typing import Final

SUBSCRIPTIONS_MAX: Final = 50_000
"""Subscriptions a node holds; at 2.7 KiB each (measured) 135 MB. Over it: 503."""

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

PUBLICATIONS_MAX: Final = 50_000
"""Publications a node holds; at up to 16 KiB each, mostly 1 KiB. Over it: 503."""

RESOURCE_PUBLICATIONS_MAX: Final = 6
"""Publications of one line: a few devices. A device that restarts must get in, so the oldest goes, not the newest."""

PUBLICATION_S_DEFAULT: Final = 3_600
"""Life of a publication whose PUBLISH names none (RFC 3856 §6.4)."""

PUBLICATION_S_MAX: Final = 3_600
"""Longer wishes are lowered to this: a device that is gone must not seem there for days."""

PUBLICATION_S_MIN: Final = 60
"""Shorter wishes are answered 423."""

PUBLISH_BYTES_MAX: Final = 16_384
"""Body of a PUBLISH; a longer one is 413. Phones publish 1 to 3 KiB."""

MAILBOXES_MAX: Final = 200_000
"""Lines whose message counts are remembered, at some 300 bytes each; over it a new one is not taken."""

WATCHED_PER_NEWS_MAX: Final = 500
"""Lines named to a worker in one piece of news: some 10 KiB."""
