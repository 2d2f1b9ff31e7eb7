/** `market user …`. */
import { table } from '../../output/table.ts';
import { defineCommand, defineGroup } from '../define.ts';
import { text } from '../options.ts';
import { ACTOR, actorOf, jsonLines, results } from './shared.ts';

const NEEDED = { short: 'u', placeholder: 'name', required: true } as const;

const signupCommand = defineCommand({
  name: 'signup',
  summary: 'a new account, with test tokens',
  about:
    'Makes an account and keeps its login in the devnet (mode 0600), so that commands can act as this user. Without a password one is made.',
  examples: ['market user signup --user alice', 'market user signup -u alice -p secret -e alice@example.org'],
  options: {
    user: text('name: letters and digits', NEEDED),
    password: text('password; default: a random one', { short: 'p', placeholder: 'password' }),
    email: text('e-mail address', { short: 'e', placeholder: 'address' }),
  },
  output: async () => (await results()).userLoginResult,
  async run(ctx, { user = '', password, email }) {
    const { userSignup } = await import('../../services/market/users.ts');
    return userSignup(await ctx.service(), { user, password, email });
  },
  render: ({ user, balance, login }) => [`user ${user} has ${balance} test tokens; login in ${login}`],
});

const loginCommand = defineCommand({
  name: 'login',
  summary: 'keep the login of an account that is there',
  examples: ['market user login --user alice --password secret'],
  options: {
    user: text('name', NEEDED),
    password: text('password', { short: 'p', placeholder: 'password', required: true }),
  },
  output: async () => (await results()).userLoginResult,
  async run(ctx, { user = '', password = '' }) {
    const { userLogin } = await import('../../services/market/users.ts');
    return userLogin(await ctx.service(), { user, password });
  },
  render: ({ user, balance, blocked, login }) => [
    `user ${user} has ${balance} tokens and ${blocked} in orders; login in ${login}`,
  ],
});

const listCommand = defineCommand({
  name: 'list',
  summary: 'users whose logins are kept, and what they have',
  examples: ['market user list'],
  output: async () => (await results()).userListResult,
  async run(ctx) {
    const { userList } = await import('../../services/market/users.ts');
    return userList(await ctx.service());
  },
  render: ({ users }, style) =>
    table([
      ['user', 'can spend', 'in orders'].map((title) => style.dim(title)),
      ...users.map(({ user, balance, blocked }) =>
        balance === null ? [user, 'not a login of this market'] : [user, String(balance), String(blocked)],
      ),
    ]),
});

const authCommand = defineCommand({
  name: 'auth',
  summary: 'a new token, as the file that the scripts take with --auth',
  examples: ['market user auth', 'market user auth --user producer --out producer.json'],
  options: { ...ACTOR, out: text('file to write, default auth.json', { placeholder: 'file' }) },
  output: async () => (await results()).userAuthResult,
  async run(ctx, input) {
    const { userAuth } = await import('../../services/market/users.ts');
    return userAuth(await ctx.service(), { ...actorOf(ctx, input), out: ctx.path(input.out ?? 'auth.json') });
  },
  render: ({ user, file }) => [`${file}: token of ${user ?? 'the login that was given'}`],
});

const registerCommand = defineCommand({
  name: 'producer',
  summary: 'register a user as producer',
  about: 'As `signup.py producer`: a description that requesters see. Repeated, it changes what is registered.',
  examples: ['market user producer --description "two GPUs" --url https://example.org'],
  options: {
    ...ACTOR,
    description: text('default: Generic Producer', { short: 'd', placeholder: 'text' }),
    url: text('web site', { placeholder: 'url' }),
    logo: text('picture', { short: 'l', placeholder: 'url' }),
    ethAddress: text('address on the EVM chain', { placeholder: 'address', oldNames: ['eth_address'] }),
  },
  output: async () => (await results()).document,
  async run(ctx, { description = 'Generic Producer', url, logo, ethAddress, ...actor }) {
    const { registerProducer } = await import('../../services/market/users.ts');
    return registerProducer(await ctx.service(), { ...actorOf(ctx, actor), description, url, logo, ethAddress });
  },
  render: (document) => jsonLines(document),
});

export const userGroup = defineGroup({
  name: 'user',
  summary: 'accounts, logins, balances',
  commands: [signupCommand, loginCommand, listCommand, authCommand, registerCommand],
});
