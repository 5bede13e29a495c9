//! How a command reaches the accounts: through the socket of a running gateway, or, where none runs,
//! by opening its store. Both ways are the same endpoints.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::startup::{SOCKET, Stopped};
use gateway_api::{Client, Content};
use gateway_command::Failure;
use gateway_config::{Checked, Flags, KeyPolicy, Secrets, check, load, owned_by_another};
use gateway_limits::Limiters;
use gateway_problem::Problem;

/// Where the accounts are.
#[derive(Clone, clap::Args)]
#[group(required = true, multiple = false)]
pub(super) struct Place {
    /// The gateway's configuration, which names its store
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The store's folder (store.path), in place of a configuration; that of a demo is
    /// demo-data/gateway
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// The way to the endpoints.
pub(super) struct Line {
    runtime: Runtime,
    way: Way,
}

enum Way {
    Running(PathBuf),
    Stopped(Box<Stopped>),
}

impl Place {
    /// One of the two, as the command made sure.
    pub(super) fn new(config: Option<PathBuf>, data: Option<PathBuf>) -> Self {
        Self { config, data }
    }

    pub(super) fn open(self) -> Result<Line, Failure> {
        let is_folder_meant = self.data.is_some();
        let flags = Flags { store_path: self.data, ..Flags::default() };
        let mut loaded = load(self.config.as_deref(), &flags);
        // Another store than the one that was meant could be the one of the defaults.
        if !loaded.faults.is_empty() {
            return Err(Failure::Configuration(loaded.told()));
        }
        let folder = loaded.file.store.path.clone();
        if is_folder_meant {
            loaded.file.store.url.clear();
        }
        if let Some(line) = Line::to_running(&folder)? {
            return Ok(line);
        }
        // Nothing is sent from here: whoever has no secrets of mail and webhook needs none.
        let secrets = Secrets::read(&gateway_command::environment).map(|secrets| Secrets {
            // Whoever names a folder means the store in it.
            database_url: secrets.database_url.filter(|_| !is_folder_meant),
            smtp_password: None,
            webhook_secret: None,
            ..secrets
        });
        let has_url = secrets.as_ref().is_ok_and(|secrets| secrets.database_url.is_some());
        let is_shared = !is_folder_meant && (has_url || !loaded.file.store.url.is_empty());
        if !is_shared && !folder.is_dir() {
            return Err(Failure::Other(format!(
                "{}: there is no store here; start the gateway once, or name another folder",
                folder.display()
            )));
        }
        loaded.file.mail = Default::default();
        loaded.file.webhook = Default::default();
        let checked = check(loaded, secrets, KeyPolicy::LookOnly, &Limiters::default());
        Line::to(checked.map_err(Failure::Configuration)?)
    }
}

impl Line {
    /// To the gateway that runs on this store, if one does.
    fn to_running(folder: &Path) -> Result<Option<Self>, Failure> {
        let Some(socket) = socket_of_running(folder) else { return Ok(None) };
        Ok(Some(Self { runtime: runtime()?, way: Way::Running(socket) }))
    }

    /// To the gateway of this configuration, whose store is made where there is none.
    pub(super) fn to(checked: Checked) -> Result<Self, Failure> {
        if let Some(line) = Self::to_running(&checked.store_path)? {
            return Ok(line);
        }
        let runtime = runtime()?;
        refuse_stranger(&checked.store_path)?;
        let stopped = runtime.block_on(Stopped::open(checked)).map_err(Failure::Other)?;
        Ok(Self { runtime, way: Way::Stopped(Box::new(stopped)) })
    }
}

fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|fault| Failure::Other(format!("no runtime can be made: {fault}")))
}

/// Files that another user makes in the folder would keep its owner's gateway from starting.
pub(super) fn refuse_stranger(folder: &Path) -> Result<(), Failure> {
    let Some((owner, me)) = owned_by_another(folder) else { return Ok(()) };
    Err(Failure::Other(format!(
        "{} belongs to `{owner}`, and this is `{me}`: its gateway could not read what is written here. Run this as its owner, such as by `sudo -u '{owner}'`",
        folder.display(),
    )))
}

/// Of the gateway that runs on the store in this folder, if one does, and may be asked by this user.
pub(crate) fn socket_of_running(folder: &Path) -> Option<PathBuf> {
    Some(folder.join(SOCKET)).filter(|socket| is_answered(socket))
}

/// A socket file may be left over from a gateway that was killed.
fn is_answered(socket: &Path) -> bool {
    let short = socket.parent().and_then(|folder| std::fs::File::open(folder).ok());
    let short = short.as_ref().map(through);
    std::os::unix::net::UnixStream::connect(short.as_deref().unwrap_or(socket)).is_ok()
}

/// The socket by way of its open folder: the name of a socket has little room.
fn through(folder: &std::fs::File) -> PathBuf {
    use std::os::fd::AsRawFd as _;
    PathBuf::from(format!("/proc/self/fd/{}/{SOCKET}", folder.as_raw_fd()))
}

