/** `market bid|ask|request|proposal …`, `market book` and `market watch` on the command line. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type MarketKit, openMarketKit } from './kit.ts';

let kit: MarketKit;
beforeAll(async () => {
  kit = await openMarketKit();
  await kit.file('input.json', { input: '1\n11' });
});
afterAll(() => kit?.[Symbol.asyncDispose]());

interface Order {
  _key: string;
  _id: string;
  status: string;
  [field: string]: unknown;
}

const push = async (line: string): Promise<Order> => (await kit.json<{ order: Order }>(`market ${line}`)).order;
const get = async (line: string): Promise<Order[]> => (await kit.json<{ orders: Order[] }>(`market ${line}`)).orders;
/** Prices at which nothing else in this file is matched. */
const BID = 'bid push --key 32326 --cost 0.001 --file input.json';
const ASK = 'ask push --key 32326 --cost 700';

describe('push, get and withdraw', () => {
  test('a bid with all that it can say, read back, taken out of the book', async () => {
    const bid = await push(`${BID} --generation-time 30 --wait-period 1.5 --subkey part1`);
    expect(bid).toMatchObject({
      statement_key: '32326',
      statement_subkey: 'part1',
      cost: 0.001,
      eval_time: 30,
      wait_period: 1.5,
      input: { input: '1\n11' },
      sender: 'requester',
      status: 'created',
    });
    expect(await get(`bid get --key ${bid._key}`)).toEqual([bid]);
    expect((await kit.run(`market bid withdraw --key ${bid._key}`)).stdout).toBe(`bid ${bid._key}: withdrawn\n`);
    expect(await get(`bid get --key ${bid._key}`)).toMatchObject([{ status: 'withdrawn' }]);
  });

  test.each([
    ['bid', `${BID}`, 'bid_key'],
    ['request', BID.replace('bid', 'request'), 'request_key'],
    ['ask', ASK, 'ask_key'],
    ['proposal', ASK.replace('ask', 'proposal'), 'proposal_key'],
  ])('%s: in its own words, under its own name', async (name, line) => {
    const { stdout } = await kit.run(`market ${line}`);
    // as the scripts print it
    expect(stdout).toMatch(new RegExp(`^Limit ${name}:\\t \\{\\n`));
    const order = JSON.parse(stdout.slice(stdout.indexOf('{'))) as Order;
    expect(order._id).toBe(`${name}/${order._key}`);
    expect(await get(`${name} get --${name}-status created --limit 1`)).toMatchObject([{ _key: order._key }]);
    expect((await kit.run(`market ${name} withdraw --key ${order._key}`)).stdout).toBe(
      `${name} ${order._key}: withdrawn\n`,
    );
  });

  test('the flags as the scripts spell them', async () => {
    const { stdout, stderr, exitCode } = await kit.run(`market ${BID} --generation_time 7 --wait_period 8`);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout.slice(stdout.indexOf('{')))).toMatchObject({ eval_time: 7, wait_period: 8 });
    expect(stderr).toContain('--generation_time is an old spelling of --generation-time');
    const listed = await kit.run('market bid get --bid_status withdrawn');
    expect(listed.stderr).toContain('--bid_status is an old spelling of --bid-status');
  });

  test('numbers that a double does not hold stay what they are', async () => {
    const large = '28948022309329048855892746252171976963363056481941560715954676764349967630336';
    await kit.file('large.json', `[{"field":${large}},{"field":3}]`);
    const { stdout, exitCode } = await kit.run(
      'market bid push --key 32326 --cost 0.001 --file large.json --subkey large',
    );
    expect([exitCode, stdout]).toEqual([0, expect.stringContaining(`"field": ${large}\n`)]);
    const { _key } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as Order;
    await kit.json(`market bid input --key ${_key} --output large-out.json`);
    expect(await readFile(join(kit.dir, 'large-out.json'), 'utf8')).toBe(`[{"field":${large}},{"field":3}]\n`);
  });

  test('a list as a table, of the status that is asked for', async () => {
    await push(BID);
    await push(BID);
    const { stdout } = await kit.run('market bid get --bid-status created --limit 2');
    const [head, ...rows] = stdout.trimEnd().split('\n');
    expect(head?.split(/ {2,}/)).toEqual(['key', 'sender', 'statement', 'cost', 'status']);
    expect(rows.map((row) => row.split(/ {2,}/).slice(1))).toEqual([
      ['requester', '32326', '0.001', 'created'],
      ['requester', '32326', '0.001', 'created'],
    ]);
  });
});

