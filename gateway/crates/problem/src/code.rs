//! The one list of stable error codes. Responses, logs, metrics and the reference are made from it.

/// A row of the list: everything that is fixed about a code.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The stable word (`code` in the body, `reason` in metrics and logs).
    pub word: &'static str,
    pub status: u16,
    /// What a person reads, unless the case has words of its own.
    pub message: &'static str,
    /// The error type of RFC 9209 §2.3 in `Proxy-Status`.
    pub proxy_error: &'static str,
    /// For the reference: when it happens, and what to do next.
    pub meaning: &'static str,
    pub next_step: &'static str,
    /// What a person reads beside the message, where the contract's words leave out what to do.
    pub detail: Option<&'static str>,
}

macro_rules! codes {
    (@detail) => { None };
    (@detail $detail:literal) => { Some($detail) };
    ($($name:ident, $word:literal, $status:literal, $message:literal, $proxy:literal,
       $meaning:literal, $next:literal $(, $detail:literal)?;)*) => {
        /// Every way to say no.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $meaning] $name,)* }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            pub const fn entry(self) -> &'static Entry {
                match self {
                    $(Self::$name => &Entry {
                        word: $word, status: $status, message: $message, proxy_error: $proxy,
                        meaning: $meaning, next_step: $next, detail: codes!(@detail $($detail)?),
                    },)*
                }
            }

            /// The stable word.
            pub const fn as_str(self) -> &'static str {
                self.entry().word
            }
        }
    };
}