impl Line {
    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.call(Method::GET, path, None)
    }

    /// What the endpoint answers; a refusal of it is a failure in its words.
    pub(super) fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        let other = |fault: String| Failure::Other(fault);
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::HOST, "gateway")
            .header(http::header::CONTENT_TYPE, "application/json")
            .header(http::header::USER_AGENT, concat!("gateway/", env!("CARGO_PKG_VERSION")))
            .body(Bytes::from(text))
            .map_err(|fault| other(fault.to_string()))?;
        let response = match &self.way {
            Way::Running(socket) => self.runtime.block_on(ask(socket, request)).map_err(other)?,
            Way::Stopped(stopped) => {
                let uid = rustix::process::getuid().as_raw();
                self.runtime
                    .block_on(whole(stopped.api.serve(request, Client::operator(uid))))
                    .map_err(other)?
            }
        };
        let status = response.status();
        let answer: Value = serde_json::from_slice(response.body()).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let errors = answer["errors"]
            .as_array()
            .map(|errors| errors.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "));
        let said = answer["error"].as_str().map(str::to_owned).or(errors);
        let code = answer["code"].as_str().unwrap_or("unknown");
        let said = said.unwrap_or_else(|| format!("status {status}"));
        Err(other(format!("{said} ({code})")))
    }

    /// The account that is meant: by its id, or by its address.
    pub(super) fn user(&self, who: &str) -> Result<Value, Failure> {
        let path = if who.contains('@') {
            let email: String = form_urlencoded::byte_serialize(who.as_bytes()).collect();
            format!("/operator/users?email={email}")
        } else if !who.is_empty() && who.bytes().all(|byte| byte.is_ascii_digit()) {
            format!("/api/auth/users/{who}")
        } else {
            return Err(Failure::Other(format!("{who:?} is neither an id nor an address")));
        };
        Ok(self.get(&path)?["user"].take())
    }

    /// All pages of a list, one account after the other.
    pub(super) fn each(
        &self,
        path: &str,
        per_page: u64,
        mut take: impl FnMut(&Value) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for page in 1.. {
            let found = self.get(&format!("{path}?page={page}&per_page={per_page}"))?;
            found["users"].as_array().into_iter().flatten().try_for_each(&mut take)?;
            if page >= found["pagination"]["pages"].as_u64().unwrap_or(0) {
                break;
            }
        }
        Ok(())
    }
}

pub(super) async fn ask(socket: &Path, request: Request<Bytes>) -> Result<http::Response<Bytes>, String> {
    let fault = |fault: &dyn std::fmt::Display| format!("the running gateway cannot be asked: {fault}");
    let folder = socket.parent().map(std::fs::File::open).transpose().map_err(|error| fault(&error))?;
    let short = folder.as_ref().map(through);
    let stream = tokio::net::UnixStream::connect(short.as_deref().unwrap_or(socket)).await;
    let stream = stream.map_err(|error| fault(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| fault(&error))?;
    let driver = tokio::spawn(connection);
    let response = sender.send_request(request.map(Full::new)).await.map_err(|error| fault(&error))?;
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| fault(&error))?.to_bytes();
    driver.abort();
    Ok(http::Response::from_parts(head, body))
}

/// The answer of an endpoint in this process, read to its end.
async fn whole(
    answer: impl Future<Output = (http::Response<Content>, Option<Problem>)>,
) -> Result<http::Response<Bytes>, String> {
    let (head, body) = answer.await.0.into_parts();
    let body = body.collect().await.map_err(|fault| fault.to_string())?;
    Ok(http::Response::from_parts(head, body.to_bytes()))
}

/// A password from a file (`-` is standard input), or typed twice; never from an argument, which all
/// users of the machine can read.
pub(super) fn password(file: Option<&Path>) -> Result<SecretString, Failure> {
    let other = |fault: String| Failure::Other(fault);
    let first_line = |text: String| text.lines().next().unwrap_or_default().to_owned();
    match file {
        Some(file) if file.as_os_str() == "-" => {
            let text = std::io::read_to_string(std::io::stdin()).map_err(|fault| other(fault.to_string()))?;
            Ok(SecretString::from(first_line(text)))
        }
        Some(file) => {
            let text = std::fs::read_to_string(file);
            let text = text.map_err(|fault| other(format!("{}: {fault}", file.display())))?;
            Ok(SecretString::from(first_line(text)))
        }
        None if !std::io::stdin().is_terminal() => Err(other(
            "there is no terminal to ask for the password: name a file, or - for standard input, by --password-file"
                .to_owned(),
        )),
        None => {
            let ask = |prompt| {
                let typed = rpassword::prompt_password(prompt).map(SecretString::from);
                typed.map_err(|fault| other(format!("the password cannot be read: {fault}")))
            };
            let (once, again) = (ask("Password: ")?, ask("The same again: ")?);
            if once.expose_secret() != again.expose_secret() {
                return Err(other("the two are not the same; nothing was changed".to_owned()));
            }
            Ok(once)
        }
    }
}

/// Asks the person at the terminal to type the address of the account that is meant.
pub(super) fn confirm(what: &str, email: &str) -> Result<(), Failure> {
    eprint!("{what}\nType its e-mail address to confirm: ");
    let mut typed = String::new();
    let read = std::io::stdin().read_line(&mut typed);
    if read.is_ok() && typed.trim().eq_ignore_ascii_case(email) {
        return Ok(());
    }
    Err(Failure::Other("that is not its address; nothing was changed".to_owned()))
}

/// A value as a cell; what people wrote cannot command the terminal.
pub(super) fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    };
    text.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}

/// To standard output; a reader that went away is no fault.
pub(super) fn print(text: &str) {
    use std::io::Write as _;
    std::io::stdout().lock().write_all(text.as_bytes()).ok();
}

/// For programs.
pub(super) fn print_json(value: &Value) {
    print(&format!("{}\n", serde_json::to_string_pretty(value).unwrap_or_default()));
}
