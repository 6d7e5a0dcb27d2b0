"""The database itself keeps the trail append-only and in one chain.

Plain SQL: triggers of django-pgtrigger can be switched off by any role that sets a session
variable (``pgtrigger.ignore``), which must not work here.
"""

from django.db import migrations

_TABLES = ("audit_entry", "audit_head")

_FUNCTIONS = """
CREATE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'The audit trail is append-only: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END
$body$;

CREATE FUNCTION audit_continue_chain() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    last_number bigint := 0;
    last_hash bytea := decode(repeat('00', 32), 'hex');
BEGIN
    SELECT number, hash INTO last_number, last_hash
        FROM public.audit_entry ORDER BY number DESC LIMIT 1;
    IF NOT FOUND THEN
        last_number := 0;
        last_hash := decode(repeat('00', 32), 'hex');
    END IF;
    IF NEW.number IS DISTINCT FROM last_number + 1 THEN
        RAISE EXCEPTION 'Audit entry % refused: the next number is %.', NEW.number, last_number + 1
            USING ERRCODE = 'check_violation';
    END IF;
    IF NEW.previous_hash IS DISTINCT FROM last_hash THEN
        RAISE EXCEPTION 'Audit entry % refused: its previous hash is not that of entry %.',
            NEW.number, last_number USING ERRCODE = 'check_violation';
    END IF;
    IF octet_length(NEW.hash) <> 32 OR octet_length(NEW.signature) <> 64 THEN
        RAISE EXCEPTION 'Audit entry % refused: hash or signature has the wrong length.',
            NEW.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION audit_head_of_entry() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.audit_entry
        WHERE number = NEW.number AND hash = NEW.hash AND signature = NEW.signature
    ) THEN
        RAISE EXCEPTION 'Audit head % refused: no entry has this number, hash and signature.',
            NEW.number USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER audit_entry_continues_chain BEFORE INSERT ON audit_entry
    FOR EACH ROW EXECUTE FUNCTION audit_continue_chain();
CREATE TRIGGER audit_head_of_entry BEFORE INSERT ON audit_head
    FOR EACH ROW EXECUTE FUNCTION audit_head_of_entry();
"""

_APPEND_ONLY = "".join(
    f"""
CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""
    for table in _TABLES
)

_REVERSE = (
    """
DROP TRIGGER audit_entry_continues_chain ON audit_entry;
DROP TRIGGER audit_head_of_entry ON audit_head;
"""
    + "".join(f"DROP TRIGGER {table}_append_only ON {table};\n" for table in _TABLES)
    + """
DROP FUNCTION audit_refuse_change();
DROP FUNCTION audit_continue_chain();
DROP FUNCTION audit_head_of_entry();
"""
)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [migrations.RunSQL(_FUNCTIONS + _APPEND_ONLY, _REVERSE)]
