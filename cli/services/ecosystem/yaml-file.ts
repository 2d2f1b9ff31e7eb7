/** YAML files are parsed, changed and written back as documents: unknown keys and comments stay. */
import { readFile } from 'node:fs/promises';
import { Document, isMap, isNode, parseDocument, type Scalar, type Tags } from 'yaml';
import { writeFileAtomic } from '../../../lib/atomic-file.ts';
import { DevkitError } from '../../core/errors.ts';

export type YamlDocument = Document;
export type Edits = Readonly<Record<string, unknown>>;

/** YAML 1.2 reads an unquoted 0x… as a number: addresses and keys would lose digits. */
const withoutHexNumbers = (tags: Tags): Tags =>
  tags.filter((tag) => typeof tag === 'string' || !('format' in tag && tag.format === 'HEX'));

/** @throws DevkitError NOT_FOUND, or CONFIG_INVALID with line and column */
export async function readYaml(path: string): Promise<YamlDocument> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new DevkitError('NOT_FOUND', `cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`, { cause });
  }
  return parseYaml(text, path);
}

export function parseYaml(text: string, path: string): YamlDocument {
  const document = parseDocument(text, { schema: 'core', customTags: withoutHexNumbers });
  const error = document.errors[0];
  if (error)
    throw new DevkitError('CONFIG_INVALID', `${path}: not YAML: ${error.message.split('\n')[0]!.replace(/:$/, '')}`, {
      cause: error,
    });
  return document as unknown as YamlDocument;
}

/** Sets values by dotted path, e.g. `eth.sender.proof_sending_mode`; makes missing sections. */
export function applyEdits(document: YamlDocument, edits: Edits): void {
  for (const [path, value] of Object.entries(edits)) {
    if (value === undefined) continue;
    const keys = path.split('.');
    makeSections(document, keys.slice(0, -1));
    document.setIn(keys, nodeFor(document, value));
  }
}

/** An unquoted 0x… is a number for other readers of the file. */
function nodeFor(document: YamlDocument, value: unknown): unknown {
  if (typeof value !== 'string' || !/^0x[0-9a-fA-F]*$/.test(value)) return value;
  const node = document.createNode(value) as Scalar;
  node.type = 'QUOTE_DOUBLE';
  return node;
}

/** `setIn` does not go through a section that is there but empty (`key:` or `key: null`). */
function makeSections(document: YamlDocument, keys: readonly string[]): void {
  for (let depth = 0; depth <= keys.length; depth++) {
    const at = keys.slice(0, depth);
    const found = depth === 0 ? document.contents : document.getIn(at, true);
    if (isMap(found)) continue;
    if (depth === 0) document.contents = document.createNode({}) as typeof document.contents;
    else document.setIn(at, document.createNode({}));
  }
}

/** Text of a scalar; undefined when it is absent, null or a section. */
export function textAt(document: YamlDocument, path: string): string | undefined {
  const value = document.getIn(path.split('.'));
  return value === undefined || value === null || isNode(value) ? undefined : String(value);
}

export async function saveYaml(path: string, document: YamlDocument, mode?: number): Promise<void> {
  await writeFileAtomic(path, document.toString({ lineWidth: 0 }), mode === undefined ? {} : { mode });
}

/** Read, change, write. */
export async function editYaml(path: string, edits: Edits, mode?: number): Promise<YamlDocument> {
  const document = await readYaml(path);
  applyEdits(document, edits);
  await saveYaml(path, document, mode);
  return document;
}

/** A new file. */
export async function createYaml(path: string, content: Record<string, unknown>, mode?: number): Promise<void> {
  await saveYaml(path, new Document(content, { schema: 'core' }) as unknown as YamlDocument, mode);
}
