"""The admin pages of tenants, users, keys and the audit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.widgets import UnfoldAdminTextareaWidget

from tenants import people, services
from tenants.admin_base import ReadOnlyModelAdmin, ScopedModelAdmin, action, confirm, display, leave_dialog
from tenants.choices import TenantKind
from tenants.diff import changed_fields
from tenants.models import ApiKey, AuditEntry, Tenant, User

if TYPE_CHECKING:
    from django.contrib.admin import TabularInline

    _Inline = TabularInline[Any, Any]
    _Form = forms.ModelForm[ApiKey]
else:
    from unfold.admin import TabularInline as _Inline

    _Form = forms.ModelForm

if isinstance(admin.site._registry.get(Group), GroupAdmin):  # Importing its admin has registered it.
    admin.site.unregister(Group)  # Rights come from roles; Django's groups would be a second, dead table.


def _caller(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


class UserInline(_Inline):
    """The tenant's users, to look at."""

    model = User
    fields = ("email", "full_name", "role", "is_active", "last_login")
    readonly_fields = fields
    extra = 0
    can_delete = False
    show_change_link = True
    tab = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Users are invited on their own page."""
        return False


@admin.register(Tenant)
class TenantAdmin(ScopedModelAdmin):
    """The tree of tenants, in its order."""

    list_display = ("name_in_tree", "kind_label", "country", "currency", "billing_email", "is_active", "created_at")
    list_filter = ("kind", "is_active", "country", "currency")
    search_fields = ("name", "slug", "billing_email")
    search_help_text = "Name, slug or e-mail"
    prepopulated_fields = {"slug": ("name",)}
    inlines = (UserInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        """Order depth first, as a tree reads."""
        # Not through the base: it would order by ``tree_path`` before that is there.
        return Tenant.objects.visible().in_tree_order()

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Keep the tree's order until a column is clicked; forms of other models ask too, and have no tree."""
        match = request.resolver_match
        is_list = match is not None and match.view_name == "admin:tenants_tenant_changelist"
        return ("tree_path",) if is_list else ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Tenant | None = None) -> tuple[str, ...]:
        """Fix the place in the tree and the currency once the tenant exists."""
        return ("kind", "parent", "currency", "created_at") if obj else ("created_at",)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Take a new tenant for a customer of one's own, as most are."""
        own = _caller(request).tenant
        mine: dict[str, Any] = {"kind": TenantKind.CUSTOMER, "parent": own.pk, "country": own.country}
        mine |= {"time_zone": own.time_zone, "currency": own.currency}
        return mine | super().get_changeform_initial_data(request)

    def get_form(self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any) -> Any:
        """Keep the address as small as addresses are."""
        form = super().get_form(request, obj, change, **kwargs)
        if "address" in form.base_fields:
            form.base_fields["address"].widget.attrs["rows"] = 4
        return form

    def get_prepopulated_fields(self, request: HttpRequest, obj: Tenant | None = None) -> dict[str, Any]:
        """Fill the slug for a new tenant only."""
        return {} if obj else dict(self.prepopulated_fields)

    @display(description="Name", ordering="tree_path", header=False)
    def name_in_tree(self, obj: Tenant) -> SafeString:
        """Return the name, indented by depth."""
        depth = len(obj.ancestor_ids)
        return format_html('<span style="padding-left:{}rem">{}{}</span>', depth * 1.5, "└ " if depth else "", obj.name)

    @display(description="Kind", label={"Operator": "info", "Reseller": "warning", "Customer": "success"})
    def kind_label(self, obj: Tenant) -> str:
        """Return the kind as a label."""
        return obj.get_kind_display()

    def save_model(self, request: HttpRequest, obj: Tenant, form: forms.ModelForm[Tenant], change: bool) -> None:
        """Save through the use cases."""
        if change:
            before = Tenant.objects.get(pk=obj.pk)
            services.update_tenant(
                before, {name: form.cleaned_data[name] for name in form.changed_data}, by=_caller(request)
            )
            return
        names = set(form.cleaned_data) - {"is_active"}
        obj.pk = services.create_tenant(**{name: form.cleaned_data[name] for name in names}).pk
        obj._state.adding = False


