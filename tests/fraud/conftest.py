"""The cast of the fraud tests: an operator, a reseller, alice below it with a desk line, bob beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from fraud import services
from fraud.models import Rule
from sip.cdr.record import CallRecord
from sip.models import Line
from sip.services import create_line
from tenants.models import Tenant
from tenants.services import create_tenant

NOON = 1_790_000_000.0
"""Seconds since the epoch at which the refused calls of the tests begin."""

_REFUSED = CallRecord(
    call_id="",
    node="node1",
    tenant_id=0,
    direction="outbound",
    caller="+33123456789",
    called="+5371234567",
    dialled="005371234567",
    destination="+5371234567",
    account_id=None,
    a_line_id=None,
    a_trunk_id=None,
    b_line_id=None,
    b_trunk_id=None,
    sip_call_id="a@phone",
    from_tag="t",
    peer="192.0.2.7:5060",
    user_agent="baresip",
    started_at=NOON,
    ringing_at=None,
    answered_at=None,
    ended_at=NOON,
    duration_s=0.0,
    pdd_s=None,
    ended_by="platform",
    sip_status=403,
    sip_reason="Forbidden",
    q850_cause=21,
    a_q850_cause=21,
    b_q850_cause=0,
    refusal_code="fraud.barred_destination",
    fraud_rule_id=None,
    is_emergency=False,
    attempts=(),
)

Refuse = Callable[..., CallRecord]


@pytest.fixture
def operator() -> Tenant:
    return create_tenant(name="Trunkco", kind="operator")


@pytest.fixture
def reseller(operator: Tenant) -> Tenant:
    return create_tenant(name="Resellco", kind="reseller", parent=operator)


@pytest.fixture
def alice(reseller: Tenant) -> Tenant:
    return create_tenant(name="Alice", kind="customer", parent=reseller)


@pytest.fixture
def bob(operator: Tenant) -> Tenant:
    return create_tenant(name="Bob", kind="customer", parent=operator, currency="EUR")


@pytest.fixture
def desk(alice: Tenant) -> Line:
    return create_line(alice, username="desk", extension="101")[0]


@pytest.fixture
def cuba(operator: Tenant) -> Rule:
    return services.create_rule(operator, name="Cuba", kind="barred_destination", prefixes=["53"])


@pytest.fixture
def refuse(desk: Line) -> Refuse:
    """Make the record of a call of the desk that a rule refused."""

    def make(rule: Rule | None, at: float = NOON, line: Line = desk, **changes: object) -> CallRecord:
        return replace(
            _REFUSED,
            call_id=uuid4().hex,
            tenant_id=line.tenant_id,
            a_line_id=line.pk,
            started_at=at,
            fraud_rule_id=rule.pk if rule else None,
            **changes,  # type: ignore[arg-type]
        )

    return make
