"""The sample organisation's calendar and `gongdan policy due` against an independent calendar of China.

Holidays and working days come from PyPI's chinese_calendar, the reckoning is written anew below: nothing of the
product takes part in what is expected.
"""

import os
import pathlib
import random
import subprocess
from datetime import date, datetime, time, timedelta, timezone

import chinese_calendar

ROOT = pathlib.Path(__file__).resolve().parents[2]
GONGDAN = os.environ.get("GONGDAN_SERVER", str(ROOT / "target/debug/gongdan"))
SAMPLE = ROOT / "server/sample/organisation.toml"

CHINA = timezone(timedelta(hours=8))
HOURS = [(time(8, 30), time(12, 0)), (time(13, 30), time(18, 0))]
YEAR = 2026
CASES = 100_000
SEED = 20260101


def stretches(first):
    """The working hours of each day from `first` to the end of the year."""
    day = first
    while day.year == YEAR:
        if chinese_calendar.is_workday(day):
            for begin, end in HOURS:
                yield (
                    datetime.combine(day, begin, CHINA),
                    datetime.combine(day, end, CHINA),
                )
        day += timedelta(days=1)


def expected(start, seconds):
    if seconds == 0:
        return start
    left = timedelta(seconds=seconds)
    for begin, end in stretches(start.date()):
        begin = max(begin, start)
        if begin >= end:
            continue
        if left <= end - begin:
            return begin + left
        left -= end - begin
    return None


def test_deadlines_of_the_office_calendar():
    draw = random.Random(SEED)
    new_year = datetime(YEAR, 1, 1, tzinfo=CHINA)
    cases = []
    while len(cases) < CASES:
        start = new_year + timedelta(seconds=draw.randrange(350 * 86_400))
        seconds = draw.choice([0, 1, draw.randrange(8 * 3_600), draw.randrange(40 * 8 * 3_600)])
        due = expected(start, seconds)
        # What would end next year is not known to either side yet.
        if due is not None:
            cases.append((start, seconds, due))
    asked = "".join(
        f"{start.astimezone(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')} {seconds}\n"
        for start, seconds, _ in cases
    )
    answer = subprocess.run(
        [GONGDAN, "policy", "due", str(SAMPLE), "--calendar", "office"],
        input=asked,
        capture_output=True,
        text=True,
        check=True,
    )
    told = answer.stdout.split("\n")[:-1]
    assert len(told) == CASES
    wrong = [
        (start.isoformat(), seconds, due.isoformat(), got)
        for (start, seconds, due), got in zip(cases, told)
        if due.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ") != got
    ]
    assert wrong == [], f"{len(wrong)} of {CASES}, the first: {wrong[:3]}"


def test_the_comparison_can_fail():
    """A calendar that forgets one make-up day comes out differently."""
    saturday = datetime(YEAR, 10, 10, 9, 0, tzinfo=CHINA)
    assert chinese_calendar.is_workday(date(YEAR, 10, 10))
    assert expected(saturday, 60) == saturday + timedelta(seconds=60)
