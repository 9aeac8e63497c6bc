"""One contact of a line, and all the registrar knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sip.stack.flow import Flow


@dataclass(frozen=True, slots=True)
class Binding:
    """One contact of a line and the flow that reaches it."""

    uri: str
    """Contact URI as the phone gave it, with headers if it has any: what is told to who asks (RFC 4475 §3.3.14)."""
    flow: Flow
    instance: str
    """``+sip.instance`` (RFC 5626), "" for none: a phone that restarts replaces its own binding."""
    q: str
    """The q-value as given, "" for none."""
    call_id: str
    cseq: int
    expires_at: float
    """Wall clock, so that it means the same after a restart."""
    user_agent: str
    path: tuple[str, ...] = ()
    """Path values (RFC 3327) in order: the Route of every request to the contact."""
    reg_id: int = 0
    """Number of the flow among those of its instance (RFC 5626 §4.2); 0 when the phone does not use outbound."""
    registered_at: float = 0.0
    """Wall clock of the REGISTER that first bound the contact; 0 when it is not known."""
    behind_nat: bool = False
    """The contact's own address is not where its phone was heard."""
    owner: str = ""
    """Process that holds the flow's connection; "" for this one."""
    epoch: str = ""
    """Call-ID under which the instance began to register: its temporary GRUUs are good as long as it stays (RFC 5627
    §5.1)."""

    @property
    def target(self) -> str:
        """The Request-URI of requests to the contact: its URI without headers, which have no place there, and which
        nobody but ourselves may put into a request of ours (RFC 3261 §19.1.1, §19.1.5)."""
        uri = self.uri
        return uri if "?" not in uri else uri[: (uri + "?").find("?", uri.rfind("@") + 1)]

    @property
    def key(self) -> str:
        """What names the binding among those of its line, in every process: the flow of an instance, or the URI."""
        return f"{self.instance} {self.reg_id}" if self.reg_id else self.uri

    @property
    def device(self) -> str:
        """What names the phone: its instance, or the contact itself."""
        return self.instance or self.uri

    @property
    def rank(self) -> int:
        """The q-value in thousandths; a contact without one is wanted as much as any."""
        return 1_000 if not self.q else round(float(self.q) * 1_000)

    def with_epoch(self, epoch: str) -> Binding:
        """Return the same binding of an instance whose temporary GRUUs began anew."""
        return self._copy(self.flow, epoch)

    def over(self, flow: Flow) -> Binding:
        """Return the same binding, reached another way."""
        return self._copy(flow, self.epoch)

    def _copy(self, flow: Flow, epoch: str) -> Binding:
        return Binding(
            self.uri,
            flow,
            self.instance,
            self.q,
            self.call_id,
            self.cseq,
            self.expires_at,
            self.user_agent,
            self.path,
            self.reg_id,
            self.registered_at,
            self.behind_nat,
            self.owner,
            epoch,
        )

    def to_json(self) -> dict[str, Any]:
        """Return JSON-ready values; what is at its default is left out but for what pages show."""
        flow = self.flow
        row: dict[str, Any] = {
            "uri": self.uri,
            "transport": flow.transport,
            "local": list(flow.local),
            "remote": list(flow.remote),
            "instance": self.instance,
            "q": self.q,
            "call_id": self.call_id,
            "cseq": self.cseq,
            "expires_at": self.expires_at,
            "user_agent": self.user_agent,
            "registered_at": self.registered_at,
        }
        if flow.connection:
            row["connection"] = flow.connection
        if self.path:
            row["path"] = list(self.path)
        if self.reg_id:
            row["reg_id"] = self.reg_id
        if self.behind_nat:
            row["behind_nat"] = True
        if self.epoch != self.call_id:
            row["epoch"] = self.epoch
        return row

    @classmethod
    def from_json(cls, data: Mapping[str, Any], owner: str = "") -> Binding:
        """Rebuild a binding. Its connection is kept only when ``owner`` says who has it: a restart ends all others.

        Raises:
            KeyError, TypeError, ValueError: not what ``to_json`` returned.
        """
        local, remote = data["local"], data["remote"]
        flow = Flow(
            str(data["transport"]),
            (str(local[0]), int(local[1])),
            (str(remote[0]), int(remote[1])),
            int(data.get("connection", 0)) if owner else 0,
        )
        return cls(
            str(data["uri"]),
            flow,
            str(data["instance"]),
            str(data["q"]),
            str(data["call_id"]),
            int(data["cseq"]),
            float(data["expires_at"]),
            str(data["user_agent"]),
            tuple([str(value) for value in data.get("path", ())]),
            int(data.get("reg_id", 0)),
            float(data.get("registered_at", 0.0)),
            bool(data.get("behind_nat", False)),
            owner,
            str(data.get("epoch", data["call_id"])),
        )
