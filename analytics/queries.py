"""Questions the dashboard and the API ask of the roll-ups, answered as pandas frames in the caller's tenant scope.

Imported only where a question is asked: pandas takes half a second and 60 MiB, which no other process shall pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
from django.db.models import F, QuerySet, Sum

from analytics.choices import Basis
from analytics.destinations import label_of
from analytics.kpis import PDD_CLASSES, Tally, margin_percent
from analytics.models import HourlyTraffic
from analytics.windows import Window
from billing.models import Invoice
from sip.models import Trunk
from tenants.models import Tenant

COUNTS = ("seizures", "answered", "effective", "refused", "duration_ms", "pdd_count", "pdd_sum_ms")
MONEY = ("revenue_nanos", "cost_nanos", "unrated", "uncosted")
CLASSES = tuple(f"pdd_class_{index}" for index in range(PDD_CLASSES))
SUMS = (*COUNTS, *MONEY, *CLASSES)

AGES = (("Not due", None), ("1–30 days", 0), ("31–60 days", 30), ("61–90 days", 60), ("Over 90 days", 90))
"""Age classes of open invoices: label, and the days past due it is above."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked about: hours in ``[start, end)``, of one tenant or of all in scope."""

    start: datetime
    end: datetime
    tenant_id: int | None = None
    direction: str = ""

    @classmethod
    def of(cls, window: Window, tenant_id: int | None = None) -> Selection:
        """Return the selection of a window of days."""
        return cls(window.start, window.end, tenant_id)

    def rows(self, basis: Basis) -> QuerySet[HourlyTraffic]:
        """Return the roll-ups asked about."""
        rows = HourlyTraffic.objects.visible().between(self.start, self.end).filter(basis=basis)
        if self.tenant_id is not None:
            rows = rows.filter(tenant_id=self.tenant_id)
        return rows.filter(direction=self.direction) if self.direction else rows


def traffic(selection: Selection, by: Sequence[str], basis: Basis = Basis.CALL) -> pd.DataFrame:
    """Return sums by the columns ``by`` and ``currency``: one row each, columns ``by``, ``currency`` and ``SUMS``."""
    sums: dict[str, Any] = {f"sum_{name}": Sum(name) for name in (*COUNTS, *MONEY)}
    sums |= {f"sum_{name}": Sum(F(f"pdd_histogram__{index}")) for index, name in enumerate(CLASSES)}
    keys = [*by, "currency"]
    rows = selection.rows(basis).order_by(*keys).values_list(*keys).annotate(**sums)
    frame = pd.DataFrame.from_records(list(rows), columns=[*keys, *SUMS])
    return frame.astype(dict.fromkeys(SUMS, "int64"))


def figures(selection: Selection, by: Sequence[str], basis: Basis = Basis.CALL) -> list[dict[str, Any]]:
    """Return every figure by the columns ``by`` (none: one row in all), money by currency in ``money``."""
    frame = traffic(selection, by, basis)
    if frame.empty:
        return []
    groups: Any = frame.groupby(list(by), sort=True, dropna=False) if by else [((), frame)]
    answers = []
    for keys, group in groups:
        counts = group[[*COUNTS, *CLASSES]].sum()
        row: dict[str, Any] = dict(zip(by, keys, strict=True)) | tally_of(counts).figures()
        row["money"] = {str(line["currency"]): money_of(line) for _, line in group.iterrows()}
        answers.append(row)
    return answers


def tally_of(counts: Any) -> Tally:
    """Return a row of sums as a value that knows the figures."""
    histogram = tuple(int(counts[name]) for name in CLASSES)
    return Tally(pdd_histogram=histogram, **{name: int(counts[name]) for name in COUNTS})


def money_of(sums: Any) -> dict[str, Any]:
    """Return the money of one currency: revenue, cost, margin, and how many calls lack a price or a cost."""
    revenue, cost = int(sums["revenue_nanos"]), int(sums["cost_nanos"])
    return {
        "revenue_nanos": revenue,
        "cost_nanos": cost,
        "margin_nanos": revenue - cost,
        "margin_percent": margin_percent(revenue, cost),
        "unrated": int(sums["unrated"]),
        "uncosted": int(sums["uncosted"]),
    }


