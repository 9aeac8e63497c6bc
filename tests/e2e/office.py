"""The back office of the platform under test: a process with Django and the platform's own settings.

The tests' process has its Django on other servers, so it asks this one: a line of JSON in, a line of JSON out. Each
public function here is one question.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

UNIT = 1_000_000_000
PASSWORD = "a-password-of-the-tests"
RATES = b"""prefix,destination,rate_per_minute,connect_fee,first_s,next_s
33,France by the call,0,1.0,1,1
49,Germany by the minute,0.6,0,60,60
44,United Kingdom by the second,0.6,0,1,1
"""
"""33: 1.00 a call however long; 49: 0.60 each begun minute; 44: 0.01 each begun second."""
CALLS_MAX = 1_000


def prepare() -> dict[str, Any]:
    """Make the deck of the tests; let the demo's trunk carry their load, and its rules for customers stand aside."""
    from billing.services.decks import create_deck, import_deck
    from fraud.models import Rule
    from fraud.services import update_rule
    from sip.models import Trunk
    from sip.services import update_trunk
    from tenants.models import Tenant

    for rule in Rule.objects.all():
        update_rule(rule, is_active=False)
    trunk = update_trunk(Trunk.objects.get(), calls_max=CALLS_MAX)
    deck = create_deck(tenant=Tenant.objects.get(slug="trunkco"), name="Tests")
    import_deck(deck, RATES, source="tests.csv")
    return {"deck": deck.pk, "trunk": trunk.pk, "trunk_host": trunk.host, "trunk_port": trunk.port}


def customer(name: str, balance_nanos: int, extensions: list[str], deck: int) -> dict[str, Any]:
    """Make a prepaid customer with lines; returns its ids, the lines as ``<name><extension>`` -> id."""
    from billing.choices import AccountMode
    from billing.models import RateDeck
    from billing.services.accounts import adjust_balance, open_account
    from sip.services import create_line as make_line
    from tenants.choices import TenantKind
    from tenants.models import Tenant
    from tenants.services import create_tenant

    operator = Tenant.objects.get(slug="trunkco")
    tenant = create_tenant(name=name, kind=TenantKind.CUSTOMER, parent=operator, country="US")
    account = open_account(tenant=tenant, mode=AccountMode.PREPAID, deck=RateDeck.objects.get(pk=deck))
    if balance_nanos:
        adjust_balance(account, balance_nanos, key=f"tests:{name}", memo="Opening balance")
    lines = {}
    for extension in extensions:
        line, _ = make_line(
            tenant, password=PASSWORD, username=f"{name}{extension}", extension=extension, calls_max=CALLS_MAX
        )
        lines[line.username] = line.pk
    return {"tenant": tenant.pk, "account": account.pk, "lines": lines}


def create_line(tenant: int, username: str, extension: str) -> int:
    """Make a line of an existing customer; returns its id."""
    from sip.services import create_line as make_line
    from tenants.models import Tenant

    line, _ = make_line(
        Tenant.objects.get(pk=tenant), password=PASSWORD, username=username, extension=extension, calls_max=CALLS_MAX
    )
    return line.pk


def block_line(line: int) -> bool:
    """Take a line out of service."""
    from sip.services import block_line as block

    return block(line, "a test")


def unblock_line(line: int) -> bool:
    """Put it back."""
    from sip.services import unblock_line as unblock

    return unblock(line)


def change_extension(line: int, extension: str) -> str:
    """Give a line another extension; returns it."""
    from sip.models import Line
    from sip.services import update_line

    return update_line(Line.objects.get(pk=line), extension=extension).extension


def give_number(number: str, tenant: int, line: int) -> str:
    """Put a number into stock and lead it to a line."""
    from dids.services import add_did, assign
    from sip.models import Line
    from tenants.models import Tenant

    did = add_did(Tenant.objects.get(slug="trunkco"), number)
    assign(did.pk, Tenant.objects.get(pk=tenant), Line.objects.get(pk=line))
    return number


def check_books() -> int:
    """Prove that the books balance; returns how many accounts were looked at."""
    from billing.ledger import check_books as check

    return check()


QUESTIONS: dict[str, Callable[..., Any]] = {
    question.__name__: question
    for question in (
        prepare, customer, create_line, block_line, unblock_line, change_extension, give_number, check_books,
    )
}  # fmt: skip


def main() -> None:
    """Answer until the input ends."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voip.settings")
    import django

    django.setup()
    from django.db import Error, close_old_connections

    from billing.errors import BooksDiffer
    from tenants.errors import DomainError
    from tenants.scope import actor_scope, system_scope

    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with system_scope(), actor_scope("tests"):
        for line in sys.stdin:
            name, arguments = json.loads(line)
            close_old_connections()  # The server may have been killed since the last question.
            try:
                answer = {"is": QUESTIONS[name](**arguments)}
            except (DomainError, Error, BooksDiffer) as error:
                answer = {"error": f"{type(error).__name__}: {error}"}
            answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()
