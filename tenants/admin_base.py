"""The bases of every app's admin classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold import decorators

from tenants.errors import DomainError

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    _Base = ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as _Base


F = TypeVar("F", bound=Callable[..., Any])


class ScopedModelAdmin(_Base):
    """An admin page whose rights come from ``tenants.roles`` and whose rows come from the scope.

    ``save_model`` and the like may call services: a ``DomainError`` shows as an error of its field in the form, or as
    a message where there is no form (``tenants.middleware.DomainErrorMiddleware``).
    """

    list_per_page = 50
    show_full_result_count = False
    warn_unsaved_form = True
    compressed_fields = True
    empty_value_display = "–"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Narrow to the scope; row-level security would too."""
        queryset = super().get_queryset(request)
        visible = getattr(queryset, "visible", None)
        return visible() if visible is not None else queryset

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Say how many there are only where a search or a filter left some out."""
        changelist: Any = super().get_changelist_instance(request)
        if not request.GET:
            changelist.full_result_count = changelist.result_count
        return changelist

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show and save the form; what a service refuses comes back as the form's own error."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as error:
            # Rolled back by now. The same form once more, which the error makes invalid.
            request.domain_error = error  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def get_form(
        self, request: HttpRequest, obj: Any | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[Any]]:
        """Return the form class, with the service's refusal in it if there was one."""
        form = super().get_form(request, obj, change, **kwargs)
        error: DomainError | None = getattr(request, "domain_error", None)
        return form if error is None else _refused(form, error)


def _refused(form: type[ModelForm[Any]], error: DomainError) -> type[ModelForm[Any]]:
    class Refused(form):  # type: ignore[valid-type,misc]
        def clean(self) -> dict[str, Any] | None:
            cleaned = super().clean()
            self.add_error(error.field if error.field in self.fields else None, error.message)
            return cleaned  # type: ignore[no-any-return]

    return Refused


def display(**options: Any) -> Callable[[F], F]:
    """``unfold.decorators.display``, which is not typed: ``description``, ``ordering``, ``label``, ``boolean``."""
    decorate: Callable[[F], F] = decorators.display(**options)
    return decorate


def action(**options: Any) -> Callable[[F], F]:
    """``unfold.decorators.action``, which is not typed; give ``dialog=confirm(...)`` to whatever changes something."""
    decorate: Callable[[F], F] = decorators.action(**options)
    return decorate


def confirm(title: str, description: str, submit: str) -> dict[str, Any]:
    """Return the dialog of an unfold action that changes something: unfold alone would do it on a GET, by a link.

    ``@action(dialog=confirm(...))``; the method gets the form between ``request`` and ``object_id`` and ends with
    ``return leave_dialog(...)``.
    """
    return {"title": title, "description": description, "form_class": None, "form_submit_text": submit}


def leave_dialog(view_name: str, *args: Any) -> HttpResponse:
    """Close the dialog and go to a page (the form was sent by htmx, which does not follow a plain redirect)."""
    return HttpResponse(headers={"HX-Redirect": reverse(view_name, args=args)})


class ReadOnlyModelAdmin(ScopedModelAdmin):
    """A page to look at: what it shows is written by the platform itself."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody changes by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any | None = None) -> bool:
        """Nobody deletes by hand."""
        return False
