"""Servers whose single replies look right: each remembers something wrongly, which only a sequence of requests can show.

Each is the contract itself with one change in what an operation remembers or reads, executed as a server.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import openapi

FILE = Path(openapi.__file__).parent / "device-sharing.yaml"


@dataclass(frozen=True)
class Change:
    """`old` is the text of one operation that `new` replaces."""

    operation: str
    old: str
    new: str


REPLACES = "unless: coverMark == 2\n"
CANCELS = "{update: shares, where: {shareCode: shareCode}, set: {cancelled: true, deleteTime: now, updateTime: now}}"
STANDING = "where: {pk: pk, dk: dk, sharer: caller.uid, replaced: false, cancelled: false}\n              if: row.acc"
MOVES_THE_END = "{update: shares, where: {shareCode: shareCode}, set: {sharingExpireAt: usableUntil, updateTime: now}}"
RENAMES = "{update: shares, where: {shareCode: shareCode}, set: {deviceName: deviceName, updateTime: now}}"
ACCEPTS = "set: {recipient: caller.uid, deviceName: deviceName, acceptTime: now, updateTime: now}"

CATALOGUE = {
    "replaced-code-still-accepted": Change("shareInfo", REPLACES, "unless: coverMark < 4\n"),
    "cover-mark-2-replaces": Change("shareInfo", REPLACES, "unless: coverMark == 4\n"),
    "cover-mark-3-stands-beside": Change("shareInfo", REPLACES, "unless: coverMark >= 2\n"),
    "offer-replaces-those-of-other-devices": Change("shareInfo", STANDING, STANDING.replace("dk: dk, ", "")),
    "cover-mark-forgotten": Change("shareInfo", "coverMark: coverMark", "coverMark: 1"),
    "auth-key-forgotten": Change("shareInfo", "authKey: authKey", "authKey: null"),
    "times-swapped": Change("shareInfo", "acceptingExpireAt: acceptingExpireAt", "acceptingExpireAt: usableUntil"),
    "end-forgotten": Change("shareInfo", "sharingExpireAt: usableUntil", "sharingExpireAt: 9223372036854775807"),
    "end-rounded-to-seconds": Change("shareInfo", "sharingExpireAt: usableUntil", "sharingExpireAt: usableUntil / 1000 * 1000"),
    "code-accepted-twice": Change("shareDevice", ACCEPTS, "set: {deviceName: deviceName}"),
    "recipient-is-the-sharer": Change(
        "shareDevice", "recipient: caller.uid, deviceName: d", "recipient: share.sharer, deviceName: d"
    ),
    "name-at-accepting-forgotten": Change("shareDevice", ACCEPTS, "set: {recipient: caller.uid}"),
    "code-in-use-survives-the-new-one": Change("shareDevice", "unless: share.coverMark == 2", "unless: share.coverMark >= 0"),
    "accepted-beside-but-replaces": Change("shareDevice", "unless: share.coverMark == 2", "unless: share.coverMark == 4"),
    "accepting-ends-the-offer": Change("shareDevice", ACCEPTS, ACCEPTS.replace("{recipient", "{cancelled: true, recipient")),
    "new-end-forgotten": Change("setShareTime", "set: {sharingExpireAt: usableUntil, ", "set: {"),
    "new-end-moves-the-offer-too": Change("setShareTime", "set: {s", "set: {acceptingExpireAt: usableUntil, s"),
    "new-end-for-every-share-of-the-sharer": Change(
        "setShareTime", "where: {shareCode: shareCode}", "where: {sharer: caller.uid, replaced: false}"
    ),
    "cancelled-by-the-sharer-still-in-use": Change("ownerUserUnshareDevice", "cancelled: true, ", ""),
    "sharer-cancels-all-of-the-device": Change(
        "ownerUserUnshareDevice", "where: {shareCode: shareCode}", "where: {pk: share.pk, dk: share.dk}"
    ),
    "given-back-and-still-listed": Change("shareUserUnshareDevice", "cancelled: true, ", ""),
    "recipient-gives-back-everything": Change(
        "shareUserUnshareDevice", "where: {shareCode: shareCode}", "where: {recipient: caller.uid}"
    ),
    "new-name-forgotten": Change("changeShareDeviceName", "set: {deviceName: deviceName, ", "set: {"),
    "new-name-for-every-recipient": Change(
        "changeShareDeviceName", "where: {shareCode: shareCode}", "where: {pk: share.pk, dk: share.dk}"
    ),
    "new-name-cut": Change(
        "changeShareDeviceName", "set: {deviceName: deviceName", "set: {deviceName: 'size(deviceName) > 3 ? \"cut\" : deviceName'"
    ),
    "given-to-the-giver": Change("shareByUid", "recipient: invited\n          ", "recipient: caller.uid\n          "),
    "given-for-life": Change("shareByUid", "sharingExpireAt: usableUntil", "sharingExpireAt: 9223372036854775807"),
    "given-beside-the-one-in-use": Change("shareByUid", REPLACES, "unless: coverMark < 4\n"),
}


def mutated(name: str) -> openapi.Contract:
    """The contract with this change."""
    change = CATALOGUE[name]
    text = FILE.read_text()
    start = text.index(f"enduserapi/{change.operation}:")
    end = text.find("\n  /v2/", start)
    section = text[start:end]
    assert change.old in section, f"{name}: {change.operation} has no {change.old!r}"
    text = text[:start] + section.replace(change.old, change.new) + text[end:]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.yaml"
        file.write_text(text)
        return openapi.load(file)
