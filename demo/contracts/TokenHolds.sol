// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface IPartitions {
    function operatorTransferByPartition(
        bytes32 partition,
        address from,
        address to,
        uint256 value,
        bytes calldata data,
        bytes calldata operatorData
    ) external returns (bytes32);
}

/// Holds on tokens of an ERC-1400 token: an amount is promised to a receiver until a notary decides.
/// The holder authorises this contract as operator; the promise itself is kept here. Its events are
/// those of UniversalToken's extension of holds, after EIP-1996.
contract TokenHolds {
    enum Status {
        Nonexistent,
        Ordered,
        Executed,
        ExecutedAndKeptOpen,
        ReleasedByNotary,
        ReleasedByPayee,
        ReleasedOnExpiration
    }

    struct Hold {
        bytes32 partition;
        address sender;
        address recipient;
        address notary;
        uint256 value;
        uint256 expiration;
        Status status;
    }

    mapping(address => mapping(bytes32 => Hold)) public holds;

    event HoldCreated(
        address indexed token,
        bytes32 indexed holdId,
        bytes32 partition,
        address sender,
        address recipient,
        address indexed notary,
        uint256 value,
        uint256 expiration,
        bytes32 secretHash
    );
    event HoldReleased(
        address indexed token, bytes32 holdId, address indexed notary, Status status
    );
    event HoldRenewed(
        address indexed token,
        bytes32 holdId,
        address indexed notary,
        uint256 oldExpiration,
        uint256 newExpiration
    );
    event HoldExecuted(
        address indexed token,
        bytes32 holdId,
        address indexed notary,
        uint256 heldValue,
        uint256 transferredValue,
        bytes32 secret
    );
    event HoldExecutedAndKeptOpen(
        address indexed token,
        bytes32 holdId,
        address indexed notary,
        uint256 heldValue,
        uint256 transferredValue,
        bytes32 secret
    );

    function hold(
        address token,
        bytes32 holdId,
        address recipient,
        address notary,
        bytes32 partition,
        uint256 value,
        uint256 timeToExpiration,
        bytes32 secretHash
    ) external {
        require(holds[token][holdId].status == Status.Nonexistent, "there is such a hold");
        uint256 expiration = timeToExpiration == 0 ? 0 : block.timestamp + timeToExpiration;
        holds[token][holdId] =
            Hold(partition, msg.sender, recipient, notary, value, expiration, Status.Ordered);
        emit HoldCreated(
            token, holdId, partition, msg.sender, recipient, notary, value, expiration, secretHash
        );
    }

    function releaseHold(address token, bytes32 holdId) external {
        Hold storage one = _open(token, holdId);
        if (msg.sender == one.notary) one.status = Status.ReleasedByNotary;
        else if (msg.sender == one.recipient) one.status = Status.ReleasedByPayee;
        else if (one.expiration != 0 && one.expiration <= block.timestamp) {
            one.status = Status.ReleasedOnExpiration;
        } else revert("not yours to release");
        emit HoldReleased(token, holdId, one.notary, one.status);
    }

    function renewHold(address token, bytes32 holdId, uint256 timeToExpiration) external {
        Hold storage one = _open(token, holdId);
        require(msg.sender == one.sender, "not yours to renew");
        uint256 old = one.expiration;
        one.expiration = timeToExpiration == 0 ? 0 : block.timestamp + timeToExpiration;
        emit HoldRenewed(token, holdId, one.notary, old, one.expiration);
    }

    function executeHold(address token, bytes32 holdId, uint256 value, bool keepOpen) external {
        Hold storage one = _open(token, holdId);
        require(msg.sender == one.notary && value <= one.value, "not yours to execute");
        uint256 heldValue = one.value;
        one.value -= value;
        if (keepOpen && value < heldValue) {
            one.status = Status.ExecutedAndKeptOpen;
            emit HoldExecutedAndKeptOpen(token, holdId, one.notary, heldValue, value, 0);
        } else {
            one.status = Status.Executed;
            emit HoldExecuted(token, holdId, one.notary, heldValue, value, 0);
        }
        IPartitions(token).operatorTransferByPartition(
            one.partition, one.sender, one.recipient, value, "", ""
        );
    }

    function _open(address token, bytes32 holdId) private view returns (Hold storage one) {
        one = holds[token][holdId];
        require(
            one.status == Status.Ordered || one.status == Status.ExecutedAndKeptOpen, "no open hold"
        );
    }
}
