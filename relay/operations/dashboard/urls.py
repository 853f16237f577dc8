"""The dashboard's addresses, under `admin/`; they come before the admin's own."""

from django.urls import path

from relay.operations.dashboard import views

urlpatterns = [
    path("dashboard/", views.dashboard, name="dashboard"),
    path("dashboard/live.json", views.live, name="dashboard_live"),
    path("dashboard/charts.json", views.charts, name="dashboard_charts"),
    path("runbook/", views.show_runbook, name="runbook"),
    path("runbook/<slug:name>.md", views.show_runbook),
]
