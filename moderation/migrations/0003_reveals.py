"""Who saw the names of a case's children. Kept as written, but for an earlier end."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_GUARD = """
CREATE FUNCTION moderation_guard_reveal() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.case_id, NEW.by_id, NEW.reason, NEW.note, NEW.at, NEW.entry_id)
            IS DISTINCT FROM
            (OLD.id, OLD.case_id, OLD.by_id, OLD.reason, OLD.note, OLD.at, OLD.entry_id)
            OR NEW.ends_at > OLD.ends_at THEN
            RAISE EXCEPTION 'Reveal refused: it may end earlier, and nothing else about it changes.'
                USING ERRCODE = 'check_violation';
        END IF;
    ELSIF NOT EXISTS (
        SELECT FROM public.audit_entry entry
        JOIN public.moderation_case shown ON shown.id = NEW.case_id
        WHERE entry.number = NEW.entry_id
            AND entry.target = 'case:' || shown.reference
            AND entry.verb = 'case.reveal'
            AND split_part(entry.actor, ' ', 1) = 'staff:' || NEW.by_id
    ) THEN
        RAISE EXCEPTION 'Reveal refused: its audit entry does not tell of this person and case.'
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$body$;

CREATE TRIGGER moderation_guard BEFORE INSERT OR UPDATE ON moderation_reveal
    FOR EACH ROW EXECUTE FUNCTION moderation_guard_reveal();
CREATE TRIGGER moderation_kept BEFORE DELETE OR TRUNCATE ON moderation_reveal
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0002_append_only"),
        ("moderation", "0002_guards"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Reveal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            (
                                "know_each_other",
                                "To see whether they are family, or know each other offline",
                            ),
                            ("check_age", "To check a recorded age"),
                            ("protect_child", "To protect a child who may be in danger now"),
                            ("prepare_referral", "To prepare a referral"),
                            ("answer_request", "To answer the police or a parent"),
                        ],
                        max_length=20,
                    ),
                ),
                ("note", models.TextField(blank=True, default="")),
                ("at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reveals",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "case",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reveals",
                        to="moderation.case",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="audit.entry",
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["by", "at"], name="moderation_reveal_by")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gte", models.F("at"))),
                        name="moderation_reveal_ends_after",
                    )
                ],
            },
        ),
        migrations.RunSQL(_GUARD, "DROP FUNCTION moderation_guard_reveal() CASCADE"),
    ]
