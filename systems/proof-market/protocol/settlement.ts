/** Who gets what when an order ends. Pure arithmetic on amounts. */
import { TOKEN, toAmount } from './amounts.ts';

/** Numbers without unit are shares or factors. */
export interface SettlementTerms {
  /** A wrong proof costs that many times the ask's cost, which is therefore blocked while the ask is open. */
  penaltyFactor: number;
  /** Commission in percent of the price. */
  commissionPercent: number;
  /** Smallest commission in tokens; never more than the price. */
  minCommission: number;
  /** Part of the commission that the circuit's developer gets; the market keeps the rest. */
  developerShare: number;
  /** Parts of the price after commission that the first producer and the first requester of a proof get when it is sold again. */
  resaleProducerShare: number;
  resaleRequesterShare: number;
}

/** The market's documented constants (pf, c, mc, cir_dev); the shares of a resale are ours, upstream's are not known. */
export const DEFAULT_TERMS: SettlementTerms = {
  penaltyFactor: 10,
  commissionPercent: 0.5,
  minCommission: 1,
  developerShare: 0.3,
  resaleProducerShare: 0.25,
  resaleRequesterShare: 0.25,
};

export interface Split {
  market: bigint;
  developer: bigint;
  producer: bigint;
  /** Who paid for the proof first; 0 in the first sale. */
  firstRequester: bigint;
  /** Back to the payer. */
  refund: bigint;
}

const share = (amount: bigint, part: number): bigint => (amount * toAmount(part)) / TOKEN;

function commissionOf(price: bigint, terms: SettlementTerms): bigint {
  const percent = share(price, terms.commissionPercent) / 100n;
  const smallest = toAmount(terms.minCommission);
  const commission = percent > smallest ? percent : smallest;
  return commission < price ? commission : price;
}

/** A proof made for a request: the price is the ask's, what the bid offered beyond it goes back. */
export function splitSale(blocked: bigint, price: bigint, terms: SettlementTerms): Split {
  const commission = commissionOf(price, terms);
  const developer = share(commission, terms.developerShare);
  return {
    market: commission - developer,
    developer,
    producer: price - commission,
    firstRequester: 0n,
    refund: blocked - price,
  };
}

/** A known proof sold again, for at most what it cost first. */
export function splitResale(blocked: bigint, firstPrice: bigint, terms: SettlementTerms): Split & { price: bigint } {
  const base = blocked < firstPrice ? blocked : firstPrice;
  const commission = commissionOf(base, terms);
  const developer = share(commission, terms.developerShare);
  const producer = share(base - commission, terms.resaleProducerShare);
  const firstRequester = share(base - commission, terms.resaleRequesterShare);
  const price = commission + producer + firstRequester;
  return { market: commission - developer, developer, producer, firstRequester, refund: blocked - price, price };
}

/** What an ask blocks. */
export const depositOf = (cost: bigint, terms: SettlementTerms): bigint => share(cost, terms.penaltyFactor);
