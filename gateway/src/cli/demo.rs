//! `gateway demo`: the gateway in front of a small todo service, with nothing to set up.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::SecretString;
use tokio::sync::oneshot;

use super::serve::{announce, logged, make_folder, prepare};
use crate::startup::{Listening, Sockets, run as run_gateway};
use gateway_command::Failure;
use gateway_config::{Flags, KeyPolicy, RouteEntry, Secrets, UpstreamEntry, WebhookEntry, check, load};
use gateway_limits::Limiters;

/// `sun_path` of unix(7), less its final zero.
const SOCKET_PATH_BYTES_MAX: usize = 107;

const ADMIN: &str = "admin@example.com";

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Listen here [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Operators' listener: metrics, health, readiness [default: 127.0.0.1:9090]
    #[arg(long, value_name = "ADDR")]
    ops: Option<String>,
    /// Where accounts, todos and keys are kept
    #[arg(long, value_name = "DIR", default_value = "demo-data")]
    data: PathBuf,
}

pub(super) fn run(arguments: Arguments) -> Result<(), Failure> {
    make_folder(&arguments.data)?;
    let data = std::path::absolute(&arguments.data).map_err(|fault| Failure::Other(fault.to_string()))?;
    let store_path = data.join("gateway");
    make_folder(&store_path)?;
    let flags =
        Flags { listen: arguments.listen, operations_listen: arguments.ops, store_path: Some(store_path) };
    let mut loaded = load(None, &flags);
    let (socket, _folder) = socket_path(&data)?;
    loaded.file.upstreams.push(UpstreamEntry::new("todo", format!("unix:{}", socket.display())));
    loaded.file.routes.push(RouteEntry::new("todos", "/api/todos", "todo"));
    let mut secrets = Secrets::read(&gateway_command::environment).map_err(Failure::Configuration)?;
    // The demo needs no other service, and uses none that happens to be in the environment.
    secrets.redis_url = None;
    secrets.database_url = None;
    let password = first_admin(&mut secrets)?;
    // Both ends begin with this process, so the secret is of this start and kept nowhere.
    let shared = format!("whsec_{}", STANDARD.encode(random::<32>()?));
    loaded.file.webhook = WebhookEntry::through(&socket, "http://todo/webhooks/gateway");
    secrets.webhook_secret = Some(SecretString::from(shared.clone()));
    let limiters = Arc::new(Limiters::default());
    let checked =
        check(loaded, Ok(secrets), KeyPolicy::MakeWhereMissing, &limiters).map_err(Failure::Configuration)?;
    super::serve::begin_log(&checked)?;
    prepare(&checked);
    let sockets = Sockets::bind(&checked, &|_| None).map_err(logged)?;
    let backend = Backend::start(&data.join("todos"), &socket, &shared)?;
    let outcome = run_gateway(checked, None, limiters, sockets, move |listening: Listening| {
        let password = password.as_deref().filter(|_| listening.made_admin);
        // A file that cannot be read back can still be used.
        introduce(&listening, &data, password).ok();
        announce(&listening);
    });
    backend.stop();
    outcome.map_err(logged)
}

/// The socket lies in the data folder. Where that folder's path is too long for a socket, it is
/// named through the open folder, which must stay open as long.
fn socket_path(data: &Path) -> Result<(PathBuf, Option<std::fs::File>), Failure> {
    use std::os::fd::AsRawFd as _;
    use std::os::unix::ffi::OsStrExt as _;
    let socket = data.join("todo.sock");
    if socket.as_os_str().as_bytes().len() <= SOCKET_PATH_BYTES_MAX {
        return Ok((socket, None));
    }
    let folder = std::fs::File::open(data);
    let folder = folder.map_err(|fault| Failure::Other(format!("{}: {fault}", data.display())))?;
    Ok((format!("/proc/self/fd/{}/todo.sock", folder.as_raw_fd()).into(), Some(folder)))
}

/// A random password for the first administrator, unless the environment names one. Where there
/// is an administrator already, it is not used.
fn first_admin(secrets: &mut Secrets) -> Result<Option<String>, Failure> {
    if secrets.admin_email.is_some() || secrets.admin_password.is_some() {
        return Ok(None);
    }
    // Fifteen random bytes are 120 bits; the prefix is what the password rules ask for.
    let password = format!("Aa1-{}", URL_SAFE_NO_PAD.encode(random::<15>()?));
    secrets.admin_email = Some(ADMIN.to_owned());
    secrets.admin_password = Some(SecretString::from(password.clone()));
    Ok(Some(password))
}

