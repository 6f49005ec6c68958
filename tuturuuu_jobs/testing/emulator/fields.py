"""Partial responses: the ``fields`` parameter.

``a,b,items(id,start/date)`` names what a response keeps. A name that the resource does not have is
refused, as Google refuses it, so that a misspelt field fails a test instead of vanishing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, Final

from tuturuuu_jobs.testing.emulator.api_errors import ApiError, bad_request

Mask = Mapping[str, "Mask"]
"""Names to keep; an empty mask below a name keeps everything there. ``*`` stands for any name."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_*]+|[(),/]")

_EDGE: Final = "(date,dateTime,timeZone)"
_PERSON: Final = "(displayName,email,id,self)"
_EVENT: Final = (
    "anyoneCanAddSelf,attachments(fileId,fileUrl,iconLink,mimeType,title),"
    "attendees(additionalGuests,asyncOperation,comment,displayName,email,id,optional,organizer,"
    "resource,responseStatus,self),attendeesOmitted,"
    "birthdayProperties(contact,customTypeName,type),colorId,"
    "conferenceData(conferenceId,conferenceSolution(iconUri,key(type),name),"
    "createRequest(conferenceSolutionKey(type),requestId,status(statusCode)),"
    "entryPoints(accessCode,entryPointFeatures,entryPointType,label,meetingCode,passcode,password,"
    "pin,regionCode,uri),notes,parameters(addOnParameters(parameters(*))),signature),"
    f"created,creator{_PERSON},description,end{_EDGE},endTimeUnspecified,etag,eventLabelId,"
    "eventType,extendedProperties(private(*),shared(*)),"
    "focusTimeProperties(autoDeclineMode,chatStatus,declineMessage),"
    "gadget(display,height,iconLink,link,preferences(*),title,type,width),guestsCanInviteOthers,"
    "guestsCanModify,guestsCanSeeOtherGuests,hangoutLink,htmlLink,iCalUID,id,kind,location,locked,"
    f"organizer{_PERSON},originalStartTime{_EDGE},"
    "outOfOfficeProperties(autoDeclineMode,declineMessage),privateCopy,recurrence,"
    "recurringEventId,reminders(overrides(method,minutes),useDefault),sequence,source(title,url),"
    f"start{_EDGE},status,summary,transparency,updated,visibility,"
    "workingLocationProperties(customLocation(label),homeOffice,"
    "officeLocation(buildingId,deskId,floorId,floorSectionId,label),type)"
)
_ENTRY: Final = (
    "accessRole,autoAcceptInvitations,backgroundColor,colorId,"
    "conferenceProperties(allowedConferenceSolutionTypes),dataOwner,"
    "defaultReminders(method,minutes),deleted,description,etag,foregroundColor,hidden,id,kind,"
    "location,notificationSettings(notifications(method,type)),primary,selected,summary,"
    "summaryOverride,timeZone"
)
RESOURCES: Final[Mapping[str, str]] = {
    "Event": _EVENT,
    "Events": "accessRole,defaultReminders(method,minutes),description,etag,"
    f"items({_EVENT}),kind,nextPageToken,nextSyncToken,summary,timeZone,updated",
    "CalendarListEntry": _ENTRY,
    "CalendarList": f"etag,items({_ENTRY}),kind,nextPageToken,nextSyncToken",
    "Calendar": "autoAcceptInvitations,conferenceProperties(allowedConferenceSolutionTypes),"
    "dataOwner,description,etag,id,kind,labelProperties(eventLabels(backgroundColor,id,name)),"
    "location,summary,timeZone,workingHours(availableTimes(dayOfWeek,periodEnd,periodStart),"
    "workingHoursEnabled)",
    "Setting": "etag,id,kind,value",
    "Colors": "calendar(*),event(*),kind,updated",
}
"""Every field of every resource, in the notation of ``fields``; compared with Google's document."""


def parse_mask(expression: str) -> Mask:
    """Read a ``fields`` expression; ApiError 400 if it is not one."""
    tokens = _TOKEN.findall(expression)
    if "".join(tokens) != re.sub(r"\s", "", expression):
        raise _invalid(expression)
    mask, rest = _parse_list(tokens)
    if rest:
        raise _invalid(expression)
    return mask


def _parse_list(tokens: list[str]) -> tuple[dict[str, Mask], list[str]]:
    mask: dict[str, Mask] = {}
    while True:
        tokens = _parse_one(tokens, mask)
        if tokens[:1] != [","]:
            return mask, tokens
        tokens = tokens[1:]


def _parse_one(tokens: list[str], mask: dict[str, Mask]) -> list[str]:
    if not tokens or tokens[0] in "(),/":
        raise _invalid("".join(tokens))
    name, rest = tokens[0], tokens[1:]
    below: dict[str, Mask] = {}
    if rest[:1] == ["/"]:
        rest = _parse_one(rest[1:], below)
    elif rest[:1] == ["("]:
        below, rest = _parse_list(rest[1:])
        if rest[:1] != [")"]:
            raise _invalid(name)
        rest = rest[1:]
    mask[name] = {**mask.get(name, {}), **below}
    return rest


@functools.cache
def _known(resource: str) -> Mask:
    return parse_mask(RESOURCES[resource])


@functools.lru_cache(maxsize=256)
def mask_for(resource: str, expression: str | None) -> Mask:
    """The mask of a request for that resource; no expression and ``*`` keep everything."""
    mask = parse_mask(expression) if expression else {}
    _check(mask, _known(resource))
    return {} if "*" in mask else mask


def _check(mask: Mask, known: Mask) -> None:
    for name, below in mask.items():
        if name == "*" or "*" in known:
            continue
        if name not in known or (below and not known[name]):
            raise _invalid(name)
        _check(below, known[name])


def _invalid(name: str) -> ApiError:
    return bad_request("invalidParameter", f"Invalid field selection {name}", "fields")


def apply_mask(value: Any, mask: Mask) -> Any:
    """Keep what the mask names; lists are masked item by item."""
    if not mask or "*" in mask:
        return value
    if isinstance(value, list):
        return [apply_mask(item, mask) for item in value]  # pyright: ignore[reportUnknownVariableType]  # JSON
    if not isinstance(value, dict):
        return value
    return {name: apply_mask(value[name], below) for name, below in mask.items() if name in value}


def resource_fields(resource: str, value: dict[str, Any]) -> dict[str, Any]:
    """The value without names that the resource does not have."""
    kept: dict[str, Any] = apply_mask(value, _known(resource))
    return kept
