"""The packages every switch has, and what tells them of changes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from sip.controller.core import Core
from sip.controller.events import dialogs, message_summary, notifying, presence, registrations
from sip.controller.events.dialogs import DialogPackage
from sip.controller.events.message_summary import MessageSummaryPackage
from sip.controller.events.presence import PresencePackage
from sip.controller.events.registrations import RegistrationPackage
from sip.controller.location import Binding, Reason


def install(core: Core, wanted: Iterable[str]) -> None:
    """Make the packages named in ``wanted`` known; of an unknown name nothing comes."""
    names = frozenset(wanted)
    if presence.NAME in names:
        _install_presence(core)
    if message_summary.NAME in names:
        _install_mailboxes(core)
    if registrations.NAME in names:
        _install_registrations(core)
    if dialogs.NAME in names:
        core.events.add(DialogPackage(core))


def _install_presence(core: Core) -> None:
    package = PresencePackage()
    core.events.add(package)
    core.events.published[presence.NAME] = package

    def moved(
        username: str, before: tuple[Binding, ...], after: tuple[Binding, ...], wall: float, reason: Reason
    ) -> None:
        if core.events.is_watched(presence.NAME, username):
            core.post(partial(package.moved, core, username, before, after, reason))

    core.locations.subscribe(moved)


def _install_registrations(core: Core) -> None:
    package = RegistrationPackage()
    core.events.add(package)

    def moved(
        username: str, before: tuple[Binding, ...], after: tuple[Binding, ...], wall: float, reason: Reason
    ) -> None:
        if core.events.is_watched(registrations.NAME, username):
            core.post(partial(package.moved, core, username, before, after, reason))

    core.locations.subscribe(moved)


def _install_mailboxes(core: Core) -> None:
    package = MessageSummaryPackage()
    core.events.add(package)
    core.events.published[message_summary.NAME] = package
    core.events.from_trunks[message_summary.NAME] = package

    def changed(username: str) -> None:
        if core.events.is_watched(message_summary.NAME, username):
            core.post(partial(notifying.resource_changed, core, message_summary.NAME, username))

    core.mailboxes.subscribe(changed)
