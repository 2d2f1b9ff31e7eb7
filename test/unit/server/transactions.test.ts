import { keccak256 } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { expect, test } from 'vitest';
import { readTransaction } from '../../../systems/zksync/components/server/state-keeper/transactions.ts';

const account = privateKeyToAccount(`0x${'11'.repeat(32)}`);
const to = '0x00000000000000000000000000000000000000aa';

test('a signed transaction is read with its sender and fees', async () => {
  const raw = await account.signTransaction({
    type: 'eip1559',
    ...{ chainId: 271, nonce: 4, to, value: 5n, gas: 21_000n, maxFeePerGas: 9n, maxPriorityFeePerGas: 2n },
  });
  expect(await readTransaction(raw, 271)).toEqual({
    hash: keccak256(raw),
    raw,
    initiator: account.address.toLowerCase(),
    ...{ nonce: 4, format: 2, gasLimit: 21_000n, maxFeePerGas: 9n, maxPriorityFeePerGas: 2n, value: 5n, to },
  });
});

test('a legacy transaction has its gas price as both fees', async () => {
  const raw = await account.signTransaction({ type: 'legacy', chainId: 271, nonce: 0, to, gas: 21_000n, gasPrice: 8n });
  expect(await readTransaction(raw, 271)).toMatchObject({ format: 0, maxFeePerGas: 8n, maxPriorityFeePerGas: 8n });
});

test.each([
  ['0x', 'not 0x and hex bytes'],
  ['0x0z', 'not 0x and hex bytes'],
  ['0x03c0', 'transaction type 0x3 is not supported on this chain'],
  ['0x71c0', 'transaction type 0x71 is not supported on this chain'],
  ['0x02c0', 'invalid transaction'],
])('%s is refused: %s', async (raw, reason) => {
  await expect(readTransaction(raw as `0x${string}`, 271)).rejects.toThrow(reason);
});
