"""A small backend on PostgreSQL: four operations of the device-sharing API, each as one transaction, isolation read committed.

With `locked`, a transaction first locks the rows that it decides on (`SELECT ... FOR UPDATE`), and then reads them. Without, it
decides on what it has read, as many backends do. Several processes may serve one database.

`python tests/postgres_backend.py URL --locked --processes 2 --port N` serves it; URL is of SQLAlchemy.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, jsonify, request
from sqlalchemy import Connection, Engine, MetaData, create_engine, text
from sqlalchemy import Table as SqlTable
from werkzeug.serving import make_server
from wrong_servers import WORLD

import openapi

CONTRACT = openapi.load().only("shareInfo", "shareDevice", "ownerUserUnshareDevice", "deviceShareUserList")
RESET = "/reset"
FOREVER = 9223372036854775807
LARGEST = 2**63
SCHEMA = """
drop table if exists sessions, users, devices, shares;
create table sessions (token text primary key, uid text not null, expires_at bigint);
create table users (uid text primary key, nickname text, phone text, email text, portrait text);
create table devices (pk text, dk text, owner text, verified boolean not null, primary key (pk, dk));
create table shares (
  share_code text primary key, number bigserial, pk text not null, dk text not null, sharer text not null, recipient text,
  auth_key text, cover_mark int not null, accepting_expire_at bigint, sharing_expire_at bigint not null, device_name text,
  replaced boolean not null default false, cancelled boolean not null default false,
  share_time bigint, accept_time bigint, update_time bigint, accepted bigint
);
create sequence if not exists acceptances;
"""


class Refused(Exception):
    """A refusal, with its code."""


def now() -> int:
    return time.time_ns() // 1_000_000


def seed(engine: Engine) -> None:
    """Creates the tables, with the rows of the demo world."""
    state = openapi.load_world(WORLD, CONTRACT, now(), {}).state
    with engine.begin() as db:
        db.execute(text("select pg_advisory_xact_lock(1)"))
        for statement in filter(str.strip, SCHEMA.split(";")):
            db.execute(text(statement))
        tables = MetaData()
        for name in ("sessions", "users", "devices", "shares"):
            table = SqlTable(name, tables, autoload_with=db)
            for row in state.rows(name):
                values = {
                    "".join(f"_{each.lower()}" if each.isupper() else each for each in key): value for key, value in row.items()
                }
                values = {key: value for key, value in values.items() if key in table.columns and value is not None}
                if values.get("recipient"):
                    values["accepted"] = db.scalar(text("select nextval('acceptances')"))
                db.execute(table.insert().values(values))


class Backend:
    """The four operations."""

    def __init__(self, engine: Engine, locked: bool) -> None:
        self.engine, self.lock = engine, " for update" if locked else ""

    def answer(self, operation: str, values: dict[str, str]) -> Any:
        """The reply to a request with these texts of parameters."""
        try:
            with self.engine.begin() as db:
                caller = self._caller(db, values)
                code, data = 200, getattr(self, operation)(db, caller, values)
        except Refused as refused:
            code, data = refused.args[0], None
        message = next((rule.message("zh") for rule in CONTRACT.operations[operation].rules if rule.code == code), "")
        return jsonify(code=code, msg=message, data=data, extMsg="")

    def _caller(self, db: Connection, values: dict[str, str]) -> str:
        token = values.get("token", "")
        token = token[7:] if token[:7].lower() == "bearer " else token
        if not token.strip():
            raise Refused(5106)
        found = db.execute(text("select uid, expires_at from sessions where token = :token"), {"token": token}).one_or_none()
        if found is None or (found.expires_at is not None and found.expires_at <= now()):
            raise Refused(5032)
        return str(found.uid)

    def shareInfo(self, db: Connection, caller: str, values: dict[str, str]) -> str:
        keys = {"pk": required(values, "pk", 5066), "dk": required(values, "dk", 5067), "caller": caller, "now": now()}
        accepting = integer(required(values, "acceptingExpireAt", 5132), 5145)
        sharing = integer(values.get("sharingExpireAt", ""), 5145)
        mark = integer(values.get("coverMark", ""), 5133)
        if accepting is None or accepting < 0 or (sharing is not None and sharing < 0):
            raise Refused(5145)
        if mark not in (None, 1, 2, 3):
            raise Refused(5133)
        if sharing is not None and sharing <= accepting:
            raise Refused(5153)
        # The row of the device stands for all of its shares.
        device = db.execute(text(f"select * from devices where pk = :pk and dk = :dk{self.lock}"), keys).one_or_none()
        if device is None or device.owner != caller:
            raise Refused(5135)
        if not device.verified:
            raise Refused(5360)
        standing = (
            "from shares where pk = :pk and dk = :dk and sharer = :caller and not replaced and not cancelled "
            "and accepting_expire_at > :now"
        )
        known = [row.share_code for row in db.execute(text(f"select share_code {standing} order by number desc"), keys)]
        until = FOREVER if sharing is None else sharing
        if mark == 3 and known:
            latest = db.scalar(text("select sharing_expire_at from shares where share_code = :code"), {"code": known[0]})
            if until <= latest:
                raise Refused(5134)
        if mark != 2:
            for code in known:
                db.execute(
                    text("update shares set replaced = true, update_time = :now where share_code = :code"),
                    {"code": code, "now": keys["now"]},
                )
        code = f"share_dv_{caller}{uuid.uuid4().hex}"
        db.execute(
            text(
                "insert into shares (share_code, pk, dk, sharer, auth_key, cover_mark, accepting_expire_at, sharing_expire_at, "
                "share_time) values (:code, :pk, :dk, :caller, :key, :mark, :accepting, :until, :now)"
            ),
            {
                **keys,
                "code": code,
                "key": values.get("authKey") or None,
                "mark": mark or 1,
                "accepting": accepting,
                "until": until,
            },
        )
        return code

    def shareDevice(self, db: Connection, caller: str, values: dict[str, str]) -> None:
        share = self._share(db, required(values, "shareCode", 5136), 5137)
        name = values.get("deviceName") or None
        if name is not None and len(name) > 64:
            raise Refused(5333)
        if share.replaced or share.cancelled:
            raise Refused(5137)
        if share.recipient == caller:
            raise Refused(5049)
        if share.recipient is not None or share.accepting_expire_at <= now() or share.sharing_expire_at <= now():
            raise Refused(5137)
        device = db.execute(text("select owner from devices where pk = :pk and dk = :dk"), share._mapping).one_or_none()
        if device is not None and device.owner == caller:
            raise Refused(5049)
        keys = {"pk": share.pk, "dk": share.dk, "caller": caller, "now": now(), "code": share.share_code, "name": name}
        in_use = (
            "from shares where pk = :pk and dk = :dk and recipient = :caller and not replaced and not cancelled "
            "and sharing_expire_at > :now"
        )
        latest = db.execute(text(f"select sharing_expire_at {in_use} order by accepted desc limit 1"), keys).one_or_none()
        if share.cover_mark == 3 and latest is not None and share.sharing_expire_at < latest.sharing_expire_at:
            raise Refused(5151)
        if share.cover_mark != 2:
            db.execute(
                text(f"update shares set replaced = true, update_time = :now where share_code in (select share_code {in_use})"),
                keys,
            )
        db.execute(
            text(
                "update shares set recipient = :caller, device_name = :name, accept_time = :now, update_time = :now, "
                "accepted = nextval('acceptances') where share_code = :code"
            ),
            keys,
        )

    def ownerUserUnshareDevice(self, db: Connection, caller: str, values: dict[str, str]) -> None:
        share = self._share(db, required(values, "shareCode", 5136), 5142)
        if share.sharer != caller:
            raise Refused(5041)
        over = share.accepting_expire_at if share.recipient is None else share.sharing_expire_at
        if share.replaced or share.cancelled or (over is not None and over <= now()):
            raise Refused(5142)
        db.execute(
            text("update shares set cancelled = true, update_time = :now where share_code = :code"),
            {"now": now(), "code": share.share_code},
        )

    def deviceShareUserList(self, db: Connection, caller: str, values: dict[str, str]) -> list[dict[str, Any]]:
        keys = {"pk": required(values, "pk", 5066), "dk": required(values, "dk", 5067), "caller": caller, "now": now()}
        device = db.execute(text("select owner from devices where pk = :pk and dk = :dk"), keys).one_or_none()
        if device is None or device.owner != caller:
            raise Refused(5141)
        rows = db.execute(
            text(
                "select shares.*, users.nickname, users.phone, users.email, users.portrait from shares left join users "
                "on users.uid = shares.recipient where pk = :pk and dk = :dk and sharer = :caller and not replaced "
                "and not cancelled and recipient is not null and sharing_expire_at > :now order by accepted desc"
            ),
            keys,
        )
        return [listed(row) for row in rows]

    def _share(self, db: Connection, code: str, unknown: int) -> Any:
        """A share, with its device locked first, as all operations do."""
        found = db.execute(text("select pk, dk from shares where share_code = :code"), {"code": code}).one_or_none()
        if found is None:
            raise Refused(unknown)
        if self.lock:
            db.execute(text(f"select 1 from devices where pk = :pk and dk = :dk{self.lock}"), found._mapping)
        # The device may have been unbound: then only the share itself can be locked.
        return db.execute(text(f"select * from shares where share_code = :code{self.lock}"), {"code": code}).one()


def required(values: dict[str, str], name: str, code: int) -> str:
    if not values.get(name, "").strip():
        raise Refused(code)
    return values[name]


def integer(given: str, code: int) -> int | None:
    if not given.strip():
        return None
    if not (given.isascii() and given.removeprefix("-").isdecimal()) or abs(int(given)) >= LARGEST:
        raise Refused(code)
    return int(given)


def date_time(value: int | None) -> str | None:
    if value is None:
        return None
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(value // 1000 + 8 * 3600)) if value < FOREVER else None


def listed(row: Any) -> dict[str, Any]:
    until = row.sharing_expire_at if row.sharing_expire_at < FOREVER else None
    return {
        "shareInfo": {
            "shareCode": row.share_code,
            "pk": row.pk,
            "dk": row.dk,
            "ownerUid": row.sharer,
            "shareUid": row.recipient,
            "deviceName": row.device_name,
            "coverMark": row.cover_mark,
            "authKey": row.auth_key,
            "shareTimeTs": row.share_time,
            "acceptTimeTs": row.accept_time,
            "updateTimeTs": row.update_time,
            "acceptingExpireAt": date_time(row.accepting_expire_at),
            "acceptingExpireAtTs": row.accepting_expire_at,
            "sharingExpireAt": date_time(row.sharing_expire_at),
            "sharingExpireAtTs": until,
        },
        "userInfo": {
            "uid": row.recipient,
            "nikeName": row.nickname,
            "phone": row.phone,
            "email": row.email,
            "headimg": row.portrait,
        },
    }


def application(engine: Engine, locked: bool) -> Flask:
    """The backend as a WSGI application."""
    app, backend = Flask(__name__), Backend(engine, locked)

    def handle(operation: str) -> Any:
        values = {**request.form, **request.args}
        return backend.answer(operation, {**values, "token": request.headers.get("Authorization", "")})

    for each in CONTRACT.operations.values():
        app.add_url_rule(each.path, each.name, handle, methods=[each.method], defaults={"operation": each.name})
    app.add_url_rule(RESET, "reset", lambda: (seed(engine), "")[1], methods=["POST"])
    return app


def _serve(url: str, locked: bool, file: int) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    engine = create_engine(url, isolation_level="READ COMMITTED", pool_size=8, max_overflow=24)
    make_server("127.0.0.1", 0, application(engine, locked), threaded=True, fd=file).serve_forever()


@contextmanager
def serving(url: str, locked: bool, processes: int = 1, port: int = 0) -> Iterator[str]:
    """Serves the backend on a database in so many processes; yields its base URL."""
    engine = create_engine(url)
    seed(engine)
    engine.dispose()
    with socket.create_server(("127.0.0.1", port)) as listening:
        os.set_inheritable(listening.fileno(), True)
        context = multiprocessing.get_context("fork")
        workers = [context.Process(target=_serve, args=(url, locked, listening.fileno()), daemon=True) for _ in range(processes)]
        for each in workers:
            each.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            for each in workers:
                each.terminate()
                each.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--locked", action="store_true")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--port", type=int, default=8000)
    arguments = parser.parse_args()
    with serving(arguments.url, arguments.locked, arguments.processes, arguments.port) as base:
        print(f"backend at {base}", flush=True)
        time.sleep(10**9)


if __name__ == "__main__":
    main()
