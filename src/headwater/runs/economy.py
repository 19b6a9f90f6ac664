"""What a workspace says about money: what runs cost, at which prices, how well it was foreseen."""

from dataclasses import dataclass
from pathlib import Path

from headwater.base.settings import Settings
from headwater.plan.state import Prices
from headwater.runs.accuracy import AccuracyReport, read_accuracy
from headwater.runs.books import prices_in_force
from headwater.runs.calibrate import Calibration, calibrate
from headwater.runs.context import Context
from headwater.runs.costs import By, CostReport, add_up
from headwater.runs.ledger import Charges, Span, read_charges
from headwater.runs.reprice import Offer, PriceDifference, compare_prices
from headwater.runs.stored import StoredReport, read_stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Economy:
    """The ledger of a workspace, priced.

    Attributes:
        context: The world.
        settings: Which prices are in force.
        root: Folder of the project.
    """

    context: Context
    settings: Settings
    root: Path

    @property
    def prices(self) -> Prices | None:
        """The prices in force; None when none is declared.

        Raises:
            HeadwaterError: As ``prices_in_force`` does.
        """
        return prices_in_force(self.settings, self.root)

    def costs(self, span: Span, by: By, *, billed: float | None = None) -> CostReport:
        """Return what the runs of a span cost, added up."""
        return add_up(self.context, span, by, self.prices, billed=billed)

    def charges(self, span: Span) -> Charges:
        """Return the priced ledger of a span, row by row."""
        return read_charges(self.context, span, self.prices)

    def stored(self) -> StoredReport:
        """Return what tables take in storage, and what a month of it costs."""
        return read_stored(self.context, self.prices)

    def repriced(self, span: Span, before: Offer, after: Offer) -> PriceDifference:
        """Return what the runs of a span cost by one offer and by another.

        Raises:
            HeadwaterError: As ``compare_prices`` and ``find_book`` do.
        """
        return compare_prices(self.context, self.root, span, before, after)

    def calibrate(self, machine: str, *, rows: int) -> Calibration:
        """Measure this machine."""
        return calibrate(self.context, machine, rows=rows)

    def accuracy(self, span: Span) -> AccuracyReport:
        """Return how right the predictions of a span were."""
        return read_accuracy(self.context, span)
