// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// Lives at 0x0000000000000000000000000000000000008008 on L2; interface of the system contract of that address.
contract L1Messenger {
    event L1MessageSent(address indexed _sender, bytes32 indexed _hash, bytes _message);

    /// Sends a message to L1. What the batch carries is its keccak256 hash, which is returned.
    function sendToL1(bytes calldata message) external returns (bytes32 hash) {
        hash = keccak256(message);
        emit L1MessageSent(msg.sender, hash, message);
    }
}
