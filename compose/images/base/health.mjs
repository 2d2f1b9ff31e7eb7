/**
 * Asks a component for its health, from inside its container: exit code 0 when it answers as it should, else 1 and a line on stderr.
 *   http <url> [status]     GET answers with the status (default 200)
 *   jsonrpc <url> <method>  the call without parameters gives a result
 *   tcp <host:port>         something listens
 *   sql <host:port>         a Postgres server takes connections; says no password and needs none
 */
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';

const LIMIT_MS = 5_000;

/** @param {string} url @param {{ method: string, headers?: Record<string, string>, body?: string }} ask */
const fetchText = (url, { method, headers = {}, body }) =>
  new Promise((resolve, reject) => {
    const open = url.startsWith('https:') ? httpsRequest : httpRequest;
    const asked = open(url, { method, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part) => {
        text += part;
      });
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
    asked.end(body);
  });

const socketTo = (address) => {
  const at = address.lastIndexOf(':');
  const port = Number(address.slice(at + 1));
  if (at < 1 || !Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`not host:port: ${address}`);
  return connect({ host: address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), port });
};

const http = async (url, status = '200') => {
  const answer = await fetchText(url, { method: 'GET' });
  if (answer.status !== Number(status)) throw new Error(`HTTP ${answer.status}`);
};

const jsonrpc = async (url, method) => {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: [] });
  const { text } = await fetchText(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
  const { result, error } = JSON.parse(text);
  if (result === undefined) throw new Error(error?.message ?? 'no result');
};

const tcp = (address) =>
  new Promise((resolve, reject) => {
    const socket = socketTo(address);
    socket.once('error', reject);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
  });

/** Start-up message, protocol 3.0: length, version, then pairs of zero-terminated words and a zero. */
const startup = () => {
  const words = Buffer.from('user\0postgres\0database\0postgres\0application_name\0devkit-health\0\0', 'latin1');
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + words.length, 0);
  head.writeInt32BE(0x0003_0000, 4);
  return Buffer.concat([head, words]);
};

/** A server that starts up, shuts down or is full answers with these; any other answer means that it takes connections. */
const NOT_NOW = /C(57P0[0-9]|53300)\0/;

const sql = (address) =>
  new Promise((resolve, reject) => {
    const socket = socketTo(address);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('closed without an answer')));
    socket.once('connect', () => socket.write(startup()));
    socket.once('data', (answer) => {
      const kind = String.fromCharCode(answer[0] ?? 0);
      const text = answer.toString('latin1');
      if (kind === 'R' || (kind === 'E' && !NOT_NOW.test(text))) resolve();
      else reject(new Error(kind === 'E' ? (/M([^\0]*)\0/.exec(text)?.[1] ?? 'refused') : 'not a Postgres server'));
      socket.destroy();
    });
  });

const QUESTIONS = { http, jsonrpc, tcp, sql };
const [kind = '', ...words] = process.argv.slice(2);
const ask = Object.hasOwn(QUESTIONS, kind) ? QUESTIONS[kind] : undefined;
const late = setTimeout(() => {
  process.stderr.write(`no answer within ${LIMIT_MS} ms\n`);
  process.exit(1);
}, LIMIT_MS);
try {
  if (ask === undefined || words[0] === undefined) {
    throw new Error(
      'usage: health.mjs http <url> [status] | jsonrpc <url> <method> | tcp <host:port> | sql <host:port>',
    );
  }
  await ask(...words);
} catch (error) {
  process.stderr.write(`${error.code ?? error.message}\n`);
  process.exitCode = 1;
}
clearTimeout(late);
