"""Addresses of this floor. Each has an entry in ``moderation.policy``."""

from __future__ import annotations

from django.urls import path

from moderation.views import (
    care,
    case,
    deadlines,
    decisions,
    drafts,
    escalations,
    exemptions,
    help_sheet,
    linked,
    queue,
    referrals,
    reveals,
)

urlpatterns = [
    path("queue/", queue.queue, name="queue"),
    path("queue/updates/", queue.queue_updates, name="queue_updates"),
    path("queue/start/", queue.start, name="queue_start"),
    path("cases/<str:reference>/", case.case_page, name="case"),
    path("cases/<str:reference>/claim/", decisions.claim, name="case_claim"),
    path("cases/<str:reference>/renew/", decisions.renew, name="case_renew"),
    path("cases/<str:reference>/release/", decisions.release, name="case_release"),
    path("cases/<str:reference>/skip/", care.skip, name="case_skip"),
    path("cases/<str:reference>/note/", decisions.note, name="case_note"),
    path("cases/<str:reference>/undo/", decisions.take_back, name="case_undo"),
    path("cases/<str:reference>/draft/", drafts.keep, name="case_draft"),
    path("cases/<str:reference>/reveal/", reveals.reveal, name="case_reveal"),
    path("cases/<str:reference>/conceal/", reveals.conceal, name="case_conceal"),
    path("cases/<str:reference>/dismiss/", decisions.dismiss, name="case_dismiss"),
    path("cases/<str:reference>/monitor/", decisions.monitor, name="case_monitor"),
    path("cases/<str:reference>/escalate/", decisions.escalate, name="case_escalate"),
    path("cases/<str:reference>/refer/", decisions.refer, name="case_refer"),
    path("cases/<str:reference>/return/", decisions.send_back, name="case_return"),
    path(
        "cases/<str:reference>/dismiss-escalation/",
        decisions.dismiss_escalation,
        name="case_dismiss_escalation",
    ),
    path("escalations/", escalations.escalations, name="escalations"),
    path("referrals/", escalations.referrals, name="referrals"),
    path("referrals/<str:reference>/", referrals.referral, name="referral"),
    path("referrals/<str:reference>/<str:verb>/", referrals.step, name="referral_step"),
    path("cases/<str:reference>/linked/", linked.linked, name="case_linked"),
    path("cases/<str:reference>/hold/", referrals.hold, name="case_hold"),
    path("exemptions/", exemptions.exemption_list, name="exemptions"),
    path("exemptions/<int:exemption_id>/end/", exemptions.revoke, name="exemption_revoke"),
    path("deadlines/", deadlines.deadlines, name="deadlines"),
    path("shift/", care.shift, name="shift"),
    path("shift/choose/", care.choose, name="shift_choose"),
    path("shift/pause/", care.pause, name="pause"),
    path("shift/end/", care.end, name="shift_end"),
    path("care/", care.terms, name="care"),
    path("help/", help_sheet.help_page, name="help"),
]