@admin.register(User)
class UserAdmin(ScopedModelAdmin):
    """People who log in. A new one gets a mail with the link to choose a password."""

    list_display = ("email", "full_name", "tenant", "role_label", "is_active", "last_login")
    list_filter = ("role", "is_active", ("tenant", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("tenant",)
    search_fields = ("email", "full_name", "tenant__name")
    search_help_text = "E-mail, name or tenant"
    fields = ("tenant", "email", "full_name", "role", "is_active", "last_login", "created_at")
    autocomplete_fields = ("tenant",)
    actions_detail = ("mail_password_link",)

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        """Fix the tenant once the user exists."""
        return ("tenant", "last_login", "created_at") if obj else ("is_active", "last_login", "created_at")

    @display(description="Role", label=True)
    def role_label(self, obj: User) -> str:
        """Return the role as a label."""
        return obj.get_role_display()

    def save_model(self, request: HttpRequest, obj: User, form: forms.ModelForm[User], change: bool) -> None:
        """Save through the use cases."""
        if change:
            before = User.objects.select_related("tenant").get(pk=obj.pk)
            people.update_user(
                before, {name: form.cleaned_data[name] for name in form.changed_data}, by=_caller(request)
            )
            return
        names = ("tenant", "email", "full_name", "role")
        obj.pk = people.invite_user(**{name: form.cleaned_data[name] for name in names}).pk
        obj._state.adding = False
        messages.success(request, f"A link to choose a password is on its way to {obj.email}.")

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Remove through the use case."""
        people.delete_user(obj, by=_caller(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        """Remove each through the use case."""
        for user in queryset:
            people.delete_user(user, by=_caller(request))

    @action(
        description="Mail a password link",
        url_path="mail-password-link",
        permissions=["change"],
        dialog=confirm("Mail a password link?", "The user gets a link to choose a new password.", "Mail it"),
    )
    def mail_password_link(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Send the link by which the user sets a password."""
        user = get_object_or_404(self.get_queryset(request), pk=object_id)
        people.send_password_link(user)
        messages.success(request, f"A link to choose a password is on its way to {user.email}.")
        return leave_dialog("admin:tenants_user_change", user.pk)


class ApiKeyForm(_Form):
    """Scopes one a line, instead of JSON."""

    scopes = forms.CharField(
        initial="*",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text='One a line, such as "calls:read" or "lines:write"; "*" is everything the role may.',
    )

    class Meta:
        model = ApiKey
        fields = ("tenant", "name", "role", "scopes", "expires_at")

    def clean_scopes(self) -> list[str]:
        """Return the lines."""
        text: str = self.cleaned_data["scopes"]
        return text.replace(",", " ").split()


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedModelAdmin):
    """Keys of programs: made once, shown once, revoked. What a key may do does not change afterwards."""

    form = ApiKeyForm
    list_display = ("name", "prefix_text", "tenant", "role", "state", "last_used_at", "created_at")
    list_filter = ("role", ("tenant", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("tenant", "created_by")
    search_fields = ("name", "prefix", "tenant__name")
    search_help_text = "Name, prefix or tenant"
    autocomplete_fields = ("tenant",)
    actions_detail = ("revoke",)

    def has_change_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A key is not edited; revoking is an action of its own."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        """A revoked key stays, for the audit."""
        return False

    def has_revoke_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        """Return whether the role may take keys away."""
        return _caller(request).has_perm("tenants.delete_apikey")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        """Show more of a key that exists."""
        asked = ("tenant", "name", "role", "scopes", "expires_at")
        return (*asked, "prefix", "created_by", "created_at", "last_used_at", "revoked_at") if obj else asked

    @display(description="Key")
    def prefix_text(self, obj: ApiKey) -> str:
        """Return how the key begins."""
        return f"tk_{obj.prefix}_…"

    @display(description="State", label={"usable": "success", "revoked": "danger", "expired": "warning"})
    def state(self, obj: ApiKey) -> str:
        """Return whether it can be used."""
        return obj.state

    def save_model(self, request: HttpRequest, obj: ApiKey, form: forms.ModelForm[ApiKey], change: bool) -> None:
        """Make the key and keep its secret for the one page that shows it."""
        key, text = services.create_api_key(**form.cleaned_data, created_by=_caller(request))
        obj.pk = key.pk
        request.new_key = (key, text)  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        """Show the secret, once; it goes through no cookie, session or log."""
        key, text = request.new_key  # type: ignore[attr-defined]
        context = {**self.admin_site.each_context(request), "title": "API key made", "key": key, "text": text}
        response = TemplateResponse(request, "tenants/api_key_made.html", context)
        response["Cache-Control"] = "no-store"
        return response

    @action(
        description="Revoke",
        url_path="revoke",
        permissions=["revoke"],
        dialog=confirm("Revoke this key?", "Programs that use it are refused from now on, for good.", "Revoke"),
    )
    def revoke(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Switch the key off for good."""
        key = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.revoke_api_key(key)
        messages.success(request, f"{key.name} is revoked.")
        return leave_dialog("admin:tenants_apikey_change", key.pk)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyModelAdmin):
    """Who changed what, as the database itself recorded it."""

    list_display = ("at", "actor", "action_label", "table_name", "row_id", "what", "tenant", "ip")
    list_filter = (("at", RangeDateTimeFilter), "action", "table_name")
    list_filter_submit = True
    list_select_related = ("tenant",)
    search_fields = ("actor", "row_id", "request_id")
    search_help_text = "Actor, row id or request id"
    fields = ("at", "actor", "ip", "request_id", "action", "table_name", "row_id", "tenant", "changes")
    readonly_fields = fields

    @display(description="Action", label={"insert": "success", "update": "info", "delete": "danger"})
    def action_label(self, obj: AuditEntry) -> str:
        """Return the action as a label."""
        return obj.action

    @display(description="Changed")
    def what(self, obj: AuditEntry) -> str:
        """Name the fields that an update changed."""
        if obj.action != "update":
            return "–"
        return ", ".join(_words(field.name) for field in changed_fields(obj.before, obj.after))[:80]

    @display(description="Before and after")
    def changes(self, obj: AuditEntry) -> SafeString:
        """Return a table of the fields that differ."""
        rows = format_html_join(
            "",
            "<tr><td style='padding:.3rem 1rem .3rem 0'>{}</td><td style='padding:.3rem 1rem'><del>{}</del></td>"
            "<td style='padding:.3rem 1rem'><ins style='text-decoration:none'>{}</ins></td></tr>",
            (
                (_words(field.name), _amount(field.name, field.before), _amount(field.name, field.after))
                for field in changed_fields(obj.before, obj.after)
            ),
        )
        return format_html(
            "<table><thead><tr><th style='text-align:left;padding:.3rem 1rem .3rem 0'>Field</th>"
            "<th style='text-align:left;padding:.3rem 1rem'>Before</th>"
            "<th style='text-align:left;padding:.3rem 1rem'>After</th></tr></thead><tbody>{}</tbody></table>",
            rows,
        )


def _words(column: str) -> str:
    """Return a column's name as people read it."""
    return column.removesuffix("_nanos").removesuffix("_id").replace("_", " ")


def _amount(column: str, value: str) -> str:
    """Return nano-units as a decimal of their currency, anything else as it is."""
    if not column.endswith("_nanos") or not value.lstrip("-").isdigit():
        return value
    return f"{Decimal(value).scaleb(-9).normalize():f}"
