"""The base of all our Celery tasks."""

from __future__ import annotations

from typing import Any

from celery import Task

from tenants.scope import actor_scope, system_scope


class SystemTask(Task[..., Any]):
    """A task that may see all tenants and is named in the audit by its own name."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with system_scope(), actor_scope(f"task:{self.name}", request_id=self.request.id or ""):
            return super().__call__(*args, **kwargs)
