"""Rate decks in the admin: price lists from files with a report of every bad row, single rates, vendors' decks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSplitDateTimeWidget

from billing import services
from billing.admin.common import MoneyFormField, done
from billing.deck_file import OPTIONAL, REQUIRED
from billing.errors import FileTooLarge, ImportRefused
from billing.limits import DECK_FILE_BYTES_MAX, DECK_ROWS_MAX
from billing.models import DeckVersion, Rate, RateDeck, TrunkDeck
from billing.money import format_nanos
from sip.admin.calls import CappedPaginator
from tenants.admin_base import ScopedModelAdmin, action, confirm, display
from tenants.errors import DomainError

if TYPE_CHECKING:
    from django.contrib.admin import TabularInline

    _Inline = TabularInline[Any, Any]
    _RateForm = forms.ModelForm[Rate]
else:
    from unfold.admin import TabularInline as _Inline

    _RateForm = forms.ModelForm

_RATE_FIELDS = ("deck", "prefix", "destination", "nanos_per_minute", "connect_fee_nanos", "first_s", "next_s")


class ImportForm(forms.Form):
    """A rate file, and from when it holds."""

    file = forms.FileField(widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}))
    valid_from = forms.SplitDateTimeField(
        required=False, widget=UnfoldAdminSplitDateTimeWidget(), help_text="UTC. Empty: from now."
    )


class VersionInline(_Inline):
    """What changed the deck."""

    model = DeckVersion
    fields = ("number", "valid_from", "source", "row_count", "is_complete", "created_at")
    readonly_fields = fields
    extra = 0
    max_num = 0
    can_delete = False
    verbose_name_plural = "versions"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes by hand."""
        return False


