/** Containers of one test file, as the kit runs them; all of them and their volumes are removed at the end. */
import { randomBytes } from 'node:crypto';
import type Docker from 'dockerode';
import type { Engine } from '../../../cli/runtimes/docker/engine.ts';
import { freePort } from './free-port.ts';

export interface StartOptions {
  image: string;
  argv: string[];
  entrypoint?: string[];
  user?: string;
  volumes?: { name: string; target: string }[];
  /** Published on loopback, the same number inside. */
  port?: number;
}

export interface Ended {
  exitCode: number;
  output: string;
}

/** `run` waits for the end; `start` returns while it runs. */
export function containersOf({ docker }: Engine) {
  const id = `devkit-images-test-${randomBytes(3).toString('hex')}`;
  const made: Docker.Container[] = [];
  const volumes = new Set<string>();

  /** Of its own: the engine's default bridge is shared. */
  let network: Promise<Docker.Network> | undefined;
  const ownNetwork = (): Promise<Docker.Network> => {
    network ??= docker.createNetwork({ Name: id, Labels: { 'devkit.test': id } });
    return network;
  };

  async function create(options: StartOptions): Promise<Docker.Container> {
    if (options.port !== undefined) await ownNetwork();
    for (const { name } of options.volumes ?? []) {
      if (volumes.has(name)) continue;
      await docker.createVolume({ Name: `${id}-${name}`, Labels: { 'devkit.test': id } });
      volumes.add(name);
    }
    const port = options.port === undefined ? undefined : `${options.port}/tcp`;
    const container = await docker.createContainer({
      name: `${id}-${made.length}`,
      Image: options.image,
      Cmd: options.argv,
      ...(options.entrypoint ? { Entrypoint: options.entrypoint } : {}),
      ...(options.user ? { User: options.user } : {}),
      ...(port ? { ExposedPorts: { [port]: {} } } : {}),
      Labels: { 'devkit.test': id },
      HostConfig: {
        NetworkMode: options.port === undefined ? 'none' : id,
        ReadonlyRootfs: true,
        Tmpfs: { '/tmp': '' },
        CapDrop: ['ALL'],
        SecurityOpt: ['no-new-privileges'],
        PidsLimit: 500,
        Init: true,
        Binds: (options.volumes ?? []).map(({ name, target }) => `${id}-${name}:${target}`),
        ...(port ? { PortBindings: { [port]: [{ HostIp: '127.0.0.1', HostPort: String(options.port) }] } } : {}),
      },
    });
    made.push(container);
    await container.start();
    return container;
  }

  return {
    freePort,
    start: create,
    async run(options: StartOptions): Promise<Ended> {
      const container = await create(options);
      const { StatusCode } = (await container.wait()) as { StatusCode: number };
      return { exitCode: StatusCode, output: await outputOf(container) };
    },
    /** Exit code of a command in a running container. */
    async exec(container: Docker.Container, command: string[]): Promise<number | null> {
      const exec = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true });
      const stream = await exec.start({});
      stream.resume();
      await new Promise((resolve) => stream.once('end', resolve));
      return (await exec.inspect()).ExitCode;
    },
    async removeAll(): Promise<void> {
      for (const container of made) await container.remove({ force: true, v: true });
      await (await network)?.remove();
      for (const name of volumes) await docker.getVolume(`${id}-${name}`).remove();
    },
  };
}

/** Both streams, without the frames' heads. */
async function outputOf(container: Docker.Container): Promise<string> {
  const raw = (await container.logs({ stdout: true, stderr: true })) as Buffer;
  let text = '';
  for (let at = 0; at + 8 <= raw.length; ) {
    const size = raw.readUInt32BE(at + 4);
    text += raw.subarray(at + 8, at + 8 + size).toString();
    at += 8 + size;
  }
  return text;
}
