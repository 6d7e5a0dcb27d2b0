from django.db import models


class Tie(models.Model):
    """A tie as the platform states it: ``a`` and ``b``, from ``since`` to ``until``.

    ``friend`` and ``family`` are mutual and stored with ``a_id < b_id``; ``follow`` means that a
    follows b. No start recorded means always, no end means still. Foreign keys are not checked by
    the database: rows arrive by COPY in millions and the import resolves every one of them.
    Of two rows that differ in their end only, the earlier end holds.
    """

    class Kind(models.TextChoices):
        FRIEND = "friend", "friend"
        FOLLOW = "follow", "follow"
        FAMILY = "family", "family"

    a = models.ForeignKey(
        "accounts.Account",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    b = models.ForeignKey(
        "accounts.Account",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    kind = models.CharField(max_length=6, choices=Kind.choices)
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    batch = models.ForeignKey(
        "accounts.ImportBatch", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )

    class Meta:
        indexes = [models.Index(fields=["b"], name="accounts_tie_b")]
        constraints = [
            models.UniqueConstraint(
                fields=["a", "b", "kind", "since"],
                name="accounts_tie_unique",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=~models.Q(a=models.F("b")), name="accounts_tie_two_ends"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.a_id}–{self.b_id}"
