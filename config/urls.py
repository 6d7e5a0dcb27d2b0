"""Every address of Sightline, floor by floor."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    
]
