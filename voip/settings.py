"""Django settings: what a machine may choose comes from the environment, which `make run` writes."""

from __future__ import annotations

import sys
from pathlib import Path
from urllib.parse import urlsplit

from voip import environment as env
from voip.unfold import UNFOLD as UNFOLD

ROOT = env.ROOT
VAR_DIR = Path(env.text("VAR_DIR", str(ROOT / "var")))

DEBUG = env.flag("DJANGO_DEBUG")
SECRET_KEY = env.text("SECRET_KEY")
if not SECRET_KEY:
    # A command that needs no secret (check, makemigrations, mypy) must run on a bare checkout; a server must not.
    if any(argument in sys.argv for argument in ("runserver", "sipnode", "cdrloader")):
        raise SystemExit("SECRET_KEY is not set: start the platform with `make run`, or set it in the environment")
    SECRET_KEY = "unset-" + "x" * 50

WEB_PORT = env.number("WEB_PORT", 8000)
SIP_PORT = env.number("SIP_PORT", 5060)
LISTEN_HOST = env.text("LISTEN_HOST", "127.0.0.1")
PUBLIC_URL = env.text("PUBLIC_URL", f"http://{LISTEN_HOST}:{WEB_PORT}")
SIP_PUBLIC_HOST = env.text("SIP_PUBLIC_HOST", LISTEN_HOST)
SIP_LISTEN = env.text("SIP_LISTEN")
SIP_WORKERS = env.number("SIP_WORKERS", 1)
DNS_SERVERS = env.text("DNS_SERVERS")
SIP_TLS_CERTIFICATES = env.text("SIP_TLS_CERTIFICATES")
SIP_TLS_CA = env.text("SIP_TLS_CA")
SIP_WS_ORIGINS = env.text("SIP_WS_ORIGINS")
SIP_REALM = env.text("SIP_REALM", "trunkline.local")
SIP_ROLE = env.text("SIP_ROLE", "b2bua")
SIP_PROXY_DOMAINS = env.text("SIP_PROXY_DOMAINS").replace(",", " ").split()
SIP_PROXY_NEXT_HOPS = env.text("SIP_PROXY_NEXT_HOPS").replace(",", " ").split()
SIP_PROXY_RECORD_ROUTE = env.flag("SIP_PROXY_RECORD_ROUTE", True)
SIP_PROXY_RELAYS_FOREIGN = env.flag("SIP_PROXY_RELAYS_FOREIGN", True)
SIP_DOMAINS = env.text("SIP_DOMAINS", "").replace(",", " ").split()
SIP_SERVICE_ROUTE = env.text("SIP_SERVICE_ROUTE", "").replace(",", " ").split()
SIP_PATH_SUPPORT = env.text("SIP_PATH_SUPPORT", "required")
SIP_PINGS = env.text("SIP_PINGS", "nat")
SIP_PING_INTERVAL_S = env.number("SIP_PING_INTERVAL_S", 30)
SIP_GUARD = env.flag("SIP_GUARD", True)
SIP_GUARD_SCALE = env.number("SIP_GUARD_SCALE", 1)
SIP_NEVER_BAN = env.text("SIP_NEVER_BAN").replace(",", " ").split()
SIP_SESSION_EXPIRES_S = env.number("SIP_SESSION_EXPIRES_S", 1800)
SIP_SESSION_MIN_S = env.number("SIP_SESSION_MIN_S", 90)
SIP_EVENT_PACKAGES = env.text("SIP_EVENT_PACKAGES", "dialog,message-summary,presence,reg").replace(",", " ").split()
SIP_ALWAYS_100REL = env.flag("SIP_ALWAYS_100REL")
SIP_PASSED_HEADERS = env.text("SIP_PASSED_HEADERS", "").replace(",", " ").split()
NODE_NAME = env.text("NODE_NAME", "node1")
SPOOL_DIR = Path(env.text("SPOOL_DIR", str(VAR_DIR / "spool")))
REDIS_URL = env.text("REDIS_URL", f"unix://{VAR_DIR}/run/redis.sock?db=0")

# The names people reach the site by: those of this machine, where it listens, and where it is published.
_KNOWN_HOSTS = {"localhost", "127.0.0.1", "[::1]", LISTEN_HOST, urlsplit(PUBLIC_URL).hostname or "localhost"}
ALLOWED_HOSTS = env.text("ALLOWED_HOSTS", ",".join(sorted(_KNOWN_HOSTS))).split(",")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "voip.apps.VoipConfig",
    "analytics.apps.AnalyticsConfig",
    "fraud.apps.FraudConfig",
    "dids.apps.DidsConfig",
    "billing.apps.BillingConfig",
    "sip.apps.SipConfig",
    "alerts.apps.AlertsConfig",
    "tenants.apps.TenantsConfig",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_filters",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "tenants.middleware.RequestScopeMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "tenants.middleware.UserScopeMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "tenants.middleware.DomainErrorMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "voip.urls"
