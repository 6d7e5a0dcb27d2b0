"""How gunicorn serves Sightline: `gunicorn --config config/gunicorn.py config.wsgi`.

Gunicorn's own variables (`GUNICORN_CMD_ARGS`, `WEB_CONCURRENCY`) override what is set here.
"""

import os

worker_class = "gthread"
# Processes × threads is how many database connections the web server can hold.
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
# Loaded once and then forked: starts faster and shares memory.
preload_app = True
timeout = 60
graceful_timeout = 10
keepalive = 5
# A worker is replaced after about this many requests, so that no leak lasts.
max_requests = 5000
max_requests_jitter = 500
limit_request_line = 8190
# Requests are logged by the application, as JSON and without query strings.
accesslog = None
errorlog = "-"
