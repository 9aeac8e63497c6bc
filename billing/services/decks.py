"""Use cases of rate decks: a whole price list from a file, a single rate, a quote."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import F, Max, Min, Q
from django.utils import timezone

from billing.choices import DeckKind
from billing.deck_file import read_rates
from billing.models import DeckVersion, Rate, RateDeck, TrunkDeck
from billing.money import exponent
from billing.rating import Charge, charge_nanos
from billing.rating import Rate as RateValue
from sip.models import Trunk
from tenants.choices import TenantKind
from tenants.errors import Conflict, DomainError
from tenants.models import Tenant

_COLUMNS = "prefix, destination, nanos_per_minute, connect_fee_nanos, first_s, next_s, valid_from"
_STAGE = """
CREATE TEMPORARY TABLE billing_stage (
  prefix text, destination text, nanos_per_minute bigint, connect_fee_nanos bigint,
  first_s smallint, next_s smallint, valid_from timestamptz
) ON COMMIT DROP
"""
_CUT = "(SELECT prefix, min(valid_from) AS cut FROM billing_stage GROUP BY prefix) s"
# What would begin at or after its cut was never in force, or is said anew; what runs past its cut ends there.
_DROP_LATER = f"""
DELETE FROM billing_rate r USING billing_rate o LEFT JOIN {_CUT} ON s.prefix = o.prefix
WHERE r.id = o.id AND o.deck_id = %(deck)s AND o.valid_from >= coalesce(s.cut, %(at)s)
"""
_CUT_OFF = f"""
UPDATE billing_rate r SET valid_to = coalesce(s.cut, %(at)s) FROM billing_rate o LEFT JOIN {_CUT} ON s.prefix = o.prefix
WHERE r.id = o.id AND o.deck_id = %(deck)s AND (o.valid_to IS NULL OR o.valid_to > coalesce(s.cut, %(at)s))
"""
_TAKE = f"""
INSERT INTO billing_rate (tenant_id, deck_id, version_id, {_COLUMNS}, valid_to)
SELECT %(tenant)s, %(deck)s, %(version)s, {_COLUMNS},
  lead(valid_from) OVER (PARTITION BY prefix ORDER BY valid_from)
