"""What became of a referral, and what people wrote on it, change only as the audit trail tells.

An outcome may be replaced by a later word of the police, each time with an entry of its own, later
than the time that the row gives. Texts are written once and may be removed, with an entry.
"""

from django.db import migrations

from moderation import guards

_TEXTS = ("summary", "answer", "outcome_note")

# An outcome's note comes anew with each outcome; the other texts are written once.
_REWRITTEN = """(NEW.summary <> OLD.summary AND NEW.summary <> '(removed)')
        OR (NEW.answer IS DISTINCT FROM OLD.answer AND OLD.answer IS NOT NULL
            AND NEW.answer IS DISTINCT FROM '(removed)')
        OR (NEW.outcome_note IS DISTINCT FROM OLD.outcome_note
            AND NEW.outcome_note IS DISTINCT FROM '(removed)'
            AND NEW.outcome_at IS NOT DISTINCT FROM OLD.outcome_at)"""

_GUARD = f"""IF {guards.changed(("outcome", "outcome_at"))}
        AND (NEW.outcome IS NULL OR NEW.outcome_at IS NULL OR NEW.outcome_at <= OLD.outcome_at) THEN
        {guards.refuse("Referral refused: only a later outcome replaces an outcome.")}
    ELSIF {_REWRITTEN} THEN
        {guards.refuse("Referral refused: what was written on it is kept, or removed for good.")}
    END IF;
    RETURN NEW;"""

_REMOVED = " OR ".join(
    f"(OLD.{text} IS DISTINCT FROM NEW.{text} AND NEW.{text} = '(removed)')" for text in _TEXTS
)

_GUARDS = (
    guards.function("moderation_guard_outcome", _GUARD)
    + guards.told(
        "moderation_settle_outcome",
        verb="'referral.outcome'",
        about="entry.after ->> 'outcome' = NEW.outcome AND entry.at >= NEW.outcome_at",
        message="Referral refused: the audit trail does not tell of its outcome.",
    )
    + guards.before("moderation_referral", "moderation_guard_outcome", "moderation_guard_outcome")
    + guards.at_commit(
        "moderation_referral",
        "moderation_settle_outcome",
        "moderation_settle_outcome",
        when=guards.changed(("outcome", "outcome_at")),
    )
    + guards.at_commit(
        "moderation_referral",
        "moderation_removal",
        "moderation_removal_is_told",
        when=_REMOVED,
    )
)

_REVERSE = (
    guards.drop("moderation_guard_outcome", "moderation_settle_outcome")
    + "DROP TRIGGER moderation_removal ON moderation_referral;\n"
)


class Migration(migrations.Migration):
    dependencies = [("moderation", "0014_age_checks")]

    operations = [migrations.RunSQL(_GUARDS, _REVERSE)]
