"""Versions of maps: each keeps its content, however many versions follow it, from which version, and in which thread."""

from __future__ import annotations

import gc
import sys
import threading
import weakref

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, rule

from openapi.state import versions
from openapi.state.versions import ABSENT, Map, Version

KEYS = st.integers(0, 2)
WRITES = st.lists(st.tuples(st.integers(0, 1), KEYS, st.one_of(st.just(ABSENT), st.integers(0, 3))), max_size=5)


def changed(version, writes):
    """The next version."""
    after, maps, before = version.begin()
    try:
        for name, key, value in writes:
            before.append((name, key, maps[name].get(key, ABSENT)))
            if value is ABSENT:
                maps[name].pop(key, None)
            else:
                maps[name][key] = value
    except TypeError:
        after.undo()
        raise
    after.end()
    return after


class Histories(RuleBasedStateMachine):
    """Versions derived from each other in any order, each with the plain dicts that it must equal."""

    versions = Bundle("versions")

    @initialize(target=versions)
    def first(self):
        return Version.empty((0, 1)), ({}, {})

    @rule(target=versions, of=versions, writes=WRITES)
    def change(self, of, writes):
        version, dicts = of
        after = tuple(dict(each) for each in dicts)
        for number, key, value in writes:
            if value is ABSENT:
                after[number].pop(key, None)
            else:
                after[number][key] = value
        return changed(version, writes), after

    @rule(target=versions, of=versions, times=st.integers(1, 12))
    def change_often(self, of, times):
        """Makes so many changes that other versions are far behind."""
        for value in range(times):
            of = self.change(of, [(0, value % 5, value), (1, value % 3, ABSENT if value % 2 else value)])
        return of

    @rule(of=versions, writes=WRITES)
    def change_in_vain(self, of, writes):
        version, _ = of
        after, maps, before = version.begin()
        for number, key, value in writes:
            before.append((number, key, maps[number].get(key, ABSENT)))
            maps[number][key] = value
            assert after.get(number, key) is value
            self.read(of, key)
        after.undo()
        self.read_all(of)

    @rule(of=versions)
    def read_what_came_after(self, of):
        version, dicts = of
        seen = set()
        assert set(version.since(0, seen)) >= set(dicts[0].values())
        assert version.since(0, seen) == []

    @rule(of=versions, key=KEYS)
    def read(self, of, key):
        version, dicts = of
        assert [version.get(number, key, "none") for number in (0, 1)] == [each.get(key, "none") for each in dicts]

    @rule(of=versions)
    def read_all(self, of):
        version, dicts = of
        for number, expected in enumerate(dicts):
            found = Map(version, number)
            assert dict(found.items()) == expected and sorted(found) == sorted(expected)
            assert len(found) == len(expected) and sorted(found.values()) == sorted(expected.values())


@pytest.mark.parametrize(("near", "far"), [(64, 10_000), (3, 6), (0, 1)])
def test_a_version_keeps_what_it_held_whatever_comes_of_it(monkeypatch, near, far):
    monkeypatch.setattr(versions, "MOST_CHANGES_UNDONE", near)
    monkeypatch.setattr(versions, "MOST_CHANGES_KEPT", far)
    Histories.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None, derandomize=True)
    Histories.TestCase().runTest()


def counted(number):
    """A version whose keys `even` and `odd` differ by one, and all versions before it."""
    versions = [Version.empty((0,))]
    for each in range(number):
        versions.append(changed(versions[-1], [(0, "odd", each), (0, "even", each)]))
    return versions


def test_a_write_that_cannot_be_made_changes_nothing():
    version = counted(3)[-1]
    with pytest.raises(TypeError):
        changed(version, [(0, "odd", 7), (0, [], 7)])
    assert dict(Map(version, 0)) == {"odd": 2, "even": 2}
    assert Map(changed(version, [(0, "odd", 8)]), 0)["odd"] == 8


