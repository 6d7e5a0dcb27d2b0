"""``cybertipline.xml``: 500 varied cases hold against schema and rules; 50 spoilt ones do not."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import etree

from moderation.cybertipline.breaches import breaches
from moderation.cybertipline.places import place_of
from moderation.cybertipline.report import INCIDENT_TYPE, cybertipline_xml
from moderation.cybertipline.rules import ONLY_THE_SERVER_KNOWS, RULES
from moderation.package.view import Identity, Status
from signals.networks import Kind
from tests.moderation.package.views import case_view, reporter
from tests.support.samples import sample

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def schema() -> Any:
    return etree.XMLSchema(etree.parse(sample("ncmec-cybertipline-report.xsd")))


def test_500_varied_cases_are_valid_and_break_no_rule(schema: Any) -> None:
    for seed in range(500):
        view = case_view(seed, Status.DRAFT if seed % 5 == 0 else Status.APPROVED, most=12)
        root = etree.fromstring(cybertipline_xml(view))
        assert schema.validate(root), (seed, schema.error_log)
        assert breaches(root, NOW) == [], seed
        assert len(root.findall("intendedRecipient")) == len(view.children) - len(view.accepted)
        assert len(root.findall("victim")) == len(view.accepted)


def test_who_stands_where() -> None:
    view = case_view(3)
    root = etree.fromstring(cybertipline_xml(view))
    assert root.findtext("incidentSummary/incidentType") == INCIDENT_TYPE
    reported = root.find("personOrUserReported")
    assert reported.findtext("espIdentifier") == view.account.account_id
    assert [e.get("type") for e in reported.findall("associatedAccount")] == ["Linked"] * len(
        view.linked
    )
    victims = [e.findtext("espIdentifier") for e in root.findall("victim")]
    assert victims == [child.identity.account_id for child in view.accepted]
    latest = max(
        h.at for c in view.children for h in c.happenings if h.step in ("request", "thread")
    )
    said = root.findtext("incidentSummary/incidentDateTime")
    assert said == latest.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_linked_accounts_are_named_and_earlier_reports_are_listed() -> None:
    view = replace(
        case_view(3),
        account=replace(case_view(3).account, prior_reports=(41, 42)),
        linked=(Identity("l/1", "Sunny", prior_reports=(43,)),),
        reporter=reporter(profile_url="https://social.example/u/{account_id}"),
    )
    reported = etree.fromstring(cybertipline_xml(view)).find("personOrUserReported")
    assert [e.text for e in reported.findall("priorCTReports")] == ["41", "42"]
    linked = reported.find("associatedAccount")
    assert linked.findtext("displayName") == "Sunny"
    assert linked.findtext("priorCTReport") == "43"
    assert linked.findtext("profileUrl") == "https://social.example/u/l%2F1"


@pytest.mark.parametrize(
    ("status", "tags", "says"),
    [
        ("active", [], False),
        ("suspended", ["accountTemporarilyDisabled"], False),
        ("deleted", [], True),
    ],
)
def test_a_deleted_account_is_not_said_to_be_disabled(
    status: str, tags: list[str], says: bool
) -> None:
    view = case_view(3)
    view = replace(view, account=replace(view.account, status=status))
    reported = etree.fromstring(cybertipline_xml(view)).find("personOrUserReported")
    assert [e.tag for e in reported if e.tag.endswith("Disabled")] == tags
    assert ("The account is recorded as deleted." in reported.findtext("additionalInfo")) is says


def test_nobody_is_put_into_a_group_that_exploits_children_for_going_to_school() -> None:
    for seed in range(40):
        view = case_view(seed, most=6)
        root = etree.fromstring(cybertipline_xml(view))
        assert root.findall(".//groupIdentifier") == []
        for who, said in [
            (view.account, root.find("personOrUserReported")),
            *(
                (child.identity, found)
                for child in view.children
                for found in (*root.findall("intendedRecipient"), *root.findall("victim"))
                if found.findtext("espIdentifier") == child.identity.account_id
            ),
        ]:
            if who.community:
                assert f"Community as recorded by the platform: {who.community}" in (
                    said.findtext("additionalInfo")
                )


def test_what_no_element_holds_is_said_in_words() -> None:
    who = Identity(
        "a", birth_year=1986, band="18_plus", gender="male", region="US-Ontario", role="coach"
    )
    view = replace(case_view(3), account=who, held_since=datetime(2025, 10, 1, 9, tzinfo=UTC))
    root = etree.fromstring(cybertipline_xml(view))
    said = root.findtext("personOrUserReported/additionalInfo")
    for words in (
        "Born in 1986: the age follows from the year alone.",
        "Gender as recorded by the platform: male",
        "Region as recorded by the platform: US-Ontario",
        "Role as recorded by the platform: coach.",
    ):
        assert words in said
    assert root.findtext("personOrUserReported/personOrUserReportedPerson/age") == "39"
    of_the_case = root.findtext("additionalInfo")
    assert "A police hold has stood on this account since 2025-10-01T09:00:00Z" in of_the_case
    ageless = sum(c.contacted and c.kind is Kind.UNKNOWN for c in view.contacts)
    assert ageless > 1
    assert f"It also contacted {ageless} people whose age is not recorded" in of_the_case
    quiet = etree.fromstring(cybertipline_xml(replace(view, held_since=None, contacts=())))
    assert "police hold" not in quiet.findtext("additionalInfo")
    assert "not recorded" not in quiet.findtext("additionalInfo")


def test_a_name_of_emoji_fits_whatever_way_the_server_counts() -> None:
    view = case_view(3)
    view = replace(view, account=replace(view.account, display_name="😀" * 255))
    root = etree.fromstring(cybertipline_xml(view))
    name = root.findtext("personOrUserReported/displayName")
    assert name == "😀" * 127 + "…"
    assert len(name.encode("utf-16-le")) // 2 == 255
    assert breaches(root, NOW) == []
    root.find("personOrUserReported/displayName").text = "😀" * 128
    assert any("displayName max length is 255" in found for found in breaches(root, NOW))


def test_a_draft_says_so_and_an_approved_report_does_not() -> None:
    assert cybertipline_xml(case_view(1, Status.DRAFT)).count(b"DRAFT") == 2
    assert b"DRAFT" not in cybertipline_xml(case_view(1))


def test_the_same_view_gives_the_same_bytes() -> None:
    assert cybertipline_xml(case_view(9)) == cybertipline_xml(case_view(9))


def test_every_documented_rule_is_held_or_only_the_server_can() -> None:
    with sample("ncmec-rules-beyond-xsd.csv").open(encoding="utf-8", newline="") as lines:
        documented = {(r["parent"], r["name"], r["rule"]) for r in csv.DictReader(lines)}
    held = {(rule.parent, rule.name, rule.words) for rule in RULES}
    missing = {rule for rule in documented - held if rule[2] not in ONLY_THE_SERVER_KNOWS}
    assert (missing, held - documented) == (set(), set())


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ("GB", ("GB", "")), ("us-ca", ("US", "CA")), ("US-Ontario", ("US", "")),
        ("DE_BY", ("DE", "BY")), ("XX", None), ("north", None), ("", None), ("G", None),
        ("UK", ("GB", "")), ("uk-lnd", ("GB", "lnd")), ("GB/England", ("GB", "England")),
        # Words that begin with two letters of some country
        ("La Paz", None), ("De Panne", None), ("al Ain", None), ("St Helens", None),
        ("No where", None), ("no-where", None), ("Ca-nada", None), ("US ", ("US", "")),
    ],
)  # fmt: skip
def test_regions(region: str, place: tuple[str, str] | None) -> None:
    assert place_of(region) == place


# --- Spoilt reports -----------------------------------------------------------------------------

Spoil = Callable[[Any], None]
LATER = (NOW + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")

# A report with everything in it that can be spoilt.
_FULL = """
<report>
 <incidentSummary>
  <incidentType>Online Enticement of Children for Sexual Acts</incidentType>
  <platform>Example</platform><escalateToHighPriority>now</escalateToHighPriority>
  <incidentDateTime>2025-06-01T10:00:00Z</incidentDateTime>
 </incidentSummary>
 <internetDetails><webPageIncident><url>https://a.example/b</url></webPageIncident></internetDetails>
 <internetDetails><emailIncident><emailAddress>x@y.example</emailAddress></emailIncident></internetDetails>
 <lawEnforcement><agencyName>County</agencyName><caseNumber>1</caseNumber></lawEnforcement>
 <reporter>
  <reportingPerson>
   <firstName>T</firstName><lastName>D</lastName>
   <phone countryCallingCode="+44" extension="7" verified="true"
    verificationDate="2025-01-01T00:00:00Z">2079460000</phone>
   <email verified="true" verificationDate="2025-01-01T00:00:00Z">desk@example.com</email>
   <address><address>1 Street</address><city>C</city><zipCode>1</zipCode><state>CA</state>
    <nonUsaState>n</nonUsaState><country>US</country></address>
   <age>40</age><dateOfBirth>1985-01-01</dateOfBirth>
  </reportingPerson>
  <legalURL>https://a.example/legal</legalURL>
 </reporter>
 <personOrUserReported>
  <personOrUserReportedPerson><email>x@y.example</email><age>40</age></personOrUserReportedPerson>
  <vehicleDescription>v</vehicleDescription><espIdentifier>a</espIdentifier>
  <espService>s</espService><screenName>n</screenName><displayName>d</displayName>
  <profileUrl>https://a.example/u</profileUrl>
  <ipCaptureEvent><ipAddress>192.0.2.1</ipAddress><dateTime>2025-01-01T00:00:00Z</dateTime>
   <port>443</port></ipCaptureEvent>
  <deviceId><idType>t</idType><idValue>v</idValue></deviceId>
  <priorCTReports>123</priorCTReports><groupIdentifier>g</groupIdentifier>
  <accountTemporarilyDisabled disabledDate="2025-02-01T00:00:00Z"
   userNotifiedDate="2025-02-02T00:00:00Z"
   reenabledDate="2025-03-01T00:00:00Z">true</accountTemporarilyDisabled>
  <estimatedLocation><city>c</city><region>CA</region><countryCode>US</countryCode>
  </estimatedLocation>
  <associatedAccount type="Linked"><dateOfBirth>1990-01-01</dateOfBirth>
   <espIdentifier>l</espIdentifier></associatedAccount>
 </personOrUserReported>
 <victim><victimPerson><age>13</age></victimPerson><schoolName>s</schoolName></victim>
