"""From refused calls to a case, and the case to its end."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from alerts.models import Event
from fraud import services
from fraud.choices import CaseState
from fraud.errors import WrongState
from fraud.models import Case, Evidence, Rule
from fraud.states import TRANSITIONS, Action, next_state
from sip.models import Line
from sip.services import create_line
from tenants.models import AuditEntry, Tenant
from tenants.scope import tenant_scope
from tests.fraud.conftest import NOON, Refuse

pytestmark = pytest.mark.django_db
SUPPORT = "support@trunkco.example"


@pytest.fixture
def blocking(operator: Tenant) -> Rule:
    return services.create_rule(
        operator,
        name="Premium",
        kind="barred_destination",
        prefixes=["881"],
        action="refuse_and_block",
        severity="critical",
    )


@pytest.fixture
def case(cuba: Rule, refuse: Refuse) -> Case:
    services.record_hits([refuse(cuba)])
    return Case.objects.get()


def kinds_of_events() -> list[str]:
    return list(Event.objects.order_by("pk").values_list("kind", flat=True))


def test_a_refused_call_opens_a_case_with_the_call_as_evidence(cuba: Rule, refuse: Refuse, desk: Line) -> None:
    record = refuse(cuba)
    services.record_hits([record])
    case = Case.objects.get()
    assert (case.tenant, case.rule, case.line, case.state, case.hits) == (desk.tenant, cuba, desk, CaseState.OPEN, 1)
    assert (case.rule_name, case.rule_kind, case.severity) == ("Cuba", "barred_destination", "warning")
    assert case.first_hit_at == case.last_hit_at == datetime.fromtimestamp(NOON, UTC)
    evidence = Evidence.objects.get()
    assert (evidence.case, evidence.call_id) == (case, UUID(record.call_id))
    assert (evidence.called, evidence.peer) == ("+5371234567", "192.0.2.7:5060")
    assert evidence.refusal_code == "fraud.barred_destination"


def test_a_new_case_is_told_once_and_the_line_is_left_alone(cuba: Rule, refuse: Refuse, desk: Line) -> None:
    services.record_hits([refuse(cuba), refuse(cuba, NOON + 1)])
    services.record_hits([refuse(cuba, NOON + 2)])
    assert kinds_of_events() == ["fraud.case_opened"]
    event = Event.objects.get()
    assert event.subject == "Cuba: line desk of Alice"
    assert (event.tenant_id, event.severity, event.payload["case_id"]) == (
        desk.tenant_id,
        "warning",
        Case.objects.get().pk,
    )
    desk.refresh_from_db()
    assert desk.is_blocked is False


def test_later_hits_add_to_the_case_that_is_open(cuba: Rule, refuse: Refuse, case: Case) -> None:
    services.acknowledge(case.pk, SUPPORT)
    services.record_hits([refuse(cuba, NOON + 30), refuse(cuba, NOON - 5)])
    case.refresh_from_db()
    assert (case.hits, case.state) == (3, CaseState.ACKNOWLEDGED)
    assert case.first_hit_at == datetime.fromtimestamp(NOON - 5, UTC)
    assert case.last_hit_at == datetime.fromtimestamp(NOON + 30, UTC)
    assert Evidence.objects.filter(case=case).count() == 3


def test_the_same_record_twice_changes_nothing(cuba: Rule, refuse: Refuse) -> None:
    record = refuse(cuba)
    services.record_hits([record, record])
    services.record_hits([record])
    assert Case.objects.get().hits == 1
    assert Evidence.objects.count() == 1
    assert kinds_of_events() == ["fraud.case_opened"]


def test_each_rule_and_each_line_has_its_own_case(cuba: Rule, blocking: Rule, alice: Tenant, refuse: Refuse) -> None:
    lobby = create_line(alice, username="lobby")[0]
    services.record_hits([refuse(cuba), refuse(cuba, line=lobby), refuse(blocking, line=lobby)])
    assert sorted(Case.objects.values_list("rule__name", "line__username")) == [
        ("Cuba", "desk"),
        ("Cuba", "lobby"),
        ("Premium", "lobby"),
    ]


def test_calls_no_rule_refused_are_passed_over(refuse: Refuse) -> None:
    services.record_hits([refuse(None, refusal_code="route.none")])
    services.record_hits([])
    assert Case.objects.count() == 0
    assert Event.objects.count() == 0


def test_a_hit_of_a_rule_deleted_meanwhile_is_logged_and_stops_nothing(
    cuba: Rule, refuse: Refuse, blocking: Rule, caplog: pytest.LogCaptureFixture
) -> None:
    orphan, other = refuse(blocking), refuse(cuba)
    services.delete_rule(blocking)
    with caplog.at_level(logging.WARNING):
        services.record_hits([orphan, other])
    assert Case.objects.get().rule == cuba
    assert orphan.call_id in caplog.text


def test_a_rule_that_blocks_takes_the_line_out_of_service(blocking: Rule, refuse: Refuse, desk: Line) -> None:
    services.record_hits([refuse(blocking)])
    desk.refresh_from_db()
    assert desk.blocked_reason == f"Premium (case {Case.objects.get().pk})"
    assert kinds_of_events() == ["fraud.case_opened", "fraud.line_blocked"]
    services.record_hits([refuse(blocking, NOON + 1)])
    assert kinds_of_events() == ["fraud.case_opened", "fraud.line_blocked"]


def test_a_line_that_was_unblocked_stays_so_when_older_hits_come_late(
    blocking: Rule, refuse: Refuse, desk: Line
) -> None:
    services.record_hits([refuse(blocking)])
    case = Case.objects.get()
    assert services.unblock(case.pk) is True
    case.refresh_from_db()
    assert case.unblocked_at is not None
    services.record_hits([refuse(blocking, case.unblocked_at.timestamp() - 1)])
    desk.refresh_from_db()
    assert desk.is_blocked is False
    services.record_hits([refuse(blocking, case.unblocked_at.timestamp() + 1)])
    desk.refresh_from_db()
    assert desk.is_blocked is True


def test_somebody_acknowledges_and_closes_a_case(case: Case) -> None:
    acknowledged = services.acknowledge(case.pk, SUPPORT)
    assert (acknowledged.state, acknowledged.acknowledged_by) == (CaseState.ACKNOWLEDGED, SUPPORT)
    with pytest.raises(WrongState, match="a case that is acknowledged cannot be acknowledged"):
        services.acknowledge(case.pk, SUPPORT)
    closed = services.close(case.pk, SUPPORT, "PBX was hacked, password changed")
    assert (closed.state, closed.closed_by, closed.note) == (
        CaseState.CLOSED,
        SUPPORT,
        "PBX was hacked, password changed",
    )
    with pytest.raises(WrongState):
        services.close(case.pk, SUPPORT)


def test_a_hit_after_the_end_opens_a_new_case(cuba: Rule, refuse: Refuse, case: Case) -> None:
    services.close(case.pk, SUPPORT)
    services.record_hits([refuse(cuba, NOON + 60)])
    case.refresh_from_db()
    assert case.hits == 1
    assert Case.objects.unsettled().get().hits == 1
    assert kinds_of_events() == ["fraud.case_opened", "fraud.case_opened"]


def test_an_operator_blocks_and_unblocks_a_line_from_its_case(case: Case, desk: Line) -> None:
    assert services.block(case.pk) is True
    assert services.block(case.pk) is False
    desk.refresh_from_db()
    assert desk.blocked_reason == f"Cuba (case {case.pk})"
    assert services.unblock(case.pk) is True
    assert services.unblock(case.pk) is False
    assert kinds_of_events() == ["fraud.case_opened", "fraud.line_blocked", "fraud.line_unblocked"]


def test_the_night_shift_reads_the_most_urgent_case_first(
    cuba: Rule, blocking: Rule, refuse: Refuse, alice: Tenant, desk: Line
) -> None:
    lobby, hall = (create_line(alice, username=name)[0] for name in ("lobby", "hall"))
    services.record_hits([refuse(cuba, NOON + 99), refuse(blocking, NOON), refuse(cuba, NOON + 5, line=lobby)])
    services.record_hits([refuse(blocking, NOON + 200, line=hall)])
    services.acknowledge(Case.objects.get(line=hall).pk, SUPPORT)
    services.close(Case.objects.get(line=lobby).pk, SUPPORT)
    assert [(case.rule_name, case.line.username) for case in Case.objects.by_urgency()] == [
        ("Premium", "desk"),
        ("Cuba", "desk"),
        ("Premium", "hall"),
        ("Cuba", "lobby"),
    ]


def test_a_customer_sees_its_cases_and_not_the_operators_rule(case: Case, alice: Tenant, bob: Tenant) -> None:
    with tenant_scope([alice.pk]):
        assert Case.objects.get().rule_name == "Cuba"
        assert Evidence.objects.count() == 1
        assert Rule.objects.count() == 0
    with tenant_scope([bob.pk]):
        assert Case.objects.count() == 0
        assert Evidence.objects.count() == 0


def test_the_database_keeps_one_unsettled_case_a_rule_and_line(case: Case) -> None:
    again = Case.objects.get(pk=case.pk)
    again.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save(force_insert=True)


def test_evidence_cannot_be_changed_or_deleted(case: Case) -> None:
    for statement in ("UPDATE fraud_evidence SET called = ''", "DELETE FROM fraud_evidence"):
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_who_acknowledged_is_in_the_audit(case: Case) -> None:
    services.acknowledge(case.pk, SUPPORT)
    entry = AuditEntry.objects.filter(table_name="fraud_case", action="update").order_by("-pk").first()
    assert entry is not None
    assert entry.after is not None
    assert entry.after["acknowledged_by"] == SUPPORT


def test_a_case_moves_by_the_arrows_of_its_table_only() -> None:
    for state in CaseState:
        for action in Action:
            if (state, action) in TRANSITIONS:
                assert next_state(state, action) == TRANSITIONS[state, action]
            else:
                with pytest.raises(WrongState):
                    next_state(state, action)
