"""An oracle's answer that a party pushed, and the alert on it."""

from msgspec import Struct, field

from detections.alerting.findings import Finding, Witness
from detections.alerting.wording import amount, lapse, percent
from detections.float_sum import float_sum
from detections.markets.price_pressure import Push, moved, put_in_place
from detections.money import least
from detections.rounding import reaches
from pipeline.units import MINUTE

MOST_PUSHES = 300
#: How sure each way makes it that the party gains: before it is calibrated on labelled data.
HELD, TAKEN_OUT, REVERSED = 0.7, 0.65, 0.4
_BEYOND, _BOTH, _FELL_BACK = 0.25, 0.1, 0.05


class Answer(Struct, frozen=True, array_like=True):
    """What an oracle said."""

    timestamp: int
    price: float
    feed: str
    witness: Witness
    currency: str = ""
    """Of the price."""


class Episode(Struct):
    """A push that an answer followed."""

    began: int
    answered: int
    rising: bool
    before: Answer
    after: Answer
    total: float
    """What all took on that side before the newest of its answers."""
    share: float
    markets: list[str]
    peaks: list[tuple[float, float]]
    """Of each market: the price before, and the farthest since."""
    pushes: list[Push]
    gain: float = 0.0
    told_gain: float = -1.0
    taken: float = 0.0
    takings: list[Witness] = field(default_factory=list[Witness])
    reversed: bool = False
    alerts: int = 0

    @property
    def sign(self) -> float:
        return 1.0 if self.rising else -1.0

    def revise(self, was: Push | None, now: Push | None, more: float) -> bool:
        """A push was taken back, or is another now, and all together took so much more; whether
        that concerns it."""
        ours = was is not None and put_in_place(self.pushes, was, now)
        self.total = max(0.0, self.total + more)
        return ours or more != 0

    def stands(self, push: int, dominance: float, part: float) -> bool:
        """Whether its party still pushed: as when the newest answer came, of what is left."""
        found = moved(self.pushes, self.answered - push, self.answered, self.sign)
        quantity = float_sum(one[0] for one in found.values())
        if not quantity or not self.total or not reaches(quantity / self.total, dominance):
            return False
        asked = part * abs(self.after.price / self.before.price - 1)
        left = [
            (market, (found[market][1], peak[1]))
            for market, peak in zip(self.markets, self.peaks, strict=True)
            if market in found
            and reaches(self.sign * (found[market][2] / found[market][1] - 1), asked)
        ]
        self.markets, self.peaks = [one for one, _ in left], [peak for _, peak in left]
        self.share, self.began = min(1.0, quantity / self.total), self.pushes[0].timestamp
        return bool(left)


def episode_finding(
    token: str,
    party: str,
    episode: Episode,
    gain: float,
    sure: float,
    asked: float,
    more: list[Witness],
) -> Finding:
    """The alert. `sure` is one of HELD, TAKEN_OUT and REVERSED, `asked` the least move."""
    before, after = episode.before, episode.after
    move = after.price / before.price - 1
    did = "bought" if episode.rising else "sold"
    how: list[str] = []
    notable = least(1.0, after.currency)
    if episode.gain >= notable:
        how.append(f"{amount(round(episode.gain, 2))} won on a position in another market")
    if episode.taken >= notable:
        how.append(f"{amount(round(episode.taken, 2))} taken out")
    if episode.reversed:
        how.append("the market fell back by half or more")
    count = len(episode.markets)
    markets = "1 market" if count == 1 else f"{count} markets"
    confidence = sure + _BEYOND * min(1.0, (abs(move) / asked - 1) / 9)
    confidence += _BOTH * (episode.gain > 0 and episode.taken > 0)
    confidence += _FELL_BACK * (episode.reversed and sure != REVERSED)
    seen = [
        before.witness,
        after.witness,
        *(one.witness for one in episode.pushes),
        *episode.takings,
        *more,
    ]
    known = {one.id: one for one in seen}
    return Finding(
        entities=tuple(dict.fromkeys((party, token, after.feed, *episode.markets))),
        reason=(
            f"{party} {did} {percent(episode.share)} of all {token} that was taken within "
            f"{lapse(after.timestamp - episode.began)} on {markets}, and the oracle {after.feed} "
            f"went from {amount(before.price)} to {amount(after.price)} "
            f"({'+' if move > 0 else '-'}{percent(abs(move))}): {', '.join(how)}"
        ),
        witnesses=tuple(sorted(known.values(), key=lambda one: (one.timestamp, one.id))),
        confidence=min(1.0, confidence),
        metrics={
            "oracle_move": move,
            "share": episode.share,
            "markets": float(count),
            "gain": gain,
            "position_gain": episode.gain,
            "taken_out": episode.taken,
            "reversed": float(episode.reversed),
            "minutes": (after.timestamp - episode.began) / MINUTE,
            "alert_of_series": float(episode.alerts),
        },
    )
