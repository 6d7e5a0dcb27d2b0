from django.db import models


class Event(models.Model):
    """A contact event, its outcome or a safety event, named as in ActivityStreams 2.0.

    ``Offer Follow Create Block Flag Remove`` have an account as ``object``; ``Accept Reject Ignore
    Undo`` name an earlier event: ``reference`` is its platform identifier as received, ``ref`` the
    row once it is known. An event is resolved when its actor and object are imported accounts and,
    where it names an event, that event is here. Foreign keys are not checked by the database: see
    ``Tie``.
    """

    class Type(models.TextChoices):
        OFFER = "Offer"
        FOLLOW = "Follow"
        ACCEPT = "Accept"
        REJECT = "Reject"
        IGNORE = "Ignore"
        UNDO = "Undo"
        CREATE = "Create"
        BLOCK = "Block"
        FLAG = "Flag"
        REMOVE = "Remove"

    event_id = models.CharField(max_length=255, db_collation="C")
    type = models.CharField(max_length=6, choices=Type.choices)
    actor = models.ForeignKey(
        "accounts.Account",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    object = models.ForeignKey(
        "accounts.Account",
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        null=True,
        related_name="+",
    )
    ref = models.ForeignKey(
        "self", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, null=True
    )
    reference = models.CharField(
        max_length=255, default="", db_default="", blank=True, db_collation="C"
    )
    published = models.DateTimeField()
    region = models.CharField(max_length=40, default="", db_default="", blank=True)
    # The import that brought the row or, later, the event that it names.
    batch = models.ForeignKey(
        "accounts.ImportBatch", on_delete=models.DO_NOTHING, db_constraint=False, db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event_id"], name="accounts_event_id_unique"),
        ]
        # Keeping the indexes is most of what an import costs: each must earn its place.
        indexes = [
            models.Index(fields=["actor"], name="accounts_event_actor"),
            models.Index(
                fields=["object"],
                name="accounts_event_object",
                condition=models.Q(object__isnull=False),
            ),
            models.Index(
                fields=["ref"], name="accounts_event_ref", condition=models.Q(ref__isnull=False)
            ),
            models.Index(
                fields=["reference"],
                name="accounts_event_waiting",
                condition=models.Q(ref__isnull=True) & ~models.Q(reference=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.pk}"
