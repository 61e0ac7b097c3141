/** Socket.IO with nothing else to do: sends everybody a message like `stock:update`, so many times a second.
 * Usage: node broadcast.mjs PORT RATE */
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const [port, rate] = process.argv.slice(2).map(Number);
const server = createServer((req, res) => { res.writeHead(404).end(); });
/* As the store beside it is set up: WebSocket alone, uncompressed. */
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
const started = performance.now();
const totalStock = 1_000_000;
let sent = 0;

/** Sends what is due by now: a timer that comes late must not lower the rate. */
function sendDue() {
	for (const due = (performance.now() - started) * rate / 1000; sent < due; sent++) {
		const stock = { totalStock, availableStock: totalStock - sent % 1000, reservedStock: sent % 1000, soldStock: 0 };

		io.emit('stock:update', { dropId: 1, version: sent + 2, ...stock,
			sizes: [{ size: '', ...stock, version: sent + 2 }], at: new Date() });
	}
}

server.listen(port, '127.0.0.1', 4096);
setInterval(sendDue, 1000 / rate);
