//! Reads the configuration from its four places, and says everything that is wrong with it.

#[cfg(test)]
mod fuzz;

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Serialized};
use figment::value::Dict;

use super::file::File;
use super::finding::Finding;
use super::fingerprint::named;
use super::places::Places;
use super::read_once::{Text, again, called};
use super::{shape, variables};
use gateway_store_sled::is_store;

/// What the command line sets, above everything else.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub listen: Option<String>,
    pub operations_listen: Option<String>,
    pub store_path: Option<PathBuf>,
}

/// Where a configuration comes from, so that it can be read again.
#[derive(Clone, Debug)]
pub struct Source {
    /// `-` is standard input; `None` where nothing is written, and all is as it comes.
    pub path: Option<PathBuf>,
    pub flags: Flags,
    /// Where variables are read from.
    pub environment: fn(&str) -> Option<String>,
}

impl Source {
    pub fn load(&self) -> Loaded {
        load(self.path.as_deref(), &self.flags)
    }

    /// The same once more, where nothing in it is a pipe: nobody waits for what never comes, and
    /// what was read before is not taken for nothing.
    pub fn load_again(&self) -> Result<Loaded, Vec<String>> {
        self.can_be_read_again().map_err(|fault| vec![fault])?;
        let loaded = self.load();
        let faults: Vec<_> = named(&loaded.file).iter().filter_map(|path| again(path).err()).collect();
        if faults.is_empty() { Ok(loaded) } else { Err(faults) }
    }

    pub fn can_be_read_again(&self) -> Result<(), String> {
        self.path.as_deref().map_or(Ok(()), again)
    }
}

/// What could be read of a configuration, and what was wrong with the rest.
pub struct Loaded {
    pub file: File,
    pub faults: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) places: Places,
    /// Lists of which nothing could be read, since something is wrong with an entry.
    pub(super) unread: Vec<&'static str>,
    /// Whether there is a text at all, and it is TOML: of nothing, nothing else can be said.
    pub(super) is_readable: bool,
}

impl Loaded {
    /// The faults, each with its place.
    pub fn told(&self) -> Vec<String> {
        let told = |fault: &String| Finding::new(fault.clone(), &self.file, &self.places).to_string();
        self.faults.iter().map(told).collect()
    }
}

/// Flag over environment (`GATEWAY__SECTION__KEY`) over file over default. All faults at once,
/// each with its place and what was probably meant; a section that has one is left at its default.
pub fn load(path: Option<&Path>, flags: &Flags) -> Loaded {
    let (mut faults, mut is_readable) = (Vec::new(), true);
    let mut figment = Figment::from(Serialized::defaults(File::default()));
    let text = path.map(Text::read);
    let read = text.as_ref().and_then(|text| text.as_ref().ok());
    let places = path.map(|path| Places::of_file(called(path), read)).unwrap_or_default();
    let warnings = variables::unread(std::env::vars_os());
    if let (Some(path), Some(text)) = (path, &text) {
        match text {
            Ok(text) => {
                let nothing = text.says_nothing();
                is_readable = nothing.is_none();
                faults.extend(nothing);
                figment = figment.merge(text);
                match beside(path, &figment) {
                    Ok(None) => {}
                    Ok(Some(store)) => figment = figment.merge(Serialized::default("store.path", store)),
                    Err(fault) => faults.push(fault),
                }
            }
            Err(fault) => {
                is_readable = false;
                faults.push(fault.clone());
            }
        }
    }
    figment = figment.merge(Env::prefixed("GATEWAY__").split("__"));
    for (key, value) in [("server.listen", &flags.listen), ("operations.listen", &flags.operations_listen)] {
        if let Some(value) = value {
            figment = figment.merge(Serialized::default(key, value));
        }
    }
    if let Some(path) = &flags.store_path {
        figment = figment.merge(Serialized::default("store.path", path));
    }
    let written = match figment.extract::<Dict>() {
        Ok(written) => written,
        Err(fault) => {
            // The file is no TOML: nothing more can be said of it.
            faults.push(read.map_or_else(|| fault.to_string(), |text| text.misread(&fault)));
            let unread = vec!["upstreams", "issuers", "routes"];
            return Loaded { file: File::default(), faults, warnings, places, unread, is_readable: false };
        }
    };
    let places = places.with(figment, written.clone());
    // A value that was dropped leaves no default behind.
    let fitting = Figment::from(Serialized::defaults(File::default()));
    let fitting = fitting.merge(Serialized::defaults(shape::fitting(written, &mut faults)));
    let file = File {
        server: section(&fitting, "server", &mut faults),
        listeners: section(&fitting, "listeners", &mut faults),
        operations: section(&fitting, "operations", &mut faults),
        api: section(&fitting, "api", &mut faults),
        log: section(&fitting, "log", &mut faults),
        traces: section(&fitting, "traces", &mut faults),
        store: section(&fitting, "store", &mut faults),
        redis: section(&fitting, "redis", &mut faults),
        tokens: section(&fitting, "tokens", &mut faults),
        refresh: section(&fitting, "refresh", &mut faults),
        cookies: section(&fitting, "cookies", &mut faults),
        verify: section(&fitting, "verify", &mut faults),
        password: section(&fitting, "password", &mut faults),
        registration: section(&fitting, "registration", &mut faults),
        audit: section(&fitting, "audit", &mut faults),
        limits: section(&fitting, "limits", &mut faults),
        mail: section(&fitting, "mail", &mut faults),
        webhook: section(&fitting, "webhook", &mut faults),
        cors: section(&fitting, "cors", &mut faults),
        issuers: section(&fitting, "issuers", &mut faults),
        upstreams: section(&fitting, "upstreams", &mut faults),
        routes: section(&fitting, "routes", &mut faults),
    };
    let lists = [
        ("upstreams", file.upstreams.is_empty()),
        ("issuers", file.issuers.is_empty()),
        ("routes", file.routes.is_empty()),
    ];
    let unread = lists.into_iter().filter(|(name, is_empty)| *is_empty && places.has_entries(name));
    let unread = unread.map(|(name, _)| name).collect();
    Loaded { file, faults, warnings, places, unread, is_readable }
}

