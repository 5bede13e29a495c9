// A real browser without a window: goes to pages and runs scripts in them, as the steps say that
// come as JSON in STEPS. Prints one line of JSON: what each script came to.
'use strict';
const { spawn } = require('node:child_process');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { WebSocket } = require('ws');

const profile = mkdtempSync(join(tmpdir(), 'cookies-browser-'));
const browser = spawn(process.env.CHROMIUM || 'chromium', [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--ignore-certificate-errors',
  '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // Names that are nobody's.
  '--host-resolver-rules=MAP *.test 127.0.0.1, MAP *.example.com 127.0.0.1',
  '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank',
], { stdio: ['ignore', 'ignore', 'pipe'] });

let number = 0;
const waiting = new Map();
let socket;
const call = (method, params = {}, sessionId) => new Promise((resolve, reject) => {
  number += 1;
  waiting.set(number, (answer) => (answer.error ? reject(new Error(`${method}: ${answer.error.message}`)) : resolve(answer.result)));
  socket.send(JSON.stringify({ id: number, method, params, sessionId }));
});

async function main() {
  const address = await new Promise((resolve, reject) => {
    let said = '';
    browser.stderr.on('data', (chunk) => {
      said += chunk;
      const found = said.match(/DevTools listening on (\S+)/);
      if (found) resolve(found[1]);
    });
    browser.on('exit', () => reject(new Error(`the browser ended: ${said}`)));
  });
  socket = new WebSocket(address);
  socket.on('message', (data) => {
    const message = JSON.parse(data);
    if (message.id) waiting.get(message.id)(message);
  });
  await new Promise((resolve) => socket.on('open', resolve));
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
  await call('Page.enable', {}, sessionId);
  const results = [];
  for (const step of JSON.parse(process.env.STEPS)) {
    if (step.go) {
      // The event of a page before may come late: only the address says which page is there.
      await call('Page.navigate', { url: step.go }, sessionId);
      const expression = `document.readyState === 'complete' && location.href === ${JSON.stringify(step.go)}`;
      const until = Date.now() + 60000;
      // Between two pages there is nothing to ask.
      const there = () => call('Runtime.evaluate', { expression, returnByValue: true }, sessionId).catch(() => null);
      while (!(await there())?.result.value) {
        if (Date.now() > until) throw new Error(`${step.go} is not there`);
      }
    } else if (step.forget) {
      await call('Network.deleteCookies', step.forget, sessionId);
    } else if (step.manifest) {
      // The browser fetches it when somebody wants it.
      results.push((await call('Page.getAppManifest', {}, sessionId)).data || null);
    } else {
      const asked = { expression: step.run, awaitPromise: true, returnByValue: true };
      const { result, exceptionDetails } = await call('Runtime.evaluate', asked, sessionId);
      if (exceptionDetails) throw new Error(`${step.run}: ${JSON.stringify(exceptionDetails)}`);
      results.push(result.value ?? null);
    }
  }
  console.log(JSON.stringify(results));
}

main()
  .catch((failure) => console.log(JSON.stringify({ failure: failure.message })))
  .finally(() => {
    browser.removeAllListeners('exit');
    browser.on('exit', () => {
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
      process.exit();
    });
    // Asked to end, it waits for those of its processes that still write into the profile.
    if (socket?.readyState === WebSocket.OPEN) call('Browser.close').catch(() => browser.kill());
    else browser.kill();
  });
