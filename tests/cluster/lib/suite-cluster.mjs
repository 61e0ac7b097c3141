/** The cluster of this test file, known to the libraries of the other tests as the store of the suite. */
import { Cluster } from './cluster.mjs';

export const cluster = await Cluster.start();

process.env.LASTPAIR_TEST_STACK = `${cluster.dir}|${cluster.port}`;
