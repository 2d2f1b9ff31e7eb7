/**
 * Where to listen instead of a loopback address. In a container of a devnet's own network everything listens on all of its interfaces:
 * that network is the devnet's, and its ports are published on this machine's loopback only. The runtime sets the variable.
 */
export const listenAddress = (host: string, env: Readonly<Record<string, string | undefined>> = process.env): string =>
  env['DEVKIT_CONTAINER_NETWORK'] === '1' ? '0.0.0.0' : host;