describe('a match', () => {
  test('is seen by both, in the words that are asked in; the book and watch show what is open', async () => {
    const bid = await push('bid push --key 32326 --cost 5 --file input.json --subkey pair');
    const ask = await push('proposal push --key 32326 --cost 4 --subkey pair');
    // as every new order; what it is matched with is read back
    expect(ask.status).toBe('created');
    expect(await get(`proposal get --key ${ask._key}`)).toMatchObject([
      { _id: `proposal/${ask._key}`, status: 'processing', request_key: bid._key },
    ]);
    expect(await get(`request get --key ${bid._key}`)).toMatchObject([
      { _id: `request/${bid._key}`, status: 'processing', proposal_key: ask._key },
    ]);
    const { stdout } = await kit.run('market bid get --bid-status processing --limit 5');
    expect(JSON.parse(stdout)).toMatchObject({ _key: bid._key, ask_key: ask._key });
    // it is too late to withdraw either
    expect(await kit.refused(`market bid withdraw --key ${bid._key}`)).toEqual({
      exitCode: 2,
      message: `the market answers 409: bid ${bid._key} is processing: only an order that is created can be withdrawn`,
      hint: 'devkit market bid get',
    });
  });

  test('watch follows an order with its counterpart, and ends with exit code 5 when it is withdrawn', async () => {
    const bid = await push(BID);
    await kit.json(`market bid withdraw --key ${bid._key}`);
    const { exitCode, stdout } = await kit.run(`market watch ${bid._key}`);
    expect(exitCode).toBe(5);
    expect(stdout).toMatch(
      new RegExp(`^\\d\\d:\\d\\d:\\d\\d bid ${bid._key} of requester, statement 32326, cost 0.001: withdrawn\\n$`),
    );
  });

  test('the book: levels by price, how many of them are yours', async () => {
    await push('ask push --key 32326 --cost 801.2');
    await push('ask push --key 32326 --cost 801.4');
    const book = await kit.json<{ proposals: object[] }>('market book --user producer --price-step 1');
    expect(book.proposals).toContainEqual({ cost: 801, eval_time: null, ordersAmount: 2, userOrdersAmount: 2 });
    const others = await kit.json<{ proposals: object[] }>('market book --price-step 1');
    expect(others.proposals).toContainEqual({ cost: 801, eval_time: null, ordersAmount: 2, userOrdersAmount: 0 });
    expect((await kit.run('market book 32326')).stdout).toMatch(/^ask {2,}801\.4 {2,}1 {2,}0/m);
  });
});

describe('the public input of a bid', () => {
  test.each([
    ['as-sent', { input: '1\n11' }],
    ['lines', { input: '1\n11' }],
    ['typed', [{ field: '1' }, { field: '11' }]],
  ])('as %s', async (form, wanted) => {
    const { _key } = await push(BID);
    const { stdout } = await kit.run(`market bid input -k ${_key} -o inputs/${form}.json --form ${form}`);
    const file = join(kit.dir, 'inputs', `${form}.json`);
    expect(stdout).toBe(`the public input of bid ${_key} is in ${file}\n`);
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual(wanted);
  });

  test('a folder is no file', async () => {
    const { _key } = await push(BID);
    expect(await kit.refused(`market bid input -k ${_key} -o inputs`)).toEqual({
      exitCode: 2,
      message: `${join(kit.dir, 'inputs')} cannot be written: it is a folder`,
      hint: 'another path',
    });
    expect(await kit.refused(`market bid input -k ${_key} -o input.json/x`)).toMatchObject({
      exitCode: 2,
      message: `${join(kit.dir, 'input.json/x')} cannot be written: a part of it is a file`,
    });
  });
});

