"""What runs a command of hcexport every day, as text for cron, systemd or Kubernetes. Nothing is installed."""

from __future__ import annotations

from hcexport.schedule.cron import write_crontab
from hcexport.schedule.kubernetes import write_manifests
from hcexport.schedule.request import Request, check
from hcexport.schedule.systemd import write_units

__all__ = ["KINDS", "Request", "write_schedule"]

KINDS = {"cron": write_crontab, "systemd": write_units, "kubernetes": write_manifests}


def write_schedule(request: Request) -> str:
    """The files that run the command each day, one after the other, each headed by its name.

    Raises UsageError for a request that cannot be carried out as it stands.
    """
    check(request)
    return KINDS[request.kind](request)
