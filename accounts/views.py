"""Imports: uploading files, watching them come in, and what was rejected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.forms import UploadForm
from accounts.imports.progress import FileProgress
from accounts.models import ImportBatch
from accounts.selectors import last_unresolved
from accounts.services import record_download, record_look
from accounts.uploads import accept_upload
from staff.capabilities import Capability
from staff.views import actor_of, require

PAGE_SIZE = 50


@dataclass(frozen=True)
class FileShown:
    """A file of an import on its page; ``percent`` is of its bytes."""

    name: str
    problem: str
    rows: int
    percent: int
    done: bool


@require(Capability.IMPORT_GRAPH)
@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: HttpRequest) -> HttpResponse:
    """All imports, newest first, and the form that starts one."""
    form = UploadForm()
    if request.method == "POST":
        form = UploadForm(request.POST, request.FILES)
        if form.is_valid():
            batch = accept_upload(
                actor=actor_of(request),
                files=cast("list[UploadedFile[Any]]", form.cleaned_data["uploads"]),
                source=form.cleaned_data["source"],
            )
            return redirect("import_detail", batch_id=batch.pk)
    batches = ImportBatch.objects.select_related("created_by")
    page = Paginator(batches, PAGE_SIZE).get_page(request.GET.get("page"))
    context = {
        "form": form,
        "batches": page.object_list,
        "any_live": any(not batch.is_over for batch in page),
        "waiting": last_unresolved(),
        "page": {
            "number": page.number,
            "summary": (
                f"Imports {page.start_index()} to {page.end_index()} of {page.paginator.count}"
            ),
            "previous_url": f"?page={page.previous_page_number()}" if page.has_previous() else "",
            "next_url": f"?page={page.next_page_number()}" if page.has_next() else "",
        },
    }
    return _page_or_part(
        request, "accounts/imports.html", "rows", context, status=422 if form.errors else 200
    )


@require(Capability.IMPORT_GRAPH)
@require_safe
def import_detail(request: HttpRequest, batch_id: int) -> HttpResponse:
    """One import: progress while it goes on, then what came of it."""
    batch = get_object_or_404(ImportBatch.objects.select_related("created_by"), pk=batch_id)
    # Not while the page asks every two seconds: each look is an entry.
    rejected_rows = list(batch.rejected_rows.all()) if batch.is_over else []
    if rejected_rows:
        record_look(actor=actor_of(request), batch=batch)
    context = {
        "batch": batch,
        "files": [_shown(FileProgress.of(entry)) for entry in batch.files],
        "rejected_rows": rejected_rows,
        "can_download": bool(batch.rejects_file) and Path(batch.rejects_file).is_file(),
    }
    return _page_or_part(request, "accounts/import_detail.html", "progress", context)


@require(Capability.IMPORT_GRAPH)
@require_safe
def import_rejects(request: HttpRequest, batch_id: int) -> HttpResponseBase:
    """The rejects file as a download; the trail notes who took it."""
    batch = get_object_or_404(ImportBatch, pk=batch_id)
    path = Path(batch.rejects_file)
    if not batch.rejects_file or not path.is_file():
        messages.info(request, "There is no file of rejected rows for this import.")
        return redirect("import_detail", batch_id=batch.pk)
    record_download(actor=actor_of(request), batch=batch)
    return FileResponse(
        path.open("rb"), as_attachment=True, filename=path.name, content_type="text/csv"
    )


def _shown(file: FileProgress) -> FileShown:
    percent = 100 if file.done else min(99, 100 * file.offset // file.size) if file.size > 0 else 0
    return FileShown(file.name, file.problem, file.row, percent, file.done)


def _page_or_part(
    request: HttpRequest,
    template: str,
    partial: str,
    context: dict[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """The page, or for htmx only the part of it that changes."""
    if request.headers.get("HX-Request") != "true" or request.method == "POST":
        return render(request, template, context, status=status)
    return render(request, f"{template}#{partial}", {**context, "swapped": True})
