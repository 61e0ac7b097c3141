/** Socket.IO with nothing else to do: sends everybody a message like `stock:update`, as many times a second as the last line of
 * standard input says. Usage: node broadcast.mjs PORT */
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { Server } from 'socket.io';

const port = Number(process.argv[2]);
const server = createServer((req, res) => { res.writeHead(404).end(); });
/* As the store beside it is set up: WebSocket alone, uncompressed. */
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
const totalStock = 1_000_000;
let version = 1;
/** @type {NodeJS.Timeout|undefined} */
let timer;

function send() {
	version++;
	const stock = { totalStock, availableStock: totalStock - version % 1000, reservedStock: version % 1000, soldStock: 0 };

	io.emit('stock:update', { dropId: 1, version, ...stock, sizes: [{ size: '', ...stock, version }], at: new Date() });
}

/** Sends what is due by now: a timer that comes late must not lower the rate. @param {number} rate  a second; 0: nothing */
function sendSteadily(rate) {
	const started = performance.now();
	let sent = 0;

	clearInterval(timer);
	if (rate > 0)
		timer = setInterval(() => {
			for (const due = (performance.now() - started) * rate / 1000; sent < due; sent++)
				send();
		}, 1000 / rate);
}

server.listen(port, '127.0.0.1', 4096);
createInterface({ input: process.stdin }).on('line', (line) => sendSteadily(Number(line)));
