//! What a run leaves behind: always in `target`, and of a whole run of the release profile in `docs`.

use std::path::{Path, PathBuf};

use crate::guide::{BEGIN, END, renewed};
use crate::options::Options;
use crate::programs::profile;

/// Figures of another build are none.
pub(crate) const PROFILE: &str = "release";

pub(crate) fn store(
    options: &Options,
    text: &str,
    picture: Option<&str>,
    overview: &str,
) -> Result<(), String> {
    folder("target/compare", text, picture)?;
    if options.stores() && profile() == PROFILE {
        folder("docs/performance", text, picture)?;
        renew(&project().join("docs/performance.md"), overview)?;
    }
    Ok(())
}

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// The tables, and the picture beside them.
fn folder(folder: &str, text: &str, picture: Option<&str>) -> Result<(), String> {
    let folder = project().join(folder);
    std::fs::create_dir_all(&folder).map_err(|fault| format!("{}: {fault}", folder.display()))?;
    let title = "# The comparison\n\nMade by `./dev bench compare`; a full run replaces it.\n\n";
    let shown = if picture.is_some() { "![CPU time for each request](compare.svg)\n\n" } else { "" };
    write(&folder.join("compare.md"), &format!("{title}{shown}{text}"))?;
    picture.map_or(Ok(()), |picture| write(&folder.join("compare.svg"), picture))
}

/// The guide has the same overview as the tables.
fn renew(guide: &Path, overview: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(guide).map_err(|fault| format!("{}: {fault}", guide.display()))?;
    let text = renewed(&text, overview);
    let text = text.ok_or_else(|| format!("{}: `{BEGIN}` and `{END}` are missing", guide.display()))?;
    write(guide, &text)
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|fault| format!("{}: {fault}", file.display()))?;
    eprintln!("stored {}", file.display());
    Ok(())
}
