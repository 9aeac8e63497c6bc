"""Searches under way: what they wait for is asked once however many wait, and kept for those who come after."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sip.stack.locating.cache import AnswerCache
from sip.stack.locating.enum import NumberAnswer, find_number
from sip.stack.locating.limits import ENTRIES_MAX, QUESTIONS_MAX, QUESTIONS_PER_SEARCH_MAX
from sip.stack.locating.order import Pick
from sip.stack.locating.records import Answer, Hop, Question
from sip.stack.locating.search import Known, Reach, find_hops
from sip.stack.message.uri import Uri

HopsDone = Callable[[Sequence[Hop]], None]
NumberDone = Callable[[NumberAnswer], None]


class _Search:
    """One search: ``step`` is repeated with all that is known until nothing is missing. This one looks for nothing."""

    __slots__ = ("answers", "open")

    def __init__(self) -> None:
        self.answers: dict[Question, Answer] = {}
        self.open = 0
        """Questions of the latest step still to be answered."""

    def step(self, known: Known) -> list[Question]:
        """Return what is missing."""
        return []

    def finish(self) -> None:
        """Tell what the latest step has found."""

    def give_up(self) -> None:
        """Tell that nothing was found."""


class _HopSearch(_Search):
    __slots__ = ("_done", "_hops", "_pick", "_reach", "_uri")

    def __init__(self, uri: Uri, reach: Reach, pick: Pick, done: HopsDone) -> None:
        super().__init__()
        self._uri = uri
        self._reach = reach
        self._pick = pick
        self._done = done
        self._hops: list[Hop] = []

    def step(self, known: Known) -> list[Question]:
        self._hops, missing = find_hops(self._uri, self._reach, known, self._pick)
        return missing

    def finish(self) -> None:
        self._done(self._hops)

    def give_up(self) -> None:
        self._done(())


class _NumberSearch(_Search):
    __slots__ = ("_answer", "_done", "_number", "_suffix")

    def __init__(self, number: str, suffix: str, done: NumberDone) -> None:
        super().__init__()
        self._number = number
        self._suffix = suffix
        self._done = done
        self._answer = NumberAnswer()

    def step(self, known: Known) -> list[Question]:
        self._answer, missing = find_number(self._number, self._suffix, known)
        return missing

    def finish(self) -> None:
        self._done(self._answer)

    def give_up(self) -> None:
        self._done(NumberAnswer())


class Searches:
    """All searches of one node. ``now`` is monotonic seconds; after each call ask what is in ``questions``."""

    __slots__ = ("_cache", "_now", "_pick", "_to_ask", "_under_way", "reach")

    def __init__(self, reach: Reach, pick: Pick, entries_max: int = ENTRIES_MAX) -> None:
        self.reach = reach
        self._pick = pick
        self._cache = AnswerCache(entries_max)
        self._to_ask: list[Question] = []
        self._under_way = 0
        self._now = 0.0

    def locate(self, uri: Uri, now: float, done: HopsDone) -> None:
        """Find the hops of a URI; ``done`` is called once, before this returns when nothing has to be asked."""
        self._now = now
        self._go_on(_HopSearch(uri, self.reach, self._pick, done))

    def look_up(self, number: str, suffix: str, now: float, done: NumberDone) -> None:
        """Find what ENUM says of an E.164 number; ``done`` as with ``locate``."""
        self._now = now
        self._go_on(_NumberSearch(number, suffix, done))

    def questions(self) -> list[Question]:
        """Return, once, what is to be asked."""
        asking, self._to_ask = self._to_ask, []
        return asking

    def tell(self, question: Question, answer: Answer, ttl_s: float, now: float) -> None:
        """Take the answer of a question that was asked."""
        self._now = now
        self._under_way -= 1
        self._cache.put(question, answer, ttl_s, now)

    def _go_on(self, search: _Search) -> None:
        missing = search.step(lambda question: self._known(search, question))
        if not missing:
            search.finish()
            return
        too_many = len(search.answers) + len(missing) > QUESTIONS_PER_SEARCH_MAX
        if too_many or self._under_way + len(missing) > QUESTIONS_MAX:
            search.give_up()
            return
        search.open = len(missing)
        for question in missing:
            if self._cache.wait(question, lambda: self._answered(search)):
                self._under_way += 1
                self._to_ask.append(question)

    def _known(self, search: _Search, question: Question) -> Answer | None:
        answer = search.answers.get(question)
        if answer is None:
            answer = self._cache.get(question, self._now)
            if answer is not None:
                search.answers[question] = answer
        return answer

    def _answered(self, search: _Search) -> None:
        search.open -= 1
        if search.open == 0:
            self._go_on(search)
