"""The definitions of the figures."""

from __future__ import annotations

import pytest

from analytics.kpis import (
    KPIS,
    PDD_BOUNDS_MS,
    PDD_CLASSES,
    Tally,
    is_effective,
    is_seizure,
    margin_percent,
    pdd_class,
    percentile_s,
)

FIGURES_WITHOUT_DATA = dict.fromkeys(("minutes", "asr", "ner", "acd_s", "pdd_mean_s", "pdd_p95_s"))


def test_no_calls_are_no_data_and_not_zero_per_cent() -> None:
    assert Tally().figures() == {"seizures": 0, "answered": 0, "refused": 0} | FIGURES_WITHOUT_DATA
    assert margin_percent(0, 0) is None


def test_ten_calls_four_answered_and_three_busy_have_asr_40_and_ner_70() -> None:
    tally = Tally(seizures=10, answered=4, effective=7, duration_ms=480_000)
    assert tally.asr == 40.0
    assert tally.ner == 70.0
    assert tally.acd_s == 120.0
    assert tally.minutes == 8.0


def test_seizures_without_an_answer_have_asr_0_and_no_acd() -> None:
    tally = Tally(seizures=3, effective=1)
    assert (tally.asr, tally.acd_s, tally.minutes) == (0.0, None, 0.0)


@pytest.mark.parametrize(
    ("status", "answered", "rang", "effective"),
    [
        (200, True, True, True),
        (486, False, False, True),
        (600, False, False, True),
        (603, False, True, True),
        (480, False, False, True),
        (487, False, True, True),
        (487, False, False, False),
        (404, False, False, False),
        (408, False, True, False),
        (503, False, False, False),
        (500, True, True, True),
    ],
)
def test_the_network_did_its_part(status: int, answered: bool, rang: bool, effective: bool) -> None:
    assert is_effective(status, answered, rang) is effective


def test_a_call_refused_before_any_attempt_is_no_seizure_and_one_refused_after_it_is() -> None:
    assert not is_seizure("fraud.barred", was_attempted=False)
    assert is_seizure("limit.trunk_calls", was_attempted=True)
    assert is_seizure("", was_attempted=False)


def test_a_delay_at_a_bound_belongs_to_the_class_below_it() -> None:
    assert pdd_class(0) == 0
    assert pdd_class(100) == 0
    assert pdd_class(101) == 1
    assert pdd_class(60_000) == PDD_CLASSES - 2
    assert pdd_class(60_001) == PDD_CLASSES - 1


def test_the_percentile_is_interpolated_within_its_class() -> None:
    counts = [0] * PDD_CLASSES
    counts[pdd_class(900)] = 90  # 750 to 1,000 ms
    counts[pdd_class(4_500)] = 10  # 4,000 to 5,000 ms
    assert percentile_s(counts, 0.95) == 4.5
    assert percentile_s(counts, 0.45) == pytest.approx(0.875)
    assert percentile_s([0] * PDD_CLASSES, 0.95) is None


def test_a_percentile_in_the_open_class_is_its_lower_bound() -> None:
    counts = [0] * PDD_CLASSES
    counts[-1] = 1
    assert percentile_s(counts, 0.95) == 60.0


def test_tallies_add_up() -> None:
    one = Tally(2, 1, 2, 1, 1_000, 1, 500, tuple(int(index == 2) for index in range(PDD_CLASSES)))
    both = one + one
    assert both == Tally(4, 2, 4, 2, 2_000, 2, 1_000, tuple(2 * int(index == 2) for index in range(PDD_CLASSES)))
    assert both.pdd_mean_s == 0.5


def test_the_classes_rise_and_every_figure_is_defined() -> None:
    assert list(PDD_BOUNDS_MS) == sorted(set(PDD_BOUNDS_MS))
    assert set(Tally().figures()) <= set(KPIS)
    assert all(kpi.formula and kpi.source and kpi.unit and kpi.key == key for key, kpi in KPIS.items())
    assert KPIS["asr"].definition == (
        "Answer-seizure ratio: answered ÷ seizures × 100; busy and no answer count as failures (ITU-T E.411 and E.425)"
    )
