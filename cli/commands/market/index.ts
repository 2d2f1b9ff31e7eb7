/** `market`: what the scripts of the =nil; Proof Market do, and the programs around it. */
import { defineGroup } from '../define.ts';
import { askGroup, bidGroup, proposalGroup, requestGroup } from './orders.ts';
import { producerGroup } from './producer.ts';
import { proofGroup } from './proofs.ts';
import { statementGroup } from './statements.ts';
import { userGroup } from './users.ts';
import { bookCommand, flowCommand, watchCommand } from './watch.ts';

export const marketGroup = defineGroup({
  name: 'market',
  summary: 'users, statements, bids, asks and proofs of a proof market',
  commands: [
    flowCommand,
    userGroup,
    statementGroup,
    bidGroup,
    askGroup,
    requestGroup,
    proposalGroup,
    proofGroup,
    producerGroup,
    bookCommand,
    watchCommand,
  ],
});
