"""Reading of rate files: CSV bytes in, exact integer columns out, or every row at fault with line and reason.

Columns: ``prefix,destination,rate_per_minute,connect_fee,first_s,next_s`` and, if wanted, ``valid_from`` (ISO 8601,
UTC unless it says otherwise). Checks work on whole columns, so that 250,000 rows take seconds.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd

from billing.errors import FileTooLarge, ImportRefused, RowError
from billing.limits import (
    DECIMALS_MAX,
    DECK_ERRORS_MAX,
    DECK_FIELD_CHARS_MAX,
    DECK_FILE_BYTES_MAX,
    DECK_ROWS_MAX,
    DESTINATION_CHARS_MAX,
    INCREMENT_S_MAX,
    PREFIX_DIGITS_MAX,
    SUSPECT_UNITS_PER_MINUTE,
)
from billing.money import NANOS, exponent

REQUIRED = ("prefix", "destination", "rate_per_minute", "connect_fee", "first_s", "next_s")
OPTIONAL = ("valid_from",)


def read_rates(data: bytes, *, currency: str, valid_from: datetime) -> pd.DataFrame:
    """Return columns ``prefix, destination, nanos_per_minute, connect_fee_nanos, first_s, next_s, valid_from``.

    One row a rate, in the file's order; money is int64 nano-units, exact. ``valid_from`` of the call is the default
    of the column.

    Raises:
        FileTooLarge: more bytes or rows than a deck may have.
        ImportRefused: anything else is wrong; ``rows`` says where and why.
    """
    frame = _read_csv(_decode(data))
    checks = _Checks(frame, currency, valid_from)
    checks.run()
    if checks.errors:
        raise _refusal(checks.errors)
    return checks.result()


def _refusal(errors: list[RowError]) -> ImportRefused:
    ordered = sorted(errors, key=lambda error: (error.line, error.field))
    count = len({error.line for error in ordered})
    noun = "row is" if count == 1 else "rows are"
    return ImportRefused(
        f"{count} {noun} wrong; nothing was imported. First: {ordered[0]}", tuple(ordered[:DECK_ERRORS_MAX]), count
    )


def _decode(data: bytes) -> str:
    if len(data) > DECK_FILE_BYTES_MAX:
        raise FileTooLarge(f"the file has {len(data):,} bytes; at most {DECK_FILE_BYTES_MAX:,}")
    if not data.strip():
        raise ImportRefused("the file is empty")
    nul = data.find(b"\0")
    if nul >= 0:
        raise _refusal([RowError(data.count(b"\n", 0, nul) + 1, "", "a NUL byte: this is no text file")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _refusal([RowError(line, "", f"not UTF-8 (byte 0x{data[error.start]:02x})")]) from None
    if text.count("\n") > DECK_ROWS_MAX + 1:
        raise FileTooLarge(f"the file has more than {DECK_ROWS_MAX:,} rows")
    return text


def _read_csv(text: str) -> pd.DataFrame:
    try:
        frame = pd.read_csv(
            StringIO(text), dtype=str, keep_default_na=False, na_filter=False, skip_blank_lines=False, index_col=False
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError):
        raise _refusal(_wrong_widths(text)) from None
    frame.columns = [str(name).strip().lower() for name in frame.columns]
    _check_header(list(frame.columns))
    frame = frame.fillna("").apply(lambda column: column.str.strip())
    frame.index = _line_numbers(text, frame)
    frame = frame[(frame != "").any(axis=1)]
    if frame.empty:
        raise ImportRefused("the file has a header and no rows")
    return pd.DataFrame(frame)


def _wrong_widths(text: str) -> list[RowError]:
    """Find the rows whose number of fields is not the header's; the reader in C names only the first."""
    reader = csv.reader(StringIO(text), strict=True)
    errors: list[RowError] = []
    width = 0
    try:
        for row in reader:
            width = width or len(row)
            if len(row) > width:
                errors.append(RowError(reader.line_num, "", f"{len(row)} fields instead of {width}"))
    except csv.Error as error:
        errors.append(RowError(reader.line_num, "", str(error)))
    return errors or [RowError(1, "", "not a CSV file")]


