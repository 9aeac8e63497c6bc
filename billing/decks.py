"""A rate deck compiled to sorted, disjoint intervals of numbers: longest-prefix match is one binary search. Pure.

A number becomes a 60-bit key of fifteen 4-bit digits, ``0``-``9`` as 1-10, padded with 0 ("the number has ended"), so
that keys sort as the digit strings do and a number shorter than a prefix never matches it. A prefix then covers one
interval of keys; nested prefixes are flattened. The same arrays serve one live call (``bisect``) and a million records
(``numpy.searchsorted``), and may be memory-mapped files that all processes share.
"""

from __future__ import annotations

import json
import tempfile
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from billing.limits import PREFIX_DIGITS_MAX
from billing.rating import Rate

_ASCII_TO_HEX = bytes.maketrans(b"0123456789", b"123456789a")
_NO_RATE = -1
_ARRAYS = ("starts", "rows", "nanos_per_minute", "connect_fee_nanos", "first_s", "next_s", "prefixes", "names")

Ints = NDArray[np.int64]


def number_key(digits: str) -> int:
    """Return the sort key of a digit string; digits past the fifteenth do not count.

    Raises:
        ValueError: empty, or not only digits 0-9.
    """
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError(f"not a digit string: {digits[:20]!r}")
    return int(digits[:PREFIX_DIGITS_MAX].encode().translate(_ASCII_TO_HEX).ljust(PREFIX_DIGITS_MAX, b"0"), 16)


def _digits_of(number: str) -> str:
    digits = number[1:] if number[:1] == "+" else number
    return digits if digits.isascii() and digits.isdigit() else ""


def number_keys(numbers: Sequence[str]) -> Ints:
    """Return the keys of many numbers, with or without ``+``, shape ``(numbers,)``; -1 for what is no number."""
    width = PREFIX_DIGITS_MAX
    text = np.array([_digits_of(number)[:width].encode() for number in numbers], dtype=f"S{width}")
    digits = text.view(np.uint8).reshape(len(numbers), width).astype(np.int64)
    nibbles = np.where(digits == 0, 0, digits - ord("0") + 1)
    shifts = 4 * np.arange(PREFIX_DIGITS_MAX - 1, -1, -1, dtype=np.int64)
    return np.where(nibbles[:, 0] > 0, (nibbles << shifts).sum(axis=1), -1)


@dataclass(frozen=True, slots=True)
class RateColumns:
    """The rates of many calls as columns, each of shape ``(calls,)``; a call without a rate has zeros."""

    found: NDArray[np.bool_]
    row: Ints
    nanos_per_minute: Ints
    connect_fee_nanos: Ints
    first_s: Ints
    next_s: Ints