</report>
"""


def _text(path: str, text: str) -> Spoil:
    def spoil(root: Any) -> None:
        found = root.find(f".//{path}")
        found.text = text

    return spoil


def _set(path: str, name: str, value: str) -> Spoil:
    return lambda root: root.find(f".//{path}").set(name, value)


def _add(path: str, tag: str, text: str, at: int | None = None) -> Spoil:
    def spoil(root: Any) -> None:
        parent = root if path == "." else root.find(f".//{path}")
        child = etree.Element(tag)
        child.text = text
        parent.insert(len(parent) if at is None else at, child)

    return spoil


def _remove(path: str) -> Spoil:
    def spoil(root: Any) -> None:
        found = root.find(f".//{path}")
        found.getparent().remove(found)

    return spoil


P = "personOrUserReported"
SPOILT: list[tuple[str, Spoil, str]] = [
    # what the schema refuses
    ("type", _text("incidentType", "Something else"), "incidentType"),
    ("no time", _remove("incidentDateTime"), "incidentSummary"),
    ("odd time", _text("incidentDateTime", "yesterday"), "incidentDateTime"),
    ("no summary", _remove("incidentSummary"), "incidentSummary"),
    ("no reporter", _remove("reporter"), "reporter"),
    ("no person", _remove("reportingPerson"), "reportingPerson"),
    ("age in words", _text("victimPerson/age", "thirteen"), "age"),
    ("victim without person", _remove("victimPerson"), "victim"),
    ("unknown element", _add(P, "favouriteColour", "red"), "favouriteColour"),
    ("order", _add(".", "incidentSummary", ""), "incidentSummary"),
    ("state", _text("address/state", "Ontario"), "state"),
    ("no agency", _remove("agencyName"), "agencyName"),
    ("email kind", _set("reportingPerson/email", "type", "Secret"), "type"),
    ("linked without type", lambda r: r.find(".//associatedAccount").attrib.clear(), "type"),
    ("prior report", _text("priorCTReports", "CT-5"), "priorCTReports"),
    ("flag", _text("accountTemporarilyDisabled", "perhaps"), "accountTemporarilyDisabled"),
    # what only the further rules refuse
    ("future", _text("incidentDateTime", LATER), "incidentDateTime must be in the past"),
    ("platform", _text("platform", "x" * 257), "platform max length is 256 characters"),
    ("urgency", _text("escalateToHighPriority", " "), "must not be blank"),
    ("urgency long", _text("escalateToHighPriority", "x" * 3001), "max length is 3000"),
    ("no email", _remove("reportingPerson/email"), "<email> is required"),
    ("bad email", _text("reportingPerson/email", "desk at example"), "well-formed"),
    ("two dots", _text("reportingPerson/email", "a..b@example.com"), "well-formed"),
    ("long local", _text("reportingPerson/email", "x" * 65 + "@a.example"), "local part"),
    ("long email", _text("reportingPerson/email", "x@" + "a." * 130 + "example"), "255"),
    ("unverified", _set("reportingPerson/email", "verified", "false"), "verificationDate"),
    ("verified later", _set("reportingPerson/email", "verificationDate", LATER), "in the past"),
    ("phone", _text("phone", "1" * 51), "max length is 50 characters"),
    ("phone with code", _text("phone", "+442079460000"), "country calling code"),
    ("phone extension", _set("phone", "extension", "7" * 11), "max length is 10"),
    ("first name", _text("reportingPerson/firstName", "x" * 101), "max length is 100"),
    ("legal", _text("legalURL", "example.com/legal"), "must be a valid URL"),
    ("web page", _text("url", "https://a example/"), "must be a valid URL"),
    ("other email", _text("emailAddress", "z@y.example"), "must also be supplied as"),
    ("incident email", _text("emailAddress", "nobody"), "emailAddress must be a well-formed"),
    ("incident email later", _set("emailAddress", "verificationDate", LATER), "in the past"),
    ("agency", _text("agencyName", "x" * 256), "max length is 255"),
    ("zip", _text("zipCode", "x" * 21), "max length is 20"),
    ("age", _text("victimPerson/age", "151"), "must be between 0 and 150"),
    ("born", _text("reportingPerson/dateOfBirth", "2031-01-01"), "must be in the past"),
    ("car", _text("vehicleDescription", "x" * 301), "max length is 300"),
    ("identifier", _text(f"{P}/espIdentifier", "x" * 256), "max length is 255"),
    ("service", _text(f"{P}/espService", "x" * 101), "max length is 100"),
    ("profile", _text(f"{P}/profileUrl", "javascript:alert(1)"), "must be a valid URL"),
    ("address of a machine", _text("ipAddress", "192.0.2.256"), "valid IPv4"),
    ("port", _text("port", "70000"), "between 1 and 65535"),
    ("device", _text("idType", ""), "must not be blank if <deviceId> supplied"),
    ("prior", _text("priorCTReports", "0"), "valid CyberTipline report ID"),
    (
        "told early",
        _set("accountTemporarilyDisabled", "userNotifiedDate", "2025-01-01T00:00:00Z"),
        "on or after the disabledDate",
    ),
    (
        "back early",
        _set("accountTemporarilyDisabled", "reenabledDate", "2025-02-01T00:00:00Z"),
        "must be after the disabledDate",
    ),
    ("disabled later", _set("accountTemporarilyDisabled", "disabledDate", LATER), "in the past"),
    ("region", _text("estimatedLocation/region", "Ontario"), "postal abbreviation if supplied"),
    ("absent region", _remove("estimatedLocation/region"), "must be not be blank if <city>"),
    ("no region", _text("estimatedLocation/region", ""), "must be not be blank if <city>"),
    ("country", _text("estimatedLocation/countryCode", "XX"), "countryCode"),
    ("two ages", _add("associatedAccount", "approximateAge", "9", 0), "may not be set if"),
]


def _full() -> Any:
    return etree.fromstring(_FULL.encode())


@pytest.mark.parametrize("name", ["from-docs", "grooming-metadata-only"])
def test_known_good_reports_are_let_through(schema: Any, name: str) -> None:
    root = etree.parse(sample(f"ncmec-sample-report-{name}.xml")).getroot()
    assert schema.validate(root), schema.error_log
    assert breaches(root, datetime.now(UTC)) == []


def test_the_full_report_is_fine(schema: Any) -> None:
    assert schema.validate(_full()), schema.error_log
    assert breaches(_full(), NOW) == []


def test_there_are_at_least_fifty() -> None:
    assert len(SPOILT) >= 50


@pytest.mark.parametrize(("spoil", "says"), [row[1:] for row in SPOILT], ids=[r[0] for r in SPOILT])
def test_a_spoilt_report_is_refused_with_the_reason(schema: Any, spoil: Spoil, says: str) -> None:
    root = _full()
    spoil(root)
    refused = breaches(root, NOW)
    if not schema.validate(root):
        refused += [error.message for error in schema.error_log]
    assert any(says in reason for reason in refused), refused
