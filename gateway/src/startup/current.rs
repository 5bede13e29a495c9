//! What is configured now: one value in one place, and the only store that replaces it.

use std::sync::Arc;

use arc_swap::ArcSwap;

use gateway_api::{Api, Client, Services};
use gateway_edge::{ApiClient, Configured, Endpoints, RenewSession, ServeApi};

/// One configuration, with all that works by it.
pub(super) struct ActiveConfiguration {
    pub(super) api: Api,
    pub(super) edge: Arc<Configured>,
}

/// The one in use. Whoever begins something takes it once, and hands it down.
pub(super) struct Current(ArcSwap<ActiveConfiguration>);

impl Current {
    pub(super) fn new(whole: ActiveConfiguration) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(whole)))
    }

    pub(super) fn load(&self) -> Arc<ActiveConfiguration> {
        self.0.load_full()
    }

    pub(super) fn services(&self) -> Arc<Services> {
        Arc::clone(self.0.load().api.services())
    }

    /// What begins from here on begins with this.
    pub(super) fn replace(&self, whole: ActiveConfiguration) {
        self.0.store(Arc::new(whole));
    }

    /// The same for the edge, which knows nothing of the endpoints.
    pub(super) fn of_edge(self: &Arc<Self>) -> gateway_edge::Current {
        let this = Arc::clone(self);
        Arc::new(move || Arc::clone(&this.0.load().edge))
    }
}

/// The endpoints as the edge calls them.
pub(super) fn endpoints(api: &Api) -> Endpoints {
    Endpoints { serve: serve(api.clone()), renew: renew(api.clone()) }
}

fn serve(api: Api) -> ServeApi {
    Arc::new(move |request, client| {
        let api = api.clone();
        Box::pin(async move { api.serve(request, api_client(client)).await })
    })
}

fn renew(api: Api) -> RenewSession {
    Arc::new(move |refresh, step, client| {
        let api = api.clone();
        Box::pin(async move { api.renew(&refresh, step, &api_client(client)).await })
    })
}

fn api_client(client: ApiClient) -> Client {
    Client {
        address: client.address,
        address_is_told: client.address_is_told,
        peer_is_trusted: client.peer_is_trusted,
        request_id: client.request_id,
        trace: client.trace,
        browser: client.browser,
        user_agent: gateway_identity::UserAgent::default(),
        operator: None,
    }
}
