"""The database itself holds the life of a case and the four eyes.

``_MOVES`` repeats ``moderation.domain.transitions.TRANSITIONS`` as it was when this was written, and
a test compares the two: a change of the table needs a further migration that replaces the functions.

Plain SQL, because a trigger of django-pgtrigger can be switched off by any role that sets a session
variable (``pgtrigger.ignore``). Names are qualified: a temporary table called like one of ours must
not be read in its place.

What SQL cannot know is who sits at the keyboard: all of the application connects as one role. A
person who has that role's password can write another person's name, but not without a decision, and
no decision without an entry of the audit trail in that name, whose signature SQL cannot make.
"""

from django.db import migrations

# from, to, verb, leaves a decision, only by the holder, never by an escalator
_MOVES = (
    ("open", "in_review", "claim", False, False, False),
    ("in_review", "open", "release", False, False, False),
    ("in_review", "dismissed", "dismiss", True, True, False),
    ("in_review", "monitoring", "monitor", True, True, False),
    ("in_review", "escalated", "escalate", True, True, False),
    ("escalated", "referred", "refer", True, False, True),
    ("escalated", "open", "return", True, False, True),
    ("escalated", "dismissed", "dismiss", True, False, True),
    ("monitoring", "open", "resume", False, False, False),
    ("dismissed", "open", "reopen", False, False, False),
)
_REFERRAL_MOVES = (
    ("preparing", "approved"),
    ("approved", "sent"),
    ("sent", "acknowledged"),
    ("sent", "rejected"),
)


def _literal(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f"'{value}'"


def _values(rows: tuple[tuple[str | bool, ...], ...]) -> str:
    return ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)


_FUNCTIONS = f"""
CREATE FUNCTION moderation_refuse() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION '% on % is refused: this is kept as it was written.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$body$;

CREATE FUNCTION moderation_moves() RETURNS TABLE (
    source text, target text, verb text, decided boolean, by_holder boolean, four_eyes boolean
) LANGUAGE sql IMMUTABLE AS $body$
    VALUES {_values(_MOVES)}
$body$;

CREATE FUNCTION moderation_guard_case() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    refusal text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.state <> 'open' OR NEW.version <> 1 THEN
            refusal := 'a case begins open, as version 1';
        ELSIF num_nonnulls(NEW.escalated_by_id, NEW.escalated_at, NEW.decided_at) > 0 THEN
            refusal := 'a case begins without a history';
        END IF;
    ELSIF (NEW.id, NEW.reference, NEW.account_id, NEW.opened_at)
        IS DISTINCT FROM (OLD.id, OLD.reference, OLD.account_id, OLD.opened_at) THEN
        refusal := 'its reference, account and opening time never change';
    ELSIF NEW.state IS NOT DISTINCT FROM OLD.state THEN
        IF NEW.version NOT IN (OLD.version, OLD.version + 1) THEN
            refusal := 'its version grows by one';
        ELSIF (NEW.holder_id, NEW.escalated_by_id, NEW.escalated_at, NEW.referred_by_id)
            IS DISTINCT FROM
            (OLD.holder_id, OLD.escalated_by_id, OLD.escalated_at, OLD.referred_by_id) THEN
            refusal := 'who holds, escalated or referred it changes only with its state';
        END IF;
    ELSIF NOT EXISTS (
        SELECT FROM public.moderation_moves()
        WHERE source = OLD.state AND target = NEW.state
    ) THEN
        refusal := format('it cannot go from %s to %s', OLD.state, NEW.state);
    ELSIF NEW.version <> OLD.version + 1 THEN
        refusal := 'its version grows by one with each move';
    ELSIF NEW.state = 'escalated' AND NEW.escalated_by_id IS DISTINCT FROM OLD.holder_id THEN
        refusal := 'the person who holds it escalates it';
    ELSIF NEW.state <> 'escalated'
        AND (NEW.escalated_by_id, NEW.escalated_at)
        IS DISTINCT FROM (OLD.escalated_by_id, OLD.escalated_at) THEN
        refusal := 'who escalated it changes only when it is escalated';
    ELSIF NEW.state = 'referred' AND EXISTS (
        SELECT FROM public.moderation_decision
        WHERE case_id = NEW.id AND verb = 'escalate' AND by_id = NEW.referred_by_id
    ) THEN
        refusal := 'a person who escalated it never refers it';
    END IF;
    IF refusal IS NOT NULL THEN
        RAISE EXCEPTION 'Case % refused: %.', NEW.reference, refusal
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION moderation_settle_case() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    move record;
    person bigint;
    refusal text;
BEGIN
    SELECT * INTO move FROM public.moderation_moves()
        WHERE source = OLD.state AND target = NEW.state;
    SELECT by_id INTO person FROM public.moderation_decision
        WHERE case_id = NEW.id AND case_version = NEW.version AND verb = move.verb;
    IF NOT EXISTS (
        SELECT FROM public.audit_entry
        WHERE target = 'case:' || NEW.reference AND verb = 'case.' || move.verb
            AND after -> 'version' = to_jsonb(NEW.version)
    ) THEN
        refusal := 'the audit trail does not tell of it';
    ELSIF NOT move.decided THEN
        refusal := NULL;
    ELSIF person IS NULL THEN
        refusal := 'nobody''s decision is kept with it';
    ELSIF move.by_holder AND person IS DISTINCT FROM OLD.holder_id THEN
        refusal := 'the person who held the case did not decide it';
    ELSIF move.four_eyes AND EXISTS (
        SELECT FROM public.moderation_decision
        WHERE case_id = NEW.id AND verb = 'escalate' AND by_id = person
    ) THEN
        refusal := 'a person who escalated the case decided it';
    ELSIF move.verb = 'refer' AND (
        person IS DISTINCT FROM NEW.referred_by_id OR NOT EXISTS (
            SELECT FROM public.moderation_referral
            WHERE case_id = NEW.id AND approved_by_id = NEW.referred_by_id
                AND requested_by_id = NEW.escalated_by_id
        )
    ) THEN
        refusal := 'its referral names other people';
    END IF;
    IF refusal IS NOT NULL THEN
        RAISE EXCEPTION 'Move of case % to % refused: %.', NEW.reference, NEW.state, refusal
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE FUNCTION moderation_guard_decision() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.audit_entry entry
        JOIN public.moderation_case decided ON decided.id = NEW.case_id
        WHERE entry.number = NEW.entry_id
            AND entry.target = 'case:' || decided.reference
            AND entry.verb = 'case.' || NEW.verb
            AND entry.after -> 'version' = to_jsonb(NEW.case_version)
            AND split_part(entry.actor, ' ', 1) = 'staff:' || NEW.by_id
    ) THEN
        RAISE EXCEPTION 'Decision refused: its audit entry does not tell of this person and case.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION moderation_guard_referral() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF (NEW.id, NEW.case_id, NEW.requested_by_id, NEW.approved_by_id, NEW.approved_at)
        IS DISTINCT FROM
        (OLD.id, OLD.case_id, OLD.requested_by_id, OLD.approved_by_id, OLD.approved_at) THEN
        RAISE EXCEPTION 'Referral refused: its case and its people never change.'
            USING ERRCODE = 'check_violation';
    ELSIF NEW.state <> OLD.state
        AND (OLD.state, NEW.state) NOT IN ({_values(_REFERRAL_MOVES)}) THEN
        RAISE EXCEPTION 'Referral refused: it cannot go from % to %.', OLD.state, NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION moderation_settle_referral() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.moderation_case
        WHERE id = NEW.case_id AND state = 'referred'
            AND escalated_by_id = NEW.requested_by_id AND referred_by_id = NEW.approved_by_id
    ) THEN
        RAISE EXCEPTION 'Referral refused: its case was not escalated and referred by these people.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE FUNCTION moderation_guard_counter() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NEW.year <> OLD.year OR NEW.last < OLD.last THEN
        RAISE EXCEPTION 'Reference numbers only grow.' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;
"""

