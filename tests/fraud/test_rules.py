"""Rules: what they need, and how running nodes read them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from fraud import services
from fraud.errors import InvalidRule, RuleInUse
from fraud.limits import PREFIXES_MAX
from fraud.models import Rule
from fraud.screening import RuleEntry
from fraud.snapshot import load_rules
from sip.models import Line
from sip.services import create_line
from tenants.models import Tenant
from tests.fraud.conftest import Refuse

pytestmark = pytest.mark.django_db


def loaded() -> list[RuleEntry]:
    with connection.cursor() as cursor:
        return load_rules(cursor)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("prefixes", {"kind": "barred_destination"}),
        ("prefixes", {"kind": "barred_destination", "prefixes": ["+53"]}),
        ("prefixes", {"kind": "barred_destination", "prefixes": ["53", "53"]}),
        ("prefixes", {"kind": "barred_destination", "prefixes": "53"}),
        ("prefixes", {"kind": "barred_destination", "prefixes": ["1234567890123456"]}),
        ("prefixes", {"kind": "barred_destination", "prefixes": [str(10**6 + n) for n in range(PREFIXES_MAX + 1)]}),
        ("calls_max", {"kind": "concurrent_calls"}),
        ("calls_max", {"kind": "concurrent_calls", "calls_max": 0}),
        ("spend_max_nanos", {"kind": "spend_per_hour", "currency": "USD"}),
        ("currency", {"kind": "spend_per_hour", "spend_max_nanos": 1}),
        ("kind", {"kind": "moon_phase"}),
    ],
)
def test_a_rule_needs_what_its_kind_looks_at(operator: Tenant, field: str, values: dict[str, Any]) -> None:
    with pytest.raises(InvalidRule) as caught:
        services.create_rule(operator, name="Wrong", **values)
    assert caught.value.field == field
    assert Rule.objects.count() == 0


def test_the_database_refuses_a_rule_that_says_nothing(cuba: Rule) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Rule.objects.filter(pk=cuba.pk).update(prefixes=[])


def test_a_rule_for_a_line_needs_a_line_it_can_hold_for(reseller: Tenant, bob: Tenant, desk: Line) -> None:
    assert services.create_rule(reseller, name="Ours", kind="concurrent_calls", calls_max=2, line=desk).line == desk
    with pytest.raises(InvalidRule) as caught:
        services.create_rule(bob, name="Not ours", kind="concurrent_calls", calls_max=2, line=desk)
    assert caught.value.field == "line"


def test_a_rule_with_cases_is_switched_off_and_not_deleted(cuba: Rule, refuse: Refuse) -> None:
    services.record_hits([refuse(cuba)])
    with pytest.raises(RuleInUse), transaction.atomic():
        services.delete_rule(cuba)
    assert services.update_rule(cuba, is_active=False).is_active is False


def test_the_operators_rule_holds_for_everybody_and_is_read_once(cuba: Rule, alice: Tenant, bob: Tenant) -> None:
    assert loaded() == [RuleEntry(cuba.pk, None, "barred_destination", prefixes=("53",))]


def test_a_resellers_rule_is_read_for_itself_and_each_tenant_below(
    reseller: Tenant, alice: Tenant, bob: Tenant
) -> None:
    rule = services.create_rule(reseller, name="Few", kind="concurrent_calls", calls_max=2, counted_by="tenant")
    expected = [
        RuleEntry(rule.pk, tenant.pk, "concurrent_calls", calls_max=2, counted_by="tenant")
        for tenant in (reseller, alice)
    ]
    assert loaded() == expected


def test_a_spending_rule_holds_for_tenants_of_its_currency(operator: Tenant, alice: Tenant, bob: Tenant) -> None:
    rule = services.create_rule(
        operator, name="Cap", kind="spend_per_hour", spend_max_nanos=5, currency="EUR", action="refuse_and_block"
    )
    assert loaded() == [RuleEntry(rule.pk, bob.pk, "spend_per_hour", "refuse_and_block", spend_max_nanos=5)]


def test_the_operators_rule_for_one_line_is_read_for_its_tenant_only(operator: Tenant, desk: Line, bob: Tenant) -> None:
    rule = services.create_rule(operator, name="Desk", kind="concurrent_calls", calls_max=1, line=desk)
    create_line(bob, username="other")
    assert loaded() == [RuleEntry(rule.pk, desk.tenant_id, "concurrent_calls", line_id=desk.pk, calls_max=1)]


def test_a_rule_that_is_off_is_not_read(cuba: Rule) -> None:
    services.update_rule(cuba, is_active=False)
    assert loaded() == []
