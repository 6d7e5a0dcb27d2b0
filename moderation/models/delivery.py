from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from moderation.domain.referrals import Destination, ReferralState

if TYPE_CHECKING:
    from moderation.models.case import Case


class Delivery(models.Model):
    """Something that leaves the house: asked for once, tried until it is there or given up on.

    ``key`` makes asking twice harmless. A worker that takes a row writes a ``token`` of its own
    into it and holds it until ``taken_until``; whoever has lost the row finds another token and
    stops. ``progress`` is what is known of the receiver's side, written before and after each step,
    so that the next worker goes on where the last one died. Nothing in here names a person.

    It belongs to a referral or to an age check. ``decision`` is the one that asked for it, where
    taking that back withdraws it.
    """

    class Kind(models.TextChoices):
        CYBERTIPLINE = "cybertipline", "NCMEC CyberTipline"
        WEBHOOK = "webhook", "the platform"

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        SENDING = "sending", "being sent"
        DONE = "done", "delivered"
        DEAD = "dead", "given up, needs a person"
        WITHDRAWN = "withdrawn", "taken back before it left"

    ON_ITS_WAY: ClassVar = (State.WAITING, State.SENDING)

    key = models.CharField(max_length=120, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    referral = models.ForeignKey(
        "moderation.Referral", on_delete=models.PROTECT, related_name="deliveries", null=True
    )
    age_check = models.ForeignKey(
        "moderation.AgeCheck", on_delete=models.PROTECT, related_name="deliveries", null=True
    )
    decision = models.ForeignKey(
        "moderation.Decision", on_delete=models.PROTECT, related_name="deliveries", null=True
    )
    payload: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)  # since somebody asked or asked again
    next_attempt_at = models.DateTimeField()
    token = models.UUIDField(null=True)
    taken_until = models.DateTimeField(null=True)
    progress: models.JSONField[dict[str, Any]] = models.JSONField(default=dict)
    last_error = models.CharField(max_length=500, default="", blank=True)
    receipt = models.CharField(max_length=100, default="", blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField()
    last_attempt_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-asked_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(referral__isnull=False, age_check__isnull=True)
                | Q(referral__isnull=True, age_check__isnull=False),
                name="moderation_delivery_of_one",
            ),
            models.CheckConstraint(
                condition=Q(state="sending", token__isnull=False, taken_until__isnull=False)
                | (~Q(state="sending") & Q(token__isnull=True, taken_until__isnull=True)),
                name="moderation_delivery_taken",
            ),
            models.CheckConstraint(
                condition=Q(state="done", finished_at__isnull=False)
                | (~Q(state="done") & Q(finished_at__isnull=True)),
                name="moderation_delivery_finished",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="moderation_delivery_due",
                condition=Q(state__in=["waiting", "sending"]),
            )
        ]

    def __str__(self) -> str:
        return f"delivery {self.pk}"

    @property
    def is_under_way(self) -> bool:
        """Whether it arrives without anybody doing more; a rehearsal reaches nobody."""
        return self.state in self.ON_ITS_WAY and not self._is_rehearsal

    @property
    def needs_a_person(self) -> bool:
        """Whether it was given up on and is wanted still.

        Not once its referral went another way, or its age check was answered or taken back.
        """
        if self.state != self.State.DEAD:
            return False
        if self.referral is not None:
            return self.referral.state == ReferralState.APPROVED
        check = self.age_check
        return check is not None and check.answered_at is None and check.withdrawn_at is None

    @property
    def may_be_filed_as(self) -> str:
        """The report that NCMEC may have although this was given up on: its last answer is missing.

        "" where there is none.
        """
        unclear = self.state == self.State.DEAD and self.progress.get("doing") == "finish"
        return str(self.progress["report_id"]) if unclear and not self._is_rehearsal else ""

    @property
    def _is_rehearsal(self) -> bool:
        return bool(self.payload.get("destination") == Destination.NCMEC_TEST)

    @property
    def case(self) -> Case:
        """The case that it is about."""
        subject = self.referral or self.age_check
        if subject is None:
            raise ValueError("A delivery belongs to a referral or to an age check.")
        return subject.case
