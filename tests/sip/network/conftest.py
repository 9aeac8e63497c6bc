"""A small network: the operator with a trunk, two customers with lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rest_framework.test import APIClient

from sip.cdr.journal import Journal
from sip.cdr.loader import Loader
from sip.cdr.record import CallRecord
from sip.models import Line, Route, Trunk
from sip.services import create_line, create_route, create_trunk
from tenants.choices import Role
from tenants.models import Tenant
from tenants.services import create_api_key, create_tenant
from tests.sip.cdr.samples import NOW, end


@dataclass(frozen=True, slots=True)
class Network:
    """Who there is."""

    trunkco: Tenant
    alice: Tenant
    bob: Tenant
    alice_line: Line
    alice_password: str
    bob_line: Line
    trunk: Trunk
    route: Route
    clients: dict[str, APIClient] = field(default_factory=dict)

    def client(self, tenant: Tenant, role: Role, *scopes: str) -> APIClient:
        """Return an API client with a key of this tenant."""
        _, text = create_api_key(tenant=tenant, name="test", role=role, scopes=scopes or ("*",))
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
        return client

    @property
    def operator(self) -> APIClient:
        """The operator's administrator."""
        return self.client(self.trunkco, Role.OPERATOR_ADMIN)

    @property
    def ann(self) -> APIClient:
        """Alice's administrator."""
        return self.client(self.alice, Role.TENANT_ADMIN)


@pytest.fixture
def network(db: None) -> Network:
    """Build the network."""
    trunkco = create_tenant(name="Trunkco", kind="operator")
    alice = create_tenant(name="Alice", kind="customer", parent=trunkco, country="FR")
    bob = create_tenant(name="Bob", kind="customer", parent=trunkco)
    alice_line, password = create_line(alice, username="alice", extension="100", caller_number="+33123456789")
    trunk = create_trunk(trunkco, name="Carrier", host="192.0.2.10")
    return Network(
        trunkco=trunkco,
        alice=alice,
        bob=bob,
        alice_line=alice_line,
        alice_password=password,
        bob_line=create_line(bob, username="bob", extension="100")[0],
        trunk=trunk,
        route=create_route(trunk, prefix=""),
    )


@pytest.fixture
def load(tmp_path: Path) -> Callable[[Sequence[CallRecord]], None]:
    """Return a function that brings records into the tables the way they always come: by spool and loader."""

    def load_records(records: Sequence[CallRecord]) -> None:
        journal = Journal(tmp_path / "node1", "node1", lambda call: call(), lambda error: None)
        for item in records:
            journal.append(end(item))
        journal.close()
        loader = Loader(tmp_path, clock=lambda: NOW)
        while loader.load_once(lambda _: None):
            pass

    return load_records
