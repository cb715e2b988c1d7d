import pytest

from app.engine.bucket import Bucket, Quota


def test_a_bucket_begins_full_and_is_refilled_evenly() -> None:
    bucket = Bucket(60, 0.0)
    assert bucket.left(0.0) == 60
    bucket.add(-60, 0.0)
    assert bucket.wait_s(1, 0.0) == pytest.approx(1.0)
    assert bucket.wait_s(1, 0.0, ahead=3) == pytest.approx(4.0)
    assert bucket.left(10.0) == 10
    assert bucket.left(1000.0) == 60
    assert bucket.full_in_s(1000.0) == 0


def test_more_than_a_minute_s_worth_needs_a_full_bucket() -> None:
    bucket = Bucket(100, 0.0)
    assert bucket.wait_s(5000, 0.0) == 0
    bucket.add(-50, 0.0)
    assert bucket.wait_s(5000, 0.0) == pytest.approx(30.0)


def test_it_may_be_overdrawn_by_a_minute_s_worth() -> None:
    bucket = Bucket(100, 0.0)
    bucket.add(-100_000, 0.0)
    assert bucket.level(0.0) == -100
    assert bucket.left(0.0) == 0
    assert bucket.wait_s(1, 0.0) == pytest.approx(60.6)
    bucket.add(100_000, 0.0)
    assert bucket.level(0.0) == 100


def test_a_clock_that_stands_still_or_goes_back_gives_nothing() -> None:
    bucket = Bucket(60, 100.0)
    bucket.add(-60, 100.0)
    assert bucket.level(50.0) == 0


def test_a_quota_of_zeros_limits_nothing() -> None:
    assert Quota().limits_nothing
    assert not Quota(concurrent=1).limits_nothing
