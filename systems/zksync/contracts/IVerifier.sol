// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// The entry point of the verifier contract that `bb write_solidity_verifier` generates.
interface IVerifier {
    /// Returns true for a valid proof. A bad one makes it revert (or, by the interface, return false).
    function verify(bytes calldata proof, bytes32[] calldata publicInputs) external view returns (bool);
}
