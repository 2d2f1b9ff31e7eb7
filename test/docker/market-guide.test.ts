/** The proof market as its guide has it, its programs in containers. The same as processes: test/scenarios/market-guide.test.ts. */
import { describeDocker } from '../fixtures/docker.ts';
import { describeFlow } from '../fixtures/market-flow.ts';
import { describeGuide } from '../fixtures/market-guide.ts';

await describeDocker('a market of containers', () => {
  describeFlow('docker');
  describeGuide('docker');
});
