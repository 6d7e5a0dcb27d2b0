"""The database itself keeps threshold versions as they were proposed, and the four eyes over them.

Plain SQL in place of django-pgtrigger, whose triggers any role can switch off by a session variable
(``pgtrigger.ignore``). Names are qualified: a temporary table called like one of ours must not be
read in its place.

What SQL cannot know is who sits at the keyboard: all of the application connects as one role. A
person who has that role's password can write another person's name, but not without an entry of the
audit trail in that name, whose signature SQL cannot make.
"""

import pgtrigger.migrations
from django.db import migrations

_FUNCTIONS = """
CREATE FUNCTION signals_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION '% on % is refused: this is kept as it was written.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$body$;

CREATE FUNCTION signals_guard_thresholds() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    refusal text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'draft' AND NEW.version <> 1 THEN
            refusal := 'a version starts as a draft';
        END IF;
    ELSIF (NEW.id, NEW.version, NEW.spec, NEW.note, NEW.created_by_id, NEW.created_at,
            NEW.based_on_id)
        IS DISTINCT FROM
        (OLD.id, OLD.version, OLD.spec, OLD.note, OLD.created_by_id, OLD.created_at,
            OLD.based_on_id) THEN
        refusal := 'a version is never edited';
    ELSIF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN
        (('draft', 'active'), ('draft', 'withdrawn'), ('active', 'retired')) THEN
        refusal := format('it cannot go from %s to %s', OLD.state, NEW.state);
    ELSIF OLD.state <> 'draft'
        AND (NEW.approved_by_id, NEW.activated_at, NEW.withdrawn_by_id, NEW.withdrawn_at)
        IS DISTINCT FROM
        (OLD.approved_by_id, OLD.activated_at, OLD.withdrawn_by_id, OLD.withdrawn_at) THEN
        refusal := 'it is decided once';
    END IF;
    IF refusal IS NULL AND (
        NEW.state = 'draft'
        AND num_nonnulls(NEW.approved_by_id, NEW.withdrawn_by_id, NEW.withdrawn_at) > 0
        OR NEW.state = 'active' AND num_nonnulls(NEW.withdrawn_by_id, NEW.withdrawn_at) > 0
        OR NEW.state = 'withdrawn'
        AND (num_nonnulls(NEW.withdrawn_by_id, NEW.withdrawn_at) < 2
            OR NEW.approved_by_id IS NOT NULL)
    ) THEN
        refusal := 'who decided it belongs to another state';
    END IF;
    IF refusal IS NOT NULL THEN
        RAISE EXCEPTION 'Thresholds % refused: %.', NEW.version, refusal
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION signals_settle_thresholds() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    told text;
    person bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        told := 'propose';
        person := NEW.created_by_id;
    ELSIF NEW.state = 'active' THEN
        told := 'approve';
        person := NEW.approved_by_id;
    ELSIF NEW.state = 'withdrawn' THEN
        told := 'withdraw';
        person := NEW.withdrawn_by_id;
    ELSE
        RETURN NULL;
    END IF;
    IF NOT EXISTS (
        SELECT FROM public.audit_entry
        WHERE target = 'thresholds:' || NEW.version AND verb = 'thresholds.' || told
            AND split_part(actor, ' ', 1) = 'staff:' || person
    ) THEN
        RAISE EXCEPTION 'Thresholds % refused: the audit trail does not tell of it.', NEW.version
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE TRIGGER signals_guard BEFORE INSERT OR UPDATE ON signals_thresholdset
    FOR EACH ROW EXECUTE FUNCTION signals_guard_thresholds();
CREATE CONSTRAINT TRIGGER signals_settle AFTER INSERT ON signals_thresholdset
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.created_by_id IS NOT NULL)
    EXECUTE FUNCTION signals_settle_thresholds();
CREATE CONSTRAINT TRIGGER signals_settle_move AFTER UPDATE ON signals_thresholdset
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION signals_settle_thresholds();
CREATE TRIGGER signals_kept BEFORE DELETE OR TRUNCATE ON signals_thresholdset
    FOR EACH STATEMENT EXECUTE FUNCTION signals_refuse();
"""

_REVERSE = "".join(
    f"DROP FUNCTION signals_{name}() CASCADE;\n"
    for name in ("refuse", "guard_thresholds", "settle_thresholds")
)

_REPLACED = (
    "signals_threshold_content",
    "signals_threshold_states",
    "signals_threshold_decided_once",
    "signals_threshold_starts_as_draft",
    "signals_threshold_kept",
)


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only"), ("signals", "0001_initial")]

    operations = [
        *(
            pgtrigger.migrations.RemoveTrigger(model_name="thresholdset", name=name)
            for name in _REPLACED
        ),
        migrations.RunSQL(_FUNCTIONS, _REVERSE),
    ]
