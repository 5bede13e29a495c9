// Swagger UI in a real browser without a window. Opens PAGE, counts what it shows, tries out the
// operations that TRIES names, and prints one line of JSON: what was seen, what each came to, all that
// was requested, and all that the console or the policy complained of.
'use strict';
const { spawn } = require('node:child_process');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { WebSocket } = require('ws');

const profile = mkdtempSync(join(tmpdir(), 'docs-browser-'));
const browser = spawn(process.env.CHROMIUM || 'chromium', [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  '--remote-debugging-port=0', `--user-data-dir=${profile}`, 'about:blank',
], { stdio: ['ignore', 'ignore', 'pipe'] });

let number = 0;
let socket;
const waiting = new Map();
const requested = [];
const complaints = [];
const call = (method, params = {}, sessionId) => new Promise((resolve, reject) => {
  number += 1;
  waiting.set(number, (answer) => (answer.error ? reject(new Error(`${method}: ${answer.error.message}`)) : resolve(answer.result)));
  socket.send(JSON.stringify({ id: number, method, params, sessionId }));
});

function heard({ method, params }) {
  if (method === 'Network.requestWillBeSent') requested.push(params.request.url);
  if (method === 'Runtime.exceptionThrown') complaints.push(params.exceptionDetails.text);
  if (method === 'Log.entryAdded' && params.entry.level === 'error') complaints.push(params.entry.text);
  if (method === 'Runtime.consoleAPICalled' && ['error', 'assert'].includes(params.type)) {
    complaints.push(params.args.map((one) => one.value || one.description).join(' '));
  }
}

// What runs in the page. A step waits for what it needs to be there, by the page's own changes.
const inPage = `
  window.there = (find) => new Promise((resolve, reject) => {
    const look = () => { const found = find(); if (found) { watcher.disconnect(); resolve(found); } };
    const watcher = new MutationObserver(look);
    watcher.observe(document, { childList: true, subtree: true, attributes: true });
    setTimeout(() => reject(new Error('not there: ' + find)), 60000);
    look();
  });
  window.tryOut = async ({ operation, body }) => {
    const block = await there(() => document.querySelector('[id$="-' + operation + '"].opblock'));
    block.querySelector('.opblock-summary-control').click();
    (await there(() => block.querySelector('.try-out__btn'))).click();
    if (body) {
      const area = await there(() => block.querySelector('textarea.body-param__text'));
      Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, 'value').set.call(area, JSON.stringify(body));
      area.dispatchEvent(new Event('input', { bubbles: true }));
      area.dispatchEvent(new Event('change', { bubbles: true }));
    }
    (await there(() => block.querySelector('.execute:not([disabled])'))).click();
    const answer = await there(() => block.querySelector('.live-responses-table .response'));
    return {
      status: answer.querySelector('.response-col_status').textContent.trim().slice(0, 3),
      body: answer.querySelector('.highlight-code, .microlight').textContent,
    };
  };
`;

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
    else heard(message);
  });
  await new Promise((resolve) => socket.on('open', resolve));
  const { targetId } = await call('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = await call('Target.attachToTarget', { targetId, flatten: true });
  for (const domain of ['Page', 'Network', 'Runtime', 'Log']) await call(`${domain}.enable`, {}, sessionId);
  await call('Page.addScriptToEvaluateOnNewDocument', { source: inPage }, sessionId);
  await call('Page.navigate', { url: process.env.PAGE }, sessionId);
  const run = async (expression) => {
    const asked = { expression, awaitPromise: true, returnByValue: true };
    const { result, exceptionDetails } = await call('Runtime.evaluate', asked, sessionId);
    if (exceptionDetails) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  };
  // The new document may not have begun yet: then there is nothing to wait in.
  const look = `typeof there === 'function' && location.href === ${JSON.stringify(process.env.PAGE)}`;
  while (!(await run(look)));
  const shown = await run(`there(() => document.querySelector('.opblock')).then(() =>
    [...document.querySelectorAll('.opblock')].map((block) =>
      block.querySelector('.opblock-summary-method').textContent.trim() + ' ' +
      block.querySelector('.opblock-summary-path').getAttribute('data-path')))`);
  const tried = [];
  for (const one of JSON.parse(process.env.TRIES)) tried.push(await run(`tryOut(${JSON.stringify(one)})`));
  console.log(JSON.stringify({ shown, tried, requested, complaints }));
}

main()
  .catch((failure) => console.log(JSON.stringify({ failure: failure.message, requested, complaints })))
  .finally(() => {
    browser.removeAllListeners('exit');
    browser.on('exit', () => {
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
      process.exit();
    });
    // Of itself, so that none of its processes goes on writing; or else by force.
    if (socket && socket.readyState === WebSocket.OPEN) call('Browser.close').catch(() => browser.kill());
    else browser.kill();
  });
