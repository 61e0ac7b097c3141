/** nginx is killed. */
import { replaced, sells } from '../lib/faults.mjs';
import test from '../lib/test.mjs';

test('nginx killed comes back', async () => {
	await replaced('nginx');
	await sells('nginx was killed');
});
