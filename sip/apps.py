"""The sip app: the network's models over the switch."""

from django.apps import AppConfig


class SipConfig(AppConfig):
    """Django's entry for the app."""

    name = "sip"
    label = "sip"
    verbose_name = "Network and calls"
