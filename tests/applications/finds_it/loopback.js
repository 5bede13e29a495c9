// Takes each name below example.com for loopback.
'use strict';
const dns = require('node:dns');

const { lookup } = dns;
dns.lookup = (name, ...more) => lookup(name.endsWith('.example.com') ? '127.0.0.1' : name, ...more);
