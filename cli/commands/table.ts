/** Top-level commands: names and summaries only, so that `devkit --help` loads no command. */
import type { Node } from './define.ts';

export interface TableEntry {
  name: string;
  aliases?: readonly string[];
  summary: string;
  /** Heading in `devkit --help`. */
  heading: string;
  /** Proof system that it is of; absent: it works on every devnet. */
  system?: string;
  load(): Promise<Node>;
}

const START = 'A proving devnet:';
const WORK = 'Transactions, batches, proofs:';
const MARKET = '=nil; Proof Market:';
const UPSTREAM = "ZKsync's own commands:";

export const COMMANDS: readonly TableEntry[] = [
  {
    name: 'quickstart',
    summary: 'from nothing to a verified batch, in one command',
    heading: START,
    system: 'zksync',
    load: async () => (await import('./prove.ts')).quickstartCommand,
  },
  {
    name: 'up',
    summary: 'start what is missing of the devnet',
    heading: START,
    load: async () => (await import('./lifecycle.ts')).upCommand,
  },
  {
    name: 'down',
    summary: 'stop the devnet; with --all also remove its data',
    heading: START,
    load: async () => (await import('./lifecycle.ts')).downCommand,
  },
  {
    name: 'gc',
    summary: 'remove containers and volumes of devnets whose folder is gone',
    heading: START,
    load: async () => (await import('./lifecycle.ts')).gcCommand,
  },
  {
    name: 'status',
    summary: 'what runs, where, and how much memory it takes',
    heading: START,
    load: async () => (await import('./lifecycle.ts')).statusCommand,
  },
  {
    name: 'logs',
    summary: 'log lines of the components',
    heading: START,
    load: async () => (await import('./lifecycle.ts')).logsCommand,
  },
  {
    name: 'env',
    summary: 'addresses, URLs and folders as shell variables',
    heading: START,
    load: async () => (await import('./lifecycle.ts')).envCommand,
  },
  {
    name: 'doctor',
    summary: 'does this machine have what proving needs?',
    heading: START,
    load: async () => (await import('./lifecycle.ts')).doctorCommand,
  },
  {
    name: 'export',
    summary: 'the devnet as a file for docker compose',
    heading: START,
    load: async () => (await import('./export.ts')).exportGroup,
  },
  {
    name: 'images',
    summary: 'container images of the kit: make, list, remove',
    heading: START,
    load: async () => (await import('./images.ts')).imagesGroup,
  },
  {
    name: 'tx',
    summary: 'send L2 transactions',
    heading: WORK,
    system: 'zksync',
    load: async () => (await import('./traffic.ts')).txGroup,
  },
  {
    name: 'batch',
    summary: 'list and seal batches',
    heading: WORK,
    system: 'zksync',
    load: async () => (await import('./traffic.ts')).batchGroup,
  },
  {
    name: 'prove',
    summary: 'prove a batch: start what is missing, wait, verify',
    heading: WORK,
    system: 'zksync',
    load: async () => (await import('./prove.ts')).proveCommand,
  },
  {
    name: 'watch',
    summary: 'follow the jobs of the devnet',
    heading: WORK,
    load: async () => (await import('./watch.ts')).watchCommand,
  },
  {
    name: 'verify-batch',
    summary: 'check a proof with every verifier there is',
    heading: WORK,
    system: 'zksync',
    load: async () => (await import('./prove.ts')).verifyBatchCommand,
  },
  {
    name: 'keys',
    summary: 'verification keys and their hashes',
    heading: WORK,
    system: 'zksync',
    load: async () => (await import('./keys.ts')).keysGroup,
  },
  {
    name: 'market',
    summary: 'users, statements, bids, asks and proofs of a proof market',
    heading: MARKET,
    system: 'proof-market',
    load: async () => (await import('./market/index.ts')).marketGroup,
  },
  {
    name: 'ecosystem',
    aliases: ['e'],
    summary: 'create and initialise an ecosystem',
    heading: UPSTREAM,
    system: 'zksync',
    load: async () => (await import('./ecosystem.ts')).ecosystemGroup,
  },
  {
    name: 'chain',
    aliases: ['c'],
    summary: 'create and initialise a chain',
    heading: UPSTREAM,
    system: 'zksync',
    load: async () => (await import('./chain.ts')).chainGroup,
  },
  {
    name: 'containers',
    summary: 'start the database and the L1 of the ecosystem',
    heading: UPSTREAM,
    system: 'zksync',
    load: async () => (await import('./ecosystem.ts')).containersCommand,
  },
  {
    name: 'prover',
    aliases: ['p'],
    summary: 'set up and run the prover components',
    heading: UPSTREAM,
    system: 'zksync',
    load: async () => (await import('./prover.ts')).proverGroup,
  },
  {
    name: 'server',
    summary: 'run the server of a chain',
    heading: UPSTREAM,
    system: 'zksync',
    load: async () => (await import('./server.ts')).serverGroup,
  },
  {
    name: 'dev',
    summary: 'protocol versions and batches in the prover database',
    heading: UPSTREAM,
    system: 'zksync',
    load: async () => (await import('./dev.ts')).devGroup,
  },
  {
    name: 'prover-cli',
    aliases: ['prover_cli'],
    summary: 'look into the prover database: status, requeue, restart',
    heading: UPSTREAM,
    system: 'zksync',
    load: async () => (await import('./prover-cli.ts')).proverCliGroup,
  },
];