FROM billing_stage ORDER BY prefix, valid_from
"""


@dataclass(frozen=True, slots=True)
class Quote:
    """What a call would cost."""

    rate: RateValue
    charge: Charge
    currency: str


@transaction.atomic
def create_deck(*, tenant: Tenant, name: str, currency: str = "", kind: DeckKind | str = DeckKind.CUSTOMER) -> RateDeck:
    """Create an empty deck of a seller (of the operator for a vendor's prices).

    Raises:
        DomainError: unknown currency, a customer as seller, or the name is taken; ``field`` says which.
    """
    currency = currency or tenant.currency
    try:
        exponent(currency)
    except ValueError as error:
        raise DomainError(str(error), field="currency") from None
    if tenant.kind == TenantKind.CUSTOMER:
        raise DomainError("a customer sells nothing", field="tenant")
    if RateDeck.objects.of(tenant).filter(name=name).exists():
        raise DomainError(f"there is a deck {name!r} already", field="name", code="exists")
    return RateDeck.objects.create(tenant=tenant, name=name, currency=currency, kind=DeckKind(kind))


def import_deck(deck: RateDeck, data: bytes, *, source: str, valid_from: datetime | None = None) -> DeckVersion:
    """Take a whole price list from a CSV file, in force from ``valid_from`` (now): all of it or nothing.

    Rates the file does not name end at ``valid_from``. A row with a later date of its own leaves the former rate of
    its prefix in force until then.

    Raises:
        FileTooLarge, ImportRefused: as ``billing.deck_file.read_rates``.
        Conflict: a price list of the deck begins at that moment or later.
    """
    at = valid_from or timezone.now()
    frame = read_rates(data, currency=deck.currency, valid_from=at)
    with transaction.atomic(), connection.cursor() as cursor:
        _lock(deck)
        newest = deck.versions.filter(is_complete=True).aggregate(at=Max("valid_from"))["at"]
        if newest is not None and newest >= at:
            raise Conflict(f"a price list is in force from {newest:%F %R} UTC; choose a later time")
        version = _next_version(deck, at, source, len(frame), is_complete=True)
        cursor.execute(_STAGE)
        text = frame.to_csv(None, index=False, header=False, date_format="%Y-%m-%dT%H:%M:%S.%f%z")
        with cursor.copy(f"COPY billing_stage ({_COLUMNS}) FROM STDIN (FORMAT csv)") as copy:
            for chunk in iter(_reader(text), ""):
                copy.write(chunk)
        values: dict[str, Any] = {"deck": deck.pk, "tenant": deck.tenant_id, "version": version.pk, "at": at}
        for statement in (_DROP_LATER, _CUT_OFF, _TAKE):
            cursor.execute(statement, values)
        cursor.execute("DROP TABLE billing_stage")
    return version


def _reader(text: str) -> Any:
    stream = StringIO(text)
    return lambda: stream.read(1 << 20)


def _lock(deck: RateDeck) -> None:
    """Lock the deck and raise its revision: whoever compiled its rates compiles them anew."""
    RateDeck.objects.select_for_update().get(pk=deck.pk)
    RateDeck.objects.filter(pk=deck.pk).update(revision=F("revision") + 1)


def _next_version(deck: RateDeck, at: datetime, source: str, row_count: int, *, is_complete: bool) -> DeckVersion:
    newest = deck.versions.aggregate(number=Max("number"))["number"] or 0
    return DeckVersion.objects.create(
        tenant_id=deck.tenant_id,
        deck=deck,
        number=newest + 1,
        valid_from=at,
        source=source[:200],
        row_count=row_count,
        is_complete=is_complete,
    )


@transaction.atomic
def set_rate(
    deck: RateDeck,
    *,
    prefix: str,
    destination: str,
    nanos_per_minute: int,
    connect_fee_nanos: int = 0,
    first_s: int = 1,
    next_s: int = 1,
    valid_from: datetime | None = None,
) -> Rate:
    """Set the rate of one prefix from a time on (now): the one in force then ends, what comes later stays.

    Raises:
        DomainError: a value is out of range; ``field`` says which.
        Conflict: a rate of the prefix begins at that very moment.
    """
    at = valid_from or timezone.now()
    _lock(deck)
    same = Rate.objects.filter(deck=deck, prefix=prefix)
    if same.filter(valid_from=at).exists():
        raise Conflict(f"a rate of {prefix} begins at {at:%F %T} UTC already", field="valid_from")
    ends = [
        same.filter(valid_from__gt=at).aggregate(at=Min("valid_from"))["at"],
        deck.versions.filter(is_complete=True, valid_from__gt=at).aggregate(at=Min("valid_from"))["at"],
        *same.in_force(at).values_list("valid_to", flat=True),
    ]
    rate = Rate(
        tenant_id=deck.tenant_id,
        deck=deck,
        prefix=prefix,
        destination=destination.strip(),
        nanos_per_minute=nanos_per_minute,
        connect_fee_nanos=connect_fee_nanos,
        first_s=first_s,
        next_s=next_s,
        valid_from=at,
        valid_to=min((end for end in ends if end is not None), default=None),
    )
    _check_rate(rate)
    same.in_force(at).update(valid_to=at)
    rate.version = _next_version(deck, at, f"rate of {prefix}", 1, is_complete=False)
    rate.save(force_insert=True)
    return rate


def _check_rate(rate: Rate) -> None:
    try:
        rate.clean_fields(exclude=["tenant", "deck", "version", "valid_from", "valid_to"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise DomainError(messages[0], field=field) from None


@transaction.atomic
def end_rate(rate: Rate, at: datetime | None = None) -> None:
    """Let a rate end (now): calls to its prefix then cost what the next shorter prefix says.

    Raises:
        Conflict: it has ended already, or has not begun.
    """
    moment = at or timezone.now()
    _lock(rate.deck)
    changed = (
        Rate.objects.filter(Q(valid_to__isnull=True) | Q(valid_to__gt=moment), pk=rate.pk, valid_from__lt=moment)
    ).update(valid_to=moment)
    if not changed:
        raise Conflict("the rate is not in force at that time")
    _next_version(rate.deck, moment, f"end of {rate.prefix}", 0, is_complete=False)
    rate.refresh_from_db(fields=["valid_to"])


def quote(deck: RateDeck, number: str, duration_s: int, at: datetime | None = None) -> Quote | None:
    """Return what a call would cost that starts at a time (now); ``None`` when the deck has no rate for the number.

    The price is the rating function's own; the rate is found by the longest prefix in the table, which spares the
    compiling of the deck for one question.
    """
    digits = number.removeprefix("+")
    rates = Rate.objects.filter(deck=deck).in_force(at or timezone.now()).matching(digits)
    row = rates.first()
    if row is None:
        return None
    rate = RateValue(row.prefix, row.destination, row.nanos_per_minute, row.connect_fee_nanos, row.first_s, row.next_s)
    return Quote(rate, charge_nanos(duration_s, rate), deck.currency)


@transaction.atomic
def assign_vendor_deck(trunk: Trunk, deck: RateDeck) -> TrunkDeck:
    """Say what the carrier behind a trunk charges.

    Raises:
        DomainError: not a vendor's deck, or one of another tenant than the trunk's.
    """
    if deck.kind != DeckKind.VENDOR:
        raise DomainError("a trunk is priced by a vendor's deck", field="deck")
    if deck.tenant_id != trunk.tenant_id:
        raise DomainError("the deck belongs to another tenant than the trunk", field="deck")
    assigned, _ = TrunkDeck.objects.update_or_create(trunk=trunk, defaults={"deck": deck, "tenant_id": trunk.tenant_id})
    return assigned
