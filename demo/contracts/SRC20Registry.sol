// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

interface ISRC20Supply {
    function mint(address account, uint256 value) external returns (bool);
    function burn(address account, uint256 value) external returns (bool);
}

/// What stands around SRC-20 tokens: their registry with factories and minters, their manager, which
/// mints against a stake, their assets, and the price of the stake. Swarm has a contract for each
/// (swarmfund/swarm-compliant-contract: SRC20Registry, Manager, AssetRegistry, SWMPriceOracle);
/// here one has all of their events.
contract SRC20Registry {
    address public immutable owner;
    mapping(address => bool) public isFactory;
    mapping(address => bool) public isMinter;
    mapping(address => address) public ownerOf;
    mapping(address => uint256) public valueUSD;
    uint256 public numerator = 1;
    uint256 public denominator = 1;

    event FactoryAdded(address account);
    event FactoryRemoved(address account);
    event MinterAdded(address minter);
    event MinterRemoved(address minter);
    event SRC20Created(address token);
    event SRC20Registered(address token, address tokenOwner);
    event SRC20Removed(address token);
    event SRC20SupplyMinted(
        address src20, address swmAccount, uint256 swmValue, uint256 src20Value
    );
    event SRC20SupplyIncreased(address src20, address swmAccount, uint256 srcValue);
    event SRC20SupplyDecreased(address src20, address swmAccount, uint256 srcValue);
    event AssetAdded(
        address indexed src20, bytes32 kyaHash, string kyaUrl, uint256 AssetValueUSD
    );
    event AssetNVAUSDUpdated(address indexed src20, uint256 AssetValueUSD);
    event AssetKYAUpdated(address indexed src20, bytes32 kyaHash, string kyaUrl);
    event UpdatedSWMPriceUSD(
        uint256 oldPriceNumerator,
        uint256 oldPriceDenominator,
        uint256 newPriceNumerator,
        uint256 newPriceDenominator
    );

    modifier onlyOwner() {
        require(msg.sender == owner, "Caller not owner");
        _;
    }

    constructor() {
        owner = msg.sender;
    }

    function addFactory(address account) external onlyOwner {
        isFactory[account] = true;
        emit FactoryAdded(account);
    }

    function removeFactory(address account) external onlyOwner {
        isFactory[account] = false;
        emit FactoryRemoved(account);
    }

    function addMinter(address minter) external onlyOwner {
        isMinter[minter] = true;
        emit MinterAdded(minter);
    }

    function removeMinter(address minter) external onlyOwner {
        isMinter[minter] = false;
        emit MinterRemoved(minter);
    }

    function put(
        address token,
        address tokenOwner,
        bytes32 kyaHash,
        string calldata kyaUrl,
        uint256 value
    ) external onlyOwner {
        ownerOf[token] = tokenOwner;
        valueUSD[token] = value;
        emit SRC20Created(token);
        emit SRC20Registered(token, tokenOwner);
        emit AssetAdded(token, kyaHash, kyaUrl, value);
    }

    function remove(address token) external onlyOwner {
        delete ownerOf[token];
        emit SRC20Removed(token);
    }

    function mintSupply(address token, address account, uint256 stake, uint256 value)
        external
        onlyOwner
    {
        ISRC20Supply(token).mint(account, value);
        emit SRC20SupplyMinted(token, account, stake, value);
    }

    function increaseSupply(address token, address account, uint256 value) external onlyOwner {
        ISRC20Supply(token).mint(account, value);
        emit SRC20SupplyIncreased(token, account, value);
    }

    function decreaseSupply(address token, address account, uint256 value) external onlyOwner {
        ISRC20Supply(token).burn(account, value);
        emit SRC20SupplyDecreased(token, account, value);
    }

    function updateNetAssetValueUSD(address token, uint256 value) external onlyOwner {
        valueUSD[token] = value;
        emit AssetNVAUSDUpdated(token, value);
    }

    function updateKYA(address token, bytes32 kyaHash, string calldata kyaUrl) external onlyOwner {
        emit AssetKYAUpdated(token, kyaHash, kyaUrl);
    }

    function updatePrice(uint256 newNumerator, uint256 newDenominator) external onlyOwner {
        emit UpdatedSWMPriceUSD(numerator, denominator, newNumerator, newDenominator);
        numerator = newNumerator;
        denominator = newDenominator;
    }
}
