"""The standing cast: one operator, one reseller, three customers with a line each, known to every test by name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from billing.choices import AccountMode
from billing.models import Account, RateDeck
from billing.services.accounts import adjust_balance, open_account
from billing.services.decks import create_deck, import_deck
from sip.models import Line, Route, Trunk
from sip.services import block_line, create_line, create_route, create_trunk
from tenants.choices import Role, TenantKind
from tenants.models import Tenant, User
from tenants.services import create_tenant

UNIT = 1_000_000_000
PASSWORD = "correct horse battery"
DECK_CSV = b"""prefix,destination,rate_per_minute,connect_fee,first_s,next_s
1,United States,0.0100,0,1,1
44,United Kingdom,0.0120,0,60,6
49,Germany,0.0125,0,30,6
8821,Satellite,6.0000,0,60,60
"""


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays. *alice* has 10 USD, *bob* has nothing, *mallory*'s line is blocked; all prepaid, all below *trunkco*.

    *carol* is a customer of the reseller *resellco*, postpaid with 100 USD of credit.
    """

    trunkco: Tenant
    resellco: Tenant
    alice: Tenant
    bob: Tenant
    mallory: Tenant
    carol: Tenant
    olga: User
    """Operator's administrator."""
    ann: User
    """Alice's administrator."""
    ben: User
    """Bob's user."""
    rita: User
    """The reseller's administrator."""
    alice_account: Account
    bob_account: Account
    mallory_account: Account
    carol_account: Account
    alice_line: Line
    alice_second_line: Line
    bob_line: Line
    mallory_line: Line
    carol_line: Line
    deck: RateDeck
    trunk: Trunk
    route: Route
    line_password: str


@pytest.fixture
def cast(request: pytest.FixtureRequest) -> Cast:
    """Put the cast into the test's database (``db``, or ``committed_db`` where the test asks for it)."""
    if "committed_db" not in request.fixturenames:
        request.getfixturevalue("db")
    trunkco = create_tenant(name="Trunkco", kind=TenantKind.OPERATOR)
    resellco = create_tenant(name="Resellco", kind=TenantKind.RESELLER, parent=trunkco)
    alice, bob, mallory = (
        create_tenant(name=name, kind=TenantKind.CUSTOMER, parent=trunkco) for name in ("Alice", "Bob", "Mallory")
    )
    carol = create_tenant(name="Carol", kind=TenantKind.CUSTOMER, parent=resellco)
    deck = create_deck(tenant=trunkco, name="Retail")
    import_deck(deck, DECK_CSV, source="cast.csv", valid_from=datetime(2026, 1, 1, tzinfo=UTC))
    accounts = {
        tenant.name: open_account(tenant=tenant, mode=AccountMode.PREPAID, deck=deck)
        for tenant in (alice, bob, mallory)
    }
    adjust_balance(accounts["Alice"], 10 * UNIT, key="cast", memo="Opening balance")
    accounts["Alice"].refresh_from_db()
    credit = open_account(tenant=carol, mode=AccountMode.POSTPAID, deck=deck, credit_limit_nanos=100 * UNIT)
    trunk = create_trunk(trunkco, name="Carrier", host="192.0.2.10")
    mallory_line = _line(mallory, "mallory", "100", "+12125550177")
    block_line(mallory_line.pk, "fraud")
    return Cast(
        trunkco=trunkco,
        resellco=resellco,
        alice=alice,
        bob=bob,
        mallory=mallory,
        carol=carol,
        olga=_user("olga@trunkco.example", trunkco, Role.OPERATOR_ADMIN),
        ann=_user("ann@alice.example", alice, Role.TENANT_ADMIN),
        ben=_user("ben@bob.example", bob, Role.TENANT_USER),
        rita=_user("rita@resellco.example", resellco, Role.TENANT_ADMIN),
        alice_account=accounts["Alice"],
        bob_account=accounts["Bob"],
        mallory_account=accounts["Mallory"],
        carol_account=credit,
        alice_line=_line(alice, "alice", "100", "+12125550111"),
        alice_second_line=_line(alice, "alice2", "101", "+12125550112"),
        bob_line=_line(bob, "bob", "100", "+12125550122"),
        mallory_line=mallory_line,
        carol_line=_line(carol, "carol", "100", "+12125550133"),
        deck=deck,
        trunk=trunk,
        route=create_route(trunk, prefix=""),
        line_password=PASSWORD,
    )


def _line(tenant: Tenant, username: str, extension: str, number: str) -> Line:
    line, _ = create_line(tenant, password=PASSWORD, username=username, extension=extension, caller_number=number)
    return line


def _user(email: str, tenant: Tenant, role: Role) -> User:
    return User.objects.create_user(email, PASSWORD, tenant=tenant, role=role)
