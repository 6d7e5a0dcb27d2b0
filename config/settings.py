"""Django settings, read from the environment alone. The README lists every variable.

Two ways of running: *embedded* (no `DATABASE_URL`: everything lives under `SIGHTLINE_HOME`, for
demonstration, development and tests) and *production* (`DATABASE_URL` is set).
"""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.embedded import APP_ROLE, DATABASE, OWNER_ROLE, PORT, EmbeddedServer
from config.env import DatabaseAddress, Env
from config.logs import logging_config
from config.secrets import kept_secret

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent
SIGHTLINE_HOME = env.path("SIGHTLINE_HOME", BASE_DIR / ".sightline").resolve()
DEBUG = env.flag("SIGHTLINE_DEBUG", default=False)

# -- Database ----------------------------------------------------------------------------------

_address = env.database("DATABASE_URL")
_owner_address = env.database("DATABASE_OWNER_URL")
EMBEDDED = _address is None
PRODUCTION = not EMBEDDED and not DEBUG

# "owner" migrates; everything else connects as "app", which can neither alter tables nor touch
# written audit rows. manage.py chooses by command.
DATABASE_ROLE = env.choice("SIGHTLINE_DATABASE_ROLE", "app", ("app", "owner"))

if _address is None:
    if _owner_address is not None:
        raise ImproperlyConfigured("DATABASE_OWNER_URL is set, so DATABASE_URL must be set too.")
    _socket_folder = str(EmbeddedServer.at(SIGHTLINE_HOME).socket_folder)
    _address = DatabaseAddress(DATABASE, APP_ROLE, "", _socket_folder, PORT)
    _owner_address = DatabaseAddress(DATABASE, OWNER_ROLE, "", _socket_folder, PORT)

# What the grants are given to. The two names are equal where the server has one role only.
DATABASE_APP_ROLE = _address.user
DATABASE_APP_PASSWORD = _address.password
DATABASE_OWNER_ROLE = (_owner_address or _address).user

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "config.database",
        **((DATABASE_ROLE == "owner" and _owner_address) or _address).as_django(),
        # Consulted by config.database: which server to start before the first connection.
        "EMBEDDED_HOME": SIGHTLINE_HOME if EMBEDDED else None,
        "CONN_MAX_AGE": env.number("SIGHTLINE_CONNECTION_SECONDS", 60),
        "CONN_HEALTH_CHECKS": True,
        "ATOMIC_REQUESTS": False,
    }
}

# -- Secrets and hosts -------------------------------------------------------------------------

SECRET_KEY = env.text("SIGHTLINE_SECRET_KEY")
if not SECRET_KEY:
    if PRODUCTION:
        raise ImproperlyConfigured(
            "SIGHTLINE_SECRET_KEY must be set (50 or more random characters) when DATABASE_URL is."
        )
    SECRET_KEY = kept_secret(SIGHTLINE_HOME / "secret-key")
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SIGHTLINE_SECRET_KEY is too short: use 50 or more characters.")
SECRET_KEY_FALLBACKS = env.words("SIGHTLINE_OLD_SECRET_KEYS")

_own_hosts = () if PRODUCTION else ("127.0.0.1", "localhost")
ALLOWED_HOSTS = env.words("SIGHTLINE_ALLOWED_HOSTS", _own_hosts)
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured(
        "SIGHTLINE_ALLOWED_HOSTS must list the host names that Sightline answers to."
    )
# The address that people use: forms may come from it, also where a proxy in front speaks TLS.
PUBLIC_URL = env.address("SIGHTLINE_PUBLIC_URL", ("http", "https"))
_origin = "{0.scheme}://{0.netloc}".format(urlsplit(PUBLIC_URL))
CSRF_TRUSTED_ORIGINS = env.words("SIGHTLINE_TRUSTED_ORIGINS", (_origin,) if PUBLIC_URL else ())
METRICS_TOKEN = env.text("SIGHTLINE_METRICS_TOKEN")

# Private keys that Sightline makes for itself: the audit trail's and the referral packages'.
KEYS_DIR = env.path("SIGHTLINE_KEYS_DIR", SIGHTLINE_HOME / "keys")
# Ed25519, 32 bytes in base64 or PEM. Where several machines write the trail, all need the same.
AUDIT_SIGNING_KEY = env.text("AUDIT_SIGNING_KEY")
PACKAGE_SIGNING_KEY = env.text("PACKAGE_SIGNING_KEY")  # the same for referral packages

# -- Applications ------------------------------------------------------------------------------

