//! Connections, as many as the settings allow, on a runtime of their own.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use deadpool_postgres::{
    Connect, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime as PoolRuntime,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::settings::PostgresSettings;

/// The pool. What drives its connections is a thread that lives as long as it does, whichever runtime
/// asked for them.
pub(crate) struct Connections {
    pool: Pool,
    connector: Connector,
    runtime: Option<Runtime>,
}

impl Drop for Connections {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Connections {
    pub(crate) fn new(settings: PostgresSettings) -> Result<Self, String> {
        let config = settings.config().map_err(|fault| format!("its URL is wrong: {fault}"))?;
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("store").enable_all().build();
        let runtime = runtime.map_err(|fault| format!("no runtime can be made: {fault}"))?;
        let tls = MakeRustlsConnect::new(tls(&settings)?);
        let connector = Connector {
            settings: Arc::new(settings.clone()),
            config: config.clone(),
            runtime: runtime.handle().clone(),
            tls,
        };
        // A connection that is closed is seen; one that is not is found out by whoever uses it.
        let manager_config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_connect(config, connector.clone(), manager_config);
        let pool = Pool::builder(manager)
            .max_size(settings.connections_max)
            .runtime(PoolRuntime::Tokio1)
            .wait_timeout(Some(settings.timeout))
            .create_timeout(Some(settings.timeout))
            .build()
            .map_err(|fault| fault.to_string())?;
        Ok(Self { pool, connector, runtime: Some(runtime) })
    }

    pub(crate) async fn take(&self) -> Result<Object, PoolError> {
        self.pool.get().await
    }

    /// Where its connections live.
    pub(crate) fn runtime(&self) -> Handle {
        self.connector.runtime.clone()
    }

    /// For a connection that is in no pool.
    pub(crate) fn connector(&self) -> Connector {
        self.connector.clone()
    }

    /// Gives up those that nobody uses.
    pub(crate) fn forget(&self) {
        self.pool.retain(|_, _| false);
    }
}

/// Makes connections on a runtime that stays.
#[derive(Clone)]
pub(crate) struct Connector {
    settings: Arc<PostgresSettings>,
    config: Config,
    runtime: Handle,
    tls: MakeRustlsConnect,
}

impl Connector {
    /// As the URL says it now, where it is in a file. What cannot be read leaves it as it was.
    fn config(&self) -> Config {
        match self.settings.config_from_file() {
            Some(Ok(config)) => config,
            Some(Err(fault)) => {
                tracing::warn!(error = fault, "the URL of the database cannot be read anew");
                self.config.clone()
            }
            None => self.config.clone(),
        }
    }

    /// Connects; whatever the server notifies of is told to `notified`.
    pub(crate) async fn open(
        &self,
        notified: Option<Arc<Notify>>,
    ) -> Result<(Client, JoinHandle<()>), Error> {
        let (config, tls) = (self.config(), self.tls.clone());
        let connecting = self.runtime.spawn(async move {
            let (client, mut connection) = config.connect(tls).await?;
            let driver = tokio::spawn(async move {
                loop {
                    match poll_fn(|context| connection.poll_message(context)).await {
                        Some(Ok(AsyncMessage::Notification(_))) => {
                            notified.iter().for_each(|notified| notified.notify_one());
                        }
                        Some(Ok(AsyncMessage::Notice(notice))) => {
                            tracing::debug!(notice = notice.message(), "the database says");
                        }
                        Some(Ok(_)) => {}
                        Some(Err(fault)) => {
                            return tracing::debug!(error = %fault, "a connection to the database ended");
                        }
                        None => return,
                    }
                }
            });
            Ok((client, driver))
        });
        match connecting.await {
            Ok(connected) => connected,
            // The runtime is gone, and with it whoever could wait for this.
            Err(_) => std::future::pending().await,
        }
    }
}

type Connecting<'a> = Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + 'a>>;

impl Connect for Connector {
    fn connect(&self, _: &Config) -> Connecting<'_> {
        Box::pin(self.open(None))
    }
}

/// Authorities of one's own, or those that are generally believed.
fn tls(settings: &PostgresSettings) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match &settings.ca_file {
        Some(path) => {
            let shown = path.display();
            let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
            let certificates: Vec<_> = certificates.map_err(|fault| format!("{shown}: {fault}"))?;
            if certificates.is_empty() {
                return Err(format!("{shown} has no certificate"));
            }
            for certificate in certificates {
                roots.add(certificate).map_err(|fault| format!("{shown}: {fault}"))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|fault| fault.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
