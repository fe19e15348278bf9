"""A chain on which people trade at random, and whose newest blocks are taken back at random."""

import random
from collections.abc import Callable

from demo.chain import cast
from demo.chain.anvil import Anvil, AnvilError
from demo.chain.scenario import Deployment, deploy_now

#: What a test of this chain takes back at once, at most. The deployment stays.
DEEPEST = 12


class RandomChain:
    """The demo's market on a node that mines by hand; who does what comes from `chance`."""

    def __init__(self, node: Anvil, chance: random.Random) -> None:
        """Deploys the market: 2 seconds."""
        self.node = node
        self.chance = chance
        self.deployment: Deployment = deploy_now(node)
        self.first = self.height()
        self._acts: list[Callable[[], str]] = [
            *[self._honest] * 4,
            *[self._trade] * 3,
            self._large,
            self._sanctioned,
            self._refused,
            self._freeze,
            self._forced,
        ]

    def height(self) -> int:
        """Of the newest block."""
        return int(self.node.rpc("eth_blockNumber"), 16)

    def advance(self, blocks: int) -> None:
        """So many new blocks with some transactions each; some of these are refused."""
        for _ in range(blocks):
            for _ in range(self.chance.randint(0, 4)):
                self.chance.choice(self._acts)()
            self.node.mine()

    def reorganise(self, depth: int) -> int:
        """Take back up to so many blocks; others come in their place. How many it was.

        A third of what was in them comes again, in other blocks.
        """
        depth = min(depth, DEEPEST, self.height() - self.first)
        if depth < 1:
            return 0
        again = self._again(depth)
        try:
            self.node.rpc("anvil_reorg", depth, again)
        except AnvilError:
            self.node.rpc("anvil_reorg", depth, [])  # what came again was not possible there
        return depth

    def _again(self, depth: int) -> list[list[object]]:
        top = self.height()
        found: dict[str, list[object]] = {}
        for number in range(top - depth + 1, top + 1):
            block = self.node.rpc("eth_getBlockByNumber", hex(number), True)
            for one in block["transactions"]:
                if one.get("to") and self.chance.random() < 0.4:
                    call = {"from": one["from"], "to": one["to"], "data": one["input"]}
                    call |= {"gas": one["gas"]}
                    found.setdefault(one["from"], [call, self.chance.randrange(depth)])
        return list(found.values())

    def mark(self) -> str:
        """A transfer in a block of its own, which nothing takes back: its transaction hash."""
        token, address = self.deployment.token, self.deployment.address
        mark = token.transfer(
            address(cast.TREASURY.name), address(cast.HONEST[0].name), token.units(3)
        )
        self.node.mine()
        return mark

    def _transfer(self, sender: str, receiver: str, amount: int) -> str:
        token, address = self.deployment.token, self.deployment.address
        return token.transfer(address(sender), address(receiver), token.units(amount))

    def _investor(self) -> str:
        return self.chance.choice(cast.HONEST).name

    def _honest(self) -> str:
        return self._transfer(self._investor(), self._investor(), self.chance.randint(1, 300))

    def _trade(self) -> str:
        market, token = self.deployment.market, self.deployment.token
        trader = self.chance.choice((*cast.HONEST, *cast.WASH_OWNERS)).name
        act = self.chance.choice((market.buy, market.sell))
        return act(
            self.deployment.address(trader), token.units(self.chance.choice((100, 2_000, 5_000)))
        )

    def _large(self) -> str:
        amount = self.chance.randint(100_000, 150_000)
        return self._transfer(cast.INSTITUTION.name, self._investor(), amount)

    def _sanctioned(self) -> str:
        return self._transfer(cast.SANCTIONED.name, self._investor(), self.chance.randint(1, 1_000))

    def _refused(self) -> str:
        return self._transfer(self._investor(), cast.NON_RESIDENT.name, self.chance.randint(1, 100))

    def _freeze(self) -> str:
        address = self.deployment.address(cast.SUSPECT.name)
        return self.deployment.token.freeze_address(address, frozen=self.chance.random() < 0.5)

    def _forced(self) -> str:
        token, address = self.deployment.token, self.deployment.address
        return token.forced_transfer(
            address(cast.SUSPECT.name), address(self._investor()), token.units(10)
        )


__all__ = ["DEEPEST", "RandomChain"]
