/** The proof market as its guide has it, its programs as processes. The same in containers: test/docker/market-guide.test.ts. */
import { describeFlow } from '../fixtures/market-flow.ts';
import { describeGuide } from '../fixtures/market-guide.ts';

describeFlow('process');
describeGuide('process');
