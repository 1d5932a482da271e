"""The job pool: coalescing, bounded memory, errors that arrive, cancel that stops."""

import threading

import pytest

from linattn_core.errors import Cancelled, ShapeError
from pages.shared import jobs


@pytest.fixture
def pool() -> jobs.JobPool:
    return jobs.JobPool(kept=2)


def endless(gate: threading.Event):
    """Work that reports progress for ever once `gate` was seen; it can only end by being cancelled."""

    def work(progress):
        gate.set()
        while True:
            progress(0.5, "working")
            threading.Event().wait(0.001)

    return work


def test_a_result_arrives_with_its_progress(pool):
    job = pool.submit("x", lambda progress: progress(0.25, "quarter") or 42, "anna")
    assert job.wait(5)
    assert job.result() == 42
    assert (job.fraction, job.words) == (0.25, "quarter")


def test_equal_requests_share_one_run(pool):
    calls = []
    first = pool.submit("x", lambda _: calls.append(1), "anna")
    second = pool.submit("x", lambda _: calls.append(2), "ben")
    assert first.wait(5)
    third = pool.submit("x", lambda _: calls.append(3), "carla")
    assert first is second is third
    assert calls == [1]


def test_cancel_stops_work_that_would_never_end(pool):
    gate = threading.Event()
    job = pool.submit("x", endless(gate), "anna")
    assert gate.wait(5)
    job.leave("anna")
    assert job.wait(5)
    with pytest.raises(Cancelled, match="cancelled"):
        job.result()
    again = pool.submit("x", lambda _: "new", "anna")
    assert again.wait(5)
    assert again.result() == "new"


def test_one_viewer_leaving_does_not_stop_the_others(pool):
    gate = threading.Event()
    job = pool.submit("x", endless(gate), "anna")
    pool.submit("x", endless(gate), "ben")
    assert gate.wait(5)
    job.leave("anna")
    assert not job.wait(0.05)
    job.leave("ben")
    assert job.wait(5)


def test_a_closed_tab_frees_the_slot(pool, monkeypatch):
    gate = threading.Event()
    job = pool.submit("x", endless(gate), "anna")
    assert gate.wait(5)
    monkeypatch.setattr(jobs, "LEASE", 0.01)  # nobody calls watch() any more
    assert job.wait(5)
    with pytest.raises(Cancelled):
        job.result()


def test_a_users_error_is_kept_and_a_bug_is_not(pool):
    calls = []

    def wrong(_):
        calls.append("wrong")
        raise ShapeError("Z has no columns; give at least one token.")

    def bug(_):
        calls.append("bug")
        raise KeyError("our own")

    for _ in range(2):
        job = pool.submit("wrong", wrong, "anna")
        job.wait(5)
        with pytest.raises(ShapeError):
            job.result()
        job = pool.submit("bug", bug, "anna")
        job.wait(5)
        with pytest.raises(KeyError):
            job.result()
    assert calls == ["wrong", "bug", "bug"]


def test_the_least_recently_used_result_goes_first(pool):
    for key in "abac":
        assert pool.submit(key, lambda _, key=key: key, "anna").wait(5)
    calls = []
    pool.submit("a", lambda _: calls.append("a"), "anna").wait(5)
    pool.submit("b", lambda _: calls.append("b"), "anna").wait(5)
    assert calls == ["b"]


def test_results_are_bounded_in_bytes_too():
    pool = jobs.JobPool(kept=10, kept_bytes=100, weigh=lambda value: 60)
    calls = []
    for key in ("a", "b", "a"):
        pool.submit(key, lambda _, key=key: calls.append(key), "anna").wait(5)
    assert calls == ["a", "b", "a"]


def test_a_waiting_job_knows_how_many_are_before_it(pool):
    gate = threading.Event()
    first = pool.submit("x", endless(gate), "anna")
    assert gate.wait(5)
    second = pool.submit("y", lambda _: 1, "ben")
    third = pool.submit("z", lambda _: 1, "carla")
    assert (pool.ahead(first), pool.ahead(second), pool.ahead(third)) == (0, 1, 2)
    first.leave("anna")
    assert third.wait(5)
    assert pool.ahead(third) == 0
