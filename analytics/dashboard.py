"""What the billing dashboard shows, made of the answers of ``analytics.queries``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from analytics import limits, queries
from analytics.figures import SEIZURES_FEW, change_text, figure_text
from analytics.kpis import KPIS
from analytics.queries import Selection
from analytics.windows import Window
from billing.money import NANOS, format_money


@dataclass(frozen=True, slots=True)
class Choice:
    """What the viewer looks at."""

    window: Window
    tenant_id: int | None
    currency: str
    is_operator: bool

    @property
    def selection(self) -> Selection:
        """The question to the roll-ups."""
        return Selection.of(self.window, self.tenant_id)


@dataclass(frozen=True, slots=True)
class Tile:
    """One large figure."""

    key: str
    text: str
    change: str
    mood: str
    """``good`` or ``bad`` where the change is either, else ``""``."""
    note: str = ""


OPERATOR_TILES = ("revenue", "cost", "margin", "seizures", "minutes", "asr", "acd_s", "pdd_mean_s")
TENANT_TILES = ("charges", "seizures", "answered", "minutes", "asr", "acd_s", "pdd_mean_s", "ner")


def tiles(choice: Choice) -> list[Tile]:
    """Return the large figures, each against the window before, if enough happened then to compare with."""
    now = _flat(choice, choice.selection)
    before = _flat(choice, Selection.of(choice.window.before(), choice.tenant_id))
    if before.get("seizures", 0) < SEIZURES_FEW:
        before = {}
    return [_tile(choice, key, now, before) for key in (OPERATOR_TILES if choice.is_operator else TENANT_TILES)]


def _flat(choice: Choice, selection: Selection) -> dict[str, Any]:
    rows = queries.figures(selection, [])
    if not rows:
        return {}
    money = rows[0]["money"].get(choice.currency, queries.money_of(dict.fromkeys(queries.MONEY, 0)))
    # With no call counted there is no data; money may still stand there, and then it is shown.
    is_empty = not rows[0]["seizures"] and not money["revenue_nanos"] and not money["cost_nanos"]
    if is_empty:
        return {}
    names = ("revenue", "cost", "margin")
    amounts = {name: money[f"{name}_nanos"] for name in names} | {"charges": money["revenue_nanos"]}
    return rows[0] | amounts | {"money": money}


def _tile(choice: Choice, key: str, now: dict[str, Any], before: dict[str, Any]) -> Tile:
    kpi, value = KPIS[key], now.get(key)
    text = figure_text(key, value)
    if kpi.unit == "money" and value is not None:
        text = format_money(value, choice.currency)
    change = change_text(value, before.get(key), kpi.unit)
    mood = ""
    if change and kpi.better != "none" and value != before.get(key):
        mood = "good" if (value > before[key]) == (kpi.better == "high") else "bad"
    return Tile(key, text, change, mood, _note(choice, key, now.get("money", {})))


def _note(choice: Choice, key: str, money: dict[str, Any]) -> str:
    if key in {"revenue", "charges"} and money.get("unrated"):
        return f"{money['unrated']:,} calls not rated yet"
    if choice.is_operator and key == "cost" and money.get("uncosted"):
        return f"{money['uncosted']:,} calls without a known cost"
    if key == "margin" and money.get("margin_percent") is not None:
        return f"{money['margin_percent']:.1f} % of revenue"
    return ""


def charts(choice: Choice, now: datetime) -> dict[str, Any]:
    """Return the charts' data as JSON-ready values; money in units of the currency, ``None`` where there is no data."""
    table = queries.by_period(choice.selection, choice.window, choice.currency)
    ages = queries.ageing(now, choice.currency, choice.tenant_id)
    data: dict[str, Any] = {
        "currency": choice.currency,
        "zone": str(choice.window.zone),
        "period": "hour" if choice.window.is_by_hour else "day",
        "periods": list(table.index),
        "revenue": _units(table["revenue_nanos"]),
        "answered": [int(value) for value in table["answered"]],
        "failed": [int(value) for value in table["seizures"] - table["answered"]],
        "asr": [None if pd.isna(value) else round(float(value), 1) for value in table["asr"]],
        "ages": [str(label) for label in ages.index],
        "due": _units(ages["due_nanos"]),
        "invoices": [int(value) for value in ages["invoices"]],
    }
    if choice.is_operator:
        data |= {"cost": _units(table["cost_nanos"]), "margin": _units(table["margin_nanos"])}
    return data


def _units(nanos: Any) -> list[float]:
    return [round(int(value) / NANOS, 4) for value in nanos]


def table(choice: Choice, by: str, count: int | None = None) -> list[dict[str, Any]]:
    """Return the rows of a table of groups; ``share`` is a row's part of the greatest revenue, in per cent."""
    frame = queries.by_group(choice.selection, by, choice.currency)
    rows: list[dict[str, Any]] = (frame.head(count) if count else frame).to_dict("records")  # type: ignore[assignment]
    most = max((row["revenue_nanos"] for row in rows), default=0)
    for row in rows:
        row["share"] = round(100 * row["revenue_nanos"] / most) if most > 0 else 0
        row["few"] = row["seizures"] < SEIZURES_FEW
    return rows


def quality(choice: Choice, by: str) -> list[dict[str, Any]]:
    """Return the rows of a table of quality: the busiest first."""
    rows = [row for row in table(choice, by) if row["seizures"]]
    return sorted(rows, key=lambda row: -row["seizures"])[: limits.TOP_DESTINATIONS]


EXPORTS = {
    "days": "Revenue and calls by day",
    "destination": "Destinations",
    "tenant": "Tenants",
    "trunk": "Trunks",
    "ageing": "Open invoices by age",
}
OPERATORS_EXPORTS = frozenset({"trunk"})
_OPERATORS_COLUMNS = ["cost", "margin", "margin_percent", "uncosted"]


def export(choice: Choice, what: str, now: datetime) -> str:
    """Return one table of ``EXPORTS`` as CSV: money as decimals in the currency, times in the window's zone."""
    frame = _exported(choice, what, now)
    for column in [name for name in frame.columns if str(name).endswith("_nanos")]:
        frame[str(column).removesuffix("_nanos")] = [f"{int(value) / NANOS:.4f}" for value in frame.pop(column)]
    frame.insert(len(frame.columns), "currency", choice.currency)
    if not choice.is_operator:
        frame = frame.drop(columns=_OPERATORS_COLUMNS, errors="ignore")
    return frame.map(_rounded).to_csv(index=False, lineterminator="\r\n")


def _rounded(value: Any) -> Any:
    return f"{value:.3f}" if isinstance(value, float) and not pd.isna(value) else value


def _exported(choice: Choice, what: str, now: datetime) -> pd.DataFrame:
    if what == "ageing":
        return queries.ageing(now, choice.currency, choice.tenant_id).reset_index()
    if what == "days":
        frame = queries.by_period(choice.selection, choice.window, choice.currency)
        return frame.drop(columns=["duration_ms", "pdd_count", "pdd_sum_ms"]).reset_index(names="period")
    frame = queries.by_group(choice.selection, what, choice.currency)
    if not frame.empty:
        # A spreadsheet takes a text that begins so for a formula.
        frame["label"] = ["'" + text if text[:1] in "=+-@\t\r" else text for text in frame["label"]]
    return frame
