import { expect, test } from 'vitest';
import packageJson from '../../../package.json' with { type: 'json' };
import { devkit } from './support.ts';

test('devkit --help lists every command on stdout', async () => {
  const { stdout, stderr, exitCode } = await devkit('--help');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout.slice(stdout.indexOf('A proving devnet:'))).toMatchInlineSnapshot(`
    "A proving devnet:
      quickstart              from nothing to a verified batch, in one command
      up                      start what is missing of the devnet
      down                    stop the devnet; with --all also remove its data
      gc                      remove containers and volumes of devnets whose folder is gone
      status                  what runs, where, and how much memory it takes
      logs                    log lines of the components
      env                     addresses, URLs and folders as shell variables
      doctor                  does this machine have what proving needs?
      export                  the devnet as a file for docker compose
      images                  container images of the kit: make, list, remove

    Transactions, batches, proofs:
      tx                      send L2 transactions
      batch                   list and seal batches
      prove                   prove a batch: start what is missing, wait, verify
      watch                   follow the jobs of the devnet
      verify-batch            check a proof with every verifier there is
      keys                    verification keys and their hashes

    =nil; Proof Market:
      market                  users, statements, bids, asks and proofs of a proof market

    ZKsync's own commands:
      ecosystem|e             create and initialise an ecosystem
      chain|c                 create and initialise a chain
      containers              start the database and the L1 of the ecosystem
      prover|p                set up and run the prover components
      server                  run the server of a chain
      dev                     protocol versions and batches in the prover database
      prover-cli|prover_cli   look into the prover database: status, requeue, restart
    "
  `);
});

test('help of a command has its flags and examples', async () => {
  expect((await devkit('verify-batch --help')).stdout).toMatchInlineSnapshot(`
    "Usage: devkit verify-batch [options] <batch>

    Checks the whole proof file here; asks the proof API and the verifier on L1 if they run. Exit code 0
    when all that ran accept, 7 when any rejects (also a file that cannot be decoded), 2 for a missing
    file or an unknown batch.

    Arguments:
      batch           number of the batch

    Options:
      --proof <file>  proof file; default: the one in the prover's store
      -h, --help      display help for command

    Examples:
      devkit verify-batch 1
      devkit verify-batch 1 --proof proof.cbor --json

    Global options (--json, --chain, --devnet, …): devkit --help
    "
  `);
});

test('`help <command>` is the same', async () => {
  expect((await devkit('help verify-batch')).stdout).toBe((await devkit('verify-batch --help')).stdout);
});

test('--version prints the version alone', async () => {
  expect(await devkit('--version')).toEqual({ exitCode: 0, stdout: `${packageJson.version}\n`, stderr: '' });
});

test('no command at all prints the help and exits 2', async () => {
  expect((await devkit([])).exitCode).toBe(2);
});
