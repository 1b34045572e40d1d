"""Where and with how much torch computes."""

import torch

from .errors import ModelError


def use_threads(threads: int) -> None:
    """Let torch use this many cores, for all that follows in this process. It decides the last bits of training."""
    torch.set_num_threads(threads)


def device_named(name: str) -> torch.device:
    """ "auto": a GPU where there is one, else the CPU; or any name that torch knows.

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
