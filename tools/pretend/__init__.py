"""An accelerator that is only pretended, for machines that have none."""

from tools.pretend.device import Accelerator, Fault

__all__ = ["Accelerator", "Fault"]
