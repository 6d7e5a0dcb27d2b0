"""Who works here, in which role, is what the trail says: SQL gives nobody a role by itself.

The table is of the floor below, which knows of no trail; the guard reads the trail, so it stands
here. A password and a second factor SQL can still change: ``docs/cases.md`` says what that means.

Types are looked up in ``pg_catalog`` first: otherwise whoever calls could put a type of their own,
made in their session's temporary schema, in the place of ``text``.
"""

from django.conf import settings
from django.db import migrations

_GUARDS = """
CREATE FUNCTION audit_settle_staff() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    person record;
    told_role text;
    told_active boolean;
BEGIN
    SELECT id, role, is_active INTO person FROM public.staff_user WHERE id = NEW.id;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    SELECT after ->> 'role' INTO told_role FROM public.audit_entry
        WHERE target = 'staff:' || person.id AND verb IN ('staff.create', 'staff.change_role')
        ORDER BY number DESC LIMIT 1;
    SELECT verb <> 'staff.deactivate' INTO told_active FROM public.audit_entry
        WHERE target = 'staff:' || person.id
            AND verb IN ('staff.create', 'staff.deactivate', 'staff.reactivate')
        ORDER BY number DESC LIMIT 1;
    IF told_role IS DISTINCT FROM person.role OR told_active IS DISTINCT FROM person.is_active THEN
        RAISE EXCEPTION 'Staff % refused: the audit trail tells of another role or access.',
            person.id USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE FUNCTION audit_keep_staff() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    RAISE EXCEPTION '% on % is refused: people are deactivated, and what they did stays.',
        TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$body$;

CREATE CONSTRAINT TRIGGER audit_settle_staff AFTER INSERT ON staff_user
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_settle_staff();
CREATE CONSTRAINT TRIGGER audit_settle_staff_change AFTER UPDATE ON staff_user
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.id, OLD.role, OLD.is_active) IS DISTINCT FROM (NEW.id, NEW.role, NEW.is_active))
    EXECUTE FUNCTION audit_settle_staff();
CREATE TRIGGER audit_keep_staff BEFORE DELETE OR TRUNCATE ON staff_user
    FOR EACH STATEMENT EXECUTE FUNCTION audit_keep_staff();
"""

_REVERSE = """
DROP FUNCTION audit_settle_staff() CASCADE;
DROP FUNCTION audit_keep_staff() CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_checkpoints"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [migrations.RunSQL(_GUARDS, _REVERSE)]
