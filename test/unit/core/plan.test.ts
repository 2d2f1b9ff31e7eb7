import { expect, test } from 'vitest';
import { orderPlan, withNeeds } from '../../../cli/core/plan.ts';

const node = (id: string, ...needs: string[]): { id: string; needs: string[] } => ({ id, needs });

test('orderPlan puts needs first and otherwise keeps the order', () => {
  const nodes = [node('server', 'db', 'l1'), node('l1'), node('db'), node('web', 'server')];
  expect(orderPlan(nodes).map(({ id }) => id)).toEqual(['db', 'l1', 'server', 'web']);
});

test('orderPlan refuses a cycle and names it', () => {
  const nodes = [node('x', 'a'), node('a', 'b'), node('b', 'c'), node('c', 'a')];
  expect(() => orderPlan(nodes)).toThrow('plan: cycle a -> b -> c -> a');
});

test('orderPlan refuses a need that is not there', () => {
  expect(() => orderPlan([node('a', 'b')])).toThrow("plan: 'a' needs 'b', which is not part of it");
});

test('orderPlan refuses an id given twice', () => {
  expect(() => orderPlan([node('a'), node('a')])).toThrow("plan: 'a' is there twice");
});

test('withNeeds follows needs and leaves out what is not needed', () => {
  const nodes = [node('server', 'db'), node('db', 'data'), node('data'), node('web', 'server')];
  expect([...withNeeds(nodes, ['server'])].sort()).toEqual(['data', 'db', 'server']);
});