INSTALLED_APPS = [
    "staff",
    "audit",
    "accounts",
    "signals",
    "moderation",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "rest_framework",
    "drf_spectacular",
    "django_htmx",
    "django_structlog",
    "template_partials",
    "csp",
    "pgtrigger",
    # Last: its post-migrate step grants rights on what all the others made.
    "config",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.SecurityHeadersMiddleware",
    "config.middleware.CompressPagesMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.BodyLimitMiddleware",
    "config.middleware.WrongMethodMiddleware",
    "config.middleware.CleanCookiesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.logs.RequestLogMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "config.middleware.VaryOnHtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "staff.middleware.SessionEndMiddleware",
    "staff.middleware.SecondFactorMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
SILENCED_SYSTEM_CHECKS = [
    # E-mail addresses are unique without regard to case, by a constraint this check cannot see.
    "auth.W004",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "config.context.page",
            ],
        },
    }
]

# -- People and sessions -----------------------------------------------------------------------

AUTH_USER_MODEL = "staff.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
LOGIN_URL = "/sign-in/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/sign-in/"

ACCOUNT_ADAPTER = "staff.adapters.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "staff.forms.SignInForm",
    "change_password": "staff.forms.OwnPasswordForm",
    "reauthenticate": "staff.forms.ConfirmPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False  # the other sessions end, this one goes on
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if PRODUCTION else "http"
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/5m/key",
    "reset_password": "20/m/ip,5/m/key",
    "reauthenticate": "10/m/user",
}
MFA_ADAPTER = "staff.adapters.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "staff.forms.CodeForm",
    "reauthenticate": "staff.forms.ConfirmCodeForm",
    "activate_totp": "staff.forms.ActivateAppForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Sightline"
MFA_PASSKEY_LOGIN_ENABLED = False
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not PRODUCTION
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_ADAPTER = "staff.single_sign_on.SingleSignOnAdapter"

# The organisation's own sign-in service (OpenID Connect), where one is used.
OIDC_SERVER = env.address("SIGHTLINE_OIDC_SERVER", ("https",) if PRODUCTION else ("https", "http"))
OIDC_CLIENT_ID = env.text("SIGHTLINE_OIDC_CLIENT_ID") if OIDC_SERVER else ""
if OIDC_SERVER and not OIDC_CLIENT_ID:
    raise ImproperlyConfigured("SIGHTLINE_OIDC_SERVER needs SIGHTLINE_OIDC_CLIENT_ID beside it.")
OIDC_NAME = env.text("SIGHTLINE_OIDC_NAME", "your organisation's account")
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "sso",
                "name": OIDC_NAME,
                "client_id": OIDC_CLIENT_ID,
                "secret": env.text("SIGHTLINE_OIDC_CLIENT_SECRET"),
                "settings": {"server_url": OIDC_SERVER, "oauth_pkce_enabled": True},
            }
        ]
        if OIDC_CLIENT_ID
        else []
    }
}

# Whether everybody must have a second factor: not in the demonstration.
SECOND_FACTOR_REQUIRED = env.flag("SIGHTLINE_SECOND_FACTOR", default=PRODUCTION)

# A session ends after this idle time, and at the latest after the absolute time.
SESSION_IDLE = timedelta(minutes=env.number("SIGHTLINE_SESSION_IDLE_MINUTES", 60, at_least=1))
SESSION_ABSOLUTE = timedelta(hours=env.number("SIGHTLINE_SESSION_HOURS", 12, at_least=1))
SESSION_COOKIE_AGE = int(SESSION_ABSOLUTE.total_seconds())
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
CSRF_COOKIE_SAMESITE = "Lax"

# -- Transport and headers ---------------------------------------------------------------------

_https = env.flag("SIGHTLINE_HTTPS", default=PRODUCTION)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_NAME = "__Host-sightline" if _https else "sightline"
CSRF_COOKIE_NAME = "__Host-sightline-csrf" if _https else "sightline-csrf"
SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.flag("SIGHTLINE_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    # Whom the sign-in limits count: the last address that the one proxy in front reports.
    ALLAUTH_TRUSTED_PROXY_COUNT = 1

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# -- Files, cache, mail ------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = SIGHTLINE_HOME / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG
MEDIA_ROOT = env.path("SIGHTLINE_FILES_DIR", SIGHTLINE_HOME / "files")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
DATA_UPLOAD_MAX_NUMBER_FILES = 10
# Bytes: a file that the import page takes. Bigger ones go through `import_graph`.
IMPORT_UPLOAD_MAX_BYTES = env.number("SIGHTLINE_UPLOAD_MEGABYTES", 1024, at_least=1) * 1024 * 1024

# Days after its end that a case keeps personal data: dismissed, and referred to the police.
RETENTION_DISMISSED_DAYS = env.number("SIGHTLINE_RETENTION_DAYS", 180, at_least=1)
RETENTION_REFERRED_DAYS = env.number("SIGHTLINE_REFERRED_DAYS", 365, at_least=1)
# Days for which a person's own record of shifts is kept: what they took, saw and skipped.
RETENTION_SHIFT_DAYS = env.number("SIGHTLINE_SHIFT_DAYS", 30, at_least=2)

CELERY_BROKER_URL = env.address(
    "CELERY_BROKER_URL", ("redis", "rediss", "amqp", "amqps", "sentinel")
)
_cache_url = env.address("SIGHTLINE_CACHE_URL", ("redis", "rediss")) or (
    CELERY_BROKER_URL if CELERY_BROKER_URL.startswith("redis") else ""
)
CACHES: dict[str, dict[str, Any]] = {
    # A real cache, always: sign-in limits do nothing on a dummy one. Without Redis it is a
    # folder, which the web processes of one machine share.
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": _cache_url}
    if _cache_url
    else {
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": SIGHTLINE_HOME / "cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    }
}

EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend"
    if env.text("SIGHTLINE_MAIL_HOST")
    else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = SIGHTLINE_HOME / "mail"
EMAIL_HOST = env.text("SIGHTLINE_MAIL_HOST")
EMAIL_PORT = env.number("SIGHTLINE_MAIL_PORT", 587, at_least=1, at_most=65535)
EMAIL_HOST_USER = env.text("SIGHTLINE_MAIL_USER")
EMAIL_HOST_PASSWORD = env.text("SIGHTLINE_MAIL_PASSWORD")
EMAIL_USE_TLS = True
DEFAULT_FROM_EMAIL = env.text("SIGHTLINE_MAIL_FROM", "sightline@localhost")

# -- API ---------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": ["config.permissions.DenyAll"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Sightline",
    "DESCRIPTION": "Send a platform's accounts, ties and contact events.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
}

