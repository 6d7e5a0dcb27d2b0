from django.apps import AppConfig


class SignalsConfig(AppConfig):
    name = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit import verbs
        from signals.trail import VERBS

        for verb, phrase in VERBS.items():
            verbs.register(verb, phrase)
