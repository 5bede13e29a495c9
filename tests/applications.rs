//! Real applications behind the gateway, set up as docs/applications.md says, and used by their own
//! clients: over HTTPS, by a name that no application knows, below a path of its own.
//!
//! Those that take long to install are run by `./dev applications`.

mod calibre_web;
mod django;
mod git;
mod gradio;
mod jupyterlab;
mod mlflow;
mod node_red;
mod prometheus;
mod radicale;
mod servers;
mod stage;
mod streamlit;
mod table;
mod verdaccio;
mod webdav;

/// Whether those that `./dev applications` installs are to be run.
fn asked_for() -> bool {
    let asked = std::env::var_os("APPLICATIONS").is_some();
    if !asked {
        println!("left out: `./dev applications` runs it");
    }
    asked
}