/// Where a relative `store.path` lies: beside the file that says so, wherever the command was started.
/// By the working directory, another start would make a new, empty store with new keys.
fn beside(file: &Path, written: &Figment) -> Result<Option<PathBuf>, String> {
    let Ok(path) = written.extract_inner::<PathBuf>("store.path") else { return Ok(None) };
    let absolute = std::path::absolute(file).ok().filter(|file| file.is_file());
    let Some(folder) = absolute.as_deref().and_then(Path::parent).filter(|_| path.is_relative()) else {
        return Ok(None);
    };
    let (beside, here) = (folder.join(&path), std::path::absolute(&path).unwrap_or_default());
    if is_store(&here) && !is_store(&beside) {
        return Err(format!(
            "store.path = \"{}\" is {}, as it goes by the folder of the configuration; there is no store there, and one in {}: write store.path = \"{}\"",
            path.display(),
            beside.display(),
            here.display(),
            here.display()
        ));
    }
    Ok(Some(beside))
}

/// What is still wrong with values of the right kind: an entry lacks a key, or a number is too large.
fn section<T: Default + serde::de::DeserializeOwned>(
    fitting: &Figment,
    name: &str,
    faults: &mut Vec<String>,
) -> T {
    fitting.extract_inner(name).unwrap_or_else(|all| {
        for fault in all {
            // Figment puts the name that was asked for behind the path below it.
            let mut keys = fault.path.clone();
            let asked_for = keys.pop();
            keys.splice(0..0, asked_for);
            let path: String = keys.iter().map(|key| key_of(key)).collect();
            let path = path.trim_start_matches('.');
            match &fault.kind {
                Kind::MissingField(field) if is_told(faults, path, field) => {}
                Kind::MissingField(field) => {
                    faults.push(format!("`{path}` has no `{field}`: write {field} = \"…\""));
                }
                kind => faults.push(format!("`{path}`: {kind}")),
            }
        }
        T::default()
    })
}

fn key_of(key: &str) -> String {
    if key.parse::<usize>().is_ok() { format!("[{key}]") } else { format!(".{key}") }
}

/// Whether it is missing only because what was written in its place is no good.
fn is_told(faults: &[String], path: &str, field: &str) -> bool {
    let (here, meant) = (format!("`{path}."), format!("did you mean `{field}`?"));
    let itself = format!("`{path}.{field}`");
    faults
        .iter()
        .any(|fault| fault.starts_with(&itself) || fault.starts_with(&here) && fault.contains(&meant))
}
