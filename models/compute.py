"""Threads and device of torch."""

import torch

from .errors import ModelError


def use_threads(threads: int) -> None:
    """Set torch's number of threads for the rest of this process. The last bits of training depend on it."""
    torch.set_num_threads(threads)


def device_named(name: str) -> torch.device:
    """The device called `name`: "auto" (a GPU if there is one, else the CPU) or any name that torch knows.

    Raises: ModelError for a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f'device is "{name}", which this machine does not have ({str(error).splitlines()[0]}): '
            'write "auto" or "cpu"'
        ) from None
    return device
