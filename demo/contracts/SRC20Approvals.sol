// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface ISRC20Transfers {
    function executeTransfer(address from, address to, uint256 value) external returns (bool);
}

/// SRC-20 transfer rules by which greylisted accounts' transfers wait until an owner approves them
/// (swarmfund/swarm-compliant-contract: ITransferRules, ManualApproval). All others go through.
contract SRC20Approvals {
    struct Request {
        address from;
        address to;
        uint256 value;
    }

    address public immutable owner;
    ISRC20Transfers public immutable token;
    uint256 public requests;
    mapping(uint256 => Request) private waiting;
    mapping(address => bool) public isGreyListed;

    event TransferRequest(uint256 indexed requestNumber, address from, address to, uint256 value);
    event TransferApproval(
        uint256 indexed requestNumber, address indexed from, address indexed to, uint256 value
    );
    event TransferRequestCanceled(
        uint256 indexed requestNumber, address indexed from, address indexed to, uint256 value
    );

    constructor(address tokenAddress) {
        owner = msg.sender;
        token = ISRC20Transfers(tokenAddress);
    }

    function greyList(address account) external {
        require(msg.sender == owner, "Caller not owner");
        isGreyListed[account] = true;
    }

    function doTransfer(address from, address to, uint256 value) external returns (bool) {
        require(msg.sender == address(token), "Caller not token");
        if (!isGreyListed[from] && !isGreyListed[to]) {
            return token.executeTransfer(from, to, value);
        }
        requests++;
        waiting[requests] = Request(from, to, value);
        emit TransferRequest(requests, from, to, value);
        return true;
    }

    function transferApproval(uint256 number) external returns (bool) {
        require(msg.sender == owner, "Caller not owner");
        Request memory request = _take(number);
        emit TransferApproval(number, request.from, request.to, request.value);
        return token.executeTransfer(request.from, request.to, request.value);
    }

    function cancelTransferRequest(uint256 number) external {
        Request memory request = _take(number);
        require(msg.sender == request.from, "Not owner of the transfer request");
        emit TransferRequestCanceled(number, request.from, request.to, request.value);
    }

    function _take(uint256 number) private returns (Request memory request) {
        request = waiting[number];
        require(request.from != address(0), "no such request");
        delete waiting[number];
    }
}
