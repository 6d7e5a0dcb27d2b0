"""Signed checkpoints. Added, never changed; each covers the whole trail at its moment."""

from django.db import migrations, models

_GUARDS = """
CREATE FUNCTION audit_checkpoint_of_trail() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    last_number bigint;
BEGIN
    SELECT max(number) INTO last_number FROM public.audit_entry;
    IF NEW.size IS DISTINCT FROM last_number THEN
        RAISE EXCEPTION 'Audit checkpoint of % entries refused: the last entry is %.',
            NEW.size, coalesce(last_number, 0) USING ERRCODE = 'check_violation';
    END IF;
    IF octet_length(NEW.root) <> 32
        OR octet_length(NEW.peaks) <> 32 * length(replace(NEW.size::bit(64)::text, '0', '')) THEN
        RAISE EXCEPTION 'Audit checkpoint of % entries refused: root or peaks have the wrong length.',
            NEW.size USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION audit_checkpoint_is_told() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.audit_entry
        WHERE number = NEW.size + 1 AND verb = 'audit.checkpoint'
            AND after ->> 'root' = encode(NEW.root, 'hex')
    ) THEN
        RAISE EXCEPTION 'Audit checkpoint of % entries refused: no entry tells of it.', NEW.size
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE TRIGGER audit_checkpoint_of_trail BEFORE INSERT ON audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION audit_checkpoint_of_trail();
CREATE CONSTRAINT TRIGGER audit_checkpoint_is_told AFTER INSERT ON audit_checkpoint
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_checkpoint_is_told();
CREATE TRIGGER audit_checkpoint_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change();
"""

_REVERSE = """
DROP FUNCTION audit_checkpoint_of_trail() CASCADE;
DROP FUNCTION audit_checkpoint_is_told() CASCADE;
DROP TRIGGER audit_checkpoint_append_only ON audit_checkpoint;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_append_only")]

    operations = [
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("root", models.BinaryField(max_length=32)),
                ("peaks", models.BinaryField(max_length=2048)),
                ("note", models.TextField()),
            ],
            options={"ordering": ["-size"]},
        ),
        migrations.RunSQL(_GUARDS, _REVERSE),
    ]
