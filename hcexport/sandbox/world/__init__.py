"""What a simulated organization knows and remembers, apart from how it is asked."""

from hcexport.sandbox.options import Options
from hcexport.sandbox.world.history import history
from hcexport.sandbox.world.identity import Accounts, Authorization, ExpiringStore, Refresh, Token
from hcexport.sandbox.world.jobs import Jobs, Uploads
from hcexport.sandbox.world.reports import Reports


class World:
    """One organization."""

    def __init__(self, options: Options) -> None:
        self.options = options
        clock = options.clock
        self.accounts = Accounts(options)
        self.tokens = ExpiringStore[Token](clock)
        self.refreshes = ExpiringStore[Refresh](clock)
        self.sign_ins = ExpiringStore[Authorization](clock)  # begun at the authorize page, and not ended
        self.codes = ExpiringStore[Authorization](clock)  # ended, and not yet exchanged for a token
        self.reports = Reports(lambda: history(options), clock)
        self.jobs = Jobs(clock)
        self.uploads = Uploads(self.jobs.completed)

    def now(self) -> float:
        """Tell the organization's time in seconds since 1970."""
        return self.options.clock()
