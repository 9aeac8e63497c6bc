"""Lines, trunks, routes and calls as JSON."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sip.choices import CallStatus
from sip.extensions import CallFact, call_facts
from sip.models import Call, CallAttempt, Line, Route, Trunk
from sip.validators import validate_source
from tenants.api.serializers import ScopedSerializer
from tenants.scope import current_tenant_ids


class ContactSerializer(serializers.Serializer[Any]):
    """A phone that is registered now."""

    uri = serializers.CharField(read_only=True)
    address = serializers.CharField(read_only=True)
    user_agent = serializers.CharField(read_only=True)
    expires_at = serializers.DateTimeField(read_only=True)


class LineSerializer(ScopedSerializer[Line]):
    """A line, without its password."""

    # The model's own check asks across the scope and would say which names others have; the service answers instead.
    username = serializers.CharField(max_length=64, required=False)
    blocked = serializers.BooleanField(source="is_blocked", read_only=True)
    contacts = serializers.SerializerMethodField(help_text="Phones registered now; null when that is not known.")

    class Meta:
        model = Line
        fields = (
            "id",
            "tenant",
            "username",
            "extension",
            "realm",
            "display_name",
            "caller_number",
            "contacts_max",
            "calls_max",
            "is_active",
            "blocked",
            "blocked_at",
            "blocked_reason",
            "contacts",
            "created_at",
        )
        read_only_fields = ("id", "realm", "blocked_at", "blocked_reason", "created_at")
        validators: tuple[Any, ...] = ()

    @extend_schema_field(ContactSerializer(many=True, allow_null=True))
    def get_contacts(self, obj: Line) -> list[dict[str, Any]] | None:
        """Return the phones the view looked up for the whole page."""
        known = self.context.get("contacts")
        if known is None:
            return None
        return [dict(ContactSerializer(contact).data) for contact in known.get(obj.username, [])]


class NewLineSerializer(LineSerializer):
    """A line just made: the one time its password is shown."""

    password = serializers.SerializerMethodField(help_text="Keep it now: it is not stored and not shown again.")

    class Meta(LineSerializer.Meta):
        fields = (*LineSerializer.Meta.fields, "password")  # type: ignore[assignment]

    def get_password(self, obj: Line) -> str:
        """Return the password handed over by the view."""
        return str(self.context["password"])


class PasswordSerializer(serializers.Serializer[Any]):
    """A new password; left out, a random one is made."""

    password = serializers.CharField(required=False, allow_blank=True, max_length=128, trim_whitespace=False)


class IssuedPasswordSerializer(serializers.Serializer[Any]):
    """What a phone needs to register: shown once."""

    username = serializers.CharField(read_only=True)
    realm = serializers.CharField(read_only=True)
    password = serializers.CharField(read_only=True)


class BlockSerializer(serializers.Serializer[Any]):
    """Why a line is blocked."""

    reason = serializers.CharField(max_length=200)


class TrunkSerializer(ScopedSerializer[Trunk]):
    """A carrier. ``password`` is written only; the platform keeps its digest."""

    source_addresses = serializers.ListField(
        child=serializers.CharField(max_length=51, validators=[validate_source]), max_length=64, required=False
    )
    password = serializers.CharField(write_only=True, required=False, allow_blank=True, max_length=128)

    class Meta:
        model = Trunk
        fields = (
            "id",
            "tenant",
            "name",
            "host",
            "port",
            "transport",
            "enum_suffix",
            "zone",
            "tls_name",
            "source_addresses",
            "calls_max",
            "is_active",
            "country",
            "ping_interval_s",
            "follows_redirects",
            "auth_username",
            "auth_realm",
            "password",
            "created_at",
        )
        read_only_fields = ("id", "created_at")
        validators: tuple[Any, ...] = ()


class TrunkField(serializers.PrimaryKeyRelatedField[Trunk]):
    """A trunk by id; only one in the caller's scope is accepted."""

    def get_queryset(self) -> Any:
        """Offer the trunks in scope only."""
        return Trunk.objects.visible()


class RouteSerializer(ScopedSerializer[Route]):
    """Which trunk a prefix may go to."""

    trunk = TrunkField(queryset=Trunk.objects.none())

    class Meta:
        model = Route
        fields = ("id", "prefix", "trunk", "priority", "is_active")
        read_only_fields = ("id",)
        validators: tuple[Any, ...] = ()


class WithoutCarriers:
    """A record as its reader may see it: which carrier a call took, and over which node, is the operator's business."""

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """Empty what tells of carriers, for everybody but the operator."""
        shown: dict[str, Any] = super().to_representation(instance)  # type: ignore[misc]
        if current_tenant_ids() is None:
            return shown
        trunks = {"trunk_id", "a_trunk_id", "b_trunk_id"} & shown.keys()
        if any(shown[name] is not None for name in trunks - {"b_trunk_id"}):
            shown["peer"] = ""
        return shown | dict.fromkeys(trunks) | ({"node": ""} if "node" in shown else {})


class AttemptSerializer(WithoutCarriers, serializers.ModelSerializer[CallAttempt]):
    """One try to reach one target of a call."""

    class Meta:
        model = CallAttempt
        fields = (
            "attempt",
            "line_id",
            "trunk_id",
            "called",
            "sip_call_id",
            "started_at",
            "ringing_at",
            "answered_at",
            "ended_at",
            "sip_status",
            "sip_reason",
            "q850_cause",
            "is_last",
            "peer",
        )
        read_only_fields = fields


class FactField(serializers.Field[Any, Any, Any, Any]):
    """A fact of a higher app, looked up for the whole page by the view."""

    def __init__(self, fact: CallFact) -> None:
        super().__init__(source="*", read_only=True, label=fact.label)
        self._fact = fact

    def to_representation(self, value: Call) -> Any:
        """Return the call's fact, ``None`` where it has none."""
        return value.facts.get(self._fact.name)


class CallSerializer(WithoutCarriers, serializers.ModelSerializer[Call]):
    """A call record with its attempts and what other parts of the platform know of it."""

    status = serializers.ChoiceField(choices=CallStatus.choices, read_only=True)
    attempts = AttemptSerializer(many=True, read_only=True)

    class Meta:
        model = Call
        fields = (
            "call_id",
            "tenant",
            "node",
            "direction",
            "status",
            "caller",
            "called",
            "dialled",
            "destination",
            "account_id",
            "a_line_id",
            "a_trunk_id",
            "b_line_id",
            "b_trunk_id",
            "sip_call_id",
            "from_tag",
            "peer",
            "user_agent",
            "started_at",
            "ringing_at",
            "answered_at",
            "ended_at",
            "duration_s",
            "pdd_s",
            "ended_by",
            "sip_status",
            "sip_reason",
            "q850_cause",
            "a_q850_cause",
            "b_q850_cause",
            "refusal_code",
            "fraud_rule_id",
            "is_emergency",
            "loaded_at",
            "attempts",
        )
        read_only_fields = fields

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add the facts that higher apps registered."""
        fields = super().get_fields()
        for fact in call_facts():
            described = extend_schema_field(dict(fact.schema))(type(f"{fact.name.title()}Field", (FactField,), {}))
            fields[fact.name] = described(fact)
        return fields
