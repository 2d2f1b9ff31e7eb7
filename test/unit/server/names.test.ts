import { expect, test } from 'vitest';
import { DEFAULT_COMPONENTS, selectComponents } from '../../../systems/zksync/components/server/names.ts';

test('groups stand for their parts', () => {
  expect(selectComponents(['eth', 'api']).components).toEqual([
    'http_api',
    'eth_watcher',
    'eth_tx_aggregator',
    'eth_tx_manager',
  ]);
});

test('comma lists and repeats add up, each component once', () => {
  expect(selectComponents(['tree,state_keeper', 'tree']).components).toEqual(['tree', 'state_keeper']);
});

test('the default list is accepted; what has nothing to do is named', () => {
  expect(selectComponents([DEFAULT_COMPONENTS]).ignored).toEqual(['consensus']);
});

test('an unknown name lists the known ones', () => {
  expect(() => selectComponents(['tre'])).toThrow(
    /unknown server component 'tre'; known are api, commitment_generator/,
  );
});

test('a component that upstream has and this server has not is refused with the reason', () => {
  expect(() => selectComponents(['ws_api'])).toThrow(
    'component ws_api is not in the reference server: JSON-RPC is served over HTTP only; leave it out',
  );
});
