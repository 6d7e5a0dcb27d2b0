from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit import services, verbs
        from staff import trail

        for verb, phrase in {**trail.VERBS, **verbs.OWN}.items():
            verbs.register(verb, phrase)
        trail.set_recorder(services.record)
