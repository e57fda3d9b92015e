"""Every recording there is, played against `fakekube serve --nodes 0` over TLS."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from . import not_yet, parity
from .recordings import Recording, all_recordings
from .run import Run

SCENARIO_TIMEOUT_S = 900.0


@pytest.fixture(scope="module")
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """All selected scenarios are being played; ask `run.outcomes` for one."""
    cases = [item.callspec for item in request.session.items if hasattr(item, "callspec")]
    playing = Run([case.params["recording"] for case in cases if "recording" in case.params])
    yield playing
    playing.stop()


@pytest.mark.parametrize("recording", all_recordings(), ids=str)
def test_answers_are_those_of_a_real_server(recording: Recording, run: Run) -> None:
    outcome = run.outcomes[recording].result(timeout=SCENARIO_TIMEOUT_S)

    assert not outcome.complaint(), outcome.complaint()


def test_the_list_names_steps_that_exist() -> None:
    steps = {str(each): len(each.scenario["steps"]) for each in all_recordings()}

    strays = {scenario for scenario, listed in not_yet.load().items() if max(listed) > steps.get(scenario, 0)}

    assert not strays


def test_each_recording_has_an_answer_for_each_step() -> None:
    incomplete = [str(each) for each in all_recordings() if len(each.positions) != len(each.golden)]

    assert not incomplete


def test_the_parity_page_is_current() -> None:
    assert parity.current(), "python -m tests.conformance.run --update writes docs/parity.md"


def test_ranges_of_steps_are_read_as_they_are_written() -> None:
    steps = [1, 2, 3, 7, 9, 10]

    assert not_yet.in_words(steps) == "1-3, 7, 9-10"
    assert not_yet.steps_in("1-3, 7, 9-10") == steps
