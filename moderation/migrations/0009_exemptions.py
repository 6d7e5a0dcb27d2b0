"""Exemptions: each with the dismissal that granted it, ended once, never removed."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_GUARDS = """
CREATE FUNCTION moderation_guard_exemption() RETURNS trigger LANGUAGE plpgsql AS $body$
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
    ELSIF OLD.revoked_at IS NOT NULL
        OR (NEW.id, NEW.account_id, NEW.decision_id, NEW.until, NEW.granted_by_id, NEW.granted_at)
        IS DISTINCT FROM
        (OLD.id, OLD.account_id, OLD.decision_id, OLD.until, OLD.granted_by_id, OLD.granted_at) THEN
        RAISE EXCEPTION 'Exemption refused: it is ended once, and nothing else changes.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION moderation_settle_exemption() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    step text := CASE WHEN NEW.revoked_at IS NULL THEN 'grant' ELSE 'revoke' END;
    person bigint := coalesce(NEW.revoked_by_id, NEW.granted_by_id);
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.audit_entry entry
        JOIN public.moderation_case of_account ON of_account.account_id = NEW.account_id
        WHERE entry.target = 'case:' || of_account.reference
            AND entry.verb = 'exemption.' || step
            AND entry.after -> 'exemption' = to_jsonb(NEW.id)
            AND split_part(entry.actor, ' ', 1) = 'staff:' || person
    ) THEN
        RAISE EXCEPTION 'Exemption refused: the audit trail does not tell of it.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE TRIGGER moderation_guard BEFORE INSERT OR UPDATE ON moderation_exemption
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_exemption();
CREATE CONSTRAINT TRIGGER moderation_settle AFTER INSERT OR UPDATE ON moderation_exemption
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION moderation_settle_exemption();
CREATE TRIGGER moderation_kept BEFORE DELETE OR TRUNCATE ON moderation_exemption
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
"""

_REVERSE = """
DROP FUNCTION moderation_guard_exemption() CASCADE;
DROP FUNCTION moderation_settle_exemption() CASCADE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('moderation', '0008_packages'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Exemption',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('until', models.DateField()),
                ('granted_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
                ('revoke_reason', models.TextField(null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='exemptions', to='accounts.account')),
                ('decision', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='exemption', to='moderation.decision')),
                ('granted_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('revoked_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('revoked_at__isnull', True)), fields=['until'], name='moderation_exemption_until')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('revoke_reason__isnull', True), ('revoked_at__isnull', True), ('revoked_by__isnull', True)), models.Q(('revoke_reason__isnull', False), ('revoked_at__gte', models.F('granted_at')), ('revoked_by__isnull', False)), _connector='OR'), name='moderation_exemption_revoked_by_somebody')],
            },
        ),
        migrations.RunSQL(_GUARDS, _REVERSE),
    ]
