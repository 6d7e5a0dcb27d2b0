"""Every field that could hold something about a person is declared, one way or the other."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models

from staff import personal

APPS = ("accounts", "signals", "moderation")
FREE = (models.TextField, models.JSONField, models.BinaryField)
"""What anything may stand in. Of a platform's accounts also short texts and dates count."""

SUSPICIOUS = {"accounts": (*FREE, models.CharField, models.DateField)}

MODELS = [model for app in APPS for model in apps.get_app_config(app).get_models()]


def could_be_personal(field: Any) -> bool:
    """By its type and floor; numbers and arrays of numbers never."""
    types = SUSPICIOUS.get(field.model._meta.app_label, FREE)
    return isinstance(field, types) and not isinstance(field, ArrayField)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_field_is_declared_personal_or_not(model: type[models.Model]) -> None:
    fields = {field.name: field for field in model._meta.concrete_fields}
    suspicious = {name for name, field in fields.items() if could_be_personal(field)}
    label = model._meta.label
    declared = {table.model: table for table in personal.tables()}
    if not suspicious and label not in declared:
        return
    assert label in declared, f"Declare {label} in {label.split('.')[0]}/personal_data.py."
    table = declared[label]
    said = set(table.personal) | set(table.other)
    assert suspicious <= said, (
        f"{label}: say of {sorted(suspicious - said)} whether it is personal."
    )
    assert said <= set(fields), f"{label} has no field {sorted(said - set(fields))} any longer."


def test_what_stays_fits_the_field() -> None:
    for table in personal.tables():
        model = apps.get_model(table.model)
        for name, stays in table.blanks().items():
            field = model._meta.get_field(name)
            assert isinstance(field, models.Field)
            assert stays is not None or field.null, f"{table.model}.{name} cannot be empty."
            if isinstance(stays, str) and field.max_length:
                assert len(stays) <= field.max_length


def test_names_in_logs_are_among_them() -> None:
    from accounts.models import account

    assert set(account.PERSONAL_DATA) <= set(personal.table("accounts.Account").personal)


def test_a_field_cannot_be_both() -> None:
    with pytest.raises(ValueError, match="cannot be both"):
        personal.declare(personal.Table("x.Y", personal={"name": ""}, other=("name",)))
    with pytest.raises(ValueError, match="declared twice"):
        personal.declare(personal.Table("accounts.Account"))
