/** The live updates: Socket.IO, to everybody at once, through Redis where several processes have them connected. */
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';
import { stockOf } from './shapes.mjs';

/**
 * @param {import('node:http').Server} server
 * @param {{redisSocket?: string, tokens: ReturnType<import('./token.mjs').openTokens>}} options
 */
export function openLive(server, { redisSocket, tokens }) {
	const io = new Server(server, {
		/* No long polling to upgrade from, and so no need that a browser keeps to one process. */
		transports: ['websocket'],
		perMessageDeflate: false,
		serveClient: false,
		cors: undefined,
	});

	if (redisSocket) {
		const publisher = new Redis(redisSocket);

		io.adapter(createAdapter(publisher, publisher.duplicate()));
	}
	/* Open to everyone; who gives a token also hears about their own holds. */
	io.on('connection', (socket) => {
		const user = tokens.userOf(socket.handshake.auth.token);

		if (user)
			socket.join(`user:${user.id}`);
	});

	return {
		stock: (drop) => io.emit('stock:update', { dropId: drop.id, ...stockOf(drop), at: new Date() }),
		purchase: (what) => io.emit('purchase:completed', what),
		expired: (userId, what) => io.to(`user:${userId}`).emit('reservation:expired', what),
		close: () => io.close(),
	};
}
