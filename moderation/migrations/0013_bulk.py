"""One decision for several cases. A job stands on its audit entry: SQL can write that, not sign it.

What is asked for never changes; a case is added before the entry only.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_GUARDS = """
CREATE FUNCTION moderation_guard_bulk_job() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF OLD.finished_at IS NOT NULL OR NEW.finished_at IS NULL
        OR NEW.words NOT IN (OLD.words, '{}'::jsonb)
        OR (NEW.id, NEW.by_id, NEW.verb, NEW.asked_at)
        IS DISTINCT FROM (OLD.id, OLD.by_id, OLD.verb, OLD.asked_at) THEN
        RAISE EXCEPTION 'Bulk job refused: it ends once, and nothing else about it changes.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION moderation_settle_bulk_job() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.audit_entry
        WHERE target = 'bulk:' || NEW.id AND verb = 'bulk.ask'
            AND split_part(actor, ' ', 1) = 'staff:' || NEW.by_id
    ) THEN
        RAISE EXCEPTION 'Bulk job refused: the audit trail does not tell of it.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END
$body$;

CREATE FUNCTION moderation_guard_bulk_item() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.outcome <> 'waiting' OR EXISTS (
            SELECT FROM public.audit_entry WHERE target = 'bulk:' || NEW.job_id
        ) THEN
            RAISE EXCEPTION 'Bulk item refused: its job was asked for without it.'
                USING ERRCODE = 'check_violation';
        END IF;
    ELSIF OLD.outcome <> 'waiting'
        OR (NEW.id, NEW.job_id, NEW.case_id, NEW.version)
        IS DISTINCT FROM (OLD.id, OLD.job_id, OLD.case_id, OLD.version) THEN
        RAISE EXCEPTION 'Bulk item refused: it has its turn once, and nothing else changes.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER moderation_guard BEFORE UPDATE ON moderation_bulkjob
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_bulk_job();
CREATE CONSTRAINT TRIGGER moderation_settle AFTER INSERT ON moderation_bulkjob
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION moderation_settle_bulk_job();
CREATE TRIGGER moderation_guard BEFORE INSERT OR UPDATE ON moderation_bulkitem
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_bulk_item();
CREATE TRIGGER moderation_kept BEFORE DELETE OR TRUNCATE ON moderation_bulkjob
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
CREATE TRIGGER moderation_kept BEFORE DELETE OR TRUNCATE ON moderation_bulkitem
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
"""

_REVERSE = """
DROP FUNCTION moderation_guard_bulk_job() CASCADE;
DROP FUNCTION moderation_settle_bulk_job() CASCADE;
DROP FUNCTION moderation_guard_bulk_item() CASCADE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0012_erasure'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BulkJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('verb', models.CharField(max_length=12)),
                ('words', models.JSONField(default=dict)),
                ('asked_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='BulkItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField()),
                ('outcome', models.CharField(choices=[('waiting', 'waiting'), ('done', 'done'), ('refused', 'left alone')], default='waiting', max_length=10)),
                ('message', models.TextField(default='')),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='moderation.case')),
                ('job', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='items', to='moderation.bulkjob')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('job', 'case'), name='moderation_one_item_a_case')],
            },
        ),
        migrations.RunSQL(_GUARDS, _REVERSE),
    ]
