// Addresses to come from. The limits of the log-in doors count by address, and a whole town behind one address meets them within a
// minute. Here everybody has an address of his own on this machine, as people have in life, and the limits stay what they are.

import { once } from 'node:events';
import http from 'node:http';
import { randomInt } from 'node:crypto';

const area = [randomInt(1, 255), randomInt(256)];
let given = 0;

/** An address of 127.0.0.0/8 that no other page of this run comes from. */
function ownAddress() {
  given += 1;
  return `127.${area.join('.')}.${given}`;
}

/** A forwarding proxy of this process: what goes through it comes to the server from an own address. Ends with the process. */
export async function ownDoor() {
  const localAddress = ownAddress();
  const agent = new http.Agent({ keepAlive: true, localAddress });
  const proxy = http.createServer((request, answer) => {
    const { hostname, port, pathname, search } = new URL(request.url);
    const onward = http.request(
      { hostname, port, path: pathname + search, method: request.method, headers: request.headers, localAddress, agent },
      (incoming) => {
        answer.writeHead(incoming.statusCode, incoming.rawHeaders);
        incoming.pipe(answer);
      },
    );
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    request.pipe(onward);
  });
  proxy.listen(0, '127.0.0.1').unref();
  await once(proxy, 'listening');
  return { proxy: { server: `http://127.0.0.1:${proxy.address().port}` }, close: () => { proxy.closeAllConnections(); proxy.close(); agent.destroy(); } };
}
