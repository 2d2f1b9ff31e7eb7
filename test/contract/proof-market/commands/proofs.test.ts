/** `market proof push` and `get` on the command line: what is accepted, what is rejected and what that costs, who may have it. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { exampleStatement } from '../../../../systems/proof-market/protocol/proving/example.ts';
import { proveStatement } from '../../../../systems/proof-market/protocol/proving/prove.ts';
import { type MarketKit, openMarketKit, STATEMENT } from './kit.ts';

let kit: MarketKit;
/** Of the input 1, 11. */
let proof: string;
beforeAll(async () => {
  kit = await openMarketKit();
  const { definition } = await exampleStatement();
  proof = await proveStatement({ statementKey: STATEMENT, definition, publicInput: '1\n11', threads: 2 });
  await kit.file('input.json', { input: '1\n11' });
  await kit.file('other.json', { input: '3\n4' });
  // with the line break that an editor adds
  await kit.file('proof.bin', `${proof}\n`);
});
afterAll(() => kit?.[Symbol.asyncDispose]());

interface Order {
  _key: string;
  status: string;
  [field: string]: unknown;
}

let books = 0;
/** A matched pair in a book of its own: nothing else in this file is matched with it. */
async function match(input: string, cost = 2): Promise<{ bid: string; ask: string; subkey: string }> {
  const subkey = `book${books++}`;
  const push = async (line: string): Promise<Order> =>
    (await kit.json<{ order: Order }>(`market ${line} --key ${STATEMENT} --cost ${cost} --subkey ${subkey}`)).order;
  const { _key: bid } = await push(`bid push --file ${input}`);
  const { _key: ask } = await push('ask push');
  expect(await order('ask', ask)).toMatchObject({ status: 'processing', bid_key: bid });
  return { bid, ask, subkey };
}

const order = async (side: 'bid' | 'ask', key: string): Promise<Order> =>
  (await kit.json<{ orders: [Order] }>(`market ${side} get --key ${key}`)).orders[0];
const producer = async (): Promise<{ funds: number; blocked: number; rating: number }> => {
  const { users } = await kit.json<{ users: { user: string; balance: number; blocked: number }[] }>('market user list');
  const { balance = 0, blocked = 0 } = users.find(({ user }) => user === 'producer') ?? {};
  const [row] = await kit.sql(`SELECT rating FROM users WHERE name = 'producer'`);
  return { funds: balance + blocked, blocked, rating: Number(row?.['rating']) };
};

