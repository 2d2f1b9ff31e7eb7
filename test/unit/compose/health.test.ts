import { expect, test } from 'vitest';
import { healthCommand } from '../../../cli/core/health.ts';
import type { Probe } from '../../../cli/core/types.ts';

const CASES: [Probe, string[]][] = [
  [{ kind: 'http', url: 'http://127.0.0.1:3074/queue_report' }, ['http', 'http://127.0.0.1:3074/queue_report']],
  [{ kind: 'http', url: 'http://127.0.0.1:3322/', status: 404 }, ['http', 'http://127.0.0.1:3322/', '404']],
  [
    { kind: 'jsonrpc', url: 'http://127.0.0.1:8545', method: 'eth_chainId' },
    ['jsonrpc', 'http://127.0.0.1:8545', 'eth_chainId'],
  ],
  [{ kind: 'tcp', host: '127.0.0.1', port: 80 }, ['tcp', '127.0.0.1:80']],
  [{ kind: 'sql', url: 'postgres://user:secret@localhost:5532/db' }, ['sql', 'localhost:5532']],
  [{ kind: 'sql', url: 'postgres://user:secret@localhost/db' }, ['sql', 'localhost:5432']],
];

test.each(CASES)('%j', (probe, question) => {
  expect(healthCommand(probe)).toEqual(['node', '/devkit/health.mjs', ...question]);
});
