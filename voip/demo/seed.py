"""Fills an empty platform with a small carrier: parties, lines, a trunk, numbers, rates, a week of calls, money."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings

from alerts.choices import Severity
from analytics.services import recompute_dirty
from billing.choices import AccountMode, DeckKind
from billing.models import Account, RateDeck
from billing.services.accounts import adjust_balance, open_account
from billing.services.decks import assign_vendor_deck, create_deck, import_deck
from billing.services.invoices import draft_invoice, finalise_invoice
from dids.services import add_did, assign
from fraud.choices import RuleAction, RuleKind
from fraud.models import Rule
from fraud.services import create_rule
from sip.cdr.journal import Journal
from sip.cdr.loader import Loader
from sip.cdr.record import CallRecord
from sip.models import Line, Trunk
from sip.services import create_line, create_route, create_trunk
from tenants.choices import Role, TenantKind
from tenants.models import Tenant, User
from tenants.services import create_api_key, create_tenant
from voip.demo import deck, history
from voip.settlement import settle

UNIT = 1_000_000_000
RATES_SINCE_DAYS = 35
"""The decks are in force before the oldest call of the demo."""
TRUNK_PORT_ABOVE_SIP = 10
"""The demo's carrier sits beside the node; baresip, for one, also takes the port after its own."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LineWithPassword:
    """A line and its password, which only the one who made it knows."""

    line: Line
    password: str


@dataclass(frozen=True, slots=True)
class Demo:
    """What was made; passwords and the key are nowhere else in the clear."""

    operator: Tenant
    alice: Tenant
    bob: Tenant
    admin: User
    admin_password: str
    tenant_user: User
    tenant_password: str
    api_key: str
    lines: tuple[LineWithPassword, ...]
    trunk: Trunk
    did: str


def seed(say: Say) -> Demo:
    """Make everything; to be called once, on an empty database, in the system's scope."""
    say("tenants, users and keys")
    operator, reseller, alice, bob = _tenants()
    passwords = [secrets.token_urlsafe(12) for _ in range(3)]
    admin = _user("admin@trunkline.example", passwords[0], operator, Role.OPERATOR_ADMIN, "Olga Operator")
    tenant_user = _user("alice@alice.example", passwords[1], alice, Role.TENANT_ADMIN, "Alice Archer")
    _user("bob@bob.example", passwords[2], bob, Role.TENANT_ADMIN, "Bob Builder")
    _, api_key = create_api_key(tenant=operator, name="demo", role=Role.OPERATOR_ADMIN, created_by=admin)
    say("rate decks of real destination prefixes")
    trunk = _trunk(operator)
    decks = _decks(operator, reseller, trunk)
    accounts = _accounts(alice, bob, decks)
    say("lines and numbers")
    lines = _lines(alice, bob)
    did = _dids(operator, lines)
    rule = _rules(operator)
    _history(say, lines, accounts, trunk, rule)
    _invoices(say, accounts)
    return Demo(operator, alice, bob, admin, passwords[0], tenant_user, passwords[1], api_key, tuple(lines), trunk, did)


def _tenants() -> tuple[Tenant, Tenant, Tenant, Tenant]:
    operator = create_tenant(
        name="Trunkline Demo Carrier",
        kind=TenantKind.OPERATOR,
        slug="trunkco",
        billing_email="billing@trunkline.example",
        address="1 Exchange Place\nNew York, NY 10005\nUnited States",
        time_zone="America/New_York",
    )
    reseller = create_tenant(
        name="Northwind Resale",
        kind=TenantKind.RESELLER,
        parent=operator,
        slug="resellco",
        billing_email="billing@northwind.example",
        address="200 Market Street\nBoston, MA 02110\nUnited States",
        time_zone="America/New_York",
    )
    alice = create_tenant(
        name="Alice Travel",
        kind=TenantKind.CUSTOMER,
        parent=operator,
        slug="alice",
        billing_email="accounts@alice.example",
        address="7 Harbor Road\nNew York, NY 10013\nUnited States",
        time_zone="America/New_York",
    )
    bob = create_tenant(
        name="Bob Builders",
        kind=TenantKind.CUSTOMER,
        parent=reseller,
        slug="bob",
        billing_email="accounts@bob.example",
        address="31 Quarry Lane\nBoston, MA 02118\nUnited States",
        time_zone="America/New_York",
    )
    return operator, reseller, alice, bob


def _user(email: str, password: str, tenant: Tenant, role: Role, name: str) -> User:
    return User.objects.create_user(email, password, tenant=tenant, role=role, full_name=name)


def _trunk(operator: Tenant) -> Trunk:
    port = settings.SIP_PORT + TRUNK_PORT_ABOVE_SIP
    trunk = create_trunk(
        operator,
        name="Demo carrier",
        host="127.0.0.1",
        port=port,
        source_addresses=[f"127.0.0.1:{port}"],  # phones of the demo share the address, so the port tells them apart
        calls_max=500,
        country="US",
    )
    create_route(trunk, prefix="", priority=100)
    return trunk


