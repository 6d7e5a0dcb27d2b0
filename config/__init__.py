"""How Sightline is put together: settings, URLs, Celery and the services a command brings along."""
