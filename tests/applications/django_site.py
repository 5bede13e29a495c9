"""A site of Django whose superusers are the gateway's administrators."""
from django.contrib import admin
from django.contrib.auth.backends import RemoteUserBackend
from django.contrib.auth.middleware import RemoteUserMiddleware
from django.urls import path


class GatewayMiddleware(RemoteUserMiddleware):
    header = "HTTP_REMOTE_USER"


class GatewayBackend(RemoteUserBackend):
    def configure_user(self, request, user, created=True):
        user.is_staff = user.is_superuser = "admin" in request.META.get("HTTP_REMOTE_GROUPS", "").split(",")
        user.save()
        return user


urlpatterns = [path("admin/", admin.site.urls)]
