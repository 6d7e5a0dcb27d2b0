"""Guards that a session cannot hollow out, and an entry behind second looks and terms.

A trigger function runs with the caller's search path, and a session's temporary schema comes first
in it for types: with a type called ``text`` there, and a cast that turns everything into nothing,
the application's role could empty a guard's reason to refuse, and so pass it. From here on every
guard reads types from ``pg_catalog``; also those of the floors below, which are older than this.
"""

from django.db import migrations

from moderation import guards

_EACH = """
DO $do$
DECLARE
    guard regprocedure;
BEGIN
    FOR guard IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace AND prorettype = 'trigger'::regtype
            AND proname ~ '^(audit|signals|moderation)_'
    LOOP
        EXECUTE format('ALTER FUNCTION %s {change}', guard);
    END LOOP;
END
$do$;
"""


def _by_staff(target: str, verb: str, person: str) -> str:
    """Whether a member of staff's entry tells of the row."""
    return f"""EXISTS (
        SELECT FROM public.audit_entry
        WHERE target = '{target}:' || NEW.id AND verb = '{verb}'
            AND split_part(actor, ' ', 1) = 'staff:' || NEW.{person}
    )"""


_GUARDS = (
    guards.function(
        "moderation_settle_second_look",
        f"""IF NOT {_by_staff("second_look", "second_look.finish", "by_id")} THEN
        {guards.refuse("Second look refused: the audit trail does not tell that it was given.")}
    END IF;
    RETURN NULL;""",
    )
    + guards.at_commit(
        "moderation_secondlook",
        "moderation_settle",
        "moderation_settle_second_look",
        on="INSERT OR UPDATE",
        when="NEW.looked_at IS NOT NULL",
    )
    + guards.function(
        "moderation_settle_no_look",
        f"""IF NOT EXISTS (
        SELECT FROM public.moderation_decision taken
        JOIN public.moderation_decision back ON back.case_id = taken.case_id
            AND back.case_version = taken.case_version + 1 AND back.verb = 'undo'
        WHERE taken.id = OLD.decision_id
    ) THEN
        {guards.refuse("Second look refused: it goes only with a decision that was taken back.")}
    END IF;
    RETURN NULL;""",
    )
    + guards.at_commit(
        "moderation_secondlook",
        "moderation_settle_removal",
        "moderation_settle_no_look",
        on="DELETE",
    )
    + guards.function(
        "moderation_settle_terms",
        f"""IF NOT {_by_staff("deadlines", "deadlines.set", "set_by_id")} THEN
        {guards.refuse("Deadlines refused: the audit trail does not tell of them.")}
    END IF;
    RETURN NULL;""",
    )
    + guards.at_commit(
        "moderation_deadlineterms", "moderation_settle", "moderation_settle_terms", on="INSERT"
    )
    + guards.function(
        "moderation_settle_care",
        f"""IF NOT {_by_staff("care", "care.set_terms", "set_by_id")} THEN
        {guards.refuse("Limits of shifts refused: the audit trail does not tell of them.")}
    END IF;
    RETURN NULL;""",
    )
    + guards.at_commit(
        "moderation_careterms", "moderation_settle", "moderation_settle_care", on="INSERT"
    )
    + guards.kept("moderation_careterms", operations="UPDATE OR DELETE OR TRUNCATE")
)

_REVERSE = (
    guards.drop(
        "moderation_settle_second_look",
        "moderation_settle_no_look",
        "moderation_settle_terms",
        "moderation_settle_care",
    )
    + "DROP TRIGGER moderation_kept ON moderation_careterms;\n"
)


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0004_staff_as_told"),
        ("signals", "0002_threshold_guards"),
        ("moderation", "0015_outcomes"),
    ]

    operations = [
        migrations.RunSQL(_GUARDS, _REVERSE),
        migrations.RunSQL(
            _EACH.replace("{change}", "SET search_path = pg_catalog, pg_temp"),
            _EACH.replace("{change}", "RESET search_path"),
        ),
    ]
