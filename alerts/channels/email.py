"""People, by e-mail."""

from __future__ import annotations

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage

from alerts.errors import ChannelError
from alerts.limits import ATTEMPTS_MAX
from alerts.models import Delivery, Event


class EmailChannel:
    """One plain message a person; its Message-ID is the delivery's own, so that a repeated one can be told."""

    attempts_max = ATTEMPTS_MAX

    def deliver(self, delivery: Delivery) -> None:
        """Hand the message to the mail server."""
        if delivery.recipient is None:
            raise ChannelError("the recipient was removed", permanent=True)
        event = delivery.event
        domain = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
        message = EmailMessage(
            subject=" ".join(f"[{event.get_severity_display()}] {event.subject}".split()),
            body=_body(event, for_operator=delivery.recipient.user.is_operator),
            to=[delivery.recipient.user.email],
            headers={"Message-ID": f"<delivery-{delivery.pk}@{domain}>", "Auto-Submitted": "auto-generated"},
        )
        try:
            message.send()
        except smtplib.SMTPRecipientsRefused as error:
            raise ChannelError("the mail server refused the address", permanent=True) from error
        except (smtplib.SMTPException, OSError) as error:
            raise ChannelError(f"mail server: {error}", permanent=False) from error


def _body(event: Event, *, for_operator: bool) -> str:
    lines = [
        event.subject,
        "",
        f"What:    {event.kind}",
        f"Tenant:  {event.tenant.name}",
        f"When:    {event.created_at:%Y-%m-%d %H:%M:%S} UTC",
    ]
    shown = {key: value for key, value in event.payload.items() if key != "admin_url"}
    lines += ["", *(f"{key}: {value}" for key, value in shown.items())] if shown else []
    if for_operator and event.payload.get("admin_url"):
        lines += ["", settings.PUBLIC_URL + event.payload["admin_url"]]
    return "\n".join(lines) + "\n"
