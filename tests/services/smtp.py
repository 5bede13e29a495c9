"""A mail server for the tests: aiosmtpd, with the faults that a test asks for.

It prints its port, and then one line of JSON for each thing that happens to it.
"""

import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

# It warns of what the tests want, and tells of the faults of clients.
warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

OPTIONS = json.loads(sys.argv[1])
BEHAVIOUR = OPTIONS["behaviour"]


def tell(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


def context():
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(OPTIONS["certificate"], OPTIONS["key"])
    return made


def is_encrypted(server):
    return server.transport.get_extra_info("ssl_object") is not None


def authenticate(server, session, envelope, mechanism, login):
    user, word = login.login.decode(), login.password.decode()
    tell("login", user=user, encrypted=is_encrypted(server))
    right = user == OPTIONS["user"] and word == OPTIONS["password"]
    # Repeats what it was told, as no server should.
    return AuthResult(success=right, handled=False, message=None if right else f"535 5.7.8 {word} is wrong")


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        if BEHAVIOUR == "refuse_sender":
            return f"550 5.7.1 {address} may not send"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        tell("recipient", to=address)
        if BEHAVIOUR.startswith("refuse_recipient_"):
            code = BEHAVIOUR.rsplit("_", 1)[1]
            return f"{code} {code[0]}.1.1 <{address}>: nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        parsed = email.message_from_bytes(envelope.original_content, policy=email.policy.default)
        if BEHAVIOUR.startswith("refuse_contents_"):
            # Repeats a part of the mail, as filters do.
            text = parsed.get_body(("plain",)).get_content()
            return f"{BEHAVIOUR.rsplit('_', 1)[1]} 5.7.1 bad words: {' '.join(text.split())}"
        form = lambda kind: (body := parsed.get_body((kind,))) and body.get_content()
        tell(
            "mail",
            envelope_from=envelope.mail_from,
            envelope_to=envelope.rcpt_tos,
            hello=session.host_name,
            encrypted=is_encrypted(server),
            authenticated=session.authenticated,
            headers=[[name, str(value)] for name, value in parsed.items()],
            text=form("plain").replace("\r\n", "\n"),
            html=form("html").replace("\r\n", "\n"),
            raw=envelope.original_content.decode("ascii"),
        )
        return "250 OK"


def mail_server():
    login = bool(OPTIONS["user"])
    kind = OPTIONS["kind"]
    options = {"hostname": "mail.test", "ident": "test"}
    if login:
        options.update(authenticator=authenticate, auth_required=True)
        options.update(auth_require_tls=kind == "starttls" and BEHAVIOUR != "no_starttls")
    if kind == "starttls" and BEHAVIOUR != "no_starttls":
        options.update(tls_context=context(), require_starttls=True)
    return SMTP(Handler(), **options)


class Hang(asyncio.Protocol):
    """Takes the connection, and never says a word."""

    def connection_made(self, transport):
        self.transport = transport
        tell("connection")


class Drop(asyncio.Protocol):
    """Ends the conversation after the greeting."""

    def connection_made(self, transport):
        self.transport = transport
        tell("connection")
        transport.write(b"220 mail.test\r\n")

    def data_received(self, data):
        self.transport.abort()


async def inject(reader, writer):
    """In the middle: says more after the answer to STARTTLS than belongs there."""
    writer.write(b"220 mail.test\r\n")
    while line := await reader.readline():
        if line.upper().startswith(b"EHLO"):
            writer.write(b"250-mail.test\r\n250 STARTTLS\r\n")
        elif line.upper().startswith(b"STARTTLS"):
            writer.write(b"220 go on\r\n250-mail.test\r\n250 AUTH PLAIN\r\n235 welcome\r\n")
            break
    await writer.drain()
    try:
        await writer.start_tls(context())
    except (OSError, ssl.SSLError) as fault:
        tell("handshake_failed", why=str(fault))
        return
    while line := await reader.readline():
        tell("after_tls", line=line.decode("ascii", "replace"))


async def main():
    loop = asyncio.get_running_loop()
    # Faults of a client are what some tests are about.
    loop.set_exception_handler(lambda loop, context: None)
    tls = context() if OPTIONS["kind"] == "tls" else None
    if BEHAVIOUR == "inject":
        server = await asyncio.start_server(inject, "127.0.0.1", 0)
    else:
        factory = {"hang": Hang, "drop": Drop}.get(BEHAVIOUR, mail_server)
        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
