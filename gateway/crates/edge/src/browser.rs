//! Browsers, where cookies are on: the one that asks, and the renewal of its session, which the decision
//! asks for and this carries out.

use std::sync::Arc;

use super::ApiClient;
use super::client::Client;
use super::exchange::Exchange;
use gateway_pipeline::{Browser, Cookies, RenewalStep, Renewed};

/// How browsers are spoken with.
pub struct Browsers {
    pub cookies: Arc<Cookies>,
}

impl Browsers {
    /// The browser that makes this request.
    pub(super) fn for_exchange(&self, exchange: &Exchange) -> Arc<Browser> {
        Arc::new(Browser::new(Arc::clone(&self.cookies), exchange.client.secure))
    }
}

impl Exchange {
    /// The first step of a renewal, in the middle of the decision.
    pub(super) async fn renew(&self, refresh: Option<&str>) -> Renewed {
        let Some(browser) = &self.browser else { return Renewed::Refused };
        let renewed = match refresh {
            Some(refresh) => {
                (self.configured.endpoints.renew)(refresh.to_owned(), RenewalStep::Begin, self.api_client())
                    .await
            }
            None => Renewed::Refused,
        };
        browser.renewed(refresh, &renewed);
        renewed
    }

    /// The second one: an answer begins, an upstream's or our own. Who sends no more has perhaps gone: what
    /// replaces a refresh token must not go to nobody, and no browser that waits closes its half.
    pub(super) async fn renew_on_response(&self, client: &impl Client) {
        let Some(browser) = &self.browser else { return };
        let Some(due) = browser.due() else { return };
        if !client.may_have_left() {
            let renewed =
                (self.configured.endpoints.renew)(due, RenewalStep::HandOver, self.api_client()).await;
            browser.handed_over(renewed);
        }
    }

    /// The client in the form that our endpoints take.
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
