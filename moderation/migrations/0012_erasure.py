"""Texts of a case may be removed, and only removed, and not without an audit entry.

What people wrote was kept unchanged for ever until here. From here on a text may become
``staff.personal.REMOVED``, once and for good; everything else about its row stays as it was.
"""

from importlib import import_module

from django.db import migrations, models

_FUNCTIONS = """
CREATE FUNCTION moderation_only_removes() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    was jsonb := to_jsonb(OLD);
    field text;
    value jsonb;
BEGIN
    FOR field, value IN SELECT * FROM jsonb_each(to_jsonb(NEW)) LOOP
        IF value IS DISTINCT FROM was -> field AND NOT (
            field = ANY (TG_ARGV)
            AND (value = '"(removed)"' OR (jsonb_typeof(value) = 'object' AND value <@ (was -> field)))
        ) THEN
            RAISE EXCEPTION '% on % is refused: this is kept as it was written.',
                TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END
$body$;

CREATE FUNCTION moderation_removal_is_told() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.audit_entry entry
        JOIN public.moderation_case emptied ON emptied.id = NEW.case_id
        WHERE entry.target = 'case:' || emptied.reference AND entry.verb = 'case.erase'
    ) THEN
        RAISE EXCEPTION 'Removal from % refused: the audit trail does not tell of it.',
            TG_TABLE_NAME USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE OR REPLACE FUNCTION moderation_guard_reveal() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.case_id, NEW.by_id, NEW.reason, NEW.at, NEW.entry_id)
            IS DISTINCT FROM
            (OLD.id, OLD.case_id, OLD.by_id, OLD.reason, OLD.at, OLD.entry_id)
            OR (NEW.note <> OLD.note AND NEW.note <> '(removed)')
            OR NEW.ends_at > OLD.ends_at THEN
            RAISE EXCEPTION 'Reveal refused: it may end earlier, and nothing else about it changes.'
                USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NOT EXISTS (
        SELECT FROM public.audit_entry entry
        JOIN public.moderation_case shown ON shown.id = NEW.case_id
        WHERE entry.number = NEW.entry_id
            AND entry.target = 'case:' || shown.reference
            AND entry.verb = 'case.reveal'
            AND split_part(entry.actor, ' ', 1) = 'staff:' || NEW.by_id
    ) THEN
        RAISE EXCEPTION 'Reveal refused: its audit entry does not tell of this person and case.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE OR REPLACE FUNCTION moderation_guard_hold() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF (NEW.id, NEW.account_id, NEW.case_id, NEW.set_by_id, NEW.set_at)
        IS DISTINCT FROM (OLD.id, OLD.account_id, OLD.case_id, OLD.set_by_id, OLD.set_at)
        OR (OLD.lifted_at IS NULL AND NEW.reason <> OLD.reason)
        OR (OLD.lifted_at IS NOT NULL AND (
            (NEW.lifted_by_id, NEW.lifted_at) IS DISTINCT FROM (OLD.lifted_by_id, OLD.lifted_at)
            OR NEW.reason NOT IN (OLD.reason, '(removed)')
            OR NEW.lift_reason IS NULL
            OR NEW.lift_reason NOT IN (OLD.lift_reason, '(removed)')
            OR (NEW.reason, NEW.lift_reason) = (OLD.reason, OLD.lift_reason)
        )) THEN
        RAISE EXCEPTION 'Police hold refused: it is lifted once, and nothing else changes.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE OR REPLACE FUNCTION moderation_guard_exemption() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.until > (NEW.granted_at AT TIME ZONE 'UTC')::date + 365 OR NOT EXISTS (
            SELECT FROM public.moderation_decision granting
            JOIN public.moderation_case dismissed ON dismissed.id = granting.case_id
            WHERE granting.id = NEW.decision_id AND granting.verb = 'dismiss'
                AND granting.by_id = NEW.granted_by_id AND granting.at = NEW.granted_at
                AND dismissed.account_id = NEW.account_id
        ) THEN
            RAISE EXCEPTION 'Exemption refused: a dismissal grants it, for a year at most.'
                USING ERRCODE = 'check_violation';
        END IF;
    ELSIF (NEW.id, NEW.account_id, NEW.decision_id, NEW.until, NEW.granted_by_id, NEW.granted_at)
        IS DISTINCT FROM
        (OLD.id, OLD.account_id, OLD.decision_id, OLD.until, OLD.granted_by_id, OLD.granted_at)
        OR (OLD.revoked_at IS NOT NULL AND (
            (NEW.revoked_by_id, NEW.revoked_at) IS DISTINCT FROM (OLD.revoked_by_id, OLD.revoked_at)
            OR NEW.revoke_reason IS DISTINCT FROM '(removed)'
        )) THEN
        RAISE EXCEPTION 'Exemption refused: it is ended once, and nothing else changes.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE OR REPLACE FUNCTION moderation_guard_second_look() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.looked_at IS NOT NULL AND NEW.note = '(removed)'
        AND to_jsonb(NEW) - 'note' = to_jsonb(OLD) - 'note' THEN
        RETURN NEW;
    ELSIF TG_OP <> 'INSERT' AND OLD.looked_at IS NOT NULL THEN
        RAISE EXCEPTION 'Second look refused: it is kept as it was given.'
            USING ERRCODE = 'check_violation';
    ELSIF TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF TG_OP = 'UPDATE' AND NEW.decision_id <> OLD.decision_id THEN
        RAISE EXCEPTION 'Second look refused: the decision that it looks at never changes.'
            USING ERRCODE = 'check_violation';
    ELSIF EXISTS (
        SELECT FROM public.moderation_decision
        WHERE id = NEW.decision_id AND by_id = NEW.by_id
    ) THEN
        RAISE EXCEPTION 'Second look refused: it is never by the person who decided.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE CONSTRAINT TRIGGER moderation_removal AFTER UPDATE ON moderation_reveal
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.note <> NEW.note)
    EXECUTE FUNCTION moderation_removal_is_told();
CREATE CONSTRAINT TRIGGER moderation_removal AFTER UPDATE ON moderation_policehold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.lifted_at IS NOT NULL AND OLD.reason <> NEW.reason)
    EXECUTE FUNCTION moderation_removal_is_told();
"""

