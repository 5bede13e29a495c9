//! docs/applications.md says what is run: each row is an example, and a test that makes these settings.

use std::collections::BTreeSet;
use std::fs::{read_dir, read_to_string};

use super::stage::{beside, examples};
use crate::support::project;

/// What a row says of an application.
struct Row {
    /// Its example, without the ending.
    name: String,
    /// Packages with their versions, where we choose them.
    packages: Vec<String>,
    /// On its own side.
    own: Vec<String>,
    /// On the gateway's: lines of its upstream and route.
    route: Vec<String>,
}

/// What stands between backticks.
fn code(cell: &str) -> Vec<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn rows() -> Vec<Row> {
    let page = read_to_string(project().join("docs/applications.md")).unwrap();
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [application, own, route, _client] = cells[..] else { return None };
        let (_, example) = application.split_once("(../conf/examples/applications/")?;
        let name = example.split_once(".toml)")?.0.to_owned();
        Some(Row { name, packages: code(application), own: code(own), route: code(route) })
    });
    rows.collect()
}

/// The sources of an application's test.
fn sources(name: &str) -> String {
    let stem = name.replace('-', "_");
    let files = read_dir(beside("")).unwrap().map(|entry| entry.unwrap());
    let its = files.filter(|file| file.file_name().to_str().unwrap().starts_with(&stem));
    its.map(|file| read_to_string(file.path()).unwrap()).collect()
}

/// The lines of an example's upstream and route that do not only say where it is.
fn route(name: &str) -> BTreeSet<String> {
    let example = read_to_string(examples().join(format!("{name}.toml"))).unwrap();
    let (_, route) = example.split_once("[[upstreams]]\n").unwrap();
    let place = ["name = ", "address = ", "[[routes]]", "path = ", "upstream = ", "#"];
    let lines = route.lines().filter(|line| !line.is_empty());
    lines.filter(|line| !place.iter().any(|begin| line.starts_with(begin))).map(str::to_owned).collect()
}

#[test]
fn each_application_of_the_table_has_an_example_and_a_test() {
    let files = read_dir(examples()).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<_> =
        files.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let named: BTreeSet<_> = rows().into_iter().map(|row| row.name).collect();
    assert_eq!(named, files);
    assert!(named.len() >= 10, "{named:?}");
    for name in named {
        let test = format!("Stage::before(\"{name}\"");
        assert!(sources(&name).contains(&test), "{name} is not run");
    }
}

#[test]
fn the_settings_of_the_table_are_those_that_are_run() {
    let dev = read_to_string(project().join("dev")).unwrap();
    for Row { name, packages, own, route: said } in rows() {
        assert_eq!(said.into_iter().collect::<BTreeSet<_>>(), route(&name), "{name}");
        let sources = sources(&name);
        for setting in own {
            assert!(sources.contains(&setting), "{name}: `{setting}` is not what the test sets");
        }
        for package in packages {
            assert!(dev.contains(&package), "{name}: `{package}` is not what `dev` installs");
        }
    }
}