class CompiledDeck:
    """All rates of one deck at one time."""

    def __init__(
        self, deck_id: int, currency: str, version: int, arrays: dict[str, NDArray[Any]], names: Sequence[str]
    ) -> None:
        self.deck_id = deck_id
        self.currency = currency
        self.version = version
        self._arrays = arrays
        self._names = tuple(names)
        # Items of a memoryview come as plain ints: bisect over a numpy array would make a numpy scalar at each step.
        self._starts = memoryview(np.ascontiguousarray(arrays["starts"]).data)
        self._rows = memoryview(np.ascontiguousarray(arrays["rows"]).data)
        self._cache: dict[int, Rate] = {}

    @classmethod
    def compile(cls, rates: Iterable[Rate], *, deck_id: int = 0, currency: str = "", version: int = 0) -> CompiledDeck:
        """Flatten rates whose prefixes differ into disjoint intervals.

        Raises:
            ValueError: a prefix comes twice, or is not 1 to 15 digits.
        """
        ordered = sorted(rates, key=lambda rate: rate.prefix)
        starts, rows = _flatten([rate.prefix for rate in ordered])
        names = sorted({rate.destination for rate in ordered})
        position = {name: index for index, name in enumerate(names)}
        arrays: dict[str, NDArray[Any]] = {
            "starts": np.array(starts, dtype=np.int64),
            "rows": np.array(rows, dtype=np.int32),
            "nanos_per_minute": np.array([rate.nanos_per_minute for rate in ordered], dtype=np.int64),
            "connect_fee_nanos": np.array([rate.connect_fee_nanos for rate in ordered], dtype=np.int64),
            "first_s": np.array([rate.first_s for rate in ordered], dtype=np.int32),
            "next_s": np.array([rate.next_s for rate in ordered], dtype=np.int32),
            "prefixes": np.array([rate.prefix for rate in ordered], dtype=f"S{PREFIX_DIGITS_MAX}"),
            "names": np.array([position[rate.destination] for rate in ordered], dtype=np.int32),
        }
        return cls(deck_id, currency, version, arrays, names)

    def __reduce__(self) -> tuple[object, ...]:
        return (CompiledDeck, (self.deck_id, self.currency, self.version, self._arrays, self._names))

    def __len__(self) -> int:
        return len(self._arrays["prefixes"])

    def lookup(self, number: str) -> Rate | None:
        """Return the rate of the longest prefix of an E.164 number, with or without ``+``; ``None`` for no rate.

        The caller knows a number from a short code: here 112 would be the beginning of +1 12.
        """
        digits = _digits_of(number)
        if not digits:
            return None
        row = self._rows[bisect_right(self._starts, number_key(digits)) - 1]
        return self._rate(row) if row != _NO_RATE else None

    def lookup_many(self, numbers: Sequence[str]) -> RateColumns:
        """Return what ``lookup`` says of each number, as columns."""
        keys = number_keys(numbers)
        rows = np.asarray(self._arrays["rows"])[np.searchsorted(self._arrays["starts"], keys, side="right") - 1]
        rows = np.where(keys < 0, _NO_RATE, rows).astype(np.int64)
        found = rows != _NO_RATE

        def column(name: str) -> Ints:
            values = self._arrays[name]
            if not len(values):
                return np.zeros(len(rows), dtype=np.int64)
            return np.where(found, values[rows], 0).astype(np.int64)

        return RateColumns(
            found, rows, column("nanos_per_minute"), column("connect_fee_nanos"), column("first_s"), column("next_s")
        )

    def _rate(self, row: int) -> Rate:
        rate = self._cache.get(row)
        if rate is None:
            arrays = self._arrays
            rate = self._cache[row] = Rate(
                prefix=arrays["prefixes"][row].decode(),
                destination=self._names[arrays["names"][row]],
                nanos_per_minute=int(arrays["nanos_per_minute"][row]),
                connect_fee_nanos=int(arrays["connect_fee_nanos"][row]),
                first_s=int(arrays["first_s"][row]),
                next_s=int(arrays["next_s"][row]),
            )
        return rate

    def save(self, folder: Path) -> None:
        """Write the deck as a folder of ``.npy`` files; the folder appears whole or not at all.

        Raises:
            FileExistsError: the folder is there and not empty: a saved deck is never changed.
        """
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            whole = Path(scratch) / "deck"
            whole.mkdir()
            for name in _ARRAYS:
                np.save(whole / f"{name}.npy", self._arrays[name])
            meta = {"deck_id": self.deck_id, "currency": self.currency, "version": self.version, "names": self._names}
            (whole / "deck.json").write_text(json.dumps(meta), encoding="utf-8")
            try:
                whole.rename(folder)
            except OSError as error:
                raise FileExistsError(f"{folder} exists already") from error

    @classmethod
    def open(cls, folder: Path) -> CompiledDeck:
        """Map a saved deck into memory; all processes that open it share the pages."""
        meta = json.loads((folder / "deck.json").read_text(encoding="utf-8"))
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        return cls(meta["deck_id"], meta["currency"], meta["version"], arrays, meta["names"])


def _flatten(prefixes: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return interval starts and the row in force from each, for prefixes in sorted order (outer before inner)."""
    starts, rows = [-(2**62)], [_NO_RATE]
    open_intervals: list[tuple[int, int]] = []  # (end, row), innermost last

    def begin(key: int, row: int) -> None:
        if starts[-1] == key:
            rows[-1] = row
        else:
            starts.append(key)
            rows.append(row)

    def close_until(key: int) -> None:
        while open_intervals and open_intervals[-1][0] <= key:
            end, _ = open_intervals.pop()
            begin(end, open_intervals[-1][1] if open_intervals else _NO_RATE)

    for row, prefix in enumerate(prefixes):
        if not 1 <= len(prefix) <= PREFIX_DIGITS_MAX:
            raise ValueError(f"prefix {prefix[:20]!r} is not 1 to {PREFIX_DIGITS_MAX} digits")
        if row and prefixes[row - 1] == prefix:
            raise ValueError(f"prefix {prefix} comes twice")
        key = number_key(prefix)
        close_until(key)
        open_intervals.append((key + 16 ** (PREFIX_DIGITS_MAX - len(prefix)), row))
        begin(key, row)
    close_until(16**PREFIX_DIGITS_MAX)
    return starts, rows
