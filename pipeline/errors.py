"""The errors of a run, by name, so that callers can tell stale from corrupt from unavailable.

Every message names the subject, the value found, the limit and a remedy.
"""


class PipelineError(Exception):
    """Base of all errors that end a run with one clear message instead of a traceback."""


class SpecError(PipelineError):
    """The run file is invalid, or asks for something impossible."""


class DataError(PipelineError):
    """The data set is missing, unreadable or does not fit the run file."""


class StaleError(PipelineError):
    """An existing result was made from inputs other than those asked for now."""


class CorruptError(PipelineError):
    """A file differs from its receipt, or is missing."""


class UnavailableError(PipelineError):
    """A machine, scheduler, disk or server that the run needs does not respond or is not sufficient."""


class LockedError(PipelineError):
    """Another process is working on the same run directory."""


class TaskError(PipelineError):
    """A task of a stage failed; tasks already committed are kept."""
