"""Cases whose score has fallen, and those that were drawn by chance from below the threshold."""

import django.db.models.deletion
from django.db import migrations, models

from moderation import guards

# Up to now every case opened at the threshold, so a live one that lies below the margin of its own
# run's threshold set has fallen there. What an old set does not say is as it was by default. Last
# in the migration: PostgreSQL changes no table whose rows still wait for a trigger.
_FALLEN = """
UPDATE moderation_case known SET fallen = true
FROM signals_assessment shown
JOIN signals_run run ON run.id = shown.run_id
LEFT JOIN signals_thresholdset thresholds ON thresholds.id = run.thresholds_id
WHERE shown.id = known.assessment_id
    AND known.state IN ('open', 'in_review', 'monitoring', 'escalated')
    AND known.points < coalesce((thresholds.spec ->> 'open_at')::float8, 130)
        - coalesce((thresholds.spec ->> 'keep_margin')::float8, 20);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("moderation", "0016_guards_read_their_own"),
        ("signals", "0003_prompt_runs"),
    ]

    operations = [
        # The database gives it too: while a new version is put in place the old one still opens cases.
        migrations.AddField(
            "case", "fallen", models.BooleanField(db_default=False, default=False)
        ),
        migrations.AddIndex(
            "case",
            models.Index(
                fields=["state", "-priority", "id"],
                name="moderation_case_fallen",
                condition=models.Q(("fallen", True)),
            ),
        ),
        migrations.CreateModel(
            name="SampledCase",
            fields=[
                (
                    "case",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="moderation.case",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(
            guards.kept("moderation_sampledcase", operations="UPDATE OR DELETE OR TRUNCATE"),
            migrations.RunSQL.noop,  # it goes with the table
        ),
        migrations.RunSQL(_FALLEN, migrations.RunSQL.noop),
    ]
