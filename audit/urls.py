from django.urls import path

from audit import views

urlpatterns = [
    path("audit/", views.audit, name="audit"),
    path("audit/verify/", views.verify, name="audit_verify"),
    path("audit/export/", views.export, name="audit_export"),
    path("audit/checkpoint.txt", views.checkpoint, name="audit_checkpoint"),
    path("audit/public-key.pem", views.public_key, name="audit_public_key"),
]
