"""All variants, in the order of a run: the reports, the export and its job, the zip, and what stands around them."""

from __future__ import annotations

from .table_access import ACCESS
from .table_files import FILES
from .table_jobs import JOBS
from .table_reports import REPORTS

TABLE = (*REPORTS, *JOBS, *FILES, *ACCESS)
