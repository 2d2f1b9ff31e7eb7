// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

interface IL1Messenger {
    function sendToL1(bytes calldata message) external returns (bytes32);
}

/// Makes state changes of a known size on L2.
contract Traffic {
    IL1Messenger internal constant MESSENGER = IL1Messenger(0x0000000000000000000000000000000000008008);

    /// Storage slot `i` is `words[i]`.
    uint256[1 << 32] public words;
    mapping(bytes32 key => uint256) public entries;

    error ValueIsZero();

    /// words[start + i] = value + i. A value of 0 is refused: a slot set to 0 would not count as written.
    function write(uint256 start, uint256 count, uint256 value) external {
        if (value == 0) revert ValueIsZero();
        for (uint256 i = 0; i < count; i++) words[start + i] = value + i;
    }

    function setEntry(bytes32 key, uint256 value) external {
        entries[key] = value;
    }

    /// Adds up `count` words: reads without writes.
    function sum(uint256 start, uint256 count) external view returns (uint256 total) {
        for (uint256 i = 0; i < count; i++) total += words[start + i];
    }

    function sendMessages(bytes[] calldata messages) external {
        for (uint256 i = 0; i < messages.length; i++) MESSENGER.sendToL1(messages[i]);
    }
}
