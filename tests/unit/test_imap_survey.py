"""Surveys: for how long one is kept, and which never is."""

from __future__ import annotations

from calendar_sync.imap.settings import Login
from calendar_sync.imap.survey import Survey, Surveys

LOGIN = Login("freebusy", "secret")


def test_a_survey_is_kept_for_its_lifetime() -> None:
    """Whoever asks while it is kept gets the same; with no lifetime everybody gets another."""
    for lifetime, same in ((3600.0, True), (0.0, False)):
        surveys = Surveys(lifetime)
        first = surveys.of(LOGIN, Survey)
        assert same == (surveys.of(LOGIN, Survey) is first)


def test_a_survey_is_not_kept_when_it_was_forgotten_under_way() -> None:
    """A folder that shows while a survey is being made may not be in it: the next is made anew."""
    surveys = Surveys(3600.0)

    def overtaken() -> Survey:
        found = Survey()
        surveys.forget()
        return found

    early = surveys.of(LOGIN, overtaken)
    late = surveys.of(LOGIN, Survey)
    assert (False, True) == (late is early, surveys.of(LOGIN, Survey) is late)
