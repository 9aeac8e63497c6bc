"""A number's way from stock to a line and back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from alerts.models import Event
from dids import services
from dids.choices import DidState
from dids.errors import InvalidDid, WrongState
from dids.limits import QUARANTINE_DAYS
from dids.models import Did
from dids.snapshot import DidEntry, load_dids
from dids.states import TRANSITIONS, Action, next_state
from sip.models import Line
from sip.services import create_line
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tenants.services import create_tenant

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator() -> Tenant:
    return create_tenant(name="Trunkco", kind="operator", country="FR")


@pytest.fixture
def reseller(operator: Tenant) -> Tenant:
    return create_tenant(name="Resellco", kind="reseller", parent=operator, country="FR")


@pytest.fixture
def alice(reseller: Tenant) -> Tenant:
    return create_tenant(name="Alice", kind="customer", parent=reseller, country="FR")


@pytest.fixture
def bob(operator: Tenant) -> Tenant:
    return create_tenant(name="Bob", kind="customer", parent=operator, country="FR")


@pytest.fixture
def desk(alice: Tenant) -> Line:
    return create_line(alice, extension="101")[0]


@pytest.fixture
def did(operator: Tenant) -> Did:
    return services.add_did(operator, "01 23 45 67 89")


def test_a_number_is_taken_into_stock_in_the_pools_own_writing(did: Did, operator: Tenant) -> None:
    assert (did.number, did.country, did.state) == ("+33123456789", "FR", DidState.AVAILABLE)
    assert (did.pool, did.tenant, did.line) == (operator, operator, None)
    assert did.printed == "+33 1 23 45 67 89"


@pytest.mark.parametrize("number", ["", "112", "alice", "+999123456", "01 23"])
def test_what_is_no_public_number_is_refused(operator: Tenant, number: str) -> None:
    with pytest.raises(InvalidDid) as caught:
        services.add_did(operator, number)
    assert caught.value.field == "number"
    assert Did.objects.count() == 0


def test_a_number_is_on_the_platform_once_even_where_its_owner_is_out_of_sight(did: Did, bob: Tenant) -> None:
    with tenant_scope([bob.pk]), pytest.raises(InvalidDid, match="is on the platform already"):
        services.add_did(bob, did.number)
    assert Did.objects.count() == 1


def test_an_assigned_number_leads_to_the_line_and_its_tenant_is_told(did: Did, alice: Tenant, desk: Line) -> None:
    assigned = services.assign(did.pk, alice, desk)
    assert (assigned.state, assigned.tenant, assigned.line) == (DidState.ASSIGNED, alice, desk)
    assert assigned.assigned_at is not None
    event = Event.objects.get()
    assert (event.kind, event.tenant, event.payload["number"]) == ("did.assigned", alice, "+33123456789")


def test_a_number_goes_to_tenants_below_its_pool_only(reseller: Tenant, alice: Tenant, bob: Tenant) -> None:
    did = services.add_did(reseller, "+33123456780")
    with pytest.raises(InvalidDid) as caught:
        services.assign(did.pk, bob)
    assert caught.value.field == "tenant"
    did.refresh_from_db()
    assert did.state == DidState.AVAILABLE
    assert services.assign(did.pk, alice).tenant == alice


def test_a_reserved_number_waits_for_its_tenant(did: Did, alice: Tenant, bob: Tenant) -> None:
    services.reserve(did.pk, alice)
    with pytest.raises(InvalidDid, match="reserved for another tenant"):
        services.assign(did.pk, bob)
    with pytest.raises(WrongState, match="a number that is reserved cannot be reserved"):
        services.reserve(did.pk, bob)
    assert services.assign(did.pk, alice).state == DidState.ASSIGNED


def test_a_reservation_that_is_given_up_leaves_the_number_available(did: Did, alice: Tenant, operator: Tenant) -> None:
    services.reserve(did.pk, alice)
    released = services.release(did.pk)
    assert (released.state, released.tenant, released.quarantined_until) == (DidState.AVAILABLE, operator, None)


def test_a_number_is_not_led_to_a_line_of_another_tenant(did: Did, bob: Tenant, desk: Line) -> None:
    with pytest.raises(InvalidDid) as caught:
        services.assign(did.pk, bob, desk)
    assert caught.value.field == "line"
    services.assign(did.pk, bob)
    with pytest.raises(InvalidDid, match="not one of the number's tenant"):
        services.route_to_line(did.pk, desk)


def test_a_route_can_be_changed_and_taken_away(did: Did, alice: Tenant, desk: Line) -> None:
    services.assign(did.pk, alice)
    assert list(Did.objects.unrouted()) == [did]
    assert services.route_to_line(did.pk, desk).line == desk
    assert Did.objects.unrouted().count() == 0
    assert services.route_to_line(did.pk, None).line is None


def test_a_number_in_stock_is_not_routed(did: Did, desk: Line) -> None:
    with pytest.raises(InvalidDid, match="is not assigned"):
        services.route_to_line(did.pk, desk)


def test_a_released_number_rests_before_it_is_available(did: Did, operator: Tenant, alice: Tenant, desk: Line) -> None:
    services.assign(did.pk, alice, desk)
    before = timezone.now()
    released = services.release(did.pk)
    assert (released.state, released.tenant, released.line) == (DidState.QUARANTINED, operator, None)
    until = released.quarantined_until
    assert until is not None
    assert until >= before + timedelta(days=QUARANTINE_DAYS)
    with pytest.raises(WrongState):
        services.assign(did.pk, alice)
    assert services.restock_rested(until - timedelta(seconds=1)) == 0
    assert services.restock_rested(until) == 1
    assert services.restock_rested(until) == 0
    did.refresh_from_db()
    assert (did.state, did.quarantined_until) == (DidState.AVAILABLE, None)


def test_a_customer_cannot_give_a_number_back_behind_its_suppliers_back(did: Did, alice: Tenant) -> None:
    services.assign(did.pk, alice)
    with tenant_scope([alice.pk]), pytest.raises(InvalidDid, match="only its supplier"):
        services.release(did.pk)
    did.refresh_from_db()
    assert did.state == DidState.ASSIGNED


def test_a_tenant_sees_its_own_numbers_only(did: Did, alice: Tenant, bob: Tenant) -> None:
    services.assign(did.pk, alice)
    with tenant_scope([bob.pk]):
        assert Did.objects.count() == 0
    with tenant_scope([alice.pk]):
        assert Did.objects.get().number == "+33123456789"


@pytest.mark.parametrize(
    "change",
    [
        {"number": "0123456789"},
        {"state": DidState.QUARANTINED},
        {"state": DidState.ASSIGNED},
        {"assigned_at": timezone.now()},
    ],
)
def test_the_database_refuses_a_number_in_an_impossible_state(did: Did, change: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Did.objects.filter(pk=did.pk).update(**change)


def test_the_database_refuses_a_line_on_a_number_in_stock(did: Did, desk: Line) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Did.objects.filter(pk=did.pk).update(line=desk)


def test_a_node_reads_all_numbers_with_their_line(did: Did, operator: Tenant, alice: Tenant, desk: Line) -> None:
    spare = services.add_did(operator, "+33123456780")
    services.assign(did.pk, alice, desk)
    with connection.cursor() as cursor:
        assert load_dids(cursor) == {
            did.number: DidEntry(did.number, alice.pk, desk.pk, "assigned"),
            spare.number: DidEntry(spare.number, operator.pk, None, "available"),
        }


def test_every_state_can_be_left_and_only_by_its_own_arrows() -> None:
    assert {state for state, _ in TRANSITIONS} == set(DidState)
    for state in DidState:
        for action in Action:
            if (state, action) not in TRANSITIONS:
                with pytest.raises(WrongState):
                    next_state(state, action)
