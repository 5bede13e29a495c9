//! Browsers, where cookies are on: what the pipeline has to know of the one that asks.

use std::sync::Arc;

use pingora::protocols::http::v1::server::HttpSession;
use pingora::proxy::Session;

use super::ApiClient;
use super::exchange::Exchange;
use crate::pipeline::{Browser, Cookies, Renew};

/// How browsers are spoken with.
pub struct Browsers {
    pub cookies: Arc<Cookies>,
}

impl Browsers {
    /// The browser that makes this request.
    pub(super) fn of(&self, exchange: &Exchange) -> Arc<Browser> {
        let (renew, client) = (Arc::clone(&exchange.configured.endpoints.renew), exchange.api_client());
        let renew: Renew = Box::new(move |refresh, step| renew(refresh, step, client.clone()));
        Arc::new(Browser::new(Arc::clone(&self.cookies), exchange.client.secure, Some(renew)))
    }
}

impl Exchange {
    /// An answer begins, an upstream's or our own. Who sends no more has perhaps gone: what replaces a
    /// refresh token must not go to nobody, and no browser that waits closes its half.
    pub(super) async fn settle(&self, session: &Session) {
        let may_have_gone = session.as_http1().is_some_and(HttpSession::is_half_closed);
        if let Some(browser) = self.browser.as_ref().filter(|_| !may_have_gone) {
            browser.settle().await;
        }
    }

    /// Who asks, as our endpoints take it.
    pub(super) fn api_client(&self) -> ApiClient {
        ApiClient {
            address: self.client.client,
            address_is_told: self.client.is_told(),
            peer_is_trusted: self.client.peer_is_trusted,
            request_id: self.request_id.clone(),
            trace: self.trace.map(|context| context.trace),
            browser: self.browser.clone(),
        }
    }
}