def _decks(operator: Tenant, reseller: Tenant, trunk: Trunk) -> tuple[RateDeck, RateDeck]:
    since = datetime.now(UTC) - timedelta(days=RATES_SINCE_DAYS)
    vendor = create_deck(tenant=operator, name="Demo carrier, cost", kind=DeckKind.VENDOR)
    import_deck(vendor, deck.as_csv().encode(), source="demo-cost.csv", valid_from=since)
    assign_vendor_deck(trunk, vendor)
    retail = create_deck(tenant=operator, name="Retail worldwide")
    import_deck(retail, deck.as_csv(markup_percent=60).encode(), source="demo-retail.csv", valid_from=since)
    resale = create_deck(tenant=reseller, name="Northwind worldwide")
    import_deck(resale, deck.as_csv(markup_percent=90).encode(), source="demo-resale.csv", valid_from=since)
    return retail, resale


def _accounts(alice: Tenant, bob: Tenant, decks: tuple[RateDeck, RateDeck]) -> tuple[Account, Account]:
    postpaid = open_account(tenant=alice, mode=AccountMode.POSTPAID, deck=decks[0], credit_limit_nanos=2_000 * UNIT)
    prepaid = open_account(tenant=bob, mode=AccountMode.PREPAID, deck=decks[1], low_balance_nanos=20 * UNIT)
    adjust_balance(prepaid, 500 * UNIT, key="demo-opening", memo="Opening balance")
    return postpaid, prepaid


def _lines(alice: Tenant, bob: Tenant) -> list[LineWithPassword]:
    wanted = (
        (alice, "alice100", "100", "Alice, reception", "+12125550100"),
        (alice, "alice101", "101", "Alice, sales", "+12125550101"),
        (alice, "alice102", "102", "Alice, support", "+12125550102"),
        (bob, "bob200", "200", "Bob, office", "+16175550200"),
        (bob, "bob201", "201", "Bob, yard", "+16175550201"),
    )
    made = []
    for tenant, username, extension, name, number in wanted:
        line, password = create_line(
            tenant, username=username, extension=extension, display_name=name, caller_number=number, calls_max=60
        )
        made.append(LineWithPassword(line, password))
    return made


def _dids(operator: Tenant, lines: list[LineWithPassword]) -> str:
    for made in lines:
        did = add_did(operator, made.line.caller_number)
        assign(did.pk, made.line.tenant, made.line)
    for last in range(150, 160):
        add_did(operator, f"+12125550{last}")
    return lines[0].line.caller_number


def _rules(operator: Tenant) -> Rule:
    create_rule(
        operator,
        name="More than 80 calls at once",
        kind=RuleKind.CONCURRENT_CALLS,
        calls_max=80,
        severity=Severity.WARNING,
    )
    create_rule(
        operator,
        name="More than 100 USD an hour",
        kind=RuleKind.SPEND_PER_HOUR,
        spend_max_nanos=100 * UNIT,
        currency="USD",
        severity=Severity.CRITICAL,
        action=RuleAction.REFUSE_AND_BLOCK,
    )
    return create_rule(
        operator,
        name="Satellite and premium ranges",
        kind=RuleKind.BARRED_DESTINATION,
        prefixes=["881", "882", "883", "979", "1900"],
        severity=Severity.CRITICAL,
    )


def _history(
    say: Say, lines: list[LineWithPassword], accounts: tuple[Account, Account], trunk: Trunk, rule: Rule
) -> None:
    by_tenant = {account.tenant_id: account.pk for account in accounts}
    parties = [
        history.Party(
            made.line.tenant_id,
            by_tenant[made.line.tenant_id],
            made.line.pk,
            made.line.extension,
            made.line.caller_number,
        )
        for made in lines
    ]
    records = list(history.week(parties, history.Carrier(trunk.pk, f"{trunk.host}:{trunk.port}"), time.time()))
    records += [_refused(record, rule) for record in records if record.direction == "outbound"][-3:]
    say(f"a week of {len(records)} calls, through the loader, rating and ledger")
    journal = Journal(settings.SPOOL_DIR / "history", "history", lambda callback: callback(), _disk_refused)
    for record in records:
        journal.append({"t": "end", "record": record.to_json()})
    journal.close()
    loader = Loader(settings.SPOOL_DIR)
    while loader.load_once(settle):
        pass
    while recompute_dirty():
        pass


def _disk_refused(error: OSError) -> None:
    raise SystemExit(f"the spool cannot be written: {error}")


def _refused(record: CallRecord, rule: Rule) -> CallRecord:
    """Turn a call into one to a satellite number that the rule refused."""
    return replace(
        record,
        call_id=secrets.token_hex(16),
        called="+88216543210",
        dialled="+88216543210",
        destination="+88216543210",
        b_trunk_id=None,
        answered_at=None,
        ringing_at=None,
        pdd_s=None,
        ended_at=record.started_at + 0.01,
        duration_s=0.0,
        ended_by="platform",
        sip_status=403,
        sip_reason="Forbidden",
        q850_cause=21,
        a_q850_cause=21,
        b_q850_cause=0,
        refusal_code=f"fraud.{rule.kind}",
        fraud_rule_id=rule.pk,
        attempts=(),
    )


def _invoices(say: Say, accounts: tuple[Account, Account]) -> None:
    say("an invoice for each customer")
    for account in accounts:
        today = datetime.now(ZoneInfo(account.seller.time_zone)).replace(hour=0, minute=0, second=0, microsecond=0)
        draft = draft_invoice(account, (today - timedelta(days=8), today))
        if draft is not None:
            finalise_invoice(draft)
