"""Where the node listens, as the settings say it."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings

from sip.io.listeners import StreamSettings, contexts_for, parse_zones
from sip.io.node import NodeConfig
from sip.io.tls import TlsConfig, parse_certificates


def node_config() -> NodeConfig:
    """Return the node's configuration.

    Raises:
        ListenError: a setting or a certificate is wrong; the text names it.
    """
    zones = parse_zones(settings.SIP_LISTEN) if settings.SIP_LISTEN else ()
    certificates = parse_certificates(settings.SIP_TLS_CERTIFICATES)
    authorities = Path(settings.SIP_TLS_CA) if settings.SIP_TLS_CA else None
    tls = TlsConfig(certificates, authorities) if certificates else None
    origins = tuple(origin.strip() for origin in settings.SIP_WS_ORIGINS.split(",") if origin.strip())
    streams = StreamSettings(tls, origins)
    config = NodeConfig(
        settings.LISTEN_HOST, settings.SIP_PORT, zones=zones, streams=streams, shares_as=settings.NODE_NAME
    )
    contexts_for(config.all_zones(), config.streams)  # Said now, and not by each worker when it starts.
    return config
