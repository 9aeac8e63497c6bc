"""ASGI entry: HTTP to Django, websockets to the apps' consumers."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "voip.settings")
_http = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402

import alerts.routing  # noqa: E402
import analytics.routing  # noqa: E402
from tenants.sockets import UserInSystemScope  # noqa: E402
from voip.bodylimit import BodyLimit  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": BodyLimit(_http),
        "websocket": AllowedHostsOriginValidator(
            UserInSystemScope(
                AuthMiddlewareStack(
                    URLRouter([*alerts.routing.websocket_urlpatterns, *analytics.routing.websocket_urlpatterns])
                )
            )
        ),
    }
)
