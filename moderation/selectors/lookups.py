"""Conditions of queries that Django has no word for."""

from __future__ import annotations

from typing import Any

from django.db.models import Lookup
from django.db.models.sql.compiler import SQLCompiler


class AnyOf(Lookup):
    """``filter(AnyOf(F("pk"), keys))``: one of ``keys``, handed over as one array.

    Two thousand values of ``pk__in`` cost Django more than the query costs the database.
    """

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, Any]:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s)", [*parameters, self.rhs]
