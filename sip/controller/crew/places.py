"""How many calls a line or trunk has, on this worker and on its siblings."""

from __future__ import annotations

from collections.abc import Iterable


class Places:
    """Calls by the id of their line (or trunk)."""

    __slots__ = ("_on_change", "_others", "_own", "_told")

    def __init__(self) -> None:
        self._own: dict[int, int] = {}
        self._others: dict[int, int] = {}
        """What the siblings have together."""
        self._told: dict[int, dict[int, int]] = {}
        """What each sibling said it has."""
        self._on_change: set[int] | None = None

    def __getitem__(self, key: int) -> int:
        return self._own.get(key, 0) + self._others.get(key, 0)

    def __len__(self) -> int:
        return len(self._own)

    def take(self, key: int, most: int) -> bool:
        """Count one more call here; returns whether there was a place for it."""
        own = self._own.get(key, 0)
        if own + self._others.get(key, 0) >= most:
            return False
        self._own[key] = own + 1
        if self._on_change is not None:
            self._on_change.add(key)
        return True

    def free(self, key: int) -> None:
        """Count one call less here."""
        own = self._own.get(key, 0) - 1
        if own > 0:
            self._own[key] = own
        else:
            self._own.pop(key, None)
        if self._on_change is not None:
            self._on_change.add(key)

    def share(self) -> None:
        """Note from now on what changes, beginning with all there is."""
        self._on_change = set(self._own)

    @property
    def has_changes(self) -> bool:
        """Tell whether there is news for the siblings."""
        return bool(self._on_change)

    def changes(self) -> list[tuple[int, int]]:
        """Return, once, which ids have another count now, and which."""
        if not self._on_change:
            return []
        found = [(key, self._own.get(key, 0)) for key in self._on_change]
        self._on_change.clear()
        return found

    def all(self) -> list[tuple[int, int]]:
        """Return every id with calls here."""
        return list(self._own.items())

    def hear(self, sibling: int, counts: Iterable[tuple[int, int]]) -> None:
        """Take what a sibling says it has now of some ids."""
        told = self._told.setdefault(sibling, {})
        for key, number in counts:
            before = told.get(key, 0)
            if number > 0:
                told[key] = number
            else:
                told.pop(key, None)
            rest = self._others.get(key, 0) + number - before
            if rest > 0:
                self._others[key] = rest
            else:
                self._others.pop(key, None)

    def forget(self, sibling: int) -> None:
        """Drop what a sibling said: it has begun anew."""
        self.hear(sibling, [(key, 0) for key in self._told.get(sibling, ())])
