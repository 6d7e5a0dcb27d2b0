"""What a package needs to stay the same, and what leaves the house.

Pseudonyms and sealed packages are kept as they were written; a delivery that has arrived stays so.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


_GUARDS = """
CREATE FUNCTION moderation_guard_package() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF (NEW.id, NEW.referral_id, NEW.sha256, NEW.size, NEW.sealed_at)
        IS DISTINCT FROM (OLD.id, OLD.referral_id, OLD.sha256, OLD.size, OLD.sealed_at)
        OR OLD.erased_at IS NOT NULL
        OR (NEW.data <> OLD.data AND (NEW.data <> ''::bytea OR NEW.erased_at IS NULL)) THEN
        RAISE EXCEPTION 'Package refused: it stays as it was sealed, or is emptied once.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION moderation_seal_package() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NEW.sha256 <> encode(sha256(NEW.data), 'hex') OR NEW.size <> length(NEW.data)
        OR NEW.erased_at IS NOT NULL THEN
        RAISE EXCEPTION 'Package refused: its bytes are not those of its hash.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE FUNCTION moderation_guard_delivery() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF (NEW.id, NEW.key, NEW.kind, NEW.referral_id, NEW.payload, NEW.asked_at)
        IS DISTINCT FROM (OLD.id, OLD.key, OLD.kind, OLD.referral_id, OLD.payload, OLD.asked_at)
    THEN
        RAISE EXCEPTION 'Delivery refused: what is sent, and where to, never changes.'
            USING ERRCODE = 'check_violation';
    ELSIF OLD.state = 'done' THEN
        RAISE EXCEPTION 'Delivery refused: it has arrived.' USING ERRCODE = 'check_violation';
    ELSIF NEW.state = 'done' AND OLD.state <> 'sending' THEN
        RAISE EXCEPTION 'Delivery refused: nobody was sending it.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER moderation_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON moderation_pseudonym
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
CREATE TRIGGER moderation_kept BEFORE DELETE OR TRUNCATE ON moderation_sealedpackage
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
CREATE TRIGGER moderation_guard BEFORE UPDATE ON moderation_sealedpackage
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_package();
CREATE TRIGGER moderation_seal BEFORE INSERT ON moderation_sealedpackage
    FOR EACH ROW EXECUTE FUNCTION moderation_seal_package();
CREATE TRIGGER moderation_kept BEFORE DELETE OR TRUNCATE ON moderation_delivery
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
CREATE TRIGGER moderation_guard BEFORE UPDATE ON moderation_delivery
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_delivery();
"""

# The triggers on the new tables go with them.
_REVERSE = """
DROP FUNCTION moderation_guard_package() CASCADE;
DROP FUNCTION moderation_seal_package() CASCADE;
DROP FUNCTION moderation_guard_delivery() CASCADE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_rejects_in_parts'),
        ('moderation', '0007_deadlines'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SealedPackage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('data', models.BinaryField()),
                ('sha256', models.CharField(max_length=64)),
                ('size', models.PositiveIntegerField()),
                ('sealed_at', models.DateTimeField()),
                ('erased_at', models.DateTimeField(null=True)),
                ('referral', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='package', to='moderation.referral')),
            ],
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=120, unique=True)),
                ('kind', models.CharField(choices=[('cybertipline', 'NCMEC CyberTipline')], max_length=20)),
                ('payload', models.JSONField(default=dict)),
                ('state', models.CharField(choices=[('waiting', 'waiting'), ('sending', 'being sent'), ('done', 'delivered'), ('dead', 'given up, needs a person')], default='waiting', max_length=10)),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('next_attempt_at', models.DateTimeField()),
                ('token', models.UUIDField(null=True)),
                ('taken_until', models.DateTimeField(null=True)),
                ('progress', models.JSONField(default=dict)),
                ('last_error', models.CharField(blank=True, default='', max_length=500)),
                ('receipt', models.CharField(blank=True, default='', max_length=100)),
                ('asked_at', models.DateTimeField()),
                ('last_attempt_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('referral', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='moderation.referral')),
            ],
            options={
                'ordering': ['-asked_at', '-id'],
                'indexes': [models.Index(condition=models.Q(('state__in', ['waiting', 'sending'])), fields=['next_attempt_at'], name='moderation_delivery_due')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state', 'sending'), ('taken_until__isnull', False), ('token__isnull', False)), models.Q(models.Q(('state', 'sending'), _negated=True), ('taken_until__isnull', True), ('token__isnull', True)), _connector='OR'), name='moderation_delivery_taken'), models.CheckConstraint(condition=models.Q(models.Q(('finished_at__isnull', False), ('state', 'done')), models.Q(models.Q(('state', 'done'), _negated=True), ('finished_at__isnull', True)), _connector='OR'), name='moderation_delivery_finished')],
            },
        ),
        migrations.CreateModel(
            name='Pseudonym',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('child', 'child'), ('adult', 'adult'), ('unknown', 'age not known')], max_length=7)),
                ('mark', models.CharField(max_length=10)),
                ('account', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='accounts.account')),
                ('case', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='pseudonyms', to='moderation.case')),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('case', 'account'), name='moderation_one_pseudonym'), models.UniqueConstraint(fields=('case', 'kind', 'mark'), name='moderation_pseudonym_unique')],
            },
        ),
        migrations.RunSQL(_GUARDS, _REVERSE),
    ]