def _check_header(names: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise _refusal([RowError(1, name, "this column is missing") for name in missing])
    unknown = [name for name in names if name not in REQUIRED + OPTIONAL]
    if unknown:
        raise _refusal([RowError(1, name[:40], "no such column, or it comes twice") for name in unknown])


def _line_numbers(text: str, frame: pd.DataFrame) -> pd.Index[int]:
    """Return the line each row ends on; quoted line breaks push the ones after them down."""
    if text.count("\n") - (not text.endswith("\n")) + 1 <= len(frame) + 2 and '"' not in text:
        return pd.RangeIndex(2, len(frame) + 2)
    breaks = pd.DataFrame({name: frame[name].str.count("\n") for name in frame.columns}).sum(axis=1)
    lines: pd.Index[int] = pd.Index(np.arange(2, len(frame) + 2) + breaks.cumsum().to_numpy(dtype=np.int64))
    return lines


class _Checks:
    """Collects what is wrong with each row; a row is reported once a field, with its first fault."""

    def __init__(self, frame: pd.DataFrame, currency: str, valid_from: datetime) -> None:
        self._frame = frame
        self._valid_from = valid_from
        self._rate_max = SUSPECT_UNITS_PER_MINUTE * 10 ** (2 - exponent(currency)) * NANOS
        self._currency = currency
        self._result: dict[str, pd.Series[Any]] = {}
        self.errors: list[RowError] = []

    def run(self) -> None:
        """Check every column and keep its value."""
        frame = self._frame
        bad = self._over_long()
        self._result["prefix"] = self._prefix(frame["prefix"], bad)
        self._result["destination"] = self._destination(frame["destination"], bad)
        self._result["nanos_per_minute"] = self._money("rate_per_minute", bad)
        self._result["connect_fee_nanos"] = self._money("connect_fee", bad)
        self._result["first_s"] = self._seconds("first_s", bad)
        self._result["next_s"] = self._seconds("next_s", bad)
        self._result["valid_from"] = self._since(bad)
        self._no_duplicates()

    def result(self) -> pd.DataFrame:
        """Return the values; only when nothing is wrong."""
        return pd.DataFrame(self._result)

    def _refuse(self, field: str, wrong: pd.Series[bool], reason: str | Callable[[str], str]) -> pd.Series[bool]:
        """Note the rows where ``wrong`` holds; returns it."""
        values = self._frame[field]
        for line in wrong.index[wrong]:
            text = str(values.loc[line])
            self.errors.append(RowError(int(line), field, reason(text) if callable(reason) else reason))
        return wrong

    def _over_long(self) -> pd.Series[bool]:
        bad = pd.Series(False, index=self._frame.index)
        for name in self._frame.columns:
            values = self._frame[name]
            long = self._refuse(
                name, values.str.len() > DECK_FIELD_CHARS_MAX, f"over {DECK_FIELD_CHARS_MAX} characters"
            )
            control = values.str.contains(r"[\x00-\x1f\x7f]", regex=True) & ~long
            bad |= long | self._refuse(name, control, "a control character or line break")
        return bad

    def _prefix(self, values: pd.Series[str], bad: pd.Series[bool]) -> pd.Series[str]:
        good = values.str.fullmatch(rf"[0-9]{{1,{PREFIX_DIGITS_MAX}}}")
        self._refuse("prefix", ~good & ~bad, lambda text: f"{text!r} is not 1 to {PREFIX_DIGITS_MAX} digits")
        return values

    def _destination(self, values: pd.Series[str], bad: pd.Series[bool]) -> pd.Series[str]:
        blank = self._refuse("destination", (values == "") & ~bad, "is empty")
        long = self._refuse(
            "destination", (values.str.len() > DESTINATION_CHARS_MAX) & ~bad, f"over {DESTINATION_CHARS_MAX} characters"
        )
        formula = values.str.match(r"[=+\-@]") & ~bad & ~blank & ~long
        self._refuse("destination", formula, lambda text: f"{text[:40]!r} would be a formula in a spreadsheet")
        return values

    def _money(self, field: str, bad: pd.Series[bool]) -> pd.Series[int]:
        values = self._frame[field]
        negative = self._refuse(field, values.str.fullmatch(r"-[0-9.]+") & ~bad, lambda text: f"{text} is negative")
        bad = bad | negative
        form = values.str.fullmatch(r"[0-9]{1,9}(\.[0-9]+)?")
        bad |= self._refuse(field, ~form & ~bad, lambda text: f"{text[:40]!r} is not a decimal such as 0.0125")
        parts = values.where(~bad, "0").str.partition(".")
        fraction = parts[2].str.rstrip("0")
        fine = fraction.str.len() > DECIMALS_MAX
        bad |= self._refuse(field, fine & ~bad, lambda text: f"{text[:40]} has more than {DECIMALS_MAX} decimals")
        nanos: pd.Series[int] = parts[0].astype("int64") * NANOS + fraction.where(~fine, "").str.ljust(9, "0").astype(
            "int64"
        )
        self._refuse(
            field,
            (nanos > self._rate_max) & ~bad,
            lambda text: f"{text} {self._currency}: the unit looks wrong; rates are per minute, in whole units",
        )
        return nanos

    def _seconds(self, field: str, bad: pd.Series[bool]) -> pd.Series[int]:
        values = self._frame[field]
        form = values.str.fullmatch(r"[0-9]{1,6}")
        bad = bad | self._refuse(field, ~form & ~bad, lambda text: f"{text[:40]!r} is not a whole number of seconds")
        seconds = values.where(~bad, "1").astype("int64")
        self._refuse(field, (seconds == 0) & ~bad, "an increment of 0 s")
        self._refuse(field, (seconds > INCREMENT_S_MAX) & ~bad, lambda text: f"{text} s is over {INCREMENT_S_MAX} s")
        return seconds

    def _since(self, bad: pd.Series[bool]) -> pd.Series[Any]:
        if "valid_from" not in self._frame:
            return pd.Series(self._valid_from, index=self._frame.index, dtype=object)
        values = self._frame["valid_from"]
        moments = {text: _moment(text, self._valid_from) for text in values.unique()}
        times = values.map(moments)
        unread = self._refuse(
            "valid_from", times.isna() & ~bad, lambda text: f"{text[:40]!r} is not a date or time (ISO 8601)"
        )
        early = pd.Series([moment is not None and moment < self._valid_from for moment in times], index=values.index)
        self._refuse(
            "valid_from",
            early & ~bad & ~unread,
            lambda text: f"{text} is before the version's {self._valid_from:%F %R}",
        )
        return times

    def _no_duplicates(self) -> None:
        keys = pd.DataFrame({"prefix": self._result["prefix"], "valid_from": self._result["valid_from"]})
        again = keys.duplicated() & (keys["prefix"] != "")
        if not again.any():
            return
        first: dict[tuple[str, datetime], int] = {}
        for line, prefix, moment in zip(keys.index, keys["prefix"], keys["valid_from"], strict=True):
            before = first.setdefault((prefix, moment), int(line))
            if before != line and prefix:
                self.errors.append(RowError(int(line), "prefix", f"{prefix} stands already on line {before}"))


def _moment(text: str, default: datetime) -> datetime | None:
    if not text:
        return default
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