fn random<const BYTES: usize>() -> Result<[u8; BYTES], Failure> {
    let mut random = [0; BYTES];
    let source = std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut random));
    source.map_err(|fault| Failure::Other(format!("/dev/urandom: {fault}")))?;
    Ok(random)
}

/// What a newcomer reads first; on standard error, as standard output has one line for programs.
fn introduce(listening: &Listening, data: &Path, password: Option<&str>) -> std::io::Result<()> {
    let mut out = std::io::stderr().lock();
    let operations = listening.operations;
    let base = listening.public.first().map(|(public, _)| format!("http://{public}")).unwrap_or_default();
    let json = "-H 'Content-Type: application/json'";
    writeln!(out)?;
    writeln!(out, "  The gateway protects /api/todos and owns /api/auth   {base}")?;
    writeln!(out, "  Metrics, health and readiness                        http://{operations}/metrics")?;
    writeln!(out, "  Accounts, todos and keys                             {}", data.display())?;
    let outbox = data.join("gateway").join("outbox");
    writeln!(out, "  Mails, as nobody sends them                          {}", outbox.display())?;
    writeln!(out, "  Insecure about this: no TLS, so keep it on this machine")?;
    if cfg!(debug_assertions) {
        writeln!(
            out,
            "  Slow about this: built without optimisation; `./dev release` builds what to measure"
        )?;
    }
    match password {
        Some(password) => writeln!(out, "  Administrator   {ADMIN}   {password}   (shown this once)")?,
        None => writeln!(out, "  The administrator was made at an earlier start, or by GATEWAY_ADMIN_EMAIL")?,
    }
    writeln!(out)?;
    writeln!(out, "  Try, line by line:")?;
    writeln!(out)?;
    writeln!(out, "curl -i {base}/api/todos")?;
    writeln!(
        out,
        "curl -i {base}/api/auth/register {json} -d '{{\"email\":\"ada@example.com\",\"password\":\"Analytical1\",\"first_name\":\"Ada\"}}'"
    )?;
    writeln!(
        out,
        "TOKEN=$(curl -s {base}/api/auth/login {json} -d '{{\"email\":\"ada@example.com\",\"password\":\"Analytical1\"}}' | sed 's/.*\"access_token\":\"\\([^\"]*\\)\".*/\\1/')"
    )?;
    writeln!(
        out,
        "curl -i {base}/api/todos {json} -H \"Authorization: Bearer $TOKEN\" -d '{{\"title\":\"Write the first program\"}}'"
    )?;
    writeln!(out, "curl -i {base}/api/todos -H \"Authorization: Bearer $TOKEN\"")?;
    writeln!(out, "curl -i -X POST {base}/api/auth/logout -H \"Authorization: Bearer $TOKEN\"")?;
    writeln!(out, "curl -i {base}/api/todos -H \"Authorization: Bearer $TOKEN\"")?;
    writeln!(out)?;
    out.flush()
}

/// The todo service on a thread and a runtime of its own, behind a socket in the data folder.
struct Backend {
    stop: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Backend {
    /// Opens the store and binds the socket before it returns: what is wrong is said at once.
    fn start(folder: &Path, socket: &Path, webhook: &str) -> Result<Self, Failure> {
        let other = |fault: &dyn std::fmt::Display| Failure::Other(format!("todo service: {fault}"));
        make_folder(folder)?;
        let store = todo_backend::Store::open(folder).map_err(|fault| other(&fault))?;
        let webhook = todo_backend::Secret::parse(webhook).map_err(|fault| other(&fault))?;
        let service = todo_backend::Service { store, webhook: Some(webhook) };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(|fault| other(&fault))?;
        let bound = {
            let _context = runtime.enter();
            todo_backend::Listening::on_path(socket).map_err(|fault| other(&fault))?
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::Builder::new().name("todo-backend".to_owned()).spawn(move || {
            let stopped = async {
                // An error says that the sender is gone, which means the same.
                stopped.await.ok();
            };
            if let Err(fault) = runtime.block_on(bound.serve(service, stopped)) {
                tracing::error!(error = %fault, "the todo service ended");
            }
        });
        Ok(Self { stop, thread: thread.map_err(|fault| other(&fault))? })
    }

    fn stop(self) {
        // Both fail only when the thread has ended already.
        self.stop.send(()).ok();
        self.thread.join().ok();
    }
}
