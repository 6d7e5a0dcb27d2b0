"""Age checks: each with the decision that asked, answered or withdrawn once; and their outbox rows."""

from importlib import import_module

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from moderation import guards


_STEP = """CASE WHEN NEW.withdrawn_at IS NOT NULL THEN 'withdraw'
        WHEN NEW.answered_at IS NOT NULL THEN 'answer' ELSE 'ask' END"""

_GUARD = f"""IF TG_OP = 'INSERT' THEN
        IF NEW.answered_at IS NOT NULL OR NEW.withdrawn_at IS NOT NULL OR NOT EXISTS (
            SELECT FROM public.moderation_decision asking
            JOIN public.moderation_case asked ON asked.id = asking.case_id
            WHERE asking.id = NEW.decision_id AND asking.verb = 'monitor'
                AND asking.reason = 'age_check' AND asking.by_id = NEW.asked_by_id
                AND asked.id = NEW.case_id AND asked.account_id = NEW.account_id
        ) THEN
            {guards.refuse("Age check refused: a decision of this person on this case asks for it.")}
        END IF;
    ELSIF {guards.changed(("id", "case_id", "account_id", "decision_id", "until", "asked_by_id", "asked_at"))}
        OR OLD.withdrawn_at IS NOT NULL
        OR (OLD.answered_at IS NOT NULL AND (
            {guards.changed(("answer", "answered_by_id", "answered_at", "withdrawn_at"))}
            OR NEW.note IS DISTINCT FROM '(removed)'
        )) THEN
        {guards.refuse("Age check refused: it is answered or withdrawn once, and nothing else changes.")}
    END IF;
    RETURN NEW;"""

_DELIVERY = f"""IF {guards.changed(("id", "key", "kind", "referral_id", "age_check_id", "decision_id", "payload", "asked_at"))}
    THEN
        {guards.refuse("Delivery refused: what is sent, and where to, never changes.")}
    ELSIF OLD.state = 'done' THEN
        {guards.refuse("Delivery refused: it has arrived.")}
    ELSIF OLD.state = 'withdrawn' THEN
        {guards.refuse("Delivery refused: it was taken back.")}
    ELSIF NEW.state = 'done' AND OLD.state <> 'sending' THEN
        {guards.refuse("Delivery refused: nobody was sending it.")}
    ELSIF NEW.state = 'withdrawn' AND (
        NEW.referral_id IS NOT NULL OR OLD.state NOT IN ('waiting', 'dead')
    ) THEN
        {guards.refuse("Delivery refused: only what waits, and is no referral, is taken back.")}
    END IF;
    RETURN NEW;"""

_GUARDS = (
    guards.function("moderation_guard_age_check", _GUARD)
    + guards.told(
        "moderation_settle_age_check",
        declare=f"step text := {_STEP};",
        verb="'age_check.' || step",
        about="entry.after -> 'age_check' = to_jsonb(NEW.id)"
        " AND (step <> 'answer' OR entry.after ->> 'answer' = NEW.answer)",
        message="Age check refused: the audit trail does not tell of it.",
    )
    + guards.before(
        "moderation_agecheck", "moderation_guard", "moderation_guard_age_check", on="INSERT OR UPDATE"
    )
    + guards.at_commit(
        "moderation_agecheck", "moderation_settle", "moderation_settle_age_check",
        on="INSERT OR UPDATE",
    )
    + guards.at_commit(
        "moderation_agecheck", "moderation_removal", "moderation_removal_is_told",
        when="OLD.note <> NEW.note",
    )
    + guards.kept("moderation_agecheck")
    + guards.function("moderation_guard_delivery", _DELIVERY, replace=True)
)

_FORMER = import_module("moderation.migrations.0008_packages")._GUARDS
_FORMER = _FORMER[_FORMER.index("CREATE FUNCTION moderation_guard_delivery()") :]
_FORMER = _FORMER[: _FORMER.index("$body$;") + len("$body$;")]

_REVERSE = guards.drop("moderation_guard_age_check", "moderation_settle_age_check") + _FORMER.replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_rejects_in_parts'),
        ('moderation', '0013_bulk'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='delivery',
            name='decision',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='moderation.decision'),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='kind',
            field=models.CharField(choices=[('cybertipline', 'NCMEC CyberTipline'), ('webhook', 'the platform')], max_length=20),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='referral',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='moderation.referral'),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='state',
            field=models.CharField(choices=[('waiting', 'waiting'), ('sending', 'being sent'), ('done', 'delivered'), ('dead', 'given up, needs a person'), ('withdrawn', 'taken back before it left')], default='waiting', max_length=10),
        ),
        migrations.CreateModel(
            name='AgeCheck',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('until', models.DateField()),
                ('asked_at', models.DateTimeField()),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('answer', models.CharField(choices=[('adult', '18 or over, made sure of'), ('minor', 'Under 18, made sure of'), ('not_established', 'Could not be established')], max_length=20, null=True)),
                ('answered_at', models.DateTimeField(null=True)),
                ('note', models.TextField(null=True)),
                ('account', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='age_checks', to='accounts.account')),
                ('answered_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('asked_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('case', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='age_checks', to='moderation.case')),
                ('decision', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='age_check', to='moderation.decision')),
            ],
        ),
        migrations.AddField(
            model_name='delivery',
            name='age_check',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='moderation.agecheck'),
        ),
        migrations.AddConstraint(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('age_check__isnull', True), ('referral__isnull', False)), models.Q(('age_check__isnull', False), ('referral__isnull', True)), _connector='OR'), name='moderation_delivery_of_one'),
        ),
        migrations.AddConstraint(
            model_name='agecheck',
            constraint=models.UniqueConstraint(condition=models.Q(('answered_at__isnull', True), ('withdrawn_at__isnull', True)), fields=('account',), name='moderation_one_age_check'),
        ),
        migrations.AddConstraint(
            model_name='agecheck',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answer__isnull', True), ('answered_at__isnull', True), ('answered_by__isnull', True), ('note__isnull', True)), models.Q(('answer__isnull', False), ('answered_at__isnull', False), ('withdrawn_at__isnull', True)), _connector='OR'), name='moderation_age_check_answered'),
        ),
        migrations.RunSQL(_GUARDS, _REVERSE),
    ]
