"""Second looks: never by the person who decided, and kept as they were answered."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_GUARDS = """
CREATE FUNCTION moderation_guard_second_look() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.looked_at IS NOT NULL THEN
        RAISE EXCEPTION 'Second look refused: it is kept as it was given.'
            USING ERRCODE = 'check_violation';
    ELSIF TG_OP = 'DELETE' THEN
        RETURN OLD;
    ELSIF TG_OP = 'UPDATE' AND NEW.decision_id <> OLD.decision_id THEN
        RAISE EXCEPTION 'Second look refused: the decision that it looks at never changes.'
            USING ERRCODE = 'check_violation';
    ELSIF EXISTS (
        SELECT FROM public.moderation_decision
        WHERE id = NEW.decision_id AND by_id = NEW.by_id
    ) THEN
        RAISE EXCEPTION 'Second look refused: it is never by the person who decided.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER moderation_guard BEFORE INSERT OR UPDATE OR DELETE ON moderation_secondlook
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_second_look();
CREATE TRIGGER moderation_kept BEFORE TRUNCATE ON moderation_secondlook
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('moderation', '0010_care'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SecondLook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('chosen_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('looked_at', models.DateTimeField(null=True)),
                ('verb', models.CharField(max_length=12, null=True)),
                ('reason', models.CharField(max_length=30, null=True)),
                ('note', models.TextField(null=True)),
                ('agreement', models.CharField(choices=[('same', 'The same'), ('other_reason', 'Dismissed as well, for another reason'), ('graver', 'The second person would have done more'), ('milder', 'The second person would have done less')], max_length=12, null=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('decision', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='second_look', to='moderation.decision')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('looked_at__isnull', True)), fields=['chosen_at'], name='moderation_second_look_open')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('by__isnull', True), ('started_at__isnull', True)), models.Q(('by__isnull', False), ('started_at__isnull', False)), _connector='OR'), name='moderation_second_look_started'), models.CheckConstraint(condition=models.Q(models.Q(('agreement__isnull', True), ('looked_at__isnull', True), ('verb__isnull', True)), models.Q(('agreement__isnull', False), ('by__isnull', False), ('looked_at__isnull', False), ('verb__isnull', False)), _connector='OR'), name='moderation_second_look_answered')],
            },
        ),
        migrations.RunSQL(_GUARDS, "DROP FUNCTION moderation_guard_second_look() CASCADE;"),
    ]