describe('an accepted proof', () => {
  let keys: { bid: string; ask: string };
  let key: string;
  beforeAll(async () => {
    keys = await match('input.json');
    const before = await producer();
    const { stdout } = await kit.run(`market proof push --ask-key ${keys.ask} --file proof.bin`);
    key = /^Proof is pushed and verified, key (\d+)\n$/.exec(stdout)?.[1] ?? '';
    expect(key).not.toBe('');
    const after = await producer();
    expect([after.funds > before.funds, after.rating - before.rating]).toEqual([true, 1]);
  });

  test('completes both orders', async () => {
    const completed = { status: 'completed', proof_key: key, generation_time: expect.any(Number) };
    expect(await order('bid', keys.bid)).toMatchObject(completed);
    expect(await order('ask', keys.ask)).toMatchObject(completed);
  });

  test('is given to its requester: printed, into a file, as a document', async () => {
    expect((await kit.run(`market proof get --bid-key ${keys.bid}`)).stdout).toBe(`${proof}\n`);
    expect((await kit.run(`market proof get -p ${key} -f proofs/got.bin`)).stdout).toBe(
      `Proof is saved to ${join(kit.dir, 'proofs/got.bin')}\n`,
    );
    expect(await readFile(join(kit.dir, 'proofs/got.bin'), 'utf8')).toBe(proof);
    const document = await kit.json<{ proof: object }>(`market proof get --request_key ${keys.bid}`);
    expect(document).toMatchObject({
      proof: { _key: key, bid_key: keys.bid, ask_key: keys.ask, sender: 'producer', proof },
      file: null,
    });
  });

  test('is not given to others, by neither key', async () => {
    await kit.json('market user signup -u stranger');
    expect(await kit.refused(`market proof get --proof-key ${key} --user stranger`)).toEqual({
      exitCode: 2,
      message: `the market answers 403: proof ${key} is not yours: request it to buy it`,
      hint: 'devkit market user list   (who --user can be)',
    });
    expect(await kit.refused(`market proof get --bid-key ${keys.bid} --user stranger`)).toEqual({
      exitCode: 2,
      message: `bid ${keys.bid} has no proof that is yours to see`,
      hint: `devkit market watch ${keys.bid}`,
    });
    // its maker may
    expect((await kit.run(`market proof get --bid-key ${keys.bid} --user producer`)).stdout).toBe(`${proof}\n`);
  });

  test('is taken once', async () => {
    for (const flag of [`--ask-key ${keys.ask}`, `--bid-key ${keys.bid}`, `-a ${keys.ask} -b ${keys.bid}`]) {
      const side = flag.startsWith('--bid') ? `bid ${keys.bid}` : `ask ${keys.ask}`;
      expect(await kit.refused(`market proof push ${flag} --file proof.bin`)).toEqual({
        exitCode: 2,
        message: `the market answers 409: ${side} is completed: proofs are taken for orders that are processing`,
        hint: `devkit market ${side.slice(0, 3)} get`,
      });
    }
  });

  test('is not written over a folder', async () => {
    expect(await kit.refused(`market proof get -p ${key} -f proofs`)).toMatchObject({
      exitCode: 2,
      message: `${join(kit.dir, 'proofs')} cannot be written: it is a folder`,
    });
  });
});

describe('a rejected proof (exit code 7)', () => {
  test.each([
    ['of another input', () => proof, /^the proof is not valid for bid \d+: /],
    ['that is damaged', () => proof.replace(/..$/, (end) => (end === '00' ? '01' : '00')), /^the proof is not valid/],
    ['that is none, in hexadecimal', () => '0xabcd', /^the proof is not valid for bid \d+: /],
  ])('%s: the ask is withdrawn, its deposit lost, the bid open again, the rating lower', async (name, text, said) => {
    const damaged = name === 'that is damaged';
    const { bid, ask } = await match(damaged ? 'input.json' : 'other.json', 3);
    const before = await producer();
    await kit.file('bad.bin', text());
    expect(await kit.refused(`market proof push --ask-key ${ask} --file bad.bin`)).toEqual({
      exitCode: 7,
      message: expect.stringMatching(said),
      hint: 'the ask is withdrawn and its deposit is lost; the bid is open again: devkit market ask push',
    });
    expect(await order('ask', ask)).toMatchObject({ status: 'withdrawn' });
    expect(await order('bid', bid)).toMatchObject({ status: 'created' });
    expect(await order('bid', bid)).not.toHaveProperty('proof_key');
    const after = await producer();
    // ten times the cost of 3
    expect([before.funds - after.funds, before.blocked - after.blocked]).toEqual([30, 30]);
    expect(before.rating - after.rating).toBe(10);
    // too late for the right one
    expect(await kit.refused(`market proof push --ask-key ${ask} --file proof.bin`)).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining(`ask ${ask} is withdrawn`),
    });
  });

  test('the bid is matched again, and proven by another ask', async () => {
    const { bid, ask, subkey } = await match('input.json');
    await kit.file('bad.bin', '0xabcd');
    await kit.refused(`market proof push --ask-key ${ask} --file bad.bin`);
    const { order: second } = await kit.json<{ order: Order }>(
      `market ask push --key ${STATEMENT} --cost 1 --subkey ${subkey}`,
    );
    expect(await order('ask', second._key)).toMatchObject({ status: 'processing', bid_key: bid });
    await kit.json(`market proof push --bid-key ${bid} --file proof.bin`);
    expect(await order('bid', bid)).toMatchObject({ status: 'completed', ask_key: second._key });
  });

  test.each([
    ['a text', 'this is no proof'],
    ['an odd number of digits', '0xabc'],
    ['no prefix', 'abcd'],
    ['nothing', ''],
    ['binary', '\u0000\u0001'],
  ])('a file with %s is no proof: nothing is lost', async (_, text) => {
    const { ask } = await match('other.json');
    const before = await producer();
    await kit.file('none.bin', text);
    expect(await kit.refused(`market proof push --ask-key ${ask} --file none.bin`)).toEqual({
      exitCode: 7,
      message: '"proof" must be hexadecimal text that begins with 0x',
      hint: 'nothing is lost: push the file that the generator wrote',
    });
    expect(await order('ask', ask)).toMatchObject({ status: 'processing' });
    expect(await producer()).toEqual(before);
  });
});

