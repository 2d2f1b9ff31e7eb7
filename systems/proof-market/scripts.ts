/** Files with which the original Python scripts, unchanged, find a market and its login, and programs that they can be given. */
import { join } from 'node:path';
import { shellWord } from '../../lib/shell.ts';
import type { Credentials } from './protocol/client/client.ts';
import { EXAMPLE_STATEMENT_KEY } from './protocol/types.ts';

/** Path below a checkout's `scripts/` → content. The daemon has a folder, and so copies, of its own. */
export function scriptFiles(url: string, { username, password }: Credentials): Record<string, string> {
  const files = { 'constants.py': constants(url, username), '.user': username, '.secret': password };
  const entries = Object.entries(files);
  const copies = entries.map(([name, text]) => [`proof_producer/${name}`, text]);
  return Object.fromEntries([...entries, ...copies, ...PROGRAMS.map((name) => [`bin/${name}`, program(name)])]);
}

const PROGRAMS = ['proof-generator', 'proof-generator-mt'] as const;
const MAIN = { 'proof-generator': 'main.ts', 'proof-generator-mt': 'main-mt.ts' } as const;

/** A program of devkit's own under upstream's name and with its flags. */
function program(name: (typeof PROGRAMS)[number]): string {
  const main = join(import.meta.dirname, 'components', 'proof-generator', MAIN[name]);
  return `#!/bin/sh\nexec ${shellWord(process.execPath)} ${shellWord(main)} "$@"\n`;
}

/** All that a script of any age imports; `MOUNT` begins with a slash, and the scripts put another one before it. */
const constants = (url: string, user: string): string => `# Written by devkit env: the market of this machine.
URL = "${url}"
DB_NAME = "market"
MOUNT = "/v0_0"
REQUEST_TIMEOUT = 100

# of proof_producer.py
USER = "${user}"
MY_STATEMENTS = {"${EXAMPLE_STATEMENT_KEY}": {"cost": 5, "asks_limit": 10, "proposals_limit": 10}}
ASK_UPDATE_INTERVAL = 20
WAIT_BEFORE_SEND_PROOF = 30
AUTH_FILE = "./.auth.json"
PROOFS_DIR = "./proofs/statements/"
PROOF_GEN_CONFIG_FILE = "./proof_generators.ini"
`;
