// Calls of gRPC by Node's own package. Prints the code of each, as JSON.
'use strict';
const grpc = require('@grpc/grpc-js');

const { address, calls } = JSON.parse(process.env.CALLS);
const client = new grpc.Client(address, grpc.credentials.createInsecure());
const raw = (message) => message;

const call = ([method, token, goesOn]) =>
  new Promise((resolve) => {
    const metadata = new grpc.Metadata();
    if (token) metadata.set('authorization', `Bearer ${token}`);
    const options = { deadline: Date.now() + 20000 };
    if (!goesOn) {
      client.makeUnaryRequest(method, raw, raw, Buffer.from('hello'), metadata, options, (fault) => resolve(fault ? fault.code : 0));
      return;
    }
    const stream = client.makeBidiStreamRequest(method, raw, raw, metadata, options);
    stream.on('status', (status) => resolve(status.code));
    stream.on('error', () => {});
    stream.on('data', () => {});
    stream.write(Buffer.from('hello'));
  });

(async () => {
  const codes = [];
  for (const one of calls) codes.push(await call(one));
  console.log(JSON.stringify(codes));
  client.close();
})();
