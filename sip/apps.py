"""The sip app."""

from django.apps import AppConfig


class SipConfig(AppConfig):
    """Django's entry for the app."""

    name = "sip"
    label = "sip"
