from django.apps import AppConfig


class ModerationConfig(AppConfig):
    name = "moderation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit import verbs
        from moderation import personal_data
        from moderation.domain.wording import AUDIT_PHRASES
        from moderation.models import Delivery
        from moderation.selectors import accounts, exemptions
        from moderation.services import age_requests, carriers, departures, filing, intake, outbox
        from signals import hooks
        from staff import personal

        for verb, phrase in AUDIT_PHRASES.items():
            verbs.register(verb, phrase)
        carriers.provide(Delivery.Kind.CYBERTIPLINE, filing.CARRIER)
        carriers.provide(Delivery.Kind.WEBHOOK, age_requests.CARRIER)
        departures.provide_recall(outbox.recall)
        hooks.on_run_done(intake.open_cases)
        hooks.provide_case_accounts(accounts.with_cases)
        hooks.provide_labels(accounts.labels)
        hooks.provide_sampled(accounts.sampled)
        hooks.provide_exemptions(exemptions.standing)
        personal.declare(*personal_data.TABLES)