describe('not about the proof (exit code 2)', () => {
  test("somebody else's order, by either key, also with a login from a file", async () => {
    const { bid, ask } = await match('input.json');
    await kit.json('market user signup -u mallory -p secret');
    await kit.file('mallory.json', { username: 'mallory', secret: 'secret' });
    for (const actor of ['--user mallory', '--auth mallory.json', '--user requester']) {
      expect(await kit.refused(`market proof push --ask-key ${ask} --file proof.bin ${actor}`)).toEqual({
        exitCode: 2,
        message: `the market answers 403: ask ${ask} is not yours`,
        hint: 'devkit market user list   (who --user can be)',
      });
    }
    expect(await kit.refused(`market proof push --bid-key ${bid} --file proof.bin --user mallory`)).toMatchObject({
      exitCode: 2,
      message: `the market answers 403: bid ${bid} is matched with an ask that is not yours`,
    });
    expect(await order('ask', ask)).toMatchObject({ status: 'processing' });
  });

  test('two orders that are not matched with each other', async () => {
    const [first, second] = [await match('input.json'), await match('other.json')];
    expect(await kit.refused(`market proof push -a ${first.ask} -b ${second.bid} -f proof.bin`)).toMatchObject({
      exitCode: 2,
      message: `the market answers 400: ask ${first.ask} and bid ${second.bid} are not matched`,
    });
  });

  test('an order without a counterpart', async () => {
    const { order: open } = await kit.json<{ order: Order }>(`market ask push --key ${STATEMENT} --cost 900`);
    expect(await kit.refused(`market proof push --proposal_key ${open._key} --file proof.bin`)).toMatchObject({
      exitCode: 2,
      message: `the market answers 409: ask ${open._key} is created: proofs are taken for orders that are processing`,
    });
  });

  test.each([
    ['push --file proof.bin', 'whose proof is it? give --bid-key or --ask-key', /^devkit market ask get/],
    ['push --ask-key 77 --file proof.bin', 'the market answers 404: ask 77 not found', 'devkit market ask get'],
    ['push --bid-key 77 --file proof.bin', 'the market answers 404: bid 77 not found', 'devkit market bid get'],
    ['push --ask-key 77', '--file is missing', 'devkit market proof push --help'],
    ['push --ask-key x --file proof.bin', '--ask-key takes a key of the market, decimal digits, not "x"', /list them/],
    ['get', 'which proof? give --proof-key or --bid-key', 'devkit market bid get'],
    [
      'get --proof-key 77',
      'the market answers 404: proof 77 not found',
      'devkit market bid get --bid-status completed',
    ],
    ['get --bid-key 77', 'bid 77 has no proof that is yours to see', 'devkit market watch 77'],
  ])('proof %s', async (line, message, hint) => {
    expect(await kit.refused(`market proof ${line}`)).toEqual({
      exitCode: 2,
      message,
      hint: typeof hint === 'string' ? hint : expect.stringMatching(hint),
    });
  });

  test('a file that is not there', async () => {
    expect(await kit.refused('market proof push --ask-key 77 --file none')).toEqual({
      exitCode: 2,
      message: `--file ${join(kit.dir, 'none')}: there is no such file`,
      hint: `ls -l ${kit.dir}`,
    });
  });
});