# -- Language, time, logs ----------------------------------------------------------------------

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEFAULT_EXCEPTION_REPORTER_FILTER = "config.logs.NoValuesReporterFilter"

LOGGING_CONFIG = "config.logs.configure"
# A person at the shell reads what a command prints, and only warnings beside it.
_level, _style = ("WARNING", "text") if Path(sys.argv[0]).name == "manage.py" else ("INFO", "json")
LOGGING = logging_config(
    level=env.choice("SIGHTLINE_LOG_LEVEL", _level, ("DEBUG", "INFO", "WARNING", "ERROR")),
    style=env.choice("SIGHTLINE_LOG_FORMAT", _style, ("json", "text")),
)
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

# -- What Sightline does, and for whom ---------------------------------------------------------

# Who reports: stands in every referral package. Without an e-mail address nothing is filed.
UNNAMED_PLATFORM = "This platform"
PLATFORM_NAME = env.text("SIGHTLINE_PLATFORM_NAME", UNNAMED_PLATFORM)
# The address of an account's page, with {account_id} in it.
PLATFORM_PROFILE_URL = env.text("SIGHTLINE_PROFILE_URL")
REPORTER_NAME = env.text("SIGHTLINE_REPORTER_NAME", "Child Safety Team")
REPORTER_EMAIL = env.text("SIGHTLINE_REPORTER_EMAIL")
REPORTER_PHONE = env.text("SIGHTLINE_REPORTER_PHONE")
REPORTER_LEGAL_URL = env.address("SIGHTLINE_REPORTER_LEGAL_URL", ("http", "https"))
# Given by NCMEC. Without them the CyberTipline is no destination; "test" is NCMEC's own test host.
CYBERTIPLINE_USERNAME = env.text("CYBERTIPLINE_USERNAME")
CYBERTIPLINE_PASSWORD = env.text("CYBERTIPLINE_PASSWORD")
CYBERTIPLINE_HOST = env.choice("CYBERTIPLINE_HOST", "test", ("test", "production"))
# Where the platform is told what Sightline asks of it, and the secret shared with it (whsec_…).
WEBHOOK_URL = env.address("SIGHTLINE_WEBHOOK_URL", ("http", "https"))
WEBHOOK_SECRET = env.text("SIGHTLINE_WEBHOOK_SECRET")
# The platform's address is one inside the house, on purpose.
WEBHOOK_INTERNAL = env.flag("SIGHTLINE_WEBHOOK_INTERNAL", default=False)
# Schemas of others that Sightline may not hand on: NCMEC's report schema, once it is fetched.
SCHEMAS_DIR = env.path("SIGHTLINE_SCHEMAS", SIGHTLINE_HOME / "schemas")

# Of a hundred dismissals and monitorings, so many are decided again by another person.
SECOND_LOOK_PERCENT = env.number("SIGHTLINE_SECOND_LOOK_PERCENT", 5, at_most=100)

# What computes the indicators, and whether a run follows each import by itself.
SIGNALS_ENGINE = env.choice("SIGNALS_ENGINE", "duckdb", ("duckdb", "spark"))
# A folder or object-store address of Parquet files to compute from, instead of the database.
SIGNALS_GRAPH = env.text("SIGNALS_GRAPH")
SIGNALS_RUN_AFTER_IMPORT = env.flag("SIGHTLINE_RUN_AFTER_IMPORT", default=True)
# Accounts that an import may touch to be brought up to date at once, before the next run; 0: none.
SIGNALS_PROMPT_ACCOUNTS = env.number("SIGHTLINE_PROMPT_ACCOUNTS", 200)
