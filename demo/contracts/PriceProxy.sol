// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// The proxy before an aggregator, by the questions that Chainlink's answers, and its phases. The
/// older ones, which most of mainnet's are, say nothing of a change: `silent`.
/// Source: smartcontractkit/libocr, contract/EACAggregatorProxy.sol; newer ones emit the event.
contract PriceProxy {
    address public immutable owner;
    bool public immutable silent;
    uint16 public phaseId;
    mapping(uint16 => address) public phaseAggregators;

    event AggregatorConfirmed(address indexed previous, address indexed latest);

    constructor(address first, bool isSilent) {
        owner = msg.sender;
        silent = isSilent;
        phaseId = 1;
        phaseAggregators[1] = first;
    }

    function aggregator() external view returns (address) {
        return phaseAggregators[phaseId];
    }

    function confirmAggregator(address latest) external {
        require(msg.sender == owner, "only the owner");
        address previous = phaseAggregators[phaseId];
        phaseId += 1;
        phaseAggregators[phaseId] = latest;
        if (!silent) emit AggregatorConfirmed(previous, latest);
    }
}
