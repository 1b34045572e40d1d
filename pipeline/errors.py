"""The named errors of a run, so that callers can tell stale from corrupt from unavailable.

Every message names the subject, the value found, the limit and the remedy.
"""


class PipelineError(Exception):
    """Whatever ends a run with one clear message instead of a traceback."""


class SpecError(PipelineError):
    """The run file asks for something that is not possible."""


class DataError(PipelineError):
    """The data set is missing, unreadable or does not fit the run file."""


class StaleError(PipelineError):
    """An existing result was made from other inputs than those asked for now."""


class CorruptError(PipelineError):
    """A file differs from what its receipt says, or is gone."""


class UnavailableError(PipelineError):
    """A machine, a scheduler, a disk or a server that the run needs does not answer or does not suffice."""


class LockedError(PipelineError):
    """Another process works on the same run directory."""


class TaskError(PipelineError):
    """A task of a stage failed; the others that were committed stay."""
