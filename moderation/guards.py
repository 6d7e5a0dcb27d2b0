"""Pieces of SQL that the guards of several tables share, for migrations from ``0014`` on.

Each function returns statements. Names of tables are qualified where a function runs later: a
temporary table called like one of ours must not be read in its place. Neither must a temporary type
called ``text``, which is why each function has a search path of its own. Earlier migrations spell
theirs out and stay as they are: what ran once must not change with this module.
"""

from __future__ import annotations

from collections.abc import Sequence


def refuse(message: str) -> str:
    """Raise, inside a function. ``message`` may hold % and no quotes."""
    return f"RAISE EXCEPTION '{message}' USING ERRCODE = 'check_violation';"


def function(name: str, body: str, *, declare: str = "", replace: bool = False) -> str:
    """A trigger function; ``body`` stands between BEGIN and END."""
    how = "CREATE OR REPLACE FUNCTION" if replace else "CREATE FUNCTION"
    declared = f"DECLARE\n    {declare}\n" if declare else ""
    return f"""
{how} {name}() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $body$
{declared}BEGIN
    {body}
END
$body$;
"""


def changed(columns: Sequence[str]) -> str:
    """Whether an UPDATE changes any of ``columns``."""
    new = ", ".join(f"NEW.{column}" for column in columns)
    old = ", ".join(f"OLD.{column}" for column in columns)
    return f"ROW({new}) IS DISTINCT FROM ROW({old})"


def told(name: str, *, verb: str, about: str, message: str, declare: str = "") -> str:
    """A function that demands an audit entry on the row's case: a row names it as ``case_id``.

    ``verb`` and ``about`` are SQL: the entry's verb, and what else must hold of ``entry``.
    """
    body = f"""IF NOT EXISTS (
        SELECT FROM public.audit_entry entry
        JOIN public.moderation_case told ON told.id = NEW.case_id
        WHERE entry.target = 'case:' || told.reference AND entry.verb = {verb}
            AND {about}
    ) THEN
        {refuse(message)}
    END IF;
    RETURN NULL;"""
    return function(name, body, declare=declare)


def before(table: str, name: str, calls: str, *, on: str = "UPDATE", when: str = "") -> str:
    """A trigger on each row before it is written."""
    return _trigger(f"TRIGGER {name} BEFORE {on} ON {table}", "", calls, when)


def at_commit(table: str, name: str, calls: str, *, on: str = "UPDATE", when: str = "") -> str:
    """A trigger on each written row that looks when the transaction commits."""
    late = "DEFERRABLE INITIALLY DEFERRED "
    return _trigger(f"CONSTRAINT TRIGGER {name} AFTER {on} ON {table}", late, calls, when)


def kept(table: str, *, operations: str = "DELETE OR TRUNCATE") -> str:
    """Rows of ``table`` are never removed; ``moderation_refuse`` is of ``0002_guards``."""
    return f"""
CREATE TRIGGER moderation_kept BEFORE {operations} ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION moderation_refuse();
"""


def drop(*functions: str) -> str:
    """Undo: functions go, with the triggers that call them."""
    return "".join(f"DROP FUNCTION {name}() CASCADE;\n" for name in functions)


def _trigger(head: str, late: str, calls: str, when: str) -> str:
    condition = f" WHEN ({when})" if when else ""
    return f"""
CREATE {head}
    {late}FOR EACH ROW{condition} EXECUTE FUNCTION {calls}();
"""
