"""An accelerator that is only pretended, for machines that have none."""

from tests.pretend.device import Accelerator, Fault

__all__ = ["Accelerator", "Fault"]