def test_a_key_that_is_written_twice_at_once_keeps_what_was_there_before():
    version = counted(3)[-1]
    after = changed(version, [(0, "odd", 8), (0, "odd", ABSENT), (0, "odd", 9)])
    assert Map(version, 0)["odd"] == version.copied(0)["odd"] == 2 and Map(after, 0)["odd"] == 9
    assert changed(version, []).copied(0) == {"odd": 2, "even": 2}


def test_what_a_map_ever_had_is_found_once_from_whichever_version():
    versions, seen = counted(5), set()
    assert versions[4].since(0, seen) == [3, 3, 4, 4]
    assert versions[2].since(0, seen) == [1, 1, 2, 2]
    assert versions[3].since(0, seen) == versions[5].since(0, seen) == []


def test_an_abandoned_version_costs_no_copy():
    """A request that fails half-way has changed a table of a million rows; the next request must not copy the table."""
    version = counted(3)[-1]
    dicts = version._dicts[0]
    for _ in range(10):
        changed(version, [(0, "odd", 99)])
    after = changed(version, [(0, "odd", 100)])
    assert after._dicts[0] is dicts
    assert (Map(version, 0)["odd"], Map(after, 0)["odd"]) == (2, 100)


def test_a_version_that_nobody_keeps_is_gone_without_a_collection():
    gc.disable()
    try:
        first, *_, last = counted(5)
        seen = weakref.ref(first)
        del first
        assert seen() is None and Map(last, 0)["odd"] == 4
    finally:
        gc.enable()


def test_a_version_that_is_kept_does_not_keep_every_change_for_ever(monkeypatch):
    monkeypatch.setattr(versions, "MOST_CHANGES_KEPT", 100)
    kept = newest = changed(Version.empty((0,)), [(0, key, key) for key in range(50)])
    seen = []
    for number in range(1000):
        newest = changed(newest, [(0, number % 50, -1)])
        seen.append(weakref.ref(newest))
    assert sum(each() is not None for each in seen) < 250
    assert dict(Map(kept, 0)) == {key: key for key in range(50)}


def test_a_version_that_is_read_from_far_away_is_near_from_then_on(monkeypatch):
    monkeypatch.setattr(versions, "MOST_CHANGES_KEPT", 100)
    kept, *_, newest = counted(200)
    assert kept._dicts is None
    for _ in range(3):
        assert kept.get(0, "other") is None
    assert kept._dicts == {0: {}} and Map(newest, 0)["odd"] == 199


@pytest.fixture
def hasty_threads():
    """Threads that switch as often as Python allows."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class Interrupting(str):
    """A key whose lookup lets another thread change the map between two steps of the reader."""

    def __new__(cls, text, change):
        found = super().__new__(cls, text)
        found.change = change
        return found

    def __hash__(self):
        self.change()
        return hash(str(self))


def test_a_reader_whom_a_writer_overtakes_sees_its_own_version():
    version = counted(3)[-1]
    after = []
    key = Interrupting("odd", lambda: after.append(changed(version, [(0, "odd", 99)])))
    assert version.get(0, key) == 2 and after[0].get(0, "odd") == 99


@pytest.mark.usefixtures("hasty_threads")
def test_threads_that_share_versions_each_see_their_own(monkeypatch):
    """Readers of old versions, while other threads change forks of them without a common lock."""
    # so that the threads take over the same dicts from each other all the time
    monkeypatch.setattr(versions, "MOST_CHANGES_UNDONE", 10**6)
    base = changed(Version.empty((0,)), [(0, key, 0) for key in range(20)])
    wrong, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            found = [base.get(0, key) for key in range(20)]
            if any(found) or len(Map(base, 0)) != 20 or any(base.copied(0).values()):
                wrong.append(found)

    def write(sign):
        for start in range(5):
            version = base
            for value in range(1, 100):
                version = changed(version, [(0, value % 20, sign * value), (0, sign * 100, value)])
                if version.get(0, value % 20) != sign * value or version.get(0, -sign * 100) is not None:
                    wrong.append((start, sign, value))

    readers = [threading.Thread(target=read) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(sign,)) for sign in (1, -1)]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in readers:
        thread.join()
    assert not wrong
