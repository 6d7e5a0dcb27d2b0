from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from accounts import personal_data
        from accounts.trail import VERBS
        from audit import verbs
        from staff import personal

        for verb, phrase in VERBS.items():
            verbs.register(verb, phrase)
        personal.declare(*personal_data.TABLES)
