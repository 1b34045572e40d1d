"""Record a run in Prefect without depending on it: the run goes on if it can no longer be recorded."""

from collections.abc import Callable
from typing import Generic, TypeVar

from httpx import TransportError
from prefect.exceptions import ObjectNotFound, PrefectSignal, TerminationSignal

Outcome = TypeVar("Outcome")


class Recording:
    """Records a run in Prefect for as long as its server accepts it.

    The record can be lost during the run: somebody cancels or deletes it, or the server ends. From then on nothing is
    recorded.
    """

    def __init__(self, note: Callable[[str], None]) -> None:
        """note: called once, when the record is lost."""
        self._note = note
        self._lost = False

    def show(self, record: Callable[[Callable[[], Outcome]], object], work: Callable[[], Outcome]) -> Outcome:
        """Do the work exactly once, inside a Prefect flow or task if possible, and return its result.

        record: calls its argument in a flow or task of Prefect.
        Raises: what the work raises.
        """
        once = _Once(work)
        if not self._lost:
            try:
                record(once)
            except (Exception, PrefectSignal) as error:
                if once.error is None:
                    self._lose(error)
        return once.outcome()

    def tell(self, send: Callable[[], object]) -> None:
        """Send something to Prefect; a failure does not stop the run."""
        if not self._lost:
            try:
                send()
            except (Exception, PrefectSignal) as error:
                self._lose(error)

    def _lose(self, error: BaseException) -> None:
        ending = _what_ends_the_run(error)
        if ending is not None:
            raise ending from None
        if not self._lost:
            self._note(f"Prefect no longer records this run, which goes on: {_reason(error)}")
        self._lost = True


def _what_ends_the_run(error: BaseException) -> BaseException | None:
    """The Ctrl-C or SIGTERM behind an error, if Prefect failed while telling its server of it; else None."""
    before = error.__context__
    while before is not None and not isinstance(before, KeyboardInterrupt | TerminationSignal):
        before = before.__context__
    return before


def _reason(error: BaseException) -> str:
    if isinstance(error, ObjectNotFound):
        return "its server does not know it any more"
    if isinstance(error, TransportError):
        return "its server does not answer (where it was a private one, .prefect/server.log says why)"
    return next(iter(str(error).splitlines()), "") or type(error).__name__


class _Once(Generic[Outcome]):
    """Work that Prefect may call, and that must be done exactly once."""

    def __init__(self, work: Callable[[], Outcome]) -> None:
        self._work = work
        self._returned: list[Outcome] = []
        self.error: BaseException | None = None

    def __call__(self) -> Outcome:
        try:
            self._returned.append(self._work())
        except BaseException as error:
            self.error = error
            raise
        return self._returned[0]

    def outcome(self) -> Outcome:
        """Return the result or raise the error of the work, which is done now if nobody has called it."""
        if self.error is not None:
            raise self.error
        return self._returned[0] if self._returned else self()
