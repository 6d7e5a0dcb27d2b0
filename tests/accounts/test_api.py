"""Rows that the platform sends itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.imports.database import ConnectionLost
from accounts.models import Event, ImportBatch
from audit.actors import Actor
from audit.models import Entry
from staff.models import User
from staff.services.keys import create_api_key, revoke_api_key
from tests.accounts.worlds import Row, event, graph

pytestmark = pytest.mark.django_db(transaction=True)

COMMAND = Actor.system("command")


def key(*scopes: str, name: str = "Platform") -> str:
    return create_api_key(actor=COMMAND, name=name, scopes=scopes).secret


@pytest.fixture
def secret() -> str:
    return key("graph:write")


def send(
    secret: str, table: str, body: object, content_type: str = "application/json"
) -> HttpResponse:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    response: HttpResponse = Client(raise_request_exception=False).post(  # type: ignore[assignment]  # what the test client returns
        f"/api/v1/{table}",
        data,
        content_type=content_type,
        headers={"Authorization": f"Bearer {secret}"},
    )
    return response


def answer(response: HttpResponse) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(response.content)
    return data


OFFER = event("e1", "Offer", "ann", "bea")


def test_accounts_ties_and_events_go_in_and_again_are_known(secret: str) -> None:
    sent: dict[str, list[Row]] = {
        "accounts": [{"account_id": "ann", "birth_year": "1980"}, {"account_id": "bea"}],
        "ties": [{"a": "ann", "b": "bea", "kind": "friend"}],
        "events": [OFFER, event("e2", "Accept", "bea", "e1", "11:00:00")],
    }
    for table, rows in sent.items():
        first, second = (send(secret, table, rows) for _ in range(2))
        assert (first.status_code, second.status_code) == (202, 202)
        assert answer(first) | {"batch": 0} == {
            "batch": 0,
            "accepted": len(rows),
            "duplicates": 0,
            "rejected": [],
        }
        assert answer(second)["duplicates"] == len(rows)
    assert graph()["events"]["e2"][4] == "e1"
    assert not any(account["provisional"] for account in graph()["accounts"].values())
    batch = ImportBatch.objects.get(pk=answer(first)["batch"])
    assert (batch.origin, batch.state, batch.accepted_events) == ("api", "done", 2)
    assert batch.source == "Platform"
    verbs = Entry.objects.filter(target=f"import:{batch.pk}").values_list("verb", flat=True)
    assert sorted(verbs) == ["import.create", "import.finish"]
    assert Entry.objects.filter(actor__startswith="key:", target=f"import:{batch.pk}").exists()


@pytest.mark.parametrize("content_type", ["application/json", "application/x-ndjson"])
def test_good_rows_are_kept_and_bad_ones_told_by_place(secret: str, content_type: str) -> None:
    rows: list[Any] = [
        OFFER,
        "not a row",
        event("e2", "Offer", "ann", "ann"),
        event("e3", "Create", "ann", "bea") | {"actor": ["ann"]},
        event("e4", "Accept", "cat", "e1", "11:00:00"),
        event("e5", "Create", "ann", "bea") | {"published": "2026-02-30T10:00:00Z"},
        event("e6", "Create", "ann", "bea"),
    ]
    body = "\n".join(map(json.dumps, rows)) if "ndjson" in content_type else json.dumps(rows)
    got = answer(send(secret, "events", body, content_type))
    assert (got["accepted"], got["duplicates"]) == (2, 0)
    assert [(row["index"], row["field"]) for row in got["rejected"]] == [
        (1, "row"),
        (2, "object"),
        (3, "actor"),
        (4, "actor"),
        (5, "published"),
    ]
    assert all(row["message"].endswith(".") for row in got["rejected"])
    assert set(graph()["events"]) == {"e1", "e6"}
    assert ImportBatch.objects.get().rejected_rows.count() == 5


def test_an_outcome_may_come_before_its_request(secret: str) -> None:
    send(secret, "events", [event("e2", "Accept", "bea", "e1", "11:00:00")])
    send(secret, "events", [OFFER])
    assert Event.objects.get(event_id="e2").ref == Event.objects.get(event_id="e1")


def test_nothing_is_a_row_of_nothing(secret: str) -> None:
    assert answer(send(secret, "accounts", []))["accepted"] == 0
    assert answer(send(secret, "ties", "", "application/ndjson"))["accepted"] == 0


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("{}", "application/json", 400),
        ("[1,", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        (json.dumps([{}] * 5001), "application/json", 413),
        ("{}\n" * 5001, "application/x-ndjson", 413),
        ("[" + " " * (8 << 20) + "]", "application/json", 413),
        ("a,b,kind", "text/csv", 415),
    ],
)
def test_what_is_no_request_is_a_problem_and_imports_nothing(
    secret: str, body: str | bytes, content_type: str, status: int
) -> None:
    response = send(secret, "ties", body, content_type)
    assert response.status_code == status
    assert response.headers["Content-Type"] == "application/problem+json"
    assert answer(response)["status"] == status
    assert not ImportBatch.objects.exists()


def test_other_keys_and_sessions_do_not_come_in(admin: User, secret: str) -> None:
    assert send(key("cases:read", name="Reader"), "events", [OFFER]).status_code == 403
    assert send("slk_wrong", "events", [OFFER]).status_code == 401
    client = Client()
    client.force_login(admin)
    response = client.post("/api/v1/events", [OFFER], content_type="application/json")
    assert response.status_code == 401
    made = create_api_key(actor=COMMAND, name="Old", scopes=["graph:write"])
    revoke_api_key(actor=COMMAND, key_id=made.key.pk)
    assert send(made.secret, "events", [OFFER]).status_code == 401
    assert not Event.objects.exists()


def test_a_lost_database_is_told_as_such(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(**_: Any) -> None:
        raise ConnectionLost("gone")

    monkeypatch.setattr("accounts.api.ingest", lost)
    response = send(secret, "events", [OFFER])
    assert response.status_code == 503
    assert "send them again" in answer(response)["detail"]


def test_the_schema_is_public_and_names_what_there_is() -> None:
    response = Client().get("/api/v1/schema/")

    assert response.status_code == 200
    told = json.loads(response.content)
    assert told["openapi"].startswith("3.1")
    assert set(told["paths"]) == {f"/api/v1/{table}" for table in ("accounts", "ties", "events")}
    assert all(path["post"]["security"] == [{"ApiKey": []}] for path in told["paths"].values())
