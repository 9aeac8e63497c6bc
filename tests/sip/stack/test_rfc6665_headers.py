"""RFC 6665 §8.2: Event and Subscription-State."""

from __future__ import annotations

import pytest

from sip.stack.message.event import Event
from sip.stack.message.subscription_state import SubscriptionState


@pytest.mark.parametrize("text", ["presence", "dialog;id=abc", "presence.winfo", "refer;id=93809824", "x;a=b;id=1"])
def test_event_goes_to_a_value_and_back(text: str) -> None:
    assert str(Event.parse(text)) == text


@pytest.mark.parametrize("text", ["", ";id=1", "a b", "presence;id=1;id=2", 'x;a="'])
def test_what_is_no_event_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Event.parse(text)


def test_events_match_by_name_and_id_only() -> None:
    assert Event.parse("a;id=1;x=2").key == Event.parse("a;id=1").key
    assert Event.parse("a;id=1").key != Event.parse("a").key


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("active;expires=600", SubscriptionState("active", 600)),
        ("terminated;reason=probation;retry-after=30", SubscriptionState("terminated", None, "probation", 30)),
        ("pending", SubscriptionState("pending")),
    ],
)
def test_subscription_state_goes_to_a_value_and_back(text: str, value: SubscriptionState) -> None:
    assert SubscriptionState.parse(text) == value
    assert str(value) == text


@pytest.mark.parametrize("text", ["", "active;expires=-1", "active;expires=x", ";expires=1"])
def test_what_is_no_subscription_state_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        SubscriptionState.parse(text)
