"""Deadlines that an admin sets, and those that were missed. Both tables only grow."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_KEEPERS = "".join(
    f"""
CREATE TRIGGER moderation_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
"""
    for table in ("moderation_deadlineterms", "moderation_breach")
)


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0006_undo'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DeadlineTerms',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('spec', models.JSONField()),
                ('note', models.TextField()),
                ('set_at', models.DateTimeField()),
                ('set_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        migrations.CreateModel(
            name='Breach',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('severity', models.CharField(choices=[('critical', 'Critical'), ('high', 'High'), ('standard', 'Standard')], max_length=10)),
                ('state', models.CharField(max_length=12)),
                ('waiting_since', models.DateTimeField()),
                ('due_at', models.DateTimeField()),
                ('noticed_at', models.DateTimeField()),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='breaches', to='moderation.case')),
            ],
            options={
                'indexes': [models.Index(fields=['due_at'], name='moderation_breach_due')],
                'constraints': [models.UniqueConstraint(fields=('case', 'waiting_since'), name='moderation_one_breach_a_wait')],
            },
        ),
        # The triggers go with their tables.
        migrations.RunSQL(_KEEPERS, migrations.RunSQL.noop),
    ]
