"""The platform sends rows: ``POST /api/v1/accounts``, ``/ties`` and ``/events``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.formats.json_lines import Object
from accounts.formats.rows import COLUMNS, REQUIRED, WHOLE_ROW, Reject, Table
from accounts.imports.database import ConnectionLost, DatabaseRefused
from accounts.ingest import ingest
from staff.actors import Actor
from staff.api_auth import ApiKeyAuthentication, HasScope
from staff.models import ApiKey
from staff.scopes import Scope

MOST_ROWS: Final = 5000
MOST_BYTES: Final = 8 * 1024 * 1024


class TooLarge(APIException):
    status_code = 413
    default_detail = (
        f"Send at most {MOST_ROWS:,} rows and {MOST_BYTES >> 20} MiB at a time; "
        "what was sent is not imported."
    )


class Unavailable(APIException):
    status_code = 503
    default_detail = "The rows could not be written now; send them again."


@dataclass(slots=True)
class Sent:
    """What a request holds: rows with their places, from 0, and what is no row."""

    rows: list[tuple[int, Object]] = field(default_factory=list)
    unreadable: list[Reject] = field(default_factory=list)

    def add(self, place: int, row: Any) -> None:
        if isinstance(row, dict):
            self.rows.append((place, row))
        else:
            self.refuse(place, "This is no JSON object.")

    def refuse(self, place: int, reason: str) -> None:
        self.unreadable.append(Reject(place, WHOLE_ROW, "", reason))


class JsonRows(BaseParser):
    """A JSON array of rows."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Sent]:
        try:
            rows = json.loads(_limited(stream))
        except (ValueError, RecursionError):
            raise ParseError("The body is no JSON; send an array of rows, in UTF-8.") from None
        if not isinstance(rows, list):
            raise ParseError("The body must be a JSON array of rows, or NDJSON.")
        if len(rows) > MOST_ROWS:
            raise TooLarge
        sent = Sent()
        for place, row in enumerate(rows):
            sent.add(place, row)
        return {"sent": sent}


class NdjsonRows(BaseParser):
    """One JSON object a line."""

    media_type = "application/x-ndjson"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Sent]:
        lines = [line for line in _limited(stream).split(b"\n") if line.strip()]
        if len(lines) > MOST_ROWS:
            raise TooLarge
        sent = Sent()
        for place, line in enumerate(lines):
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                sent.refuse(place, "This line is no JSON; write one object a line, in UTF-8.")
            else:
                sent.add(place, row)
        return {"sent": sent}


class NdjsonRowsByShortName(NdjsonRows):
    media_type = "application/ndjson"


def _limited(stream: IO[bytes]) -> bytes:
    body = stream.read(MOST_BYTES + 1)
    if len(body) > MOST_BYTES:
        raise TooLarge
    return body


_RECEIPT = inline_serializer(
    "Receipt",
    {
        "batch": serializers.IntegerField(help_text="Number of the import"),
        "accepted": serializers.IntegerField(),
        "duplicates": serializers.IntegerField(help_text="Rows that were known already"),
        "rejected": inline_serializer(
            "RejectedRow",
            {
                "index": serializers.IntegerField(help_text="Place of the row, from 0"),
                "field": serializers.CharField(),
                "message": serializers.CharField(help_text="What is wrong and what to do"),
            },
            many=True,
        ),
    },
)


def _row(table: Table) -> serializers.Serializer[Any]:
    """How the OpenAPI document describes a row of ``table``."""
    return inline_serializer(
        f"{table.capitalize()}Row",
        {
            name: serializers.CharField(required=name in REQUIRED[table], max_length=255)
            for name in COLUMNS[table]
        },
        many=True,
    )


class _Rows(APIView):
    """Takes up to 5,000 rows. Good rows are kept when others are rejected; sending a row again
    changes nothing, and the order in which rows arrive does not matter."""

    authentication_classes = (ApiKeyAuthentication,)
    permission_classes = (HasScope,)
    parser_classes = (JsonRows, NdjsonRows, NdjsonRowsByShortName)
    required_scope = Scope.GRAPH_WRITE
    table: Table

    def take(self, request: Request) -> Response:
        data: Any = request.data
        sent: Sent = data.get("sent") or Sent()  # an empty body is not even parsed
        key = request.auth
        assert isinstance(key, ApiKey)  # noqa: S101 - the permission above has seen to it
        try:
            result = ingest(
                actor=Actor.of_key(key),
                table=self.table,
                rows=sent.rows,
                unreadable=sent.unreadable,
                source=key.name,
            )
        except (ConnectionLost, DatabaseRefused) as error:
            raise Unavailable from error
        return Response(
            {
                "batch": result.batch.pk,
                "accepted": result.accepted,
                "duplicates": result.duplicates,
                "rejected": [
                    {"index": reject.line, "field": reject.field, "message": reject.reason}
                    for reject in result.rejects
                ],
            },
            status=202,
        )


_TAKEN = OpenApiResponse(_RECEIPT, "What became of each row")


class AccountRows(_Rows):
    table: Table = "accounts"

    @extend_schema(operation_id="send_accounts", request=_row("accounts"), responses={202: _TAKEN})
    def post(self, request: Request) -> Response:
        return self.take(request)


class TieRows(_Rows):
    table: Table = "ties"

    @extend_schema(operation_id="send_ties", request=_row("ties"), responses={202: _TAKEN})
    def post(self, request: Request) -> Response:
        return self.take(request)


class EventRows(_Rows):
    table: Table = "events"

    @extend_schema(operation_id="send_events", request=_row("events"), responses={202: _TAKEN})
    def post(self, request: Request) -> Response:
        return self.take(request)
