"""A decision can be taken back for ten minutes by whoever took it: three more moves of a case.

``_MOVES`` repeats ``moderation.domain.transitions.TRANSITIONS`` as it is from here on. What an
escalation had changed about the escalator is restored with it; the decision itself stays, and so
the person who took it back never approves an escalation of the case.
"""

from importlib import import_module

from django.db import migrations, models

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
    ("dismissed", "in_review", "undo", True, False, False),
    ("monitoring", "in_review", "undo", True, False, False),
    ("escalated", "in_review", "undo", True, False, False),
)


def _literal(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else f"'{value}'"


def _values(rows: tuple[tuple[str | bool, ...], ...]) -> str:
    return ", ".join(f"({', '.join(map(_literal, row))})" for row in rows)


_FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION moderation_moves() RETURNS TABLE (
    source text, target text, verb text, decided boolean, by_holder boolean, four_eyes boolean
) LANGUAGE sql IMMUTABLE AS $body$
    VALUES {_values(_MOVES)}
$body$;

CREATE OR REPLACE FUNCTION moderation_guard_case() RETURNS trigger LANGUAGE plpgsql AS $body$
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
    ELSIF OLD.state = 'escalated' AND NEW.state = 'in_review' THEN
        IF NEW.escalated_by_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM public.moderation_decision
            WHERE case_id = NEW.id AND verb = 'escalate' AND by_id = NEW.escalated_by_id
        ) THEN
            refusal := 'who escalated it is somebody who did, or nobody';
        END IF;
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

CREATE OR REPLACE FUNCTION moderation_settle_case() RETURNS trigger LANGUAGE plpgsql AS $body$
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
    ELSIF move.verb = 'undo' AND (
        person IS DISTINCT FROM NEW.holder_id OR NOT EXISTS (
            SELECT FROM public.moderation_decision taken
            JOIN public.audit_entry entry ON entry.number = taken.entry_id
            WHERE taken.case_id = NEW.id AND taken.case_version = OLD.version
                AND taken.by_id = person AND taken.verb IN ('dismiss', 'monitor', 'escalate')
                AND taken.at > now() - interval '10 minutes'
                AND entry.before ->> 'state' = 'in_review'
        )
    ) THEN
        refusal := 'only who just decided it takes it back';
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
"""

_FORMER = import_module("moderation.migrations.0002_guards")._FUNCTIONS.replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)


class Migration(migrations.Migration):
    dependencies = [("moderation", "0005_drafts")]

    operations = [
        migrations.AddField(
            model_name="decision",
            name="restores",
            field=models.JSONField(null=True),
        ),
        migrations.RunSQL(_FUNCTIONS, _FORMER),
    ]