_WRITTEN = {"moderation_decision": ("note", "details"), "moderation_note": ("text",)}
_REMOVABLE = "".join(
    f"""
DROP TRIGGER moderation_kept ON {table};
CREATE TRIGGER moderation_kept BEFORE DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
CREATE TRIGGER moderation_written BEFORE UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION moderation_only_removes({", ".join(f"'{f}'" for f in fields)});
CREATE CONSTRAINT TRIGGER moderation_removal AFTER UPDATE ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION moderation_removal_is_told();
"""
    for table, fields in _WRITTEN.items()
)


def _former(module: str, name: str, guards: str) -> str:
    """The function as an earlier migration made it."""
    text = getattr(import_module(f"moderation.migrations.{module}"), guards)
    start = text.index(f"CREATE FUNCTION {name}()")
    end = text.index("$body$;", start) + len("$body$;")
    return text[start:end].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


_REVERSE = (
    _former("0003_reveals", "moderation_guard_reveal", "_GUARD")
    + _former("0004_referral_progress", "moderation_guard_hold", "_GUARDS")
    + _former("0009_exemptions", "moderation_guard_exemption", "_GUARDS")
    + _former("0011_second_looks", "moderation_guard_second_look", "_GUARDS")
    + "DROP FUNCTION moderation_only_removes() CASCADE;\n"
    + "DROP FUNCTION moderation_removal_is_told() CASCADE;\n"
    + "".join(
        f"""
DROP TRIGGER moderation_kept ON {table};
CREATE TRIGGER moderation_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
"""
        for table in _WRITTEN
    )
)


class Migration(migrations.Migration):
    dependencies = [("moderation", "0011_second_looks")]

    operations = [
        migrations.AddField(
            model_name="case",
            name="personal_data_removed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.RunSQL(_FUNCTIONS + _REMOVABLE, _REVERSE),
    ]
