import fs from 'node:fs'; import os from 'node:os'; import path from 'node:path';
import { makeBridge, Machine } from './net.mjs'; import { Database } from './database.mjs';
const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'lastpair-cluster-')); fs.chmodSync(parent, 0o755);
console.log(parent, process.pid);
makeBridge();
const ms = [1,2,3].map((i) => new Machine(`db${i}`, 30+i, parent));
const db = new Database(ms);
const t=Date.now();
try { await db.start(); console.log('whole', Date.now()-t, await db.roles()); } catch (e) { console.log(e); }
process.exit(0);
