"""Customers, phones and the carrier of one test, and what the platform wrote down about them."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.e2e.office import PASSWORD, UNIT
from tests.e2e.platform import Platform, free_port, wait_for
from tests.sip.peers import sipp

FRENCH, GERMAN, BRITISH = "+33142685300", "+4930123456", "+442079460123"
"""Numbers behind the trunk at 1.00 a call, 0.60 a minute, 0.01 a second."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A prepaid customer; ``lines`` has username -> id."""

    name: str
    tenant: int
    account: int
    lines: dict[str, int]

    def user(self, extension: str) -> str:
        """Return the username of an extension."""
        return f"{self.name}{extension}"


class Peers:
    """What a test plays with; ``close`` ends every peer."""

    def __init__(self, platform: Platform, folder: Path, deck: int) -> None:
        self.platform = platform
        self.folder = folder
        self._deck = deck
        self._runs: list[sipp.Run] = []
        trunk = platform.facts()["trunk"]
        self.trunk = (str(trunk["host"]), int(trunk["port"]))

    def close(self) -> None:
        """End every peer."""
        for run in self._runs:
            run.stop()

    def customer(self, balance: float = 1_000, *extensions: str) -> Customer:
        """Make a customer with so many USD and lines 100 and 101, or others."""
        name = f"t{uuid4().hex[:8]}"
        made = self.platform.ask(
            "customer",
            name=name, balance_nanos=round(balance * UNIT), extensions=list(extensions or ("100", "101")),
            deck=self._deck,
        )  # fmt: skip
        customer = Customer(name, made["tenant"], made["account"], made["lines"])
        wait_for("the node knows the lines", lambda: all(map(self.knows, customer.lines)))
        return customer

    def knows(self, user: str) -> bool:
        """Tell whether the node lets a line in: a phone that was never there takes itself back."""
        return not self.peer("knows", sipp.register(0), user=user).fails()

    def peer(self, name: str, steps: str, local: tuple[str, int] | None = None, **settings: Any) -> sipp.Run:
        """Start a sipp at ``local``, or at a free port of the platform's address."""
        local = local or self.free_place()
        settings = {"password": PASSWORD} | settings
        folder = self.folder / f"{len(self._runs):03d}"
        folder.mkdir()
        run = sipp.start(folder, name, steps, local, self.platform.sip, **settings)
        self._runs.append(run)
        return run

    def free_place(self) -> tuple[str, int]:
        """Return an address nobody has."""
        return (self.platform.host, free_port(self.platform.host, socket.SOCK_DGRAM))

    def phone(self, user: str, steps: str, calls: int = 1, **settings: Any) -> sipp.Run:
        """Register a line and let its phone take calls."""
        place = self.free_place()
        self.peer("register", sipp.register(), place, user=user).wait()
        return self.peer("phone", steps, place, calls=calls, **settings)

    def carrier(self, steps: str, calls: int = 1, **settings: Any) -> sipp.Run:
        """Play the carrier of outbound calls."""
        return self.peer("carrier", steps, self.trunk, calls=calls, **settings)

    def caller(self, user: str, steps: str, calls: int = 1, **settings: Any) -> sipp.Run:
        """Let a line's phone call."""
        return self.peer("caller", steps, user=user, calls=calls, **settings)

    def records(self, customer: Customer, count: int) -> list[dict[str, Any]]:
        """Return all call records of a customer, once there are ``count``, oldest first.

        The loader is asked for one round more than needed: a record too many would be seen.
        """
        query = "SELECT * FROM sip_call WHERE tenant_id = %s ORDER BY started_at"
        wait_for(f"{count} records", lambda: len(self.platform.rows(query, customer.tenant)) >= count)
        wait_for("the spool is loaded", self.is_loaded)
        rows = self.platform.rows(query, customer.tenant)
        assert len(rows) == count
        return rows

    def is_loaded(self) -> bool:
        """Tell whether the loader has read all that the node has written."""
        return all(map(self._is_spool_loaded, self.platform.spools()))

    def _is_spool_loaded(self, spool: Path) -> bool:
        segments = sorted(spool.glob("*.journal"))
        if not segments:
            return False
        size = segments[-1].stat().st_size
        query = 'SELECT max("offset") FROM sip_spooloffset WHERE node = %s AND segment = %s'
        return bool(self.platform.one(query, spool.name, int(segments[-1].stem)) == size)

    def charges(self, customer: Customer) -> list[dict[str, Any]]:
        """Return all charges of a customer."""
        return self.platform.rows("SELECT * FROM billing_charge WHERE tenant_id = %s", customer.tenant)

    def account(self, customer: Customer) -> dict[str, Any]:
        """Return a customer's account."""
        [row] = self.platform.rows("SELECT * FROM billing_account WHERE id = %s", customer.account)
        return row

    def held(self) -> int:
        """Return how many calls hold money now, on the whole platform."""
        return int(self.platform.one("SELECT count(*) FROM billing_hold"))
