"""Codes of places as the CyberTipline takes them."""

from __future__ import annotations

import re
from typing import Final


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# ISO 3166-1 alpha-2.
COUNTRIES: Final = _codes(
    """
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS
    BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE
    EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM
    HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC
    LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
    SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO
    TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
    """
)

# US states and territories, by their postal abbreviations in NCMEC's schema.
STATES: Final = _codes(
    """
    AK AL AR AZ CA CO CT DC DE FL GA GU HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT NC ND NE NH
    NJ NM NV NY OH OK OR PA PR RI SC SD TN TX UT VA VI VT WA WI WV WY
    """
)

# ISO 3166-1 alpha-2, and after it perhaps a part of the country: by its code of ISO 3166-2 in
# letters of either case, or by name where the country stands in capitals. Words such as "La Paz"
# or "no-where" begin with a country's letters as well, and are no country.
_REGION: Final = re.compile(
    r"([A-Z]{2}|[a-z]{2})(?:[-_/]([A-Za-z0-9]{1,3}))?|([A-Z]{2})[-_/](.{1,37})", re.DOTALL
)

# What people write for a country besides its code.
_ALSO: Final = {"UK": "GB", "EL": "GR"}


def place_of(region: str) -> tuple[str, str] | None:
    """Country and part of it, of a region such as ``GB``, ``GB-LND``, ``UK`` or ``US-CA``.

    The part is "" where there is none, or none that a US address may have. None where the region
    names no country in this form: it is then told in words instead.
    """
    found = _REGION.fullmatch(region.strip())
    if found is None:
        return None
    country, part = (found[1] or found[3]).upper(), (found[2] or found[4] or "").strip()
    country = _ALSO.get(country, country)
    if country not in COUNTRIES:
        return None
    if country == "US":
        part = part.upper() if part.upper() in STATES else ""
    return country, part
