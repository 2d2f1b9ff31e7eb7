// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IVerifier} from "./IVerifier.sol";

/// The L1 side of one chain: batches are committed, proven and executed in order.
/// What a proof attests depends on `aggregation()`: `recursive` attests the batch, `linked` only that public values link.
contract Rollup {
    enum State { None, Committed, Verified, Executed }

    struct Batch {
        bytes32 root;
        uint64 nextIndex;
        bytes32 messagesHash;
        uint32 records;
        uint32 messages;
        bytes32 commitment;
        State state;
    }

    error Unauthorized(address sender, address expected);
    error VerifierHasNoCode(address verifier);
    error BatchOutOfOrder(uint64 expected, uint64 given);
    error BatchNotCommitted(uint64 number, uint64 totalCommitted);
    error BatchNotProven(uint64 number, uint64 totalVerified);
    error TimestampDecreased(uint64 previous, uint64 given);
    error RootNotCanonical(bytes32 root);
    error NextIndexDecreased(uint64 previous, uint64 given);
    error MessagesLengthInvalid(uint256 length);
    error PublicInputsLength(uint256 expected, uint256 given);
    /// `index` is the position among the compressor's public inputs.
    error WrongPublicInput(uint256 index, bytes32 expected, bytes32 given);
    /// `reason`: the verifier's revert data, empty when it returned false.
    error ProofRejected(uint64 number, bytes reason);

    event BlockCommit(uint256 indexed batchNumber, bytes32 batchHash, bytes32 commitment);
    event BlocksVerification(uint256 previousLastVerifiedBatch, uint256 currentLastVerifiedBatch);
    event BlockExecution(uint256 indexed batchNumber, bytes32 batchHash, bytes32 commitment);
    event ValidatorsSet(address committer, address prover, address executor);

    /// BN254 scalar field.
    uint256 internal constant FIELD = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 internal constant PUBLIC_INPUTS = 12;
    uint256 internal constant MESSAGE_BYTES = 64;

    address public immutable owner;
    address public immutable getVerifier;
    uint64 public immutable chainId;
    /// minor << 32 | patch
    uint64 public immutable getProtocolVersion;
    uint256 public immutable keyset;
    bytes32 public immutable verificationKeyHash;
    string public aggregation;
    string public crs;

    address public committer;
    address public prover;
    address public executor;

    uint64 public getTotalBatchesCommitted;
    uint64 public getTotalBatchesVerified;
    uint64 public getTotalBatchesExecuted;
    uint64 public lastTimestamp;

    mapping(uint64 number => Batch) internal batches;
    /// keccak256 of all the values of a committed batch.
    mapping(uint256 number => bytes32) public storedBatchHash;

    constructor(
        address verifier_,
        uint64 chainId_,
        uint64 packedVersion,
        uint256 keyset_,
        uint256 genesisRoot,
        uint64 genesisNextIndex,
        bytes32 vkHash,
        string memory aggregation_,
        string memory crs_
    ) {
        if (verifier_.code.length == 0) revert VerifierHasNoCode(verifier_);
        if (genesisRoot >= FIELD) revert RootNotCanonical(bytes32(genesisRoot));
        owner = msg.sender;
        committer = prover = executor = msg.sender;
        getVerifier = verifier_;
        chainId = chainId_;
        getProtocolVersion = packedVersion;
        keyset = keyset_;
        verificationKeyHash = vkHash;
        aggregation = aggregation_;
        crs = crs_;
        batches[0] = Batch(bytes32(genesisRoot), genesisNextIndex, sha256(""), 0, 0, bytes32(0), State.Executed);
    }

    modifier only(address expected) {
        if (msg.sender != expected) revert Unauthorized(msg.sender, expected);
        _;
    }

    function setValidators(address committer_, address prover_, address executor_) external only(owner) {
        committer = committer_;
        prover = prover_;
        executor = executor_;
        emit ValidatorsSet(committer_, prover_, executor_);
    }

    /// `messages`: 64 bytes each, tx index (12 bytes), sender (20 bytes), word (32 bytes).
    function commitBatch(
        uint64 number,
        uint64 timestamp,
        bytes32 newRoot,
        uint64 newNextIndex,
        uint32 records,
        bytes calldata messages,
        bytes32 commitment
    ) external only(committer) {
        uint64 previous = getTotalBatchesCommitted;
        if (number != previous + 1) revert BatchOutOfOrder(previous + 1, number);
        if (timestamp < lastTimestamp) revert TimestampDecreased(lastTimestamp, timestamp);
        if (uint256(newRoot) >= FIELD) revert RootNotCanonical(newRoot);
        uint64 oldIndex = batches[previous].nextIndex;
        if (newNextIndex < oldIndex) revert NextIndexDecreased(oldIndex, newNextIndex);
        if (messages.length % MESSAGE_BYTES != 0) revert MessagesLengthInvalid(messages.length);

        Batch memory batch = Batch({
            root: newRoot,
            nextIndex: newNextIndex,
            messagesHash: sha256(messages),
            records: records,
            messages: uint32(messages.length / MESSAGE_BYTES),
            commitment: commitment,
            state: State.Committed
        });
        bytes32 batchHash = keccak256(
            abi.encode(number, timestamp, newRoot, newNextIndex, records, batch.messages, batch.messagesHash, commitment)
        );
        batches[number] = batch;
        storedBatchHash[number] = batchHash;
        lastTimestamp = timestamp;
        getTotalBatchesCommitted = number;
        emit BlockCommit(number, batchHash, commitment);
    }

    function proveBatch(uint64 number, bytes calldata proof, bytes32[] calldata publicInputs) external only(prover) {
        uint64 previous = getTotalBatchesVerified;
        if (number != previous + 1) revert BatchOutOfOrder(previous + 1, number);
        _checkProof(number, proof, publicInputs);
        batches[number].state = State.Verified;
        getTotalBatchesVerified = number;
        emit BlocksVerification(previous, number);
    }

    function executeBatch(uint64 number) external only(executor) {
        uint64 previous = getTotalBatchesExecuted;
        if (number != previous + 1) revert BatchOutOfOrder(previous + 1, number);
        if (number > getTotalBatchesVerified) revert BatchNotProven(number, getTotalBatchesVerified);
        batches[number].state = State.Executed;
        getTotalBatchesExecuted = number;
        emit BlockExecution(number, storedBatchHash[number], batches[number].commitment);
    }

    /// The checks of `proveBatch` for any committed batch, proven already or not. Reverts with the same errors.
    function checkProof(uint64 number, bytes calldata proof, bytes32[] calldata publicInputs)
        external
        view
        returns (bool)
    {
        _checkProof(number, proof, publicInputs);
        return true;
    }

    /// State `None` (0) when there is no such batch. Batch 0 is the genesis.
    function getBatch(uint64 number) external view returns (Batch memory) {
        return batches[number];
    }

    function _checkProof(uint64 number, bytes calldata proof, bytes32[] calldata publicInputs) internal view {
        if (number == 0 || number > getTotalBatchesCommitted) {
            revert BatchNotCommitted(number, getTotalBatchesCommitted);
        }
        _checkPublicInputs(number, publicInputs);
        try IVerifier(getVerifier).verify(proof, publicInputs) returns (bool valid) {
            if (!valid) revert ProofRejected(number, "");
        } catch (bytes memory reason) {
            revert ProofRejected(number, reason);
        }
    }

    /// All but the last of the twelve are known here; the last (`links`) is free for L1.
    function _checkPublicInputs(uint64 number, bytes32[] calldata given) internal view {
        if (given.length != PUBLIC_INPUTS) revert PublicInputsLength(PUBLIC_INPUTS, given.length);
        Batch storage old = batches[number - 1];
        Batch storage batch = batches[number];
        uint256 messagesHash = uint256(batch.messagesHash);
        _same(given, 0, chainId);
        _same(given, 1, number);
        _same(given, 2, getProtocolVersion);
        _same(given, 3, uint256(old.root));
        _same(given, 4, old.nextIndex);
        _same(given, 5, uint256(batch.root));
        _same(given, 6, batch.nextIndex);
        _same(given, 7, messagesHash >> 128);
        _same(given, 8, messagesHash & type(uint128).max);
        _same(given, 9, uint256(batch.records) + (uint256(batch.messages) << 32));
        _same(given, 10, keyset);
    }

    function _same(bytes32[] calldata given, uint256 index, uint256 expected) internal pure {
        if (uint256(given[index]) != expected) revert WrongPublicInput(index, bytes32(expected), given[index]);
    }
}
