"""The admin's pages: what support needs to see, without mail content."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import UserChangeForm
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from emails.flow import mailbox_probes
from emails.models import (
    AbuseCounter,
    AbusePause,
    BlockedSender,
    DeletedMask,
    Delivery,
    DeliveryState,
    DomainMask,
    HeldMail,
    MailboxBreaker,
    Profile,
    RandomMask,
    RegisteredSubdomain,
    Reply,
    is_own_address,
)
from emails.store import held
from emails.store.reservations import lift_abuse_pause

_PAGE = 500

# Generic for the type checker only.
if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin


class OwnersUserForm(UserChangeForm):  # type: ignore[type-arg]
    """A user, who may be an owner."""

    def clean_email(self) -> str:
        """Refuse an address to which we would forward an owner's mail in a circle."""
        address: str = self.cleaned_data["email"]
        if Profile.objects.filter(user=self.instance.pk).exists() and is_own_address(address):
            raise forms.ValidationError("This is one of the relay's own addresses.")
        return address


class OwnersUserAdmin(UserAdmin):  # type: ignore[type-arg]
    """Users; an owner's real address is their user's."""

    form = OwnersUserForm


admin.site.unregister(get_user_model())
admin.site.register(get_user_model(), OwnersUserAdmin)


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
    list_filter = (
        "is_premium",
        "language",
        "note_place",
        "blocks_spam",
        "gets_digests",
        "user__is_active",
    )
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


@admin.register(HeldMail)
class HeldMailAdmin(_ReadOnly):
    """Held mails, and what became of them. Rows lead to mails in S3, so none is deleted here."""

    list_display = ("id", "reason", "state", "outcome", "owner", "size", "received_at")
    list_filter = ("state", "reason", "outcome", "received_at")
    search_fields = ("=id", "=owner__id", "sns_message_id")
    list_select_related = ("owner",)
    exclude = ("sender",)
    actions = ("release", "discard")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Forbid it: `discard` ends a mail, and a job then deletes it from S3."""
        return False

    def has_release_permission(self, request: HttpRequest) -> bool:
        """Return whether this user may release held mails."""
        return request.user.has_perm("emails.release_heldmail")

    def has_discard_permission(self, request: HttpRequest) -> bool:
        """Return whether this user may discard held mails."""
        return request.user.has_perm("emails.delete_heldmail")

    @admin.action(description="Release: forward them to their owners", permissions=["release"])
    def release(self, request: HttpRequest, queryset: QuerySet[HeldMail]) -> None:
        """Release the chosen mails that are held."""
        done = sum(map(held.release, _pages_of_ids(queryset)))
        self._tell(request, f"Released {done} held mails.")

    @admin.action(description="Discard: delete them for good", permissions=["discard"])
    def discard(self, request: HttpRequest, queryset: QuerySet[HeldMail]) -> None:
        """Discard the chosen mails that are held."""
        now = datetime.now(UTC)
        done = sum(held.discard(ids, now) for ids in _pages_of_ids(queryset))
        self._tell(request, f"Discarded {done} held mails.")

    def _tell(self, request: HttpRequest, text: str) -> None:
        """Say what was done, and record it in the admin's history."""
        LogEntry.objects.create(
            user_id=request.user.pk or 0,
            content_type=ContentType.objects.get_for_model(HeldMail),
            object_repr="held mails",
            action_flag=CHANGE,
            change_message=text,
        )
        self.message_user(request, text)


def _pages_of_ids(queryset: QuerySet[HeldMail]) -> Iterator[list[int]]:
    """Yield the ids in pages, so that no transaction is long. All are read first."""
    ids = list(queryset.order_by("pk").values_list("pk", flat=True))
    return (ids[start : start + _PAGE] for start in range(0, len(ids), _PAGE))


@admin.register(MailboxBreaker)
class MailboxBreakerAdmin(_ReadOnly):
    """Owners whose mailbox bounces, so that their mail is held."""

    list_display = (
        "profile",
        "meaning",
        "step",
        "opened_at",
        "next_probe_at",
        "probe_sent_at",
    )
    list_filter = ("meaning", "step", "opened_at")
    search_fields = ("profile__user__email__iexact", "profile__user__username")
    exclude = ("address", "probe_delivery", "probe_ses_id")
    actions = ("close",)

    @admin.action(description="Close: forward the held mail", permissions=["delete"])
    def close(self, request: HttpRequest, queryset: QuerySet[MailboxBreaker]) -> None:
        """Close breakers, and release what is held for them."""
        closed = mailbox_probes.close_by_hand(list(queryset.values_list("pk", flat=True)))
        self.message_user(request, f"{closed} closed; their mail is forwarded within minutes.")


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

    list_display = ("profile", "day", "replies", "masks")
    list_filter = ("day",)
    search_fields = ("profile__user__email__iexact",)


@admin.register(AbusePause)
class AbusePauseAdmin(_ReadOnly):
    """Owners who sent too many replies, for review."""

    list_display = ("profile", "began_at", "replies", "lifted_at")
    list_filter = (("lifted_at", admin.EmptyFieldListFilter), "began_at")
    search_fields = ("profile__user__email__iexact",)
    list_select_related = ("profile",)
    ordering = ("-began_at",)
    actions = ("lift",)

    @admin.action(description="Lift the pause: the owner can reply again", permissions=["delete"])
    def lift(self, request: HttpRequest, queryset: QuerySet[AbusePause]) -> None:
        """Lift the chosen pauses; today's replies count from zero again."""
        lifted = sum(lift_abuse_pause(pause, timezone.now()) for pause in queryset)
        self.message_user(request, f"{lifted} pauses were lifted.")


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
