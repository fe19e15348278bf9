// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// The prices of all feeds in one contract, with the event of Pyth's; updates aren't proven here.
/// Source: pyth-network/pyth-sdk-solidity, IPythEvents.sol and PythStructs.sol.
contract PythPrices {
    struct Price {
        int64 price;
        uint64 conf;
        int32 expo;
        uint256 publishTime;
    }

    mapping(bytes32 => Price) private newest;

    event PriceFeedUpdate(bytes32 indexed id, uint64 publishTime, int64 price, uint64 conf);

    function update(bytes32 id, int64 price, uint64 conf, int32 expo, uint64 publishTime) external {
        if (publishTime <= newest[id].publishTime) return;
        newest[id] = Price(price, conf, expo, publishTime);
        emit PriceFeedUpdate(id, publishTime, price, conf);
    }

    function getPriceUnsafe(bytes32 id) external view returns (Price memory) {
        return newest[id];
    }
}