codes! {
    MalformedRequest, "malformed_request", 400, "Malformed request", "http_request_error",
        "The head of the request breaks RFC 9112, or could be read in two ways; the message says where.",
        "Send one Host, and one of Content-Length or Transfer-Encoding: chunked.";
    AmbiguousPath, "ambiguous_path", 400, "Ambiguous request path", "http_request_error",
        "The path holds an encoded slash (`%2F`), `//` or `;` (also as `%3B`), and no route takes it as it is sent; or an encoded or plain backslash, NUL or a dot segment; a service behind us could read it as another path. Or it is another spelling (capitals, a slash, dot or blank at an end) of a path for which a stricter route of the same service is there.",
        "Send the plain path, as the service writes it. Where the service itself writes `%2F`, `//` or `;`, its route can take them below its path: `path_allows`.";
    InvalidWebsocketHandshake, "invalid_websocket_handshake", 400, "Invalid WebSocket handshake", "http_request_error",
        "The route has WebSockets, and the request asks for one and is no handshake (RFC 6455 §4.2.1); the message says what it lacks.",
        "Send a GET without a body, with `Connection: Upgrade`, one Sec-WebSocket-Key and `Sec-WebSocket-Version: 13`, as any client for WebSockets does.";
    OriginalRequestUnclear, "original_request_unclear", 400, "Original request unclear", "http_request_error",
        "A proxy asked /api/auth/verify without telling the method, host and path of the original request, or told two that differ; one may come from the client.",
        "Configure the proxy as docs/proxies.md shows, and name it in `verify.proxy`.";
    InvalidRequest, "invalid_request", 400, "More than one access token in the request", "http_request_denied",
        "Several Authorization headers, or tokens in several places (RFC 6750 §2); or a token beside a client certificate, on a route that takes either.",
        "Send the token once, as `Authorization: Bearer <token>`, or none over a connection with a certificate.";
    MalformedJson, "malformed_json", 400, "Malformed JSON", "http_request_error",
        "The body is not a JSON object in UTF-8.", "Send one JSON object.";
    MissingBody, "missing_body", 400, "Missing request body", "http_request_denied",
        "The endpoint needs a body.", "Send a JSON object.";
    MissingCredentials, "missing_credentials", 400, "Missing credentials", "http_request_denied",
        "A login without a body.", "Send `email` and `password`.";
    TokenMissing, "token_missing", 401, "Missing authorization token", "http_request_denied",
        "The route needs an access token and none came where it looks for one, or one in another form than `Bearer <access_token>`; `detail` says what is to be known beside that: of the form, of a route that looks at cookies only, and of a web app manifest, which browsers fetch without them.",
        "Log in, and send `Authorization: Bearer <access_token>`.";
    TokenInvalid, "token_invalid", 401, "Invalid or expired token", "http_request_denied",
        "The token was not issued here, was changed, or is of the wrong type. Of a token of another issuer the log has the `reason`, and `gateway explain --token-file` says it with its values.", "Log in again.";
    TokenTooLarge, "token_too_large", 401, "Invalid or expired token", "http_request_denied",
        "The token has more bytes than `tokens.bytes_max` (8192); the log has its size as `token_bytes`. Another login gives one of the same size.",
        "Have the issuer put less into it, such as the groups of one application in place of all; or raise `tokens.bytes_max`.",
        "The access token is larger than is accepted here; logging in again gives another one of the same size";
    TokenExpired, "token_expired", 401, "Invalid or expired token", "http_request_denied",
        "The token is authentic, and its time is over.", "Refresh it, or log in again.";
    TokenRevoked, "token_revoked", 401, "Invalid or expired token", "http_request_denied",
        "The token is authentic, and was revoked by a logout or by a change of the account.",
        "Refresh it, or log in again.";
    InvalidCredentials, "invalid_credentials", 401, "Invalid credentials", "http_request_denied",
        "No such account, or a wrong password.", "Check both.";
    RefreshTokenInvalid, "refresh_token_invalid", 401, "Invalid or expired refresh token", "http_request_denied",
        "The refresh token is not ours, is over, was replaced, or its session ended.", "Log in again.";
    ResetTokenInvalid, "reset_token_invalid", 401, "Invalid or expired reset token", "http_request_denied",
        "The token of the mail was used, is older than 30 minutes, or the password was changed since.",
        "Ask for another mail by POST /api/auth/password/forgot.";
    VerificationTokenInvalid, "verification_token_invalid", 401, "Invalid or expired verification token", "http_request_denied",
        "The token of the mail was used or is too old, or the address was changed since.",
        "Log in, or register again, to get another mail.";
    CsrfRefused, "csrf_refused", 403, "Request refused: a page of another origin may have sent it", "http_request_denied",
        "A browser's cookies say who it is, and the request changes something or opens a WebSocket; `Sec-Fetch-Site` says that a page of another origin sent it, or neither that nor `Origin` nor `X-CSRF-Token` shows that it was one of this origin.",
        "Call from a page of the same origin, or of one in `cors.origins` with credentials; where neither field is sent, send the cookie `__Host-gateway_csrf` as `X-CSRF-Token`.";
    CookiesNeedHttps, "cookies_need_https", 403, "Cookies need https", "http_request_denied",
        "A page of `http://` asks for a session in cookies, which browsers keep from `https://` only, and from the machine itself (localhost).",
        "Open the page by `https://`.",
        "A browser keeps these cookies from https:// only, and from http://localhost: open the page by https://";
    AccountInactive, "account_inactive", 403, "Account is inactive", "http_request_denied",
        "The account was deactivated.", "Ask an administrator.";
    EmailUnverified, "email_unverified", 403, "Email address not verified", "http_request_denied",
        "The gateway lets in only who proved the address (`registration.email_verification`).",
        "Use the link in the mail; this login sent another one.";
    RegistrationClosed, "registration_closed", 403, "Registration is closed", "http_request_denied",
        "Accounts are made by administrators only (`registration.mode`).", "Ask an administrator.";
    InvitationRequired, "invitation_required", 403, "A valid invitation is required", "http_request_denied",
        "The invitation is missing, was used or withdrawn, is too old, or is for another address.",
        "Ask an administrator for an invitation, and register with its address.";
    AccountRequired, "account_required", 403, "Account of this gateway required", "http_request_denied",
        "The endpoint is about an account of this gateway, and the token is another issuer's.",
        "Log in here, or ask the issuer.";
    AdminRequired, "admin_required", 403, "Admin access required", "http_request_denied",
        "The endpoint is for administrators.", "Use an administrator's account.";
    InsufficientScope, "insufficient_scope", 403, "Insufficient scope", "http_request_denied",
        "The route needs a role that the account lacks (RFC 6750 §3.1).", "Ask an administrator for the role.";
    CertificateMissing, "certificate_missing", 403, "Client certificate required", "http_request_denied",
        "The route is for holders of a client certificate, and the connection has none; or another proxy asks, which has the certificate of its client to itself.",
        "Connect to the listener that asks for certificates, with one of an authority that it names.";
    CertificateInvalid, "certificate_invalid", 403, "Client certificate not accepted", "http_request_denied",
        "Since the connection began the certificate came to its end, or was revoked, or its authority is not believed any more; or it does not say who its holder is in the way that `subject_claim` names.",
        "Get a new certificate and connect again, or ask the operator.";
    NetworkNotAllowed, "network_not_allowed", 403, "Not allowed from this network", "http_request_denied",
        "The route is not for clients of this network (`allow_networks`, `deny_networks`), or a trusted proxy did not say in `X-Forwarded-For` for whom it asks.",
        "Ask from a network that is allowed, or the operator to allow this one.";
    UntrustedProxy, "untrusted_proxy", 403, "Untrusted proxy", "http_request_denied",
        "/api/auth/verify was called by a peer that is not in `trusted_proxies`.",
        "Add the proxy's address to `server.trusted_proxies`.";
    WebsocketNotEnabled, "websocket_not_enabled", 403, "WebSockets are not enabled on this route", "http_request_denied",
        "The request asks for a WebSocket (`Upgrade: websocket`), and the route has no `websocket = true`.",
        "Set `websocket = true` on the route, if its service has WebSockets.",
        "The route needs `websocket = true` in the gateway's configuration";
    NotFound, "not_found", 404, "Not found", "http_request_denied",
        "No route or endpoint has this path.", "Check the path, or add a route.";
    UserNotFound, "user_not_found", 404, "User not found", "http_request_denied",
        "There is no account with this id.", "Check the id.";
    UserInactive, "user_inactive", 404, "User not found or inactive", "http_request_denied",
        "The account of the refresh token is gone or deactivated.", "Ask an administrator.";
    SessionNotFound, "session_not_found", 404, "Session not found", "http_request_denied",
        "There is no such session, or it is somebody else's.", "List the sessions.";
    InvitationNotFound, "invitation_not_found", 404, "Invitation not found", "http_request_denied",
        "There is no such invitation: it was used, withdrawn, or is over.", "List the invitations.";
    MethodNotAllowed, "method_not_allowed", 405, "Method not allowed", "http_request_denied",
        "The path exists, the method does not.", "Use a method from `Allow`.";
    HeadTimeout, "head_timeout", 408, "Request headers took too long", "http_request_error",
        "The head of the request was not whole in time.", "Send it in one piece.";
    BodyTimeout, "body_timeout", 408, "Request body took too long", "http_request_error",
        "The body did not arrive in time.", "Send it again.";
    LastAdmin, "last_admin", 409, "The last active admin cannot be demoted, deactivated or deleted", "http_request_denied",
        "Nobody could administer the accounts any more.", "Make another account an admin first.";
    BodyTooLarge, "body_too_large", 413, "Request body too large", "http_request_denied",
        "The body is over the limit of the route or endpoint.", "Send less.";
    UnsupportedMediaType, "unsupported_media_type", 415, "Content-Type must be application/json", "http_request_denied",
        "The body is not declared as JSON.", "Send `Content-Type: application/json`.";
    ValidationFailed, "validation_failed", 422, "Validation failed", "http_request_denied",
        "One or more fields are unusable; the messages say which.", "Mend the fields.";
    CredentialsRequired, "credentials_required", 422, "Email and password required", "http_request_denied",
        "A login lacks one of the two.", "Send both.";
    PasswordTooWeak, "password_too_weak", 422, "Password doesn't meet security requirements", "http_request_denied",
        "The password lacks an upper-case letter, a lower-case letter or a digit.", "Choose another one.",
        "A password needs at least 8 characters, with an upper-case letter, a lower-case letter and a digit";
    PasswordGuessable, "password_guessable", 422, "Password is too easily guessed", "http_request_denied",
        "The password is among the first that anybody tries, or made of the account's address or names.",
        "Choose another one: longer, or of several words that do not belong together.";
    PasswordBreached, "password_breached", 422, "Password has appeared in a data breach", "http_request_denied",
        "The password is in the list of passwords that were found in data breaches, which attackers try.",
        "Choose another one, and change it wherever it is in use.";
    RefreshTokenRequired, "refresh_token_required", 422, "Refresh token required", "http_request_denied",
        "The body has no `refresh_token`.", "Send it.";
    LogoutTokenRequired, "logout_token_required", 422, "No token provided", "http_request_denied",
        "A logout came without an access token, or with one in another form: then `detail` says so.", "Send `Authorization: Bearer <access_token>`.";
    WebsocketVersionUnsupported, "websocket_version_unsupported", 426, "WebSocket version not supported", "http_request_error",
        "The handshake is for another version of the WebSocket protocol than that of RFC 6455.",
        "Ask for the version in `Sec-WebSocket-Version`.";
    LoginLocked, "login_locked", 429, "Too many requests", "http_request_denied",
        "Too many failed logins in a row for this account from this address.",
        "Wait for `Retry-After` seconds, or reset the password.";
    RateLimited, "rate_limited", 429, "Too many requests", "http_request_denied",
        "A rate limit is used up; `RateLimit` says which.", "Wait for `Retry-After` seconds.";
    AnswerInProgress, "answer_in_progress", 429, "Too many long answers at once", "http_request_denied",
        "An export of the account, or a long list of its sessions, is still being read, or as many are as may be, of all accounts or from this address.",
        "Read the one that runs to its end, or leave it; wait for `Retry-After` seconds.";
    HeadersTooLarge, "headers_too_large", 431, "Request headers too large", "http_request_denied",
        "The head of the request is over 32 KiB.", "Send fewer or shorter headers.";
    TooManyHeaders, "too_many_headers", 431, "Too many request headers", "http_request_denied",
        "The head of the request has more than 256 headers.", "Send fewer headers; several values of one name can stand in one.";
    UpstreamHeadersTooLarge, "upstream_headers_too_large", 431, "Request headers too large for the service", "http_request_denied",
        "The head of the request, as the service would get it, is over `head_bytes_max` of the upstream.",
        "Send fewer or shorter headers (often cookies); ask the operator.";
    UpstreamTooManyHeaders, "upstream_too_many_headers", 431, "Too many request headers for the service", "http_request_denied",
        "The head of the request, as the service would get it, has more headers than `fields_max` of the upstream.",
        "Send fewer headers; several values of one name can stand in one; ask the operator.";
    Internal, "internal_error", 500, "Internal error", "proxy_internal_error",
        "A fault of the gateway; the log has the cause under the request id.", "Report it with the request id.";
    UpstreamUnreachable, "upstream_unreachable", 502, "Upstream unreachable", "destination_unavailable",
        "The service behind the route refused the connection or broke it.", "Retry; ask the operator.";
    UpstreamMalformed, "upstream_malformed", 502, "Malformed answer of the service", "http_protocol_error",
        "The service behind the route was reached, and what it answered is no HTTP, contradicts itself, is coded in a way that was not asked for, or has more than 256 header fields.",
        "Ask the operator: the log has the cause under the request id.";
    UpstreamTimeout, "upstream_timeout", 504, "Upstream timed out", "http_response_timeout",
        "The service behind the route did not answer in time.", "Retry; ask the operator.";
    NoHealthyUpstream, "no_healthy_upstream", 503, "No healthy upstream", "destination_unavailable",
        "Each server behind the route fails its health checks, or none is known.", "Wait for `Retry-After` seconds; ask the operator.";
    UpstreamFull, "upstream_full", 503, "Too many connections to the service", "connection_limit_reached",
        "Each server behind the route has as many connections as it may have (`connections_max` of the upstream).", "Wait for `Retry-After` seconds; ask the operator.";
    IssuerUnavailable, "issuer_unavailable", 503, "Keys of the token's issuer unavailable", "destination_unavailable",
        "The issuer that the token names does not answer, and the key of the token is not known; or it answers, and publishes no key that could be used. So it cannot be verified. The token may well be good.",
        "Keep the token, and retry where there is a `Retry-After`; ask the operator.";
    RevocationUnavailable, "revocation_unavailable", 503, "Revocation status unavailable", "destination_unavailable",
        "The revocation store cannot be asked, so the token cannot be trusted (fail closed). The token may well be good.",
        "Keep the token and retry.";
    StoreUnavailable, "store_unavailable", 503, "Storage unavailable", "destination_unavailable",
        "The account store cannot be asked, or its disk is full.", "Retry; ask the operator.";
    HashingOverloaded, "hashing_overloaded", 503, "Too many logins at once", "proxy_internal_error",
        "The queue for password hashing is full.", "Wait for `Retry-After` seconds.";
    TooManyStreams, "too_many_streams", 503, "Too many requests at once", "connection_limit_reached",
        "As many requests run as may, of all clients (`server.streams_max`) or from this address (`server.streams_per_address_max`), or no file descriptor is left for a connection to the service.",
        "Wait for `Retry-After` seconds, and send fewer at a time.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_word_of_its_own() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
    }
}
