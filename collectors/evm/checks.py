"""What the node says about each transfer of a watched token, at the transfer's own block.

Whether a transfer was permitted depends on the state before its transaction, which a node can't be
asked for (see `check_transfers`). So what permits is asked of the state before the block, at the
block's own time, or a lock-up that ended with it would not have ended. Where
that says no to a transfer that was done, it is asked of the state after the block as well: an
investor may have been registered in the same block. About a refused transfer, which changed
nothing, both states are asked at once. The answers go into the frame as they are; what they mean
together is for the normalizer to say.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence

import structlog
from msgspec import Struct

from collectors.evm.blocks import Header, Log, Transaction
from collectors.evm.check_calls import (
    Question,
    facts,
    is_of_caller,
    message,
    permissions,
    subject,
)
from collectors.evm.check_transfers import Move, MoveReader
from collectors.evm.rpc import RpcClient
from collectors.evm.state_calls import (
    Answer,
    AnswerCache,
    Call,
    Moment,
    Place,
    StateReader,
)
from collectors.evm.watched import Watched
from pipeline.config.checks import RestrictionChecks
from pipeline.evm_payload import BlockState, Check, StateCall, TransferChecks
from pipeline.metrics import SOURCE_CHECK_CALLS
from pipeline.restriction_answers import PERMISSIONS, number, permits, status
from pipeline.units import SECOND

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)

#: Characters of all answers about a block: evidence must not make it too large for a frame.
_MOST_OUTPUT = 2 * 1024 * 1024
#: Seconds in which a node is left alone that took too long, doubled each time.
_FIRST_REST = 1.0
_LONGEST_REST = 60.0


class BlockChecks(Struct, frozen=True):
    """What was asked and answered about the transfers of a block."""

    calls: list[StateCall]
    checks: list[TransferChecks]


class _Table:
    """The calls about one block, each once per state, in the order of their importance."""

    def __init__(self) -> None:
        self.places: dict[tuple[BlockState, Call], int] = {}
        self.answers: dict[BlockState, dict[Call, Answer]] = {"before": {}, "after": {}}
        self.limited: set[tuple[BlockState, Call]] = set()

    def add(
        self, asked: list[tuple[Check, int]], check: Check, state: BlockState, call: Call
    ) -> None:
        """Note that this call answers a check of a transfer."""
        place = self.places.setdefault((state, call), len(self.places))
        asked.append((check, place))

    def calls(self, *, at_parent: bool) -> list[StateCall]:
        """All of them, with answers or why there are none."""
        made: list[StateCall] = []
        size = 0
        for state, call in self.places:
            answer = self.answers[state].get(call)
            size += len(answer.output or "") if answer is not None else 0
            if size > _MOST_OUTPUT:
                answer = Answer(failure="limit")
            if answer is None:
                why = "limit" if (state, call) in self.limited else "failed"
                answer = Answer(failure=why)
            made.append(
                StateCall(
                    state,
                    call.to,
                    call.data,
                    call.sender,
                    answer.output,
                    answer.failure,
                    at_parent and state == "before",
                )
            )
        return made


class RestrictionChecker:
    """Asks one node. It never raises for what the node can't answer; only LinkLost."""

    def __init__(
        self,
        rpc: RpcClient,
        watched: Watched,
        settings: RestrictionChecks,
        cache: AnswerCache,
        source: str,
    ) -> None:
        self._groups = frozenset(settings.ask if settings.enabled else ())
        subjects = [
            subject(address, token, self._groups) for address, token in watched.tokens.items()
        ]
        self._subjects = {one.address: one for one in subjects if one.groups}
        self._moves = MoveReader({one: watched.tokens[one] for one in self._subjects})
        self._reader = StateReader(rpc, cache, batch=settings.batch)
        self._limit = settings.calls_per_block
        self._timeout = settings.timeout / SECOND
        self._endpoint = rpc.endpoint
        self._source = source
        self._told_of_state = False
        self._slow = 0
        self._rests_until = 0.0
        #: By token, whether it has UniversalToken's form of ``canTransferByPartition``.
        self._of_caller: dict[str, bool] = {}

    @property
    def asks_registries(self) -> bool:
        """Whether the identity registry and the compliance contract are among what is asked."""
        return self._groups.issuperset(("verified", "compliance"))

    async def check(
        self,
        header: Header,
        transactions: Sequence[Transaction],
        logs: Sequence[Log],
        failed: Iterable[Transaction],
    ) -> BlockChecks:
        """Ask about the block's transfers, those of ``failed`` among them. Raises LinkLost."""
        moves = self._moves.moves_in(transactions, logs, failed) if header.number else []
        if not moves:
            return BlockChecks([], [])
        table = _Table()
        checks = [
            TransferChecks(move.transaction_hash, move.log_index, move.place, move.preceded)
            for move in moves
        ]
        for move, check in zip(moves, checks, strict=True):
            for name, call in self._permissions(move):
                table.add(check.asked, name, "before", call)
                if move.log_index is None:
                    table.add(check.asked, name, "after", call)
        for move, check in zip(moves, checks, strict=True):
            for name, call in facts(self._subjects[move.token], move):
                table.add(check.asked, name, "after", call)
        loop = asyncio.get_running_loop()
        if loop.time() >= self._rests_until:
            try:
                async with asyncio.timeout(self._timeout):
                    await self._answer(header, table)
                    self._ask_more(moves, checks, table)
                    await self._answer(header, table)
                self._slow = 0
            except TimeoutError:
                self._rest(loop.time())
        calls = table.calls(at_parent=not self._reader.takes_moments)
        self._count(calls, header)
        return BlockChecks(calls, checks)

    def _count(self, calls: Sequence[StateCall], header: Header) -> None:
        outcomes = Counter(call.failure or "answered" for call in calls)
        for outcome, count in outcomes.items():
            SOURCE_CHECK_CALLS.labels(self._source, outcome).inc(count)
        if outcomes["unavailable"] and not self._told_of_state:
            self._told_of_state = True
            _log.warning(
                "the node has no state of a block: transfers there can't be checked",
                endpoint=self._endpoint,
                block=header.number,
                advice="an archive node has the state of all blocks",
            )

    def _permissions(self, move: Move) -> Iterable[Question]:
        questions = permissions(self._subjects[move.token], move)
        if move.partition is None or (form := self._of_caller.get(move.token)) is None:
            return questions
        return [
            (check, call)
            for check, call in questions
            if check != "partition" or is_of_caller(call) == form
        ]

    async def _answer(self, header: Header, table: _Table) -> None:
        """Ask what has no answer yet, as far as the limit allows."""
        moment = Moment(header.number, header.timestamp)
        before = Place(header.number - 1, header.parent, moment)
        after = Place(header.number, header.hash)
        left: dict[BlockState, list[Call]] = {"before": [], "after": []}
        made = sum(len(answers) for answers in table.answers.values())
        for state, call in table.places:
            if call in table.answers[state]:
                continue
            if made >= self._limit:
                table.limited.add((state, call))
                continue
            made += 1
            left[state].append(call)
        asking = [
            self._reader.ask(place, calls, answers)
            for place, calls, answers in (
                (before, left["before"], table.answers["before"]),
                (after, left["after"], table.answers["after"]),
            )
            if calls
        ]
        await asyncio.gather(*asking)

    def _ask_more(
        self, moves: Sequence[Move], checks: Sequence[TransferChecks], table: _Table
    ) -> None:
        """What was refused by the state before, of the state after; and the words for codes."""
        keys = list(table.places)
        #: Whether an answer permits, by its place; the same call is the same check, or its like.
        judged: dict[int, bool | None] = {}
        for move, check in zip(moves, checks, strict=True):
            # A copy only where it grows: mostly all is permitted.
            grown: list[tuple[Check, BlockState, Call]] = []
            for name, place in check.asked:
                if name not in PERMISSIONS:
                    continue
                state, call = keys[place]
                if place not in judged:
                    answer = table.answers[state].get(call)
                    output = None if answer is None else answer.output
                    judged[place] = None if output is None else permits(name, output)
                    if name == "partition" and output is not None and status(name, output):
                        # Of the two forms that the function has, the token has this one.
                        self._of_caller.setdefault(move.token, is_of_caller(call))
                if judged[place] is not False:
                    continue
                if move.log_index is not None:
                    grown.append((name, "after", call))
                if name == "restriction":
                    output = table.answers[state][call].output
                    code = None if output is None else number(output)
                    if code is not None:
                        words = message(move.token, code & 0xFF)
                        grown.append(("restriction-message", state, words))
            for name, state, call in grown:
                table.add(check.asked, name, state, call)

    def _rest(self, now: float) -> None:
        """Leave a node alone that took too long, so that its blocks don't all wait for it."""
        rest = min(_LONGEST_REST, _FIRST_REST * 2**self._slow)
        self._slow += 1
        self._rests_until = now + rest
        _log.warning(
            "the node took too long to answer about transfers",
            endpoint=self._endpoint,
            timeout=self._timeout,
            not_asked_for=rest,
        )
