//! Browsers, where cookies are on: the one that asks, and the renewal of its session, which the decision
//! asks for and this carries out.

use std::sync::Arc;

use super::client::Client;
use super::exchange::Exchange;
use super::{ApiClient, RenewSession};
use crate::pipeline::{Browser, Cookies, RenewalStep, Renewed};

/// How browsers are spoken with.
pub struct Browsers {
    pub cookies: Arc<Cookies>,
    pub renew: RenewSession,
}

/// The browser that makes one request, and who renews its session.
pub(super) struct Visitor {
    pub(super) browser: Arc<Browser>,
    renew: RenewSession,
}

impl Browsers {
    /// The browser that makes this request.
    pub(super) fn of(&self, exchange: &Exchange) -> Visitor {
        let browser = Browser::new(Arc::clone(&self.cookies), exchange.client.secure);
        Visitor { browser: Arc::new(browser), renew: Arc::clone(&self.renew) }
    }
}

impl Exchange {
    /// The first step of a renewal, in the middle of the decision.
    pub(super) async fn renew(&self, refresh: Option<&str>) -> Renewed {
        let Some(visitor) = &self.browser else { return Renewed::Refused };
        let renewed = match refresh {
            Some(refresh) => (visitor.renew)(refresh.to_owned(), RenewalStep::Begin, self.api_client()).await,
            None => Renewed::Refused,
        };
        visitor.browser.renewed(refresh, &renewed);
        renewed
    }

    /// The second one: an answer begins, an upstream's or our own. Who sends no more has perhaps gone: what
    /// replaces a refresh token must not go to nobody, and no browser that waits closes its half.
    pub(super) async fn settle(&self, client: &impl Client) {
        let Some(visitor) = &self.browser else { return };
        let Some(due) = visitor.browser.due() else { return };
        if !client.may_have_left() {
            let renewed = (visitor.renew)(due, RenewalStep::HandOver, self.api_client()).await;
            visitor.browser.handed_over(renewed);
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
            browser: self.browser.as_ref().map(|visitor| Arc::clone(&visitor.browser)),
        }
    }
}
