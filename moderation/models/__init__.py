"""What people do about it."""

from moderation.models.age_check import AgeCheck
from moderation.models.bulk import BulkItem, BulkJob
from moderation.models.care import CareChoice, CareTerms, Exposure, Shift
from moderation.models.case import Case
from moderation.models.deadline import Breach, DeadlineTerms
from moderation.models.decision import Decision, Note
from moderation.models.delivery import Delivery
from moderation.models.draft import Draft
from moderation.models.exemption import Exemption
from moderation.models.package import SealedPackage
from moderation.models.pseudonym import Pseudonym
from moderation.models.reference import ReferenceCounter
from moderation.models.referral import PoliceHold, Referral
from moderation.models.reveal import Reveal
from moderation.models.sample import SampledCase
from moderation.models.second_look import SecondLook

__all__ = [
    "AgeCheck",
    "Breach",
    "BulkItem",
    "BulkJob",
    "CareChoice",
    "CareTerms",
    "Case",
    "DeadlineTerms",
    "Decision",
    "Delivery",
    "Draft",
    "Exemption",
    "Exposure",
    "Note",
    "PoliceHold",
    "Pseudonym",
    "ReferenceCounter",
    "Referral",
    "Reveal",
    "SampledCase",
    "SealedPackage",
    "SecondLook",
    "Shift",
]
