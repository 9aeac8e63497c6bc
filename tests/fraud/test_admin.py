"""Fraud control in the admin, as the night shift uses it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from fraud import services
from fraud.choices import CaseState
from fraud.models import Case, Rule
from sip.models import Line
from tenants.choices import Role
from tenants.models import Tenant, User
from tests.fraud.conftest import Refuse

pytestmark = pytest.mark.django_db
CASES = "/admin/fraud/case/"
RULES = "/admin/fraud/rule/"
FORM: dict[str, object] = {
    "name": "Bars",
    "kind": "barred_destination",
    "action": "refuse",
    "severity": "warning",
    "counted_by": "line",
    "prefixes": "53",
    "is_active": "on",
}


def client_of(tenant: Tenant, role: Role) -> Client:
    client = Client()
    client.force_login(User.objects.create_user(f"{role}@trunkco.example", "x", tenant=tenant, role=role))
    return client


@pytest.fixture
def noc(operator: Tenant) -> Client:
    return client_of(operator, Role.OPERATOR_SUPPORT)


@pytest.fixture
def case(cuba: Rule, refuse: Refuse) -> Case:
    services.record_hits([refuse(cuba)])
    return Case.objects.get()


def page(response: Any) -> str:
    assert response.status_code == 200, response
    return str(response.content.decode())


def test_the_list_says_what_who_since_when_and_offers_what_can_be_done(noc: Client, case: Case) -> None:
    text = page(noc.get(CASES))
    for shown in ("Warning", "Cuba", "desk", "Alice", "2026-09-21", "Open", "In service"):
        assert shown in text
    assert f"{CASES}{case.pk}/act/acknowledge/" in text
    assert f"{CASES}{case.pk}/act/block/" in text
    assert f"{CASES}{case.pk}/act/unblock/" not in text


def test_one_click_acknowledges_and_blocks(noc: Client, case: Case, desk: Line) -> None:
    response = noc.post(
        f"{CASES}{case.pk}/act/acknowledge/", headers={"referer": "http://testserver/admin/fraud/case/?q=desk"}
    )
    assert (response.status_code, response["Location"]) == (302, "http://testserver/admin/fraud/case/?q=desk")
    case.refresh_from_db()
    assert (case.state, case.acknowledged_by) == (CaseState.ACKNOWLEDGED, "operator_support@trunkco.example")
    noc.post(f"{CASES}{case.pk}/act/block/")
    desk.refresh_from_db()
    assert desk.is_blocked is True
    text = page(noc.get(CASES))
    assert f"{CASES}{case.pk}/act/unblock/" in text
    assert f"{CASES}{case.pk}/act/acknowledge/" not in text


def test_a_link_from_elsewhere_acts_on_nothing_and_leads_nowhere(noc: Client, case: Case) -> None:
    assert noc.get(f"{CASES}{case.pk}/act/acknowledge/").status_code == 405
    response = noc.post(f"{CASES}{case.pk}/act/acknowledge/", headers={"referer": "https://evil.example/"})
    assert response["Location"] == CASES
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(email="operator_support@trunkco.example"))
    assert strict.post(f"{CASES}{case.pk}/act/block/").status_code == 403


def test_an_acknowledged_case_says_so_to_who_is_second(noc: Client, case: Case) -> None:
    services.acknowledge(case.pk, "first@trunkco.example")
    response = noc.post(
        f"{CASES}{case.pk}/act/acknowledge/", follow=True, headers={"referer": "http://testserver" + CASES}
    )
    assert "a case that is acknowledged cannot be acknowledged" in page(response)
    case.refresh_from_db()
    assert case.acknowledged_by == "first@trunkco.example"


def test_who_may_only_look_is_offered_nothing(operator: Tenant, case: Case) -> None:
    finance = client_of(operator, Role.OPERATOR_FINANCE)
    assert "/act/" not in page(finance.get(CASES))
    assert finance.post(f"{CASES}{case.pk}/act/block/").status_code == 404
    assert finance.post(f"{CASES}{case.pk}/act/nonsense/").status_code == 404
    assert page(finance.get(f"{CASES}{case.pk}/change/")).count("Cuba") >= 1


def test_closed_cases_leave_the_list_and_are_found_by_filter(noc: Client, case: Case) -> None:
    services.close(case.pk, "x")
    assert f"{CASES}{case.pk}/change/" not in page(noc.get(CASES))
    assert f"{CASES}{case.pk}/change/" in page(noc.get(CASES + "?state=closed"))
    assert f"{CASES}{case.pk}/change/" in page(noc.get(CASES + "?state=all"))


def test_a_case_shows_its_refused_calls(noc: Client, case: Case) -> None:
    text = page(noc.get(f"{CASES}{case.pk}/change/"))
    assert "+5371234567" in text
    assert "192.0.2.7:5060" in text


def test_a_rule_is_written_with_prefixes_in_a_row_and_money_in_units(noc: Client, operator: Tenant) -> None:
    form = FORM | {"tenant": operator.pk, "prefixes": "53 881, 8823\n"}
    assert noc.post(RULES + "add/", form).status_code == 302
    assert Rule.objects.get().prefixes == ["53", "881", "8823"]
    form |= {"name": "Cap", "kind": "spend_per_hour", "prefixes": "", "spend_max_nanos": "25.50", "currency": "USD"}
    assert noc.post(RULES + "add/", form).status_code == 302
    cap = Rule.objects.get(name="Cap")
    assert cap.spend_max_nanos == 25_500_000_000
    text = page(noc.get(f"{RULES}{cap.pk}/change/"))
    assert 'value="25.50"' in text
    assert "25.50 USD, each line" in page(noc.get(RULES))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prefixes": "53 x"}, "is not a prefix"),
        ({"prefixes": ""}, "Name at least one prefix."),
        ({"kind": "spend_per_hour", "spend_max_nanos": "a lot"}, "not a plain decimal number"),
        ({"kind": "concurrent_calls"}, "Say how many calls may be up at once."),
    ],
)
def test_a_wrong_rule_shows_its_error_beside_the_field(
    noc: Client, operator: Tenant, change: dict[str, str], message: str
) -> None:
    form = FORM | {"tenant": operator.pk} | change
    assert message in page(noc.post(RULES + "add/", form))
    assert Rule.objects.count() == 0


def test_a_rule_is_changed(noc: Client, cuba: Rule) -> None:
    form = {"name": "Cuba and more", "kind": "barred_destination", "action": "refuse_and_block", "severity": "critical",
            "counted_by": "line", "prefixes": "53 5399"}  # fmt: skip
    assert noc.post(f"{RULES}{cuba.pk}/change/", form).status_code == 302
    cuba.refresh_from_db()
    assert (cuba.name, cuba.prefixes, cuba.action, cuba.is_active) == (
        "Cuba and more",
        ["53", "5399"],
        "refuse_and_block",
        False,
    )


def test_the_most_urgent_case_stands_first_though_another_was_hit_later(
    noc: Client, operator: Tenant, case: Case, refuse: Refuse
) -> None:
    grave = services.create_rule(operator, name="Grave", kind="concurrent_calls", calls_max=1, severity="critical")
    services.record_hits([refuse(grave, case.last_hit_at.timestamp() - 3600)])
    text = page(noc.get(CASES))
    assert text.index("Grave") < text.index("Cuba")


def test_a_case_offers_what_its_state_allows(noc: Client, case: Case) -> None:
    path = f"{CASES}{case.pk}/"
    submitted = {"_form_submitted": "True"}
    assert noc.post(path + "acknowledge/", submitted)["HX-Redirect"] == path + "change/"
    assert noc.post(path + "acknowledge/", submitted).status_code == 403
    assert noc.post(path + "unblock/", submitted).status_code == 403
    assert noc.post(path + "block/", submitted)["HX-Redirect"] == path + "change/"
    assert noc.post(path + "unblock/", submitted)["HX-Redirect"] == path + "change/"
    noc.post(path + "close/", submitted | {"note": "Password changed."})
    case.refresh_from_db()
    assert (case.state, case.note, case.closed_by) == (
        "closed",
        "Password changed.",
        "operator_support@trunkco.example",
    )
