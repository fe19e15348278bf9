"""The abuses of funds' dealings, by name."""

from simulation.abusers.fund_stage import FundAbuse
from simulation.abusers.in_funds import late_trading

FUND_ABUSES = {
    one.name: one
    for one in (
        FundAbuse(
            name="late-trading",
            typology="cross_market",
            accepted=("administration", "large_transfers", "concentration", "structuring"),
            source="New York v. Canary Capital, 2003; 17 CFR 270.22c-1",
            market="funds",
            play=late_trading,
            episodes=6,
        ),
    )
}
