from django.apps import AppConfig


class SignalsConfig(AppConfig):
    name = "signals"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import hooks
        from audit import verbs
        from signals import personal_data
        from signals.services import start_after_import
        from signals.trail import VERBS
        from staff import personal

        for verb, phrase in VERBS.items():
            verbs.register(verb, phrase)
        hooks.on_batch_done(start_after_import)
        personal.declare(*personal_data.TABLES)
