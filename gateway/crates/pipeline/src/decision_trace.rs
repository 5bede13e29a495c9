//! What was decided step by step: in words for whoever asks why, and with times for who traces.
//! Neither is written unless asked for.

use std::time::Duration;

use gateway_clock::Stopwatch;

/// The way of one decision; silent unless asked for, and then it costs nothing.
#[derive(Debug, Default)]
pub struct DecisionTrace {
    steps: Option<Vec<Step>>,
    times: Option<Times>,
    waited: Duration,
}

/// One stage and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub stage: &'static str,
    pub finding: String,
}

/// When one stage began and ended, since the first one began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    pub name: &'static str,
    pub began: Duration,
    pub ended: Duration,
}

/// All stages, in their order.
const STAGES: [&str; 6] = ["route", "token", "verify", "revocation", "limit", "authorize"];

#[derive(Debug)]
struct Times {
    since: Stopwatch,
    stages: Vec<Stage>,
}

impl DecisionTrace {
    pub fn silent() -> Self {
        Self::default()
    }

    /// Also in words.
    pub fn written(self) -> Self {
        Self { steps: Some(Vec::new()), ..self }
    }

    /// Also with times.
    pub fn timed(self) -> Self {
        Self { times: Some(Times { since: Stopwatch::start(), stages: Vec::new() }), ..self }
    }

    /// A stage is over, and this came of it.
    pub(super) fn note(&mut self, stage: &'static str, finding: impl FnOnce() -> String) {
        self.reason(stage, finding);
        if let Some(times) = &mut self.times {
            let began = times.stages.last().map_or(Duration::ZERO, |stage| stage.ended);
            times.stages.push(Stage { name: stage, began, ended: times.since.elapsed() });
        }
    }

    /// What is to be said of the stage that runs: only in words, for it has not come to its end.
    pub(super) fn reason(&mut self, stage: &'static str, finding: impl FnOnce() -> String) {
        if let Some(steps) = &mut self.steps {
            steps.push(Step { stage, finding: finding() });
        }
    }

    /// The decision ended in a refusal: the stage that it ended in is the one after the last.
    pub fn broke_off(&mut self) {
        if let Some(times) = &mut self.times {
            let last = times.stages.last();
            let next = last.map_or(0, |last| {
                STAGES.iter().position(|name| *name == last.name).map_or(0, |place| place + 1)
            });
            let began = last.map_or(Duration::ZERO, |stage| stage.ended);
            if let Some(name) = STAGES.get(next) {
                times.stages.push(Stage { name, began, ended: times.since.elapsed() });
            }
        }
    }

    /// The decision had to wait for somebody else.
    pub fn waited(&mut self, time: Duration) {
        self.waited += time;
    }

    /// For how long it waited for somebody else.
    pub fn wait(&self) -> Duration {
        self.waited
    }

    /// `None` where nobody asked.
    pub fn steps(&self) -> Option<&[Step]> {
        self.steps.as_deref()
    }

    /// The stages that were gone through; empty where nobody asked.
    pub fn stages(&self) -> &[Stage] {
        self.times.as_ref().map_or(&[], |times| &times.stages)
    }
}
