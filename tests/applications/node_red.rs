//! Node-RED: its editor in a browser, which deploys a flow and hears of it over a WebSocket.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::stage::{Go, Run, Stage, answers};
use crate::support::application::Application;
use crate::support::tools::application_node;

/// The editor, and what flows serve, below the path.
const SETTINGS: &str = "module.exports = { uiHost: '127.0.0.1', httpRoot: '/node-red', telemetry: { enabled: false, updateNotification: false } };\n";

fn served() -> Application {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("settings.js"), SETTINGS).unwrap();
    let command = |folder: &Path, port: u16| {
        let mut command = Command::new("node");
        command.arg(application_node("node-red/red.js")).env("HOME", folder).current_dir(folder);
        command.args(["--userDir", folder.to_str().unwrap(), "--port", &port.to_string()]);
        command
    };
    Application::start(folder, command, |address| answers(address, "/node-red/settings"))
}

#[test]
fn node_red_deploys_a_flow_and_tells_the_editor_over_a_web_socket() {
    if !super::asked_for() {
        return;
    }
    let service = served();
    let stage = Stage::before("node-red", service.address);
    stage.refuses_strangers("/node-red/flows");
    let editor = "until(() => document.querySelector('#red-ui-palette-container .red-ui-palette-node')).then(() => 'shown')";
    let hears = "new Promise((told) => { window.socket = new WebSocket(`wss://${location.host}/node-red/comms`); socket.onopen = () => { socket.send(JSON.stringify({ subscribe: 'notification/#' })); told('open'); }; window.heard = []; socket.onmessage = (message) => heard.push(message.data); socket.onerror = () => told('refused'); })";
    let deploys = "fetch('/node-red/flows', {method: 'POST', headers: {'Content-Type': 'application/json', 'Node-RED-API-Version': 'v1'}, body: JSON.stringify([{id: 't', type: 'tab', label: 't'}, {id: 'a', z: 't', type: 'http in', url: '/hello', method: 'get', wires: [['b']]}, {id: 'b', z: 't', type: 'template', field: 'payload', syntax: 'plain', template: 'from a flow', wires: [['c']]}, {id: 'c', z: 't', type: 'http response', wires: []}])}).then((answer) => answer.status)";
    let told = "until(() => heard.find((one) => one.includes('runtime-deploy'))).then(() => 'told')";
    let flow = "fetch('/node-red/hello').then((answer) => answer.text())";
    let scripts = [editor, hears, deploys, told, flow].map(Run);
    let results = stage.browse(&std::iter::once(Go("/node-red/")).chain(scripts).collect::<Vec<_>>());
    let expected = [json!("shown"), json!("open"), json!(204), json!("told"), json!("from a flow")];
    assert_eq!(results, expected, "{}", service.log());
}
