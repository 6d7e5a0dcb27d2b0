"""The referral package: what the police get about one case, complete, signed and checkable.

``gather`` reads one frozen view of the case; everything after it is pure, so that the same view
always gives the same bytes: the writers (``evidence``, ``contacts``, ``report``, and
``moderation.cybertipline.report``), then ``manifest`` and ``archive``. ``verify`` is the way back,
and needs neither Django nor a database.
"""
