/** The stack of this suite: the one its runner named, or one of its own for a test file started by itself. */
import { Stack } from './stack.mjs';
import { watchApi } from './watch-api.mjs';

const [dir, port] = (process.env.LASTPAIR_TEST_STACK ?? '').split('|');

export const stack = dir ? new Stack(dir, Number(port)) : await Stack.start();

watchApi(stack);
