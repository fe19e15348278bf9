// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface ITransferRules {
    function doTransfer(address from, address to, uint256 value) external returns (bool);
}

interface ITransferRestrictions {
    function authorize(address from, address to, uint256 value) external view returns (bool);
}

/// Swarm's SRC-20, by its published interfaces (swarmfund/swarm-compliant-contract: ISRC20,
/// ISRC20Managed, IFreezable, IPausable, ISRC20Roles): an owner, a manager that mints and burns,
/// delegates who set the rules, authorities that sign for transfers, and features.
contract SRC20Token {
    string public name;
    string public symbol;
    uint8 public constant decimals = 8;
    uint256 public immutable maxTotalSupply;
    uint256 public totalSupply;
    address public owner;
    address public manager;
    bool public paused;
    bool public frozen;
    ITransferRestrictions public restrictions;
    ITransferRules public rules;
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    mapping(address => bool) public isAccountFrozen;
    mapping(address => bool) public isAuthority;
    mapping(address => bool) public isDelegate;
    mapping(address => uint256) public getTransferNonce;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);
    event RestrictionsAndRulesUpdated(address restrictions, address rules);
    event OwnershipTransferred(address indexed previousOwner, address indexed newOwner);
    event ManagementTransferred(address indexed previousManager, address indexed newManager);
    event AccountFrozen(address indexed account);
    event AccountUnfrozen(address indexed account);
    event TokenFrozen();
    event TokenUnfrozen();
    event Paused(address account);
    event Unpaused(address account);
    event AuthorityAdded(address indexed account);
    event AuthorityRemoved(address indexed account);
    event DelegateAdded(address indexed account);
    event DelegateRemoved(address indexed account);

    modifier onlyOwner() {
        require(msg.sender == owner, "Caller not owner");
        _;
    }

    modifier onlyManager() {
        require(msg.sender == manager, "Caller not manager");
        _;
    }

    modifier onlyDelegate() {
        require(isDelegate[msg.sender], "Caller not delegate");
        _;
    }

    constructor(string memory tokenName, string memory tokenSymbol, uint256 maximum) {
        name = tokenName;
        symbol = tokenSymbol;
        maxTotalSupply = maximum;
        owner = msg.sender;
        emit OwnershipTransferred(address(0), msg.sender);
        manager = msg.sender;
        emit ManagementTransferred(address(0), msg.sender);
        isDelegate[msg.sender] = true;
        emit DelegateAdded(msg.sender);
    }

    // Transfers

    function transfer(address to, uint256 value) external returns (bool) {
        _checked(msg.sender, to);
        if (address(rules) == address(0)) _transfer(msg.sender, to, value);
        else require(rules.doTransfer(msg.sender, to, value), "Transfer failed");
        return true;
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        _checked(from, to);
        allowance[from][msg.sender] -= value;
        emit Approval(from, msg.sender, allowance[from][msg.sender]);
        if (address(rules) == address(0)) _transfer(from, to, value);
        else require(rules.doTransfer(from, to, value), "Transfer failed");
        return true;
    }

    /// With the signature of an authority over the terms of the transfer.
    function transferToken(
        address to,
        uint256 value,
        uint256 nonce,
        uint256 expirationTime,
        bytes32 hash,
        bytes calldata signature
    ) external returns (bool) {
        if (address(restrictions) != address(0)) {
            require(
                restrictions.authorize(msg.sender, to, value), "transferToken restrictions failed"
            );
        }
        require(block.timestamp <= expirationTime, "transferToken params expired");
        require(nonce == getTransferNonce[msg.sender], "transferToken params wrong nonce");
        bytes32 terms =
            keccak256(abi.encodePacked(address(this), msg.sender, to, value, nonce, expirationTime));
        require(terms == hash, "transferToken params bad hash");
        require(isAuthority[_signer(hash, signature)], "transferToken params not authority");
        _checked(msg.sender, to);
        _transfer(msg.sender, to, value);
        return true;
    }

    /// Moves tokens without the holder: a plain Transfer is all that is seen of it.
    function transferTokenForced(address from, address to, uint256 value)
        external
        onlyOwner
        returns (bool)
    {
        _transfer(from, to, value);
        return true;
    }

    /// By the rules, once they decided.
    function executeTransfer(address from, address to, uint256 value) external returns (bool) {
        require(msg.sender == address(rules) || isAuthority[msg.sender], "Caller not authority");
        _transfer(from, to, value);
        return true;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return true;
    }

    // Supply

    function mint(address account, uint256 value) external onlyManager returns (bool) {
        totalSupply += value;
        require(
            maxTotalSupply == 0 || totalSupply <= maxTotalSupply, "trying to mint too many tokens!"
        );
        balanceOf[account] += value;
        emit Transfer(address(0), account, value);
        return true;
    }

    function burn(address account, uint256 value) external onlyManager returns (bool) {
        _burn(account, value);
        return true;
    }

    function burnAccount(address account, uint256 value) external onlyOwner returns (bool) {
        _burn(account, value);
        return true;
    }

    // Features, roles and rules

    function freezeAccount(address account) external onlyOwner {
        isAccountFrozen[account] = true;
        emit AccountFrozen(account);
    }

    function unfreezeAccount(address account) external onlyOwner {
        isAccountFrozen[account] = false;
        emit AccountUnfrozen(account);
    }

    function freezeToken() external onlyOwner {
        frozen = true;
        emit TokenFrozen();
    }

    function unfreezeToken() external onlyOwner {
        frozen = false;
        emit TokenUnfrozen();
    }

    function pause() external onlyOwner {
        paused = true;
        emit Paused(msg.sender);
    }

    function unpause() external onlyOwner {
        paused = false;
        emit Unpaused(msg.sender);
    }

    function addAuthority(address account) external onlyOwner {
        isAuthority[account] = true;
        emit AuthorityAdded(account);
    }

    function removeAuthority(address account) external onlyOwner {
        isAuthority[account] = false;
        emit AuthorityRemoved(account);
    }

    function addDelegate(address account) external onlyOwner {
        isDelegate[account] = true;
        emit DelegateAdded(account);
    }

    function removeDelegate(address account) external onlyOwner {
        isDelegate[account] = false;
        emit DelegateRemoved(account);
    }

    function updateRestrictionsAndRules(address newRestrictions, address newRules)
        external
        onlyDelegate
        returns (bool)
    {
        restrictions = ITransferRestrictions(newRestrictions);
        rules = ITransferRules(newRules);
        emit RestrictionsAndRulesUpdated(newRestrictions, newRules);
        return true;
    }

    function transferManagement(address newManager) external onlyManager {
        emit ManagementTransferred(manager, newManager);
        manager = newManager;
    }

    function transferOwnership(address newOwner) external onlyOwner {
        emit OwnershipTransferred(owner, newOwner);
        owner = newOwner;
    }

    function _checked(address from, address to) private view {
        require(
            !paused && !frozen && !isAccountFrozen[from] && !isAccountFrozen[to],
            "Feature transfer check"
        );
    }

    function _transfer(address from, address to, uint256 value) private {
        require(to != address(0), "Recipient is zero address");
        balanceOf[from] -= value;
        balanceOf[to] += value;
        getTransferNonce[from]++;
        emit Transfer(from, to, value);
    }

    function _burn(address account, uint256 value) private {
        totalSupply -= value;
        balanceOf[account] -= value;
        emit Transfer(account, address(0), value);
    }

    function _signer(bytes32 hash, bytes calldata signature) private pure returns (address) {
        require(signature.length == 65, "transferToken params not authority");
        bytes32 signed = keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", hash));
        return ecrecover(
            signed, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64])
        );
    }
}
