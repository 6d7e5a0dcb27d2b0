"""Forms of the import pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat


class _FilesInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class _FilesField(forms.FileField):
    """Several files at once; cleans to a list."""

    widget = _FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        files = data if isinstance(data, list | tuple) and data else [data or None]
        return [super(_FilesField, self).clean(file, initial) for file in files]


class UploadForm(forms.Form):
    """What a person uploads: files of accounts, ties and events in any of the import's formats."""

    uploads = _FilesField(
        label="Files",
        help_text=(
            "Any of accounts, ties and events, as .csv, .ndjson or .parquet, also .gz; a corrected "
            "file of rejected rows; ActivityStreams or Jetstream lines."
        ),
        error_messages={
            "required": "Choose at least one file.",
            "empty": "A chosen file is empty; it needs a header line with the column names.",
        },
    )
    source = forms.CharField(
        label="Where they come from",
        required=False,
        max_length=120,
        help_text="A word for this list, such as the name of the export.",
    )

    def clean_uploads(self) -> list[UploadedFile[Any]]:
        files: list[UploadedFile[Any]] = self.cleaned_data["uploads"]
        limit = settings.IMPORT_UPLOAD_MAX_BYTES
        for file in files:
            if (file.size or 0) > limit:
                raise forms.ValidationError(
                    f"{file.name} is larger than {filesizeformat(limit)}, the most that can be "
                    "uploaded. Import it with import_graph on the server."
                )
        names = [(file.name or "").lower() for file in files]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise forms.ValidationError(f"{twice} was chosen twice; choose each file once.")
        return files
