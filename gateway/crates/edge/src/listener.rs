//! Listening: sockets are bound by ourselves, so that a taken port is a clear error at once, and not
//! by Pingora, which would retry for half a minute and then panic in a task.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use pingora::proxy::http_proxy;
use pingora::server::configuration::ServerConf;
use pingora::services::ServiceWithDependents;
use tokio::sync::watch;

use super::Gateway;
use super::accepting::{Accepting, OnReady};
use super::configured::Current;
use super::connection_handler::ConnectionHandler;
use super::connections::Connections;
use super::descriptors::Descriptors;
use super::gateway::Callbacks;
use super::handover::{Handover, Inherited};
use super::operations::Operations;
use super::operator::Operator;
use super::public_listener::{ListenerSettings, PublicListener};

/// A socket that listens. Clients that connect from now on wait in the kernel's queue.
pub struct Bound {
    listener: TcpListener,
    pub address: SocketAddr,
}

/// Connections that may wait to be accepted: also for as long as another binary takes over.
const BACKLOG: i32 = 4_096;

impl Bound {
    /// What listened at this address before, or a new socket. Port 0 takes a free one.
    pub fn inherit_or_bind(
        address: SocketAddr,
        inherited: &mut Inherited,
        handover: &Handover,
    ) -> Result<Self, String> {
        let bound = match inherited.listener(address) {
            Some(listener) => {
                let address = listener.local_addr();
                Self { address: address.map_err(|fault| fault.to_string())?, listener }
            }
            None => Self::bind(address)?,
        };
        handover.leave_listener(address, &bound.listener);
        Ok(bound)
    }

    fn bind(address: SocketAddr) -> Result<Self, String> {
        let explain = |fault: std::io::Error| match fault.kind() {
            std::io::ErrorKind::AddrInUse => {
                format!(
                    "cannot listen on {address}: the port is taken by another program; stop it or choose another port"
                )
            }
            std::io::ErrorKind::PermissionDenied => {
                format!(
                    "cannot listen on {address}: not permitted; ports below 1024 need CAP_NET_BIND_SERVICE"
                )
            }
            std::io::ErrorKind::AddrNotAvailable => {
                format!("cannot listen on {address}: this machine has no such address")
            }
            _ => format!("cannot listen on {address}: {fault}"),
        };
        let listener = TcpListener::bind(address).map_err(explain)?;
        listener.set_nonblocking(true).map_err(explain)?;
        // The standard library asks for 128.
        rustix::net::listen(&listener, BACKLOG).map_err(|fault| explain(fault.into()))?;
        let address = listener.local_addr().map_err(explain)?;
        Ok(Self { listener, address })
    }

    /// Must be called on the runtime that accepts what comes in.
    pub(super) fn into_listener(self) -> std::io::Result<tokio::net::TcpListener> {
        self.listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(self.listener)
    }
}

/// What the public service is made of.
pub struct Public {
    pub gateway: Gateway,
    pub connections: Arc<Connections>,
    pub descriptors: Arc<Descriptors>,
    pub listeners: Vec<(ListenerSettings, Bound)>,
    pub threads: usize,
    /// No new connections.
    pub drain: watch::Receiver<bool>,
    /// And no more requests on those that are there. Set before `drain`, or not at all: then those
    /// that are idle are left to the next process.
    pub closing: watch::Receiver<bool>,
    pub handover: Arc<Handover>,
    pub inherited: Inherited,
    pub ready: OnReady,
}

/// The public service: all listeners, on the same threads.
pub fn proxy_service(conf: &Arc<ServerConf>, public: Public) -> Box<dyn ServiceWithDependents> {
    let listeners = public.listeners.into_iter().enumerate();
    let (listeners, bound): (Vec<_>, Vec<_>) = listeners
        .map(|(number, (settings, bound))| (PublicListener::new(number, settings, &bound), bound))
        .unzip();
    let (metrics, streams) = (public.gateway.metrics(), Arc::clone(&public.gateway.parts.streams));
    let current = Current::clone(&public.gateway.parts.current);
    let gateway = Arc::new(public.gateway);
    let mut proxy = http_proxy(conf, Callbacks(Arc::clone(&gateway)));
    // Nobody gets a tunnel: who asks for one by HTTP/2 is answered by us, and not by Pingora, bare.
    let options = proxy.server_options.get_or_insert_default();
    options.allow_connect_method_proxying = true;
    let connection_handler = Arc::new(ConnectionHandler {
        metrics,
        streams,
        current,
        proxy: Arc::new(proxy),
        gateway,
        connections: public.connections,
        descriptors: public.descriptors,
        listeners: listeners.into_iter().map(Arc::new).collect(),
        drain: public.drain.clone(),
        closing: public.closing,
        handover: public.handover,
    });
    let (ready, carrier) = (public.ready, Arc::clone(&connection_handler));
    let connections = public.inherited.connections;
    let adopt: OnReady = Box::new(move || {
        for (peer, connection) in connections {
            connection_handler.adopt(peer, connection);
        }
        ready();
    });
    let (threads, drain) = (public.threads, public.drain);
    Box::new(Accepting { name: "gateway", carrier, bound, threads, drain, ready: Some(adopt) })
}

/// The service for operators.
pub fn operator_service(
    operator: Operator,
    bound: Bound,
    drain: watch::Receiver<bool>,
) -> Box<dyn ServiceWithDependents> {
    let carrier = Operations::new(operator, drain.clone());
    let bound = vec![bound];
    Box::new(Accepting { name: "operations", carrier, bound, threads: 1, drain, ready: None })
}
