// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// The rules of an ERC-1594 and ERC-1410 token, as far as it takes to be asked about transfers. Which
/// of the forms of the drafts it speaks is said when it is deployed:
/// EIP-1594's text has canTransfer return (byte, bytes32), its interface (bool, byte, bytes32);
/// EIP-1410's canTransferByPartition names the source, UniversalToken's takes the caller for it.
/// Source: SecurityTokenStandard/EIP-Spec, eip-1594.md, eip-1410.md and eip-1400.md (status codes).
contract PartitionedToken {
    bytes1 private constant SUCCESS = 0x51;
    bytes1 private constant INSUFFICIENT_BALANCE = 0x52;
    bytes1 private constant INSUFFICIENT_ALLOWANCE = 0x53;
    bytes1 private constant HALTED = 0x54;
    bytes1 private constant INVALID_RECEIVER = 0x57;
    bytes32 private constant UNRESTRICTED = "unrestricted";

    address public immutable owner;
    bool public immutable asInterface;
    bool public immutable ofCaller;
    bool public halted;
    bool public enforced = true;
    /// ERC-1410 doesn't ask for ERC-20: such a token logs what moves by partition alone.
    bool public alsoErc20 = true;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(bytes32 => uint256)) private balances;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => bool) public admitted;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event TransferByPartition(
        bytes32 indexed fromPartition,
        address operator,
        address indexed from,
        address indexed to,
        uint256 value,
        bytes data,
        bytes operatorData
    );

    modifier onlyOwner() {
        require(msg.sender == owner, "only the owner");
        _;
    }

    constructor(bool interfaceForm, bool callerForm) {
        owner = msg.sender;
        asInterface = interfaceForm;
        ofCaller = callerForm;
    }

    function balanceOfByPartition(bytes32 partition, address holder) external view returns (uint256) {
        return balances[holder][partition];
    }

    /// 64 or 96 bytes, as it was deployed: so its answer is put together by hand.
    function canTransfer(address to, uint256 value, bytes calldata data) external view {
        _answer(_judge(msg.sender, msg.sender, to, UNRESTRICTED, value, data));
    }

    function canTransferFrom(address from, address to, uint256 value, bytes calldata data)
        external
        view
    {
        _answer(_judge(msg.sender, from, to, UNRESTRICTED, value, data));
    }

    function canTransferByPartition(
        address from,
        address to,
        bytes32 partition,
        uint256 value,
        bytes calldata data
    ) external view returns (bytes1, bytes32, bytes32) {
        require(!ofCaller);
        return (_judge(from, from, to, partition, value, data), "rule-7", partition);
    }

    function canTransferByPartition(
        bytes32 partition,
        address to,
        uint256 value,
        bytes calldata data
    ) external view returns (bytes1, bytes32, bytes32) {
        require(ofCaller);
        return (_judge(msg.sender, msg.sender, to, partition, value, data), "rule-7", partition);
    }

    function transfer(address to, uint256 value) external returns (bool) {
        return _move(msg.sender, msg.sender, to, UNRESTRICTED, value, "");
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        return _move(msg.sender, from, to, UNRESTRICTED, value, "");
    }

    function transferWithData(address to, uint256 value, bytes calldata data) external {
        _move(msg.sender, msg.sender, to, UNRESTRICTED, value, data);
    }

    function transferByPartition(
        bytes32 partition,
        address to,
        uint256 value,
        bytes calldata data
    ) external returns (bytes32) {
        _move(msg.sender, msg.sender, to, partition, value, data);
        emit TransferByPartition(partition, msg.sender, msg.sender, to, value, data, "");
        return partition;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    function issueByPartition(bytes32 partition, address to, uint256 value) external onlyOwner {
        totalSupply += value;
        balanceOf[to] += value;
        balances[to][partition] += value;
        emit Transfer(address(0), to, value);
    }

    function admit(address holder, bool isAdmitted) external onlyOwner {
        admitted[holder] = isAdmitted;
    }

    function halt(bool isHalted) external onlyOwner {
        halted = isHalted;
    }

    function speakErc20(bool speaks) external onlyOwner {
        alsoErc20 = speaks;
    }

    /// Leaves the rules as they are, and stops asking them: nothing is logged.
    function enforce(bool isEnforced) external onlyOwner {
        enforced = isEnforced;
    }

    /// Who is not admitted may be let in by what comes with the transfer, here the word "admit".
    function _judge(
        address operator,
        address from,
        address to,
        bytes32 partition,
        uint256 value,
        bytes memory data
    ) private view returns (bytes1) {
        if (halted) return HALTED;
        if (!admitted[to] && keccak256(data) != keccak256("admit")) return INVALID_RECEIVER;
        if (balances[from][partition] < value) return INSUFFICIENT_BALANCE;
        if (operator != from && allowance[from][operator] < value) return INSUFFICIENT_ALLOWANCE;
        return SUCCESS;
    }

    function _answer(bytes1 code) private view {
        bytes memory answer = asInterface
            ? abi.encode(code == SUCCESS, code, bytes32(0))
            : abi.encode(code, bytes32(0));
        assembly {
            return(add(answer, 32), mload(answer))
        }
    }

    function _move(
        address operator,
        address from,
        address to,
        bytes32 partition,
        uint256 value,
        bytes memory data
    ) private returns (bool) {
        if (enforced) {
            bytes1 code = _judge(operator, from, to, partition, value, data);
            require(code == SUCCESS, string.concat("0x5", _digit(code)));
        }
        if (operator != from) allowance[from][operator] -= value;
        balanceOf[from] -= value;
        balanceOf[to] += value;
        balances[from][partition] -= value;
        balances[to][partition] += value;
        if (alsoErc20) emit Transfer(from, to, value);
        return true;
    }

    function _digit(bytes1 code) private pure returns (string memory) {
        bytes memory one = new bytes(1);
        one[0] = bytes1(uint8(code & 0x0f) + 48);
        return string(one);
    }
}
