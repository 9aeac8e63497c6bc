"""Which database alias migrations may use."""

from __future__ import annotations

from typing import Any


class OwnerOnlyMigrates:
    """Tables are made by the owner's role only; the app's role has no right to."""

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool:
        """Return whether ``migrate --database=db`` may run."""
        return db == "owner"
