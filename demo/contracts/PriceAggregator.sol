// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// An aggregator that says what those of Chainlink say, in their order, without a network of nodes:
/// whoever calls is believed. With a time of observation as OCR 2 has it, without as OCR 1.
/// Source of the events: smartcontractkit/libocr, OffchainAggregator and OCR2Aggregator.
contract PriceAggregator {
    uint8 public immutable decimals;
    uint32 public latestRound;

    event NewTransmission(
        uint32 indexed aggregatorRoundId,
        int192 answer,
        address transmitter,
        int192[] observations,
        bytes observers,
        bytes32 rawReportContext
    );
    event NewTransmission(
        uint32 indexed aggregatorRoundId,
        int192 answer,
        address transmitter,
        uint32 observationsTimestamp,
        int192[] observations,
        bytes observers,
        int192 juelsPerFeeCoin,
        bytes32 configDigest,
        uint40 epochAndRound
    );
    event NewRound(uint256 indexed roundId, address indexed startedBy, uint256 startedAt);
    event AnswerUpdated(int256 indexed current, uint256 indexed roundId, uint256 updatedAt);

    constructor(uint8 digits) {
        decimals = digits;
    }

    /// `observations` in ascending order; the answer is their median. `observed` 0: as OCR 1.
    function transmit(int192[] calldata observations, uint32 observed) external {
        require(observations.length > 0, "no observations");
        int192 median = observations[observations.length / 2];
        uint32 round = ++latestRound;
        bytes memory observers = new bytes(observations.length);
        for (uint256 node = 0; node < observations.length; node++) {
            observers[node] = bytes1(uint8(node));
        }
        if (observed == 0) {
            emit NewTransmission(round, median, msg.sender, observations, observers, 0);
            emit NewRound(round, msg.sender, block.timestamp);
        } else {
            emit NewTransmission(
                round, median, msg.sender, observed, observations, observers, 0, 0, round
            );
            emit NewRound(round, address(0), observed);
        }
        emit AnswerUpdated(median, round, block.timestamp);
    }
}
