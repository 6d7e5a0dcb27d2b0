from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SightlineConfig(AppConfig):
    name = "config"
    verbose_name = "Sightline"

    def ready(self) -> None:
        from config import celery, checks, grants

        # Tasks declared with shared_task belong to this application in every Django process.
        celery.app.set_default()
        celery.app.conf.beat_schedule = celery.collect_schedule()
        checks.register()
        post_migrate.connect(grants.after_migrate, sender=self, dispatch_uid="config.grants")