ASGI_APPLICATION = "voip.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Two roles for one database: `default` cannot pass row-level security, `owner` only runs migrations.
_APP_DATABASE = env.text("DATABASE_URL", "postgresql://trunkline_app@/trunkline")
DATABASES = {
    "default": env.database(_APP_DATABASE),
    "owner": env.database(env.text("OWNER_DATABASE_URL", "postgresql://trunkline_owner@/trunkline")),
}
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["OPTIONS"] |= (
    {"pool": {"min_size": 1, "max_size": 10, "timeout": 10}} if env.flag("DB_POOL") else {}
)
DATABASE_ROUTERS = ["tenants.routers.OwnerOnlyMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["tenants.auth.EmailBackend"]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/login/"
PASSWORD_RESET_TIMEOUT = 24 * 3600
CSRF_FAILURE_VIEW = "voip.errors.csrf_failure"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_I18N = True
FORMAT_MODULE_PATH = ["voip.formats"]
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = not STATIC_ROOT.exists()
MEDIA_ROOT = VAR_DIR / "media"

# Over these a request is refused with 413 before it is read into memory.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000

# Behind TLS (any https PUBLIC_URL) cookies and redirects are strict; on plain loopback they would lock everybody out.
_TLS = PUBLIC_URL.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _TLS else None
SECURE_SSL_REDIRECT = _TLS
SESSION_COOKIE_SECURE = _TLS
CSRF_COOKIE_SECURE = _TLS
SECURE_HSTS_SECONDS = 31_536_000 if _TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _TLS
SECURE_HSTS_PRELOAD = _TLS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 12 * 3600

CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "trunkline"},
    }
}

CELERY_BROKER_URL = env.text("CELERY_BROKER_URL") or (
    REDIS_URL.replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
)
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_TIME_LIMIT = 600
CELERY_TASK_SOFT_TIME_LIMIT = 540
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Who sends a task gives up at once: a request must not wait while Redis is away, the sweeps send what was left.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600, "max_retries": 1, "interval_start": 0}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = "UTC"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.api.auth.ApiKeyAuthentication",
        "tenants.api.auth.PortalSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.permissions.RoleAndScope"],
    "DEFAULT_PAGINATION_CLASS": "tenants.api.pagination.CursorPage",
    "DEFAULT_FILTER_BACKENDS": ["tenants.api.filters.KnownFilters", "tenants.api.filters.KnownOrdering"],
    "DEFAULT_THROTTLE_CLASSES": ["tenants.api.throttling.CallerThrottle"],
    "DEFAULT_PARSER_CLASSES": ["tenants.api.parsers.LimitedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "tenants.api.schema.ApiSchema",
    "EXCEPTION_HANDLER": "tenants.api.problems.problem_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Trunkline API",
    "VERSION": "1",
    "DESCRIPTION": "Lines, trunks, numbers, calls, rates, charges, invoices and fraud cases of a VoIP carrier.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "TenantKind": "tenants.choices.TenantKind",
        "Role": "tenants.choices.Role",
        "RuleKind": "fraud.choices.RuleKind",
        "CaseState": "fraud.choices.CaseState",
        "Severity": "alerts.choices.Severity",
        "Channel": "alerts.choices.Channel",
        "DeliveryState": "alerts.choices.DeliveryState",
        "DidState": "dids.choices.DidState",
        "DeckKind": "billing.choices.DeckKind",
        "EntryKind": "billing.choices.EntryKind",
        "ChargeStatus": "billing.choices.ChargeStatus",
        "InvoiceStatus": "billing.choices.InvoiceStatus",
        "PaymentStatus": "billing.choices.PaymentStatus",
        "CallStatus": "sip.choices.CallStatus",
    },
}

EMAIL_BACKEND = env.text("EMAIL_BACKEND", "django.core.mail.backends.filebased.EmailBackend")
EMAIL_FILE_PATH = VAR_DIR / "mail"
EMAIL_HOST = env.text("EMAIL_HOST", "localhost")
EMAIL_PORT = env.number("EMAIL_PORT", 25)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS")
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "trunkline@localhost")

ALERTS_WEBHOOK_ALLOW_PRIVATE = env.flag("ALERTS_WEBHOOK_ALLOW_PRIVATE")
STRIPE_API_KEY = env.text("STRIPE_API_KEY")
STRIPE_WEBHOOK_SECRET = env.text("STRIPE_WEBHOOK_SECRET")
STRIPE_API_BASE = env.text("STRIPE_API_BASE")
SANDBOX_WEBHOOK_SECRET = env.text("SANDBOX_WEBHOOK_SECRET", SECRET_KEY)
PAYMENT_GATEWAY = env.text("PAYMENT_GATEWAY", "stripe" if STRIPE_API_KEY else "sandbox")

# The platform speaks plain HTTP on loopback and leaves TLS to the proxy in front; these checks ask for it in Django.
SILENCED_SYSTEM_CHECKS = [] if _TLS else ["security.W004", "security.W008", "security.W012", "security.W016"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.text("LOG_LEVEL", "INFO")},
}
