"""What higher apps add to a call: a price, a case. The network shows it and knows nothing of it.

A higher app registers a ``CallFact`` in its ``AppConfig.ready``; the API and the admin ask it once a page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sip.models import Call


@dataclass(frozen=True, slots=True)
class CallFact:
    """One fact about calls that the app ``name`` belongs to knows."""

    name: str
    """Key in the API's call object, as ``charge``."""
    label: str
    """Heading of the admin's column."""
    lookup: Callable[[Sequence[Call]], Mapping[UUID, Any]]
    """Return JSON-ready values by call id, in one statement for all calls given; a call without one is left out."""
    text: Callable[[Any], str]
    """Return a value as the admin shows it; may be safe HTML."""
    schema: Mapping[str, Any]
    """OpenAPI schema of a value."""


_facts: dict[str, CallFact] = {}


def register_call_fact(fact: CallFact) -> None:
    """Add a fact to every call shown; registering a name again replaces it."""
    _facts[fact.name] = fact


def call_facts() -> tuple[CallFact, ...]:
    """Return the registered facts in the order they came."""
    return tuple(_facts.values())


def attach_facts(calls: Sequence[Call]) -> None:
    """Give each call its facts: ``call.facts`` by name, ``None`` where there is none."""
    found = {fact.name: fact.lookup(calls) if calls else {} for fact in _facts.values()}
    for call in calls:
        call.facts = {name: values.get(call.call_id) for name, values in found.items()}
