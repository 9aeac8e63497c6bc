"""What one does with lines, trunks and routes: one use case a function, one transaction each.

Running nodes learn of every change by the tables' triggers (``NOTIFY snapshot``), the audit by its own.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from sip.errors import InvalidLine, InvalidRoute, InvalidTrunk, LineInUse, TrunkInUse, from_validation
from sip.models import Line, Route, Trunk
from tenants.errors import DomainError
from tenants.models import Tenant

M = TypeVar("M", bound=models.Model)

PASSWORD_CHARS = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # noqa: S105
"""Without 0 O 1 l I: people type it into phones."""
PASSWORD_LENGTH = 20
"""Some 115 random bits: beyond guessing, even from a stolen HA1."""
PASSWORD_LENGTH_MIN = 12
"""For a password somebody chose: shorter ones are found by the scanners that try every registrar."""
PASSWORD_LENGTH_MAX = 128
"""No phone takes more."""
SUFFIX_LENGTH = 6
"""Random end of a user name made from the tenant's: usernames are unique in the whole realm."""


def generate_password() -> str:
    """Return a new random password."""
    return "".join(secrets.choice(PASSWORD_CHARS) for _ in range(PASSWORD_LENGTH))


def digest(algorithm: str, username: str, realm: str, password: str) -> str:
    """Return HA1 in hex (RFC 7616 §3.4.2); ``algorithm`` is ``md5`` or ``sha256``."""
    return hashlib.new(algorithm, f"{username}:{realm}:{password}".encode(), usedforsecurity=False).hexdigest()


@transaction.atomic
def create_line(tenant: Tenant, *, password: str = "", **fields: Any) -> tuple[Line, str]:
    """Create a line; returns it with its password, which nobody can read again.

    Without ``username`` one is made from the tenant's name and the extension.

    Raises:
        InvalidLine: a value breaks a rule, or the username or extension is taken.
    """
    extension = str(fields.get("extension", ""))
    fields["username"] = fields.get("username") or _free_username(tenant, extension)
    line = Line(tenant=tenant, **fields)
    password = _apply_password(line, password)
    _save(line, InvalidLine)
    return line, password


@transaction.atomic
def update_line(line: Line, **changes: Any) -> Line:
    """Change a line's data.

    Raises:
        InvalidLine: a value breaks a rule, or tells to change username or tenant: both are part of what phones hold.
    """
    for name in ("username", "tenant"):
        if name in changes and changes[name] != getattr(line, name):
            raise InvalidLine(f"The {name} of a line cannot be changed; make a new line.", field=name)
    return _changed(line, changes, InvalidLine)


@transaction.atomic
def set_password(line: Line, password: str = "") -> str:
    """Give a line a new password, random when none is given, for the realm of today; returns it.

    A changed realm (``SIP_REALM``) makes all digests useless: each line needs this once.

    Raises:
        InvalidLine: the password is too short or too long.
    """
    password = _apply_password(line, password)
    line.save(update_fields=["realm", "ha1_md5", "ha1_sha256", "ha1_sha512_256"])
    return password


@transaction.atomic
def delete_line(line: Line) -> None:
    """Delete a line; its call records stay.

    Raises:
        LineInUse: numbers or cases still point to it.
    """
    _delete(line, LineInUse, f"Line {line.username} is still in use; switch it off instead.")


def block_line(line_id: int, reason: str) -> bool:
    """Take a line out of service at once (its calls that are up go on); ``False`` when it was blocked already."""
    rows = Line.objects.filter(pk=line_id, blocked_at__isnull=True).update(
        blocked_at=timezone.now(), blocked_reason=(reason or "blocked")[:200]
    )
    return rows == 1


def unblock_line(line_id: int) -> bool:
    """Put a blocked line back into service; ``False`` when it was not blocked."""
    rows = Line.objects.filter(pk=line_id, blocked_at__isnull=False).update(blocked_at=None, blocked_reason="")
    return rows == 1


@transaction.atomic
def create_trunk(tenant: Tenant, *, password: str = "", **fields: Any) -> Trunk:
    """Create a trunk of the operator; ``password`` is for carriers that challenge us.

    Raises:
        InvalidTrunk: a value breaks a rule.
    """
    trunk = Trunk(tenant=tenant, **fields)
    _apply_trunk_password(trunk, password)
    return _save(trunk, InvalidTrunk)


