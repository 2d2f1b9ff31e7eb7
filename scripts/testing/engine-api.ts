import { request } from 'node:http';

/** A GET answered by an engine on a unix socket; `body` is parsed JSON. */
export interface EngineAnswer {
  status: number;
  body: unknown;
}

/** @throws Error when nothing answers within `timeoutMs` or the answer is no JSON. */
export function askEngineApi(socketPath: string, path: string, timeoutMs: number): Promise<EngineAnswer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const asked = request({ socketPath, path, signal }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        try {
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) });
        } catch (cause) {
          reject(new Error(`${path} was not answered with JSON`, { cause }));
        }
      });
    });
    asked.on('error', reject);
    asked.end();
  });
}

const RYUK = 'testcontainers/ryuk:0.14.0';
/** Without a registry the answer comes at once, behind a firewall that drops packets never. */
const REGISTRY_MS = 5_000;

/** Whether the engine has, or could pull, the image of testcontainers' clean-up program. */
export async function hasRyuk(socketPath: string): Promise<boolean> {
  const ok = (path: string): Promise<boolean> =>
    askEngineApi(socketPath, path, REGISTRY_MS).then(
      ({ status }) => status === 200,
      () => false,
    );
  return (await ok(`/images/${RYUK}/json`)) || (await ok(`/distribution/${RYUK}/json`));
}