@admin.register(RateDeck)
class RateDeckAdmin(ScopedModelAdmin):
    """Price lists."""

    list_display = ("name", "tenant", "kind_label", "currency", "rate_count", "valid_from", "users")
    list_filter = ("kind", "currency", ("tenant", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("tenant",)
    search_fields = ("name", "tenant__name")
    autocomplete_fields = ("tenant",)
    inlines = (VersionInline,)
    actions_detail = ("import_file", "show_rates")
    fields = (("name", "tenant"), ("kind", "currency"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[RateDeck]:
        """Count rates and users with the page."""
        current = Rate.objects.filter(deck=OuterRef("pk")).in_force(timezone.now()).order_by()
        count = current.values("deck").annotate(count=Count("pk")).values("count")
        newest = DeckVersion.objects.filter(deck=OuterRef("pk"), is_complete=True).order_by("-number")
        decks: QuerySet[RateDeck] = super().get_queryset(request)
        users = Count("accounts", distinct=True) + Count("trunks", distinct=True)
        return decks.annotate(
            rates_now=Subquery(count), newest_from=Subquery(newest.values("valid_from")[:1]), user_count=users
        )

    def get_readonly_fields(self, request: HttpRequest, obj: RateDeck | None = None) -> tuple[str, ...]:
        """Fix seller, kind and currency once there are rates in them."""
        return ("tenant", "kind", "currency") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A deck that priced calls is left unused, never deleted."""
        return False

    def get_inlines(self, request: HttpRequest, obj: RateDeck | None) -> Any:
        """A new deck has no versions."""
        return self.inlines if obj else ()

    def save_model(self, request: HttpRequest, obj: RateDeck, form: Any, change: bool) -> None:
        """Create through the service."""
        if change:
            RateDeck.objects.filter(pk=obj.pk).update(name=obj.name)
            return
        obj.pk = services.create_deck(**form.cleaned_data).pk
        obj._state.adding = False

    @display(description="Kind", ordering="kind", label={"Customer (selling)": "success", "Vendor (buying)": "info"})
    def kind_label(self, obj: RateDeck) -> str:
        """Return whose prices it holds."""
        return str(obj.get_kind_display())

    @display(description="Rates in force")
    def rate_count(self, obj: Any) -> str:
        """Return how many rates price calls now."""
        return f"{obj.rates_now or 0:,}"

    @display(description="Price list from")
    def valid_from(self, obj: Any) -> str:
        """Return when the newest price list begins."""
        return f"{obj.newest_from:%Y-%m-%d %H:%M}" if obj.newest_from else "–"

    @display(description="Used by")
    def users(self, obj: Any) -> str:
        """Return how many accounts and trunks it prices."""
        return str(obj.user_count)

    def get_urls(self) -> list[URLPattern]:
        """Add the page of the import."""
        page = self.admin_site.admin_view(self.import_view)
        return [path("<int:deck_id>/price-list/", page, name="billing_ratedeck_import"), *super().get_urls()]

    @action(description="Import price list", url_path="import", permissions=["change"])
    def import_file(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the page of the import."""
        return redirect("admin:billing_ratedeck_import", object_id)

    @action(description="Show rates", url_path="rates", permissions=["view"])
    def show_rates(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Go to the rates of this deck."""
        return redirect(f"{reverse('admin:billing_rate_changelist')}?deck__id__exact={object_id}")

    def import_view(self, request: HttpRequest, deck_id: int) -> HttpResponse:
        """Take a file whole, or show every row at fault."""
        deck = get_object_or_404(self.get_queryset(request), pk=deck_id)
        if not self.has_change_permission(request, deck):
            raise PermissionDenied
        form = ImportForm(request.POST or None, request.FILES or None)
        refused: ImportRefused | None = None
        if request.method == "POST" and form.is_valid():
            try:
                version = _take(deck, form)
            except ImportRefused as error:
                refused = error
            except DomainError as error:
                form.add_error("valid_from", error.message)
            else:
                messages.success(request, f"{version.row_count:,} rates imported as version {version.number}.")
                return redirect("admin:billing_ratedeck_change", deck.pk)
        context = self.admin_site.each_context(request) | {
            "title": f"Import a price list into {deck}",
            "deck": deck,
            "form": form,
            "refused": refused,
            "columns": [*REQUIRED, *(f"[{name}]" for name in OPTIONAL)],
            "rows_max": DECK_ROWS_MAX,
            "bytes_max": DECK_FILE_BYTES_MAX,
            "opts": self.model._meta,
        }
        status = 200 if refused is None else refused.status
        return TemplateResponse(request, "billing/import_deck.html", context, status=status)


def _take(deck: RateDeck, form: ImportForm) -> DeckVersion:
    upload = form.cleaned_data["file"]
    if upload.size > DECK_FILE_BYTES_MAX:
        raise FileTooLarge(f"the file has {upload.size:,} bytes; at most {DECK_FILE_BYTES_MAX:,}")
    return services.import_deck(
        deck, upload.read(), source=upload.name, valid_from=form.cleaned_data["valid_from"] or None
    )


class RateForm(_RateForm):
    """Money as decimals."""

    nanos_per_minute = MoneyFormField(label="Rate per minute")
    connect_fee_nanos = MoneyFormField(label="Connect fee", initial=0)

    class Meta:
        model = Rate
        fields = _RATE_FIELDS


class InForceFilter(admin.SimpleListFilter):
    """Rates by time."""

    title = "in force"
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        return [("now", "Now"), ("later", "Later"), ("past", "No more")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        """Narrow the list."""
        now = timezone.now()
        kept = {
            "now": lambda: queryset.in_force(now),
            "later": lambda: queryset.filter(valid_from__gt=now),
            "past": lambda: queryset.filter(valid_to__lte=now),
        }.get(self.value() or "")
        return kept() if kept else queryset


@admin.register(Rate)
class RateAdmin(ScopedModelAdmin):
    """Single rates. A new one ends the one in force; none is ever changed, because calls were priced by it."""

    form = RateForm
    list_display = ("prefix", "destination", "rate", "fee", "increments", "valid_from", "valid_to", "deck")
    list_filter = (InForceFilter, ("deck", AutocompleteSelectFilter))
    list_filter_submit = True
    list_select_related = ("deck",)
    search_fields = ("prefix__startswith", "destination__icontains")
    search_help_text = "The prefix's first digits, or a part of the destination"
    paginator = CappedPaginator
    autocomplete_fields = ("deck",)
    actions_detail = ("end",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A rate is followed by another, never changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A rate is ended, never deleted."""
        return False

    def has_end_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        """Return whether the user may end a rate."""
        return bool(request.user.has_perm("billing.change_rate"))

    def get_fields(self, request: HttpRequest, obj: Rate | None = None) -> Any:
        """Show the times of a rate that exists."""
        asked = ("deck", ("prefix", "destination"), ("nanos_per_minute", "connect_fee_nanos"), ("first_s", "next_s"))
        shown = (("deck", "version"), ("prefix", "destination"), ("rate", "fee"), "increments")
        return (*shown, ("valid_from", "valid_to")) if obj else asked

    def get_readonly_fields(self, request: HttpRequest, obj: Rate | None = None) -> Any:
        """Everything of a rate that exists."""
        return ("version", "rate", "fee", "increments", "valid_from", "valid_to") if obj else ()

    def save_model(self, request: HttpRequest, obj: Rate, form: Any, change: bool) -> None:
        """Set the rate from now on."""
        obj.pk = services.set_rate(**form.cleaned_data).pk
        obj._state.adding = False

    @display(description="Rate per minute", ordering="nanos_per_minute")
    def rate(self, obj: Rate) -> SafeString:
        """Return the rate."""
        return format_html(
            '<span style="font-variant-numeric:tabular-nums">{} {}</span>',
            format_nanos(obj.nanos_per_minute, 4),
            obj.deck.currency,
        )

    @display(description="Connect fee", ordering="connect_fee_nanos")
    def fee(self, obj: Rate) -> str:
        """Return the fee of each answered call."""
        return format_nanos(obj.connect_fee_nanos) if obj.connect_fee_nanos else "–"

    @display(description="Increments")
    def increments(self, obj: Rate) -> str:
        """Return first and next increment."""
        return f"{obj.first_s}/{obj.next_s}"

    @action(
        description="End now",
        url_path="end",
        permissions=["end"],
        dialog=confirm("End this rate now?", "Calls to it then cost what the next shorter prefix says.", "End it"),
    )
    def end(self, request: HttpRequest, form: forms.Form, object_id: str) -> HttpResponse:
        """Let the rate end."""
        rate = get_object_or_404(self.get_queryset(request), pk=object_id)
        services.end_rate(rate)
        return done(request, f"The rate of {rate.prefix} has ended.", "admin:billing_rate_change", rate.pk)


@admin.register(TrunkDeck)
class TrunkDeckAdmin(ScopedModelAdmin):
    """What carriers charge us, by trunk."""

    list_display = ("trunk", "deck")
    list_select_related = ("trunk", "deck")
    search_fields = ("trunk__name", "deck__name")
    autocomplete_fields = ("trunk", "deck")
    fields = ("trunk", "deck")

    def save_model(self, request: HttpRequest, obj: TrunkDeck, form: Any, change: bool) -> None:
        """Assign through the service."""
        obj.pk = services.assign_vendor_deck(form.cleaned_data.get("trunk") or obj.trunk, form.cleaned_data["deck"]).pk
        obj._state.adding = False
