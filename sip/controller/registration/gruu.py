"""GRUUs (RFC 5627): URIs that lead to one phone of a line, made without keeping anything."""

from __future__ import annotations

from sip.controller.core import Core
from sip.controller.directory import LineEntry
from sip.controller.registration.binding import Binding
from sip.controller.registration.instance import Instance
from sip.controller.registration.limits import TEMPORARY_GRUU_PREFIX
from sip.stack.message.uri import Uri


def contact_params(core: Core, line: LineEntry, address: Uri, binding: Binding) -> str:
    """Return what a contact with an instance gets in the 200 (§5.2); ``address`` is the address-of-record in To.

    The GRUUs have its host: one of ours that the phone, and so whoever it tells, can reach.
    """
    gr = binding.instance.removeprefix("<").removesuffix(">")
    public = Uri("sip", line.username, address.host, address.port, (("gr", gr),))
    temporary = Uri("sip", core.sealer.seal(line.id, binding), address.host, address.port, (("gr", None),))
    return f';pub-gruu="{public}";temp-gruu="{temporary}"'


def is_gruu(core: Core, uri: Uri) -> bool:
    """Tell whether a URI claims to be a GRUU of ours, valid or not."""
    return uri.scheme in ("sip", "sips") and uri.param("gr") is not None and core.domains.has(uri.host)


def resolve(core: Core, uri: Uri) -> Instance | None:
    """Return the phone a GRUU of ours means; ``None`` when it is not valid: 404 (RFC 5627 §6.1).

    A public GRUU is valid as long as its line, a temporary one as long as its registration.
    """
    gr = uri.param("gr")
    if gr:
        line = core.directory.line_by_username(uri.user)
        return None if line is None else Instance(line, f"<{gr}>")
    opened = core.sealer.open(uri.user) if uri.user.startswith(TEMPORARY_GRUU_PREFIX) else None
    line = core.directory.lines.get(opened[0]) if opened is not None else None
    if line is None or opened is None:
        return None
    for binding in core.locations.bindings(line.username, core.wall):
        if binding.instance and core.sealer.mark(binding) == opened[1]:
            return Instance(line, binding.instance)
    return None
