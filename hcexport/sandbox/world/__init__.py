"""The world of the sandbox: what a simulated organization knows and remembers.

It knows accounts, tokens, reports, suites, jobs, upload items and the mode; it does not know paths, parameters or
formats, which are in ``endpoints/``. All times follow from ``Options.clock``, so that a test can move the clock.
"""

from hcexport.sandbox.options import Options
from hcexport.sandbox.world.history import history
from hcexport.sandbox.world.identity import Accounts, Authorization, ExpiringStore, Refresh, Token
from hcexport.sandbox.world.jobs import Jobs, SignedUrls, Uploads
from hcexport.sandbox.world.reports import Reports


class World:
    """One organization."""

    def __init__(self, options: Options) -> None:
        self.options = options
        clock = options.clock
        self.accounts = Accounts(options)
        self.tokens = ExpiringStore[Token](clock)
        self.refreshes = ExpiringStore[Refresh](clock)
        self.sign_ins = ExpiringStore[Authorization](clock)  # begun at the authorize page, not ended
        self.codes = ExpiringStore[Authorization](clock)  # ended, not yet exchanged for a token
        self.reports = Reports(lambda: history(options), clock)
        self.jobs = Jobs(clock)
        self.uploads = Uploads(self.jobs.is_result_known)
        self.signed_urls = SignedUrls(clock)
        self.read_only = options.read_only
        self.read_only_message = "The organization is in read-only mode."

    def now(self) -> float:
        """Return the organization's time in seconds since 1970."""
        return self.options.clock()
