//! What a gateway wrote into its log, line by line.

use serde_json::Value;

use super::eventually;
use super::gateway::Gateway;

impl Gateway {
    /// The lines that are whole by now; each must be a JSON object.
    pub fn lines(&self) -> Vec<Value> {
        let log = self.log();
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"));
        whole.lines().map(parse).collect()
    }

    /// The first line whose message has these words, once it is there.
    #[track_caller]
    pub fn line(&self, words: &str) -> Value {
        let mut found = None;
        eventually(&format!("a line `{words}` was logged"), || {
            let has = |line: &Value| line["message"].as_str().is_some_and(|message| message.contains(words));
            found = self.lines().into_iter().find(has);
            found.is_some()
        });
        found.unwrap()
    }
}
