"""A share of decisions, decided again by another person who does not know the first one."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, Q, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.crypto import salted_hmac

from audit.actors import Actor
from audit.models import Entry
from audit.services import record
from moderation.domain.second_look import HELD_FOR, SAMPLED, VERBS, compare, is_sampled
from moderation.domain.transitions import Verb
from moderation.domain.vocabulary import DismissReason
from moderation.errors import LookGone
from moderation.models import Case, Decision, Note, SecondLook
from moderation.services.checks import Entered
from moderation.services.moves import Turn, person
from staff.capabilities import Capability
from staff.models import User

_PURPOSE = "moderation.second_looks"


def choose(turn: Turn, decision: Decision) -> None:
    """Draw whether a decision that was just taken gets a second look.

    In the transaction of the decision. Without an entry of its own: the draw follows from the
    decision and the secret key, and what it says must not be read from the case's history.
    """
    secret = salted_hmac(_PURPOSE, "", algorithm="sha256").digest()
    drawn = is_sampled(
        reference=turn.case.reference,
        version=decision.case_version,
        percent=settings.SECOND_LOOK_PERCENT,
        secret=secret,
    )
    if Verb(decision.verb) in SAMPLED and drawn:
        SecondLook.objects.create(decision=decision, chosen_at=turn.now)


def take_back(decision: Decision) -> None:
    """Forget the second look at a decision that is taken back, where nobody has given it yet."""
    SecondLook.objects.filter(decision=decision, looked_at=None).delete()


def start(*, actor: Actor) -> SecondLook | None:
    """Take the second look that waits longest; the one already begun, if there is one; or None.

    Never at a case on which the person ever decided or left a note, or that the person holds, and
    never at one that passed to somebody else because the person did not answer: it was in sight
    again since. From here until the answer the person does not see the case
    (``moderation.access``). Raises NotAllowed.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    with transaction.atomic():
        now = timezone.now()
        waiting = SecondLook.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            looked_at=None
        )
        begun = waiting.filter(by=user).first()
        if begun is not None and begun.started_at and begun.started_at > now - HELD_FOR:
            return begun
        free = waiting.filter(Q(by=None) | Q(started_at__lte=now - HELD_FOR))
        for known in (
            Decision.objects.filter(by=user).values_list("case", flat=True),
            Note.objects.filter(by=user).values_list("case", flat=True),
            Case.objects.filter(holder=user).values_list("pk", flat=True),
        ):
            free = free.exclude(decision__case__in=known)
        free = free.exclude(_begun_before(user))
        look = begun or free.order_by("chosen_at", "pk").first()
        if look is None:
            return None
        look.by, look.started_at = user, now
        look.save(update_fields=["by", "started_at"])
        record(actor=actor, verb="second_look.start", target=f"second_look:{look.pk}")
        return look


def _begun_before(user: User) -> Exists:
    """Whether ``user`` has begun the second look of the row before."""
    named = Concat(Value("second_look:"), Cast(OuterRef("pk"), CharField()))
    begun = Entry.objects.filter(verb="second_look.start", actor__startswith=f"staff:{user.pk} ")
    return Exists(begun.filter(target=named))


def finish(
    *, actor: Actor, look_id: int, verb: str, reason: str = "", note: str = ""
) -> SecondLook:
    """Say what one would have decided; ``reason`` only with a dismissal.

    Raises NotAllowed, LookGone (not asked, or answered already) or InvalidDecision.
    """
    actor.require(Capability.REVIEW_CASES)
    user = person(actor)
    with transaction.atomic():
        look = (
            SecondLook.objects.select_for_update(of=("self",))
            .select_related("decision")
            .filter(pk=look_id, by=user, looked_at=None)
            .first()
        )
        if look is None:
            raise LookGone
        entered = Entered()
        if verb not in VERBS:
            entered.errors["verb"] = "Choose what you would have decided."
        if verb == Verb.DISMISS:
            reason = entered.code("reason", reason, DismissReason)
        note = entered.text("note", note, missing="Say why, in a sentence or two.")
        entered.check()
        look.verb, look.note, look.looked_at = verb, note, timezone.now()
        look.reason = reason if verb == Verb.DISMISS else ""
        look.agreement = compare(
            Verb(look.decision.verb),
            Verb(verb),
            reason=look.decision.reason,
            second_reason=look.reason,
        )
        look.save(update_fields=["verb", "reason", "note", "looked_at", "agreement"])
        record(
            actor=actor,
            verb="second_look.finish",
            target=f"second_look:{look.pk}",
            after={"verb": verb, "agreement": look.agreement},
            reason=look.reason,
        )
        return look
