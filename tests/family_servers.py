"""Servers of the whole sharing family: the mock serves the contract with one change.

FORGETFUL servers give correct single replies but change their state wrongly: only a sequence of requests can show it.
LENIENT servers are correct: they differ where the documents are silent.

`python tests/family_servers.py NAME --port N` serves one.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import openapi
from mockserver import Mock, Origin, create_app
from mockserver.http.server import Server, listen

WORLD = Path(openapi.__file__).parent / "worlds" / "demo.yaml"
FILE = Path(openapi.__file__).parent / "device-sharing.yaml"


@dataclass(frozen=True)
class Change:
    """A change of the contract: in the text of one operation, `new` replaces `old`."""

    operation: str
    old: str
    new: str


REPLACES = "unless: coverMark == 2\n"
CANCELS = "{update: shares, where: {shareCode: shareCode}, set: {cancelled: true, deleteTime: now, updateTime: now}}"
STANDING = "where: {pk: pk, dk: dk, sharer: caller.uid, replaced: false, cancelled: false}\n              if: row.acc"
MOVES_THE_END = "{update: shares, where: {shareCode: shareCode}, set: {sharingExpireAt: usableUntil, updateTime: now}}"
RENAMES = "{update: shares, where: {shareCode: shareCode}, set: {deviceName: deviceName, updateTime: now}}"
ACCEPTS = "set: {recipient: caller.uid, deviceName: deviceName, acceptTime: now, updateTime: now}"

FORGETFUL = {
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
    "emoji-of-a-name-cut": Change(
        "changeShareDeviceName",
        "set: {deviceName: deviceName",
        'set: {deviceName: \'deviceName.contains("😀") ? "?" : deviceName\'',
    ),
    "end-of-32-bits": Change(
        "setShareTime",
        "sharingExpireAt: usableUntil",
        "sharingExpireAt: 'usableUntil > 2147483647000 ? 2147483647000 : usableUntil'",
    ),
    "given-to-the-giver": Change("shareByUid", "recipient: invited\n          ", "recipient: caller.uid\n          "),
    "given-for-life": Change("shareByUid", "sharingExpireAt: usableUntil", "sharingExpireAt: 9223372036854775807"),
    "given-beside-the-one-in-use": Change("shareByUid", REPLACES, "unless: coverMark < 4\n"),
}


SECOND = "- {code: 5137, when: recipient != caller.uid,"
UNKNOWN_TO_THE_SHARER = "- {code: 5142, missing: share}"
TOO_LONG = "- {code: 5333, malformed: deviceName, assumed: the documents do not say how long a name may be}"
NO_TIME = "- {code: 5145, missing: sharingExpireAt, assumed: no code is documented for a missing time}"

LENIENT = {
    "a-code-may-change-hands": Change("shareDevice", SECOND, "- {code: 5137, when: recipient == 'nobody',"),
    "a-used-code-is-invalid": Change(
        "shareDevice", "{code: 5049, when: recipient == caller.uid}", "{code: 5137, when: recipient == caller.uid, assumed: x}"
    ),
    "names-of-nine-characters": Change(
        "shareDevice", TOO_LONG, f"- {{code: 5333, when: deviceName.size() > 8, assumed: x}}\n        {TOO_LONG}"
    ),
    "names-of-any-length": Change("changeShareDeviceName", "maxLength: 64", "maxLength: 100000"),
    "offers-are-listed-too": Change("deviceShareUserList", "each: accepted", "each: standingOrLapsed"),
    "lapsed-shares-stay-in-the-list": Change("userDeviceList", "each: shared\n", "each: sharedOrLapsed\n"),
    "a-recipient-may-ask-who-else": Change(
        "deviceShareUserList", "device.owner != caller.uid && received.recipient == caller.uid", "device.owner == 'nobody'"
    ),
    "unknown-code-is-forbidden": Change("ownerUserUnshareDevice", UNKNOWN_TO_THE_SHARER, "- {code: 5041, missing: share}"),
    "unknown-code-is-no-code": Change("shareUserUnshareDevice", UNKNOWN_TO_THE_SHARER, "- {code: 5136, missing: share}"),
    "a-missing-time-is-a-missing-code": Change("setShareTime", NO_TIME, NO_TIME.replace("5145", "5136")),
    "an-ended-share-may-get-time": Change(
        "setShareTime", "{code: 5041, when: share.replaced || share.cancelled", "{code: 5041, when: share.sharer == 'nobody'"
    ),
    "a-stranger-is-forbidden": Change(
        "deviceInfo", "- {code: 5141, missing: received, when", "- {code: 5041, missing: received, when"
    ),
    "an-unbound-device-is-forbidden": Change("deviceInfo", "- {code: 5052, missing: device", "- {code: 5041, missing: device"),
    "sharing-with-oneself": Change(
        "shareByUid",
        "- {code: 5134, when: invited == device.owner, assumed",
        "- {code: '*', when: invited == 'nobody', permitted",
    ),
}


def mutated(change: Change) -> openapi.Contract:
    """The contract with this change."""
    text = FILE.read_text()
    start = text.index(f"enduserapi/{change.operation}:")
    end = text.find("\n  /v2/", start)
    section = text[start:end]
    assert change.old in section, f"{change.operation} has no {change.old!r}"
    text = text[:start] + section.replace(change.old, change.new) + text[end:]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "changed.yaml"
        file.write_text(text)
        return openapi.load(file)


@contextmanager
def serving(contract: openapi.Contract, port: int = 0) -> Iterator[str]:
    """Serves a contract on the demo world in threads; yields its base URL."""
    server = Server(create_app(Mock(contract, Origin(openapi.read_document(WORLD)))), listen("127.0.0.1", port), threads=2)
    try:
        yield server.url
    finally:
        server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="?", choices=FORGETFUL | LENIENT)
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    if arguments.name is None:
        print("\n".join(FORGETFUL | LENIENT))
        return
    with serving(mutated((FORGETFUL | LENIENT)[arguments.name]), arguments.port) as url:
        print(f"{arguments.name} at {url}", flush=True)
        Event().wait()


if __name__ == "__main__":
    main()
