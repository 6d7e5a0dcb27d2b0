"""The entry point for gunicorn: `gunicorn config.wsgi`."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()

# What was loaded by now never becomes garbage. Without this the collector looks through all of it
# every few requests, and such a request takes a tenth of a second longer.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
