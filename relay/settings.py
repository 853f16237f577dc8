"""Django's settings, made from the environment. No logic: what a value means is in config.py."""

from runtime.interpreter import require_supported

# Every process except the bridge loads these settings: workers, scheduler, web. An older Python
# can't import what follows: say so, instead of how the import failed.
require_supported()

# Before redis itself.
import runtime.redis_alone  # noqa: F401

# isort: split
import os
from pathlib import Path

import environ

from emails.config import reply_secrets_of
from relay.config import RelayConfig
from relay.placeholder_settings import PLACEHOLDERS
from relay.worker.broker import broker_settings
from relay.worker.origin import make_authenticate
from runtime.breakers import breakers_of
from runtime.env import load
from runtime.logging import logging_settings
from runtime.metrics import set_up_metrics
from runtime.sentry import set_up_sentry

CONFIG = load(RelayConfig, os.environ)

_HERE = Path(__file__).resolve().parent.parent
# A checkout; or, where the relay is installed from a wheel, the working directory: what a
# deployment adds (static files, version.json) has no place among installed packages.
BASE_DIR = _HERE if (_HERE / "manage.py").is_file() else Path.cwd()

# Sentry patches Dramatiq's broker and so must come before it is made.
set_up_sentry(CONFIG, django=True)
set_up_metrics(CONFIG)

SECRET_KEY = CONFIG.secret_key
HAS_PLACEHOLDER_KEY = PLACEHOLDERS["SECRET_KEY"] == SECRET_KEY
SECRET_KEY_FALLBACKS = list(CONFIG.secret_key_fallbacks or ())
REPLY_SECRETS = reply_secrets_of(CONFIG, SECRET_KEY, SECRET_KEY_FALLBACKS)
DEBUG = CONFIG.debug
ALLOWED_HOSTS = list(CONFIG.allowed_hosts)
SITE_ORIGIN = CONFIG.site_origin

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "relay.worker",  # before django_dramatiq: its `rundramatiq` is the one that runs
    "django_dramatiq",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "waffle",
    "relay.operations",
    "relay.operations.dashboard",
    "emails",
    "emails.relay_import",
]

MIDDLEWARE = [
    "relay.operations.page_policy.PagePolicy",
    "relay.operations.probes.Probes",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "relay.operations.database_away.DatabaseAway",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

ROOT_URLCONF = "relay.urls"
WSGI_APPLICATION = "relay.wsgi.application"

_database = environ.Env.db_url_config(CONFIG.database_url)
# A message must outlive a statement without an answer and a connection attempt after it, so that it
# ends as the database's fault and not by its time limit. A locked row is better retried than waited
# for: its mask's mails would hold all threads.
_quarter = CONFIG.max_seconds_per_message / 4
_statement_seconds = min(15, _quarter)
_database["ENGINE"] = "relay.database"
_database["OPTIONS"] = _database.get("OPTIONS", {}) | {
    # libpq takes less than two for two.
    "connect_timeout": max(2, round(min(5, _quarter))),
    # A dead host is noticed after ten seconds, whether it owes us an acknowledgement or an answer.
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    # A server that is silent by now would have ended the statement itself.
    "answer_seconds": _statement_seconds * 4 / 3,
    "options": f"-c statement_timeout={_statement_seconds * 1000:.0f} -c lock_timeout=500",
    # A connection's fifth identical query is prepared: two fifths less work for PostgreSQL.
    "server_side_binding": True,
    "prepare_threshold": 5,
}
_database["CONN_MAX_AGE"] = 600
# A health check would cost a query per message. A connection that broke unnoticed costs one
# message a retry, two seconds later. The web process has them (`wsgi.py`): people don't retry.
_database["CONN_HEALTH_CHECKS"] = False
DATABASES = {"default": _database}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

SESSION_COOKIE_AGE = 24 * 3600

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "static/"
STATIC_ROOT = CONFIG.static_root or BASE_DIR / "build" / "static"

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = logging_settings(CONFIG.log_format, verbosity=2)

DRAMATIQ_BROKER = broker_settings(CONFIG)
# How actors of `emails` learn whether a message is SNS's, without knowing SNS.
AUTHENTICATE = make_authenticate(CONFIG, lambda: breakers_of(CONFIG.redis_url))
DRAMATIQ_ENCODER = "relay.worker.encoder.Encoder"

if not DEBUG and CONFIG.site_origin.startswith("https:"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# HSTS for subdomains, and preloading, bind everything under a domain for years: its owner decides
# that, in the proxy.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
