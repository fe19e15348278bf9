// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A token of ERC-1404, and the rules of one: a list of who may hold it, lock-ups, a largest holding.
/// The owner can move tokens past the rules by switching them off, as badly kept contracts do.
/// Source: ERC-1404, https://github.com/ethereum/EIPs/issues/1404; EIP-20.
contract RestrictedToken {
    uint8 public constant NO_RESTRICTION = 0;
    uint8 public constant RECEIVER_NOT_LISTED = 1;
    uint8 public constant SENDER_LOCKED = 2;
    uint8 public constant HOLDING_TOO_LARGE = 3;
    uint8 public constant BALANCE_TOO_SMALL = 4;

    address public immutable owner;
    uint256 public immutable largestHolding;
    uint256 public totalSupply;
    bool public enforced = true;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => bool) public listed;
    mapping(address => bool) public locked;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event Listed(address indexed holder, bool isListed);
    event Locked(address indexed holder, bool isLocked);

    modifier onlyOwner() {
        require(msg.sender == owner, "only the owner");
        _;
    }

    constructor(uint256 largest) {
        owner = msg.sender;
        largestHolding = largest;
    }

    function detectTransferRestriction(address from, address to, uint256 value)
        public
        view
        returns (uint8)
    {
        if (!listed[to]) return RECEIVER_NOT_LISTED;
        if (locked[from]) return SENDER_LOCKED;
        if (balanceOf[from] < value) return BALANCE_TOO_SMALL;
        if (balanceOf[to] + value > largestHolding) return HOLDING_TOO_LARGE;
        return NO_RESTRICTION;
    }

    function messageForTransferRestriction(uint8 code) public pure returns (string memory) {
        if (code == NO_RESTRICTION) return "no restriction";
        if (code == RECEIVER_NOT_LISTED) return "the receiver is not on the list of holders";
        if (code == SENDER_LOCKED) return "the sender is locked up";
        if (code == HOLDING_TOO_LARGE) return "the receiver would hold too much";
        if (code == BALANCE_TOO_SMALL) return "the sender holds too little";
        return "unknown code";
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return _move(msg.sender, to, value);
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        allowance[from][msg.sender] -= value;
        return _move(from, to, value);
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function mint(address to, uint256 value) external onlyOwner {
        totalSupply += value;
        balanceOf[to] += value;
        emit Transfer(address(0), to, value);
    }

    function list(address holder, bool isListed) external onlyOwner {
        listed[holder] = isListed;
        emit Listed(holder, isListed);
    }

    function lock(address holder, bool isLocked) external onlyOwner {
        locked[holder] = isLocked;
        emit Locked(holder, isLocked);
    }

    /// Leaves the rules as they are, and stops asking them: nothing is logged.
    function enforce(bool isEnforced) external onlyOwner {
        enforced = isEnforced;
    }

    function _move(address from, address to, uint256 value) private returns (bool) {
        if (enforced) {
            uint8 code = detectTransferRestriction(from, to, value);
            require(code == NO_RESTRICTION, messageForTransferRestriction(code));
        }
        balanceOf[from] -= value;
        balanceOf[to] += value;
        emit Transfer(from, to, value);
        return true;
    }
}
