"""The admin's pages: what support needs to see, without mail content."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from emails.models import (
    AbuseCounter,
    BlockedSender,
    DeletedMask,
    Delivery,
    DeliveryState,
    DomainMask,
    Profile,
    RandomMask,
    RegisteredSubdomain,
    Reply,
)

# Generic for the type checker only.
if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin


class _ReadOnly(_Admin):
    """Rows that only the workers write."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Forbid it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Forbid it."""
        return False


@admin.register(Profile)
class ProfileAdmin(_Admin):
    """Owners."""

    list_display = ("id", "user", "is_premium", "subdomain", "language", "flagged_at")
    list_filter = ("is_premium", "language", "blocks_spam", "removes_trackers", "user__is_active")
    search_fields = ("user__email__iexact", "user__username", "subdomain")
    autocomplete_fields = ("user",)
    readonly_fields = ("created_at",)
    list_select_related = ("user",)


class MaskAdmin(_Admin):
    """Masks of one kind. Counters are read-only: saving them would undo the workers' counting."""

    list_display = ("address", "profile", "block", "forwarded", "blocked", "replied")
    list_filter = ("block", "domain", "created_at", "last_used_at")
    search_fields = ("local", "domain", "profile__user__email__iexact", "label")
    autocomplete_fields = ("profile",)
    readonly_fields = (
        "forwarded",
        "blocked",
        "dropped",
        "replied",
        "trackers_removed",
        "created_at",
        "last_used_at",
    )


admin.site.register(RandomMask, MaskAdmin)
admin.site.register(DomainMask, MaskAdmin)


@admin.register(Delivery)
class DeliveryAdmin(_ReadOnly):
    """Deliveries and their outcomes. Here operators decide the ones in doubt."""

    list_display = ("sns_message_id", "state", "outcome", "reason", "created_at", "finished_at")
    list_filter = ("state", "outcome", "reason", "created_at")
    search_fields = ("sns_message_id",)
    actions = ("send_again",)

    @admin.action(description="Not sent: let the next attempt send it", permissions=["delete"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        """Delete deliveries in doubt, so that a redelivered or requeued message is sent again."""
        deleted, _ = queryset.filter(state=DeliveryState.IN_DOUBT).delete()
        self.message_user(request, f"{deleted} deliveries will be tried again.")


@admin.register(Reply)
class ReplyAdmin(_ReadOnly):
    """Reply records: their mask and age."""

    list_display = ("id", "random_mask", "domain_mask", "created_at")
    list_filter = ("created_at",)
    search_fields = ("random_mask__local", "domain_mask__local")
    exclude = ("metadata", "lookup")


@admin.register(BlockedSender)
class BlockedSenderAdmin(_ReadOnly):
    """Blocked senders: whose, and for which mask, but not who. Deleting one unblocks it."""

    list_display = ("id", "owner", "random_mask", "domain_mask", "created_at")
    list_filter = ("created_at",)
    search_fields = ("owner__user__email__iexact", "random_mask__local", "domain_mask__local")
    exclude = ("sender", "lookup", "sealed", "held_mail")


@admin.register(AbuseCounter)
class AbuseCounterAdmin(_ReadOnly):
    """Counts per owner and day."""

    list_display = ("profile", "day", "mails", "bytes", "replies", "masks")
    list_filter = ("day",)
    search_fields = ("profile__user__email__iexact",)


@admin.register(DeletedMask)
class DeletedMaskAdmin(_ReadOnly):
    """Hashes of deleted masks' addresses, which are never given out again."""

    list_display = ("id", "deleted_at")
    list_filter = ("deleted_at",)
    search_fields = ("address_hash",)


@admin.register(RegisteredSubdomain)
class RegisteredSubdomainAdmin(_ReadOnly):
    """Hashes of owners' names, which are never given to anyone else."""

    list_display = ("id", "registered_at")
    list_filter = ("registered_at",)
    search_fields = ("name_hash",)