_TRIGGERS = """
CREATE TRIGGER moderation_guard BEFORE INSERT OR UPDATE ON moderation_case
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_case();
CREATE CONSTRAINT TRIGGER moderation_settle AFTER UPDATE ON moderation_case
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION moderation_settle_case();
CREATE TRIGGER moderation_guard BEFORE INSERT ON moderation_decision
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_decision();
CREATE TRIGGER moderation_guard BEFORE UPDATE ON moderation_referral
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_referral();
CREATE CONSTRAINT TRIGGER moderation_settle AFTER INSERT ON moderation_referral
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION moderation_settle_referral();
CREATE TRIGGER moderation_guard BEFORE UPDATE ON moderation_referencecounter
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_counter();
"""

_KEPT = {
    "moderation_case": "DELETE",
    "moderation_decision": "UPDATE OR DELETE",
    "moderation_note": "UPDATE OR DELETE",
    "moderation_referral": "DELETE",
    "moderation_referencecounter": "DELETE",
}
_KEEPERS = "".join(
    f"""
CREATE TRIGGER moderation_kept BEFORE {operations} OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
"""
    for table, operations in _KEPT.items()
)

_REVERSE = "".join(
    f"DROP FUNCTION moderation_{name}() CASCADE;\n"
    for name in (
        "refuse",
        "guard_case",
        "settle_case",
        "moves",
        "guard_decision",
        "guard_referral",
        "settle_referral",
        "guard_counter",
    )
)


class Migration(migrations.Migration):
    dependencies = [("moderation", "0001_initial")]

    operations = [migrations.RunSQL(_FUNCTIONS + _TRIGGERS + _KEEPERS, _REVERSE)]
