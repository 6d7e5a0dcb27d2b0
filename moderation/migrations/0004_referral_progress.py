"""How far a referral has come, and police holds. The database demands an audit entry of each step.

``_REFERRAL_MOVES`` of ``0002_guards`` stays as it was: the states and their order have not changed.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


_GUARDS = """
CREATE FUNCTION moderation_settle_referral_step() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    step text := CASE NEW.state
        WHEN 'approved' THEN 'approve' WHEN 'sent' THEN 'send'
        WHEN 'acknowledged' THEN 'acknowledge' WHEN 'rejected' THEN 'reject' END;
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.audit_entry entry
        JOIN public.moderation_case referred ON referred.id = NEW.case_id
        WHERE entry.target = 'case:' || referred.reference
            AND entry.verb = 'referral.' || step
            AND entry.after ->> 'state' = NEW.state
    ) THEN
        RAISE EXCEPTION 'Referral refused: the audit trail does not tell that it is %.', NEW.state
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE FUNCTION moderation_guard_receipt() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION 'Referral refused: where and when it was sent never changes.'
        USING ERRCODE = 'check_violation';
END
$body$;

CREATE FUNCTION moderation_guard_hold() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF OLD.lifted_at IS NOT NULL
        OR (NEW.id, NEW.account_id, NEW.case_id, NEW.reason, NEW.set_by_id, NEW.set_at)
        IS DISTINCT FROM
        (OLD.id, OLD.account_id, OLD.case_id, OLD.reason, OLD.set_by_id, OLD.set_at) THEN
        RAISE EXCEPTION 'Police hold refused: it is lifted once, and nothing else changes.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION moderation_settle_hold() RETURNS trigger LANGUAGE plpgsql AS $body$
DECLARE
    step text := CASE WHEN NEW.lifted_at IS NULL THEN 'set' ELSE 'lift' END;
    person bigint := coalesce(NEW.lifted_by_id, NEW.set_by_id);
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.audit_entry entry
        JOIN public.moderation_case of_account ON of_account.account_id = NEW.account_id
        WHERE entry.target = 'case:' || of_account.reference
            AND entry.verb = 'hold.' || step
            AND entry.after -> 'hold' = to_jsonb(NEW.id)
            AND split_part(entry.actor, ' ', 1) = 'staff:' || person
    ) THEN
        RAISE EXCEPTION 'Police hold refused: the audit trail does not tell that it was %.',
            CASE step WHEN 'set' THEN 'set' ELSE 'lifted' END
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE CONSTRAINT TRIGGER moderation_settle_step AFTER UPDATE ON moderation_referral
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
    EXECUTE FUNCTION moderation_settle_referral_step();
CREATE TRIGGER moderation_guard_receipt BEFORE UPDATE ON moderation_referral
    FOR EACH ROW WHEN (
        OLD.sent_at IS NOT NULL AND (OLD.sent_at, OLD.destination, OLD.receipt)
            IS DISTINCT FROM (NEW.sent_at, NEW.destination, NEW.receipt)
    ) EXECUTE FUNCTION moderation_guard_receipt();
CREATE TRIGGER moderation_guard BEFORE UPDATE ON moderation_policehold
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_hold();
CREATE CONSTRAINT TRIGGER moderation_settle AFTER INSERT OR UPDATE ON moderation_policehold
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION moderation_settle_hold();
CREATE TRIGGER moderation_kept BEFORE DELETE OR TRUNCATE ON moderation_policehold
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
"""

# The triggers on the new table go with it.
_REVERSE = """
DROP FUNCTION moderation_settle_referral_step() CASCADE;
DROP FUNCTION moderation_guard_receipt() CASCADE;
DROP FUNCTION moderation_guard_hold() CASCADE;
DROP FUNCTION moderation_settle_hold() CASCADE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0001_initial'),
        ('moderation', '0003_reveals'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='PoliceHold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.TextField()),
                ('set_at', models.DateTimeField()),
                ('lifted_at', models.DateTimeField(null=True)),
                ('lift_reason', models.TextField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name='referral',
            name='answer',
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name='referral',
            name='answered_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='referral',
            name='destination',
            field=models.CharField(choices=[('download', 'Handed over as a file'), ('ncmec', 'NCMEC CyberTipline'), ('ncmec_test', 'NCMEC CyberTipline, test host'), ('nca', 'National Crime Agency, portal form')], max_length=20, null=True),
        ),
        migrations.AddField(
            model_name='referral',
            name='outcome',
            field=models.CharField(choices=[('investigation', 'Investigation opened'), ('child_safeguarded', 'A child was safeguarded'), ('arrest', 'Arrest or charge'), ('passed_on', 'Passed to another force or country'), ('no_action', 'No further action')], max_length=20, null=True),
        ),
        migrations.AddField(
            model_name='referral',
            name='outcome_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='referral',
            name='outcome_note',
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name='referral',
            name='receipt',
            field=models.CharField(max_length=100, null=True),
        ),
        migrations.AddField(
            model_name='referral',
            name='sent_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddConstraint(
            model_name='referral',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('destination__isnull', True), ('receipt__isnull', True), ('sent_at__isnull', True), ('state__in', ['preparing', 'approved'])), models.Q(('destination__isnull', False), ('receipt__isnull', False), ('sent_at__isnull', False), ('state__in', ['sent', 'acknowledged', 'rejected'])), _connector='OR'), name='moderation_referral_sent_somewhere'),
        ),
        migrations.AddConstraint(
            model_name='referral',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answered_at__isnull', False), ('state__in', ['acknowledged', 'rejected'])), models.Q(('answered_at__isnull', True), ('state__in', ['preparing', 'approved', 'sent'])), _connector='OR'), name='moderation_referral_answered'),
        ),
        migrations.AddConstraint(
            model_name='referral',
            constraint=models.CheckConstraint(condition=models.Q(('outcome__isnull', True), ('state', 'acknowledged'), _connector='OR'), name='moderation_referral_outcome'),
        ),
        migrations.AddField(
            model_name='policehold',
            name='account',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='police_holds', to='accounts.account'),
        ),
        migrations.AddField(
            model_name='policehold',
            name='case',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='police_holds', to='moderation.case'),
        ),
        migrations.AddField(
            model_name='policehold',
            name='lifted_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='policehold',
            name='set_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='policehold',
            constraint=models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True)), fields=('account',), name='moderation_one_hold'),
        ),
        migrations.AddConstraint(
            model_name='policehold',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('lift_reason__isnull', True), ('lifted_at__isnull', True), ('lifted_by__isnull', True)), models.Q(('lift_reason__isnull', False), ('lifted_at__isnull', False), ('lifted_by__isnull', False)), _connector='OR'), name='moderation_hold_lifted_by_somebody'),
        ),
        migrations.RunSQL(_GUARDS, _REVERSE),
    ]
