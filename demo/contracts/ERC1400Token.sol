// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A token of the whole ERC-1400 family: partitions and operators (ERC-1410), issuance, redemption
/// and validity (ERC-1594), documents (ERC-1643) and controllers (ERC-1644), which is ERC-20 as well.
/// Written from the drafts' texts: SecurityTokenStandard/EIP-Spec, eip-1400.md, eip-1410.md,
/// eip-1594.md, eip-1643.md, eip-1644.md. They and their reference contracts differ in some events;
/// which form this token emits is said when it is deployed.
contract ERC1400Token {
    bytes1 private constant FAILURE = 0x50;
    bytes1 private constant SUCCESS = 0x51;
    bytes1 private constant INSUFFICIENT_BALANCE = 0x52;
    bytes1 private constant INSUFFICIENT_ALLOWANCE = 0x53;
    bytes1 private constant HALTED = 0x54;
    bytes1 private constant LOCKED = 0x55;
    bytes1 private constant INVALID_SENDER = 0x56;
    bytes1 private constant INVALID_RECEIVER = 0x57;
    bytes1 private constant INVALID_OPERATOR = 0x58;
    /// Data of 64 bytes that begins with this names the partition that the tokens go to.
    bytes32 private constant CHANGE_PARTITION = bytes32(type(uint256).max);

    struct Kept {
        string uri;
        bytes32 documentHash;
    }

    string public name;
    string public symbol;
    uint8 public constant decimals = 18;
    /// True emits the reference contracts' forms of IssuedByPartition, RedeemedByPartition and
    /// DocumentUpdated; false those of the text of EIP-1400.
    bool public immutable referenceForms;

    address public immutable owner;
    mapping(address => bool) public isController;
    bool public isControllable = true;
    bool public isIssuable = true;
    bool public halted;
    uint256 public totalSupply;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(bytes32 => uint256)) public balances;
    mapping(address => bytes32[]) private held;
    mapping(bytes32 => uint256) public lockedUntil;
    bytes32[] private defaults;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => mapping(bytes32 => mapping(address => uint256))) public allowanceByPartition;
    mapping(address => mapping(address => bool)) private operators;
    mapping(address => mapping(bytes32 => mapping(address => bool))) private partitionOperators;
    mapping(address => bool) public barred;
    mapping(bytes32 => Kept) private documents;

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
    event ChangedPartition(
        bytes32 indexed fromPartition, bytes32 indexed toPartition, uint256 value
    );
    event AuthorizedOperator(address indexed operator, address indexed tokenHolder);
    event RevokedOperator(address indexed operator, address indexed tokenHolder);
    event AuthorizedOperatorByPartition(
        bytes32 indexed partition, address indexed operator, address indexed tokenHolder
    );
    event RevokedOperatorByPartition(
        bytes32 indexed partition, address indexed operator, address indexed tokenHolder
    );
    event ApprovalByPartition(
        bytes32 indexed partition, address indexed owner, address indexed spender, uint256 value
    );
    event Issued(address indexed operator, address indexed to, uint256 value, bytes data);
    event Redeemed(address indexed operator, address indexed from, uint256 value, bytes data);
    event IssuedByPartition(
        bytes32 indexed partition,
        address indexed operator,
        address indexed to,
        uint256 value,
        bytes data,
        bytes operatorData
    );
    event IssuedByPartition(
        bytes32 indexed partition, address indexed to, uint256 value, bytes data
    );
    event RedeemedByPartition(
        bytes32 indexed partition,
        address indexed operator,
        address indexed from,
        uint256 value,
        bytes operatorData
    );
    event RedeemedByPartition(
        bytes32 indexed partition,
        address indexed operator,
        address indexed from,
        uint256 value,
        bytes data,
        bytes operatorData
    );
    event ControllerTransfer(
        address controller,
        address indexed from,
        address indexed to,
        uint256 value,
        bytes data,
        bytes operatorData
    );
    event ControllerRedemption(
        address controller,
        address indexed tokenHolder,
        uint256 value,
        bytes data,
        bytes operatorData
    );
    event Document(bytes32 indexed name, string uri, bytes32 documentHash);
    event DocumentUpdated(bytes32 indexed name, string uri, bytes32 documentHash);
    event DocumentRemoved(bytes32 indexed name, string uri, bytes32 documentHash);

    modifier onlyOwner() {
        require(msg.sender == owner, "0x58");
        _;
    }

    modifier onlyController() {
        require(isControllable && isController[msg.sender], "0x58");
        _;
    }

    constructor(
        string memory tokenName,
        string memory tokenSymbol,
        address controller,
        bytes32[] memory defaultPartitions,
        bool formsOfReference
    ) {
        name = tokenName;
        symbol = tokenSymbol;
        owner = msg.sender;
        isController[controller] = true;
        defaults = defaultPartitions;
        referenceForms = formsOfReference;
    }

    // ERC-20: of the default partitions, one after the other

    function transfer(address to, uint256 value) external returns (bool) {
        _moveDefaults(msg.sender, msg.sender, to, value, "", "");
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _spend(from, value);
        _moveDefaults(msg.sender, from, to, value, "", "");
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    // ERC-1594

    function transferWithData(address to, uint256 value, bytes calldata data) external {
        _moveDefaults(msg.sender, msg.sender, to, value, data, "");
    }

    function transferFromWithData(address from, address to, uint256 value, bytes calldata data)
        external
    {
        _spend(from, value);
        _moveDefaults(msg.sender, from, to, value, data, "");
    }

    function issue(address holder, uint256 value, bytes calldata data) external onlyOwner {
        require(isIssuable && defaults.length > 0, "0x50");
        _put(defaults[0], holder, value);
        emit Issued(msg.sender, holder, value, data);
        emit Transfer(address(0), holder, value);
    }

    function redeem(uint256 value, bytes calldata data) external {
        _redeemDefaults(msg.sender, msg.sender, value, data);
    }

    function redeemFrom(address holder, uint256 value, bytes calldata data) external {
        _spend(holder, value);
        _redeemDefaults(msg.sender, holder, value, data);
    }

    function canTransfer(address to, uint256 value, bytes calldata)
        external
        view
        returns (bytes1, bytes32)
    {
        return (_judgeDefaults(msg.sender, to, value), 0);
    }

    function canTransferFrom(address from, address to, uint256 value, bytes calldata)
        external
        view
        returns (bytes1, bytes32)
    {
        if (allowance[from][msg.sender] < value) return (INSUFFICIENT_ALLOWANCE, 0);
        return (_judgeDefaults(from, to, value), 0);
    }

    function canTransferByPartition(
        address from,
        address to,
        bytes32 partition,
        uint256 value,
        bytes calldata data
    ) external view returns (bytes1, bytes32, bytes32) {
        return (_judge(partition, from, to, value), 0, _destination(partition, data));
    }

    function finalizeIssuance() external onlyOwner {
        isIssuable = false;
    }

    // ERC-1410

    function balanceOfByPartition(bytes32 partition, address holder)
        external
        view
        returns (uint256)
    {
        return balances[holder][partition];
    }

    function partitionsOf(address holder) external view returns (bytes32[] memory) {
        return held[holder];
    }

    function transferByPartition(
        bytes32 partition,
        address to,
        uint256 value,
        bytes calldata data
    ) external returns (bytes32) {
        return _move(partition, msg.sender, msg.sender, to, value, data, "");
    }

    function operatorTransferByPartition(
        bytes32 partition,
        address from,
        address to,
        uint256 value,
        bytes calldata data,
        bytes calldata operatorData
    ) external returns (bytes32) {
        if (isControllable && isController[msg.sender]) {
            emit ControllerTransfer(msg.sender, from, to, value, data, operatorData);
        } else if (!isOperatorForPartition(partition, msg.sender, from)) {
            require(allowanceByPartition[from][partition][msg.sender] >= value, "0x53");
            allowanceByPartition[from][partition][msg.sender] -= value;
        }
        return _move(partition, msg.sender, from, to, value, data, operatorData);
    }

    function issueByPartition(
        bytes32 partition,
        address holder,
        uint256 value,
        bytes calldata data
    ) external onlyOwner {
        require(isIssuable, "0x50");
        _put(partition, holder, value);
        if (referenceForms) emit IssuedByPartition(partition, holder, value, data);
        else emit IssuedByPartition(partition, msg.sender, holder, value, data, "");
        emit Transfer(address(0), holder, value);
    }

    function redeemByPartition(bytes32 partition, uint256 value, bytes calldata data) external {
        _redeem(partition, msg.sender, msg.sender, value, data, "");
    }

    function operatorRedeemByPartition(
        bytes32 partition,
        address holder,
        uint256 value,
        bytes calldata operatorData
    ) external {
        if (isControllable && isController[msg.sender]) {
            emit ControllerRedemption(msg.sender, holder, value, "", operatorData);
        } else {
            require(isOperatorForPartition(partition, msg.sender, holder), "0x58");
        }
        _redeem(partition, msg.sender, holder, value, "", operatorData);
    }

    function authorizeOperator(address operator) external {
        operators[msg.sender][operator] = true;
        emit AuthorizedOperator(operator, msg.sender);
    }

    function revokeOperator(address operator) external {
        operators[msg.sender][operator] = false;
        emit RevokedOperator(operator, msg.sender);
    }

    function authorizeOperatorByPartition(bytes32 partition, address operator) external {
        partitionOperators[msg.sender][partition][operator] = true;
        emit AuthorizedOperatorByPartition(partition, operator, msg.sender);
    }

    function revokeOperatorByPartition(bytes32 partition, address operator) external {
        partitionOperators[msg.sender][partition][operator] = false;
        emit RevokedOperatorByPartition(partition, operator, msg.sender);
    }

    /// UniversalToken's: an allowance of one partition.
    function approveByPartition(bytes32 partition, address spender, uint256 value)
        external
        returns (bool)
    {
        allowanceByPartition[msg.sender][partition][spender] = value;
        emit ApprovalByPartition(partition, msg.sender, spender, value);
        return true;
    }

    function isOperator(address operator, address holder) public view returns (bool) {
        return operator == holder || operators[holder][operator];
    }

    function isOperatorForPartition(bytes32 partition, address operator, address holder)
        public
        view
        returns (bool)
    {
        return isOperator(operator, holder) || partitionOperators[holder][partition][operator];
    }

    // ERC-1643

    function getDocument(bytes32 document) external view returns (string memory, bytes32) {
        return (documents[document].uri, documents[document].documentHash);
    }

    function setDocument(bytes32 document, string calldata uri, bytes32 documentHash)
        external
        onlyOwner
    {
        documents[document] = Kept(uri, documentHash);
        if (referenceForms) emit DocumentUpdated(document, uri, documentHash);
        else emit Document(document, uri, documentHash);
    }

    function removeDocument(bytes32 document) external onlyOwner {
        Kept memory gone = documents[document];
        delete documents[document];
        emit DocumentRemoved(document, gone.uri, gone.documentHash);
    }

    // ERC-1644: nothing is judged

    function controllerTransfer(
        address from,
        address to,
        uint256 value,
        bytes calldata data,
        bytes calldata operatorData
    ) external onlyController {
        uint256 left = value;
        for (uint256 i = 0; i < defaults.length && left > 0; i++) {
            uint256 part = _least(left, balances[from][defaults[i]]);
            _take(defaults[i], from, part);
            _put(defaults[i], to, part);
            left -= part;
        }
        require(left == 0, "0x52");
        emit ControllerTransfer(msg.sender, from, to, value, data, operatorData);
        emit Transfer(from, to, value);
    }

    function controllerRedeem(
        address holder,
        uint256 value,
        bytes calldata data,
        bytes calldata operatorData
    ) external onlyController {
        _takeDefaults(holder, value);
        emit ControllerRedemption(msg.sender, holder, value, data, operatorData);
        emit Transfer(holder, address(0), value);
    }

    function finalizeControllable() external onlyOwner {
        isControllable = false;
    }

    // The rules of this token

    function halt(bool isHalted) external onlyOwner {
        halted = isHalted;
    }

    function lock(bytes32 partition, uint256 until) external onlyOwner {
        lockedUntil[partition] = until;
    }

    function bar(address holder, bool isBarred) external onlyOwner {
        barred[holder] = isBarred;
    }

    function _judge(bytes32 partition, address from, address to, uint256 value)
        private
        view
        returns (bytes1)
    {
        if (halted) return HALTED;
        if (lockedUntil[partition] > block.timestamp) return LOCKED;
        if (barred[from]) return INVALID_SENDER;
        if (to == address(0) || barred[to]) return INVALID_RECEIVER;
        if (balances[from][partition] < value) return INSUFFICIENT_BALANCE;
        return SUCCESS;
    }

    function _judgeDefaults(address from, address to, uint256 value)
        private
        view
        returns (bytes1)
    {
        uint256 left = value;
        for (uint256 i = 0; i < defaults.length; i++) {
            uint256 part = _least(left, balances[from][defaults[i]]);
            bytes1 code = _judge(defaults[i], from, to, part);
            if (code != SUCCESS) return code;
            left -= part;
            if (left == 0) return SUCCESS;
        }
        return left == 0 ? FAILURE : INSUFFICIENT_BALANCE;
    }

    function _demand(bytes1 code) private pure {
        bytes memory text = "0x50";
        text[3] = bytes1(uint8(code & 0x0f) + 48);
        require(code == SUCCESS, string(text));
    }

    // Balances

    function _moveDefaults(
        address operator,
        address from,
        address to,
        uint256 value,
        bytes memory data,
        bytes memory operatorData
    ) private {
        _demand(_judgeDefaults(from, to, value));
        uint256 left = value;
        for (uint256 i = 0; i < defaults.length && left > 0; i++) {
            uint256 part = _least(left, balances[from][defaults[i]]);
            if (part > 0) _move(defaults[i], operator, from, to, part, data, operatorData);
            left -= part;
        }
    }

    function _move(
        bytes32 partition,
        address operator,
        address from,
        address to,
        uint256 value,
        bytes memory data,
        bytes memory operatorData
    ) private returns (bytes32 destination) {
        _demand(_judge(partition, from, to, value));
        destination = _destination(partition, data);
        _take(partition, from, value);
        _put(destination, to, value);
        emit TransferByPartition(partition, operator, from, to, value, data, operatorData);
        if (destination != partition) emit ChangedPartition(partition, destination, value);
        emit Transfer(from, to, value);
    }

    function _redeemDefaults(address operator, address holder, uint256 value, bytes memory data)
        private
    {
        require(!halted, "0x54");
        _takeDefaults(holder, value);
        emit Redeemed(operator, holder, value, data);
        emit Transfer(holder, address(0), value);
    }

    function _redeem(
        bytes32 partition,
        address operator,
        address holder,
        uint256 value,
        bytes memory data,
        bytes memory operatorData
    ) private {
        require(!halted, "0x54");
        require(balances[holder][partition] >= value, "0x52");
        _take(partition, holder, value);
        if (referenceForms) {
            emit RedeemedByPartition(partition, operator, holder, value, data, operatorData);
        } else {
            emit RedeemedByPartition(partition, operator, holder, value, operatorData);
        }
        emit Transfer(holder, address(0), value);
    }

    function _takeDefaults(address holder, uint256 value) private {
        uint256 left = value;
        for (uint256 i = 0; i < defaults.length && left > 0; i++) {
            uint256 part = _least(left, balances[holder][defaults[i]]);
            _take(defaults[i], holder, part);
            left -= part;
        }
        require(left == 0, "0x52");
    }

    function _take(bytes32 partition, address holder, uint256 value) private {
        balances[holder][partition] -= value;
        balanceOf[holder] -= value;
        totalSupply -= value;
    }

    function _put(bytes32 partition, address holder, uint256 value) private {
        require(holder != address(0), "0x57");
        if (balances[holder][partition] == 0 && value > 0) _hold(partition, holder);
        balances[holder][partition] += value;
        balanceOf[holder] += value;
        totalSupply += value;
    }

    function _hold(bytes32 partition, address holder) private {
        bytes32[] storage list = held[holder];
        for (uint256 i = 0; i < list.length; i++) {
            if (list[i] == partition) return;
        }
        list.push(partition);
    }

    function _spend(address from, uint256 value) private {
        require(allowance[from][msg.sender] >= value, "0x53");
        allowance[from][msg.sender] -= value;
    }

    function _destination(bytes32 partition, bytes memory data) private pure returns (bytes32) {
        if (data.length != 64) return partition;
        (bytes32 flag, bytes32 destination) = abi.decode(data, (bytes32, bytes32));
        return flag == CHANGE_PARTITION ? destination : partition;
    }

    function _least(uint256 one, uint256 other) private pure returns (uint256) {
        return one < other ? one : other;
    }
}
