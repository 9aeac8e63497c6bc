"""The cast of the alerts tests, and a worker that runs tasks at once instead of through a broker."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alerts import tasks
from alerts.events import emit
from alerts.models import Event, Recipient
from tenants.models import Tenant, User
from tenants.services import create_tenant


@pytest.fixture
def operator() -> Tenant:
    return create_tenant(name="Trunkco", kind="operator")


@pytest.fixture
def reseller(operator: Tenant) -> Tenant:
    return create_tenant(name="Resellco", kind="reseller", parent=operator)


@pytest.fixture
def alice(reseller: Tenant) -> Tenant:
    return create_tenant(name="Alice", kind="customer", parent=reseller)


@pytest.fixture
def bob(operator: Tenant) -> Tenant:
    return create_tenant(name="Bob", kind="customer", parent=operator)


@pytest.fixture
def noc(operator: Tenant) -> User:
    return User.objects.create_user("noc@trunkco.example", "x", tenant=operator, role="operator_support")


@pytest.fixture
def ann(alice: Tenant) -> User:
    return User.objects.create_user("ann@alice.example", "x", tenant=alice, role="tenant_user")


@pytest.fixture
def listen() -> Callable[..., Recipient]:
    """Let a user be mailed."""

    def make(user: User, **wishes: Any) -> Recipient:
        return Recipient.objects.create(tenant=user.tenant, user=user, **wishes)

    return make


@pytest.fixture
def happen(alice: Tenant) -> Callable[..., Event]:
    """Let something happen to alice."""

    def make(kind: str = "fraud.case_opened", **values: Any) -> Event:
        defaults: dict[str, Any] = {
            "tenant_id": alice.pk,
            "subject": "Cuba: line desk",
            "payload": {},
            "severity": "warning",
        }
        return emit(kind, **(defaults | values))

    return make


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run the app's tasks where they are called; the list names them in order."""
    ran: list[str] = []

    def at_once(task: Any) -> Callable[..., None]:
        def run(*args: Any, **options: Any) -> None:
            ran.append(task.name.rpartition(".")[2])
            task(*options.get("args", args))

        return run

    monkeypatch.setattr(tasks.deliver, "delay", at_once(tasks.deliver))
    monkeypatch.setattr(tasks.dispatch_events, "delay", at_once(tasks.dispatch_events))
    monkeypatch.setattr(tasks.dispatch_events, "apply_async", at_once(tasks.dispatch_events))
    return ran
