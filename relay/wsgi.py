"""The web process's entry point: `gunicorn relay.wsgi`."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connections

from relay.operations.start import say_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relay.settings")

application = get_wsgi_application()

say_start(settings.CONFIG)

# After a restart of PostgreSQL, the next request must not meet the old connection.
connections.settings["default"]["CONN_HEALTH_CHECKS"] = True