@transaction.atomic
def update_trunk(trunk: Trunk, *, password: str = "", **changes: Any) -> Trunk:
    """Change a trunk's data; a new user name or realm needs the password again.

    Raises:
        InvalidTrunk: a value breaks a rule.
    """
    known = (trunk.auth_username, trunk.auth_realm)
    for name, value in changes.items():
        setattr(trunk, name, value)
    if password or not trunk.auth_username:
        _apply_trunk_password(trunk, password)
    elif (trunk.auth_username, trunk.auth_realm) != known:
        raise InvalidTrunk("A new user name or realm needs the password again.", field="password")
    return _save(trunk, InvalidTrunk)


@transaction.atomic
def delete_trunk(trunk: Trunk) -> None:
    """Delete a trunk; call records stay.

    Raises:
        TrunkInUse: routes or numbers still point to it.
    """
    _delete(trunk, TrunkInUse, f"Trunk {trunk.name} is still in use; switch it off instead.")


@transaction.atomic
def create_route(trunk: Trunk, *, prefix: str = "", priority: int = 100, is_active: bool = True) -> Route:
    """Let numbers that begin with ``prefix`` go to ``trunk``.

    Raises:
        InvalidRoute: a value breaks a rule.
    """
    route = Route(tenant=trunk.tenant, trunk=trunk, prefix=prefix, priority=priority, is_active=is_active)
    return _save(route, InvalidRoute)


@transaction.atomic
def update_route(route: Route, **changes: Any) -> Route:
    """Change a route.

    Raises:
        InvalidRoute: a value breaks a rule.
    """
    return _changed(route, changes, InvalidRoute)


def _changed(instance: M, changes: dict[str, Any], kind: type[DomainError]) -> M:
    for name, value in changes.items():
        setattr(instance, name, value)
    return _save(instance, kind)


def _save(instance: M, kind: type[DomainError]) -> M:
    try:
        instance.full_clean()
        with transaction.atomic():
            instance.save()
    except ValidationError as error:
        raise from_validation(error, kind) from error
    except IntegrityError as error:
        # What full_clean cannot see: a name taken in another tenant, or in a transaction that ran beside this one.
        taken = next((name for name in ("username", "extension", "name", "prefix") if name in str(error)), None)
        raise kind("This value is taken already.", field=taken, code="taken") from error
    return instance


def _delete(instance: models.Model, kind: type[DomainError], message: str) -> None:
    try:
        with transaction.atomic():
            instance.delete()
    except (models.ProtectedError, models.RestrictedError, IntegrityError) as error:
        raise kind(message) from error


def _apply_password(line: Line, password: str) -> str:
    password = password or generate_password()
    if not PASSWORD_LENGTH_MIN <= len(password) <= PASSWORD_LENGTH_MAX:
        raise InvalidLine(
            f"A password has {PASSWORD_LENGTH_MIN} to {PASSWORD_LENGTH_MAX} characters.", field="password"
        )
    line.realm = settings.SIP_REALM
    line.ha1_md5 = digest("md5", line.username, line.realm, password)
    line.ha1_sha256 = digest("sha256", line.username, line.realm, password)
    line.ha1_sha512_256 = digest("sha512_256", line.username, line.realm, password)
    return password


def _apply_trunk_password(trunk: Trunk, password: str) -> None:
    if not trunk.auth_username:
        if password:
            raise InvalidTrunk("A password needs a user name.", field="auth_username")
        trunk.ha1_md5 = trunk.ha1_sha256 = trunk.ha1_sha512_256 = ""
        return
    if not trunk.auth_realm:
        raise InvalidTrunk("The carrier's realm is needed: the digest is made of it.", field="auth_realm")
    if not password:
        raise InvalidTrunk("A user name needs a password.", field="password")
    parts = (trunk.auth_username, trunk.auth_realm, password)
    trunk.ha1_md5, trunk.ha1_sha256 = digest("md5", *parts), digest("sha256", *parts)
    trunk.ha1_sha512_256 = digest("sha512_256", *parts)


def _free_username(tenant: Tenant, extension: str) -> str:
    end = extension or "".join(secrets.choice(PASSWORD_CHARS[:23]) for _ in range(SUFFIX_LENGTH))
    wanted = f"{tenant.slug[:48]}-{end}"
    if not Line.objects.filter(username=wanted).exists():
        return wanted
    return f"{wanted}-{secrets.token_hex(SUFFIX_LENGTH // 2)}"
