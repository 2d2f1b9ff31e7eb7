/** From words to an invocation. Only the top-level command that is named gets loaded. */
import { CommanderError, Command as Program } from 'commander';

export type { Invocation } from './build.ts';

import { addGlobals, addNode, type Invocation, usageErrorOf } from './build.ts';
import type { Node } from './define.ts';
import { GLOBAL_OPTIONS } from './globals.ts';
import { longOf, type OptionSpec } from './options.ts';
import { COMMANDS, type TableEntry } from './table.ts';

export interface ParseOutput {
  /** Help and version texts. */
  write(text: string): void;
  columns: number;
  colors: boolean;
}

/**
 * Parses `argv` (without node and script).
 * @returns the invocation; undefined when help or the version was printed instead
 * @throws DevkitError USAGE for everything that is not a valid command line
 */
export async function parseCommandLine(argv: readonly string[], output: ParseOutput): Promise<Invocation | undefined> {
  const words = helpForm(argv);
  const at = commandIndex(words);
  const entry = at === undefined ? undefined : findEntry(words[at] ?? '');
  const node = await entry?.load();
  let invocation: Invocation | undefined;
  const said: string[] = [];
  const program = await rootProgram(output, said, node, async (found) => {
    invocation = { ...found, system: entry?.system };
  });
  try {
    await program.parseAsync(prepared(words, at, node), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const usage = usageErrorOf(error, said.join(''), programAt(program, words));
    if (usage) throw usage;
  }
  return invocation;
}

async function rootProgram(
  output: ParseOutput,
  said: string[],
  node: Node | undefined,
  act: (found: Invocation) => Promise<void>,
): Promise<Program> {
  const program = new Program('devkit');
  program
    .description('Stands up proving devnets on this machine: a chain, a prover setup, real proofs, a verdict.')
    .exitOverride()
    .enablePositionalOptions()
    .helpCommand(false)
    .showSuggestionAfterError(false)
    .version(await version(), '-V, --version', 'print the version')
    .configureOutput({
      writeOut: (text) => output.write(text),
      writeErr: (text) => output.write(text),
      outputError: (text) => said.push(text),
      getOutHelpWidth: () => output.columns,
      getErrHelpWidth: () => output.columns,
      getOutHasColors: () => output.colors,
      getErrHasColors: () => output.colors,
    });
  for (const entry of COMMANDS) addEntry(program, entry, node, act);
  addGlobals(program, {});
  return program;
}

function addEntry(
  program: Program,
  entry: TableEntry,
  node: Node | undefined,
  act: (found: Invocation) => Promise<void>,
): void {
  program.commandsGroup(entry.heading);
  if (node?.name === entry.name) {
    addNode(program, node, [], act);
    return;
  }
  const stub = program.command(entry.name).summary(entry.summary).description(entry.summary);
  if (entry.aliases) stub.aliases([...entry.aliases]);
}

export const findEntry = (word: string): TableEntry | undefined =>
  COMMANDS.find((entry) => entry.name === word || entry.aliases?.includes(word));

/** `help a b` → `a b --help`. */
const helpForm = (argv: readonly string[]): string[] => (argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv]);

/** Index of the first word that is neither a global flag nor the value of one. */
function commandIndex(words: readonly string[]): number | undefined {
  const takesValue = new Set<string>();
  for (const [key, spec] of Object.entries<OptionSpec>(GLOBAL_OPTIONS)) {
    if (spec.kind !== 'flag') takesValue.add(longOf(key, spec));
  }
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? '';
    if (word === '--') return undefined;
    if (!word.startsWith('-')) return i;
    if (takesValue.has(word)) i++;
  }
  return undefined;
}

function prepared(words: string[], at: number | undefined, node: Node | undefined): string[] {
  if (at === undefined || node?.kind !== 'group' || !node.prepare) return words;
  return [...words.slice(0, at + 1), ...node.prepare(words.slice(at + 1))];
}

/** The deepest command that the words name: where `--help` answers the question. */
function programAt(program: Program, words: readonly string[]): Program {
  let here = program;
  for (const word of words) {
    if (word.startsWith('-')) continue;
    const next = here.commands.find((command) => command.name() === word || command.aliases().includes(word));
    if (!next) break;
    here = next;
  }
  return here;
}

async function version(): Promise<string> {
  const { readFile } = await import('node:fs/promises');
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
