//! An upstream's answer on its way to the client: what is not for clients is taken away, and what we
//! have to say is added.

use http::header::{HeaderName, SET_COOKIE};
use http::{HeaderMap, StatusCode};
use pingora::{Error, ErrorType};
use token_source::Outgoing as _;

use super::answer_head::{AnswerHeaders, make_right};
use super::answer_watch::Answer;
use super::client::Client;
use super::exchange::Exchange;
use super::explain::EXPLAIN;
use super::view::{AnswerView, RequestView};
use super::{Gateway, http10, upgrade};
use gateway_limits::fields;
use gateway_pipeline::{Browser, Value, X_REQUEST_ID, drop_set};

static RATELIMIT: HeaderName = HeaderName::from_static("ratelimit");
static RATELIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The head of an answer has come: made right, and known to the way that it came by.
///
/// # Errors
///
/// Where it is none that its client could be given.
pub(super) fn receive(
    request: RequestView<'_>,
    status: StatusCode,
    headers: &mut impl AnswerHeaders,
    exchange: &mut Exchange,
) -> pingora::Result<()> {
    let site = exchange.client.site();
    if !status.is_informational()
        && let Some(upstream_request) = exchange.upstream_request_mut()
    {
        upstream_request.answered(status.as_u16(), site);
    }
    // An upstream that grants what nobody asked for speaks to somebody else.
    if status == StatusCode::SWITCHING_PROTOCOLS && !upgrade::wanted(request, exchange) {
        return Err(Error::explain(ErrorType::InvalidHTTPHeader, "unsolicited 101").into_up());
    }
    make_right(status, headers).map_err(|fault| fault.into_up())
}

impl Gateway {
    /// What an answer means for who waits for it, and for its connection, before its head goes out. Interim
    /// ones mean nothing.
    pub(super) async fn begin_answer(
        &self,
        client: &mut impl Client,
        answer: AnswerView<'_>,
        exchange: &mut Exchange,
    ) -> pingora::Result<()> {
        self.ask_again(client.request().method, exchange).await?;
        exchange.renew_on_response(client).await;
        let has_no_content = answer.has_no_content(client.request().method);
        if let Some(paced) = exchange.paced() {
            paced.answered();
            paced.answers(has_no_content);
        }
        let upgraded = answer.status == StatusCode::SWITCHING_PROTOCOLS;
        upgrade::name(client, answer.status, || answer.names_upgrade);
        http10::answers(client, answer, has_no_content);
        // What lies behind it is not read on: the client is told.
        if client.is_doubtful() && !upgraded {
            client.close_after_answer();
        }
        if upgrade::becomes_a_stream(answer) {
            let alone = !client.request().is_http2();
            self.watch(exchange, alone.then(|| self.parts.connections.streaming()));
            // Nothing may come on it for hours, by which it would show that its client has left.
            client.must_stay();
        } else if !exchange.is_stream() && !has_no_content {
            Answer::begins(exchange, answer.length.is_some());
        }
        if upgraded {
            upgrade::opened(client, exchange);
        }
        Ok(())
    }
}

/// Takes away what is not for clients, and adds what we have to say.
pub(super) fn apply_response_rules(
    headers: &mut impl AnswerHeaders,
    status: StatusCode,
    request: RequestView<'_>,
    exchange: &Exchange,
) {
    if status == StatusCode::SWITCHING_PROTOCOLS {
        upgrade::grant(request, headers, exchange);
    }
    clean(headers, exchange);
    if let Some(address_rewrite) = exchange.address_rewrite_of_answer(request, status) {
        address_rewrite.outward(headers);
    }
    if let Some(admitted) = exchange.admitted() {
        admitted.route().response_headers.apply(headers);
    }
    if exchange.browser.is_some() {
        drop_set(headers);
        if exchange.admitted().is_some_and(|admitted| admitted.route().takes_cookies()) {
            Browser::varies(headers);
        }
    }
    exchange.apply_response_rules(request.headers, headers);
    headers.set(&X_REQUEST_ID, Value::Is(exchange.request_id.as_value()));
    let charged = exchange.admitted().and_then(|admitted| fields(admitted.quota().charges(), None));
    if let Some(fields) = charged {
        // Appended: an upstream may have limits of its own.
        headers.add(&RATELIMIT, Value::Text(fields.limit.as_bytes()));
        headers.add(&RATELIMIT_POLICY, Value::Text(fields.policy.as_bytes()));
    }
}

/// An interim answer (1xx) goes on without what is not for clients. It sets no cookie: who reads one knows
/// nothing of the request yet.
pub(super) fn undress(headers: &mut impl AnswerHeaders, exchange: &Exchange) {
    clean(headers, exchange);
    for name in [SET_COOKIE, HeaderName::from_static(EXPLAIN)] {
        headers.remove(&name);
    }
}

/// Who answered is ours to say (RFC 9209), and of a service we do not.
const NOT_THEIRS: [&str; 3] = ["server", "keep-alive", "proxy-status"];

fn clean(headers: &mut impl AnswerHeaders, exchange: &Exchange) {
    let reserved = exchange.configured.decision.routes.reserved();
    let is_ours = |name: &str| NOT_THEIRS.iter().any(|ours| ours.eq_ignore_ascii_case(name));
    headers.take_out_all(|name| is_ours(name) || reserved.covers(name));
}

/// An identity of the upstream's making is not for clients, here neither.
pub(super) fn trailers(trailers: &mut HeaderMap, exchange: &Exchange) {
    let reserved = exchange.configured.decision.routes.reserved();
    trailers.take_out_all(|name| reserved.covers(name));
}