def currencies(selection: Selection) -> list[str]:
    """Return the currencies that have money in the window, the one with most revenue first."""
    frame = traffic(selection, ())
    found = frame[(frame["revenue_nanos"] != 0) | (frame["cost_nanos"] != 0)]
    return [str(currency) for currency in found.sort_values("revenue_nanos", ascending=False)["currency"]]


def by_period(selection: Selection, window: Window, currency: str) -> pd.DataFrame:
    """Return one row for every day (or hour, in a short window), those without calls too, in the window's zone.

    The index is the text a chart shows. Columns are counts, ``revenue_nanos``, ``cost_nanos``, ``margin_nanos`` of
    the currency, and ``asr``, which is NaN where there was no call.
    """
    frame = traffic(selection, ["hour"])
    pattern = "%a %H:%M" if window.is_by_hour else "%Y-%m-%d"
    local = pd.to_datetime(frame["hour"], utc=True).dt.tz_convert(window.zone)
    frame["period"] = local.dt.strftime(pattern)
    wanted = [hour.astimezone(window.zone).strftime(pattern) for hour in window.hours]
    every = list(dict.fromkeys(wanted))
    counts = frame.groupby("period")[list(COUNTS)].sum()
    money = frame[frame["currency"] == currency].groupby("period")[list(MONEY)].sum()
    table = counts.join(money, how="outer").reindex(every).fillna(0).astype("int64")
    table["margin_nanos"] = table["revenue_nanos"] - table["cost_nanos"]
    table["asr"] = 100 * table["answered"] / table["seizures"].where(table["seizures"] > 0)
    return table


def by_group(selection: Selection, by: str, currency: str) -> pd.DataFrame:
    """Return figures by ``destination``, ``tenant`` or ``trunk``, the most revenue (then the most calls) first.

    Columns: ``key``, ``label``, the figures of ``Tally.figures`` and the money of ``currency``. Trunks count attempts,
    apart by direction.
    """
    keys = ["trunk", "direction"] if by == "trunk" else [by]
    rows = figures(selection, keys, Basis.TRUNK if by == "trunk" else Basis.CALL)
    labels = labels_of(by, [row[by] for row in rows])
    nothing = money_of(dict.fromkeys(MONEY, 0))
    table = pd.DataFrame(
        [
            {"key": row[by], "label": labels[row[by]] + (f", {row['direction']}" if by == "trunk" else "")}
            | {name: value for name, value in row.items() if name not in {*keys, "money"}}
            | row["money"].get(currency, nothing)
            for row in rows
        ],
        dtype=object,
    )
    return (
        table if table.empty else table.sort_values(["revenue_nanos", "seizures"], ascending=False, ignore_index=True)
    )


def labels_of(by: str, keys: Sequence[Any]) -> dict[Any, str]:
    """Return what the groups of a question are called."""
    if by == "destination":
        return {key: label_of(key) for key in keys}
    model: Any = {"tenant": Tenant, "trunk": Trunk}[by]
    names = dict(model.objects.visible().filter(pk__in=keys).values_list("pk", "name"))
    return {key: names.get(key, f"{by} {key}") for key in keys}


def ageing(now: datetime, currency: str, tenant_id: int | None = None) -> pd.DataFrame:
    """Return open invoices by days past due: one row a class of ``AGES``, with ``invoices`` and ``due_nanos``."""
    rows = Invoice.objects.visible().open().filter(currency=currency)
    if tenant_id is not None:
        rows = rows.filter(tenant_id=tenant_id)
    records = [
        ((now - due_at).total_seconds() / 86_400 if due_at is not None else -1.0, payable - paid)
        for due_at, payable, paid in rows.values_list("due_at", "payable_nanos", "paid_nanos")
    ]
    frame = pd.DataFrame.from_records(records, columns=["age_days", "due_nanos"])
    bounds = [-float("inf"), *(float(above) for _, above in AGES if above is not None), float("inf")]
    frame["age"] = pd.cut(frame["age_days"], bounds, labels=[label for label, _ in AGES])
    table = frame.groupby("age", observed=False)["due_nanos"].agg(["count", "sum"])
    return table.rename(columns={"count": "invoices", "sum": "due_nanos"}).astype("int64")
