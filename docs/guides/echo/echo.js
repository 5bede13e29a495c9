// Answers with the headers that it saw: node echo.js 3000
const http = require("node:http");

const server = http.createServer((request, response) => {
  // Trailers are there once the body has been read.
  request.resume().on("end", () => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ headers: request.rawHeaders, trailers: request.rawTrailers }));
  });
});

server.listen(Number(process.argv[2] ?? 3000), "127.0.0.1", () => {
  console.log(`listening on 127.0.0.1:${server.address().port}`);
});