describe('refused with one line', () => {
  const MEND = 'mend that, then the same command again';

  test.each([
    ['0', '--cost takes a number above 0, not "0"'],
    ['-1', '--cost takes a number above 0, not "-1"'],
    ['NaN', '--cost takes a number above 0, not "NaN"'],
    ['Infinity', '--cost takes a number above 0, not "Infinity"'],
    ['1e400', '--cost takes a number above 0, not "1e400"'],
    ['2;ls', '--cost takes a number above 0, not "2;ls"'],
    ['two', '--cost takes a number above 0, not "two"'],
    ['', '--cost takes a number above 0, not ""'],
  ])('the cost %j', async (cost, message) => {
    for (const name of ['bid', 'ask', 'request', 'proposal']) {
      const line = ['market', name, 'push', '--key', '32326', `--cost=${cost}`];
      expect(await kit.refused(line)).toEqual({ exitCode: 2, message, hint: 'e.g. --cost 2.5' });
    }
  });

  test.each([
    ['more than the market takes', '999999999999999', '"cost" must be a number above 0 and at most 1000000000000'],
    ['more than the user has', '1000001', expect.stringContaining('requester')],
  ])('%s', async (_, cost, said) => {
    const { exitCode, message } = await kit.refused(`market bid push --key 32326 --cost ${cost} --file input.json`);
    expect([exitCode, message.replace(/^the market answers 400: /, '')]).toEqual([2, said]);
  });

  test.each(['bid', 'ask', 'request', 'proposal'])('an unknown statement, %s', async (name) => {
    expect(await kit.refused(`market ${name} push --key 77 --cost 2`)).toEqual({
      exitCode: 2,
      message: 'the market answers 404: statement 77 not found',
      hint: 'devkit market statement list',
    });
  });

  test.each(['bid', 'ask', 'request', 'proposal'])('an unknown order, %s', async (name) => {
    const refused = {
      exitCode: 2,
      message: `the market answers 404: ${name} 77 not found`,
      hint: `devkit market ${name} get`,
    };
    expect(await kit.refused(`market ${name} get --key 77`)).toEqual(refused);
    expect(await kit.refused(`market ${name} withdraw --key 77`)).toEqual(refused);
  });

  test('an order of the other side', async () => {
    const { _key } = await push(ASK);
    expect(await kit.refused(`market bid get --key ${_key}`)).toMatchObject({
      exitCode: 2,
      message: `the market answers 404: bid ${_key} not found`,
    });
  });

  test("somebody else's order, and one that is withdrawn already", async () => {
    const { _key } = await push(BID);
    expect(await kit.refused(`market bid withdraw --key ${_key} --user producer`)).toEqual({
      exitCode: 2,
      message: `the market answers 403: bid ${_key} is not yours`,
      hint: 'devkit market user list   (who --user can be)',
    });
    await kit.json(`market bid withdraw --key ${_key}`);
    expect(await kit.refused(`market bid withdraw --key ${_key}`)).toEqual({
      exitCode: 2,
      message: `the market answers 409: bid ${_key} is withdrawn: only an order that is created can be withdrawn`,
      hint: 'devkit market bid get',
    });
  });

  test.each([
    ['one number', { input: '1' }, /^the market answers 400: "input" does not fit statement 32326: .*/],
    ['text', { input: 'one\ntwo' }, /"one" is not a number of at most 256 bits/],
    ['beyond the field', { input: `${2n ** 255n}\n1` }, /does not fit statement 32326: /],
    ['nothing', 'null', /expected "1\\n11", \{"input":"1\\n11"\} or/],
    ['another shape', { a: { b: 1 } }, /does not fit statement 32326: /],
  ])('a public input that the circuit does not take: %s', async (name, content, message) => {
    const file = await kit.file(`misfit-${name.replaceAll(' ', '-')}.json`, content);
    const refused = await kit.refused(`market bid push --key 32326 --cost 2 --file ${file}`);
    expect(refused).toEqual({ exitCode: 2, message: expect.stringMatching(message), hint: MEND });
  });

  test.each([
    ['none.json', undefined, 'there is no such file', undefined],
    ['broken.json', '{"input":', 'not JSON: Unexpected end of JSON input', MEND],
    ['lines.json', '{"a":\n\n x}', /^not JSON: Unexpected token 'x'.* is not valid JSON$/, MEND],
    ['deep.json', `${'['.repeat(100_000)}${']'.repeat(100_000)}`, 'nested too deep', MEND],
    ['range.json', '{"input":1e400}', 'not JSON: number 1e400 is out of range', MEND],
    ['.', undefined, /EISDIR/, undefined],
  ])('the file %s', async (name, content, why, hint) => {
    if (content !== undefined) await kit.file(name, content);
    const refused = await kit.refused(`market bid push --key 32326 --cost 2 --file ${name}`);
    const start = `--file ${join(kit.dir, name)}: `;
    expect([refused.exitCode, refused.message.slice(0, start.length)]).toEqual([2, start]);
    expect(refused.message.slice(start.length)).toEqual(typeof why === 'string' ? why : expect.stringMatching(why));
    expect(refused.hint).toBe(hint ?? `ls -l ${join(kit.dir, name, '..')}`);
  });

  test('a file that is larger than the market takes', async () => {
    await kit.file('huge.json', `{"input":"${'1'.repeat(20_000_000)}"}`);
    expect(await kit.refused('market bid push --key 32326 --cost 2 --file huge.json')).toEqual({
      exitCode: 2,
      message: 'the market answers 413: the body is larger than 9999999 bytes',
      hint: 'a smaller file',
    });
  });

  test.each([
    ['market bid get --key 1.5', '--key takes a key of the market, decimal digits, not "1.5"'],
    ['market watch x', '<order> takes a key of the market, decimal digits, not "x"'],
    ['market book 0', '<statement> takes a key of the market, decimal digits, not "0"'],
    ['market bid get --limit 0', '--limit takes a whole number from 1 to 1000, not "0"'],
    ['market bid get --limit 1001', '--limit takes a whole number from 1 to 1000, not "1001"'],
    ['market ask push --key 32326 --cost 2 --wait-period 0', '--wait-period takes a number above 0, not "0"'],
    ['market ask push --cost 2', '--key is missing'],
    ['market bid get --status created', expect.stringContaining("unknown option '--status'")],
    ['market watch 77', 'there is no order 77 in this market'],
  ])('%s', async (line, message) => {
    expect(await kit.refused(line)).toMatchObject({ exitCode: 2, message });
  });

  test('a status that there is not suggests the nearest', async () => {
    expect(await kit.refused('market ask get --ask-status complete')).toEqual({
      exitCode: 2,
      message: '--ask-status takes created, processing, completed, withdrawn; not "complete"',
      hint: 'did you mean completed?',
    });
  });
});
